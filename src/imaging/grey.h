/*
 * Operations on 8-bit greyscale images with the results of OpenCV 4.6, byte for byte: edges, distances, histogram
 * equalisation, small filters. Planes are [H,W] without padding. The caller provides work memory; nothing is allocated.
 */
#ifndef IMAGING_GREY_H
#define IMAGING_GREY_H

#include <stddef.h>
#include <stdint.h>

/** Bytes of work memory, 64-byte aligned, for any function here on a plane of height x width. */
size_t grey_work_bytes(int height, int width);

/**
 * Canny edges: Sobel 3x3 with edge pixels repeated, magnitude |dx| + |dy|, non-maximum suppression, hysteresis with
 * `low` and `high`.
 *
 * edges   [H,W]: 0 on an edge, 255 elsewhere (255 minus OpenCV's); not overlapping the input
 * Source  OpenCV 4.6, imgproc/src/canny.cpp, L2gradient false
 */
void grey_canny_inverse(const uint8_t *input, int height, int width, int low, int high, void *work, uint8_t *edges);

/**
 * Chamfer distance to the nearest 0 with steps 1, 1.4 and 2.1969 in 16-bit fixed point (DIST_L2 with a mask of 5),
 * clipped to `farthest` pixels (at most 64), averaged over 3x3 and truncated to whole pixels. Without any 0 the result
 * is `farthest` everywhere.
 * Source  OpenCV 4.6, imgproc/src/distransf.cpp, thresh.cpp (THRESH_TRUNC), box_filter (float, reflect-101)
 */
void grey_distance_blurred(const uint8_t *input, int height, int width, int farthest, void *work, uint8_t *distance);

/** Equalises the histogram in place. Source: OpenCV 4.6, imgproc/src/histogram.cpp */
void grey_equalise(uint8_t *pixels, size_t n);

/**
 * Correlation with a 3x3 kernel of small integers (sum of absolute values at most 128), clipped to 0..255; border
 * reflect-101. Source: OpenCV 4.6, filter2D
 */
void grey_filter3(const uint8_t *input, int height, int width, const int kernel[9], void *work, uint8_t *output);

/** Mean over 3x3, rounded; border reflect-101. Source: OpenCV 4.6, blur */
void grey_blur3(const uint8_t *input, int height, int width, void *work, uint8_t *output);

#endif
