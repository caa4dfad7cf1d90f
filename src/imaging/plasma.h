/*
 * Plasma fractal: a square height map by the diamond-square algorithm that wraps around at its edges. Used by the fog
 * corruption.
 */
#ifndef IMAGING_PLASMA_H
#define IMAGING_PLASMA_H

#include <stddef.h>

/** Number of uniform random numbers for a map of this side: one per point except the first. */
#define PLASMA_DRAWS(side) ((size_t)(side) * (size_t)(side)-1)

/**
 * The map, in 0..1. Every level halves the distance of the points; a new point is the mean of its four neighbours plus
 * the noise w (2 u - 1) w, where w starts at 100 and is divided by `decay` at each level.
 *
 * side      a power of two, at least 2
 * uniforms  PLASMA_DRAWS(side) numbers in [0,1), per level: squares, diamonds to the right, diamonds below
 * work, map [side,side] float64 each; not overlapping
 * Errors none. Memory: none allocated. Same result on every machine.
 * Source    plasma_fractal() of make_cifar_c.py, after github.com/FLHerne/mapgen
 */
void plasma_draw(int side, double decay, const double *uniforms, double *work, double *map);

#endif
