/*
 * Operations as real networks use them, with their sizes there: `reshift bench ops` times these, and
 * tests/engine/test_ops.c checks every back end on them, made smaller.
 */
#ifndef ENGINE_SHAPES_H
#define ENGINE_SHAPES_H

#include "network/graph.h"

typedef struct engine_shape {
    const char *name; /* "ResNet-50 layer3 3x3/2": where it is from; unique */
    graph_op op;
    int channels_in, channels_out, h, w; /* of the input */
    graph_window window;                 /* of convolutions and max pools */
} engine_shape;

/** The table, one row a shape; NULL from the end on. */
const engine_shape *engine_shape_at(int row);
/** Extent of the result. */
graph_extent engine_shape_result(const engine_shape *shape);
/** Multiply-adds of one image; 0 for an operation without. */
double engine_shape_multiply_adds(const engine_shape *shape);

#endif
