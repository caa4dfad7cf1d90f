/*
 * Pillow's resampling of 8-bit images, byte for byte: two passes (along rows, then along columns) in fixed point, each
 * rounded to 8 bits. The filter's support grows with the scale when shrinking, so it is antialiased.
 */
#ifndef IMAGING_RESIZE_H
#define IMAGING_RESIZE_H

#include "reshift/image.h"

typedef enum resize_filter { RESIZE_BILINEAR, RESIZE_BOX } resize_filter;

/** A rectangle of the resized image, in pixels of the resized image. */
typedef struct resize_window {
    int top, left, height, width;
} resize_window;

/**
 * The pixels of `window` of `input` resized to height x width; pixels outside the window are not computed.
 * output  [window.height, window.width, 3], not overlapping the input
 * Errors  ARGUMENT (an extent < 1, an empty window, a window not inside the image), MEMORY. Work memory is freed before
 * returning. Source  Pillow 9.4, src/libImaging/Resample.c
 */
reshift_status resize_window_u8(const reshift_image *input, int height, int width, resize_filter filter,
                                resize_window window, uint8_t *output, reshift_error *error);

/** The whole resized image: output [height,width,3]. */
reshift_status resize_u8(const reshift_image *input, int height, int width, resize_filter filter, uint8_t *output,
                         reshift_error *error);

#endif
