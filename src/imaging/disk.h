/*
 * Defocus blur with a disk: OpenCV's filter2D of an 8-bit image with an antialiased disk, border reflect-101. The
 * kernel is computed in float like OpenCV's (GaussianBlur of a flat disk). Many taps share the same weight, so pixels
 * are first summed as integers and each sum is multiplied by its weight once.
 */
#ifndef IMAGING_DISK_H
#define IMAGING_DISK_H

#include <stdint.h>

#include "reshift/status.h"

enum { DISK_MAX_REACH = 12, DISK_MAX_CLASSES = 48, DISK_MAX_TAPS = (DISK_MAX_REACH + 1) * (DISK_MAX_REACH + 1) };

/* Taps at (+-dy, +-dx) with the same weight; `first` is an index into the kernel's list of taps. */
typedef struct disk_class {
    double weight;
    int first, count;
} disk_class;

/* A kernel symmetric in both axes: its quadrant dy, dx >= 0, grouped by weight, smallest first. */
typedef struct disk_kernel {
    int reach;
    int n_classes, n_taps;
    disk_class classes[DISK_MAX_CLASSES];
    uint8_t dy[DISK_MAX_TAPS], dx[DISK_MAX_TAPS];
} disk_kernel;

/**
 * The disk x^2 + y^2 <= radius^2 over its sum on a 17x17 grid, blurred 3x3 with `alias_sigma`; beyond radius 8 on the
 * grid of 2 radius + 1, blurred 5x5. Weights under 2^-52 are dropped: they are below the rounding of float64. Errors:
 * ARGUMENT (radius or alias_sigma not positive), UNSUPPORTED (beyond DISK_MAX_REACH). Same on every machine.
 * Source  Hendrycks & Dietterich 2019, make_cifar_c.py (disk); OpenCV 4.6, smooth and filter engine with FMA
 */
reshift_status disk_kernel_create(double radius, double alias_sigma, disk_kernel *kernel, reshift_error *error);

/**
 * Correlates each channel with the kernel, clips to 0..255 and truncates.
 *
 * input   [H,W,3] uint8
 * output  [H,W,3]; not overlapping the input
 * Errors  MEMORY. Work memory is freed before returning. Same result on every machine: sums in float64, within 2^-40 of
 *         the exact ones (OpenCV's, from a Fourier transform, are no more accurate).
 */
reshift_status disk_filter_u8(const uint8_t *input, int height, int width, const disk_kernel *kernel, uint8_t *output,
                              reshift_error *error);

#endif
