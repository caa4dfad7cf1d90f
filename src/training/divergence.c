/* When a training counts as diverged: one definition for the probe, fine-tuning, adaptation, studies and reports. */
#include "training/divergence.h"

#include <math.h>

#include "base/error.h"
#include "reshift/learning.h"

/* A network that learns slowly or badly stays within a few times ln K; two orders of magnitude above it, logits are in
 * the hundreds and have nothing to do with the classes. */
#define FACTOR 100

static double guessing(int n_classes) { return log(n_classes > 2 ? n_classes : 2); }

bool reshift_loss_diverged(double loss, int n_classes) { return !(loss <= FACTOR * guessing(n_classes)); }

reshift_status divergence_error(const char *what, const char *which, double loss, int n_classes, const char *hint,
                                reshift_error *error)
{
    if (isfinite(loss)) {
        error_set(error, RESHIFT_ERROR_NUMERIC,
                  "%s diverged: the %s is %.3g, where guessing among %d classes gives %.3g", what, which, loss,
                  n_classes, guessing(n_classes));
    } else {
        error_set(error, RESHIFT_ERROR_NUMERIC, "%s diverged: the %s is not finite", what, which);
    }
    error_hint(error, "%s", hint);
    return RESHIFT_ERROR_NUMERIC;
}
