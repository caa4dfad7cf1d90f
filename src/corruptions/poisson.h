/*
 * Shot noise has 256 different inputs: the whole distribution of what may come out of each is computed once, and a draw
 * is a search in it by the inverse of the distribution function, which mostly ends at its first step.
 */
#ifndef CORRUPTIONS_POISSON_H
#define CORRUPTIONS_POISSON_H

#include <stdint.h>

#define POISSON_PHOTONS_MAX 500

/**
 * Outcomes are the different bytes that counts k = 0, 1, ... become, in rising order. A draw is a 32-bit word; input x
 * turns it into the first outcome o with word < ends[x][o], or into last[x].
 *
 * starts[x][i] serves the words whose upper 8 bits are i. Its upper 8 bits are the first of their outcomes; words whose
 * lower 24 bits are at most its lower 24 bits become that one, the others the next one. Where the lower 24 bits are
 * zero more than two outcomes may follow, and `ends` must be searched.
 */
typedef struct poisson_table {
    uint32_t starts[256][256];
    uint32_t ends[256][256]; /* 2^32 P(outcome <= o); undefined from last[x] on */
    uint8_t last[256];
    uint8_t bytes[256]; /* of an outcome */
} poisson_table;

/**
 * Fills the table for Poisson(photons x / 255) / photons, photons a whole number from 1 to POISSON_PHOTONS_MAX.
 * Only additions, products and quotients: the same bytes on every machine. Errors none.
 */
void poisson_table_fill(poisson_table *table, int photons);

#endif
