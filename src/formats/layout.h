/* Elements laid out otherwise than ours (strides, byte order) brought into C order. */
#ifndef FORMATS_LAYOUT_H
#define FORMATS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/array.h"

/** Strides, in elements, of a dense array in C or in Fortran order. */
void layout_strides(int n_dims, const int64_t *shape, bool fortran_order, int64_t *stride);

/** True when elements with these strides stand one after the other in C order. */
bool layout_is_dense(int n_dims, const int64_t *shape, const int64_t *stride);

/**
 * Copies the elements of shape `shape`, `stride` elements of `size` bytes apart in `from`, to `to` in C order, turning
 * every element's bytes around where `swap`. The caller has checked that all of them lie inside.
 */
void layout_copy(size_t size, int n_dims, const int64_t *shape, const int64_t *stride, bool swap, const uint8_t *from,
                 uint8_t *to);

/** One element (native endian, any alignment) as a number; 64-bit integers are rounded. */
double layout_number(reshift_dtype dtype, const uint8_t *element);

#endif
