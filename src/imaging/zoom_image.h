/*
 * SciPy's zoom of order 1 on float32 images, as used by the published zoom_blur: the centre is cut out, enlarged to at
 * least the image's size, and trimmed to it. Images are planar here, so that a vector is eight adjacent pixels.
 */
#ifndef IMAGING_ZOOM_IMAGE_H
#define IMAGING_ZOOM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/** Floats from one row to the next: padded to whole vectors, plus room for one read beyond the last. */
#define ZOOM_STRIDE(width) (((size_t)(width) + 7) / 8 * 8 + 8)
/** Bytes of work memory for zoom_image_add(). */
#define ZOOM_WORK_BYTES(height, width) ((ZOOM_STRIDE(height) + ZOOM_STRIDE(width)) * 24 + 12 * ZOOM_STRIDE(width) * 8)

/**
 * Adds the image enlarged by `factor` to `sums`: the centre ceil(H/factor) x ceil(W/factor) of it on the grid
 * (in - 1)/(out - 1), out = round(in factor), trimmed in the centre to H x W. Interpolated in float64, rounded to float
 * and added in float.
 *
 * input   [3,H,ZOOM_STRIDE(W)] float, finite values also in the padding of each row
 * factor  at least 1
 * sums    [3,H,ZOOM_STRIDE(W)], read and written; the padding of rows is undefined
 * work    ZOOM_WORK_BYTES(H, W), aligned for float64
 * Errors none. Memory: none allocated. Same result on every machine.
 * Source  SciPy 1.10, ndimage/_interpolation.py and ni_interpolation.c (NI_ZoomShift), mode "constant": the taps in its
 *         order, each weighted by its row, then by its column
 */
void zoom_image_add(const float *input, int height, int width, double factor, float *sums, void *work);

#endif
