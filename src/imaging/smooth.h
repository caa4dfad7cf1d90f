/*
 * A Gaussian filter of a plane of doubles with mirrored edges ("reflect": b a | a b c | c b), as SciPy's
 * gaussian_filter, for any sigma. A kernel longer than the plane is folded, because the mirrored plane is periodic with
 * twice its extent. The result is not bit-identical to SciPy; gaussian.h is.
 */
#ifndef IMAGING_SMOOTH_H
#define IMAGING_SMOOTH_H

#include <stdbool.h>
#include <stddef.h>

#include "reshift/status.h"

/** Weights of the centre and of the pairs at distance 1..radius, radius <= the extent of the axis. */
typedef struct smooth_axis {
    int radius;
    double *weights;
} smooth_axis;

/** Number of doubles for the weights of smooth_axis_fill(), and for the work memory of smooth_row(). */
#define SMOOTH_WEIGHTS(extent) ((size_t)(extent) + 1)
#define SMOOTH_ROW_WORK(width) (3 * (size_t)(width))

/** Fills `weights` [SMOOTH_WEIGHTS(extent)] for an axis of `extent` values: radius int(truncate sigma + 0.5), folded.
 * sigma > 0. Same result on every machine. */
smooth_axis smooth_axis_fill(double sigma, double truncate, int extent, double *weights);

/**
 * Row y of the smoothed plane.
 * plane   [H,W]; work SMOOTH_ROW_WORK(W) doubles; output [W], must not overlap plane or work
 * Errors none. Memory: none allocated. Same result on every machine.
 */
void smooth_row(const double *plane, int height, int width, const smooth_axis *down, const smooth_axis *across, int y,
                double *work, double *output);

/** smooth_row() is used up to this number of taps of both axes (folded radii): 512x512 with any sigma stays below. */
enum { SMOOTH_TAPS_MOST = 1024, SMOOTH_LANES = 16 };

/** True if smooth_plane() should be used. */
bool smooth_is_long(double sigma, double truncate, int height, int width);

/** Number of doubles of work memory for smooth_plane(). */
#define SMOOTH_PLANE_WORK(height, width) (2 * SMOOTH_LANES * (size_t)((height) > (width) ? (height) : (width)))

/**
 * The same Gaussian over a whole plane, in place. The time per value does not depend on sigma (about the time of 100
 * taps). Within (height + width + 4 radius) 2^-50 of smooth_row() for values of at most 1; truncate 3.
 * plane   [H,W], read and written; work SMOOTH_PLANE_WORK(H, W) doubles
 * Errors none. Memory: none allocated. Same result on every machine.
 * Source  cosine series of a periodic Gaussian, as in Elboher & Werman 2012; coefficients by Poisson summation
 */
void smooth_plane(double *plane, int height, int width, double sigma, double truncate, double *work);

#endif
