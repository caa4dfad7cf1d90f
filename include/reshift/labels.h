/* Class labels in arrays: one reader for data sets, probes, PCA and whoever measures. */
#ifndef RESHIFT_LABELS_H
#define RESHIFT_LABELS_H

#include "reshift/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Labels count from 0 to this number less 1, whatever the file's integers could hold. */
#define RESHIFT_MAX_CLASSES 1000000

/**
 * Reads N labels from an array of any integer dtype (int8 to int64, uint8 to uint64) and of shape [N] or [N,1].
 *
 * name    starts every message, for example "labels 'y.npy'" or "test labels"
 * N       labels expected
 * below   every label must be less than this number of classes; 0: less than RESHIFT_MAX_CLASSES
 * values  [N], written; incomplete after an error
 * n_classes  largest label plus 1 (0 if N is 0); NULL if it is of no interest
 *
 * Values are compared at their full width before they become int: 2^32 + 1 is an error, not 1.
 * Errors SHAPE (dtype or shape, with a hint for floats, bool, one-hot rows and [1,N]), FORMAT (a label outside
 * 0 to below - 1: names its row and value). Memory: none allocated.
 */
RESHIFT_API reshift_status reshift_labels_read(const reshift_array *labels, const char *name, int64_t n, int below,
                                               int *values, int *n_classes, reshift_error *error);

#ifdef __cplusplus
}
#endif

#endif
