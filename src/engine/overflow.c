/* Bounds of activations: of layers from their weights, and of values from their bits. */
#include "engine/overflow.h"

#include <math.h>

#include "kernels/magnitude.h"

/* NaN if one of them is. */
static double larger(double a, double b) { return a >= b || isnan(a) ? a : b; }

overflow_gain overflow_gain_of(const float *weights, int64_t rows, int64_t columns, const float *bias)
{
    overflow_gain gain = {0, 0, 0};
    for (int64_t r = 0; r < rows; r++) {
        float sums[2];
        sums_by_sign(weights + r * columns, columns, sums);
        gain.positive = larger(gain.positive, (double)sums[0]);
        gain.negative = larger(gain.negative, (double)sums[1]);
        gain.offset = larger(gain.offset, bias ? fabs((double)bias[r]) : 0);
    }
    return gain;
}

overflow_bound overflow_after(const overflow_gain *gain, overflow_bound x)
{
    const double rounding = 1.01;
    return (overflow_bound){
        .above = rounding * (gain->positive * x.above + gain->negative * x.below + gain->offset),
        .below = rounding * (gain->negative * x.above + gain->positive * x.below + gain->offset),
    };
}

bool overflow_is_safe(overflow_bound bound) { return bound.above <= OVERFLOW_LIMIT && bound.below <= OVERFLOW_LIMIT; }
