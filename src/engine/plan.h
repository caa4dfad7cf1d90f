/*
 * A network planned for one batch shape on one device: everything that steps need is made once, all activations are
 * laid out in one block by first and last use, nothing of ours is allocated in a step. Where nothing upstream is
 * trained, batch norm is folded into the convolution and ReLU and addition are fused into it; from the first trained
 * block on, every operation is a step of its own and keeps what its backward pass needs.
 *
 * Callers touch host memory only. A batch is written to plan_staging(), results are read with plan_read(). On a device
 * with its own memory plan_forward(), plan_backward() and plan_optimiser_step() may return before the work is done;
 * what needs its outcome waits: plan_read(), plan_read_gradient(), plan_loss(), plan_synchronise(). So the next batch
 * can be prepared meanwhile, and an error of the device may be reported by a later call.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include "base/cpu.h"
#include "network/network.h"
#include "reshift/precision.h"

typedef struct plan plan;

typedef struct plan_options {
    int batch;                    /* N */
    int height, width;            /* of the plan's input */
    int first_block, last_block;  /* the part of the network to run, both included; blocks from graph.h */
    bool stop_at_features;        /* end before the linear layer: the output is the global average pool [N,D] */
    bool bf16_input, bf16_output; /* maps may be staged and come out in bfloat16, where that is what the plan computes
                                     in: plan_input_width(), plan_output_width() */
    const char *device;           /* back end and device, "NAME" or "NAME:N" (backend.h); NULL: "cpu" */
    reshift_precision precision;  /* what the device cannot do becomes float32: plan_precision() */
    const bool *train_block;      /* [n_blocks] or NULL: inference only. Blocks whose parameters get gradients */
    const bool *batchnorm_batch;  /* [n_blocks] or NULL: blocks whose batch norms use the batch's statistics and update
                                     the running ones (training); the others use the fixed statistics */
    bool affine_only;             /* of the trained blocks only batch norm's gamma and beta get gradients */
    double label_smoothing;       /* of plan_loss, 0 to 1 */
    float source_share; /* inference with batchnorm_batch: statistics are source_share of the running ones and the
                           rest of the batch's, and the running ones stay; 0: the batch's alone */
} plan_options;

/**
 * Plans; reads the shapes of `n`, keeps a pointer to it (n must outlive the plan). In int8, convolutions take 8-bit
 * activations, within the clipping ranges n->range, and 8-bit weights with one unit per output channel; the first
 * block, convolutions that read it and the sums of the layer after it stay in bfloat16 or float32, fc in float32.
 * Errors: ARGUMENT (blocks out of range), SHAPE (input too small), NOT_FOUND (no such device; a clipping range is
 * missing), UNSUPPORTED (the back end has no form for a node in this precision), MEMORY, INTERNAL (the library's
 * words).
 */
reshift_status plan_create(network *n, const plan_options *options, plan **out, reshift_error *error);
void plan_destroy(plan **p);

/** Shape of the input and of the output: [N,H,W,C] or, of vectors, [N,C] (n_dims 2). */
void plan_input_shape(const plan *p, int *n_dims, int64_t shape[4]);
void plan_output_shape(const plan *p, int *n_dims, int64_t shape[4]);
/** Bytes of a value in plan_staging(), in the output: 4 (float32), or 2 (bfloat16, where the options allow it). */
int plan_input_width(const plan *p);
int plan_output_width(const plan *p);

/**
 * Host memory for the next batch, the input's shape, dense. Ask again for every batch: after plan_forward() it may be
 * another place, and what was in it is gone. Who writes fewer rows than a batch calls plan_set_images() afterwards.
 */
void *plan_staging(plan *p);
/** Copies n rows to the beginning of plan_staging(), values of plan_input_width() bytes, and sets the rest to zero. */
void plan_write_rows(plan *p, const void *rows, int n);
/** plan_staging() holds n rows: sets the rest to zero, so that what else was there cannot overflow. */
void plan_set_images(plan *p, int n);
/**
 * No magnitude in the input exceeds `bound` in the passes from now on. Below 0, as in a new plan: the caller knows
 * none, and plan_forward() reads the whole input for it.
 */
void plan_set_input_bound(plan *p, double bound);

/** Is shown every result that plans in int8 keep (graph_is_kept), as it is made: [pixels of the batch, channels]. */
typedef void (*plan_watcher)(void *context, int node, const float *values, int64_t rows, int channels);
/** Only in float32 without trained blocks. NULL: nobody watches. */
void plan_watch(plan *p, plan_watcher watcher, void *context);

/**
 * How far running statistics move towards the batch's in every forward from now on, for all batch norms alike: from 0
 * (they stay as they are, to the bit) to 1; below 0: as the network says, which is what a new plan does.
 */
void plan_set_momentum(plan *p, float momentum);
/**
 * Runs forward. Refreshes stale weights first. In training with batch statistics it updates the running ones. Errors:
 * NUMERIC (activations of nodes that are not trained overflow or may, in any image of the batch; names the node),
 * INTERNAL. A device may find either only when plan_read() or plan_loss() waits for it.
 */
reshift_status plan_forward(plan *p, reshift_error *error);
/** After plan_forward() or plan_read() failed with NUMERIC: the image with the largest values. */
int plan_overflow_image(const plan *p);
/** Results as host memory, dense, in the output's shape; the plan's, valid until its next plan_forward(). */
typedef struct plan_results {
    const float *output;         /* NULL where it is bfloat16 */
    const uint16_t *output_bf16; /* NULL where it is float32 */
    const float *features; /* [N,D], where the plan contains the network's features and runs on from them; else NULL */
} plan_results;
/** Waits for the last plan_forward(). Errors: those of plan_forward(); then all are NULL. */
reshift_status plan_read(plan *p, plan_results *results, reshift_error *error);

/**
 * Softmax cross-entropy of the output (logits [N,K]) against labels [N], smoothed as the options say: the mean loss
 * over the N rows, the number of rows whose largest logit is the label (the first of equals), and, in a training plan,
 * the gradient for plan_backward. Errors: SHAPE (a label outside 0..K-1, naming row and value), NUMERIC (loss not
 * finite).
 */
reshift_status plan_loss(plan *p, const int *labels, double *loss, int *correct, reshift_error *error);

/**
 * The same with the entropy of the softmax of each row in the place of cross-entropy: the mean over the N rows, and its
 * gradient for plan_backward. Errors: NUMERIC.
 */
reshift_status plan_entropy(plan *p, double *entropy, reshift_error *error);

/** Runs backward from plan_loss's or plan_entropy's gradient: fills the gradient of every parameter of the trained
 * blocks. */
reshift_status plan_backward(plan *p, reshift_error *error);
/** Whether the parameter gets a gradient in this plan. */
bool plan_has_gradient(const plan *p, int parameter);
/**
 * Waits for the last plan_backward() and gives the gradient in the parameter's own layout (PyTorch's) as host memory,
 * valid until the next plan_backward(); NULL for a parameter without one. Errors: INTERNAL (the device).
 */
reshift_status plan_read_gradient(plan *p, int parameter, const float **gradient, reshift_error *error);

/**
 * Waits for everything that was started and brings the network's values up to date: parameters and running statistics
 * that plans of the network have changed on the device. To be called before anybody else reads the network. Errors:
 * INTERNAL.
 */
reshift_status plan_synchronise(plan *p, reshift_error *error);

/** Bytes of activations, of copies of weights with gradients, and of scratch. */
void plan_memory(const plan *p, size_t *activations, size_t *weights, size_t *scratch);
/** What it computes in: never AUTO. Features, loss and gradients are float32 all the same. */
reshift_precision plan_precision(const plan *p);
/** Multiply-adds of one forward over the batch (for rates and shares of the limit). */
double plan_multiply_adds(const plan *p);

/** The default back end's library, its version and instruction set, "oneDNN 2.6.3 (avx512_core)". Static. */
const char *engine_description(void);
/**
 * What a precision is called in keys of what was computed in it and kept: its name, with a number that goes up whenever
 * the engine comes to other figures than before. Static.
 */
const char *engine_arithmetic(reshift_precision precision);

#endif
