/* elastic_transform with its random draws as arguments. */
#ifndef CORRUPTIONS_ELASTIC_H
#define CORRUPTIONS_ELASTIC_H

#include "reshift/image.h"

/** Scales of the draws, in pixels: displacement strength, smoothness of the fields, moves of the three points. */
typedef struct elastic_constants {
    double strength_px, sigma_px, move_px;
} elastic_constants;

/** Converts the table's numbers, which are fractions of the shorter side, for an image of this size. */
elastic_constants elastic_constants_of(const double *constants, bool imagenet, int height, int width);

/**
 * An affine map that moves three points of the image, then displacements along both axes.
 *
 * moves    [3,2] pixels (x, y), added to the points
 * field_x, field_y  [H,W] in -1..1, smoothed and scaled in place; not read if the strength is 0
 * output   of the input's size, another image
 * Errors   UNSUPPORTED (an image under 3 pixels a side), MEMORY (freed before returning). Same result on every machine.
 * Source   Hendrycks & Dietterich 2019; Simard et al. 2003
 */
reshift_status elastic_with(const reshift_image *input, elastic_constants constants, const double moves[3][2],
                            double *field_x, double *field_y, reshift_image *output, reshift_error *error);

#endif
