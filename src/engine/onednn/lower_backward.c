/*
 * From nodes to backward steps, last node first. The gradient of a node's result is one tensor; the first reader whose
 * backward runs makes it, the others add to it. Gradients of an addition are the same tensor for both sides where the
 * order of the backward passes allows it, else a copy.
 */
#include <stdint.h>

#include "engine/onednn/inside.h"

static const graph_node *node_of(const plan *p, int node) { return &p->net->graph->nodes[node]; }

static bool is_trained(const plan *p, int node)
{
    return p->train_block[node_of(p, node)->block] && p->gradient_offset[node_of(p, node)->parameter] != SIZE_MAX;
}

static reshift_status out_of_memory(reshift_error *error) { return error_memory(error, sizeof(onednn_step), "a plan"); }

/* A tensor that the gradient of `node`'s result is written to; *add says that it must be added afterwards. */
static reshift_status gradient_target(plan *p, int node, int *target, bool *add, reshift_error *error)
{
    *target = onednn_tensor_add(p, &state_of(p)->tensors[p->nodes[node].result].md);
    *add = state_of(p)->nodes[node].gradient >= 0;
    if (*target < 0) {
        return out_of_memory(error);
    }
    if (!*add) {
        state_of(p)->nodes[node].gradient = *target;
    }
    return RESHIFT_OK;
}

static reshift_status add_to(plan *p, int node, int tensor, reshift_error *error)
{
    onednn_step *s = onednn_step_add(p, STEP_ADD, node);
    if (!s) {
        return out_of_memory(error);
    }
    s->a = state_of(p)->nodes[node].gradient;
    s->b = tensor;
    return RESHIFT_OK;
}

static float *gradient_of(const plan *p, int parameter)
{
    return state_of(p)->gradients + p->gradient_offset[parameter];
}

static reshift_status vector_memory(plan *p, int parameter, float *data, dnnl_memory_t *memory, reshift_error *error)
{
    dnnl_memory_desc_t md;
    dnnl_dims_t dims = {(dnnl_dim_t)p->net->graph->parameters[parameter].count};
    ONEDNN(dnnl_memory_desc_init_by_tag(&md, 1, dims, dnnl_f32, dnnl_a), "laying out a parameter");
    return onednn_fixed_memory(p, &md, data, memory, error);
}

static reshift_status conv_weights(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    if (onednn_has_weight_products(p, node)) {
        return onednn_weight_products(p, node, gradient_of(p, n->parameter), error);
    }
    const dnnl_memory_desc_t *source = &state_of(p)->tensors[p->nodes[n->inputs[0]].result].md;
    const dnnl_memory_desc_t *result = &state_of(p)->tensors[p->nodes[node].result].md;
    dnnl_memory_desc_t weights, plain;
    const onednn_window window = onednn_window_of(&n->window);
    dnnl_dims_t channels = {n->channels_out};
    dnnl_memory_desc_t bias;
    ONEDNN(dnnl_memory_desc_init_by_tag(&bias, 1, channels, dnnl_f32, dnnl_a), n->name);
    reshift_status status = onednn_weights_any(n, dnnl_f32, &weights, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    dnnl_convolution_desc_t d;
    ONEDNN(dnnl_dilated_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, source, &weights,
                                                               n->window.bias ? &bias : NULL, result, window.stride,
                                                               window.dilation, window.before, window.after),
           n->name);
    dnnl_primitive_desc_t pd;
    status = onednn_descriptor(p, &d, NULL, state_of(p)->nodes[node].forward, &pd, n->name, error);
    int theirs = -1;
    if (status == RESHIFT_OK) {
        theirs = onednn_tensor_add(p, dnnl_primitive_desc_query_md(pd, dnnl_query_diff_weights_md, 0));
        status = theirs < 0 ? out_of_memory(error) : onednn_weights_plain(n, dnnl_f32, &plain, error);
    }
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : out_of_memory(error);
    }
    onednn_step_tensor(s, DNNL_ARG_SRC, p->nodes[n->inputs[0]].result);
    onednn_step_tensor(s, DNNL_ARG_DIFF_DST, state_of(p)->nodes[node].gradient);
    onednn_step_tensor(s, DNNL_ARG_DIFF_WEIGHTS, theirs);
    if (n->window.bias) {
        dnnl_memory_t own_bias;
        const int parameter = graph_parameter_of(p->net->graph, node, GRAPH_BIAS);
        status = vector_memory(p, parameter, gradient_of(p, parameter), &own_bias, error);
        if (status != RESHIFT_OK) {
            return status;
        }
        onednn_step_fixed(s, DNNL_ARG_DIFF_BIAS, own_bias);
    }
    status = onednn_step_primitive(p, s, pd, error);
    dnnl_memory_t ours;
    if (status == RESHIFT_OK) {
        status = onednn_fixed_memory(p, &plain, gradient_of(p, n->parameter), &ours, error);
    }
    return status == RESHIFT_OK ? onednn_reorder_to(p, node, theirs, &plain, ours, error) : status;
}

static reshift_status conv_data(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    dnnl_memory_desc_t weights;
    const onednn_window window = onednn_window_of(&n->window);
    int target;
    bool add;
    reshift_status status = gradient_target(p, n->inputs[0], &target, &add, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    status = onednn_weights_any(n, onednn_type(p), &weights, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    dnnl_convolution_desc_t d;
    ONEDNN(
        dnnl_dilated_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &state_of(p)->tensors[target].md,
                                                         &weights, &state_of(p)->tensors[p->nodes[node].result].md,
                                                         window.stride, window.dilation, window.before, window.after),
        n->name);
    dnnl_primitive_desc_t pd;
    status = onednn_descriptor(p, &d, NULL, state_of(p)->nodes[node].forward, &pd, n->name, error);
    int copy;
    if (status == RESHIFT_OK) {
        status =
            onednn_weights_add(p, node, -1, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), &copy, error);
    }
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : out_of_memory(error);
    }
    onednn_step_tensor(s, DNNL_ARG_DIFF_DST, state_of(p)->nodes[node].gradient);
    onednn_step_fixed(s, DNNL_ARG_WEIGHTS, state_of(p)->weights[copy].memory);
    onednn_step_tensor(s, DNNL_ARG_DIFF_SRC, target);
    status = onednn_step_primitive(p, s, pd, error);
    return status == RESHIFT_OK && add ? add_to(p, n->inputs[0], target, error) : status;
}

static reshift_status lower_batchnorm(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    const plan_node *own = &p->nodes[node];
    const onednn_node *ours = &state_of(p)->nodes[node];
    bool trained = is_trained(p, node), pass = p->nodes[n->inputs[0]].needs_gradient;
    if (!trained && !pass) {
        return RESHIFT_OK;
    }
    int target;
    bool add = false;
    reshift_status status = RESHIFT_OK;
    if (pass) {
        status = gradient_target(p, n->inputs[0], &target, &add, error);
    } else { /* the library computes it together with those of gamma and beta */
        target = onednn_tensor_add(p, &state_of(p)->tensors[own->result].md);
        status = target < 0 ? out_of_memory(error) : RESHIFT_OK;
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    const dnnl_memory_desc_t *md = &state_of(p)->tensors[own->result].md;
    dnnl_batch_normalization_desc_t d;
    ONEDNN(dnnl_batch_normalization_backward_desc_init(
               &d, dnnl_backward, md, md,
               n->epsilon, /* with a scale there is no kernel for the data's gradient alone */
               dnnl_use_scale | dnnl_use_shift | (own->batch_statistics ? 0 : dnnl_use_global_stats)),
           n->name);
    dnnl_primitive_desc_t pd;
    status = onednn_descriptor(p, &d, NULL, ours->forward, &pd, n->name, error);
    dnnl_memory_t vector[4], difference[2];
    for (int i = 0; i < 4 && status == RESHIFT_OK; i++) {
        status = vector_memory(p, n->parameter + i, network_parameter(p->net, n->parameter + i), &vector[i], error);
    }
    for (int i = 0; i < 2 && trained && status == RESHIFT_OK; i++) {
        status = vector_memory(p, n->parameter + i, gradient_of(p, n->parameter + i), &difference[i], error);
    }
    int unused[2] = {-1, -1};
    for (int i = 0; i < 2 && !trained && status == RESHIFT_OK; i++) {
        dnnl_memory_desc_t vector_md;
        dnnl_dims_t dims = {n->channels_out};
        ONEDNN(dnnl_memory_desc_init_by_tag(&vector_md, 1, dims, dnnl_f32, dnnl_a), n->name);
        unused[i] = onednn_tensor_add(p, &vector_md);
        status = unused[i] < 0 ? out_of_memory(error) : RESHIFT_OK;
    }
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : out_of_memory(error);
    }
    onednn_step_tensor(s, DNNL_ARG_SRC, p->nodes[n->inputs[0]].result);
    onednn_step_tensor(s, DNNL_ARG_DIFF_DST, ours->gradient);
    onednn_step_tensor(s, DNNL_ARG_DIFF_SRC, target);
    onednn_step_fixed(s, DNNL_ARG_SCALE, vector[0]);
    onednn_step_fixed(s, DNNL_ARG_SHIFT, vector[1]); /* not read, yet the library asks for it */
    if (own->batch_statistics) {
        onednn_step_tensor(s, DNNL_ARG_MEAN, ours->mean);
        onednn_step_tensor(s, DNNL_ARG_VARIANCE, ours->variance);
    } else {
        onednn_step_fixed(s, DNNL_ARG_MEAN, vector[2]);
        onednn_step_fixed(s, DNNL_ARG_VARIANCE, vector[3]);
    }
    static const int argument[2] = {DNNL_ARG_DIFF_SCALE, DNNL_ARG_DIFF_SHIFT};
    for (int i = 0; i < 2; i++) {
        if (trained) {
            onednn_step_fixed(s, argument[i], difference[i]);
        } else {
            onednn_step_tensor(s, argument[i], unused[i]);
        }
    }
    status = onednn_step_primitive(p, s, pd, error);
    return status == RESHIFT_OK && add ? add_to(p, n->inputs[0], target, error) : status;
}

/* Hands `node`'s gradient on to `input` as it is: the same tensor, an addition to what is there, or a copy. */
static reshift_status hand_on(plan *p, int node, int input, bool share, reshift_error *error)
{
    if (!p->nodes[input].needs_gradient) {
        return RESHIFT_OK;
    }
    if (state_of(p)->nodes[input].gradient >= 0) {
        return add_to(p, input, state_of(p)->nodes[node].gradient, error);
    }
    if (share) {
        state_of(p)->nodes[input].gradient = state_of(p)->nodes[node].gradient;
        return RESHIFT_OK;
    }
    int target;
    bool add;
    reshift_status status = gradient_target(p, input, &target, &add, error);
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_COPY, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : out_of_memory(error);
    }
    s->a = target;
    s->b = state_of(p)->nodes[node].gradient;
    return RESHIFT_OK;
}

static reshift_status lower_add(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    const int near = n->inputs[0] > n->inputs[1] ? n->inputs[0] : n->inputs[1];
    const int far = n->inputs[0] > n->inputs[1] ? n->inputs[1] : n->inputs[0];
    reshift_status status = hand_on(p, node, near, true, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    /*
     * Both sides may share one tensor when the nearer side (whose backward runs first) only reads it, and nobody adds
     * to the farther side's before that: all other readers of the farther one come before the nearer node.
     */
    graph_op op = node_of(p, near)->op;
    bool share = op == GRAPH_BATCHNORM || op == GRAPH_CONV;
    for (int i = near; i <= p->last && share; i++) {
        if (i != node && graph_reads(node_of(p, i), far)) {
            share = false;
        }
    }
    return hand_on(p, node, far, share, error);
}

static reshift_status lower_relu(plan *p, int node, reshift_error *error)
{
    onednn_step *s = onednn_step_add(p, STEP_RELU_BACKWARD, node);
    if (!s) {
        return out_of_memory(error);
    }
    s->a = state_of(p)->nodes[node].gradient;
    s->b = p->nodes[node].result;
    return hand_on(p, node, node_of(p, node)->inputs[0], true, error);
}

static reshift_status lower_average(plan *p, int node, reshift_error *error)
{
    int input = node_of(p, node)->inputs[0], target;
    bool add;
    reshift_status status = gradient_target(p, input, &target, &add, error);
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_AVERAGE_BACKWARD, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : out_of_memory(error);
    }
    s->a = target;
    s->b = state_of(p)->nodes[node].gradient;
    s->rows = (int64_t)p->nodes[input].h * p->nodes[input].w;
    return add ? add_to(p, input, target, error) : RESHIFT_OK;
}

static reshift_status lower_pool(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    const plan_node *own = &p->nodes[node];
    const onednn_node *ours = &state_of(p)->nodes[node];
    if (!p->nodes[n->inputs[0]].needs_gradient) {
        return RESHIFT_OK;
    }
    bool global = n->op == GRAPH_GLOBAL_AVGPOOL;
    if (global && onednn_type(p) != dnnl_f32) {
        return lower_average(p, node, error);
    }
    reshift_status status = RESHIFT_OK;
    dnnl_memory_desc_t md;
    if (global) { /* from the plain [N,C] back to the layout of activations */
        status = onednn_activation_of(p, node, &md, error);
        int blocked = status == RESHIFT_OK ? onednn_tensor_add(p, &md) : -1;
        if (blocked < 0) {
            return status != RESHIFT_OK ? status : out_of_memory(error);
        }
        status = onednn_reorder(p, node, ours->gradient, blocked, error);
        state_of(p)->nodes[node].gradient = blocked;
    } else {
        md = state_of(p)->tensors[own->result].md;
    }
    int target;
    bool add;
    if (status == RESHIFT_OK) {
        status = gradient_target(p, n->inputs[0], &target, &add, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    onednn_window window;
    dnnl_dims_t kernel;
    onednn_pool_window(p, node, &window, kernel);
    dnnl_pooling_v2_desc_t d;
    ONEDNN(dnnl_pooling_v2_backward_desc_init(&d, global ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_max,
                                              &state_of(p)->tensors[target].md, &md, window.stride, kernel,
                                              window.dilation, window.before, window.after),
           n->name);
    dnnl_primitive_desc_t pd;
    status = onednn_descriptor(p, &d, NULL, ours->forward, &pd, n->name, error);
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : out_of_memory(error);
    }
    onednn_step_tensor(s, DNNL_ARG_DIFF_DST, ours->gradient);
    onednn_step_tensor(s, DNNL_ARG_DIFF_SRC, target);
    if (ours->workspace >= 0) {
        onednn_step_tensor(s, DNNL_ARG_WORKSPACE, ours->workspace);
    }
    status = onednn_step_primitive(p, s, pd, error);
    return status == RESHIFT_OK && add ? add_to(p, n->inputs[0], target, error) : status;
}

/* destination = source x weights, all three matrices given by descriptors; weights and destination may be fixed. */
static reshift_status product(plan *p, int node, int source, const dnnl_memory_desc_t *source_md, int weights,
                              dnnl_memory_t fixed_weights, const dnnl_memory_desc_t *weights_md, int destination,
                              dnnl_memory_t fixed_destination, const dnnl_memory_desc_t *destination_md,
                              reshift_error *error)
{
    dnnl_matmul_desc_t m;
    ONEDNN(dnnl_matmul_desc_init(&m, source_md, weights_md, NULL, destination_md), "planning a matrix product");
    dnnl_primitive_desc_t pd;
    reshift_status status = onednn_descriptor(p, &m, NULL, NULL, &pd, "planning a matrix product", error);
    dnnl_memory_t seen[3] = {NULL, fixed_weights, fixed_destination};
    const dnnl_memory_desc_t *md[3] = {source_md, weights_md, destination_md};
    int tensor[3] = {source, weights, destination};
    static const int argument[3] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : out_of_memory(error);
    }
    for (int i = 0; i < 3; i++) {
        if (tensor[i] < 0) {
            onednn_step_fixed(s, argument[i], seen[i]);
        } else {
            onednn_step_tensor(s, argument[i], tensor[i]);
            s->view[s->n - 1] = *md[i];
            s->viewed[s->n - 1] = true;
        }
    }
    return onednn_step_primitive(p, s, pd, error);
}

static reshift_status lower_linear(plan *p, int node, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    int64_t rows = p->options.batch, d = n->channels_in, k = n->channels_out;
    int gradient = state_of(p)->nodes[node].gradient, input = state_of(p)->nodes[node].workspace;
    dnnl_memory_desc_t dy, dy_transposed, x, w, dw, dx;
    reshift_status status = onednn_matrix(&dy, rows, k, k, 1, error);
    if (status == RESHIFT_OK)
        status = onednn_matrix(&dy_transposed, k, rows, 1, k, error);
    if (status == RESHIFT_OK)
        status = onednn_matrix(&x, rows, d, d, 1, error);
    if (status == RESHIFT_OK)
        status = onednn_matrix(&w, k, d, d, 1, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    dw = w;
    dx = x;
    if (is_trained(p, node)) {
        dnnl_memory_t memory;
        status = onednn_fixed_memory(p, &dw, gradient_of(p, n->parameter), &memory, error);
        if (status == RESHIFT_OK) {
            status = product(p, node, gradient, &dy_transposed, input, NULL, &x, -1, memory, &dw, error);
        }
        onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_COLUMN_SUM, node) : NULL;
        if (!s) {
            return status != RESHIFT_OK ? status : out_of_memory(error);
        }
        s->a = gradient;
        s->rows = rows;
        s->columns = k;
        s->target = gradient_of(p, n->parameter + 1);
    }
    if (p->nodes[n->inputs[0]].needs_gradient) {
        dnnl_memory_t memory;
        int target;
        bool add;
        status = gradient_target(p, n->inputs[0], &target, &add, error);
        if (status == RESHIFT_OK) {
            status = onednn_fixed_memory(p, &w, network_parameter(p->net, n->parameter), &memory, error);
        }
        if (status == RESHIFT_OK) {
            status = product(p, node, gradient, &dy, -1, memory, &w, target, NULL, &dx, error);
        }
        if (status == RESHIFT_OK && add) {
            status = add_to(p, n->inputs[0], target, error);
        }
    }
    return status;
}

reshift_status onednn_lower_backward(plan *p, reshift_error *error)
{
    state_of(p)->loss_gradient = onednn_tensor_add(p, &state_of(p)->tensors[state_of(p)->output].md);
    if (state_of(p)->loss_gradient < 0) {
        return out_of_memory(error);
    }
    state_of(p)->tensors[state_of(p)->loss_gradient].external = true;
    state_of(p)->nodes[p->last].gradient = state_of(p)->loss_gradient;
    reshift_status status = RESHIFT_OK;
    for (int node = p->last; node >= p->first && status == RESHIFT_OK; node--) {
        if (!p->nodes[node].needs_gradient || state_of(p)->nodes[node].gradient < 0) {
            continue;
        }
        switch (node_of(p, node)->op) {
        case GRAPH_INPUT: break;
        case GRAPH_CONV:
            if (is_trained(p, node)) {
                status = conv_weights(p, node, error);
            }
            if (status == RESHIFT_OK && p->nodes[node_of(p, node)->inputs[0]].needs_gradient) {
                status = conv_data(p, node, error);
            }
            break;
        case GRAPH_BATCHNORM: status = lower_batchnorm(p, node, error); break;
        case GRAPH_RELU: status = lower_relu(p, node, error); break;
        case GRAPH_ADD: status = lower_add(p, node, error); break;
        case GRAPH_MAXPOOL:
        case GRAPH_GLOBAL_AVGPOOL: status = lower_pool(p, node, error); break;
        case GRAPH_LINEAR: status = lower_linear(p, node, error); break;
        }
    }
    return status;
}
