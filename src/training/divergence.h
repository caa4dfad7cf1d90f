/* The message about a training that diverged; reshift_loss_diverged() decides. */
#ifndef TRAINING_DIVERGENCE_H
#define TRAINING_DIVERGENCE_H

#include "reshift/status.h"

/**
 * "WHAT diverged: the WHICH loss is 1e+30, where guessing among 10 classes gives 2.3", and the hint. `what` is the
 * training ("training", "the probe's training"), `which` the loss, with its epoch where there is one. Returns NUMERIC.
 */
reshift_status divergence_error(const char *what, const char *which, double loss, int n_classes, const char *hint,
                                reshift_error *error);

#endif
