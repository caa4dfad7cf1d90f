/* Which classes a training set holds: one class alone cannot be learnt, and empty classes are named. */
#ifndef DATASETS_CLASSES_H
#define DATASETS_CLASSES_H

#include "reshift/dataset.h"
#include "reshift/progress.h"

/**
 * labels [n], each below n_classes. Empty classes are a warning that names them; `what`: "training labels". Errors: SHAPE
 * (one class alone, as scikit-learn refuses it), MEMORY.
 */
reshift_status classes_check(const int *labels, int64_t n, int n_classes, const char *what,
                             const reshift_progress *progress, reshift_error *error);
/** The same of the rows of a set. */
reshift_status classes_check_dataset(const reshift_dataset *dataset, const char *what, const reshift_progress *progress,
                                     reshift_error *error);
/** counts [n_classes] of the labels. */
void classes_count(const int *labels, int64_t n, int n_classes, int64_t *counts);

#endif
