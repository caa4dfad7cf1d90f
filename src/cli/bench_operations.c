/*
 * reshift bench ops: the time of single operations, of the sizes that real networks have. Convolutions and linear
 * layers are held against the arithmetic of the machine, the others against reading memory; these pass 100 % where
 * input and result fit into a cache.
 */
#include "cli/bench_operations.h"

#include <stdio.h>

#include "reshift/machine.h"

reshift_status bench_operations(reshift_precision precision, int batch, double arithmetic, double reading, bool json,
                                json_t *rows, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    if (!json) {
        printf("operations, forward, batch %d, %s\n", batch, reshift_precision_name(precision));
    }
    for (int i = 0; i < reshift_operation_count() && status == RESHIFT_OK; i++) {
        reshift_operation_time t;
        char what[96];
        status = reshift_operation_measure(i, precision, batch, &t, error);
        if (status != RESHIFT_OK) {
            break;
        }
        const bool computes = t.operations > 0;
        const double rate = (computes ? t.operations : t.bytes) / t.seconds;
        const double share = rate / (computes ? arithmetic : reading);
        const char *unit = computes ? "GFLOP/s" : "GB/s", *limit = computes ? "arithmetic" : "reading memory";
        snprintf(what, sizeof what, "%s of %dx%dx%d", t.name, t.channels, t.height, t.width);
        if (json) {
            json_array_append_new(rows,
                                  json_pack("{s:s, s:s, s:s, s:s, s:i, s:f, s:f, s:s, s:f, s:s}", "stage", "ops",
                                            "what", what, "operation", t.operation, "precision",
                                            reshift_precision_name(precision), "batch", batch, "seconds", t.seconds,
                                            "rate", rate / 1e9, "unit", unit, "share", share, "limit", limit));
        } else {
            printf("%-14s %-52s %9.3f ms %8.1f %-8s %5.1f %% of %s\n", t.operation, what, 1e3 * t.seconds, rate / 1e9,
                   unit, 100 * share, limit);
            fflush(stdout);
        }
    }
    return status;
}
