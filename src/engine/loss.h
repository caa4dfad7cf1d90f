/* Softmax cross-entropy on plain rows of logits. */
#ifndef ENGINE_LOSS_H
#define ENGINE_LOSS_H

#include <stdint.h>

#include "reshift/status.h"

/**
 * logits [N,K], labels [N]: mean loss over the rows, rows whose first largest logit is the label, and, unless NULL,
 * gradient [N,K] = (softmax(logits) - target) / N. The target of a row is (1 - s) onehot(label) + s / K and its loss
 * -sum target ln softmax(logits), with s the label smoothing, 0 to 1 (Szegedy et al. 2016, section 7; as PyTorch's
 * CrossEntropyLoss(label_smoothing=s)). Sums in double, row by row in order.
 * Errors: SHAPE (a label outside 0..K-1), NUMERIC (the loss is not finite).
 */
reshift_status loss_cross_entropy(const float *logits, const int *labels, int64_t n, int k, double smoothing,
                                  double *loss, int *correct, float *gradient, reshift_error *error);

/**
 * The mean entropy of the softmax of each row, -sum p ln p (the loss of Tent: Wang et al. 2021), and its gradient
 * [N,K], -p (ln p + entropy) / N, where `gradient` is not NULL. Errors: NUMERIC (it is not finite).
 */
reshift_status loss_entropy(const float *logits, int64_t n, int k, double *entropy, float *gradient,
                            reshift_error *error);

#endif
