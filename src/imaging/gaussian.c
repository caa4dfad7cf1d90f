/* SciPy's Gaussian filter, one row at a time: the column pass writes a padded row, the row pass filters it. */
#include "imaging/gaussian.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "imaging/vector.h"

int gaussian_radius(double sigma, double truncate) { return (int)(truncate * sigma + 0.5); }

reshift_status gaussian_kernel_create(double sigma, double truncate, gaussian_kernel *kernel, reshift_error *error)
{
    if (!(sigma > 0 && truncate > 0 && truncate * sigma + 0.5 < GAUSSIAN_MAX_RADIUS + 1)) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED,
                         "a gaussian filter of sigma %g needs more than %d taps a side", sigma, GAUSSIAN_MAX_RADIUS);
    }
    memset(kernel, 0, sizeof *kernel);
    kernel->radius = gaussian_radius(sigma, truncate);
    for (int k = 0; k <= kernel->radius; k++) {
        double exponent = -0.5 / (sigma * sigma) * (double)(k * k);
        /* via long double: the same on every C library, and correctly rounded but for one case in a thousand */
        kernel->weights[k] = (double)expl((long double)exponent);
    }
    return RESHIFT_OK;
}

/* NumPy's sum of n <= 128 doubles: eight running sums that are added in pairs, then the remaining elements. */
static double pairwise_sum(const double *values, int n)
{
    if (n < 8) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += values[i];
        }
        return sum;
    }
    double running[8];
    memcpy(running, values, sizeof running);
    int i = 8;
    for (; i < n - n % 8; i += 8) {
        for (int lane = 0; lane < 8; lane++) {
            running[lane] += values[i + lane];
        }
    }
    double sum = ((running[0] + running[1]) + (running[2] + running[3])) +
                 ((running[4] + running[5]) + (running[6] + running[7]));
    for (; i < n; i++) {
        sum += values[i];
    }
    return sum;
}

void gaussian_kernel_normalise(gaussian_kernel *kernel)
{
    double taps[2 * GAUSSIAN_MAX_RADIUS + 1];
    int n = 2 * kernel->radius + 1;
    for (int i = 0; i < n; i++) {
        taps[i] = kernel->weights[i < kernel->radius ? kernel->radius - i : i - kernel->radius];
    }
    double sum = pairwise_sum(taps, n);
    for (int k = 0; k <= kernel->radius; k++) {
        kernel->weights[k] /= sum;
    }
}

/*
 * The centre's product, then the pairs from the farthest inwards; `before` and `after` have the rows of pair k at index
 * k. Three vectors at a time hide the latency of the additions: a row of 96 values is four times that.
 */
static RESHIFT_VECTOR(void, filter,
                      (const double *const *before, const double *const *after, const double *weights, int radius,
                       size_t n, double *restrict output),
                      (before, after, weights, radius, n, output))
{
    size_t i = 0;
    for (; i + 3 * DOUBLE_LANES <= n; i += 3 * DOUBLE_LANES) {
        const double_lanes *centre = (const double_lanes *)(before[0] + i);
        double_lanes a = centre[0] * weights[0], b = centre[1] * weights[0], c = centre[2] * weights[0];
        for (int k = radius; k > 0; k--) {
            const double_lanes *left = (const double_lanes *)(before[k] + i);
            const double_lanes *right = (const double_lanes *)(after[k] + i);
            a += (left[0] + right[0]) * weights[k];
            b += (left[1] + right[1]) * weights[k];
            c += (left[2] + right[2]) * weights[k];
        }
        double_lanes *sums = (double_lanes *)(output + i);
        sums[0] = a;
        sums[1] = b;
        sums[2] = c;
    }
    for (; i + DOUBLE_LANES <= n; i += DOUBLE_LANES) {
        double_lanes sum = *(const double_lanes *)(before[0] + i) * weights[0];
        for (int k = radius; k > 0; k--) {
            sum += (*(const double_lanes *)(before[k] + i) + *(const double_lanes *)(after[k] + i)) * weights[k];
        }
        *(double_lanes *)(output + i) = sum;
    }
    for (; i < n; i++) {
        double sum = before[0][i] * weights[0];
        for (int k = radius; k > 0; k--) {
            sum += (before[k][i] + after[k][i]) * weights[k];
        }
        output[i] = sum;
    }
}

static int clamp(int index, int last) { return index < 0 ? 0 : index > last ? last : index; }

static RESHIFT_VECTOR(void, round_to_single, (double *values, size_t n), (values, n))
{
    for (size_t i = 0; i < n; i++) {
        values[i] = (double)(float)values[i];
    }
}

static void row_of(const double *input, int height, int width, int channels, const gaussian_kernel *kernel, int y,
                   bool single, double *work, double *output)
{
    size_t samples = (size_t)width * (size_t)channels, step = (size_t)channels;
    int radius = kernel->radius;
    double *row = work + (size_t)radius * step;
    const double *before[GAUSSIAN_MAX_RADIUS + 1], *after[GAUSSIAN_MAX_RADIUS + 1];
    before[0] = after[0] = input + (size_t)y * samples;
    for (int k = 1; k <= radius; k++) {
        before[k] = input + (size_t)clamp(y - k, height - 1) * samples;
        after[k] = input + (size_t)clamp(y + k, height - 1) * samples;
    }
    filter(before, after, kernel->weights, radius, samples, row);
    if (single) {
        round_to_single(row, samples);
    }
    for (int k = 0; k < radius; k++) {
        memcpy(work + (size_t)k * step, row, step * sizeof *row);
        memcpy(row + samples + (size_t)k * step, row + samples - step, step * sizeof *row);
    }
    before[0] = after[0] = row;
    for (int k = 1; k <= radius; k++) {
        before[k] = row - (size_t)k * step;
        after[k] = row + (size_t)k * step;
    }
    filter(before, after, kernel->weights, radius, samples, output);
    if (single) {
        round_to_single(output, samples);
    }
}

void gaussian_row(const double *input, int height, int width, int channels, const gaussian_kernel *kernel, int y,
                  double *work, double *output)
{
    row_of(input, height, width, channels, kernel, y, false, work, output);
}

void gaussian_row_single(const double *input, int height, int width, int channels, const gaussian_kernel *kernel, int y,
                         double *work, double *output)
{
    row_of(input, height, width, channels, kernel, y, true, work, output);
}
