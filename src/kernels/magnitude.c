#include "kernels/magnitude.h"

#include <math.h>
#include <string.h>

#include "kernels/vector.h"

enum { LANES = 16 };

/* Magnitudes order as their bits do without the sign; 16 bits of float32's fraction are not needed for a bound. */
static float bound_of(uint16_t bits)
{
    if (bits >= 0x7f80) {
        return INFINITY;
    }
    const uint32_t wide = (uint32_t)bits << 16;
    float magnitude;
    memcpy(&magnitude, &wide, sizeof magnitude);
    return magnitude * (1 + 0x1p-7f) + 0x1p-126f;
}

RESHIFT_KERNEL(float, largest_magnitude_f32, (const float *a, int64_t n), (a, n))
{
    int32_t largest[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        int32_t bits[LANES];
        memcpy(bits, a + i, sizeof bits);
        for (int l = 0; l < LANES; l++) {
            const int32_t own = bits[l] & 0x7fffffff;
            largest[l] = own > largest[l] ? own : largest[l];
        }
    }
    for (; i < n; i++) {
        int32_t own;
        memcpy(&own, a + i, sizeof own);
        own &= 0x7fffffff;
        largest[0] = own > largest[0] ? own : largest[0];
    }
    for (int l = 1; l < LANES; l++) {
        largest[0] = largest[l] > largest[0] ? largest[l] : largest[0];
    }
    return bound_of((uint16_t)(largest[0] >> 16));
}

RESHIFT_KERNEL(float, largest_magnitude_bf16, (const uint16_t *a, int64_t n), (a, n))
{
    int16_t largest[2 * LANES] = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        for (int l = 0; l < 2 * LANES; l++) {
            const int16_t own = (int16_t)(a[i + l] & 0x7fff);
            largest[l] = own > largest[l] ? own : largest[l];
        }
    }
    for (; i < n; i++) {
        const int16_t own = (int16_t)(a[i] & 0x7fff);
        largest[0] = own > largest[0] ? own : largest[0];
    }
    for (int l = 1; l < 2 * LANES; l++) {
        largest[0] = largest[l] > largest[0] ? largest[l] : largest[0];
    }
    return bound_of((uint16_t)largest[0]);
}

RESHIFT_KERNEL(void, sums_by_sign, (const float *a, int64_t n, float sums[2]), (a, n, sums))
{
    float positive[LANES] = {0}, negative[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++) { /* twice the parts; NaN stays NaN */
            positive[l] += fabsf(a[i + l]) + a[i + l];
            negative[l] += fabsf(a[i + l]) - a[i + l];
        }
    }
    for (; i < n; i++) {
        positive[0] += fabsf(a[i]) + a[i];
        negative[0] += fabsf(a[i]) - a[i];
    }
    sums[0] = sums[1] = 0;
    for (int l = 0; l < LANES; l++) {
        sums[0] += positive[l] / 2;
        sums[1] += negative[l] / 2;
    }
}
