/*
 * Numbers that golden/make_training.py makes too: one hash of integers, float32 operations that repeat bit for bit. The
 * script describes them; this is the same in C, written apart.
 */
#ifndef TESTS_TRAINING_MADE_UP_H
#define TESTS_TRAINING_MADE_UP_H

#include <stdint.h>
#include <stdlib.h>

/* MurmurHash3's finaliser. */
static inline uint32_t made_up_mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    x ^= x >> 16;
    return x;
}

static inline uint32_t made_up_hash(uint32_t stream, uint32_t index)
{
    return made_up_mix(index + made_up_mix(stream) * 0x9e3779b9u);
}

/* In [-1, 1), 24 bits. */
static inline float made_up_uniform(uint32_t stream, uint32_t index)
{
    return (float)(made_up_hash(stream, index) >> 8) * 0x1p-23f - 1.0f;
}

typedef struct made_up_key {
    uint32_t hash;
    int64_t row;
} made_up_key;

static inline int made_up_compare(const void *a, const void *b)
{
    const made_up_key *x = a, *y = b;
    return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : (x->row > y->row) - (x->row < y->row);
}

/* order [n]: 0..n-1 sorted by their hashes. */
static inline void made_up_permutation(uint32_t stream, int64_t *order, int64_t n)
{
    made_up_key *keys = malloc((size_t)n * sizeof *keys);
    for (int64_t i = 0; i < n; i++) {
        keys[i] = (made_up_key){made_up_hash(stream, (uint32_t)i), i};
    }
    qsort(keys, (size_t)n, sizeof *keys, made_up_compare);
    for (int64_t i = 0; i < n; i++) {
        order[i] = keys[i].row;
    }
    free(keys);
}

#endif
