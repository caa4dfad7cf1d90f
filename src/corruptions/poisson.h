/*
 * Shot noise has only 256 different inputs. The distribution of the outcomes of each is computed once, and a draw
 * searches it by the inverse of the distribution function; the search usually ends at its first step.
 */
#ifndef CORRUPTIONS_POISSON_H
#define CORRUPTIONS_POISSON_H

#include <stdint.h>

#define POISSON_PHOTONS_MAX 500

/**
 * Outcomes are the distinct bytes that counts k = 0, 1, ... map to, in ascending order. A draw is a 32-bit word; for
 * input x it selects the first outcome o with word < ends[x][o], or last[x].
 *
 * starts[x][i] is for words whose upper 8 bits are i. Its upper 8 bits are the first of their outcomes. Words whose
 * lower 24 bits are at most its lower 24 bits select that outcome, the others the next one. If its lower 24 bits are
 * zero, more than two outcomes are possible and `ends` must be searched.
 */
typedef struct poisson_table {
    uint32_t starts[256][256];
    uint32_t ends[256][256]; /* 2^32 P(outcome <= o); undefined from last[x] on */
    uint8_t last[256];
    uint8_t bytes[256]; /* of an outcome */
} poisson_table;

/**
 * Fills the table for Poisson(photons x / 255) / photons, photons an integer from 1 to POISSON_PHOTONS_MAX. Uses only
 * additions, products and quotients: the same bytes on every machine. Errors none.
 */
void poisson_table_fill(poisson_table *table, int photons);

#endif
