/*
 * Sums and products in float64, of doubles or of float32 rows less their mean, on the calling thread. The order of
 * every sum is fixed, so all instruction sets give the same bits.
 */
#ifndef KERNELS_PRODUCTS_F64_H
#define KERNELS_PRODUCTS_F64_H

#include <stdint.h>

enum { PRODUCTS_ROWS = 4 }; /* rows that are worked on at once */

/** sums += values, [n]. */
void add_f32_to_f64(double *restrict sums, const float *restrict values, int64_t n);
/** v -= factor u, [n]. */
void subtract_scaled_f64(double *restrict v, const double *restrict u, double factor, int64_t n);
/** The sum of a b, [n]: eight sums of every eighth product, folded 0+4, 2+6, 1+5, 3+7. */
double dot_f64(const double *a, const double *b, int64_t n);

/** sum and square [d] += x - shift and its square, over x [rows,d] in the order of the rows; shift [d]. */
void columns_f64(const float *restrict x, int64_t rows, int64_t d, const float *restrict shift, double *restrict sum,
                 double *restrict square);

/**
 * points [rows,k] = (x - mean) components', x [rows,d], rows at most PRODUCTS_ROWS, components [k,d]. A sum has eight
 * lanes as in dot_f64(). Up to 1 KiB behind each row may be prefetched.
 */
void centred_dots(const float *restrict x, int rows, int64_t d, const double *restrict mean,
                  const double *restrict components, int k, double *restrict points);
/** product [k,d] += points' (x - mean), x [PRODUCTS_ROWS,d], points [PRODUCTS_ROWS,k]: rows 0 + 1 and 2 + 3 first. */
void centred_products(const float *restrict x, int64_t d, const double *restrict mean, const double *restrict points,
                      int k, double *restrict product);

#endif
