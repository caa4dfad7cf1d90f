/*
 * The Gaussian filter of SciPy (and so of scikit-image) in float64, to the last bit: separable, rows' axis first, edge
 * values repeated, every output the centre's product plus, from the farthest pair to the nearest, (left + right) times
 * their weight. Nothing is fused or reordered.
 */
#ifndef IMAGING_GAUSSIAN_H
#define IMAGING_GAUSSIAN_H

#include <stdint.h>

#include "reshift/status.h"

#define GAUSSIAN_MAX_RADIUS 63

typedef struct gaussian_kernel {
    int radius;
    double weights[GAUSSIAN_MAX_RADIUS + 1]; /* of the centre, then of the pair 1, 2, ... radius away */
} gaussian_kernel;

/** The radius int(truncate sigma + 0.5); both positive. */
int gaussian_radius(double sigma, double truncate);

/**
 * Unnormalised weights exp(-k^2 / 2 sigma^2), k = 0..radius, the exponential correctly rounded as glibc's is.
 * Errors: UNSUPPORTED (a radius beyond GAUSSIAN_MAX_RADIUS). To be normalised before use.
 */
reshift_status gaussian_kernel_create(double sigma, double truncate, gaussian_kernel *kernel, reshift_error *error);

/** Divides by the sum over all taps, added in the order of NumPy's pairwise sum. */
void gaussian_kernel_normalise(gaussian_kernel *kernel);

/** Doubles that gaussian_row() works in. */
#define GAUSSIAN_ROW_WORK(width, channels, radius) (((size_t)(width) + 2 * (size_t)(radius)) * (size_t)(channels))

/**
 * Row y of the filtered image.
 *
 * input   [H,W,C] float64
 * work    GAUSSIAN_ROW_WORK(W, C, radius) doubles
 * output  [W,C]; neither input nor work
 * Errors none. Memory: none allocated. Same result on every machine.
 * Source  SciPy 1.10, ni_filters.c (NI_Correlate1D), mode "nearest"
 */
void gaussian_row(const double *input, int height, int width, int channels, const gaussian_kernel *kernel, int y,
                  double *work, double *output);

/** The same of a float32 image, held in doubles: SciPy rounds to float32 after each of the two axes. */
void gaussian_row_single(const double *input, int height, int width, int channels, const gaussian_kernel *kernel, int y,
                         double *work, double *output);

#endif
