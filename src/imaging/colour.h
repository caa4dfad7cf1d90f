/* RGB and HSV in float64, to the last bit what scikit-image 0.19 computes (skimage.color.rgb2hsv, hsv2rgb). */
#ifndef IMAGING_COLOUR_H
#define IMAGING_COLOUR_H

#include <stddef.h>

/** `n` colours, a plane each; values in 0..1. The first plane holds red or hue, and so on. */
typedef struct colour_planes {
    double *first, *second, *third;
} colour_planes;

/**
 * Hue, saturation and value of red, green and blue. Hue is in [0, 1), 0 is red, and grey has hue and saturation 0.
 * The planes of `hsv` are other memory than those of `rgb`. Errors none, memory none; same result on every machine.
 */
void colour_rgb_to_hsv(colour_planes rgb, size_t n, colour_planes hsv);
/** The inverse; a hue of 1 is that of 0. */
void colour_hsv_to_rgb(colour_planes hsv, size_t n, colour_planes rgb);

#endif
