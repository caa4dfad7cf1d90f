/*
 * ImageMagick's motion blur, byte for byte: every pixel becomes a weighted sum of the pixels in one direction, with the
 * weights of half a Gaussian. Values are 16-bit quanta (ImageMagick 6, Q16 without HDRI): 257 times the byte. The
 * float64 sum is rounded to a quantum and divided by 257 with truncation, as when ImageMagick writes an 8-bit PNG.
 */
#ifndef IMAGING_MOTION_H
#define IMAGING_MOTION_H

#include <stdint.h>

#include "reshift/status.h"

#define MOTION_MAX_TAPS 64

/* The taps in order: input pixel (y + dy, x + dx) has weight weights[i]. Tap 0 is the pixel itself. */
typedef struct motion_kernel {
    int taps;
    int dx[MOTION_MAX_TAPS], dy[MOTION_MAX_TAPS];
    double weights[MOTION_MAX_TAPS];
} motion_kernel;

/**
 * The kernel of `convert -motion-blur RADIUSxSIGMA+ANGLE`: 2 ceil(radius) + 1 taps with weights exp(-i^2 / 2 sigma^2)
 * divided by their sum; tap i has offset (ceil(i cos a - 0.5), ceil(i sin a - 0.5)); the angle a is in degrees,
 * clockwise from right. Same kernel on every machine. Errors: ARGUMENT (radius or sigma not positive, angle not
 * finite), UNSUPPORTED (more than MOTION_MAX_TAPS taps).
 */
reshift_status motion_kernel_create(double radius, double sigma, double angle_degrees, motion_kernel *kernel,
                                    reshift_error *error);

/**
 * Blurs 8-bit pixels along the kernel; edge pixels are repeated outside the image.
 *
 * input   [H,W,C] uint8, C 1 (grey) or 3
 * output  [H,W,C]; not overlapping the input
 * Errors  MEMORY. Work memory is freed before returning. Same result on every machine.
 * Source  ImageMagick 6.9.11, magick/effect.c (MotionBlurImageChannel)
 */
reshift_status motion_blur_u8(const uint8_t *input, int height, int width, int channels, const motion_kernel *kernel,
                              uint8_t *output, reshift_error *error);

#endif
