/* Accuracies: the share of right answers with Wilson's interval, and the answer itself, the largest logit of a row. */
#include "reshift/evaluation.h"

#include <math.h>

#include "base/error.h"

/* The 97.5 % quantile of the standard normal. */
#define Z 1.959963984540054

reshift_accuracy reshift_accuracy_of(int64_t correct, int64_t n)
{
    reshift_accuracy result = {n, correct, NAN, NAN, NAN};
    if (n <= 0 || correct < 0 || correct > n) {
        return result;
    }
    /* Wilson 1927: the p for which |share - p| <= Z sqrt(p (1 - p) / n), a quadratic in p. Unlike share +- Z s it stays
     * within 0..1 and does not shrink to a point at 0 or n right answers. */
    double count = (double)n, share = (double)correct / count, z2 = Z * Z;
    double centre = (share + z2 / (2 * count)) / (1 + z2 / count);
    double half = Z / (1 + z2 / count) * sqrt(share * (1 - share) / count + z2 / (4 * count * count));
    result.accuracy = share;
    /* at the ends the bound is exactly 0 or 1; rounding would leave 1e-17 */
    result.low = correct == 0 ? 0 : centre - half;
    result.high = correct == n ? 1 : centre + half;
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
