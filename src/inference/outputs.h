/*
 * The one check of what a network computes before anybody uses it: features and logits must be finite. Whoever runs a
 * plan up to features or logits calls it, so that NaN and infinity reach no file, table or decision.
 */
#ifndef INFERENCE_OUTPUTS_H
#define INFERENCE_OUTPUTS_H

#include "reshift/dataset.h"

/** Which images a pass holds: rows order[first], order[first + 1], ... of `dataset`; `order` NULL: first, first + 1. */
typedef struct output_rows {
    const reshift_dataset *dataset; /* NULL: one image, which the caller names */
    const int64_t *order;
    int64_t first;
} output_rows;

/**
 * values [n,width] of the images `rows`; `what`: "features" or "logits". Errors: NUMERIC, naming the first image whose
 * values are not finite.
 */
reshift_status outputs_check(const float *values, int n, int64_t width, const char *what, const output_rows *rows,
                             reshift_error *error);

/** After a pass over the images `rows` failed with NUMERIC because of `image` of them: names it and adds the hint. */
void outputs_overflow(const output_rows *rows, int image, reshift_error *error);

#endif
