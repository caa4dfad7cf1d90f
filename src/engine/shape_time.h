/* How long a back end takes for one operation of the table of shapes. */
#ifndef ENGINE_SHAPE_TIME_H
#define ENGINE_SHAPE_TIME_H

#include "engine/shapes.h"
#include "reshift/precision.h"

/**
 * Seconds of one forward pass over `batch` images, the least of several. Changes of layout at the borders of a plan do
 * not count: two plans that differ by the number of copies of the operation are timed, and the difference is divided by
 * that number. Operations that work in place in a network (ReLU, sum, batch norm) follow each other; others read the
 * same input.
 *
 * device  as in plan_options
 * Errors  MEMORY, INTERNAL, UNSUPPORTED (not in this precision)
 */
reshift_status engine_time_shape(const engine_shape *shape, const char *device, reshift_precision precision, int batch,
                                 double *seconds, reshift_error *error);

#endif
