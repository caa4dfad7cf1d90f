/*
 * Counter-based random numbers. A stream is identified by (seed, purpose, epoch, item), never by thread or by earlier
 * draws, so results do not depend on order or thread count. The generator is Philox 4x32-10 (Salmon et al. 2011). Its
 * output never changes between versions. Whole fields of numbers come from kernels/random_fill.h.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct random_stream {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    int used; /* words of `block` already used */
    int has_gaussian;
    double gaussian;
} random_stream;

/** `purpose` is a short, stable word: "shuffle", "split", "init", "gaussian_noise". */
random_stream random_open(uint64_t seed, const char *purpose, uint64_t epoch, uint64_t item);
uint32_t random_u32(random_stream *stream);
uint64_t random_u64(random_stream *stream);
/** Uniform in [0, 1) with 53 bits of resolution. */
double random_uniform(random_stream *stream);
/** Uniform integer in [0, n), unbiased; n > 0. */
uint64_t random_below(random_stream *stream, uint64_t n);
/** Standard normal (Box-Muller on 53-bit uniforms). */
double random_gaussian(random_stream *stream);
/** Fisher-Yates: fills order[0..n) with a permutation of 0..n-1. */
void random_permutation(random_stream *stream, int64_t *order, int64_t n);

#endif
