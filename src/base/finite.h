/* Finds values that are not finite (NaN, infinity) in rows of floats. */
#ifndef BASE_FINITE_H
#define BASE_FINITE_H

#include <stdint.h>

/** Index of the first of n rows of `width` floats that contains a NaN or an infinity; n if all are finite. */
int64_t finite_first_bad(const float *values, int64_t n, int64_t width);

#endif
