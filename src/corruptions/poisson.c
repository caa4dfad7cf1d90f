/*
 * The tables of poisson.h. Probabilities are computed from the ratio p(k+1) = p(k) mean / (k+1), outwards from the
 * mode, and normalised by their sum. This needs no exponential or logarithm, so results do not depend on the C library.
 * All counts of white and above are the last outcome.
 */
#include "corruptions/poisson.h"

#include <string.h>

#define TWO_32 4294967296.0

/* Beyond this many counts from the mode, at a mean of 500, the remaining probability is below 1e-18. */
#define COUNTS_MAX (POISSON_PHOTONS_MAX + 300)

/* p[k], k = 0..COUNTS_MAX, of a positive mean. */
static void probabilities(double mean, double *p)
{
    int mode = (int)mean;
    double sum = 1;
    p[mode] = 1;
    for (int k = mode; k < COUNTS_MAX; k++) {
        p[k + 1] = p[k] * mean / (k + 1);
        sum += p[k + 1];
    }
    for (int k = mode; k > 0; k--) {
        p[k - 1] = p[k] * k / mean;
        sum += p[k - 1];
    }
    for (int k = 0; k <= COUNTS_MAX; k++) {
        p[k] /= sum;
    }
}

/* The cumulative ends of one input's outcomes. Returns the last outcome with a nonzero probability. */
static int fill_ends(double mean, int photons, const uint8_t *outcome_of, uint32_t *ends)
{
    if (mean <= 0) {
        return 0;
    }
    double p[COUNTS_MAX + 1], below = 0;
    probabilities(mean, p);
    int last = outcome_of[photons];
    for (int k = 0; k < photons; k++) {
        below += p[k];
        double end = below * TWO_32 + 0.5;
        if (end >= TWO_32) {
            return outcome_of[k];
        }
        ends[outcome_of[k]] = (uint32_t)end;
    }
    return last;
}

/* The index into the ends: for each value of the upper 8 bits the outcome to start from. */
static void fill_starts(const uint32_t *ends, int last, uint32_t *starts)
{
    int outcome = 0;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t first = i << 24, final = first | 0xffffffu;
        while (outcome < last && ends[outcome] <= first) {
            outcome++;
        }
        uint32_t inside = outcome == last || ends[outcome] > final ? 0xffffffu : ends[outcome] - 1 - first;
        int many = inside < 0xffffffu && outcome + 1 < last && ends[outcome + 1] <= final;
        starts[i] = (uint32_t)outcome << 24 | (many ? 0 : inside);
    }
}

void poisson_table_fill(poisson_table *table, int photons)
{
    uint8_t outcome_of[POISSON_PHOTONS_MAX + 1];
    int outcome = 0;
    for (int k = 0; k <= photons; k++) {
        int byte = (int)((double)k / photons * 255);
        outcome += k > 0 && byte != table->bytes[outcome];
        table->bytes[outcome] = (uint8_t)byte;
        outcome_of[k] = (uint8_t)outcome;
    }
    for (int x = 0; x < 256; x++) {
        int last = fill_ends((double)x / 255.0 * photons, photons, outcome_of, table->ends[x]);
        table->last[x] = (uint8_t)last;
        fill_starts(table->ends[x], last, table->starts[x]);
    }
}
