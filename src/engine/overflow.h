/*
 * Bounds of activations, for the proof that nothing overflows. An overflow is not always visible in a network's
 * outputs: a fused ReLU turns NaN and -infinity into 0, rounding to 8 bits turns NaN into the smallest value, a batch
 * norm whose variance is infinite returns its bias. A bound that holds before the layer is computed hides nothing:
 *
 *     -below <= x <= above  gives  y = W x + b  <=  positive above + negative below + offset
 *                                 -y           <=  negative above + positive below + offset
 *
 * with positive = max over rows of the sum of W's positive elements, negative the same of -W's, offset = max |b|. Every
 * partial sum, in any order, has the same bounds.
 */
#ifndef ENGINE_OVERFLOW_H
#define ENGINE_OVERFLOW_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Bounds must not exceed this, 2^104 = 2.0e31. No network that works comes near. The distance to the largest float,
 * 2^24, is for what happens inside an operation: Winograd's transforms (up to 100 x 361, 2^16), means over a map.
 */
#define OVERFLOW_LIMIT 0x1p104

/** Values lie in [-below, above]; both are at least 0. */
typedef struct overflow_bound {
    double above, below;
} overflow_bound;

/** What a layer adds to a bound. */
typedef struct overflow_gain {
    double positive, negative, offset;
} overflow_gain;

/** Of W [rows, columns] and b [rows] (NULL: 0). NaN where W or b holds one. */
overflow_gain overflow_gain_of(const float *weights, int64_t rows, int64_t columns, const float *bias);

/** The bound of W x + b. Rounding of results to bfloat16 (1 + 2^-8) and of the bound's own sums is included. */
overflow_bound overflow_after(const overflow_gain *gain, overflow_bound x);

/** Whether nothing within the bound overflows. False for NaN. */
bool overflow_is_safe(overflow_bound bound);

#endif
