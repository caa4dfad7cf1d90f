/*
 * Geometric warps: an affine map as in OpenCV 4.6 and a displacement field as in SciPy 1.10. Images are [H,W,4] float
 * with an unused fourth channel, so that a pixel is one vector.
 */
#ifndef IMAGING_WARP_H
#define IMAGING_WARP_H

#include <stddef.h>

/**
 * output(x, y) = input(A (x, y, 1)), bilinear; coordinates and weights in steps of 1/32 pixel; the border is mirrored
 * without repeating the edge pixel. Bit-identical to cv2.warpAffine(..., WARP_INVERSE_MAP, BORDER_REFLECT_101) in
 * float32.
 *
 * inverse  the map A from output to input, rows (x, y)
 * Errors none, memory none; same result on every machine. Source: OpenCV 4.6, imgproc/src/imgwarp.cpp
 */
void warp_affine(const float *input, int height, int width, double inverse[2][3], float *output);

/** The inverse of an affine map, computed in OpenCV's order; all zero for a singular map. */
void warp_invert(double map[2][3], double inverse[2][3]);

/**
 * Row y of the image whose pixel (x, y) is input(x + dx[x], y + dy[x]), bilinear in float64, mirrored with the edge
 * pixel repeated.
 *
 * dx, dy  [W]
 * output  [W,4] float, each value rounded once
 * Source  SciPy 1.10, map_coordinates(order=1, mode='reflect')
 */
void warp_displace_row(const float *input, int height, int width, const float *dx, const float *dy, int y,
                       float *output);

#endif
