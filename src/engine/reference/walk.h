/*
 * Walks a graph with the reference operations: every node has a result of its own, and in training a gradient; nothing
 * is fused, shared or computed in place.
 */
#ifndef ENGINE_REFERENCE_WALK_H
#define ENGINE_REFERENCE_WALK_H

#include "engine/reference/operations.h"
#include "network/network.h"

/** Nodes first..last of a network, which read the result of `source` besides their own. */
typedef struct reference_range {
    int first, last, source;
    int batch;
    const graph_extent *extents;  /* [n_nodes] of source and first..last */
    float *const *gradients;      /* [n_parameters] where a parameter's gradient goes; NULL: not trained */
    const bool *needs_gradient;   /* [n_nodes] its result needs a gradient; NULL: inference */
    const bool *batch_statistics; /* [n_nodes] batch norms that use those of the batch */
    float source_share;           /* plan.h */
} reference_range;

typedef struct reference_walk {
    network *network;
    int first, last, source;
    reference_node *nodes; /* [n_nodes] */
} reference_walk;

/** Keeps pointers to the network and to the memory of gradients. Errors: MEMORY. */
reshift_status reference_walk_create(network *n, const reference_range *range, reference_walk **out,
                                     reshift_error *error);
void reference_walk_destroy(reference_walk **walk);

/** Runs one node from the results of its inputs. */
void reference_walk_node(reference_walk *walk, int node);
/**
 * Running statistics move towards those of the batch, with the unbiased variance as PyTorch keeps it; by `momentum`, or
 * by each batch norm's own where it is below 0. Nodes that mix statistics keep theirs.
 */
void reference_walk_update_statistics(reference_walk *walk, float momentum);
/** Gradients of everything that is trained, from that of the last node's result, which is read where it lies. */
void reference_walk_backward(reference_walk *walk);

#endif
