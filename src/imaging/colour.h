/* RGB and HSV in float64, bit-identical to scikit-image 0.19 (skimage.color.rgb2hsv, hsv2rgb). */
#ifndef IMAGING_COLOUR_H
#define IMAGING_COLOUR_H

#include <stddef.h>

/** `n` colours, one plane per channel, values in 0..1. The first plane holds red or hue, and so on. */
typedef struct colour_planes {
    double *first, *second, *third;
} colour_planes;

/**
 * Converts to hue, saturation and value. Hue is in [0, 1), red is 0, grey has hue and saturation 0. `hsv` must not
 * overlap `rgb`. Errors none, memory none; same result on every machine.
 */
void colour_rgb_to_hsv(colour_planes rgb, size_t n, colour_planes hsv);
/** The inverse; a hue of 1 equals 0. */
void colour_hsv_to_rgb(colour_planes hsv, size_t n, colour_planes rgb);

#endif
