/*
 * A network as data: a list of operations in the order they run, each naming the operations whose result it reads, and
 * the parameters they own, all in one block of floats. What an operation is (its shapes, its parameters, its cost) is
 * its row in ops.h. Knows nothing of batches, memory or the libraries that compute.
 */
#ifndef NETWORK_GRAPH_H
#define NETWORK_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/status.h"

#define GRAPH_NAME_BYTES 64
#define GRAPH_INPUTS_MOST 2

/** One row of ops.h each, in this order. Maps are [N,H,W,C], vectors [N,C]. */
typedef enum graph_op {
    GRAPH_INPUT, /* float, normalised */
    GRAPH_CONV,
    GRAPH_BATCHNORM,
    GRAPH_RELU,
    GRAPH_ADD,
    GRAPH_MAXPOOL,        /* padding counts as minus infinity */
    GRAPH_GLOBAL_AVGPOOL, /* maps -> vectors */
    GRAPH_LINEAR          /* vectors -> vectors */
} graph_op;
#define GRAPH_OPS (GRAPH_LINEAR + 1)

typedef enum graph_role {
    GRAPH_WEIGHT, /* convolution [O,I/groups,kh,kw], linear [K,D]: PyTorch's layout */
    GRAPH_BIAS,
    GRAPH_GAMMA,
    GRAPH_BETA,
    GRAPH_RUNNING_MEAN, /* not trained by gradients */
    GRAPH_RUNNING_VAR   /* not trained by gradients */
} graph_role;

typedef struct graph_parameter {
    char name[GRAPH_NAME_BYTES]; /* torchvision's: "layer1.0.bn2.running_var" */
    graph_role role;
    int n_dims;
    int64_t shape[4];
    size_t offset, count; /* floats in the block; offset is a multiple of 16 */
    int node, block;
} graph_parameter;

/** Pixels of a map: 1 x 1 for a vector. */
typedef struct graph_extent {
    int h, w;
} graph_extent;

/** What a window operation (convolution, pooling) slides over its input. ONNX's attributes of the same names. */
typedef struct graph_window {
    int kernel[2], stride[2]; /* height, width */
    int padding[4];           /* top, left, bottom, right */
    int dilation[2];          /* 1: none */
    int groups;               /* convolution: channels_in / groups inputs to each output channel */
    bool bias;                /* convolution: a bias behind the weight */
} graph_window;

typedef struct graph_node {
    graph_op op;
    char name[GRAPH_NAME_BYTES];   /* "layer1.0.conv1" */
    int inputs[GRAPH_INPUTS_MOST]; /* nodes read; -1: none */
    int channels_in, channels_out;
    graph_window window;     /* kernel, stride, dilation and groups 1 where an operation has none */
    float epsilon, momentum; /* batch norm: 1e-5, 0.1 */
    int parameter;           /* first of this node's parameters, -1: none; in the order of the operation's row */
    int block;               /* index into blocks */
} graph_node;

/** A part of the network that is trained or frozen as a whole: the stem, a stage, the head. */
typedef char graph_block_name[GRAPH_NAME_BYTES];

typedef struct graph {
    graph_node *nodes;
    int n_nodes;
    graph_parameter *parameters;
    int n_parameters;
    size_t n_floats; /* of the whole block */
    graph_block_name *blocks;
    int n_blocks;
    int features; /* node whose result [N,D] is the feature vector, -1: not named yet */
    int head;     /* linear node that makes the logits from the features, -1: none */
} graph;

graph *graph_create(void); /* NULL: out of memory */
void graph_destroy(graph **g);
graph *graph_clone(const graph *g); /* NULL: out of memory */

/** Nodes added from now on belong to this block. */
reshift_status graph_begin_block(graph *g, const char *name, reshift_error *error);
/** A window of one size in both directions: no dilation, groups or bias. */
graph_window graph_square(int kernel, int stride, int padding);
/** The same in both directions and on all sides, no dilation, no groups, no bias. */
bool graph_is_square(const graph_window *window);
/**
 * Each adds a node that reads node `input` and returns its index, or -1 when out of memory (then and when `input` is -1
 * already nothing is added, so a chain of calls needs one check at its end). Names of parameters are NAME.weight,
 * NAME.bias, NAME.running_mean, NAME.running_var. Sizes must be positive; groups divide both numbers of channels.
 */
int graph_add_input(graph *g, int channels);
int graph_add_conv(graph *g, const char *name, int input, int channels_out, graph_window window);
int graph_add_batchnorm(graph *g, const char *name, int input);
int graph_add_relu(graph *g, const char *name, int input);
int graph_add_add(graph *g, const char *name, int input, int other);
int graph_add_maxpool(graph *g, const char *name, int input, graph_window window);
int graph_add_global_avgpool(graph *g, const char *name, int input);
int graph_add_linear(graph *g, const char *name, int input, int channels_out);
/**
 * Names the node whose result is the feature vector, and the linear node behind it (-1: there is none). Without it they
 * are the last linear node and what that reads.
 */
void graph_set_features(graph *g, int features, int head);

/** Appends a parameter of the last node, for the operations' rows. False: no memory, or more floats than addressable.
 */
bool graph_add_parameter(graph *g, const char *suffix, graph_role role, int n_dims, const int64_t *shape);

/** -1 where there is none of that name. */
int graph_find_parameter(const graph *g, const char *name);
int graph_find_block(const graph *g, const char *name);
/** The node's parameter of this role, -1: it has none. */
int graph_parameter_of(const graph *g, int node, graph_role role);
/** Block of the head; -1: there is no head. */
int graph_head_block(const graph *g);
/** Whether `node` reads the result of `input`. */
bool graph_reads(const graph_node *node, int input);
/**
 * Extents [n_nodes] of the results of nodes first..last; those of the nodes before that they read are there. Errors:
 * SHAPE (nothing is left at a node, which is named).
 */
reshift_status graph_extents(const graph *g, int first, int last, graph_extent *extents, reshift_error *error);
/**
 * Whether the node's result lies in memory when all that can be fused is fused: a ReLU's; a shortcut's batch norm,
 * which waits for the other summand; the first block's end. In int8 these are rounded to 8 bits, or their copies are.
 */
bool graph_is_kept(const graph *g, int node);
/** The kept result that the sum behind the kept result `node` was written over: its block's shortcut; -1: no sum. */
int graph_shortcut_of(const graph *g, int node);
/** Whether the node's result is never negative. */
bool graph_is_nonnegative(const graph *g, int node);
/** First and last node of a block. */
void graph_block_range(const graph *g, int block, int *first, int *last);

#endif
