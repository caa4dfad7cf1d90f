/* Probes other than Adam's, for `reshift probe --method`. */
#ifndef CLI_PROBE_METHODS_H
#define CLI_PROBE_METHODS_H

#include "cli/session.h"
#include "reshift/array.h"

/** Features and labels of the four files, and the groups of the training rows; the last three may be empty. */
typedef struct probe_data {
    reshift_array features, labels, test_features, test_labels, groups;
} probe_data;

typedef struct probe_choice {
    const char *method;       /* "lbfgs", "mean" or "neighbours" */
    const char *l2;           /* "auto", or a number */
    const char *class_weight; /* NULL, "balanced" or a file */
    double held_out, temperature;
    int neighbours, n_classes;
} probe_choice;

/** *weights [K] for choice->class_weight, or NULL without one. The caller frees them. */
reshift_status probe_class_weights(const probe_choice *choice, const probe_data *data, double **weights,
                                   reshift_error *error);

/** NULL, or an error message about the choice. */
const char *probe_check_choice(const probe_choice *choice);

/**
 * Fits, prints the result and evaluates the test rows if there are any. weight and bias stay empty for neighbours,
 * which are not a layer; the caller destroys them.
 */
reshift_status probe_by_method(const common *c, const probe_choice *choice, const probe_data *data,
                               reshift_array *weight, reshift_array *bias, reshift_error *error);

#endif
