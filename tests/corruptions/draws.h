/*
 * Random draws identical to those of the golden scripts (golden/draws.py): hashed counters, and sums of them for
 * normals.
 */
#ifndef TESTS_CORRUPTIONS_DRAWS_H
#define TESTS_CORRUPTIONS_DRAWS_H

#include <stdint.h>

static inline uint32_t draw_word(uint32_t i, uint32_t seed)
{
    uint32_t x = i * 2654435761u + seed * 97u + 1u;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

static inline double draw_uniform(uint32_t i, uint32_t seed) { return (draw_word(i, seed) + 0.5) / 4294967296.0; }

static inline double draw_normal(uint32_t i, uint32_t seed)
{
    int64_t sum = 0;
    for (uint32_t k = 0; k < 6; k++) {
        uint32_t word = draw_word(6 * i + k, seed);
        sum += (word >> 16) + (word & 0xffffu);
    }
    return (double)sum / 65536 - 393210.0 / 65536;
}

#endif
