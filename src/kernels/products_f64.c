/*
 * Loops of products_f64.h. A sum along a row has eight lanes, which are folded in a fixed order; sums of columns follow
 * the order of the rows. Memory is prefetched a kilobyte ahead: that is faster than the hardware's own prefetching
 * here.
 */
#include "kernels/products_f64.h"

#include <stdbool.h>

#include "kernels/kernels.h"

enum {
    ROWS = PRODUCTS_ROWS,
    LANES = 8,
    PIECE = 32, /* columns that are prefetched at once */
    AHEAD = 256 /* columns from use to prefetch */
};

/* ---- element by element ---- */

RESHIFT_KERNEL(void, add_f32_to_f64, (double *restrict sums, const float *restrict values, int64_t n),
               (sums, values, n))
{
    for (int64_t i = 0; i < n; i++) {
        sums[i] += (double)values[i];
    }
}

RESHIFT_KERNEL(void, subtract_scaled_f64, (double *restrict v, const double *restrict u, double factor, int64_t n),
               (v, u, factor, n))
{
    for (int64_t j = 0; j < n; j++) {
        v[j] -= factor * u[j];
    }
}

/* ---- sums of columns ---- */

/* Prefetches the columns AHEAD of a piece, of ROWS rows. */
static inline __attribute__((always_inline)) void prefetch_rows(const float *x, int64_t start, int64_t end, int64_t d)
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

RESHIFT_KERNEL(void, columns_f64,
               (const float *restrict x, int64_t rows, int64_t d, const float *restrict shift, double *restrict sum,
                double *restrict square),
               (x, rows, d, shift, sum, square))
{
    int64_t row = 0;
    for (; row + ROWS <= rows; row += ROWS) {
        for (int64_t start = 0; start < d; start += PIECE) {
            const int64_t end = start + PIECE < d ? start + PIECE : d;
            prefetch_rows(x + row * d, start, end, d);
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

/* ---- products ---- */

static inline __attribute__((always_inline)) double fold(const double sum[LANES])
{
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

RESHIFT_KERNEL(double, dot_f64, (const double *a, const double *b, int64_t n), (a, b, n))
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
                                                          const int pair, int k, const bool prefetch,
                                                          double *restrict points)
{
    double sum[2][ROWS][LANES] = {0};
    const int64_t whole = d / LANES * LANES;
    for (int64_t start = 0; start < whole; start += PIECE) {
        const int64_t end = start + PIECE < whole ? start + PIECE : whole;
        if (prefetch) {
            prefetch_rows(x, start, end, d);
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

RESHIFT_KERNEL(void, centred_dots,
               (const float *restrict x, int rows, int64_t d, const double *restrict mean,
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

RESHIFT_KERNEL(void, centred_products,
               (const float *restrict x, int64_t d, const double *restrict mean, const double *restrict points, int k,
                double *restrict product),
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
