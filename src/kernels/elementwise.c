/* Loops over a whole tensor, value by value. */
#include "kernels/elementwise.h"

#include "kernels/bf16.h"
#include "kernels/kernels.h"

RESHIFT_KERNEL(void, relu_f32, (float *a, int64_t n), (a, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = a[i] < 0 ? 0 : a[i];
    }
}

RESHIFT_KERNEL(void, add_f32, (float *restrict a, const float *restrict b, int64_t n), (a, b, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] += b[i];
    }
}

RESHIFT_KERNEL(void, relu_backward_f32, (float *restrict a, const float *restrict b, int64_t n), (a, b, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = b[i] > 0 ? a[i] : 0;
    }
}

/* Negative numbers have the sign bit; the bit patterns above minus infinity's are not-a-number. */
RESHIFT_KERNEL(void, relu_bf16, (uint16_t * a, int64_t n), (a, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = a[i] >= 0x8000 && a[i] <= 0xff80 ? 0 : a[i];
    }
}

RESHIFT_KERNEL(void, add_bf16, (uint16_t *restrict a, const uint16_t *restrict b, int64_t n), (a, b, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = bf16_narrow(bf16_widen(a[i]) + bf16_widen(b[i]));
    }
}

RESHIFT_KERNEL(void, relu_backward_bf16, (uint16_t *restrict a, const uint16_t *restrict b, int64_t n), (a, b, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = b[i] > 0 && b[i] <= 0x7f80 ? a[i] : 0;
    }
}
