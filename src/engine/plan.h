/*
 * A network planned for one batch shape: oneDNN primitives made once, all activations laid out in one aligned block by
 * first and last use, nothing of ours allocated in a step. Where nothing upstream is trained, batch norm is folded into
 * the convolution and ReLU and addition are fused into it; from the first trained block on, every operation stands
 * alone and keeps what its backward pass needs.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include "base/cpu.h"
#include "network/network.h"
#include "reshift/precision.h"

typedef struct plan plan;

typedef struct plan_options {
    int batch;                   /* N */
    int height, width;           /* of the plan's input */
    int first_block, last_block; /* the part of the network to run, both included; blocks from graph.h */
    bool stop_at_features;       /* end before the linear layer: the output is the global average pool [N,D] */
    bool half_input, half_output; /* a plan that computes in bfloat16 takes or gives activations [N,H,W,C] as such:
                                     plan_input_half(), plan_output_half() */
    reshift_precision precision; /* what the processor cannot do becomes float32: plan_precision() */
    const bool *train_block;     /* [n_blocks] or NULL: inference only. Blocks whose parameters get gradients */
    const bool *batchnorm_batch; /* [n_blocks] or NULL: blocks whose batch norms use the batch's statistics and update
                                    the running ones (training); the others use the fixed statistics */
    bool affine_only;            /* of the trained blocks only batch norm's gamma and beta get gradients */
    double label_smoothing;      /* of plan_loss, 0 to 1 */
    float source_share;          /* inference with batchnorm_batch: statistics are source_share of the running ones and the
                                    rest of the batch's, and the running ones stay; 0: the batch's alone */
} plan_options;

/**
 * Plans; reads the shapes of `n`, keeps a pointer to it (n must outlive the plan). In int8 convolutions take
 * 8-bit activations, as far as n->range says, and 8-bit weights, one unit an output channel; the first block, what reads
 * it and the sums of the layer behind it stay in bfloat16 or float32, fc in float32 (plan_int8.c). Errors: ARGUMENT
 * (blocks out of range, input too small, a range that is not known), MEMORY, INTERNAL (oneDNN's words).
 */
reshift_status plan_create(network *n, const plan_options *options, plan **out, reshift_error *error);
void plan_destroy(plan **p);

/**
 * Where the caller writes the batch: [N,H,W,C] float, dense. The place holds until plan_destroy; what is in it does not
 * outlive plan_forward in a plan without trained blocks, so it is written anew before every forward pass.
 */
float *plan_input(plan *p);
/** The same places where the options say half and the plan has them in bfloat16; else NULL. */
uint16_t *plan_input_half(plan *p);
const uint16_t *plan_output_half(const plan *p);
/** Shape of the input and of the output: [N,H,W,C] or, behind the pool or fc, [N,C] (n_dims 2). */
void plan_input_shape(const plan *p, int *n_dims, int64_t shape[4]);
void plan_output_shape(const plan *p, int *n_dims, int64_t shape[4]);

/**
 * Is shown every result that plans in int8 keep (graph_is_kept), as it is made: [pixels of the batch, channels].
 */
typedef void (*plan_watcher)(void *context, int node, const float *values, int64_t rows, int channels);
/** Only in float32 without trained blocks. NULL: nobody watches. */
void plan_watch(plan *p, plan_watcher watcher, void *context);

/**
 * How far running statistics move towards the batch's in every forward from now on, for all batch norms alike: from 0
 * (they stay as they are, to the bit) to 1; below 0: as the network says, which is what a new plan does.
 */
void plan_set_momentum(plan *p, float momentum);
/** The input holds `n` images, fewer than a batch: sets the rest to zero. Call after they are written. */
void plan_set_images(plan *p, int n);
/**
 * No magnitude in the input exceeds `bound` in the passes from now on. Below 0, as in a new plan: the caller knows none,
 * and plan_forward() reads the whole input for it.
 */
void plan_set_input_bound(plan *p, double bound);
/**
 * Runs forward. Refreshes stale weights first. In training with batch statistics it updates the running ones. Errors:
 * NUMERIC (activations of nodes that are not trained overflow or may, in any image of the batch; names the node),
 * INTERNAL.
 */
reshift_status plan_forward(plan *p, reshift_error *error);
/** After plan_forward() failed with NUMERIC: the image with the largest values. */
int plan_overflow_image(const plan *p);
/** The result of the last forward: dense float in the output's shape; the plan's memory. */
const float *plan_output(const plan *p);
/** The global average pool's [N,D] of the last forward, where the plan contains it and runs on to fc; else NULL. */
const float *plan_features(const plan *p);

/**
 * Softmax cross-entropy of the output (logits [N,K]) against labels [N], smoothed as the options say: the mean loss over the N rows, the number of
 * rows whose largest logit is the label (the first of equals), and, in a training plan, the gradient for plan_backward.
 * Errors: SHAPE (a label outside 0..K-1, naming row and value), NUMERIC (loss not finite).
 */
reshift_status plan_loss(plan *p, const int *labels, double *loss, int *correct, reshift_error *error);

/**
 * The same with the entropy of the softmax of each row in the place of cross-entropy: the mean over the N rows, and its
 * gradient for plan_backward. Errors: NUMERIC.
 */
reshift_status plan_entropy(plan *p, double *entropy, reshift_error *error);

/** Runs backward from plan_loss's or plan_entropy's gradient: fills the gradient of every parameter of the trained blocks. */
reshift_status plan_backward(plan *p, reshift_error *error);
/** Gradient in the parameter's own layout (torchvision's); NULL for a parameter that is not trained here. */
const float *plan_gradient(const plan *p, int parameter);

/** Bytes of the activation block, of reordered weights, and of scratch. */
void plan_memory(const plan *p, size_t *activations, size_t *weights, size_t *scratch);
/** What it computes in: never AUTO. Input, output, features, loss and gradients are float32 all the same. */
reshift_precision plan_precision(const plan *p);
/** Multiply-adds of one forward over the batch (for rates and shares of the limit). */
double plan_multiply_adds(const plan *p);

/**
 * Limits oneDNN to the instruction sets of a form, as RESHIFT_ISA does when the library is loaded. False once oneDNN has
 * been used or limited: it keeps its choice.
 */
bool engine_limit(cpu_form form);
/** The version of the library underneath and the instruction set it uses here, "oneDNN 2.6.3 (avx512_core)". Static. */
const char *engine_description(void);
/**
 * What a precision is called in keys of what was computed in it and kept: its name, with a number that goes up whenever
 * the engine comes to other figures than before. Static.
 */
const char *engine_arithmetic(reshift_precision precision);

#endif
