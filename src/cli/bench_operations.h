/* The stage `ops` of reshift bench. */
#ifndef CLI_BENCH_OPERATIONS_H
#define CLI_BENCH_OPERATIONS_H

#include <jansson.h>

#include "reshift/precision.h"

/**
 * Times every operation that reshift_operation_measure() knows: printed, or with `json` added to `rows`.
 *
 * arithmetic, reading  limits of the machine, operations and bytes a second
 */
reshift_status bench_operations(reshift_precision precision, int batch, double arithmetic, double reading, bool json,
                                json_t *rows, reshift_error *error);

#endif
