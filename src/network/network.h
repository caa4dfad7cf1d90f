/* A graph with values: every parameter in one aligned block, in torchvision's layout, each with a version number. */
#ifndef NETWORK_NETWORK_H
#define NETWORK_NETWORK_H

#include "network/graph.h"
#include "reshift/model.h"

/** How the images were prepared on which the ranges of activations were measured. recipe.size 0: not known. */
typedef struct network_calibration {
    reshift_recipe recipe;
    int64_t n_images, n_available; /* measured, of those of the set */
    char data[32];                 /* the kind of set */
    bool told;                     /* a difference from the images at hand was reported */
} network_calibration;

/**
 * version[p] goes up whenever somebody changes parameter p (network_touch); plans that hold a copy of it in another
 * layout compare it before they run and refresh what is stale.
 */
typedef struct network {
    graph *graph;             /* owned */
    float *values;            /* [graph->n_floats] */
    uint64_t *version;        /* [graph->n_parameters], from 1 */
    int64_t *batches_tracked; /* [graph->n_nodes], used at batch norms */
    float **range; /* [graph->n_nodes] how far from 0 int8 tells values apart, one a channel of the node's result; NULL:
                      not known */
    network_calibration calibration; /* of `range` */
} network;

/** Takes `g` over; values are zero. NULL when out of memory (g is destroyed too). */
network *network_create(graph *g);
void network_destroy(network **n);
network *network_clone(const network *n);
float *network_parameter(const network *n, int parameter);
void network_touch(network *n, int parameter);

/** Room for the ranges of a node's result, there or made (zeros). NULL: out of memory. */
float *network_range(network *n, int node);
/** Copies the ranges, and what they were measured on, of one network to another whose nodes have the same channels, but
 * for fc. False: out of memory. */
bool network_copy_ranges(network *to, const network *from);
/** True where every result that int8 keeps between blocks first..last, both included, has a range. */
bool network_has_ranges(const network *n, int first_block, int last_block);
/** Forgets the ranges from this block on: its parameters are going to change. */
void network_forget_ranges(network *n, int first_block);

#endif
