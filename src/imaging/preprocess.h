/* From 8-bit pixels to network input: resize, crop, divide by 255, normalise. */
#ifndef IMAGING_PREPROCESS_H
#define IMAGING_PREPROCESS_H

#include "reshift/image.h"

/**
 * Resizes the whole image to size x size in float (half-pixel bilinear, no crop, never rounded to 8 bits; antialiased
 * triangle filter when shrinking), then computes (x/255 - mean) / std. output [size,size,3] float. Used for array sets
 * (cifar10, cifar10-c, npy, demo). Errors: MEMORY.
 */
reshift_status preprocess_array(const reshift_image *image, int size, const float mean[3], const float std[3],
                                float *output, reshift_error *error);

/** Source samples of one sample of a resampled axis: `n` samples from `start`. */
typedef struct preprocess_taps {
    int start, n;
} preprocess_taps;

/** Maximum number of taps of a sample of the axis. */
int preprocess_most_taps(int in, int out);

/**
 * The taps and weights with which preprocess_array() resizes an axis of `in` samples to `out`: axis [out], weights
 * [out, n_max] with n_max = preprocess_most_taps(in, out).
 */
void preprocess_axis(int in, int out, int n_max, preprocess_taps *axis, float *weights);

/**
 * Resizes the shorter side to `resize` (Pillow's bilinear filter, rounded to 8 bits after each pass) and crops the
 * centre size x size with the rounding of torchvision's CenterCrop; pixels outside the image are black.
 *
 * output  [size,size,3], 8 bits
 * Errors  ARGUMENT (an empty image, an invalid resize), MEMORY
 */
reshift_status preprocess_crop(const reshift_image *image, int resize, int size, uint8_t *output, reshift_error *error);

/** No value that normalising makes of pixels exceeds it in magnitude: for any (x/255 - mean) / std, x from 0 to 255. */
double preprocess_largest(const float mean[3], const float std[3]);

/** preprocess_crop(), then (x/255 - mean) / std: output [size,size,3] float. Errors: as preprocess_crop(). */
reshift_status preprocess_photo(const reshift_image *image, int resize, int size, const float mean[3],
                                const float std[3], float *output, reshift_error *error);

#endif
