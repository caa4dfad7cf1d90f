/*
 * Pillow's resampling of 8-bit images, exact to the byte: two passes (along rows, then down columns) in fixed point,
 * each rounded to 8 bits. The filter grows with the scale when shrinking, so it is antialiased.
 */
#ifndef IMAGING_RESIZE_H
#define IMAGING_RESIZE_H

#include "reshift/image.h"

typedef enum resize_filter { RESIZE_BILINEAR, RESIZE_BOX } resize_filter;

/** A rectangle of the resized image, in its pixels. */
typedef struct resize_window {
    int top, left, height, width;
} resize_window;

/**
 * The bytes of `window` within `input` resized to height x width, without making the rest.
 * output  [window.height, window.width, 3], not overlapping the input
 * Errors  ARGUMENT (an extent < 1, a window that is empty or not inside), MEMORY. Work memory is freed before
 * returning. Source  Pillow 9.4, src/libImaging/Resample.c
 */
reshift_status resize_window_u8(const reshift_image *input, int height, int width, resize_filter filter,
                                resize_window window, uint8_t *output, reshift_error *error);

/** The whole of it: output [height,width,3]. */
reshift_status resize_u8(const reshift_image *input, int height, int width, resize_filter filter, uint8_t *output,
                         reshift_error *error);

#endif
