/* The kernels of linear.h for three instruction sets, picked at run time. They are written once, in linear_kernels.h.
 */
#include <math.h>
#include <stdbool.h>

#include "base/cpu.h"
#include "kernels/kernels.h"
#include "kernels/linear.h"
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* Groups of columns (64 bytes of a row) by which memory is asked for them before they are wanted. A kilobyte makes a
 * pure read half as fast again here; a whole batch ahead was slower, since no streams are recognised then. */
#define AHEAD 16

typedef float floats_4 __attribute__((vector_size(16), aligned(4), may_alias));

/* Sums [10][16] of a row, lanes halved until one is left. */
static inline void fold_plain(const float sums[LINEAR_CLASSES][LINEAR_LANES], float *out)
{
    for (int c = 0; c < LINEAR_LANES; c++) {
        float lanes[LINEAR_LANES / 2];
        if (c >= LINEAR_CLASSES) {
            out[c] = 0;
            continue;
        }
        for (int l = 0; l < LINEAR_LANES / 2; l++) {
            lanes[l] = sums[c][l] + sums[c][l + LINEAR_LANES / 2];
        }
        for (int half = LINEAR_LANES / 4; half > 0; half /= 2) {
            for (int l = 0; l < half; l++) {
                lanes[l] += lanes[l + half];
            }
        }
        out[c] = lanes[0];
    }
}

#ifdef __x86_64__
static inline __attribute__((always_inline)) floats_4 root_4(floats_4 a) { return (floats_4)_mm_sqrt_ps((__m128)a); }
#else
static inline floats_4 root_4(floats_4 a) { return (floats_4){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])}; }
#endif

#define KERNEL(name) name##_base
#define TARGET
#define VECTOR floats_4
#define WIDTH 4
#define ROWS 1
#define GROUPS 1
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define SQUARE_ROOT(a) root_4(a)
#define BROADCAST(s) ((floats_4){(s), (s), (s), (s)})
#define KEEP(a)
#define FOLD(sums, out) fold_plain(sums, out)
#include "kernels/linear_kernels.h"
#undef KERNEL
#undef TARGET
#undef VECTOR
#undef WIDTH
#undef ROWS
#undef GROUPS
#undef MULTIPLY_ADD
#undef SQUARE_ROOT
#undef BROADCAST
#undef KEEP
#undef FOLD

#ifdef __x86_64__
typedef float floats_8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef float floats_16 __attribute__((vector_size(64), aligned(4), may_alias));

#define KERNEL(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR floats_8
#define WIDTH 8
#define ROWS 1
#define GROUPS 1
#define MULTIPLY_ADD(a, b, c) (floats_8) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define SQUARE_ROOT(a) (floats_8) _mm256_sqrt_ps((__m256)(a))
#define BROADCAST(s) (floats_8) _mm256_set1_ps(s)
#define KEEP(a)
#define FOLD(sums, out) fold_plain(sums, out)
#include "kernels/linear_kernels.h"
#undef KERNEL
#undef TARGET
#undef VECTOR
#undef WIDTH
#undef ROWS
#undef GROUPS
#undef MULTIPLY_ADD
#undef SQUARE_ROOT
#undef BROADCAST
#undef KEEP
#undef FOLD

/*
 * The fold of ten vectors at once: each level adds the halves of two vectors, so that after four levels 16 sums stand
 * side by side. Levels work on quarters of 4 lanes; the last permutation puts class c into place c.
 */
__attribute__((target("avx512f"))) static inline __attribute__((always_inline)) __m512 halves_16(__m512 a, __m512 b)
{
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee)); /* [a: 8, b: 8] */
}

__attribute__((target("avx512f"))) static inline __attribute__((always_inline)) __m512 halves_8(__m512 a, __m512 b)
{
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
}

__attribute__((target("avx512f"))) static inline __attribute__((always_inline)) __m512 halves_4(__m512 a, __m512 b)
{
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
}

__attribute__((target("avx512f"))) static inline __attribute__((always_inline)) __m512 halves_2(__m512 a, __m512 b)
{
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd));
}

__attribute__((target("avx512f"))) static inline __attribute__((always_inline)) void
fold_avx512(float sums[LINEAR_CLASSES][LINEAR_LANES], float *out)
{
    __m512 s[LINEAR_CLASSES], zero = _mm512_setzero_ps();
#pragma GCC unroll 10
    for (int c = 0; c < LINEAR_CLASSES; c++) {
        s[c] = _mm512_load_ps(sums[c]);
    }
    __m512 quarters_0 = halves_8(halves_16(s[0], s[1]), halves_16(s[2], s[3])); /* classes 0 1 2 3, four lanes each */
    __m512 quarters_4 = halves_8(halves_16(s[4], s[5]), halves_16(s[6], s[7]));
    __m512 quarters_8 = halves_8(halves_16(s[8], s[9]), zero);
    __m512 all = halves_2(halves_4(quarters_0, quarters_4), halves_4(quarters_8, zero));
    /* quarter q of `all` holds classes q, q + 4, q + 8, q + 12 */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_ps(out, _mm512_permutexvar_ps(order, all));
}

#define KERNEL(name) name##_avx512
#define TARGET __attribute__((target("avx512f")))
#define VECTOR floats_16
#define WIDTH 16
#define ROWS 2
#define GROUPS 2
#define MULTIPLY_ADD(a, b, c) (floats_16) _mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define SQUARE_ROOT(a) (floats_16) _mm512_sqrt_ps((__m512)(a))
#define BROADCAST(s) (floats_16) _mm512_set1_ps(s)
#define KEEP(a) __asm__("" : "+v"(a))
#define FOLD(sums, out) fold_avx512(sums, out)
#include "kernels/linear_kernels.h"

#include "kernels/linear_bf16.h"

#else
const linear_bf16 *linear_bf16_here(void) { return NULL; }
#endif

void linear_forward(const linear_rows *r, const float *weight, float *out)
{
    RESHIFT_VECTOR_CALL(forward, forward_base, (r, weight, out));
}

void linear_gradient(const linear_rows *r, const float *delta, int64_t stride, float *gradient)
{
    RESHIFT_VECTOR_CALL(gradient, gradient_base, (r, delta, stride, gradient));
}

void linear_descend(const linear_rows *r, const float *delta, int64_t stride, const adam_step *step, float *weight,
                    float *m, float *v)
{
    RESHIFT_VECTOR_CALL(descend, descend_base, (r, delta, stride, step, weight, m, v));
}

#define FORMS(kernel, name)                                                                                            \
    const kernel_form kernel##_forms[] = {KERNEL_FORM("base", 0, name##_base), RESHIFT_VECTOR_ROWS(name){NULL, 0, NULL}}
FORMS(linear_forward, forward);
FORMS(linear_gradient, gradient);
FORMS(linear_descend, descend);

#ifdef __x86_64__
#define FORM_BF16(kernel, name)                                                                                        \
    const kernel_form kernel##_forms[] = {KERNEL_FORM("avx512_bf16", CPU_AVX512 | CPU_BF16, name##_bf16),              \
                                          {NULL, 0, NULL}}
#else
#define FORM_BF16(kernel, name) const kernel_form kernel##_forms[] = {{NULL, 0, NULL}}
#endif
FORM_BF16(linear_bf16_round_row, round_row);
FORM_BF16(linear_bf16_round_weights, round_weights);
FORM_BF16(linear_bf16_round_deltas, round_deltas);
FORM_BF16(linear_bf16_forward, forward);
FORM_BF16(linear_bf16_descend, descend);
