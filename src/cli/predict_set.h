/* reshift predict --data: writes the predictions for a whole set to a file. */
#ifndef CLI_PREDICT_SET_H
#define CLI_PREDICT_SET_H

#include "cli/options.h"
#include "cli/session.h"
#include "reshift/model.h"

typedef struct predict_set {
    const char *data, *split, *corruption, *out;
    option_range severity;
    int top;
    bool logits; /* .npy: logits instead of probabilities */
} predict_set;

/** NULL, or an error message about the arguments. */
const char *predict_set_check(const predict_set *what);
/**
 * Writes what->out: .csv (the most likely classes with their names) or .npy (probabilities, or logits, float32 [N,K]);
 * prints the accuracy.
 */
reshift_status predict_set_write(const common *c, const predict_set *what, reshift_model *model, reshift_error *error);

#endif
