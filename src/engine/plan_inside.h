/*
 * The inside of a plan, for plan.c and the back ends. plan.c fills everything in but `state`, which is the back end's,
 * and the fields marked so.
 */
#ifndef ENGINE_PLAN_INSIDE_H
#define ENGINE_PLAN_INSIDE_H

#include "engine/backend.h"

typedef struct plan_node {
    int h, w;              /* of its result; 1 x 1 for a vector */
    bool needs_gradient;   /* one of its parameters or something upstream is trained */
    bool batch_statistics; /* batch norm by the batch's statistics */
    int result;            /* back end's: number of the storage of its result, -1: none (yet) */
    int fused_into;        /* set by fusion_find(): convolution that computes this node too, -1 */
} plan_node;

struct plan {
    const backend *backend;
    int device;  /* number of the back end's device */
    void *state; /* the back end's */

    network *net;
    plan_options options;                /* pointers in it are not used after plan_create() */
    bool *train_block, *batchnorm_batch; /* [n_blocks] copies */
    int first, last;                     /* nodes that are computed: first..last; node `source` feeds them */
    int source;                  /* node whose result is the plan's input: an input node, or one before `first` */
    bool training;               /* some parameter gets a gradient */
    reshift_precision precision; /* never AUTO */
    plan_node *nodes;            /* [graph->n_nodes] */
    /* gradients as one block of floats, each parameter's [count] at a multiple of 16 floats */
    size_t *gradient_offset; /* [n_parameters] floats, SIZE_MAX: none */
    size_t gradient_floats;
    double multiply_adds;
    bool input_bf16, output_bf16; /* back end's: staging() and results are bfloat16 */

    float momentum;       /* of running statistics; below 0: each batch norm's own */
    double input_bound;   /* no magnitude in staging() exceeds it; below 0: not known, to be measured */
    int overflow_image;   /* back end's: after NUMERIC, the image with the largest values */
    plan_watcher watcher; /* NULL: nobody watches */
    void *watcher_context;
};

struct plan_optimiser {
    const backend *backend;
    int device;
    void *state; /* the back end's */
    network *net;
    optimiser *host;
    int *parameters;         /* [count] */
    const float **gradients; /* [count] of the step: scratch */
    int count;
};

/** Whether the node's result is a vector [N,C] and not a map. */
bool plan_is_flat(const plan *p, int node);

#endif
