/*
 * The Gaussian filter of SciPy (used by scikit-image) in float64, bit-identical: separable, column pass first, edge
 * values repeated. Every output is the centre's product plus, from the farthest pair to the nearest, (left + right)
 * times the pair's weight. No operation is fused or reordered.
 */
#ifndef IMAGING_GAUSSIAN_H
#define IMAGING_GAUSSIAN_H

#include <stdint.h>

#include "reshift/status.h"

#define GAUSSIAN_MAX_RADIUS 63

typedef struct gaussian_kernel {
    int radius;
    double weights[GAUSSIAN_MAX_RADIUS + 1]; /* of the centre, then of the pairs at distance 1, 2, ... radius */
} gaussian_kernel;

/** The radius int(truncate sigma + 0.5); both positive. */
int gaussian_radius(double sigma, double truncate);

/**
 * Unnormalised weights exp(-k^2 / 2 sigma^2), k = 0..radius; the exponential is correctly rounded like glibc's.
 * Normalise before use. Errors: UNSUPPORTED (a radius beyond GAUSSIAN_MAX_RADIUS).
 */
reshift_status gaussian_kernel_create(double sigma, double truncate, gaussian_kernel *kernel, reshift_error *error);

/** Divides by the sum over all taps, in the order of NumPy's pairwise summation. */
void gaussian_kernel_normalise(gaussian_kernel *kernel);

/** Number of doubles of work memory for gaussian_row(). */
#define GAUSSIAN_ROW_WORK(width, channels, radius) (((size_t)(width) + 2 * (size_t)(radius)) * (size_t)(channels))

/**
 * Row y of the filtered image.
 *
 * input   [H,W,C] float64
 * work    GAUSSIAN_ROW_WORK(W, C, radius) doubles
 * output  [W,C]; must not overlap input or work
 * Errors none. Memory: none allocated. Same result on every machine.
 * Source  SciPy 1.10, ni_filters.c (NI_Correlate1D), mode "nearest"
 */
void gaussian_row(const double *input, int height, int width, int channels, const gaussian_kernel *kernel, int y,
                  double *work, double *output);

/** The same for a float32 image stored in doubles: SciPy rounds to float32 after each of the two passes. */
void gaussian_row_single(const double *input, int height, int width, int channels, const gaussian_kernel *kernel, int y,
                         double *work, double *output);

#endif
