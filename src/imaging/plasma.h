/*
 * Plasma: a square height map by the diamond-square algorithm, wrapped around at its edges. What fog is made of.
 */
#ifndef IMAGING_PLASMA_H
#define IMAGING_PLASMA_H

#include <stddef.h>

/** Uniform numbers that a map of this side takes: one a point but the first. */
#define PLASMA_DRAWS(side) ((size_t)(side) * (size_t)(side)-1)

/**
 * The map, in 0..1. Every level halves the distance of the points; a new point is the mean of its four neighbours and a
 * wobble w (2 u - 1) w, where w is 100 at first and divided by `decay` a level.
 *
 * side      a power of two, at least 2
 * uniforms  PLASMA_DRAWS(side) numbers in [0,1): a level takes its squares, the diamonds beside a point, those below
 * work, map [side,side] float64 each; not overlapping
 * Errors none. Memory: none allocated. Same result on every machine.
 * Source    plasma_fractal() of make_cifar_c.py, after github.com/FLHerne/mapgen
 */
void plasma_draw(int side, double decay, const double *uniforms, double *work, double *map);

#endif
