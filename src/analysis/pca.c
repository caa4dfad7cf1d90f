/*
 * Principal components. For few components of large features: block Krylov (pca_krylov.c). Otherwise, or if that does
 * not converge: the covariance matrix in float64, summed over blocks of centred rows (OpenBLAS dsyrk), and its k
 * largest eigenvalues by LAPACK's dsyevr. If there are fewer rows than features, the smaller matrix of products between
 * rows, X X', is used, whose eigenvectors u give the components X' u / |X' u|. Centring before the products, not after,
 * keeps features with a large mean exact.
 */
#include "reshift/evaluation.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"
#include "analysis/pca_inside.h"
#include "kernels/tiles.h"

#define BLOCK_ROWS 1024

static reshift_status check_features(const reshift_array *features, reshift_error *error)
{
    if (features->dtype != RESHIFT_F32 || features->n_dims != 2 || features->shape[1] < 1) {
        char found[256];
        reshift_array_describe(features, found, sizeof found);
        return error_set(error, RESHIFT_ERROR_SHAPE, "features: expected float32 [N,D] with D > 0, found %s", found);
    }
    if (features->shape[0] > INT32_MAX || features->shape[1] > INT32_MAX) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "features: [%lld,%lld] is more than %d rows or features",
                         (long long)features->shape[0], (long long)features->shape[1], INT32_MAX);
    }
    return RESHIFT_OK;
}

/* block [rows,D] = x - mean */
static void centre_rows(const float *x, const double *mean, int64_t rows, int64_t d, double *block)
{
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t j = 0; j < d; j++) {
            block[row * d + j] = x[row * d + j] - mean[j];
        }
    }
}

reshift_status pca_largest_eigenpairs(double *matrix, int64_t m, int k, double *values, double *vectors,
                                      reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    double *all = memory_allocate((size_t)m * sizeof *all), *columns = memory_allocate((size_t)m * k * sizeof *columns);
    lapack_int *support = memory_allocate(2 * (size_t)k * sizeof *support), found = 0;
    if (!all || !columns || !support) {
        status = error_memory(error, (size_t)m * (size_t)(k + 1) * sizeof *all, "eigenvectors");
        goto done;
    }
    /* Row-major upper is column-major lower: the same bytes, so LAPACKE need not transpose. */
    lapack_int info =
        LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'L', (lapack_int)m, matrix, (lapack_int)m, 0, 0,
                       (lapack_int)(m - k + 1), (lapack_int)m, 0.0, &found, all, columns, (lapack_int)m, support);
    if (info == LAPACK_WORK_MEMORY_ERROR) {
        status = error_memory(error, 26 * (size_t)m * sizeof *all, "the eigenvalue solver");
    } else if (info != 0 || found != k) {
        status = error_set(error, RESHIFT_ERROR_NUMERIC,
                           "the eigenvalue solver failed (dsyevr: info %d, %d of %d found)", (int)info, (int)found, k);
    } else {
        for (int i = 0; i < k; i++) { /* ascending to descending; rounding may make a zero slightly negative */
            values[i] = all[k - 1 - i] > 0 ? all[k - 1 - i] : 0;
            memcpy(vectors + (int64_t)i * m, columns + (int64_t)(k - 1 - i) * m, (size_t)m * sizeof *vectors);
        }
    }
done:
    memory_free(all);
    memory_free(columns);
    memory_free(support);
    return status;
}

/*
 * Common to both exact methods: variance [k] and components [k,D] of x [N,D] with mean [D]; *total is the sum of all
 * variances.
 */
static reshift_status solve_by_covariance(const float *x, const double *mean, int64_t n, int64_t d, int k,
                                          double *variance, double *components, double *total, reshift_error *error)
{
    size_t square = 0;
    double *block = memory_allocate((size_t)BLOCK_ROWS * (size_t)d * sizeof *block), *covariance = NULL;
    if (memory_product((size_t)d * sizeof *covariance, (size_t)d, &square)) {
        covariance = memory_allocate(square);
    }
    reshift_status status = RESHIFT_OK;
    if (!block || !covariance) {
        status = error_memory(error, square, "the covariance matrix");
        goto done;
    }
    for (int64_t first = 0; first < n; first += BLOCK_ROWS) {
        int64_t rows = n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS;
        centre_rows(x + first * d, mean, rows, d, block);
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)d, (int)rows, 1.0 / (double)(n - 1), block, (int)d, 1.0,
                    covariance, (int)d);
    }
    *total = 0;
    for (int64_t j = 0; j < d; j++) {
        *total += covariance[j * d + j];
    }
    status = pca_largest_eigenpairs(covariance, d, k, variance, components, error);
done:
    memory_free(block);
    memory_free(covariance);
    return status;
}

/* Replaces component `i`, a direction without variance, by a unit vector orthogonal to the previous components. */
static void complete_basis(double *components, int i, int64_t d)
{
    double *v = components + (int64_t)i * d;
    for (int64_t axis = 0; axis < d; axis++) {
        memset(v, 0, (size_t)d * sizeof *v);
        v[axis] = 1;
        for (int pass = 0; pass < 2; pass++) { /* two passes give orthogonality to rounding */
            for (int before = 0; before < i; before++) {
                const double *u = components + (int64_t)before * d;
                cblas_daxpy((int)d, -cblas_ddot((int)d, u, 1, v, 1), u, 1, v, 1);
            }
        }
        double length = cblas_dnrm2((int)d, v, 1);
        if (length * length * (double)d > 0.5) { /* some axis retains at least (d - i) / d of its square */
            cblas_dscal((int)d, 1 / length, v, 1);
            return;
        }
    }
}

static reshift_status solve_by_rows(const float *x, const double *mean, int64_t n, int64_t d, int k, double *variance,
                                    double *components, double *total, reshift_error *error)
{
    double *centred = NULL, *products = NULL, *vectors = NULL;
    size_t bytes = 0;
    reshift_status status = RESHIFT_OK;
    if (memory_product((size_t)n * sizeof *centred, (size_t)d, &bytes)) {
        centred = memory_allocate(bytes);
        products = memory_allocate((size_t)n * (size_t)n * sizeof *products); /* n < d: the smaller matrix */
        vectors = memory_allocate((size_t)n * (size_t)k * sizeof *vectors);
    }
    if (!centred || !products || !vectors) {
        status = error_memory(error, bytes, "centred features");
        goto done;
    }
    centre_rows(x, mean, n, d, centred);
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, (int)n, (int)d, 1.0 / (double)(n - 1), centred, (int)d, 0.0,
                products, (int)n);
    *total = 0;
    for (int64_t i = 0; i < n; i++) {
        *total += products[i * n + i];
    }
    status = pca_largest_eigenpairs(products, n, k, variance, vectors, error);
    if (status != RESHIFT_OK) {
        goto done;
    }
    for (int i = 0; i < k; i++) {
        double *v = components + (int64_t)i * d;
        /* Below the rounding error of the products, an eigenvector is not a direction of the rows. */
        if (variance[i] <= *total * 1e-14 * (double)n) {
            variance[i] = 0;
            complete_basis(components, i, d);
            continue;
        }
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)n, (int)d, 1.0, centred, (int)d, vectors + (int64_t)i * n, 1, 0.0,
                    v, 1);
        cblas_dscal((int)d, 1 / cblas_dnrm2((int)d, v, 1), v, 1);
    }
done:
    memory_free(centred);
    memory_free(products);
    memory_free(vectors);
    return status;
}

reshift_status pca_exact(const centred_rows *rows, int k, double *variance, double *components, double *total,
                         reshift_error *error)
{
    reshift_status status = (rows->n < rows->d ? solve_by_rows : solve_by_covariance)(
        rows->x, rows->mean, rows->n, rows->d, k, variance, components, total, error);
    for (int i = 0; i < k && status == RESHIFT_OK; i++) {
        pca_fix_sign(components + i * rows->d, rows->d);
    }
    return status;
}

reshift_status pca_find(const centred_rows *rows, double *total, int k, bool tiles, pca_solver krylov, double *variance,
                        double *components, float *coordinates, reshift_error *error)
{
    bool found = false, suits = pca_krylov_suits(rows->n, rows->d, k);
    reshift_status status = RESHIFT_OK;
    for (int fast = tiles; status == RESHIFT_OK && suits && !found && fast >= 0; fast--) {
        status = krylov(rows, *total, k, fast, variance, components, coordinates, &found, error);
    }
    if (status == RESHIFT_OK && !found) {
        status = pca_exact(rows, k, variance, components, total, error);
        if (status == RESHIFT_OK) {
            pca_project(rows, components, k, coordinates);
        }
    }
    return status;
}

void pca_fix_sign(double *component, int64_t d)
{
    int64_t largest = 0;
    for (int64_t j = 1; j < d; j++) {
        largest = fabs(component[j]) > fabs(component[largest]) ? j : largest;
    }
    if (component[largest] < 0) {
        for (int64_t j = 0; j < d; j++) {
            component[j] = -component[j];
        }
    }
}

reshift_status reshift_pca_fit(const reshift_array *features, int k, reshift_pca_result *result, reshift_error *error)
{
    memset(result, 0, sizeof *result);
    reshift_status status = check_features(features, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int64_t n = features->shape[0], d = features->shape[1], most = n < d ? n : d;
    if (n < 2) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "features: principal components need at least 2 rows, found %lld",
                         (long long)n);
    }
    if (k < 1 || k > most) {
        return error_set(error, k < 1 ? RESHIFT_ERROR_ARGUMENT : RESHIFT_ERROR_SHAPE,
                         "principal components: expected 1 to %lld of [%lld,%lld] features, found %d", (long long)most,
                         (long long)n, (long long)d, k);
    }
    if ((status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, k}, &result->coordinates, error)) != RESHIFT_OK ||
        (status = reshift_array_create(RESHIFT_F64, 2, (int64_t[]){k, d}, &result->components, error)) != RESHIFT_OK ||
        (status = reshift_array_create(RESHIFT_F64, 1, (int64_t[]){d}, &result->mean, error)) != RESHIFT_OK ||
        (status = reshift_array_create(RESHIFT_F64, 1, (int64_t[]){k}, &result->variance, error)) != RESHIFT_OK ||
        (status = reshift_array_create(RESHIFT_F64, 1, (int64_t[]){k}, &result->ratio, error)) != RESHIFT_OK) {
        goto done;
    }
    const float *x = features->data;
    double *mean = result->mean.data, *components = result->components.data, *variance = result->variance.data,
           *ratio = result->ratio.data, total = 0;
    float *coordinates = result->coordinates.data;
    const centred_rows rows = {x, mean, n, d};
    status = pca_statistics(x, n, d, mean, &total, error);
    if (status == RESHIFT_OK) {
        status = pca_find(&rows, &total, k, tiles_suit(d), pca_krylov, variance, components, coordinates, error);
    }
    for (int i = 0; i < k && status == RESHIFT_OK; i++) {
        ratio[i] = total > 0 ? variance[i] / total : 0; /* constant features have no variance */
    }
done:
    if (status != RESHIFT_OK) {
        reshift_pca_destroy(result);
    }
    return status;
}

/* A value that is not finite makes its row's coordinates not finite, so only such rows are searched. */
static reshift_status check_finite(const reshift_array *features, const reshift_array *coordinates,
                                   reshift_error *error)
{
    const int64_t n = features->shape[0], d = features->shape[1];
    const int64_t row = finite_first_bad(coordinates->data, n, coordinates->shape[1]);
    if (row == n) {
        return RESHIFT_OK;
    }
    return finite_first_bad((const float *)features->data + row * d, 1, d) == 0
               ? error_set(error, RESHIFT_ERROR_NUMERIC, "features: row %lld holds a value that is not a finite number",
                           (long long)row)
               : error_set(error, RESHIFT_ERROR_NUMERIC, "features: the coordinates of row %lld overflow float32",
                           (long long)row);
}

reshift_status reshift_pca_project(const reshift_pca_result *pca, const reshift_array *features,
                                   reshift_array *coordinates, reshift_error *error)
{
    memset(coordinates, 0, sizeof *coordinates);
    reshift_status status = check_features(features, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int64_t n = features->shape[0], d = features->shape[1], k = pca->components.shape[0];
    if (d != pca->components.shape[1]) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "features: expected %lld columns as the components have, found %lld",
                         (long long)pca->components.shape[1], (long long)d);
    }
    status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, k}, coordinates, error);
    if (status == RESHIFT_OK) {
        const centred_rows rows = {features->data, pca->mean.data, n, d};
        pca_project(&rows, pca->components.data, (int)k, coordinates->data);
        status = check_finite(features, coordinates, error);
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(coordinates);
    }
    return status;
}

void reshift_pca_destroy(reshift_pca_result *result)
{
    if (result) {
        reshift_array_destroy(&result->coordinates);
        reshift_array_destroy(&result->components);
        reshift_array_destroy(&result->mean);
        reshift_array_destroy(&result->variance);
        reshift_array_destroy(&result->ratio);
    }
}
