/*
 * A Gaussian over a plane of doubles with the plane mirrored at its edges ("reflect": b a | a b c | c b), as SciPy's
 * gaussian_filter, for any sigma: where the kernel is longer than the plane, it is folded, since the mirrored plane
 * repeats after twice its extent. Not bit for bit SciPy's: see gaussian.h for that.
 */
#ifndef IMAGING_SMOOTH_H
#define IMAGING_SMOOTH_H

#include <stdbool.h>
#include <stddef.h>

#include "reshift/status.h"

/** Weights of the centre and of the pairs 1..radius away, radius <= the extent of the axis. */
typedef struct smooth_axis {
    int radius;
    double *weights;
} smooth_axis;

/** Doubles that smooth_axis_fill() needs for its weights, and smooth_row() to work in. */
#define SMOOTH_WEIGHTS(extent) ((size_t)(extent) + 1)
#define SMOOTH_ROW_WORK(width) (3 * (size_t)(width))

/** Fills `weights` [SMOOTH_WEIGHTS(extent)] for an axis of `extent` values: radius int(truncate sigma + 0.5), folded.
 * sigma > 0. Same result on every machine. */
smooth_axis smooth_axis_fill(double sigma, double truncate, int extent, double *weights);

/**
 * Row y of the smoothed plane.
 * plane   [H,W]; work SMOOTH_ROW_WORK(W) doubles; output [W], neither plane nor work
 * Errors none. Memory: none allocated. Same result on every machine.
 */
void smooth_row(const double *plane, int height, int width, const smooth_axis *down, const smooth_axis *across, int y,
                double *work, double *output);

/** Taps of both axes (folded radii) up to which smooth_row() is the way: 512x512 with any sigma stays below. */
enum { SMOOTH_TAPS_MOST = 1024, SMOOTH_LANES = 16 };

/** True where smooth_plane() is the way. */
bool smooth_is_long(double sigma, double truncate, int height, int width);

/** Doubles that smooth_plane() works in. */
#define SMOOTH_PLANE_WORK(height, width) (2 * SMOOTH_LANES * (size_t)((height) > (width) ? (height) : (width)))

/**
 * The same Gaussian over a whole plane, in place, in a time per value that does not grow with sigma (the time of some 100
 * taps). Within (height + width + 4 radius) 2^-50 of smooth_row() for values of at most 1; truncate 3.
 * plane   [H,W], read and written; work SMOOTH_PLANE_WORK(H, W) doubles
 * Errors none. Memory: none allocated. Same result on every machine.
 * Source  cosine series of a periodic Gaussian, as in Elboher & Werman 2012; coefficients by Poisson summation
 */
void smooth_plane(double *plane, int height, int width, double sigma, double truncate, double *work);

#endif
