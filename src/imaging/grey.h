/*
 * Operations on grey images of 8 bits with the results of OpenCV 4.6, to the byte: edges, distances, equalising, small
 * filters. Planes are [H,W] without padding; work memory is the caller's, so that nothing is allocated here.
 */
#ifndef IMAGING_GREY_H
#define IMAGING_GREY_H

#include <stddef.h>
#include <stdint.h>

/** Bytes of work memory, 64-byte aligned, that any function here needs for a plane of height x width. */
size_t grey_work_bytes(int height, int width);

/**
 * Canny edges: Sobel 3x3 with edge pixels repeated, |dx| + |dy|, thinned across the gradient, kept above `high` and
 * where connected to it above `low`. edges   [H,W]: 0 on an edge, 255 elsewhere (255 minus OpenCV's); not overlapping
 * the input Source  OpenCV 4.6, imgproc/src/canny.cpp, L2gradient false
 */
void grey_canny_inverse(const uint8_t *input, int height, int width, int low, int high, void *work, uint8_t *edges);

/**
 * Distance to the nearest 0 by chamfers of 1, 1.4 and 2.1969 in 16-bit fixed point (DIST_L2 with a mask of 5), cut at
 * `farthest` pixels (at most 64), averaged over 3x3 and cut to whole pixels. Without any 0 it is `farthest` everywhere.
 * Source  OpenCV 4.6, imgproc/src/distransf.cpp, thresh.cpp (THRESH_TRUNC), box_filter (float, reflect-101)
 */
void grey_distance_blurred(const uint8_t *input, int height, int width, int farthest, void *work, uint8_t *distance);

/** Equalises the histogram in place. Source: OpenCV 4.6, imgproc/src/histogram.cpp */
void grey_equalise(uint8_t *pixels, size_t n);

/** Correlation with a 3x3 kernel of small whole numbers (their absolute sum at most 128), cut to 0..255; border
 * reflect-101. Source: OpenCV 4.6, filter2D */
void grey_filter3(const uint8_t *input, int height, int width, const int kernel[9], void *work, uint8_t *output);

/** Mean over 3x3, rounded; border reflect-101. Source: OpenCV 4.6, blur */
void grey_blur3(const uint8_t *input, int height, int width, void *work, uint8_t *output);

#endif
