/* SciPy's Gaussian filter, a row at a time: the taps above and below go into one padded row, and that row is filtered.
 */
#include "imaging/gaussian.h"

#include <math.h>
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
        /* through long double: the same on every C library, and right to the last bit but for one case in a thousand */
        kernel->weights[k] = (double)expl((long double)exponent);
    }
    return RESHIFT_OK;
}

/* NumPy's sum of n <= 128 doubles: eight running sums, added in pairs, and what is left over after them. */
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

RESHIFT_VECTOR static void weigh_centre(const double *restrict centre, double weight, size_t n, double *restrict sums)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] = centre[i] * weight;
    }
}

RESHIFT_VECTOR static void add_pair(const double *before, const double *after, double weight, size_t n,
                                    double *restrict sums)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] += (before[i] + after[i]) * weight;
    }
}

static int clamp(int index, int last) { return index < 0 ? 0 : index > last ? last : index; }

void gaussian_row(const double *input, int height, int width, int channels, const gaussian_kernel *kernel, int y,
                  double *work, double *output)
{
    size_t samples = (size_t)width * (size_t)channels, step = (size_t)channels;
    int radius = kernel->radius;
    double *row = work + (size_t)radius * step;
    weigh_centre(input + (size_t)y * samples, kernel->weights[0], samples, row);
    for (int k = radius; k > 0; k--) {
        add_pair(input + (size_t)clamp(y - k, height - 1) * samples, input + (size_t)clamp(y + k, height - 1) * samples,
                 kernel->weights[k], samples, row);
    }
    for (int k = 0; k < radius; k++) {
        memcpy(work + (size_t)k * step, row, step * sizeof *row);
        memcpy(row + samples + (size_t)k * step, row + samples - step, step * sizeof *row);
    }
    weigh_centre(row, kernel->weights[0], samples, output);
    for (int k = radius; k > 0; k--) {
        add_pair(row - (size_t)k * step, row + (size_t)k * step, kernel->weights[k], samples, output);
    }
}
