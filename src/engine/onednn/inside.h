/*
 * The inside of the CPU's back end. Building goes in three strokes: the graph is lowered to tensors and steps
 * (lower_*.c), every tensor gets its place in the one activation block by first and last use (steps.c, placement.h),
 * and steps are bound to memory. Running walks the steps.
 */
#ifndef ENGINE_ONEDNN_INSIDE_H
#define ENGINE_ONEDNN_INSIDE_H

#include "engine/fusion.h"
#include "engine/onednn/onednn.h"
#include "engine/overflow.h"
#include "engine/placement.h"
#include "engine/plan_inside.h"

/* A stretch of the activation block: an activation, its gradient, a workspace, a batch's statistics. */
typedef struct onednn_tensor {
    dnnl_memory_desc_t md;
    placement place;
    bool external; /* written or read by the caller: lives through the whole run */
    dnnl_memory_t memory;
    void *data;
} onednn_tensor;

typedef enum step_kind {
    STEP_PRIMITIVE,
    STEP_RELU,             /* a = max(a, 0) in place */
    STEP_ADD,              /* a += b */
    STEP_COPY,             /* a = b */
    STEP_RELU_BACKWARD,    /* a = b > 0 ? a : 0 in place; b is the ReLU's result */
    STEP_AVERAGE,          /* a [N,C] float32 = mean over `rows` pixels of b [N,rows,C], 16 or 8 bits, times `unit` */
    STEP_QUANTISE,         /* a 8 bits = b float32 or bfloat16 over unit, rounded to the nearest even, saturated */
    STEP_DEQUANTISE,       /* a float32 or bfloat16 = b 8 bits times unit */
    STEP_AVERAGE_BACKWARD, /* a [N,rows,C] bfloat16 = b [N,C] float32 / rows */
    STEP_GATHER,           /* a [rows, K*K*I] = what the convolution saw of b at output pixels first..first+rows-1 */
    STEP_STATISTICS, /* running mean and variance of batch norm `node` move towards tensors a (mean), b (variance) */
    STEP_MIX, /* a (mean), b (variance) = shares of batch norm `node`'s running statistics and of those of argument 0 */
    STEP_COLUMN_SUM /* gradient `target` [columns] = sum over rows of a [rows, columns] */
} step_kind;

#define STEP_ARGUMENTS 12

typedef struct onednn_step {
    step_kind kind;
    bool backward;
    int node;
    dnnl_primitive_t primitive;
    int n;                        /* arguments of the primitive */
    int argument[STEP_ARGUMENTS]; /* DNNL_ARG_... */
    int tensor[STEP_ARGUMENTS];   /* index of a onednn_tensor, or -1: fixed */
    dnnl_memory_t fixed[STEP_ARGUMENTS];
    bool viewed[STEP_ARGUMENTS]; /* the tensor's bytes are read as `view` says */
    dnnl_memory_desc_t view[STEP_ARGUMENTS];
    size_t shift[STEP_ARGUMENTS]; /* and from this byte on */
    dnnl_exec_arg_t bound[STEP_ARGUMENTS];
    int a, b; /* own steps: tensors */
    int64_t rows, columns, first;
    const float *unit; /* [C] the plan's, NULL: 1 */
    float *target;
    int end; /* node whose result is complete behind this step, -1 */
} onednn_step;

/*
 * A convolution in int8. y = sat(round(relu(scale[o] (sum w_q x_q + bias[o]) + sum_factor shortcut_q))) with scale[o] =
 * weight_unit[o] / output_unit[o]: a stored integer times its channel's unit is a value. The units of the input's
 * channels are part of the weights.
 */
typedef struct onednn_int8 {
    dnnl_convolution_desc_t convolution;
    const float *input_unit, *output_unit; /* [I], [O] the plan's */
    float sum_factor;
    bool sum, relu;
    dnnl_data_type_t sum_type;
    float *weight_units; /* [O] that the primitive was made for */
    int step;
} onednn_int8;

/* A convolution's weights in the library's layout, with batch norm folded in where `norm` >= 0. */
typedef struct onednn_weights {
    int conv, norm; /* nodes */
    dnnl_memory_desc_t md;
    size_t offset, bytes, bias_offset;
    float *bias; /* [O] or NULL */
    dnnl_memory_t memory, bias_memory, source;
    dnnl_primitive_t reorder;
    uint64_t
        seen[6]; /* versions of conv weight, gamma, beta, mean, var, conv bias that this copy was made from; 0: never */
    onednn_int8 *int8;  /* NULL: not in 8 bits */
    overflow_gain gain; /* of what the convolution computes with them */
} onednn_weights;

/* What a node of the graph became, besides what plan_node has: `result` there is the number of a tensor here. */
typedef struct onednn_node {
    int gradient; /* tensor of the gradient of its output, -1: none so far */
    float *unit;  /* [C] of its result in 8 bits, NULL: not needed */
    int bytes;    /* tensor of an 8-bit copy of its result, -1: none */
    int workspace, mean, variance;
    const_dnnl_primitive_desc_t forward; /* hint for backward */
    overflow_bound bound;                /* of its result in this pass, if `bounded` */
    bool bounded;
} onednn_node;

typedef struct onednn_state {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    onednn_node *nodes; /* [graph->n_nodes] */
    onednn_tensor *tensors;
    int n_tensors;
    onednn_step *steps;
    int n_steps, n_forward;
    onednn_weights *weights;
    int n_weights;
    dnnl_primitive_desc_t *descriptors; /* all made, destroyed with the plan */
    int n_descriptors;
    dnnl_memory_t *memories; /* all fixed ones, destroyed with the plan */
    int n_memories;

    int input, output, features, loss_gradient; /* tensors, -1 */
    float *activations, *prepared, *staging, *scratch, *gradients;
    size_t activation_bytes, prepared_bytes, staging_floats, scratch_bytes;
} onednn_state;

static inline onednn_state *state_of(const plan *p) { return p->state; }

/* ---- steps.c: tensors, steps, places ---- */
int onednn_tensor_add(plan *p, const dnnl_memory_desc_t *md);    /* -1: out of memory */
onednn_step *onednn_step_add(plan *p, step_kind kind, int node); /* NULL: out of memory */
void onednn_step_tensor(onednn_step *s, int argument, int tensor);
void onednn_step_fixed(onednn_step *s, int argument, dnnl_memory_t memory);
/** The tensor's bytes from `shift` on, read as `md` says. */
void onednn_step_view(onednn_step *s, int argument, int tensor, const dnnl_memory_desc_t *md, size_t shift);
/** Keeps `pd` for the plan and makes its primitive; adds the shared scratchpad. */
reshift_status onednn_step_primitive(plan *p, onednn_step *s, dnnl_primitive_desc_t pd, reshift_error *error);
/** Makes a primitive descriptor (user scratchpad, optional post-ops) that lives as long as the plan. */
reshift_status onednn_descriptor(plan *p, const_dnnl_op_desc_t op, const_dnnl_post_ops_t post_ops,
                                 const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *pd, const char *what,
                                 reshift_error *error);
/** The same with one output scale a channel (dimension 1). */
reshift_status onednn_descriptor_scaled(plan *p, const_dnnl_op_desc_t op, const_dnnl_post_ops_t post_ops,
                                        const float *scales, int n_scales, const_dnnl_primitive_desc_t hint,
                                        dnnl_primitive_desc_t *pd, const char *what, reshift_error *error);
/** A memory object on memory of the plan's or the network's own (NULL: bound later). */
reshift_status onednn_fixed_memory(plan *p, const dnnl_memory_desc_t *md, void *data, dnnl_memory_t *memory,
                                   reshift_error *error);
/** A reorder step from tensor to tensor. */
reshift_status onednn_reorder(plan *p, int node, int from, int to, reshift_error *error);
/** A reorder step from a tensor to memory of the plan's own. */
reshift_status onednn_reorder_to(plan *p, int node, int from, const dnnl_memory_desc_t *md, dnnl_memory_t to,
                                 reshift_error *error);
/** Places all tensors, allocates the block, binds the steps. */
reshift_status onednn_place(plan *p, reshift_error *error);
/** No two tensors that live at once share a byte. */
bool onednn_places_are_sound(const plan *p);

/* ---- weights.c ---- */
/** A copy of `conv`'s weights for layout `md`; folded with batch norm `norm` unless -1. Its index in *index. */
reshift_status onednn_weights_add(plan *p, int conv, int norm, const dnnl_memory_desc_t *md, int *index,
                                  reshift_error *error);
reshift_status onednn_weights_place(plan *p, reshift_error *error);
/** Makes every stale copy anew. */
reshift_status onednn_weights_refresh(plan *p, reshift_error *error);
/** Dimensions of a convolution's weights for the library: [O,I,kh,kw], with groups [G,O/G,I/G,kh,kw]; how many. */
int onednn_weights_dims(const graph_node *conv, dnnl_dims_t dims);
/** These weights of a type, in a layout that the library chooses. */
reshift_status onednn_weights_any(const graph_node *conv, dnnl_data_type_t type, dnnl_memory_desc_t *md,
                                  reshift_error *error);
/** [O,I/groups,kh,kw] as PyTorch keeps it. */
reshift_status onednn_weights_plain(const graph_node *conv, dnnl_data_type_t type, dnnl_memory_desc_t *md,
                                    reshift_error *error);
/** units[o] = largest folded weight of output channel o, times its input's unit, / 127; 1 where all are 0. */
void onednn_weights_units(const plan *p, int conv, int norm, const float *input_unit, float *units);

/* ---- weight_gradient.c ---- */
/** True where a convolution's weight gradient goes by matrix products. */
bool onednn_has_weight_products(const plan *p, int node);
/** The steps of it, into `gradient` in torchvision's layout. The gradient of the node's result is there. */
reshift_status onednn_weight_products(plan *p, int node, float *gradient, reshift_error *error);
void onednn_run_gather(plan *p, const onednn_step *s);

/* ---- own.c ---- */
/** Runs a step that is no primitive. */
void onednn_run_own(plan *p, const onednn_step *s);

/* ---- guard.c ---- */
/** Before a forward pass: forgets the last one's bounds, finds that of the input. Errors: NUMERIC. */
reshift_status onednn_guard_start(plan *p, reshift_error *error);
/** Before step `s` of a forward pass. Errors: NUMERIC (values may overflow in it; names the node). */
reshift_status onednn_guard(plan *p, const onednn_step *s, reshift_error *error);
/** After a copy of a convolution's weights was made (`norm`: staging holds the folded ones). */
void onednn_guard_weights(const plan *p, onednn_weights *w);

/* ---- int8.c ---- */
/** Whether convolutions at this node compute in 8 bits. */
bool onednn_is_int8(const plan *p, int node);
reshift_status onednn_lower_int8(plan *p, int conv, reshift_error *error);
bool onednn_has_bytes(const plan *p, int tensor);
/** Whether a later sum is written over the kept result `node`. */
bool onednn_is_summand(const plan *p, int node);
/** Makes the convolution anew for the units of changed weights. */
reshift_status onednn_int8_remake(plan *p, onednn_int8 *c, int node, const float *units, reshift_error *error);
/** Adds a dense copy of an 8-bit result in float32, or bfloat16 where the options say bf16_output, that takes its
 * place. */
reshift_status onednn_dequantise(plan *p, int node, reshift_error *error);

/* ---- lower_forward.c, lower_backward.c ---- */
reshift_status onednn_lower_forward(plan *p, reshift_error *error);
reshift_status onednn_lower_backward(plan *p, reshift_error *error);
/** Of activations and of convolutions' weights; with int8, of those that are not in 8 bits. */
dnnl_data_type_t onednn_type(const plan *p);
/** Window of a pool as the library wants it. */
void onednn_pool_window(const plan *p, int node, onednn_window *window, dnnl_dims_t kernel);
/** Activation of node's shape. */
reshift_status onednn_activation_of(const plan *p, int node, dnnl_memory_desc_t *md, reshift_error *error);

#endif
