/*
 * Nothing overflows in a plan, or onednn_forward() fails: for all images, without looking at most values. Every node's
 * result has a bound that follows from the bound of what it reads and from the weights (overflow.h), and is known
 * before the node is computed. Bounds are far above real values and grow with every layer, in ResNet-50 by 15 a
 * convolution. Where one would pass OVERFLOW_LIMIT, what the step reads is measured, all images, and the bound follows
 * from that: about every twenty convolutions. If it is still too large, the values themselves are as no working
 * network's are.
 *
 * Nodes that are trained are left out: their own ReLU keeps NaN, and the loss shows it.
 */
#include <float.h>
#include <math.h>

#include "base/error.h"
#include "engine/onednn/inside.h"
#include "kernels/magnitude.h"

/* Squares of batch norm's input, added up over a batch's pixels (at most 2^30), are below 2^127. */
#define SQUARES_LIMIT 0x1p48

static const overflow_bound unbounded = {DBL_MAX, DBL_MAX}; /* no error by itself: who reads the result measures it */

static const graph_node *node_of(const plan *p, int node) { return &p->net->graph->nodes[node]; }

static overflow_bound symmetric(double magnitude) { return (overflow_bound){magnitude, magnitude}; }

static overflow_bound tighter(overflow_bound a, double magnitude)
{
    return (overflow_bound){fmin(a.above, magnitude), fmin(a.below, magnitude)};
}

/* ---- weights ---- */

/* Of sums of products of 8-bit values: |weight| <= 127 and |input| <= 255 units, whatever the input is. */
static overflow_gain int8_gain(const onednn_int8 *c, const float *bias, int rows, int64_t columns)
{
    overflow_gain gain = {0, 0, 0};
    for (int o = 0; o < rows; o++) {
        const double sum = 127.0 * 255 * (double)columns + fabs((double)bias[o]);
        const double value = sum * (double)c->weight_units[o];
        const double scaled =
            c->output_unit ? value / (double)c->output_unit[o] : value; /* what is rounded to 8 bits */
        gain.offset = !(value <= gain.offset) ? value : gain.offset;
        gain.offset = !(scaled <= OVERFLOW_LIMIT) ? INFINITY : gain.offset;
    }
    return gain;
}

void onednn_guard_weights(const plan *p, onednn_weights *w)
{
    const graph_node *conv = node_of(p, w->conv);
    const int64_t columns = (int64_t)(p->net->graph->parameters[conv->parameter].count / (size_t)conv->channels_out);
    if (p->nodes[w->conv].needs_gradient) {
        return;
    }
    if (w->int8) {
        w->gain = int8_gain(w->int8, w->bias, conv->channels_out, columns);
        return;
    }
    const int bias = graph_parameter_of(p->net->graph, w->conv, GRAPH_BIAS);
    const float *own_bias = bias >= 0 ? network_parameter(p->net, bias) : NULL;
    w->gain = w->norm >= 0
                  ? overflow_gain_of(state_of(p)->staging, conv->channels_out, columns, w->bias)
                  : overflow_gain_of(network_parameter(p->net, conv->parameter), conv->channels_out, columns, own_bias);
}

/* ---- nodes ---- */

static overflow_bound after_conv(const plan *p, int node, overflow_bound x)
{
    for (int i = 0; i < state_of(p)->n_weights; i++) {
        if (state_of(p)->weights[i].conv == node) {
            return overflow_after(&state_of(p)->weights[i].gain, x);
        }
    }
    return unbounded;
}

/*
 * y = gamma (x - mean) / sqrt(variance + epsilon) + beta. With a batch's own statistics no |x - mean| / sqrt(variance)
 * exceeds sqrt(rows), since its square is one of `rows` summands of the variance; mixed ones have at least the running
 * variance's share.
 */
static overflow_bound after_batchnorm(const plan *p, int node, overflow_bound x)
{
    const graph_node *n = node_of(p, node);
    const float *parameter[4];
    for (int i = 0; i < 4; i++) {
        parameter[i] = network_parameter(p->net, n->parameter + i);
    }
    const bool batch = p->nodes[node].batch_statistics;
    const double share = batch ? (double)p->options.source_share : 1, most = fmax(x.above, x.below);
    const double rows = (double)p->options.batch * p->nodes[node].h * p->nodes[node].w;
    if (batch && !(most <= SQUARES_LIMIT)) {
        return symmetric(INFINITY);
    }
    double bound = 0;
    for (int c = 0; c < n->channels_out; c++) {
        const double gamma = fabs((double)parameter[0][c]), beta = fabs((double)parameter[1][c]);
        const double mean = fabs((double)parameter[2][c]);
        const double deviation = sqrt(share * (double)parameter[3][c] + (double)n->epsilon);
        const double own = beta + gamma * (share > 0 ? (2 * most + mean) / deviation : sqrt(rows));
        bound = !(own <= bound) ? own : bound;
    }
    return symmetric(1.01 * bound);
}

/* Of the node's result; `cap` bounds what its step reads from outside the group of fused nodes that begins at `first`.
 */
static overflow_bound bound_of(const plan *p, int node, int first, double cap)
{
    const graph_node *n = node_of(p, node);
    overflow_bound x[GRAPH_INPUTS_MOST] = {{0, 0}, {0, 0}};
    for (int i = 0; i < GRAPH_INPUTS_MOST; i++) {
        if (n->inputs[i] >= 0) {
            const onednn_node *from = &state_of(p)->nodes[n->inputs[i]];
            const bool inside = n->inputs[i] == first || p->nodes[n->inputs[i]].fused_into == first;
            x[i] = from->bounded ? from->bound : unbounded;
            x[i] = inside ? x[i] : tighter(x[i], cap);
        }
    }
    switch (n->op) {
    case GRAPH_CONV: return after_conv(p, node, x[0]);
    case GRAPH_BATCHNORM: return p->nodes[node].fused_into >= 0 ? x[0] : after_batchnorm(p, node, x[0]);
    case GRAPH_RELU: return (overflow_bound){x[0].above, 0};
    case GRAPH_ADD: return (overflow_bound){x[0].above + x[1].above, x[0].below + x[1].below};
    case GRAPH_MAXPOOL:
    case GRAPH_GLOBAL_AVGPOOL: return x[0];
    case GRAPH_INPUT:
    case GRAPH_LINEAR: break;
    }
    return overflow_is_safe(x[0]) ? unbounded : symmetric(INFINITY);
}

/* Bounds of all nodes that the step computes. The first whose values may overflow; -1: none. */
static int bound_group(plan *p, const onednn_step *s, double cap)
{
    const int end = s->end > s->node ? s->end : s->node;
    for (int i = s->node; i <= end; i++) {
        if (i == s->node || p->nodes[i].fused_into == s->node) {
            onednn_node *n = &state_of(p)->nodes[i];
            n->bound = bound_of(p, i, s->node, cap);
            n->bounded = true;
            if (!overflow_is_safe(n->bound) && !(n->bound.above == DBL_MAX)) {
                return i;
            }
        }
    }
    return -1;
}

/* ---- values ---- */

/* Bytes of one image; 0 if the layout mixes images. */
static size_t image_bytes(const plan *p, const onednn_tensor *t)
{
    const dnnl_memory_desc_t *md = &t->md;
    if (md->format_kind != dnnl_blocked || md->ndims < 2) {
        return 0;
    }
    for (int i = 0; i < md->format_desc.blocking.inner_nblks; i++) {
        if (md->format_desc.blocking.inner_idxs[i] == 0) {
            return 0;
        }
    }
    return dnnl_memory_desc_get_size(md) / (size_t)p->options.batch;
}

/* What 8 bits can say at most; 0: the tensor has other values. */
static double saturation(const plan *p, int tensor)
{
    double largest = 0;
    for (int i = p->first; i <= p->last && onednn_has_bytes(p, tensor); i++) {
        const onednn_node *n = &state_of(p)->nodes[i];
        const bool is = p->nodes[i].result == tensor || n->bytes == tensor;
        for (int c = 0; c < node_of(p, i)->channels_out && n->unit && is; c++) {
            largest = fmax(largest, 255 * (double)n->unit[c]);
        }
    }
    return largest;
}

/* The largest magnitude in the tensor of float32 or bfloat16, and which image has it. */
static double measure(const plan *p, const onednn_tensor *t, int *image)
{
    const bool bf16 = t->md.data_type == dnnl_bf16;
    const size_t own = image_bytes(p, t), bytes = own > 0 ? own : dnnl_memory_desc_get_size(&t->md);
    const int n = own > 0 ? p->options.batch : 1;
    double largest = 0;
    *image = 0;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++) {
        const char *values = (const char *)t->data + (size_t)i * bytes;
        const double value = (double)(bf16 ? largest_magnitude_bf16((const uint16_t *)(const void *)values,
                                                                    (int64_t)(bytes / sizeof(uint16_t)))
                                           : largest_magnitude_f32((const float *)(const void *)values,
                                                                   (int64_t)(bytes / sizeof(float))));
#pragma omp critical(onednn_guard_measure)
        {
            if (value > largest || (value == largest && i < *image)) {
                largest = value;
                *image = i;
            }
        }
    }
    return largest;
}

/* Tensors that the step reads, at most 2. */
static int read_by(const plan *p, const onednn_step *s, int tensors[2])
{
    int n = 0;
    bool sum = false; /* written over its summand */
    for (int i = s->node + 1; i <= s->end; i++) {
        sum = sum || (p->nodes[i].fused_into == s->node && node_of(p, i)->op == GRAPH_ADD);
    }
    for (int i = 0; s->kind == STEP_PRIMITIVE && i < s->n; i++) {
        if (s->argument[i] == DNNL_ARG_SRC || (sum && s->argument[i] == DNNL_ARG_DST)) {
            tensors[n++] = s->tensor[i];
        }
    }
    if (s->kind == STEP_RELU || s->kind == STEP_ADD) {
        tensors[n++] = s->a;
    }
    if (s->kind == STEP_ADD || s->kind == STEP_AVERAGE) {
        tensors[n++] = s->b;
    }
    return n;
}

/* The largest magnitude in all that the step reads; what it reads has this bound from now on. */
static double measure_step(plan *p, const onednn_step *s)
{
    int tensors[2], image = 0;
    const int n = read_by(p, s, tensors);
    double largest = 0;
    bool all = true;
    for (int i = 0; i < n; i++) {
        const bool bytes = onednn_has_bytes(p, tensors[i]);
        const double own = bytes ? saturation(p, tensors[i]) : measure(p, &state_of(p)->tensors[tensors[i]], &image);
        all = all && !bytes; /* of a copy in 8 bits: others may read the node's own values */
        if (own > largest) {
            largest = own;
            p->overflow_image = image;
        }
    }
    for (int i = s->node; i <= (s->end > s->node ? s->end : s->node) && all; i++) {
        const int *inputs = node_of(p, i)->inputs;
        for (int k = 0; k < GRAPH_INPUTS_MOST && (i == s->node || p->nodes[i].fused_into == s->node); k++) {
            if (inputs[k] >= 0 && inputs[k] != s->node && p->nodes[inputs[k]].fused_into != s->node) {
                state_of(p)->nodes[inputs[k]].bound = tighter(state_of(p)->nodes[inputs[k]].bound, largest);
            }
        }
    }
    return largest;
}

/* ---- */

static reshift_status refuse(const plan *p, int node, reshift_error *error)
{
    return error_set(error, RESHIFT_ERROR_NUMERIC, "activations overflow in '%s'", node_of(p, node)->name);
}

reshift_status onednn_guard_start(plan *p, reshift_error *error)
{
    for (int i = p->source; i <= p->last; i++) {
        state_of(p)->nodes[i].bounded = false;
    }
    p->overflow_image = 0;
    onednn_node *source = &state_of(p)->nodes[p->source];
    if (p->nodes[p->source == p->first && p->first < p->last ? p->first + 1 : p->first].needs_gradient) {
        return RESHIFT_OK;
    }
    source->bound =
        symmetric(p->input_bound >= 0 ? p->input_bound
                                      : measure(p, &state_of(p)->tensors[state_of(p)->input], &p->overflow_image));
    source->bounded = true;
    return overflow_is_safe(source->bound) ? RESHIFT_OK : refuse(p, p->source, error);
}

reshift_status onednn_guard(plan *p, const onednn_step *s, reshift_error *error)
{
    const bool computes =
        s->kind == STEP_PRIMITIVE || s->kind == STEP_RELU || s->kind == STEP_ADD || s->kind == STEP_AVERAGE;
    if (state_of(p)->nodes[s->node].bounded || p->nodes[s->node].needs_gradient || !computes || s->node == p->source) {
        return RESHIFT_OK;
    }
    if (bound_group(p, s, INFINITY) < 0) {
        return RESHIFT_OK;
    }
    ONEDNN(dnnl_stream_wait(state_of(p)->stream), node_of(p, s->node)->name);
    const double cap = measure_step(p, s);
    const int at = cap <= OVERFLOW_LIMIT ? bound_group(p, s, cap) : node_of(p, s->node)->inputs[0];
    return at < 0 ? RESHIFT_OK : refuse(p, at, error);
}
