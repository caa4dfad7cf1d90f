/* Numbers about a model: accuracies with their intervals, principal components, separation of classes. */
#ifndef RESHIFT_EVALUATION_H
#define RESHIFT_EVALUATION_H

#include "reshift/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Accuracy over some rows, with its Wilson 95 % interval; accuracy is NAN for n == 0. */
typedef struct reshift_accuracy {
    int64_t n, correct;
    double accuracy, low, high; /* fractions 0..1 */
} reshift_accuracy;

/** Wilson's score interval at 95 %. Source: Wilson 1927. */
RESHIFT_API reshift_accuracy reshift_accuracy_of(int64_t correct, int64_t n);

/**
 * The index of the largest logit of each row (the first of equals). logits [N,K] float32; predictions [N], the caller's
 * memory. Errors: SHAPE, NUMERIC (a logit that is not a number, naming the row).
 */
RESHIFT_API reshift_status reshift_predictions(const reshift_array *logits, int *predictions, reshift_error *error);

/**
 * Principal components of features [N,D] float32. 1 <= k <= min(N,D), N >= 2; the variance's divisor is N - 1.
 * Where N and D are at least 512 and k is small (up to 27 for 720 of both and more, up to 7 for 512) by block Krylov: some
 * passes over the features, then a residual |C v - s v| measured in float64 of at most 6e-6 of the largest variance, so an
 * axis is right to 6e-6 times the largest variance over its gap to the next. Else, and where that is not reached, by the
 * covariance in float64 and LAPACK, exactly.
 * coordinates [N,k] float32, components [k,D] float64, mean [D] float64, variance [k], ratio [k] (share of the total variance).
 * The sign of each axis: the entry of the component that is largest in magnitude (the first of equals) is positive.
 * Constant features have ratio 0. Memory: Krylov about 1,000 D k' bytes, k' = k rounded up to tens, and 64 MiB of sums at
 * most; else 8 D^2 bytes and a block of 1,024 rows (N < D: 8 N (N + D)). By Krylov the same bytes for any thread count, else
 * for the same machine and thread count. Errors: SHAPE, ARGUMENT (k, N), NUMERIC (a feature that is not finite, naming the row), MEMORY;
 * *result is empty then. The caller destroys *result.
 */
typedef struct reshift_pca_result {
    reshift_array coordinates, components, mean, variance, ratio;
} reshift_pca_result;
RESHIFT_API reshift_status reshift_pca(const reshift_array *features, int k, reshift_pca_result *result,
                                       reshift_error *error);
/** Projects other features [N,D] on components found before: coordinates [N,k] float32, the caller's to destroy. */
RESHIFT_API reshift_status reshift_pca_project(const reshift_pca_result *pca, const reshift_array *features,
                                               reshift_array *coordinates, reshift_error *error);
RESHIFT_API void reshift_pca_destroy(reshift_pca_result *result);

/**
 * How far apart the classes lie in coordinates [N,k] float32 (few dimensions: the silhouette costs up to 25 million
 * distances). A class without rows counts nowhere. What is not defined (a silhouette or nearest pair of one class) is NAN,
 * its labels -1.
 */
typedef struct reshift_separation {
    double silhouette;     /* mean silhouette, Rousseeuw 1987, Euclidean; of a fixed random sample of at most 5,000 rows */
    double fisher;         /* trace of between-class scatter over trace of within-class scatter */
    double overlap;        /* share of rows whose nearest class centroid is another class's */
    double spread;         /* root mean square distance of rows to their class centroid */
    int nearest_a, nearest_b; /* the pair of classes whose centroids are nearest, relative to their spreads */
    double nearest_distance;  /* distance of those centroids over the mean of the two spreads */
    double widest_spread;  /* spread of the widest class */
    int widest;
} reshift_separation;
/** labels [N] in 0..n_classes-1. Same result for any thread count. Errors: SHAPE (a label out of range), ARGUMENT (no rows),
 *  NUMERIC (naming the row), MEMORY. */
RESHIFT_API reshift_status reshift_separation_of(const reshift_array *coordinates, const int *labels, int n_classes,
                                                 reshift_separation *separation, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
