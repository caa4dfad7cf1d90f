/*
 * The clipped zoom of the published generator along one axis: the centre ceil(length / factor) values, enlarged by
 * SciPy's zoom of order 1 (grid points (in - 1) / (out - 1) apart), and the centre `length` values of that. Two axes
 * make an image; callers loop over them in their own precision and number of channels.
 */
#ifndef IMAGING_ZOOM_H
#define IMAGING_ZOOM_H

/**
 * Output i is  input[lower[i]] * weight_lower[i] + input[upper[i]] * weight_upper[i]. If a rounding error moves SciPy's
 * last grid point beyond the last value, both weights are 0, because SciPy uses the outside constant there.
 *
 * factor >= 1; all four arrays of `length`; indices are into the whole, uncropped input.
 * Errors none. Source: SciPy 1.10, ndimage zoom() and ni_interpolation.c (NI_ZoomShift); make_cifar_c.py
 */
void zoom_clipped_axis(int length, double factor, int *lower, int *upper, double *weight_lower, double *weight_upper);

#endif
