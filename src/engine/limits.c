/* The machine's limits, measured: a cache-resident matrix product on all threads, and one long read of memory. */
#include "engine/limits.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "engine/onednn.h"

enum { SIDE = 768 }; /* three matrices of 2.25 MiB: within the second level of two cores */

static reshift_status measure_arithmetic(double *flops, reshift_error *error)
{
    size_t bytes = (size_t)SIDE * SIDE * sizeof(float);
    float *a = memory_allocate(3 * bytes);
    if (!a) {
        return error_memory(error, 3 * bytes, "measuring");
    }
    float *b = a + SIDE * SIDE, *c = b + SIDE * SIDE;
    for (int i = 0; i < 2 * SIDE * SIDE; i++) {
        a[i] = (float)(i % 7) * 0.25f;
    }
    double best = 1e9, end = clock_seconds() + 1.0;
    dnnl_status_t status = dnnl_success;
    for (int run = 0; status == dnnl_success && (run < 10 || clock_seconds() < end); run++) {
        double start = clock_seconds();
        status = dnnl_sgemm('N', 'N', SIDE, SIDE, SIDE, 1.0f, a, SIDE, b, SIDE, 0.0f, c, SIDE);
        double seconds = clock_seconds() - start;
        best = seconds < best ? seconds : best;
    }
    memory_free(a);
    ONEDNN(status, "measuring arithmetic");
    *flops = 2.0 * SIDE * SIDE * SIDE / best;
    return RESHIFT_OK;
}

static reshift_status measure_reading(double *bytes_per_second, reshift_error *error)
{
    size_t count = (size_t)1 << 27; /* 1 GiB of uint64_t: beyond any cache */
    uint64_t *data = memory_allocate(count * sizeof *data);
    if (!data) {
        return error_memory(error, count * sizeof *data, "measuring");
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++) {
        data[i] = i;
    }
    double best = 1e9;
    volatile uint64_t sink = 0;
    for (int run = 0; run < 5; run++) {
        uint64_t sum = 0;
        double start = clock_seconds();
#pragma omp parallel for simd schedule(static) reduction(+ : sum)
        for (size_t i = 0; i < count; i++) {
            sum += data[i];
        }
        double seconds = clock_seconds() - start;
        sink = sum;
        best = seconds < best ? seconds : best;
    }
    (void)sink;
    memory_free(data);
    *bytes_per_second = (double)count * sizeof *data / best;
    return RESHIFT_OK;
}

reshift_status engine_measure_limits(engine_limits *limits, reshift_error *error)
{
    memset(limits, 0, sizeof *limits);
    reshift_status status = measure_arithmetic(&limits->f32_flops, error);
    return status == RESHIFT_OK ? measure_reading(&limits->read_bytes_per_second, error) : status;
}
