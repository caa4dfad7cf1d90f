/* Checks of products_f64.h and of the tiles. Part of test_kernels.c. */
#ifndef TESTS_KERNELS_PRODUCTS_CHECKS_H
#define TESTS_KERNELS_PRODUCTS_CHECKS_H

#include "kernel_inputs.h"

#include "base/memory.h"
#include "kernels/linear.h"
#include "kernels/products_f64.h"
#include "kernels/tiles.h"

static void check_subtract_scaled_f64(const kernel *k, const kernel_form *form)
{
    static double found[LONG + SPARE + OFFSETS], second[LONG + OFFSETS], expected[LONG + SPARE];
    FOR_LENGTHS(n, offset)
    {
        double *v = found + offset, *u = second + (offset + 1) % OFFSETS, factor;
        fill_double(v, n + SPARE);
        fill_double(u, n);
        fill_double(&factor, 1);
        for (int64_t i = 0; i < n + SPARE; i++) {
            expected[i] = i < n ? v[i] - factor * u[i] : v[i];
        }
        ((void (*)(double *restrict, const double *restrict, double, int64_t))form->run)(v, u, factor, n);
        same_double(k, form, n, expected, v, n + SPARE);
    }
}

/* Eight sums of every eighth product, folded. */
static double eight_lanes(const double *products, int64_t n)
{
    double s[8] = {0};
    for (int64_t i = 0; i < n; i++) {
        s[i % 8] += products[i];
    }
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static void check_dot_f64(const kernel *k, const kernel_form *form)
{
    static double first[LONG + OFFSETS], second[LONG + OFFSETS], products[LONG];
    FOR_LENGTHS(n, offset)
    {
        double *a = first + offset, *b = second + (offset + 1) % OFFSETS;
        for (int64_t i = 0; i < n; i++) {
            a[i] = (double)sometimes_hostile();
            b[i] = (double)sometimes_hostile();
            products[i] = a[i] * b[i];
        }
        const double expected = eight_lanes(products, n);
        const double found = ((double (*)(const double *, const double *, int64_t))form->run)(a, b, n);
        same_double(k, form, n, &expected, &found, 1);
    }
}

/* Rows of features may be followed by 1 KiB that is asked for ahead. */
typedef struct features {
    float x[11 * LONG + SPARE + OFFSETS + 256];
    double mean[LONG], wide[2 * 3 * LONG + SPARE], expected[3 * LONG + SPARE], products[LONG];
    float shift[LONG];
} features;
static features data;

static void fill_features(features *d, float *x, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows * n; i++) {
        x[i] = sometimes_hostile();
    }
    for (int64_t i = 0; i < n; i++) {
        d->shift[i] = sometimes_hostile();
        d->mean[i] = (double)sometimes_hostile();
    }
}

static void check_columns_f64(const kernel *k, const kernel_form *form)
{
    FOR_LENGTHS(n, offset)
    {
        const int64_t rows = n % 12;
        float *x = data.x + offset;
        double *found = data.wide, *expected = data.wide + 3 * LONG; /* sum, square and a spare part each */
        fill_features(&data, x, rows < 11 ? rows : 11, n);
        fill_double(found, 2 * n + SPARE);
        memcpy(expected, found, (size_t)(2 * n + SPARE) * sizeof *found);
        for (int64_t row = 0; row < (rows < 11 ? rows : 11); row++) {
            for (int64_t j = 0; j < n; j++) {
                const double difference = (double)x[row * n + j] - (double)data.shift[j];
                expected[j] += difference;
                expected[n + j] += difference * difference;
            }
        }
        ((void (*)(const float *restrict, int64_t, int64_t, const float *restrict, double *restrict,
                   double *restrict))form->run)(x, rows < 11 ? rows : 11, n, data.shift, found, found + n);
        same_double(k, form, n, expected, found, 2 * n + SPARE);
    }
}

static void check_centred_dots(const kernel *k, const kernel_form *form)
{
    FOR_LENGTHS(n, offset)
    {
        for (int rows = 1; rows <= PRODUCTS_ROWS; rows++) {
            const int components = 1 + (int)(n + rows) % 3;
            float *x = data.x + offset;
            double found[PRODUCTS_ROWS * 3 + 1], expected[PRODUCTS_ROWS * 3 + 1];
            fill_features(&data, x, rows, n);
            fill_double(data.wide, components * n);
            fill_double(found, PRODUCTS_ROWS * 3 + 1);
            memcpy(expected, found, sizeof found);
            for (int row = 0; row < rows; row++) {
                for (int c = 0; c < components; c++) {
                    for (int64_t j = 0; j < n; j++) {
                        data.products[j] = ((double)x[row * n + j] - data.mean[j]) * data.wide[c * n + j];
                    }
                    expected[row * components + c] = eight_lanes(data.products, n);
                }
            }
            ((void (*)(const float *restrict, int, int64_t, const double *restrict, const double *restrict, int,
                       double *restrict))form->run)(x, rows, n, data.mean, data.wide, components, found);
            same_double(k, form, n, expected, found, PRODUCTS_ROWS * 3 + 1);
        }
    }
}

static void check_centred_products(const kernel *k, const kernel_form *form)
{
    FOR_LENGTHS(n, offset)
    {
        const int components = 1 + (int)n % 3;
        float *x = data.x + offset;
        double points[PRODUCTS_ROWS * 3], *found = data.wide;
        fill_features(&data, x, PRODUCTS_ROWS, n);
        fill_double(points, PRODUCTS_ROWS * 3);
        fill_double(found, components * n + SPARE);
        memcpy(data.expected, found, (size_t)(components * n + SPARE) * sizeof *found);
        for (int c = 0; c < components; c++) {
            for (int64_t j = 0; j < n; j++) {
                double p[PRODUCTS_ROWS];
                for (int row = 0; row < PRODUCTS_ROWS; row++) {
                    p[row] = ((double)x[row * n + j] - data.mean[j]) * points[row * components + c];
                }
                data.expected[c * n + j] += (p[0] + p[1]) + (p[2] + p[3]);
            }
        }
        ((void (*)(const float *restrict, int64_t, const double *restrict, const double *restrict, int,
                   double *restrict))form->run)(x, n, data.mean, points, components, found);
        same_double(k, form, n, data.expected, found, components * n + SPARE);
    }
}

/*
 * Ten vectors a block, whole multiples of 32 columns, batches of 64 rows and a smaller last one. The error of T enters
 * X' T with the weight of the row.
 */
static void check_tiles_add(const kernel *k, const kernel_form *form)
{
    typedef void (*function)(const float *, int64_t, int64_t, int64_t, int64_t, const uint16_t *, int, const double *,
                             double, void *, double *, double *);
    enum { VECTORS = LINEAR_CLASSES, BLOCKS_MOST = 2, D = 96, N = 131 };
    static float x[2 * N * D + OFFSETS];
    static double q[BLOCKS_MOST * VECTORS * D];
    for (int trial = 0; trial < 12; trial++) {
        const int64_t d = 32 * (1 + trial % 3), stride = 1 + trial % 2;
        const int n = (int[]){1, 3, 16, 63, 64, 65, 127, 128, 129, 131, 17, 48}[trial], blocks = 1 + trial / 2 % 2;
        if (!tiles_suit(d)) {
            print_message("# the system does not let this process use tiles\n");
            return;
        }
        float *rows = x + trial % OFFSETS;
        for (int64_t i = 0; i < n * stride * d; i++) {
            rows[i] = random_u32(&inputs) % 50 ? (float)random_gaussian(&inputs) : i % 2 ? 0 : -0.0f;
        }
        for (int64_t i = 0; i < blocks * VECTORS * d; i++) {
            q[i] = (double)(float)random_gaussian(&inputs);
        }
        uint16_t *packed = memory_allocate(tiles_packed(d, blocks) * sizeof *packed);
        void *scratch = memory_allocate(tiles_scratch(d, blocks));
        double *sums = memory_allocate((size_t)(blocks * VECTORS * d) * sizeof *sums), centre[20] = {0},
               total[20] = {0};
        for (int b = 0; b < blocks; b++) {
            tiles_pack(q + b * VECTORS * d, d, packed + tiles_packed(d, b));
        }
        ((function)form->run)(rows, d, 0, n, stride, packed, blocks, centre, 1, scratch, sums, total);
        for (int c = 0; c < blocks * VECTORS; c++) {
            double t[N], t_sum[N];
            for (int b = 0; b < n; b++) {
                t[b] = t_sum[b] = 0;
                for (int64_t j = 0; j < d; j++) {
                    t[b] += (double)rows[b * stride * d + j] * q[c * d + j];
                    t_sum[b] += fabs((double)rows[b * stride * d + j] * q[c * d + j]);
                }
            }
            for (int64_t group = 0; group < d / 16; group++) {
                for (int64_t lane = 0; lane < 16; lane++) {
                    const int64_t j = tiles_column(group, lane);
                    double expected = 0, bound = 0x1p-126;
                    for (int b = 0; b < n; b++) {
                        const double value = (double)rows[b * stride * d + j];
                        expected += value * t[b];
                        bound += (double)(k->roundings_each * n + k->roundings_more) * 0x1p-24 * fabs(value * t[b]);
                        bound += (double)(k->roundings_each * d + k->roundings_more) * 0x1p-24 * fabs(value) * t_sum[b];
                    }
                    const double found = sums[((c / VECTORS * (d / 16) + group) * VECTORS + c % VECTORS) * 16 + lane];
                    if (!(fabs(found - expected) <= bound)) {
                        fail_msg("%s, form %s: %d rows, column %lld: expected %.9g, found %.9g, allowed %.3g", k->name,
                                 form->name, n, (long long)j, expected, found, bound);
                    }
                }
            }
        }
        memory_free(packed);
        memory_free(scratch);
        memory_free(sums);
    }
}

#endif
