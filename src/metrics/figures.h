/* What one row of scores says, so that metrics of any choice of rows follow without the scores themselves. */
#ifndef METRICS_FIGURES_H
#define METRICS_FIGURES_H

#include "reshift/evaluation.h"

/** Five doubles without a gap: rows of these are a float64 array [N,5]. */
typedef struct row_figures {
    double prediction; /* the class, a whole number */
    double nll, brier;
    double confidence; /* the largest probability; NAN where the row is no distribution */
    double rank;       /* classes before the label in the order of scores, of equal ones the lower class first; 0: right */
} row_figures;

#define ROW_FIGURES 5

/**
 * Figures of scores [N,K] float32 (probabilities: float64 too) with labels [N]: rows [N]. Errors: SHAPE (also a label out of range; the row's number
 * is `first` more), NUMERIC.
 */
reshift_status figures_of_scores(const reshift_array *scores, reshift_scores kind, const int *labels, int64_t first,
                                 row_figures *rows, reshift_error *error);

/** Metrics of those of n rows whose `left_out` is 0 (NULL: of all). Summed in the order of the rows. */
reshift_metrics figures_metrics(const row_figures *rows, const int *labels, const uint8_t *left_out, int64_t n);
/** The same by class; labels are below n_classes, n_scored of which had a score. NAN for no rows. Errors: MEMORY. */
reshift_status figures_class_metrics(const row_figures *rows, const int *labels, const uint8_t *left_out, int64_t n,
                                     int n_classes, int n_scored, reshift_class_metrics *metrics, reshift_error *error);

#endif
