/* Labels become int; features are searched once for values that are not finite, so that training meets none. */
#include "classifiers/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "reshift/labels.h"

reshift_status sample_take(const reshift_array *features, const reshift_array *labels, const char *what, sample *s,
                           int *largest, reshift_error *error)
{
    char found[256];
    if (features->dtype != RESHIFT_F32 || features->n_dims != 2 || features->shape[0] < 1 || features->shape[1] < 1) {
        reshift_array_describe(features, found, sizeof found);
        error_set(error, RESHIFT_ERROR_SHAPE, "%s features: expected float32 [N,D], found %s", what, found);
        if (features->n_dims == 2 && (features->dtype == RESHIFT_F64 || features->dtype == RESHIFT_F16)) {
            error_hint(error, "convert them: x.astype('float32')");
        }
        return RESHIFT_ERROR_SHAPE;
    }
    s->features = features->data;
    s->n = features->shape[0];
    s->n_features = features->shape[1];
    char name[64];
    int n_classes;
    snprintf(name, sizeof name, "%s labels", what);
    s->labels = malloc(((size_t)s->n + 1) * sizeof *s->labels);
    if (!s->labels) {
        return error_memory(error, (size_t)s->n * sizeof *s->labels, "labels");
    }
    reshift_status status = reshift_labels_read(labels, name, s->n, 0, s->labels, &n_classes, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    *largest = n_classes - 1;
    int64_t bad = finite_first_bad(s->features, s->n, s->n_features);
    if (bad < s->n) {
        return error_set(error, RESHIFT_ERROR_NUMERIC, "%s features: row %lld holds a value that is not finite", what,
                         (long long)bad);
    }
    return RESHIFT_OK;
}

reshift_status sample_check_labels(const sample *s, const char *what, int n_classes, reshift_error *error)
{
    for (int64_t i = 0; i < s->n; i++) {
        if (s->labels[i] >= n_classes) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "%s labels: row %lld: expected a label from 0 to %d, found %d",
                             what, (long long)i, n_classes - 1, s->labels[i]);
        }
    }
    return RESHIFT_OK;
}

double sample_spread(const sample *s)
{
    const int64_t n = s->n < 1000 ? s->n : 1000;
    double squares = 0;
    for (int64_t d = 0; d < s->n_features; d++) {
        double mean = 0, square = 0;
        for (int64_t i = 0; i < n; i++) {
            mean += (double)s->features[s->n * i / n * s->n_features + d] / (double)n;
        }
        for (int64_t i = 0; i < n; i++) {
            const double off = (double)s->features[s->n * i / n * s->n_features + d] - mean;
            square += off * off;
        }
        squares += square / (double)n;
    }
    return sqrt(squares);
}

void sample_release(sample *s)
{
    free(s->labels);
    memset(s, 0, sizeof *s);
}
