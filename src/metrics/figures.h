/* Per-row values of scores, from which metrics of any selection of rows are computed without the scores. */
#ifndef METRICS_FIGURES_H
#define METRICS_FIGURES_H

#include "reshift/evaluation.h"

/** Five doubles without padding: an array of these is a float64 array [N,5]. */
typedef struct row_figures {
    double prediction; /* the predicted class, an integer */
    double nll, brier;
    double confidence; /* the largest probability; NAN if the row is not a distribution */
    double rank;       /* classes ahead of the label when sorted by score (ties: the lower class first); 0: correct */
} row_figures;

#define ROW_FIGURES 5

/**
 * Computes the values of scores [N,K] float32 (probabilities: also float64) with labels [N]: rows [N]. Errors: SHAPE
 * (also for a label out of range; `first` is added to the row's number), NUMERIC.
 */
reshift_status figures_of_scores(const reshift_array *scores, reshift_scores kind, const int *labels, int64_t first,
                                 row_figures *rows, reshift_error *error);

/** Metrics of those of n rows whose `left_out` is 0 (NULL: of all rows). Sums are in the order of the rows. */
reshift_metrics figures_metrics(const row_figures *rows, const int *labels, const uint8_t *left_out, int64_t n);
/**
 * The same by class. Labels are below n_classes, n_scored of which have a score. NAN if a class has no rows. Errors:
 * MEMORY.
 */
reshift_status figures_class_metrics(const row_figures *rows, const int *labels, const uint8_t *left_out, int64_t n,
                                     int n_classes, int n_scored, reshift_class_metrics *metrics, reshift_error *error);

#endif
