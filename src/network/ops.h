/*
 * Operations as a table: what a graph, a plan or an exporter asks about one. A new operation is a file in ops/, its row
 * in ops.c, its value in graph_op, and its form in each back end that is to compute it.
 */
#ifndef NETWORK_OPS_H
#define NETWORK_OPS_H

#include "network/graph.h"

typedef enum ops_result {
    OPS_MAP,    /* [N,H,W,C] */
    OPS_VECTOR, /* [N,C] */
    OPS_SAME    /* as the first input */
} ops_result;

typedef struct operation {
    const char *name; /* "conv", for messages and keys */
    const char *onnx; /* operator of ONNX, NULL: none (an input is no operator) */
    int n_inputs;
    ops_result result;
    bool windowed; /* slides node->window over its input */
    /** Extent of the result; each side below 1 where nothing is left. NULL: the first input's. */
    graph_extent (*extent)(const graph_node *node, graph_extent in);
    /** Declares the parameters of the last node of `g`, in the order that readers rely on. False: no memory. NULL:
     * none. */
    bool (*parameters)(graph *g, const graph_node *node);
    /** Multiply-adds an image. NULL: none. */
    double (*multiply_adds)(const graph_node *node, graph_extent in, graph_extent out);
    /** Whether the result is never negative, given that of the first input. NULL: no. */
    bool (*nonnegative)(bool input);
    /** The operation works on each value alone or leaves values as they are, so that a result may replace its input. */
    bool elementwise;
} operation;

const operation *op_of(graph_op op);
/** Result of a window along one axis: 0: height, 1: width. Below 1: nothing is left. */
int op_window_extent(const graph_window *window, int axis, int in);

/* ---- rows, one a file ---- */
extern const operation op_input, op_conv, op_batchnorm, op_relu, op_add, op_maxpool, op_global_avgpool, op_linear;

#endif
