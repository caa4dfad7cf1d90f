/* Private interface between the PCA files: column statistics, float64 products with centred rows, solvers. */
#ifndef ANALYSIS_PCA_INSIDE_H
#define ANALYSIS_PCA_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "reshift/status.h"

/* Features and the mean to subtract. */
typedef struct centred_rows {
    const float *x;     /* [n,d] */
    const double *mean; /* [d] */
    int64_t n, d;
} centred_rows;

/**
 * mean [d] and *total, the sum of the columns' variances (divisor n - 1, 0 for n == 1), in one pass. Errors: NUMERIC (a
 * value that is not finite, naming the row), MEMORY.
 */
reshift_status pca_statistics(const float *x, int64_t n, int64_t d, double *mean, double *total, reshift_error *error);

/** coordinates [n,k] = (x - mean) components', components [k,d]. Allocates nothing. */
void pca_project(const centred_rows *rows, const double *components, int k, float *coordinates);

/** The same, and in the same pass product [k,d] = components C, C the covariance, in float64. Errors: MEMORY. */
reshift_status pca_project_and_multiply(const centred_rows *rows, const double *components, int k, float *coordinates,
                                        double *product, reshift_error *error);

/** Fixes the sign of an axis: the entry of largest magnitude (the first of equals) becomes positive. */
void pca_fix_sign(double *component, int64_t d);

/**
 * The k largest eigenvalues of the symmetric matrix [m,m] (upper triangle, destroyed), in descending order and clipped
 * to 0, and their vectors [k,m]. Errors: MEMORY, NUMERIC.
 */
reshift_status pca_largest_eigenpairs(double *matrix, int64_t m, int k, double *values, double *vectors,
                                      reshift_error *error);

/**
 * PCA by the covariance, or by the products between rows if there are fewer rows: variance [k], components [k,d],
 * *total.
 */
reshift_status pca_exact(const centred_rows *rows, int k, double *variance, double *components, double *total,
                         reshift_error *error);

/** True if the block Krylov method is worthwhile: few components of large features. */
bool pca_krylov_suits(int64_t n, int64_t d, int k);

/**
 * PCA by block Krylov: variance [k], components [k,d], coordinates [n,k]. *found is true if the residual, measured in
 * float64 with the rows themselves, is small enough (the limit is in pca_krylov.c); if false, the outputs are invalid.
 * `total` is that of pca_statistics(). `tiles`: use the products of kernels/tiles.h, which must be supported. Errors:
 * MEMORY, NUMERIC.
 */
reshift_status pca_krylov(const centred_rows *rows, double total, int k, bool tiles, double *variance,
                          double *components, float *coordinates, bool *found, reshift_error *error);

typedef reshift_status (*pca_solver)(const centred_rows *rows, double total, int k, bool tiles, double *variance,
                                     double *components, float *coordinates, bool *found, reshift_error *error);

/**
 * Tries the methods from the fastest to the most general: `krylov` (pca_krylov) on tiles if supported, then with
 * float32 kernels, then the covariance. Returns the first result whose residual is small enough. `total` as above; the
 * covariance method replaces it. Errors: MEMORY, NUMERIC.
 */
reshift_status pca_find(const centred_rows *rows, double *total, int k, bool tiles, pca_solver krylov, double *variance,
                        double *components, float *coordinates, reshift_error *error);

#endif
