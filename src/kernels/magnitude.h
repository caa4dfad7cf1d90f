/*
 * How large values are, at the speed of memory, on the calling thread: for bounds, not for results. Every instruction
 * set gives the same bits.
 */
#ifndef KERNELS_MAGNITUDE_H
#define KERNELS_MAGNITUDE_H

#include <stdint.h>

/**
 * An upper bound of |a|, [n], less than 1 % above the largest (plus 2^-126); infinity where a value is not finite.
 * n = 0: 2^-126.
 */
float largest_magnitude_f32(const float *a, int64_t n);
float largest_magnitude_bf16(const uint16_t *a, int64_t n);

/** sums[0] = sum of the positive values of a [n], sums[1] = sum of the negative ones' magnitudes. NaN gives NaN. */
void sums_by_sign(const float *a, int64_t n, float sums[2]);

#endif
