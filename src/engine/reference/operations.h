/*
 * Operations in plain loops, forward and backward: the form that every other back end is held against. Nothing here is
 * fast, and nothing depends on the processor or on the number of threads.
 *
 * Every map is dense [N,H,W,C] in float32 (a vector is a map of 1 x 1). Sums run in double in a fixed order and are
 * rounded once, when a value is stored, so that a stored value errs by at most 2^-24 of itself.
 */
#ifndef ENGINE_REFERENCE_OPERATIONS_H
#define ENGINE_REFERENCE_OPERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "network/graph.h"

#define REFERENCE_PARAMETERS 4 /* of an operation at most: batch norm's */

typedef struct reference_map {
    int64_t n, h, w, c;
    float *values; /* NULL: not needed */
} reference_map;

/** A node while it runs: its operation, values and gradients. All memory belongs to the walk (walk.h). */
typedef struct reference_node {
    const graph_node *node;
    struct reference_node *inputs[GRAPH_INPUTS_MOST]; /* NULL: none */
    reference_map result;
    reference_map gradient;                  /* of the result; values NULL: nothing upstream is trained */
    float *parameters[REFERENCE_PARAMETERS]; /* the network's, in the order of the operation's row */
    float *gradients[REFERENCE_PARAMETERS];  /* of the parameters; NULL: not trained */
    int64_t *winner;                         /* max pool: index of the pixel's value in the input, one a result */
    /* batch norm */
    double *mean, *variance; /* [C] what the last forward normalised by; the variance is the biased one */
    bool batch;              /* the batch's statistics, otherwise the running ones */
    double source_share;     /* share of the running statistics in those of the batch: 0 (none) to 1 */
} reference_node;

typedef struct reference_operation {
    void (*forward)(reference_node *node);
    /**
     * From node->gradient: adds to the inputs' gradients where they have values, and sets those of the parameters that
     * are trained.
     */
    void (*backward)(const reference_node *node);
} reference_operation;

/** NULL functions for an operation that has nothing to do (input). */
const reference_operation *reference_operation_of(graph_op op);

/** One a file. */
extern const reference_operation reference_conv, reference_batchnorm, reference_relu, reference_add, reference_maxpool,
    reference_global_avgpool, reference_linear;

/** Values of a map. */
static inline int64_t reference_count(const reference_map *map) { return map->n * map->h * map->w * map->c; }

/** Index of the first channel of a pixel. */
static inline int64_t reference_pixel(const reference_map *map, int64_t n, int64_t y, int64_t x)
{
    return ((n * map->h + y) * map->w + x) * map->c;
}

/** The row (axis 0) or column (axis 1) of the input that tap `tap` of the window of result `at` sees; -1: padding. */
static inline int64_t reference_seen(const graph_window *window, int axis, int64_t at, int64_t tap, int64_t extent)
{
    const int64_t seen = at * window->stride[axis] - window->padding[axis] + tap * window->dilation[axis];
    return seen >= 0 && seen < extent ? seen : -1;
}

#endif
