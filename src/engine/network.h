/* A graph with values: every parameter in one aligned block, in torchvision's layout, each with a version number. */
#ifndef ENGINE_NETWORK_H
#define ENGINE_NETWORK_H

#include "engine/graph.h"

/**
 * version[p] goes up whenever somebody changes parameter p (network_touch); plans that hold a copy of it in another layout
 * compare it before they run and refresh what is stale.
 */
typedef struct network {
    graph *graph;            /* owned */
    float *values;           /* [graph->n_floats] */
    uint64_t *version;       /* [graph->n_parameters], from 1 */
    int64_t *batches_tracked; /* [graph->n_nodes], used at batch norms */
} network;

/** Takes `g` over; values are zero. NULL when out of memory (g is destroyed too). */
network *network_create(graph *g);
void network_destroy(network **n);
network *network_clone(const network *n);
float *network_parameter(const network *n, int parameter);
void network_touch(network *n, int parameter);

#endif
