/* What this machine can do at most: measured arithmetic and memory bandwidth, to hold rates against. */
#ifndef ENGINE_LIMITS_H
#define ENGINE_LIMITS_H

#include "reshift/precision.h"
#include "reshift/status.h"

/**
 * Operations a second of this precision, multiply and add counted as two, all threads: the fastest of some matrix
 * products whose operands stay in the caches. `precision` is one that reshift_precision_here() gives. About a second.
 * Errors: MEMORY, INTERNAL.
 */
reshift_status engine_measure_arithmetic(reshift_precision precision, double *operations, reshift_error *error);

/** Bytes a second of a streaming read of 1 GiB, which is far larger than the caches. Errors: MEMORY. */
reshift_status engine_measure_reading(double *bytes_per_second, reshift_error *error);

#endif
