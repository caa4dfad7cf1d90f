/*
 * What computes a plan: one struct of functions a back end, a folder each ("cpu" is engine/onednn/). plan.c does what
 * all of them need: it checks the options, finds the shapes, the parameters that get gradients and the precision, and
 * computes losses; then it calls the back end. No other file of the library calls a back end's functions or names its
 * libraries.
 *
 * The contract is written for a device with its own memory (a GPU); for the CPU's back end device memory is host
 * memory.
 *
 * Host memory: callers write to and read from host memory only: staging() for a batch, read() for results,
 * read_gradient() for gradients. A GPU's staging area is pinned memory, best two of them used in turn: the caller fills
 * one while the other is copied. The CPU's is the first tensor of the plan itself, so nothing is copied.
 *
 * Order: forward(), backward() and optimiser_step() may return before the work is done. The work of all plans of a
 * network on a device happens in the order of the calls. read(), read_gradient(), loss(), optimiser_read() and
 * synchronise() wait. An error of the device (lost, out of memory) may be reported by any later call, at the latest by
 * the one that waits.
 *
 * No allocation: create() allocates everything: activations (placement.h), copies of weights, scratch, gradients,
 * staging. Steps have fixed shapes and fixed addresses, so that forward, backward and the optimiser's step can be
 * recorded once (a CUDA graph) and replayed; what changes between steps (learning rate, momentum) is passed in device
 * memory.
 *
 * Parameters: the network's values are host memory, each parameter with a version number. Before a forward pass a back
 * end compares versions and copies what is newer on the host (network_touch()); a change on the host counts from the
 * next forward() on and not for work that was asked for before. A back end with its own memory keeps one copy per
 * network and device as long as one of its plans or optimisers exists. What it changes there (optimiser_step(), running
 * statistics of batch norm) reaches the host's values in synchronise(), which callers call before they read the
 * network; until then the device's values are the newer ones.
 *
 * Determinism: the same calls give the same bits on the same machine and device, also with another split of the steps
 * between two processes: deterministic algorithms, no atomic sums.
 *
 * A function that is marked "NULL: ..." may be left out; all others are needed. All are called by one thread at a time
 * for a plan. Layouts at the border are dense: maps [N,H,W,C], vectors [N,C]; parameters and gradients as PyTorch keeps
 * them.
 */
#ifndef ENGINE_BACKEND_H
#define ENGINE_BACKEND_H

#include "engine/plan.h"
#include "engine/plan_optimiser.h"

typedef enum plan_loss_kind {
    PLAN_CROSS_ENTROPY, /* against labels, smoothed by options.label_smoothing: loss_cross_entropy() */
    PLAN_ENTROPY        /* of the rows' softmax; labels NULL: loss_entropy() */
} plan_loss_kind;

typedef struct backend {
    const char *name; /* of plan_options.device */

    /* ---- without a plan ---- */

    /** Devices that are there; 0: none, or its libraries are missing. */
    int (*devices)(void);
    /** Library, version and kind of device, "oneDNN 2.6.3 (avx512_core)": part of the keys of kept results. Static. */
    const char *(*description)(void);
    /** The precision that `wanted` (AUTO too) becomes on this machine; training has no int8. Never AUTO. */
    reshift_precision (*precision)(reshift_precision wanted, bool training);
    /**
     * Whether it has a form for this node (operation and window) in this precision; with `training` also for its
     * backward pass. plan_create() refuses a network with a node that is not supported, and names it.
     */
    bool (*supports)(const graph_node *node, reshift_precision precision, bool training);
    /** Operations a second in this precision, measured (limits.h). NULL: not measured. */
    reshift_status (*measure_arithmetic)(reshift_precision precision, double *operations, reshift_error *error);

    /* ---- a plan ---- */

    /**
     * Makes everything that steps need and sets p->state; also p->input_bf16 and p->output_bf16, where the options
     * allow bfloat16 and it computes in it. Called once, after plan.c has filled in the rest of `p` (plan_inside.h).
     * After an error destroy() is called. Errors: MEMORY, UNSUPPORTED, NOT_FOUND (an int8 clipping range), INTERNAL.
     */
    reshift_status (*create)(plan *p, reshift_error *error);
    /** Frees p->state, which may be NULL or half made. Waits for work in progress. */
    void (*destroy)(plan *p);
    /** Bytes of activations, of copies of weights with gradients, and of scratch. */
    void (*memory)(const plan *p, size_t *activations, size_t *weights, size_t *scratch);

    /**
     * Host memory for the next batch: [N,H,W,C] or [N,C], float32, or bfloat16 with p->input_bf16. Holds until the next
     * forward(); may be another place after it. All rows are written before forward() is called; rows without an image
     * are zero.
     */
    void *(*staging)(plan *p);
    /**
     * Refreshes stale copies of parameters and computes all nodes from staging().
     *
     * Batch norms with p->nodes[].batch_statistics normalise by the batch's mean and biased variance. With
     * options.source_share 0 they also move the running statistics by p->momentum (below 0: the node's own), the
     * variance by n/(n-1), and count in batches_tracked; momentum 0 leaves all of that to the bit. With source_share s
     * > 0 they normalise by s running + (1 - s) batch statistics and move nothing.
     *
     * p->watcher, if not NULL, is shown every kept result (graph_is_kept()) as it is made.
     *
     * Errors: NUMERIC (activations of nodes that need no gradient overflow or may, in any image of the batch; names the
     * node and sets p->overflow_image; overflow.h and p->input_bound tell how to know this without looking at most
     * values), INTERNAL.
     */
    reshift_status (*forward)(plan *p, reshift_error *error);
    /** Waits for the last forward() and gives its results as host memory, valid until the next forward(). */
    reshift_status (*read)(plan *p, plan_results *results, reshift_error *error);

    /* ---- training; used only with p->training, but loss() and loss_gradient() also before ---- */

    /** Host memory [N,K] for the gradient of the mean loss with respect to the logits, which plan.c writes. */
    float *(*loss_gradient)(plan *p);
    /**
     * Loss and number of correct rows of the last forward(), and, in a training plan, the gradient for backward().
     * NULL: plan.c computes them on the host from read() and writes loss_gradient().
     */
    reshift_status (*loss)(plan *p, plan_loss_kind kind, const int *labels, double *loss, int *correct,
                           reshift_error *error);
    /** Fills the gradient of every parameter with p->gradient_offset != SIZE_MAX. */
    reshift_status (*backward)(plan *p, reshift_error *error);
    /** Waits for backward() and gives a parameter's gradient as host memory, valid until the next backward(). */
    reshift_status (*read_gradient)(plan *p, int parameter, const float **gradient, reshift_error *error);

    /*
     * ---- the optimiser (plan_optimiser.h) ----
     * NULL, all five: the host's, kernels/optimiser.h, on read_gradient() and the network's values. On a device:
     * moments in its memory, one fused kernel over all parameters. o->host holds rule, rates, number of steps and the
     * moments' host memory, which only optimiser_read() fills and optimiser_write() reads.
     */
    reshift_status (*optimiser_create)(plan_optimiser *o, reshift_error *error); /* sets o->state; moments zero */
    void (*optimiser_destroy)(plan_optimiser *o);
    /** One step along the gradients of p's last backward(). Counts o->host's steps. */
    reshift_status (*optimiser_step)(plan_optimiser *o, plan *p, double factor, reshift_error *error);
    reshift_status (*optimiser_read)(plan_optimiser *o, reshift_error *error);
    reshift_status (*optimiser_write)(plan_optimiser *o, reshift_error *error);

    /**
     * Waits for everything that was started and brings the network's values up to date: parameters and running
     * statistics that this or another plan of the network changed. NULL: nothing is ever pending and values are changed
     * in place.
     */
    reshift_status (*synchronise)(plan *p, reshift_error *error);
} backend;

/**
 * The back end and the number of its device for "NAME" or "NAME:N"; NULL and "": the first of the table, "cpu". Errors:
 * NOT_FOUND (no such back end, none of its devices here), naming those that there are.
 */
reshift_status backend_find(const char *device, const backend **found, int *index, reshift_error *error);
/** The table, one row a back end; NULL from the end on. */
const backend *backend_at(int row);

/* ---- rows, one a folder ---- */
extern const backend backend_onednn, backend_reference;

#endif
