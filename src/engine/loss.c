/* Softmax cross-entropy, forward and backward; a few thousand numbers a step, so plain and exact rather than fast. */
#include "engine/loss.h"

#include <math.h>

#include "base/error.h"

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
        const float *z = logits + i * k;
        int best = 0;
        for (int j = 1; j < k; j++) {
            best = z[j] > z[best] ? j : best;
        }
        double sum = 0, mean = 0, own = (double)z[labels[i]] - z[best];
        for (int j = 0; j < k; j++) {
            sum += exp((double)z[j] - z[best]);
            mean += ((double)z[j] - z[best]) / k;
        }
        total += log(sum) - own - smoothing * (mean - own);
        *correct += best == labels[i];
        for (int j = 0; gradient && j < k; j++) {
            double target = (j == labels[i]) * (1 - smoothing) + smoothing / k;
            gradient[i * k + j] = (float)((exp((double)z[j] - z[best]) / sum - target) / (double)n);
        }
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
        const float *z = logits + i * k;
        double largest = z[0], sum = 0, own = 0;
        for (int j = 1; j < k; j++) {
            largest = z[j] > largest ? z[j] : largest;
        }
        for (int j = 0; j < k; j++) {
            sum += exp(z[j] - largest);
        }
        for (int j = 0; j < k; j++) {
            double log_p = z[j] - largest - log(sum);
            own -= exp(log_p) * log_p;
        }
        for (int j = 0; gradient && j < k; j++) {
            double log_p = z[j] - largest - log(sum);
            gradient[i * k + j] = (float)(-exp(log_p) * (log_p + own) / (double)n);
        }
        total += own;
    }
    *entropy = total / (double)n;
    return isfinite(total)
               ? RESHIFT_OK
               : error_set(error, RESHIFT_ERROR_NUMERIC, "the entropy is not finite: the network's output overflowed");
}
