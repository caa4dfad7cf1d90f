/* Hostile inputs for kernels, and comparisons in which any not-a-number equals any other. */
#ifndef TESTS_KERNELS_KERNEL_INPUTS_H
#define TESTS_KERNELS_KERNEL_INPUTS_H

#include <float.h>
#include <math.h>
#include <stdint.h>

#include "check.h"

#include "base/random.h"
#include "kernels/kernels.h"

typedef uint16_t bf16;
typedef uint8_t u8;
typedef int8_t s8;
typedef int32_t s32;

enum { LONG = 5003, SPARE = 80, OFFSETS = 4 }; /* values behind the last one must stay as they are */

/* Lengths 0 to 70, then a long one; pointers begin at every place of a vector of four. */
#define FOR_LENGTHS(n, offset)                                                                                         \
    for (int64_t n##_at = 0, n = 0, offset = 0; n##_at <= 71;                                                          \
         n##_at++, n = n##_at <= 70 ? n##_at : LONG, offset = n##_at % OFFSETS)

static random_stream inputs = {.used = 4};

static inline float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* A quarter special values, a quarter any bits at all, the rest ordinary numbers of several sizes. */
static inline float hostile(void)
{
    static const float special[] = {0.0f,           -0.0f,    INFINITY,    -INFINITY,   NAN,      -NAN,
                                    FLT_MAX,        -FLT_MAX, FLT_MIN,     -FLT_MIN,    1e-45f,   -1e-45f,
                                    5e-39f,         0.5f,     -0.5f,       1.5f,        2.5f,     126.5f,
                                    -127.5f,        254.5f,   255.5f,      256.f,       -128.0f,  1.0f,
                                    7.92281625e28f, 7.9e28f,  1.00390625f, 1.01171875f, 3.39e38f, 1e30f};
    const uint32_t kind = random_u32(&inputs) % 4, bits = random_u32(&inputs);
    return kind == 0   ? special[bits % (sizeof special / sizeof *special)]
           : kind == 1 ? float_of(bits)
                       : (float)random_gaussian(&inputs) * (bits % 3 == 0   ? 1
                                                            : bits % 3 == 1 ? 100.0f
                                                                            : 1e-3f);
}

/* Not-a-number, infinity and denormals now and then among ordinary numbers, so that sums mean something. */
static inline float sometimes_hostile(void)
{
    const uint32_t kind = random_u32(&inputs) % 997;
    return kind == 0   ? NAN
           : kind == 1 ? INFINITY
           : kind == 2 ? -INFINITY
           : kind < 20 ? 1e-40f
           : kind < 40 ? -0.0f
                       : (float)random_gaussian(&inputs);
}

#define FILL(TYPE, VALUE)                                                                                              \
    static inline void fill_##TYPE(TYPE *a, int64_t n)                                                                 \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            a[i] = (TYPE)(VALUE);                                                                                      \
        }                                                                                                              \
    }
FILL(float, hostile())
FILL(double, (random_u32(&inputs) % 4 ? random_gaussian(&inputs) * 1e3 : (double)hostile()))
FILL(bf16, bits_of(hostile()) >> 16)
FILL(u8, random_u32(&inputs) % 3 ? random_u32(&inputs) : random_u32(&inputs) % 2 * 255)
FILL(s8, random_u32(&inputs) % 3 ? random_u32(&inputs) : random_u32(&inputs) % 2 + 127)
FILL(s32, random_u32(&inputs) >> 8)

static inline float widened(bf16 a) { return float_of((uint32_t)a << 16); }

/* The nearest bfloat16, ties to even, by comparing what is cut off with one half. */
static inline bf16 narrowed(float value)
{
    const uint32_t bits = bits_of(value), rest = bits & 0xffff, upper = bits >> 16;
    return (bf16)(isnan(value) ? 0x7fc0 : rest > 0x8000 || (rest == 0x8000 && upper % 2) ? upper + 1 : upper);
}

#define SAME(TYPE, NOT_A_NUMBER)                                                                                       \
    static inline void same_##TYPE(const kernel *k, const kernel_form *form, int64_t n, const TYPE *expected,          \
                                   const TYPE *found, int64_t count)                                                   \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            const TYPE e = expected[i], f = found[i];                                                                  \
            if (memcmp(&e, &f, sizeof e) != 0 && !((NOT_A_NUMBER(e)) && (NOT_A_NUMBER(f)))) {                          \
                fail_msg("%s, form %s, length %lld: value %lld: expected %.9g, found %.9g", k->name, form->name,       \
                         (long long)n, (long long)i, (double)e, (double)f);                                            \
            }                                                                                                          \
        }                                                                                                              \
    }
#define NO_NAN(x) ((void)(x), 0)
#define NAN_BF16(x) (((x)&0x7fff) > 0x7f80)
SAME(float, isnan)
SAME(double, isnan)
SAME(bf16, NAN_BF16)
SAME(u8, NO_NAN)
SAME(s32, NO_NAN)

/* A sum of n terms against its exact value, within what the kernel's row allows. Overflow and not-a-number must agree.
 */
static inline void close_to(const kernel *k, const kernel_form *form, double expected, double magnitude, int64_t n,
                            float found)
{
    const double bound = (double)(k->roundings_each * n + k->roundings_more) * 0x1p-24 * magnitude + 0x1p-126;
    if (isfinite(expected) ? !(fabs(expected - (double)found) <= bound)
        : isnan(expected)  ? !isnan(found)
                           : !((double)found == expected)) {
        fail_msg("%s, form %s: a sum of %lld: expected %.9g, found %.9g, allowed %.3g", k->name, form->name,
                 (long long)n, expected, (double)found, bound);
    }
}

#endif
