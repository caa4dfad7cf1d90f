/* Functions shared by the blurs, and the blurs that take their random draws as arguments. */
#ifndef CORRUPTIONS_BLUR_H
#define CORRUPTIONS_BLUR_H

#include "imaging/gaussian.h"
#include "reshift/corruption.h"

/** The normalised kernel of scikit-image's gaussian() for a sigma of the table. Errors: UNSUPPORTED (too large). */
reshift_status blur_kernel(double sigma, gaussian_kernel *kernel, reshift_error *error);

/**
 * x/255 filtered in float64, clipped to 0..1, times 255, truncated.
 * input, output  [H,W,3] uint8; may be the same. Errors: MEMORY. Work memory is freed before returning.
 */
reshift_status blur_gaussian_bytes(const uint8_t *input, int height, int width, const gaussian_kernel *kernel,
                                   uint8_t *output, reshift_error *error);

/* Constants of glass_blur: sigma of both blurs, maximum distance of source pixels, number of rounds. */
typedef struct glass_constants {
    double sigma;
    int reach, rounds;
} glass_constants;

/** Converts the numbers of the table. */
glass_constants glass_constants_of(const double *constants);

/* Offset of the source pixel in glass_blur: each in -reach..reach-1. */
typedef struct glass_offset {
    int8_t dx, dy;
} glass_offset;

/** Number of offsets that glass_blur uses: one per round for every pixel farther than its reach from the border. */
size_t glass_offset_count(int height, int width, const glass_constants *constants);

/**
 * `offsets` are in the order of the published loop: rounds, then rows from the bottom, then columns from the right.
 *  `output` has the input's size. Errors: MEMORY.
 */
reshift_status blur_glass_with(const reshift_image *input, const glass_constants *constants,
                               const glass_offset *offsets, reshift_image *output, reshift_error *error);

/** Radius and sigma in pixels, the angle in degrees. `output` has the input's size. Errors: MEMORY. */
reshift_status blur_motion_with(const reshift_image *input, double radius, double sigma, double angle_degrees,
                                reshift_image *output, reshift_error *error);

#endif
