/*
 * PCA's float64 passes over the features: column statistics and coordinates, optionally with the product by the
 * covariance. Rows are divided into fixed sections whose sums are added in order, and a sum along a row uses eight
 * lanes folded in a fixed order: results do not depend on threads or the instruction set.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "analysis/pca_inside.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernels/products_f64.h"

enum {
    ROWS = PRODUCTS_ROWS,
    GAP = 8 /* doubles between the sections' sums */
};

/* Rows per section: 1,024, or more so that there are at most 64 sections. */
static int64_t section_rows(int64_t n)
{
    int64_t share = (n / 64 + ROWS) / ROWS * ROWS;
    return share > 1024 ? share : 1024;
}

/* ---- statistics ---- */

static reshift_status name_bad_row(const float *x, int64_t n, int64_t d, reshift_error *error)
{
    for (int64_t row = 0; row < n; row++) {
        for (int64_t j = 0; j < d; j++) {
            if (!isfinite(x[row * d + j])) {
                return error_set(error, RESHIFT_ERROR_NUMERIC,
                                 "features: row %lld holds a value that is not a finite number", (long long)row);
            }
        }
    }
    return error_set(error, RESHIFT_ERROR_NUMERIC, "features: their variance is not a finite number");
}

reshift_status pca_statistics(const float *x, int64_t n, int64_t d, double *mean, double *total, reshift_error *error)
{
    const int64_t section = section_rows(n), n_sections = (n + section - 1) / section;
    size_t bytes = 0;
    double *sums = NULL;
    if (memory_product((size_t)n_sections * 2 * sizeof *sums, (size_t)d, &bytes)) {
        sums = memory_allocate(bytes);
    }
    if (!sums) {
        return error_memory(error, bytes, "sums of the features' columns");
    }
#pragma omp parallel for schedule(dynamic)
    for (int64_t s = 0; s < n_sections; s++) {
        int64_t first = s * section, rows = n - first < section ? n - first : section;
        columns_f64(x + first * d, rows, d, x, sums + 2 * s * d, sums + (2 * s + 1) * d);
    }
    double all = 0;
    for (int64_t s = 1; s < n_sections; s++) {
        for (int64_t j = 0; j < 2 * d; j++) {
            sums[j] += sums[2 * s * d + j];
        }
    }
    for (int64_t j = 0; j < d; j++) {
        double sum = sums[j], squares = sums[d + j] - sum * (sum / (double)n);
        mean[j] = x[j] + sum / (double)n;
        all += squares > 0 || isnan(squares) ? squares : 0; /* rounding may make a constant column negative */
    }
    *total = n > 1 ? all / (double)(n - 1) : 0;
    memory_free(sums);
    return isfinite(all) ? RESHIFT_OK : name_bad_row(x, n, d, error);
}

/* ---- products ---- */

/* One section: coordinates, and its contribution to the product (NULL: none). `points` [ROWS,k] is scratch memory. */
static void project_section(const centred_rows *rows, int64_t section, const double *components, int k,
                            float *coordinates, double *points, double *product)
{
    const int64_t d = rows->d, length = section_rows(rows->n), first = section * length;
    const int64_t last = first + length < rows->n ? first + length : rows->n;
    for (int64_t row = first; row < last; row += ROWS) {
        int count = last - row < ROWS ? (int)(last - row) : ROWS;
        centred_dots(rows->x + row * d, count, d, rows->mean, components, k, points);
        for (int i = 0; i < count * k; i++) {
            coordinates[row * k + i] = (float)points[i];
        }
        if (product && count == ROWS) {
            centred_products(rows->x + row * d, d, rows->mean, points, k, product);
        } else if (product) {
            for (int i = 0; i < count; i++) {
                for (int c = 0; c < k; c++) {
                    for (int64_t j = 0; j < d; j++) {
                        product[c * d + j] += (rows->x[(row + i) * d + j] - rows->mean[j]) * points[i * k + c];
                    }
                }
            }
        }
    }
}

void pca_project(const centred_rows *rows, const double *components, int k, float *coordinates)
{
    enum { AT_ONCE = 16 }; /* components per call: their scratch memory is on the stack */
    const int64_t section = section_rows(rows->n), n_sections = (rows->n + section - 1) / section;
#pragma omp parallel for schedule(dynamic)
    for (int64_t s = 0; s < n_sections; s++) {
        double points[ROWS * AT_ONCE];
        float some[ROWS * AT_ONCE];
        const int64_t last = (s + 1) * section < rows->n ? (s + 1) * section : rows->n;
        for (int64_t row = s * section; row < last; row += ROWS) {
            int count = last - row < ROWS ? (int)(last - row) : ROWS;
            for (int first = 0; first < k; first += AT_ONCE) {
                int width = k - first < AT_ONCE ? k - first : AT_ONCE;
                centred_dots(rows->x + row * rows->d, count, rows->d, rows->mean, components + first * rows->d, width,
                             points);
                for (int i = 0; i < count * width; i++) {
                    some[i] = (float)points[i];
                }
                for (int i = 0; i < count; i++) {
                    memcpy(coordinates + (row + i) * k + first, some + i * width, (size_t)width * sizeof *some);
                }
            }
        }
    }
}

reshift_status pca_project_and_multiply(const centred_rows *rows, const double *components, int k, float *coordinates,
                                        double *product, reshift_error *error)
{
    const int64_t section = section_rows(rows->n), n_sections = (rows->n + section - 1) / section;
    const int64_t wide = k * rows->d, stride = wide + ROWS * k + GAP;
    size_t bytes = 0;
    double *sums = NULL;
    if (memory_product((size_t)n_sections * sizeof *sums, (size_t)stride, &bytes)) {
        sums = memory_allocate(bytes);
    }
    if (!sums) {
        return error_memory(error, bytes, "products with the covariance");
    }
#pragma omp parallel for schedule(dynamic)
    for (int64_t s = 0; s < n_sections; s++) {
        double *own = sums + s * stride;
        project_section(rows, s, components, k, coordinates, own + wide, own);
    }
    memcpy(product, sums, (size_t)wide * sizeof *product);
    for (int64_t s = 1; s < n_sections; s++) {
        for (int64_t j = 0; j < wide; j++) {
            product[j] += sums[s * stride + j];
        }
    }
    for (int64_t j = 0; j < wide; j++) {
        product[j] /= (double)(rows->n - 1);
    }
    memory_free(sums);
    return RESHIFT_OK;
}
