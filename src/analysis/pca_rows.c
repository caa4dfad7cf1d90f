/*
 * PCA's passes over the features, in float64: statistics of the columns, and coordinates, with the product by the
 * covariance where it is asked for. Rows go in fixed sections whose sums are added in order, and a sum along a row has
 * eight lanes folded in a fixed order: neither threads nor the instruction set change a bit.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "analysis/pca_inside.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernels/vector.h"

enum {
    ROWS = 4, /* that meet a column's sums at once */
    LANES = 8,
    PIECE = 32, /* columns that are asked for at once */
    AHEAD = 256 /* columns before they are wanted */
};

/* Rows of a section: 1,024, or what makes 64 sections of more. */
static int64_t section_rows(int64_t n)
{
    int64_t share = (n / 64 + ROWS) / ROWS * ROWS;
    return share > 1024 ? share : 1024;
}

/* ---- statistics ---- */

/* Asks for columns of ROWS rows a kilobyte before they are wanted, for a piece from `start` on. */
static inline __attribute__((always_inline)) void ask_for_rows(const float *x, int64_t start, int64_t end, int64_t d)
{
    for (int row = 0; row < ROWS; row++) {
        for (int64_t j = start; j < end; j += 16) {
            __builtin_prefetch(x + row * d + j + AHEAD, 0, 3);
        }
    }
}

static inline __attribute__((always_inline)) void add_piece(const float *restrict x, int64_t start, int64_t end,
                                                            int64_t d, const float *restrict shift,
                                                            double *restrict sum, double *restrict square)
{
    const float *a = x, *b = a + d, *c = b + d, *e = c + d;
    for (int64_t j = start; j < end; j++) {
        double s = shift[j], p = a[j] - s, q = b[j] - s, u = c[j] - s, v = e[j] - s;
        sum[j] = (((sum[j] + p) + q) + u) + v;
        square[j] = (((square[j] + p * p) + q * q) + u * u) + v * v;
    }
}

/* sum and square [d] += x - shift and its square over `rows` rows, in their order */
static RESHIFT_VECTOR(void, add_columns, (const float *restrict x, int64_t rows, int64_t d, const float *restrict shift,
                                          double *restrict sum, double *restrict square),
                      (x, rows, d, shift, sum, square))
{
    int64_t row = 0;
    for (; row + ROWS <= rows; row += ROWS) {
        for (int64_t start = 0; start < d; start += PIECE) {
            const int64_t end = start + PIECE < d ? start + PIECE : d;
            ask_for_rows(x + row * d, start, end, d);
            add_piece(x + row * d, start, end, d, shift, sum, square);
        }
    }
    for (; row < rows; row++) {
        for (int64_t j = 0; j < d; j++) {
            double p = (double)x[row * d + j] - shift[j];
            sum[j] += p;
            square[j] += p * p;
        }
    }
}

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
        add_columns(x + first * d, rows, d, x, sums + 2 * s * d, sums + (2 * s + 1) * d);
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
        all += squares > 0 || isnan(squares) ? squares : 0; /* rounding may leave a constant column below 0 */
    }
    *total = n > 1 ? all / (double)(n - 1) : 0;
    memory_free(sums);
    return isfinite(all) ? RESHIFT_OK : name_bad_row(x, n, d, error);
}

/* ---- products ---- */

static inline __attribute__((always_inline)) double fold(const double sum[LANES])
{
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

RESHIFT_VECTOR(double, pca_dot, (const double *a, const double *b, int64_t n), (a, b, n))
{
    double sum[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        for (int l = 0; l < LANES; l++) {
            sum[l] += a[j + l] * b[j + l];
        }
    }
    for (int l = 0; j < n; j++, l++) {
        sum[l] += a[j] * b[j];
    }
    return fold(sum);
}

/* points[row][k] of `pair` components of ROWS rows, or of one; a row's sum is the same in either */
static inline __attribute__((always_inline)) void dots_of(const float *restrict x, const int rows, int64_t d,
                                                          const double *restrict mean, const double *restrict c,
                                                          const int pair, int k, const bool ask,
                                                          double *restrict points)
{
    double sum[2][ROWS][LANES] = {0};
    const int64_t whole = d / LANES * LANES;
    for (int64_t start = 0; start < whole; start += PIECE) {
        const int64_t end = start + PIECE < whole ? start + PIECE : whole;
        if (ask) {
            ask_for_rows(x, start, end, d);
        }
        for (int64_t j = start; j < end; j += LANES) {
            for (int row = 0; row < rows; row++) {
                for (int l = 0; l < LANES; l++) {
                    double value = x[row * d + j + l] - mean[j + l];
                    for (int i = 0; i < pair; i++) {
                        sum[i][row][l] += value * c[i * d + j + l];
                    }
                }
            }
        }
    }
    for (int row = 0; row < rows; row++) {
        for (int i = 0; i < pair; i++) {
            for (int64_t rest = whole; rest < d; rest++) {
                sum[i][row][rest - whole] += (x[row * d + rest] - mean[rest]) * c[i * d + rest];
            }
            points[row * k + i] = fold(sum[i][row]);
        }
    }
}

static RESHIFT_VECTOR(void, dots, (const float *restrict x, int rows, int64_t d, const double *restrict mean,
                                   const double *restrict components, int k, double *restrict points),
                      (x, rows, d, mean, components, k, points))
{
    int i = 0;
    if (rows == ROWS) {
        for (; i + 2 <= k; i += 2) {
            dots_of(x, ROWS, d, mean, components + i * d, 2, k, i == 0, points + i);
        }
        for (; i < k; i++) {
            dots_of(x, ROWS, d, mean, components + i * d, 1, k, i == 0, points + i);
        }
        return;
    }
    for (int row = 0; row < rows; row++) {
        for (i = 0; i < k; i++) {
            dots_of(x + row * d, 1, d, mean, components + i * d, 1, k, false, points + row * k + i);
        }
    }
}

static inline __attribute__((always_inline)) void products_of(const float *restrict x, int64_t d,
                                                              const double *restrict mean,
                                                              const double *restrict points, int k, const int pair,
                                                              double *restrict product)
{
    const float *a = x, *b = a + d, *c = b + d, *e = c + d;
    for (int64_t j = 0; j < d; j++) {
        double m = mean[j], f = a[j] - m, g = b[j] - m, h = c[j] - m, o = e[j] - m;
        for (int i = 0; i < pair; i++) {
            product[i * d + j] += (f * points[i] + g * points[k + i]) + (h * points[2 * k + i] + o * points[3 * k + i]);
        }
    }
}

/* product [k,d] += points' (x - mean) over ROWS rows */
static RESHIFT_VECTOR(void, add_products, (const float *restrict x, int64_t d, const double *restrict mean,
                                           const double *restrict points, int k, double *restrict product),
                      (x, d, mean, points, k, product))
{
    int i = 0;
    for (; i + 2 <= k; i += 2) {
        products_of(x, d, mean, points + i, k, 2, product + i * d);
    }
    for (; i < k; i++) {
        products_of(x, d, mean, points + i, k, 1, product + i * d);
    }
}

/* One section: coordinates, and its share of the product (NULL: none). `points` [ROWS,k] is scratch. */
static void project_section(const centred_rows *rows, int64_t section, const double *components, int k,
                            float *coordinates, double *points, double *product)
{
    const int64_t d = rows->d, length = section_rows(rows->n), first = section * length;
    const int64_t last = first + length < rows->n ? first + length : rows->n;
    for (int64_t row = first; row < last; row += ROWS) {
        int count = last - row < ROWS ? (int)(last - row) : ROWS;
        dots(rows->x + row * d, count, d, rows->mean, components, k, points);
        for (int i = 0; i < count * k; i++) {
            coordinates[row * k + i] = (float)points[i];
        }
        if (product && count == ROWS) {
            add_products(rows->x + row * d, d, rows->mean, points, k, product);
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
    enum { AT_ONCE = 16 }; /* components: their scratch is on the stack */
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
                dots(rows->x + row * rows->d, count, rows->d, rows->mean, components + first * rows->d, width, points);
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
    const int64_t wide = k * rows->d, stride = wide + ROWS * k + LANES;
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
