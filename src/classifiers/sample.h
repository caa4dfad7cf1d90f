/* Features with labels, checked: what the probe learns from and is measured on. */
#ifndef CLASSIFIERS_SAMPLE_H
#define CLASSIFIERS_SAMPLE_H

#include "reshift/array.h"

typedef struct sample {
    const float *features; /* [n,D], borrowed */
    int *labels;           /* [n] */
    int64_t n, n_features;
} sample;

/**
 * Takes features [N,D] float32 and labels as reshift_labels_read() does, N and D at least 1; *largest is the largest
 * label. `what` ("training") is for messages. Errors: SHAPE (types, shapes), FORMAT (a label below 0 or too large),
 * NUMERIC (a value that is not finite, naming the row), MEMORY. sample_release() in any case, also of a zeroed struct.
 */
reshift_status sample_take(const reshift_array *features, const reshift_array *labels, const char *what, sample *s,
                           int *largest, reshift_error *error);
/** Errors: SHAPE (a label outside 0..n_classes-1, naming the row). */
reshift_status sample_check_labels(const sample *s, const char *what, int n_classes, reshift_error *error);
/**
 * How much the features vary: the square root of the sum of their variances over at most 1,000 evenly spaced rows.
 * Costs nothing next to a training; it is for messages about the features' unit, not for results.
 */
double sample_spread(const sample *s);
void sample_release(sample *s);

#endif
