/*
 * The four noises with the random draws as arguments. Inputs are `n` bytes of pixels, processed independently; input
 * and output must not overlap. Errors none, memory none.
 */
#ifndef CORRUPTIONS_NOISE_H
#define CORRUPTIONS_NOISE_H

#include <stddef.h>
#include <stdint.h>

#include "corruptions/poisson.h"

/** x + sd N(0,1) on values in 0..1; `normals` [n] standard normal. */
void noise_gaussian_with(const uint8_t *input, size_t n, double sd, const float *normals, uint8_t *output);
/** x + sd x N(0,1). */
void noise_speckle_with(const uint8_t *input, size_t n, double sd, const float *normals, uint8_t *output);
/**
 * `words` [n]: a value whose word is below amount 2^32 becomes 255 if the word is in the lower half of that range, 0 if
 * it is in the upper half.
 */
void noise_impulse_with(const uint8_t *input, size_t n, double amount, const uint32_t *words, uint8_t *output);
/** Poisson(c x) / c: the quantile at words / 2^32 of the distribution that `table` has for the value. */
void noise_shot_with(const uint8_t *input, size_t n, const poisson_table *table, const uint32_t *words,
                     uint8_t *output);

#endif
