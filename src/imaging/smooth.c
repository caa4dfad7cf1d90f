/*
 * Gaussian filter with mirrored edges, one row at a time: the column pass writes a row, which is mirrored at its ends
 * and filtered.
 */
#include "imaging/smooth.h"

#include <math.h>

#include "imaging/vector.h"

smooth_axis smooth_axis_fill(double sigma, double truncate, int extent, double *weights)
{
    int radius = (int)(truncate * sigma + 0.5), period = 2 * extent;
    for (int k = 0; k <= extent; k++) {
        weights[k] = 0;
    }
    double sum = 0;
    for (int k = -radius; k <= radius; k++) {
        int folded = (k < 0 ? -k : k) % period;
        folded = folded > extent ? period - folded : folded;
        /* via long double: rounds to the same double on every C library */
        double weight = (double)expl((long double)(-0.5 / (sigma * sigma) * ((double)k * k)));
        weights[folded] += weight;
        sum += weight;
    }
    weights[0] /= sum;
    for (int k = 1; k <= extent; k++) {
        weights[k] /= 2 * sum; /* both sides are summed: half for each of the pair */
    }
    return (smooth_axis){radius < extent ? radius : extent, weights};
}

/* Maps an index in -extent..2 extent - 1 to the mirrored axis. */
static inline __attribute__((always_inline)) int mirrored(int index, int extent)
{
    return index < 0 ? -1 - index : index >= extent ? 2 * extent - 1 - index : index;
}

RESHIFT_VECTOR(void, smooth_row,
               (const double *plane, int height, int width, const smooth_axis *down, const smooth_axis *across, int y,
                double *work, double *output),
               (plane, height, width, down, across, y, work, output))
{
    size_t n = (size_t)width;
    const double *centre = plane + (size_t)y * n;
    double *restrict row = work + across->radius;
    for (size_t x = 0; x < n; x++) {
        row[x] = centre[x] * down->weights[0];
    }
    for (int k = 1; k <= down->radius; k++) {
        const double *above = plane + (size_t)mirrored(y - k, height) * n;
        const double *below = plane + (size_t)mirrored(y + k, height) * n;
        double weight = down->weights[k];
        for (size_t x = 0; x < n; x++) {
            row[x] += (above[x] + below[x]) * weight;
        }
    }
    for (int k = 1; k <= across->radius; k++) {
        row[-k] = row[k - 1];
        row[width - 1 + k] = row[width - k];
    }
    double *restrict sums = output;
    for (size_t x = 0; x < n; x++) {
        sums[x] = row[x] * across->weights[0];
    }
    for (int k = 1; k <= across->radius; k++) {
        const double *before = row - k, *after = row + k;
        double weight = across->weights[k];
        for (size_t x = 0; x < n; x++) {
            sums[x] += (before[x] + after[x]) * weight;
        }
    }
}
