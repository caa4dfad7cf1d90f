/* The machine's limits, measured: arithmetic by the back end, reading memory here. */
#include "engine/limits.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "engine/backend.h"

reshift_status engine_measure_arithmetic(reshift_precision precision, double *operations, reshift_error *error)
{
    return backend_at(0)->measure_arithmetic(precision, operations, error);
}

reshift_status engine_measure_reading(double *bytes_per_second, reshift_error *error)
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
