/* Converts elements in another layout (strides, byte order) to C order. */
#ifndef FORMATS_LAYOUT_H
#define FORMATS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/array.h"

/** Strides, in elements, of a contiguous array in C or Fortran order. */
void layout_strides(int n_dims, const int64_t *shape, bool fortran_order, int64_t *stride);

/** True if elements with these strides are contiguous in C order. */
bool layout_is_dense(int n_dims, const int64_t *shape, const int64_t *stride);

/**
 * Copies elements of `size` bytes with strides `stride` (in elements) from `from` to `to` in C order. `swap` reverses
 * the bytes of each element. The caller has checked that all elements are within the buffer.
 */
void layout_copy(size_t size, int n_dims, const int64_t *shape, const int64_t *stride, bool swap, const uint8_t *from,
                 uint8_t *to);

/** One element (native byte order, any alignment) as a double; 64-bit integers are rounded. */
double layout_number(reshift_dtype dtype, const uint8_t *element);

#endif
