/* What this machine can do at most: measured arithmetic and memory bandwidth, to hold rates against. */
#ifndef ENGINE_LIMITS_H
#define ENGINE_LIMITS_H

#include "reshift/status.h"

typedef struct engine_limits {
    double f32_flops; /* multiply and add counted as two, per second, all threads, cache-resident matrix product */
    double read_bytes_per_second; /* streaming read of memory far larger than the caches */
} engine_limits;

/** Takes about two seconds. Errors: MEMORY, INTERNAL. */
reshift_status engine_measure_limits(engine_limits *limits, reshift_error *error);

#endif
