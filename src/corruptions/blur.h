/* What the blurs share, and those that draw with their draws as arguments. `constants` is CIFAR or IMAGENET. */
#ifndef CORRUPTIONS_BLUR_H
#define CORRUPTIONS_BLUR_H

#include "imaging/gaussian.h"
#include "reshift/corruption.h"

/* A sigma, and where NumPy's AVX-512 exponential errs (see blur.c). Bit k: for the pair k away from the centre it is
 * one unit above, or below, the right one. */
typedef struct blur_sigma {
    double sigma;
    uint32_t one_above, one_below;
} blur_sigma;

/** The normalised kernel of scikit-image's gaussian(). Errors: UNSUPPORTED (sigma too large). */
reshift_status blur_kernel(const blur_sigma *sigma, gaussian_kernel *kernel, reshift_error *error);

/**
 * x/255 filtered in float64, clipped to 0..1, times 255, truncated.
 * input, output  [H,W,3] uint8; may be the same. Errors: MEMORY. Work memory is freed before returning.
 */
reshift_status blur_gaussian_bytes(const uint8_t *input, int height, int width, const gaussian_kernel *kernel,
                                   uint8_t *output, reshift_error *error);

/* Where a pixel of glass_blur is taken from: each -delta..delta-1. */
typedef struct glass_offset {
    int8_t dx, dy;
} glass_offset;

/** How far glass_blur looks, and how many offsets it uses up: one a pixel further than that from the border, each time.
 */
int glass_reach(int severity, reshift_constants constants);
size_t glass_offset_count(int height, int width, int severity, reshift_constants constants);

/** `offsets` in the order of the published loop: times, then rows from below, then columns from the right.
 *  `output` has the input's size. Errors: MEMORY. */
reshift_status blur_glass_with(const reshift_image *input, int severity, reshift_constants constants,
                               const glass_offset *offsets, reshift_image *output, reshift_error *error);

/** The angle in degrees. `output` has the input's size. Errors: MEMORY. */
reshift_status blur_motion_with(const reshift_image *input, int severity, reshift_constants constants,
                                double angle_degrees, reshift_image *output, reshift_error *error);

#endif
