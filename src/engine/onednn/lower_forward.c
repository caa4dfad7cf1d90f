/*
 * From nodes to forward steps. A convolution takes along what fusion.c finds for it; everything else becomes a
 * step of its own; ReLU and addition work in place. Convolutions in int8 are lowered in onednn_int8.c.
 */
#include "engine/onednn/inside.h"

static const graph_node *node_of(const plan *p, int node) { return &p->net->graph->nodes[node]; }

dnnl_data_type_t onednn_type(const plan *p)
{
    bool bf16 = p->precision == RESHIFT_PRECISION_BF16 ||
                (p->precision == RESHIFT_PRECISION_INT8 &&
                 reshift_precision_here(RESHIFT_PRECISION_BF16, false) == RESHIFT_PRECISION_BF16);
    return bf16 ? dnnl_bf16 : dnnl_f32;
}

reshift_status onednn_activation_of(const plan *p, int node, dnnl_memory_desc_t *md, reshift_error *error)
{
    return onednn_activation(md, onednn_type(p), p->training, p->options.batch, node_of(p, node)->channels_out,
                             p->nodes[node].h, p->nodes[node].w, error);
}

static reshift_status add_result(plan *p, int node, reshift_error *error)
{
    dnnl_memory_desc_t md;
    reshift_status status = onednn_activation_of(p, node, &md, error);
    if (status == RESHIFT_OK && (p->nodes[node].result = onednn_tensor_add(p, &md)) < 0) {
        status = error_memory(error, sizeof(onednn_tensor), "a plan");
    }
    return status;
}

static reshift_status post_ops_of(const fusion *f, dnnl_post_ops_t *post_ops, reshift_error *error)
{
    ONEDNN(dnnl_post_ops_create(post_ops), "fusing");
    if (f->add >= 0) {
        ONEDNN(dnnl_post_ops_append_sum(*post_ops, 1.0f), "fusing");
    }
    if (f->relu >= 0) {
        ONEDNN(dnnl_post_ops_append_eltwise(*post_ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f), "fusing");
    }
    return RESHIFT_OK;
}

/*
 * Winograd's F(4x4, 3x3), which the library never picks by itself. ResNet-50's 3x3 convolutions at 224, batch 16, one
 * thread with AVX-512, direct / Winograd: 64 channels 56x56 19.5 / 10.2 ms, 128 28x28 21.1 / 8.8, 256 14x14 20.1
 * / 13.2, 512 7x7 20.1 / 15.2. Its weights are four times as large: the last two would take 100 MB, more than memory's
 * bound leaves. It errs by 1e-6 of the result, direct sums by a tenth of that.
 */
static bool winograd_wins(const plan *p, int node)
{
    const graph_node *n = node_of(p, node);
    return onednn_has(dnnl_cpu_isa_avx512_core) && onednn_type(p) == dnnl_f32 && !p->nodes[node].needs_gradient &&
           graph_is_square(&n->window) && n->window.kernel[0] == 3 && n->window.stride[0] == 1 &&
           n->window.padding[0] == 1 && n->channels_in >= 64 && n->channels_out >= 64 &&
           n->channels_in * n->channels_out <= 128 * 128 && p->nodes[node].h >= 14 && p->nodes[node].w >= 14;
}

/* A parameter of the network as the library's memory: batch norm's vectors need no other layout. */
static reshift_status parameter_memory(plan *p, int parameter, dnnl_memory_t *memory, reshift_error *error)
{
    dnnl_memory_desc_t md;
    dnnl_dims_t dims = {(dnnl_dim_t)p->net->graph->parameters[parameter].count};
    ONEDNN(dnnl_memory_desc_init_by_tag(&md, 1, dims, dnnl_f32, dnnl_a), "laying out a parameter");
    return onednn_fixed_memory(p, &md, network_parameter(p->net, parameter), memory, error);
}

static reshift_status lower_conv(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    fusion f = fusion_find(p, node, state_of(p)->input);
    reshift_status status = RESHIFT_OK;
    if (f.add >= 0) {
        p->nodes[f.end].result = p->nodes[f.shortcut].result;
    } else {
        status = add_result(p, f.end, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    dnnl_memory_desc_t source = state_of(p)->tensors[p->nodes[n->inputs[0]].result].md, weights, bias, destination;
    destination = state_of(p)->tensors[p->nodes[f.end].result].md;
    const onednn_window window = onednn_window_of(&n->window);
    const bool biased = f.norm >= 0 || n->window.bias;
    dnnl_dims_t channels = {n->channels_out};
    ONEDNN(dnnl_memory_desc_init_by_tag(&bias, 1, channels, dnnl_f32, dnnl_a), n->name);
    dnnl_post_ops_t post_ops = NULL;
    dnnl_primitive_desc_t pd;
    status = onednn_weights_any(n, onednn_type(p), &weights, error);
    if (status == RESHIFT_OK) {
        status = post_ops_of(&f, &post_ops, error);
    }
    bool found = false;
    for (int direct = !winograd_wins(p, node); direct < 2 && status == RESHIFT_OK && !found; direct++) {
        dnnl_convolution_desc_t d;
        dnnl_status_t described = dnnl_dilated_convolution_forward_desc_init(
            &d, p->nodes[node].needs_gradient ? dnnl_forward_training : dnnl_forward_inference,
            direct ? dnnl_convolution_direct : dnnl_convolution_winograd, &source, &weights, biased ? &bias : NULL,
            &destination, window.stride, window.dilation, window.before, window.after);
        status = described == dnnl_success ? onednn_descriptor(p, &d, post_ops, NULL, &pd, n->name, error)
                                           : onednn_failed(error, described, n->name);
        found = status == RESHIFT_OK;
        if (!found && !direct) {
            status = RESHIFT_OK; /* not with this sum or shape: the direct way */
        }
    }
    dnnl_post_ops_destroy(post_ops);
    int copy = -1;
    if (status == RESHIFT_OK) {
        state_of(p)->nodes[node].forward = pd;
        status = onednn_weights_add(p, node, f.norm, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), &copy,
                                    error);
    }
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof *s, "a plan");
    }
    onednn_step_tensor(s, DNNL_ARG_SRC, p->nodes[n->inputs[0]].result);
    onednn_step_fixed(s, DNNL_ARG_WEIGHTS, state_of(p)->weights[copy].memory);
    dnnl_memory_t own_bias = f.norm >= 0 ? state_of(p)->weights[copy].bias_memory : NULL;
    if (f.norm < 0 && biased) {
        status = parameter_memory(p, graph_parameter_of(p->net->graph, node, GRAPH_BIAS), &own_bias, error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    if (biased) {
        onednn_step_fixed(s, DNNL_ARG_BIAS, own_bias);
    }
    onednn_step_tensor(s, DNNL_ARG_DST, p->nodes[f.end].result);
    s->end = f.end;
    return onednn_step_primitive(p, s, pd, error);
}

static reshift_status add_vector(plan *p, int length, int *tensor, reshift_error *error)
{
    dnnl_memory_desc_t md;
    dnnl_dims_t dims = {length};
    ONEDNN(dnnl_memory_desc_init_by_tag(&md, 1, dims, dnnl_f32, dnnl_a), "laying out statistics");
    *tensor = onednn_tensor_add(p, &md);
    return *tensor < 0 ? error_memory(error, sizeof(onednn_tensor), "a plan") : RESHIFT_OK;
}

static reshift_status lower_batchnorm(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    const plan_node *own = &p->nodes[node];
    onednn_node *ours = &state_of(p)->nodes[node];
    reshift_status status = add_result(p, node, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    bool mixed = own->batch_statistics && p->options.source_share > 0;
    unsigned flags = dnnl_use_scale | dnnl_use_shift | (own->batch_statistics && !mixed ? 0 : dnnl_use_global_stats);
    dnnl_batch_normalization_desc_t d;
    ONEDNN(dnnl_batch_normalization_forward_desc_init(&d, dnnl_forward_training, &state_of(p)->tensors[own->result].md,
                                                      n->epsilon, flags),
           n->name);
    dnnl_primitive_desc_t pd;
    dnnl_memory_t vector[4];
    status = onednn_descriptor(p, &d, NULL, NULL, &pd, n->name, error);
    for (int i = 0; i < 4 && status == RESHIFT_OK; i++) {
        status = parameter_memory(p, n->parameter + i, &vector[i], error);
    }
    if (status == RESHIFT_OK && own->batch_statistics) {
        status = add_vector(p, n->channels_out, &ours->mean, error);
        if (status == RESHIFT_OK) {
            status = add_vector(p, n->channels_out, &ours->variance, error);
        }
    }
    if (status == RESHIFT_OK && mixed) {
        onednn_step *mix = onednn_step_add(p, STEP_MIX, node);
        if (!mix) {
            return error_memory(error, sizeof *mix, "a plan");
        }
        mix->a = ours->mean;
        mix->b = ours->variance;
        onednn_step_tensor(mix, DNNL_ARG_SRC, p->nodes[n->inputs[0]].result);
    }
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof *s, "a plan");
    }
    ours->forward = pd;
    onednn_step_tensor(s, DNNL_ARG_SRC, p->nodes[n->inputs[0]].result);
    onednn_step_fixed(s, DNNL_ARG_SCALE, vector[0]);
    onednn_step_fixed(s, DNNL_ARG_SHIFT, vector[1]);
    if (own->batch_statistics) {
        onednn_step_tensor(s, DNNL_ARG_MEAN, ours->mean);
        onednn_step_tensor(s, DNNL_ARG_VARIANCE, ours->variance);
    } else {
        onednn_step_fixed(s, DNNL_ARG_MEAN, vector[2]);
        onednn_step_fixed(s, DNNL_ARG_VARIANCE, vector[3]);
    }
    onednn_step_tensor(s, DNNL_ARG_DST, own->result);
    status = onednn_step_primitive(p, s, pd, error);
    if (status == RESHIFT_OK && own->batch_statistics && !mixed) {
        s = onednn_step_add(p, STEP_STATISTICS, node);
        if (!s) {
            return error_memory(error, sizeof *s, "a plan");
        }
        s->a = ours->mean;
        s->b = ours->variance;
    }
    return status;
}

/* The tensor of `node` may be written over by its reader `by`: nobody else reads it and its own backward does not. */
static bool may_overwrite(const plan *p, int node, int by)
{
    if (node == p->source || plan_last_reader(p, node) != by || p->nodes[node].result < 0) {
        return false;
    }
    if (!p->nodes[by].needs_gradient) {
        return plan_only_reader(p, node) == by;
    }
    graph_op op = node_of(p, node)->op; /* results that backward passes read: a ReLU's, a pool's, a convolution's */
    return plan_only_reader(p, node) == by && (op == GRAPH_BATCHNORM || op == GRAPH_ADD);
}

/* A result that holds a copy of `input`'s unless it can simply take its place. */
static reshift_status take_over(plan *p, int node, int input, reshift_error *error)
{
    if (may_overwrite(p, input, node)) {
        p->nodes[node].result = p->nodes[input].result;
        return RESHIFT_OK;
    }
    reshift_status status = add_result(p, node, error);
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_COPY, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof *s, "a plan");
    }
    s->a = p->nodes[node].result;
    s->b = p->nodes[input].result;
    return RESHIFT_OK;
}

static reshift_status lower_elementwise(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    int onto = n->inputs[0], other = n->inputs[1];
    if (n->op == GRAPH_ADD && !may_overwrite(p, onto, node) && may_overwrite(p, other, node)) {
        onto = n->inputs[1];
        other = n->inputs[0];
    }
    reshift_status status = take_over(p, node, onto, error);
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, n->op == GRAPH_ADD ? STEP_ADD : STEP_RELU, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof *s, "a plan");
    }
    s->end = node;
    s->a = p->nodes[node].result;
    s->b = n->op == GRAPH_ADD ? p->nodes[other].result : -1;
    return RESHIFT_OK;
}

void onednn_pool_window(const plan *p, int node, onednn_window *window, dnnl_dims_t kernel)
{
    const graph_node *n = node_of(p, node);
    const plan_node *from = &p->nodes[n->inputs[0]], *own = &p->nodes[node];
    const int in[2] = {from->h, from->w}, out[2] = {own->h, own->w};
    *window = onednn_window_of(&n->window);
    for (int i = 0; i < 2; i++) {
        if (n->op == GRAPH_GLOBAL_AVGPOOL) {
            kernel[i] = in[i];
            window->stride[i] = 1;
            window->dilation[i] = window->before[i] = window->after[i] = 0;
        } else { /* padding behind as the last window needs it: the library wants both sides to add up */
            kernel[i] = n->window.kernel[i];
            const int64_t seen = (kernel[i] - 1) * n->window.dilation[i] + 1;
            window->after[i] = (out[i] - 1) * window->stride[i] + seen - in[i] - window->before[i];
        }
    }
}

static reshift_status lower_pool(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    const plan_node *own = &p->nodes[node];
    onednn_node *ours = &state_of(p)->nodes[node];
    bool global = n->op == GRAPH_GLOBAL_AVGPOOL;
    reshift_status status = add_result(p, node, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    onednn_window window;
    dnnl_dims_t kernel;
    onednn_pool_window(p, node, &window, kernel);
    dnnl_pooling_v2_desc_t d;
    ONEDNN(dnnl_pooling_v2_forward_desc_init(&d, own->needs_gradient ? dnnl_forward_training : dnnl_forward_inference,
                                             global ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_max,
                                             &state_of(p)->tensors[p->nodes[n->inputs[0]].result].md,
                                             &state_of(p)->tensors[own->result].md, window.stride, kernel,
                                             window.dilation, window.before, window.after),
           n->name);
    dnnl_primitive_desc_t pd;
    status = onednn_descriptor(p, &d, NULL, NULL, &pd, n->name, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    ours->forward = pd;
    const dnnl_memory_desc_t *workspace = dnnl_primitive_desc_query_md(pd, dnnl_query_workspace_md, 0);
    if (workspace && dnnl_memory_desc_get_size(workspace) && own->needs_gradient) {
        ours->workspace = onednn_tensor_add(p, workspace);
    }
    onednn_step *s = onednn_step_add(p, STEP_PRIMITIVE, node);
    if (!s) {
        return error_memory(error, sizeof *s, "a plan");
    }
    s->end = node;
    onednn_step_tensor(s, DNNL_ARG_SRC, p->nodes[n->inputs[0]].result);
    onednn_step_tensor(s, DNNL_ARG_DST, own->result);
    if (ours->workspace >= 0) {
        onednn_step_tensor(s, DNNL_ARG_WORKSPACE, ours->workspace);
    }
    return onednn_step_primitive(p, s, pd, error);
}

/* The global average of maps of 16 or 8 bits: the library's would be rounded to as few again. */
static reshift_status lower_average(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    dnnl_memory_desc_t md;
    reshift_status status = onednn_dense(&md, p->options.batch, n->channels_out, 1, 1, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    p->nodes[node].result = onednn_tensor_add(p, &md);
    onednn_step *s = p->nodes[node].result >= 0 ? onednn_step_add(p, STEP_AVERAGE, node) : NULL;
    if (!s) {
        return error_memory(error, sizeof *s, "a plan");
    }
    s->a = p->nodes[node].result;
    s->b = p->nodes[n->inputs[0]].result;
    s->rows = (int64_t)p->nodes[n->inputs[0]].h * p->nodes[n->inputs[0]].w;
    s->unit = state_of(p)->nodes[n->inputs[0]].unit;
    return RESHIFT_OK;
}

/* Behind the pool a result is a plain matrix [N,C]: whatever the layout, it is reordered once. */
static reshift_status flatten(plan *p, int node, reshift_error *error)
{
    dnnl_memory_desc_t md;
    reshift_status status =
        onednn_dense(&md, p->options.batch, node_of(p, node)->channels_out, p->nodes[node].h, p->nodes[node].w, error);
    int dense = status == RESHIFT_OK ? onednn_tensor_add(p, &md) : -1;
    if (dense < 0) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof(onednn_tensor), "a plan");
    }
    int blocked = p->nodes[node].result;
    p->nodes[node].result = dense;
    return onednn_reorder(p, node, blocked, dense, error);
}

static reshift_status lower_linear(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    int64_t rows = p->options.batch, d = n->channels_in, k = n->channels_out;
    dnnl_memory_desc_t source, weights, bias, destination;
    reshift_status status = onednn_matrix(&source, rows, d, d, 1, error);
    if (status == RESHIFT_OK) {
        status = onednn_matrix(&weights, d, k, 1, d, error);
    }
    if (status == RESHIFT_OK) {
        status = onednn_matrix(&bias, 1, k, k, 1, error);
    }
    if (status == RESHIFT_OK) {
        status = onednn_matrix(&destination, rows, k, k, 1, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    int input = onednn_tensor_add(p, &source);
    p->nodes[node].result = onednn_tensor_add(p, &destination);
    if (input < 0 || p->nodes[node].result < 0) {
        return error_memory(error, sizeof(onednn_tensor), "a plan");
    }
    /* the same bytes seen as a matrix: one tensor of the block would do, a copy of N x D floats is nothing */
    onednn_step *copy = onednn_step_add(p, STEP_COPY, node);
    if (!copy) {
        return error_memory(error, sizeof *copy, "a plan");
    }
    copy->a = input;
    copy->b = p->nodes[n->inputs[0]].result;
    state_of(p)->nodes[node].workspace = input;
    dnnl_matmul_desc_t m;
    ONEDNN(dnnl_matmul_desc_init(&m, &source, &weights, &bias, &destination), n->name);
    dnnl_primitive_desc_t pd;
    dnnl_memory_t w, b;
    status = onednn_descriptor(p, &m, NULL, NULL, &pd, n->name, error);
    if (status == RESHIFT_OK) {
        status = onednn_fixed_memory(p, &weights, network_parameter(p->net, n->parameter), &w, error);
    }
    if (status == RESHIFT_OK) {
        status = onednn_fixed_memory(p, &bias, network_parameter(p->net, n->parameter + 1), &b, error);
    }
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof *s, "a plan");
    }
    onednn_step_tensor(s, DNNL_ARG_SRC, input);
    onednn_step_fixed(s, DNNL_ARG_WEIGHTS, w);
    onednn_step_fixed(s, DNNL_ARG_BIAS, b);
    onednn_step_tensor(s, DNNL_ARG_DST, p->nodes[node].result);
    return onednn_step_primitive(p, s, pd, error);
}

static dnnl_data_type_t type_of_input(const plan *p, int node)
{
    return state_of(p)->tensors[p->nodes[node_of(p, node)->inputs[0]].result].md.data_type;
}

static reshift_status lower_source(plan *p, reshift_error *error)
{
    dnnl_memory_desc_t dense, own;
    const plan_node *from = &p->nodes[p->source];
    reshift_status status =
        onednn_dense(&dense, p->options.batch, node_of(p, p->source)->channels_out, from->h, from->w, error);
    if (status == RESHIFT_OK) {
        status = onednn_activation_of(p, p->source, &own, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    const bool flat = plan_is_flat(p, p->source);
    state_of(p)->input =
        onednn_tensor_add(p, p->options.bf16_input && !flat && own.data_type == dnnl_bf16 ? &own : &dense);
    if (state_of(p)->input < 0) {
        return error_memory(error, sizeof(onednn_tensor), "a plan");
    }
    /* the caller's input is not written over */
    bool copied = p->precision == RESHIFT_PRECISION_INT8 && onednn_is_summand(p, p->source);
    if (flat || (onednn_is_int8(p, p->first) && !copied) ||
        (!copied && dnnl_memory_desc_equal(&state_of(p)->tensors[state_of(p)->input].md, &own))) {
        p->nodes[p->source].result = state_of(p)->input;
        return RESHIFT_OK;
    }
    p->nodes[p->source].result = onednn_tensor_add(p, &own);
    if (p->nodes[p->source].result < 0) {
        return error_memory(error, sizeof(onednn_tensor), "a plan");
    }
    return onednn_reorder(p, p->source, state_of(p)->input, p->nodes[p->source].result, error);
}

reshift_status onednn_lower_forward(plan *p, reshift_error *error)
{
    reshift_status status = lower_source(p, error);
    for (int node = p->first; node <= p->last && status == RESHIFT_OK; node++) {
        if (p->nodes[node].fused_into >= 0) {
            continue;
        }
        switch (node_of(p, node)->op) {
        case GRAPH_INPUT: break;
        case GRAPH_CONV:
            status = onednn_is_int8(p, node) ? onednn_lower_int8(p, node, error) : lower_conv(p, node, error);
            break;
        case GRAPH_BATCHNORM: status = lower_batchnorm(p, node, error); break;
        case GRAPH_RELU:
        case GRAPH_ADD: status = lower_elementwise(p, node, error); break;
        case GRAPH_MAXPOOL: status = lower_pool(p, node, error); break;
        case GRAPH_GLOBAL_AVGPOOL:
            if (type_of_input(p, node) != dnnl_f32) {
                status = lower_average(p, node, error);
                break;
            }
            status = lower_pool(p, node, error);
            if (status == RESHIFT_OK) {
                status = flatten(p, node, error);
            }
            break;
        case GRAPH_LINEAR: status = lower_linear(p, node, error); break;
        }
        if (status == RESHIFT_OK && node == p->net->graph->features && node != p->last) {
            state_of(p)->features = p->nodes[node].result;
            state_of(p)->tensors[state_of(p)->features].external = true;
        }
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    dnnl_data_type_t type = state_of(p)->tensors[p->nodes[p->last].result].md.data_type;
    bool as_it_is = plan_is_flat(p, p->last) || (p->options.bf16_output && type == dnnl_bf16);
    if (!as_it_is) {
        status = onednn_has_bytes(p, p->nodes[p->last].result) ? onednn_dequantise(p, p->last, error)
                                                               : flatten(p, p->last, error);
    }
    state_of(p)->output = p->nodes[p->last].result;
    state_of(p)->tensors[state_of(p)->output].external = true;
    state_of(p)->n_forward = state_of(p)->n_steps;
    return status;
}
