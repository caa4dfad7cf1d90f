/* Losses of a batch: checks, and sums over its rows. A few thousand numbers a step, so exact rather than fast. */
#include "engine/loss.h"

#include <math.h>

#include "base/error.h"
#include "kernels/softmax.h"

reshift_status loss_cross_entropy(const float *logits, const int *labels, int64_t n, int k, double smoothing,
                                  double *loss, int *correct, float *gradient, reshift_error *error)
{
    double total = 0;
    *loss = NAN;
    *correct = 0;
    for (int64_t i = 0; i < n; i++) {
        if (labels[i] < 0 || labels[i] >= k) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "label of row %lld: expected 0 to %d, found %d", (long long)i,
                             k - 1, labels[i]);
        }
        int right = 0;
        total += softmax_cross_entropy(logits + i * k, k, labels[i], smoothing, (double)n,
                                       gradient ? gradient + i * k : NULL, &right);
        *correct += right;
    }
    *loss = total / (double)n;
    return isfinite(total)
               ? RESHIFT_OK
               : error_set(error, RESHIFT_ERROR_NUMERIC, "the loss is not finite: the network's output overflowed");
}

reshift_status loss_entropy(const float *logits, int64_t n, int k, double *entropy, float *gradient,
                            reshift_error *error)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++) {
        total += softmax_entropy(logits + i * k, k, (double)n, gradient ? gradient + i * k : NULL);
    }
    *entropy = total / (double)n;
    return isfinite(total)
               ? RESHIFT_OK
               : error_set(error, RESHIFT_ERROR_NUMERIC, "the entropy is not finite: the network's output overflowed");
}
