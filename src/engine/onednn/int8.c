/*
 * Convolutions in 8 bits. An activation is a whole number times its channel's unit: 0..255 behind a ReLU, -127..127 for
 * a shortcut's batch norm, the unit chosen so that the largest stands for the range that calibration found
 * (calibrate.h). Weights are -127..127 times one unit an output channel; the units of the input are part of them.
 * Products are summed exactly in 32 bits; batch norm, residual sum, ReLU and the rounding to the next 8 bits happen
 * while the sum is in registers.
 *
 * What stays in onednn_type(), because it is little work and most of the accuracy: the first block, the convolutions
 * that read its result, and the residual sums of the layer behind it. In a blurred image many of their channels are
 * weak everywhere, and one step of 255 is a large part of them. A convolution that reads such a sum reads an 8-bit
 * copy.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/onednn/inside.h"

#define WIDE_BLOCKS 1 /* layer1 */

static const graph_node *node_of(const plan *p, int node) { return &p->net->graph->nodes[node]; }

bool onednn_is_int8(const plan *p, int node)
{
    const graph_node *n = node_of(p, node);
    return p->precision == RESHIFT_PRECISION_INT8 && n->block > 0 && n->op != GRAPH_GLOBAL_AVGPOOL &&
           n->op != GRAPH_LINEAR && (n->op != GRAPH_CONV || node_of(p, n->inputs[0])->block > 0);
}

bool onednn_has_bytes(const plan *p, int tensor)
{
    dnnl_data_type_t type = state_of(p)->tensors[tensor].md.data_type;
    return type == dnnl_u8 || type == dnnl_s8;
}

bool onednn_is_summand(const plan *p, int node)
{
    const graph *g = p->net->graph;
    bool summand = false;
    for (int i = node + 1; i < g->n_nodes && !summand; i++) {
        summand = graph_is_kept(g, i) && graph_shortcut_of(g, i) == node;
    }
    return summand;
}

/* Whether the kept result `node`, a sum or the shortcut of one, stays in onednn_type(). */
static bool is_wide(const plan *p, int node)
{
    return node_of(p, node)->block <= WIDE_BLOCKS &&
           (graph_shortcut_of(p->net->graph, node) >= 0 || onednn_is_summand(p, node));
}

/* A tensor for the node's result in 8 bits; the node's unit. */
static reshift_status add_bytes(plan *p, int node, int *tensor, reshift_error *error)
{
    const float *range = p->net->range[node];
    bool positive = graph_is_nonnegative(p->net->graph, node);
    int channels = node_of(p, node)->channels_out;
    if (!range) {
        error_set(error, RESHIFT_ERROR_NOT_FOUND, "int8 needs to know how large '%s' gets", node_of(p, node)->name);
        error_hint(error, "calibrate the network first");
        return RESHIFT_ERROR_NOT_FOUND;
    }
    if (!state_of(p)->nodes[node].unit) {
        state_of(p)->nodes[node].unit = malloc((size_t)channels * sizeof(float));
        if (!state_of(p)->nodes[node].unit) {
            return error_memory(error, (size_t)channels * sizeof(float), "a plan");
        }
        for (int c = 0; c < channels; c++) {
            state_of(p)->nodes[node].unit[c] = range[c] / (positive ? 255 : 127);
        }
    }
    dnnl_memory_desc_t md;
    reshift_status status = onednn_activation(&md, positive ? dnnl_u8 : dnnl_s8, false, p->options.batch, channels,
                                              p->nodes[node].h, p->nodes[node].w, error);
    *tensor = status == RESHIFT_OK ? onednn_tensor_add(p, &md) : -1;
    return status == RESHIFT_OK && *tensor < 0 ? error_memory(error, sizeof(onednn_tensor), "a plan") : status;
}

/* Makes the result of `node` one that lies pixel after pixel, as results in 8 and 16 bits do. */
static reshift_status make_dense(plan *p, int node, reshift_error *error)
{
    dnnl_memory_desc_t dense;
    int from = p->nodes[node].result;
    reshift_status status = onednn_dense(&dense, p->options.batch, node_of(p, node)->channels_out, p->nodes[node].h,
                                         p->nodes[node].w, error);
    if (status != RESHIFT_OK || state_of(p)->tensors[from].md.data_type != dnnl_f32 ||
        dnnl_memory_desc_equal(&state_of(p)->tensors[from].md, &dense)) {
        return status;
    }
    int to = onednn_tensor_add(p, &dense);
    if (to < 0) {
        return error_memory(error, sizeof(onednn_tensor), "a plan");
    }
    p->nodes[node].result = to;
    return onednn_reorder(p, node, from, to, error);
}

/* The result of `node` in 8 bits: itself, or a copy. */
static reshift_status quantise(plan *p, int node, int *bytes, reshift_error *error)
{
    int to;
    *bytes = onednn_has_bytes(p, p->nodes[node].result) ? p->nodes[node].result : state_of(p)->nodes[node].bytes;
    if (*bytes >= 0) {
        return RESHIFT_OK;
    }
    reshift_status status = make_dense(p, node, error);
    if (status == RESHIFT_OK) {
        status = add_bytes(p, node, &to, error);
    }
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_QUANTISE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof *s, "a plan");
    }
    s->a = to;
    s->b = p->nodes[node].result;
    s->unit = state_of(p)->nodes[node].unit;
    *bytes = state_of(p)->nodes[node].bytes = to;
    return RESHIFT_OK;
}

reshift_status onednn_dequantise(plan *p, int node, reshift_error *error)
{
    dnnl_memory_desc_t dense;
    bool bf16 = p->options.bf16_output && onednn_type(p) == dnnl_bf16;
    reshift_status status = bf16 ? onednn_activation_of(p, node, &dense, error)
                                 : onednn_dense(&dense, p->options.batch, node_of(p, node)->channels_out,
                                                p->nodes[node].h, p->nodes[node].w, error);
    int to = status == RESHIFT_OK ? onednn_tensor_add(p, &dense) : -1;
    onednn_step *s = to >= 0 ? onednn_step_add(p, STEP_DEQUANTISE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof *s, "a plan");
    }
    s->a = to;
    s->b = p->nodes[node].result;
    s->unit = state_of(p)->nodes[node].unit;
    p->nodes[node].result = to;
    return RESHIFT_OK;
}

/* The primitive's descriptor for these units of weights. */
static reshift_status describe(plan *p, const onednn_int8 *c, int node, const float *units, dnnl_primitive_desc_t *pd,
                               reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    float *scales = malloc((size_t)n->channels_out * sizeof *scales);
    if (!scales) {
        return error_memory(error, (size_t)n->channels_out * sizeof *scales, "a plan");
    }
    for (int o = 0; o < n->channels_out; o++) {
        scales[o] = c->output_unit ? (float)((double)units[o] / c->output_unit[o]) : units[o];
    }
    dnnl_post_ops_t post_ops = NULL;
    dnnl_status_t made = dnnl_post_ops_create(&post_ops);
    if (made == dnnl_success && c->sum) {
        made = dnnl_post_ops_append_sum_v2(post_ops, c->sum_factor, c->sum_type);
    }
    if (made == dnnl_success && c->relu) {
        made = dnnl_post_ops_append_eltwise(post_ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
    }
    reshift_status status = made == dnnl_success ? onednn_descriptor_scaled(p, &c->convolution, post_ops, scales,
                                                                            n->channels_out, NULL, pd, n->name, error)
                                                 : onednn_failed(error, made, n->name);
    dnnl_post_ops_destroy(post_ops);
    free(scales);
    return status;
}

reshift_status onednn_int8_remake(plan *p, onednn_int8 *c, int node, const float *units, reshift_error *error)
{
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    reshift_status status = describe(p, c, node, units, &pd, error);
    if (status == RESHIFT_OK) {
        ONEDNN(dnnl_primitive_create(&primitive, pd), node_of(p, node)->name);
        dnnl_primitive_destroy(state_of(p)->steps[c->step].primitive);
        state_of(p)->steps[c->step].primitive = primitive;
        memcpy(c->weight_units, units, (size_t)node_of(p, node)->channels_out * sizeof *units);
    }
    return status;
}

/* The same in onednn_type(). */
static reshift_status choose_wide_result(plan *p, const fusion *f, onednn_int8 *c, reshift_error *error)
{
    c->sum = f->add >= 0;
    if (c->sum) {
        reshift_status status = make_dense(p, f->shortcut, error);
        p->nodes[f->end].result = p->nodes[f->shortcut].result;
        c->sum_factor = 1;
        c->sum_type = onednn_type(p);
        return status;
    }
    dnnl_memory_desc_t md;
    reshift_status status = onednn_type(p) == dnnl_f32
                                ? onednn_dense(&md, p->options.batch, node_of(p, f->end)->channels_out,
                                               p->nodes[f->end].h, p->nodes[f->end].w, error)
                                : onednn_activation_of(p, f->end, &md, error);
    if (status == RESHIFT_OK && (p->nodes[f->end].result = onednn_tensor_add(p, &md)) < 0) {
        status = error_memory(error, sizeof(onednn_tensor), "a plan");
    }
    return status;
}

/* The tensor that the convolution writes: its own, or over the shortcut, whose writer keeps its own view of it. */
static reshift_status choose_result(plan *p, const fusion *f, onednn_int8 *c, reshift_error *error)
{
    if (is_wide(p, f->end)) {
        return choose_wide_result(p, f, c, error);
    }
    if (f->add < 0) {
        return add_bytes(p, f->end, &p->nodes[f->end].result, error);
    }
    int shared, own;
    reshift_status status = quantise(p, f->shortcut, &shared, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int n_tensors = state_of(p)->n_tensors;
    status = add_bytes(p, f->end, &own, error); /* for its layout; the tensor is taken back */
    if (status != RESHIFT_OK) {
        return status;
    }
    dnnl_memory_desc_t md = state_of(p)->tensors[own].md, before = state_of(p)->tensors[shared].md;
    const float *to = state_of(p)->nodes[f->end].unit, *from = state_of(p)->nodes[f->shortcut].unit;
    state_of(p)->n_tensors = n_tensors;
    c->sum = true;
    c->sum_type = before.data_type;
    c->sum_factor = from[0] / to[0];
    for (int i = 1; i < node_of(p, f->end)->channels_out; i++) {
        if (!(fabsf(from[i] / to[i] - c->sum_factor) <= 1e-5f * c->sum_factor)) {
            return error_set(error, RESHIFT_ERROR_NUMERIC,
                             "int8: expected ranges of '%s' and '%s' in one ratio, found %g and, at channel %d, %g",
                             node_of(p, f->shortcut)->name, node_of(p, f->end)->name, (double)c->sum_factor, i,
                             (double)(from[i] / to[i]));
        }
    }
    for (int i = 0; i < state_of(p)->n_steps && md.data_type != before.data_type; i++) {
        for (int j = 0; j < state_of(p)->steps[i].n; j++) {
            if (state_of(p)->steps[i].tensor[j] == shared && !state_of(p)->steps[i].viewed[j]) {
                state_of(p)->steps[i].viewed[j] = true;
                state_of(p)->steps[i].view[j] = before;
            }
        }
    }
    state_of(p)->tensors[shared].md = md;
    p->nodes[f->end].result = shared;
    return RESHIFT_OK;
}

static reshift_status lower(plan *p, int node, onednn_int8 *c, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    int input;
    reshift_status status = quantise(p, n->inputs[0], &input, error);
    fusion f = fusion_find(p, node, state_of(p)->input);
    if (status == RESHIFT_OK && (f.norm < 0 || !graph_is_kept(p->net->graph, f.end))) {
        status = error_set(error, RESHIFT_ERROR_UNSUPPORTED, "int8: '%s' is not followed by what can be fused into it",
                           n->name);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    c->relu = f.relu >= 0;
    status = choose_result(p, &f, c, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    c->input_unit = state_of(p)->nodes[n->inputs[0]].unit;
    c->output_unit = is_wide(p, f.end) ? NULL : state_of(p)->nodes[f.end].unit;
    dnnl_memory_desc_t source = state_of(p)->tensors[input].md, weights, bias, destination;
    destination = state_of(p)->tensors[p->nodes[f.end].result].md;
    const onednn_window window = onednn_window_of(&n->window);
    dnnl_dims_t channels = {n->channels_out};
    status = onednn_weights_any(n, dnnl_s8, &weights, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    ONEDNN(dnnl_memory_desc_init_by_tag(&bias, 1, channels, dnnl_f32, dnnl_a), n->name);
    ONEDNN(dnnl_dilated_convolution_forward_desc_init(&c->convolution, dnnl_forward_inference, dnnl_convolution_direct,
                                                      &source, &weights, &bias, &destination, window.stride,
                                                      window.dilation, window.before, window.after),
           n->name);
    dnnl_primitive_desc_t pd;
    int copy = -1;
    onednn_weights_units(p, node, f.norm, c->input_unit, c->weight_units);
    status = describe(p, c, node, c->weight_units, &pd, error);
    if (status == RESHIFT_OK) {
        status = onednn_weights_add(p, node, f.norm, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), &copy,
                                    error);
    }
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof *s, "a plan");
    }
    c->step = state_of(p)->n_steps - 1;
    state_of(p)->weights[copy].int8 = c;
    s->end = f.end;
    onednn_step_tensor(s, DNNL_ARG_SRC, input);
    onednn_step_fixed(s, DNNL_ARG_WEIGHTS, state_of(p)->weights[copy].memory);
    onednn_step_fixed(s, DNNL_ARG_BIAS, state_of(p)->weights[copy].bias_memory);
    onednn_step_tensor(s, DNNL_ARG_DST, p->nodes[f.end].result);
    return onednn_step_primitive(p, s, pd, error);
}

reshift_status onednn_lower_int8(plan *p, int conv, reshift_error *error)
{
    onednn_int8 *c = calloc(1, sizeof *c);
    int n_weights = state_of(p)->n_weights;
    if (!c || !(c->weight_units = calloc((size_t)node_of(p, conv)->channels_out, sizeof *c->weight_units))) {
        free(c);
        return error_memory(error, sizeof *c, "a plan");
    }
    reshift_status status = lower(p, conv, c, error);
    if (state_of(p)->n_weights == n_weights ||
        state_of(p)->weights[n_weights].int8 != c) { /* the plan does not hold it */
        free(c->weight_units);
        free(c);
    }
    return status;
}
