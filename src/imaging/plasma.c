/*
 * Diamond-square on compact grids: a level of n x n points becomes one of 2n x 2n, with the old points at even
 * positions. Sums are computed in the published order, (left or upper pair) + (right or lower pair).
 */
#include "imaging/plasma.h"

#include <string.h>

#include "kernels/vector.h"

/* The centres of four old points: row y of them from rows y and y + 1 of the old points. */
static RESHIFT_VECTOR(void, squares,
                      (const double *restrict upper, const double *restrict lower, int n, double wobble,
                       const double *restrict uniforms, double *restrict middle),
                      (upper, lower, n, wobble, uniforms, middle))
{
    for (int x = 0; x < n - 1; x++) {
        double sum = (upper[x] + lower[x]) + (upper[x + 1] + lower[x + 1]);
        middle[x] = sum / 4 + wobble * (-wobble + (wobble + wobble) * uniforms[x]);
    }
    double sum = (upper[n - 1] + lower[n - 1]) + (upper[0] + lower[0]);
    middle[n - 1] = sum / 4 + wobble * (-wobble + (wobble + wobble) * uniforms[n - 1]);
}

/* The points to the right of old ones, between the centres above and below. */
static RESHIFT_VECTOR(void, right_diamonds,
                      (const double *restrict old, const double *restrict middle_above, const double *restrict middle,
                       int n, double wobble, const double *restrict uniforms, double *restrict right),
                      (old, middle_above, middle, n, wobble, uniforms, right))
{
    for (int x = 0; x < n - 1; x++) {
        double sum = (middle[x] + middle_above[x]) + (old[x] + old[x + 1]);
        right[x] = sum / 4 + wobble * (-wobble + (wobble + wobble) * uniforms[x]);
    }
    double sum = (middle[n - 1] + middle_above[n - 1]) + (old[n - 1] + old[0]);
    right[n - 1] = sum / 4 + wobble * (-wobble + (wobble + wobble) * uniforms[n - 1]);
}

/* The points below old ones, between the centres to the left and right. */
static RESHIFT_VECTOR(void, lower_diamonds,
                      (const double *restrict old, const double *restrict old_below, const double *restrict middle,
                       int n, double wobble, const double *restrict uniforms, double *restrict below),
                      (old, old_below, middle, n, wobble, uniforms, below))
{
    double sum = (middle[0] + middle[n - 1]) + (old[0] + old_below[0]);
    below[0] = sum / 4 + wobble * (-wobble + (wobble + wobble) * uniforms[0]);
    for (int x = 1; x < n; x++) {
        sum = (middle[x] + middle[x - 1]) + (old[x] + old_below[x]);
        below[x] = sum / 4 + wobble * (-wobble + (wobble + wobble) * uniforms[x]);
    }
}

static RESHIFT_VECTOR(void, interleave,
                      (const double *restrict even, const double *restrict odd, int n, double *restrict row),
                      (even, odd, n, row))
{
    for (int x = 0; x < n; x++) {
        row[2 * x] = even[x];
        row[2 * x + 1] = odd[x];
    }
}

/* Minimum and maximum, with independent vector lanes. */
static RESHIFT_VECTOR(void, extremes, (const double *map, size_t n, double *low, double *high), (map, n, low, high))
{
    enum { LANES = 16 };
    double least[LANES], most[LANES];
    for (int lane = 0; lane < LANES; lane++) {
        least[lane] = most[lane] = map[0];
    }
    size_t whole = n - n % LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            double value = map[i + lane];
            least[lane] = value < least[lane] ? value : least[lane];
            most[lane] = value > most[lane] ? value : most[lane];
        }
    }
    for (size_t i = whole; i < n; i++) {
        least[0] = map[i] < least[0] ? map[i] : least[0];
        most[0] = map[i] > most[0] ? map[i] : most[0];
    }
    for (int lane = 1; lane < LANES; lane++) {
        least[0] = least[lane] < least[0] ? least[lane] : least[0];
        most[0] = most[lane] > most[0] ? most[lane] : most[0];
    }
    *low = least[0];
    *high = most[0];
}

static RESHIFT_VECTOR(void, normalise, (double *map, size_t n, double low, double range), (map, n, low, range))
{
    for (size_t i = 0; i < n; i++) {
        map[i] = (map[i] - low) / range;
    }
}

void plasma_draw(int side, double decay, const double *uniforms, double *work, double *map)
{
    map[0] = 0;
    double wobble = 100;
    for (int n = 1; n < side; n *= 2) {
        /* the new points of a level need three quarters of `work` at most: n x n each */
        size_t points = (size_t)n * (size_t)n, row = (size_t)n;
        double *middle = work, *right = work + points, *below = right + points, *old = below + points;
        for (int y = 0; y < n; y++) {
            const double *upper = map + (size_t)y * row, *lower = map + (size_t)(y + 1 < n ? y + 1 : 0) * row;
            squares(upper, lower, n, wobble, uniforms + (size_t)y * row, middle + (size_t)y * row);
        }
        uniforms += points;
        for (int y = 0; y < n; y++) {
            right_diamonds(map + (size_t)y * row, middle + (size_t)(y > 0 ? y - 1 : n - 1) * row,
                           middle + (size_t)y * row, n, wobble, uniforms + (size_t)y * row, right + (size_t)y * row);
        }
        uniforms += points;
        for (int y = 0; y < n; y++) {
            lower_diamonds(map + (size_t)y * row, map + (size_t)(y + 1 < n ? y + 1 : 0) * row, middle + (size_t)y * row,
                           n, wobble, uniforms + (size_t)y * row, below + (size_t)y * row);
        }
        uniforms += points;
        memcpy(old, map, points * sizeof *old);
        for (int y = 0; y < n; y++) {
            double *rows = map + 4 * (size_t)y * row;
            interleave(old + (size_t)y * row, right + (size_t)y * row, n, rows);
            interleave(below + (size_t)y * row, middle + (size_t)y * row, n, rows + 2 * row);
        }
        wobble /= decay;
    }
    size_t points = (size_t)side * (size_t)side;
    double low, high;
    extremes(map, points, &low, &high);
    normalise(map, points, low, high - low);
}
