/*
 * Snow, frost, fog and spatter with their random draws as arguments. The corruptions of the table call them with their
 * own draws, the tests with those of the reference implementation. `output` is an allocated image of the input's size
 * that does not overlap the input.
 */
#ifndef CORRUPTIONS_WEATHER_H
#define CORRUPTIONS_WEATHER_H

#include "corruptions/frost.h"
#include "reshift/corruption.h"

/** Constants of snow: normal layer, its zoom, the threshold of flakes, motion blur, the fraction of the image kept. */
typedef struct weather_snow_constants {
    double mean, deviation, zoom, threshold, radius, sigma, kept;
} weather_snow_constants;

/** Constants of spatter: normal layer, its smoothing, the threshold of drops; strength of water, or sigma of mud. */
typedef struct weather_spatter_constants {
    double mean, deviation, sigma, threshold, strength;
    int mud;
} weather_spatter_constants;

/** normals: [H,W] standard normal; angle in degrees. Errors: MEMORY. */
reshift_status weather_snow_with(const reshift_image *input, const weather_snow_constants *constants,
                                 const float *normals, double angle_degrees, reshift_image *output,
                                 reshift_error *error);

/** overlay [H,W,3], rows `overlay_width` pixels apart. Errors none. */
void weather_frost_with(const reshift_image *input, double image_share, double frost_share, const uint8_t *overlay,
                        int overlay_width, reshift_image *output);

/**
 * Side of the plasma map for an image of this size: the power of two that covers it, at least 2. For images more than
 * twice as long as wide it may be smaller (at most 8 points per pixel); the map is then repeated.
 */
int weather_fog_side(int height, int width);

/** uniforms: PLASMA_DRAWS(side) numbers in [0,1). Errors: MEMORY. */
reshift_status weather_fog_with(const reshift_image *input, double thickness, double decay, const double *uniforms,
                                reshift_image *output, reshift_error *error);

/** normals: [H,W] standard normal. Errors: MEMORY. */
reshift_status weather_spatter_with(const reshift_image *input, const weather_spatter_constants *constants,
                                    const float *normals, reshift_image *output, reshift_error *error);

#endif
