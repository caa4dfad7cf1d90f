/* A row of channels to 8 bits and back. */
#include "kernels/quantise.h"

#include <math.h>

#include "kernels/bf16.h"
#include "kernels/kernels.h"

static inline __attribute__((always_inline)) uint8_t to_byte(float steps, float least, float most)
{
    float value = rintf(steps);
    value = value > least ? value : least; /* not-a-number too */
    return (uint8_t)(int)(value < most ? value : most);
}

RESHIFT_KERNEL(void, quantise_f32,
               (uint8_t *restrict a, const float *restrict b, int64_t n, const float *restrict per_unit, float least,
                float most),
               (a, b, n, per_unit, least, most))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = to_byte(b[i] * per_unit[i], least, most);
    }
}

RESHIFT_KERNEL(void, quantise_bf16,
               (uint8_t *restrict a, const uint16_t *restrict b, int64_t n, const float *restrict per_unit, float least,
                float most),
               (a, b, n, per_unit, least, most))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = to_byte(bf16_widen(b[i]) * per_unit[i], least, most);
    }
}

RESHIFT_KERNEL(void, dequantise_u8_f32,
               (float *restrict a, const uint8_t *restrict b, int64_t n, const float *restrict unit), (a, b, n, unit))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = (float)b[i] * unit[i];
    }
}

RESHIFT_KERNEL(void, dequantise_s8_f32,
               (float *restrict a, const int8_t *restrict b, int64_t n, const float *restrict unit), (a, b, n, unit))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = (float)b[i] * unit[i];
    }
}

RESHIFT_KERNEL(void, dequantise_u8_bf16,
               (uint16_t *restrict a, const uint8_t *restrict b, int64_t n, const float *restrict unit),
               (a, b, n, unit))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = bf16_narrow((float)b[i] * unit[i]);
    }
}

RESHIFT_KERNEL(void, dequantise_s8_bf16,
               (uint16_t *restrict a, const int8_t *restrict b, int64_t n, const float *restrict unit), (a, b, n, unit))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = bf16_narrow((float)b[i] * unit[i]);
    }
}
