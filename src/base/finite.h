/* Looking for values that are not finite (NaN, infinities) in rows of floats. */
#ifndef BASE_FINITE_H
#define BASE_FINITE_H

#include <stdint.h>

/** The first of n rows of `width` floats that holds a NaN or an infinity; n if all are finite. */
int64_t finite_first_bad(const float *values, int64_t n, int64_t width);

#endif
