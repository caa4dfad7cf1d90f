/*
 * A network as data: a list of operations in the order they run, each naming the operations whose result it reads, and
 * the parameters they own, all in one block of floats. Knows nothing of oneDNN, of batches or of memory.
 */
#ifndef NETWORK_GRAPH_H
#define NETWORK_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/status.h"

#define GRAPH_NAME_BYTES 64

typedef enum graph_op {
    GRAPH_INPUT, /* [N,H,W,C] float, normalised */
    GRAPH_CONV,  /* no bias: every convolution of a ResNet is followed by batch norm */
    GRAPH_BATCHNORM,
    GRAPH_RELU,
    GRAPH_ADD,            /* input + residual */
    GRAPH_MAXPOOL,        /* padding counts as minus infinity */
    GRAPH_GLOBAL_AVGPOOL, /* [N,H,W,C] -> [N,C] */
    GRAPH_LINEAR          /* [N,C] -> [N,K] */
} graph_op;

typedef enum graph_role {
    GRAPH_WEIGHT, /* conv [O,I,kh,kw], linear [K,D]: torchvision's layout */
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

typedef struct graph_node {
    graph_op op;
    char name[GRAPH_NAME_BYTES]; /* "layer1.0.conv1" */
    int input, residual;         /* nodes read; -1: none (residual: only GRAPH_ADD) */
    int channels_in, channels_out;
    int kernel, stride, padding;
    float epsilon, momentum; /* batch norm: 1e-5, 0.1 */
    int parameter;           /* first of this node's parameters, -1: none. Order: conv weight; linear weight, bias;
                                batch norm gamma, beta, running mean, running var */
    int block;               /* index into blocks */
} graph_node;

/** blocks: "conv1" (the stem with bn1, relu, maxpool), "layer1".."layer4", "avgpool" is part of the last, "fc". */
typedef struct graph {
    graph_node *nodes;
    int n_nodes;
    graph_parameter *parameters;
    int n_parameters;
    size_t n_floats; /* of the whole block */
    char (*blocks)[GRAPH_NAME_BYTES];
    int n_blocks;
} graph;

graph *graph_create(void); /* NULL: out of memory */
void graph_destroy(graph **g);
graph *graph_clone(const graph *g); /* NULL: out of memory */

/** Nodes added from now on belong to this block. */
reshift_status graph_begin_block(graph *g, const char *name, reshift_error *error);
/**
 * Each adds a node that reads node `input` and returns its index, or -1 when out of memory (then and when `input` is -1
 * already nothing is added, so a chain of calls needs one check at its end). Names of parameters are NAME.weight,
 * NAME.bias, NAME.running_mean, NAME.running_var. Sizes must be positive.
 */
int graph_add_input(graph *g, int channels);
int graph_add_conv(graph *g, const char *name, int input, int channels_out, int kernel, int stride, int padding);
int graph_add_batchnorm(graph *g, const char *name, int input);
int graph_add_relu(graph *g, const char *name, int input);
int graph_add_add(graph *g, const char *name, int input, int residual);
int graph_add_maxpool(graph *g, const char *name, int input, int kernel, int stride, int padding);
int graph_add_global_avgpool(graph *g, const char *name, int input);
int graph_add_linear(graph *g, const char *name, int input, int channels_out);

/** -1 where there is none of that name. */
int graph_find_parameter(const graph *g, const char *name);
int graph_find_block(const graph *g, const char *name);
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
