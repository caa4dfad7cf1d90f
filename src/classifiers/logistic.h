/* One fit of softmax regression by L-BFGS to some rows of a sample: what training and the search for a penalty share.
 */
#ifndef CLASSIFIERS_LOGISTIC_H
#define CLASSIFIERS_LOGISTIC_H

#include "classifiers/sample.h"
#include "reshift/classifiers.h"

/** Rows of a sample; `rows` NULL: all of them, in order. */
typedef struct logistic_rows {
    const sample *sample;
    const int64_t *rows;
    int64_t n;
} logistic_rows;

/** weight [K,D] and bias [K] are the caller's memory. Errors: ARGUMENT (too many weights), NUMERIC, MEMORY, CANCELLED.
 */
reshift_status logistic_fit(const logistic_rows *rows, int n_classes, const reshift_logistic_options *options,
                            float *weight, float *bias, reshift_logistic_fit *fit, const reshift_progress *progress,
                            reshift_error *error);

#endif
