/* Checks the classes of a training set: a single class is an error, empty classes are reported. */
#ifndef DATASETS_CLASSES_H
#define DATASETS_CLASSES_H

#include "reshift/dataset.h"
#include "reshift/progress.h"

/**
 * labels [n], each below n_classes. Empty classes cause a warning that names them; `what` is for the warning: "training
 * labels". Errors: SHAPE (only one class, which scikit-learn refuses as well), MEMORY.
 */
reshift_status classes_check(const int *labels, int64_t n, int n_classes, const char *what,
                             const reshift_progress *progress, reshift_error *error);
/** The same for the rows of a set. */
reshift_status classes_check_dataset(const reshift_dataset *dataset, const char *what, const reshift_progress *progress,
                                     reshift_error *error);
/** counts [n_classes]: number of labels of each class. */
void classes_count(const int *labels, int64_t n, int n_classes, int64_t *counts);

#endif
