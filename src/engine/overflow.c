/* Bounds of activations: of layers from their weights, and of values from their bits. */
#include "engine/overflow.h"

#include <math.h>
#include <string.h>

#include "kernels/vector.h"

enum { LANES = 16 };

/* Sums of the positive elements and of the negative ones, as magnitudes, in LANES partial sums each. */
static RESHIFT_VECTOR(void, add_signs,
                      (const float *restrict w, int64_t n, float *restrict positive, float *restrict negative),
                      (w, n, positive, negative))
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            const float magnitude = fabsf(w[i + l]);
            positive[l] += magnitude + w[i + l]; /* twice the positive part; NaN stays NaN */
            negative[l] += magnitude - w[i + l];
        }
    }
    for (; i < n; i++) {
        positive[0] += fabsf(w[i]) + w[i];
        negative[0] += fabsf(w[i]) - w[i];
    }
}

/* NaN if one of them is. */
static double larger(double a, double b) { return a >= b || isnan(a) ? a : b; }

overflow_gain overflow_gain_of(const float *weights, int64_t rows, int64_t columns, const float *bias)
{
    overflow_gain gain = {0, 0, 0};
    for (int64_t r = 0; r < rows; r++) {
        float positive[LANES] = {0}, negative[LANES] = {0};
        double sums[2] = {0, 0};
        add_signs(weights + r * columns, columns, positive, negative);
        for (int l = 0; l < LANES; l++) {
            sums[0] += (double)positive[l] / 2;
            sums[1] += (double)negative[l] / 2;
        }
        gain.positive = larger(gain.positive, sums[0]);
        gain.negative = larger(gain.negative, sums[1]);
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

/*
 * The largest (word << shift) & 0x7fff0000, as a signed integer: magnitudes order as their bits do, and sign, exponent
 * and 7 bits of the fraction are all that bfloat16 has and all that a bound of float32 needs. A word of two bfloat16
 * values is looked at twice.
 */
static RESHIFT_VECTOR(int32_t, largest_bits, (const char *words, int64_t n, int shift), (words, n, shift))
{
    int32_t largest[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        uint32_t word[LANES];
        memcpy(word, words + i * (int64_t)sizeof *word, sizeof word);
        for (int l = 0; l < LANES; l++) {
            const int32_t bits = (int32_t)((word[l] << shift) & 0x7fff0000u);
            largest[l] = bits > largest[l] ? bits : largest[l];
        }
    }
    for (; i < n; i++) {
        uint32_t word;
        memcpy(&word, words + i * (int64_t)sizeof word, sizeof word);
        const int32_t bits = (int32_t)((word << shift) & 0x7fff0000u);
        largest[0] = bits > largest[0] ? bits : largest[0];
    }
    for (int l = 1; l < LANES; l++) {
        largest[0] = largest[l] > largest[0] ? largest[l] : largest[0];
    }
    return largest[0];
}

double overflow_largest(const void *values, int64_t n, bool bf16)
{
    enum { CHUNK = 4096 }; /* words: the second look finds them in the first level's cache */
    const char *bytes = values;
    const int64_t n_words = bf16 ? n / 2 : n;
    int32_t largest = 0;
    for (int64_t first = 0; first < n_words; first += CHUNK) {
        const int64_t count = n_words - first < CHUNK ? n_words - first : CHUNK;
        for (int shift = 0; shift <= (bf16 ? 16 : 0); shift += 16) {
            const int32_t own = largest_bits(bytes + 4 * first, count, shift);
            largest = own > largest ? own : largest;
        }
    }
    if (bf16 && n % 2 == 1) {
        uint16_t last;
        memcpy(&last, bytes + 2 * (n - 1), sizeof last);
        const int32_t own = (int32_t)((uint32_t)(last & 0x7fff) << 16);
        largest = own > largest ? own : largest;
    }
    if (largest >= 0x7f800000) {
        return INFINITY;
    }
    float magnitude;
    memcpy(&magnitude, &largest, sizeof magnitude);
    return (double)magnitude * (1 + 0x1p-7) + 0x1p-126; /* 16 bits of the fraction were cut */
}
