/*
 * Bootstrap intervals of means over images. Every resample has its own random stream, keyed by its number, and is
 * summed in the order of the images, so results do not depend on how resamples are distributed over threads.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "reshift/evaluation.h"

/* A tile of values stays in a core's cache for all resamples of a block, next to their counts. */
enum { BLOCK = 8 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* NumPy's "linear" quantile of ascending values. */
static double quantile(const double *sorted, int n, double share)
{
    double place = share * (n - 1);
    int below = (int)floor(place);
    int above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/* Sums of resamples first .. first + count - 1: sums [count,s]. counts [n,BLOCK] is scratch memory. */
static void resample_block(const double *values, int64_t n, int64_t s, uint64_t seed, int first, int count,
                           uint32_t *counts, double *sums)
{
    memset(counts, 0, (size_t)n * BLOCK * sizeof *counts);
    memset(sums, 0, (size_t)count * (size_t)s * sizeof *sums);
    for (int r = 0; r < count; r++) {
        random_stream stream = random_open(seed, "bootstrap", 0, (uint64_t)(first + r));
        for (int64_t i = 0; i < n; i++) {
            counts[random_below(&stream, (uint64_t)n) * BLOCK + (uint64_t)r]++;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        const double *row = values + i * s;
        for (int r = 0; r < count; r++) {
            double times = counts[i * BLOCK + r];
            double *sum = sums + (int64_t)r * s;
            if (times > 0) {
                for (int64_t j = 0; j < s; j++) {
                    sum[j] += times * row[j];
                }
            }
        }
    }
}

static reshift_status check_values(const double *values, int64_t n, int64_t s, int resamples, reshift_error *error)
{
    if (n < 1 || s < 1 || resamples < 2) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "bootstrap: expected images, figures and 2 or more resamples, found %lld, %lld and %d",
                         (long long)n, (long long)s, resamples);
    }
    for (int64_t i = 0; i < n * s; i++) {
        if (!isfinite(values[i])) {
            return error_set(error, RESHIFT_ERROR_NUMERIC, "bootstrap: image %lld has a figure that is not finite",
                             (long long)(i / s));
        }
    }
    return RESHIFT_OK;
}

reshift_status reshift_bootstrap_means(const double *values, int64_t n, int64_t s, int resamples, uint64_t seed,
                                       reshift_interval *intervals, reshift_error *error)
{
    reshift_status status = check_values(values, n, s, resamples, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int n_blocks = (resamples - 1) / BLOCK + 1;
    bool starved = false;
    size_t bytes = 0;
    double *sums = memory_product((size_t)resamples * sizeof *sums, (size_t)s, &bytes) ? memory_allocate(bytes) : NULL;
    double *sorted = memory_allocate((size_t)resamples * sizeof *sorted);
    if (!sums || !sorted) {
        status = error_memory(error, bytes, "resamples");
        goto done;
    }
#pragma omp parallel reduction(|| : starved)
    {
        size_t scratch = 0;
        uint32_t *counts =
            memory_product((size_t)n * BLOCK, sizeof *counts, &scratch) ? memory_allocate(scratch) : NULL;
        starved = !counts;
#pragma omp for schedule(dynamic)
        for (int block = 0; block < n_blocks; block++) {
            int first = block * BLOCK, count = resamples - first < BLOCK ? resamples - first : BLOCK;
            if (counts) {
                resample_block(values, n, s, seed, first, count, counts, sums + (int64_t)first * s);
            }
        }
        memory_free(counts);
    }
    if (starved) {
        status = error_memory(error, (size_t)n * BLOCK * sizeof(uint32_t), "draws of images");
        goto done;
    }
    for (int64_t j = 0; j < s; j++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            sum += values[i * s + j];
        }
        for (int r = 0; r < resamples; r++) {
            sorted[r] = sums[(int64_t)r * s + j] / (double)n;
        }
        qsort(sorted, (size_t)resamples, sizeof *sorted, compare);
        intervals[j] =
            (reshift_interval){sum / (double)n, quantile(sorted, resamples, 0.025), quantile(sorted, resamples, 0.975)};
    }
done:
    memory_free(sums);
    memory_free(sorted);
    return status;
}
