/*
 * A group is 16 Philox blocks computed side by side: word j of block b stands at place
 * 16 j + 2 (b mod 8) + b / 8, which is how two 64-bit lanes pack into one whatever the width of a vector. From the
 * words on, everything is integers, or float additions, multiplications and square roots in a fixed order with nothing
 * fused: the same bytes on every processor. Compilers do not find the 32x32 -> 64 bit multiplication by themselves, so
 * Philox names it, once an instruction set.
 */
#include "kernels/random_fill.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    BLOCKS = 16,
    GROUP = RANDOM_GROUP, /* words: 4 a block */
    CHUNK = 16            /* groups made before they are turned into numbers: 4 KB */
};

static const uint64_t places[BLOCKS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/*
 * Philox 4x32-10 in vectors of WIDTH 64-bit lanes, one block a lane. Only the low half of a lane counts: multiply_low
 * ignores the high half, so what stands there is never cleared but at the end.
 */
#define PHILOX(NAME, TARGET, VECTOR, WIDTH, multiply_low)                                                              \
    TARGET static void NAME(const uint32_t key[2], const uint32_t counter[4], size_t groups, uint32_t *words)          \
    {                                                                                                                  \
        const uint64_t first = 0xD2511F53u, second = 0xCD9E8D57u;                                                      \
        uint32_t block = counter[0];                                                                                   \
        for (size_t g = 0; g < groups; g++, block += BLOCKS, words += GROUP) {                                         \
            VECTOR c[4][BLOCKS / (WIDTH)];                                                                             \
            for (int v = 0; v < BLOCKS / (WIDTH); v++) {                                                               \
                memcpy(&c[0][v], places + v * (WIDTH), sizeof c[0][v]);                                                \
                c[0][v] += block;                                                                                      \
                for (int j = 1; j < 4; j++) {                                                                          \
                    c[j][v] = (VECTOR){0} + counter[j];                                                                \
                }                                                                                                      \
            }                                                                                                          \
            uint32_t k0 = key[0], k1 = key[1];                                                                         \
            for (int round = 0; round < 10; round++) {                                                                 \
                for (int v = 0; v < BLOCKS / (WIDTH); v++) {                                                           \
                    VECTOR p0 = multiply_low(c[0][v], (VECTOR){0} + first);                                            \
                    VECTOR p1 = multiply_low(c[2][v], (VECTOR){0} + second);                                           \
                    c[0][v] = (p1 >> 32) ^ c[1][v] ^ (uint64_t)k0;                                                     \
                    c[2][v] = (p0 >> 32) ^ c[3][v] ^ (uint64_t)k1;                                                     \
                    c[1][v] = p1;                                                                                      \
                    c[3][v] = p0;                                                                                      \
                }                                                                                                      \
                k0 += 0x9E3779B9u;                                                                                     \
                k1 += 0xBB67AE85u;                                                                                     \
            }                                                                                                          \
            for (int j = 0; j < 4; j++) {                                                                              \
                for (int v = 0; v < BLOCKS / 2 / (WIDTH); v++) {                                                       \
                    VECTOR pair = (c[j][v] & 0xffffffffu) | c[j][v + BLOCKS / 2 / (WIDTH)] << 32;                      \
                    memcpy(words + j * BLOCKS + 2 * v * (WIDTH), &pair, sizeof pair);                                  \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

#if defined(__x86_64__)
typedef uint64_t lanes_2 __attribute__((vector_size(16)));
typedef uint64_t lanes_4 __attribute__((vector_size(32)));
typedef uint64_t lanes_8 __attribute__((vector_size(64)));
#define MULTIPLY_2(a, b) (lanes_2) _mm_mul_epu32((__m128i)(a), (__m128i)(b))
#define MULTIPLY_4(a, b) (lanes_4) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#define MULTIPLY_8(a, b) (lanes_8) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
PHILOX(philox_base, , lanes_2, 2, MULTIPLY_2)
PHILOX(philox_avx2, __attribute__((target("avx2"))), lanes_4, 4, MULTIPLY_4)
PHILOX(philox_avx512, __attribute__((target("avx512f"))), lanes_8, 8, MULTIPLY_8)
#else
typedef uint64_t lanes_2 __attribute__((vector_size(16)));
#define MULTIPLY_2(a, b) (((a)&0xffffffffu) * (b))
PHILOX(philox_base, , lanes_2, 2, MULTIPLY_2)
#endif

void philox_words(const uint32_t key[2], const uint32_t counter[4], size_t groups, uint32_t *words)
{
    RESHIFT_VECTOR_CALL(philox, philox_base, (key, counter, groups, words));
}

const kernel_form philox_words_forms[] = {KERNEL_FORM("base", 0, philox_base),
                                          RESHIFT_VECTOR_ROWS(philox){NULL, 0, NULL}};

static void next_groups(random_stream *stream, size_t groups, uint32_t *words)
{
    philox_words(stream->key, stream->counter, groups, words);
    stream->counter[0] += (uint32_t)groups * BLOCKS;
}

/* A field begins with a fresh block, and what was kept back of single draws is dropped. */
static void begin(random_stream *stream)
{
    stream->used = 4;
    stream->has_gaussian = 0;
}

void random_fill_u32(random_stream *stream, uint32_t *values, size_t n)
{
    begin(stream);
    size_t groups = n / GROUP, rest = n % GROUP;
    next_groups(stream, groups, values);
    if (rest) {
        uint32_t last[GROUP];
        next_groups(stream, 1, last);
        memcpy(values + groups * GROUP, last, rest * sizeof *last);
    }
}

/* A value from words j and j + 1 of the group's block: 32 bits and 21 bits behind the point, exact in a double. */
RESHIFT_KERNEL(void, words_to_uniform, (const uint32_t *restrict words, size_t groups, double *restrict values),
               (words, groups, values))
{
    for (size_t g = 0; g < groups; g++) {
        for (size_t half = 0; half < 2; half++) {
            const uint32_t *high = words + g * GROUP + half * 2 * BLOCKS, *low = high + BLOCKS;
            double *target = values + (g * 2 + half) * BLOCKS;
            for (size_t i = 0; i < BLOCKS; i++) {
                /* as signed numbers about a half: what every instruction set converts */
                double coarse = (double)(int32_t)(high[i] ^ 0x80000000u) * 0x1p-32 + 0.5;
                target[i] = coarse + (double)(int32_t)(low[i] >> 11) * 0x1p-53;
            }
        }
    }
}

void random_fill_uniform(random_stream *stream, double *values, size_t n)
{
    begin(stream);
    uint32_t words[CHUNK * GROUP];
    while (n > 0) {
        size_t groups = (n + GROUP / 2 - 1) / (GROUP / 2);
        groups = groups < CHUNK ? groups : CHUNK;
        next_groups(stream, groups, words);
        size_t whole = n / (GROUP / 2) < groups ? n / (GROUP / 2) : groups;
        words_to_uniform(words, whole, values);
        values += whole * (GROUP / 2);
        n -= whole * (GROUP / 2);
        if (whole < groups) {
            double last[GROUP / 2];
            words_to_uniform(words + whole * GROUP, 1, last);
            memcpy(values, last, n * sizeof *last);
            n = 0;
        }
    }
}

/* The natural logarithm of a positive normal float: the exponent times ln 2 and, for the mantissa m in [1/sqrt 2, sqrt
 * 2), a polynomial in m - 1 (Cephes, logf). */
static inline __attribute__((always_inline)) float logarithm(uint32_t bits)
{
    const uint32_t root_half = 0x3f3504f3u;
    uint32_t offset = bits - root_half;
    int32_t exponent = (int32_t)offset >> 23;
    uint32_t mantissa = (offset & 0x7fffffu) + root_half;
    float m, e = (float)exponent;
    memcpy(&m, &mantissa, sizeof m);
    float x = m - 1.0f, z = x * x;
    float p = 7.0376836292e-2f;
    p = p * x - 1.1514610310e-1f;
    p = p * x + 1.1676998740e-1f;
    p = p * x - 1.2420140846e-1f;
    p = p * x + 1.4249322787e-1f;
    p = p * x - 1.6668057665e-1f;
    p = p * x + 2.0000714765e-1f;
    p = p * x - 2.4999993993e-1f;
    p = p * x + 3.3333331174e-1f;
    return e * 0.69314718f + (x + (p * x * z - 0.5f * z));
}

/*
 * Box-Muller in float. From a word u the radius sqrt(-2 ln((u + 1/2) / 2^32)); from a word a an angle within 45 degrees
 * of an axis: 30 bits for the angle, one for the axis' direction, one for which axis. Sine and cosine by Cephes'
 * polynomials for that range.
 */
RESHIFT_KERNEL(void, words_to_gaussian, (const uint32_t *restrict words, size_t groups, float *restrict values),
               (words, groups, values))
{
    for (size_t g = 0; g < groups; g++) {
        for (size_t half = 0; half < 2; half++) {
            const uint32_t *radii = words + g * GROUP + half * 2 * BLOCKS, *angles = radii + BLOCKS;
            float *along = values + g * GROUP + half * 2 * BLOCKS, *across = along + BLOCKS;
            for (size_t i = 0; i < BLOCKS; i++) {
                uint32_t u = radii[i], a = angles[i];
                /* in two steps of 16 bits, the second rounded once: as (float)(u + 1/2) */
                float uniform =
                    (float)(int32_t)(u >> 16) * 0x1p-16f + ((float)(int32_t)(u & 0xffffu) + 0.5f) * 0x1p-32f;
                uint32_t bits;
                memcpy(&bits, &uniform, sizeof bits);
                float radius = sqrtf(-2.0f * logarithm(bits));
                /* Units of (pi / 2) / 2^32, 3.6572952e-10. The constant is 1.5e-6 of it too small, so angles near 45
                 * degrees are 1.1e-6 short. It stays as it is: every drawn corruption depends on its bits. */
                float t = (float)(int32_t)(a << 2) * 3.6572899e-10f, z = t * t;
                float cosine = (2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f;
                float sine = (-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f;
                cosine = (cosine * z * z - 0.5f * z + 1.0f) * radius;
                sine = (sine * z * t + t) * radius;
                cosine = a & 0x80000000u ? -cosine : cosine;
                along[i] = a & 0x40000000u ? sine : cosine;
                across[i] = a & 0x40000000u ? cosine : sine;
            }
        }
    }
}

void random_fill_gaussian(random_stream *stream, float *values, size_t n)
{
    begin(stream);
    uint32_t words[CHUNK * GROUP];
    while (n > 0) {
        size_t groups = (n + GROUP - 1) / GROUP;
        groups = groups < CHUNK ? groups : CHUNK;
        next_groups(stream, groups, words);
        size_t whole = n / GROUP < groups ? n / GROUP : groups;
        words_to_gaussian(words, whole, values);
        values += whole * GROUP;
        n -= whole * GROUP;
        if (whole < groups) {
            float last[GROUP];
            words_to_gaussian(words + whole * GROUP, 1, last);
            memcpy(values, last, n * sizeof *last);
            n = 0;
        }
    }
}
