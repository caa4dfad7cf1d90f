/*
 * Accuracies: the fraction of correct predictions with Wilson's interval, and predictions, the largest logit of a row.
 */
#include "reshift/evaluation.h"

#include <math.h>

#include "base/error.h"
#include "metrics/by_image.h"

reshift_accuracy reshift_accuracy_of(int64_t correct, int64_t n)
{
    reshift_accuracy result = {n, correct, NAN, NAN, NAN, n};
    if (n <= 0 || correct < 0 || correct > n) {
        return result;
    }
    const reshift_interval interval = interval_of_wilson((double)correct / (double)n, (double)n);
    result.accuracy = interval.value;
    result.low = interval.low;
    result.high = interval.high;
    return result;
}

reshift_status reshift_predictions(const reshift_array *logits, int *predictions, reshift_error *error)
{
    if (logits->dtype != RESHIFT_F32 || logits->n_dims != 2 || logits->shape[1] < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "logits: expected float32 [N,K] with K > 0, found %s with %d dimensions",
                         reshift_dtype_name(logits->dtype), logits->n_dims);
    }
    int64_t n_rows = logits->shape[0], n_classes = logits->shape[1];
    const float *values = logits->data;
    for (int64_t row = 0; row < n_rows; row++) {
        const float *x = values + row * n_classes;
        int64_t best = 0;
        bool numbers = !isnan(x[0]);
        for (int64_t k = 1; k < n_classes; k++) {
            numbers &= !isnan(x[k]);
            best = x[k] > x[best] ? k : best;
        }
        if (!numbers) {
            return error_set(error, RESHIFT_ERROR_NUMERIC, "logits: row %lld holds a value that is not a number",
                             (long long)row);
        }
        predictions[row] = (int)best;
    }
    return RESHIFT_OK;
}
