/* The stage `corruptions` of reshift bench. */
#ifndef CLI_BENCH_CORRUPTIONS_H
#define CLI_BENCH_CORRUPTIONS_H

#include <jansson.h>

#include "reshift/dataset.h"

/**
 * Times every corruption, or only `name`, on the first images of `dataset`. Prints the results, or with `json` adds
 * them to `rows`.
 */
reshift_status bench_corruptions(const reshift_dataset *dataset, const char *data_dir, const char *name, bool json,
                                 json_t *rows, reshift_error *error);

#endif
