/*
 * Whole fields of random numbers, vectorised. A fill begins with the stream's next whole block, takes whole groups of
 * 16 blocks and so leaves the stream where only n decides; its numbers are not those that single draws would give.
 * Every processor gives the same bits, and the first n numbers of a longer fill are those of a shorter one.
 */
#ifndef KERNELS_RANDOM_FILL_H
#define KERNELS_RANDOM_FILL_H

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

/** Words: 64 a group. */
void random_fill_u32(random_stream *stream, uint32_t *values, size_t n);
/** Uniform in [0, 1) with 53 bits: 32 a group. */
void random_fill_uniform(random_stream *stream, double *values, size_t n);
/** Standard normal with 24 bits (Box-Muller in float on 32-bit words; the largest is 6.76): 64 a group. */
void random_fill_gaussian(random_stream *stream, float *values, size_t n);

/* The kernels, each on whole groups of 64 words; random_fill.c says in which order words come. */
enum { RANDOM_GROUP = 64 };

/** Philox 4x32-10 of 16 blocks a group, counted up from counter[0]: words [groups * 64]. */
void philox_words(const uint32_t key[2], const uint32_t counter[4], size_t groups, uint32_t *words);
/** words [groups * 64] to uniform values [groups * 32]. */
void words_to_uniform(const uint32_t *restrict words, size_t groups, double *restrict values);
/** words [groups * 64] to standard normal values [groups * 64]. */
void words_to_gaussian(const uint32_t *restrict words, size_t groups, float *restrict values);

#endif
