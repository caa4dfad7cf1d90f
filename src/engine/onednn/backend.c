/* The CPU's back end, by oneDNN: making a plan's steps, running them, and its row of the table. */
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "engine/onednn/inside.h"

static const graph_node *node_of(const plan *p, int node) { return &p->net->graph->nodes[node]; }

/* ---- without a plan ---- */

static int devices(void) { return 1; }

/*
 * bfloat16 wants AVX-512 BF16 or AMX, int8 VNNI or AMX: without them oneDNN still computes, by emulation, in bfloat16
 * slower than in float32 and in int8 with sums that may saturate.
 */
static reshift_precision precision_here(reshift_precision wanted, bool training)
{
    bool bf16 = onednn_has(dnnl_cpu_isa_avx512_core_bf16);
    bool int8 = onednn_has(dnnl_cpu_isa_avx512_core_vnni) || onednn_has(dnnl_cpu_isa_avx2_vnni);
    switch (wanted) {
    case RESHIFT_PRECISION_INT8:
        if (int8 && !training) {
            return RESHIFT_PRECISION_INT8;
        }
        return bf16 ? RESHIFT_PRECISION_BF16 : RESHIFT_PRECISION_F32;
    case RESHIFT_PRECISION_BF16:
    case RESHIFT_PRECISION_AUTO: return bf16 ? RESHIFT_PRECISION_BF16 : RESHIFT_PRECISION_F32;
    case RESHIFT_PRECISION_F32: break;
    }
    return RESHIFT_PRECISION_F32;
}

/* An operation has a form here if onednn_lower_forward() and onednn_lower_backward() have a case for it. */
static bool supports(const graph_node *node, reshift_precision precision, bool training)
{
    (void)precision;
    (void)training;
    switch (node->op) {
    case GRAPH_INPUT:
    case GRAPH_CONV:
    case GRAPH_BATCHNORM:
    case GRAPH_RELU:
    case GRAPH_ADD:
    case GRAPH_MAXPOOL:
    case GRAPH_GLOBAL_AVGPOOL:
    case GRAPH_LINEAR: return true;
    }
    return false;
}

/* ---- making a plan ---- */

static void destroy(plan *p)
{
    onednn_state *s = p->state;
    if (!s) {
        return;
    }
    for (int i = 0; i < s->n_steps; i++) {
        dnnl_primitive_destroy(s->steps[i].primitive);
    }
    for (int i = 0; i < s->n_weights; i++) {
        dnnl_primitive_destroy(s->weights[i].reorder);
        if (s->weights[i].int8) {
            free(s->weights[i].int8->weight_units);
            free(s->weights[i].int8);
        }
    }
    for (int i = 0; i < s->n_descriptors; i++) {
        dnnl_primitive_desc_destroy(s->descriptors[i]);
    }
    for (int i = 0; i < s->n_tensors; i++) {
        dnnl_memory_destroy(s->tensors[i].memory);
    }
    for (int i = 0; i < s->n_memories; i++) {
        dnnl_memory_destroy(s->memories[i]);
    }
    if (s->stream) {
        dnnl_stream_destroy(s->stream);
    }
    if (s->engine) {
        dnnl_engine_destroy(s->engine);
    }
    memory_free(s->activations);
    memory_free(s->scratch);
    memory_free(s->prepared);
    memory_free(s->staging);
    memory_free(s->gradients);
    for (int i = 0; s->nodes && i < p->net->graph->n_nodes; i++) {
        free(s->nodes[i].unit);
    }
    free(s->nodes);
    free(s->tensors);
    free(s->steps);
    free(s->weights);
    free(s->descriptors);
    free(s->memories);
    free(s);
    p->state = NULL;
}

static reshift_status make_state(plan *p, reshift_error *error)
{
    const size_t n_nodes = (size_t)p->net->graph->n_nodes;
    onednn_state *s = p->state = calloc(1, sizeof *s);
    if (!s || !(s->nodes = calloc(n_nodes, sizeof *s->nodes))) {
        return error_memory(error, n_nodes * sizeof *s->nodes, "a plan");
    }
    s->input = s->output = s->features = s->loss_gradient = -1;
    for (size_t i = 0; i < n_nodes; i++) {
        onednn_node *n = &s->nodes[i];
        n->gradient = n->bytes = n->workspace = n->mean = n->variance = -1;
    }
    s->gradients = memory_allocate(p->gradient_floats * sizeof(float));
    if (!s->gradients) {
        return error_memory(error, p->gradient_floats * sizeof(float), "gradients");
    }
    ONEDNN(dnnl_engine_create(&s->engine, dnnl_cpu, 0), "starting oneDNN");
    ONEDNN(dnnl_stream_create(&s->stream, s->engine, dnnl_stream_default_flags), "starting oneDNN");
    return RESHIFT_OK;
}

static bool is_bf16(const plan *p, int tensor) { return state_of(p)->tensors[tensor].md.data_type == dnnl_bf16; }

static reshift_status create(plan *p, reshift_error *error)
{
    reshift_status status = make_state(p, error);
    if (status == RESHIFT_OK) {
        status = onednn_lower_forward(p, error);
    }
    if (status == RESHIFT_OK && p->training) {
        status = onednn_lower_backward(p, error);
    }
    if (status == RESHIFT_OK) {
        p->input_bf16 = is_bf16(p, state_of(p)->input);
        p->output_bf16 = is_bf16(p, state_of(p)->output);
        state_of(p)->tensors[state_of(p)->input].external = p->training;
        status = onednn_place(p, error);
    }
    return status == RESHIFT_OK ? onednn_weights_place(p, error) : status;
}

static void memory(const plan *p, size_t *activations, size_t *weights, size_t *scratch)
{
    const onednn_state *s = p->state;
    *activations = s->activation_bytes;
    *weights = s->prepared_bytes + (s->staging_floats + p->gradient_floats) * sizeof(float);
    *scratch = s->scratch_bytes;
}

/* ---- running it ---- */

static void *staging(plan *p) { return state_of(p)->tensors[state_of(p)->input].data; }

/* Hands a result to the watcher, channels last whatever its layout is. */
static reshift_status show(plan *p, int node, int tensor, reshift_error *error)
{
    const onednn_tensor *t = &state_of(p)->tensors[tensor];
    const plan_node *own = &p->nodes[node];
    int channels = node_of(p, node)->channels_out;
    if (!graph_is_kept(p->net->graph, node)) {
        return RESHIFT_OK;
    }
    dnnl_memory_desc_t dense;
    reshift_status status = onednn_dense(&dense, p->options.batch, channels, own->h, own->w, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    size_t bytes = dnnl_memory_desc_get_size(&dense);
    float *values = memory_allocate(bytes);
    dnnl_memory_t memory = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_status_t done = values ? dnnl_memory_create(&memory, &dense, state_of(p)->engine, values) : dnnl_out_of_memory;
    if (done == dnnl_success) {
        done = dnnl_reorder_primitive_desc_create(&pd, &t->md, state_of(p)->engine, &dense, state_of(p)->engine, NULL);
    }
    if (done == dnnl_success) {
        done = dnnl_primitive_create(&reorder, pd);
    }
    if (done == dnnl_success) {
        dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, t->memory}, {DNNL_ARG_TO, memory}};
        done = dnnl_primitive_execute(reorder, state_of(p)->stream, 2, arguments);
    }
    if (done == dnnl_success) {
        done = dnnl_stream_wait(state_of(p)->stream);
    }
    if (done == dnnl_success) {
        p->watcher(p->watcher_context, node, values, (int64_t)p->options.batch * own->h * own->w, channels);
    }
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(pd);
    dnnl_memory_destroy(memory);
    memory_free(values);
    return done == dnnl_success ? RESHIFT_OK : onednn_failed(error, done, "watching a plan");
}

static reshift_status run(plan *p, int from, int to, reshift_error *error)
{
    for (int i = from; i < to; i++) {
        onednn_step *s = &state_of(p)->steps[i];
        if (i < state_of(p)->n_forward) {
            reshift_status sound = onednn_guard(p, s, error);
            if (sound != RESHIFT_OK) {
                return sound;
            }
        }
        if (s->kind == STEP_PRIMITIVE) {
            ONEDNN(dnnl_primitive_execute(s->primitive, state_of(p)->stream, s->n, s->bound),
                   node_of(p, s->node)->name);
        } else {
            ONEDNN(dnnl_stream_wait(state_of(p)->stream), node_of(p, s->node)->name);
            onednn_run_own(p, s);
        }
        if (p->watcher && s->end >= 0) {
            ONEDNN(dnnl_stream_wait(state_of(p)->stream), node_of(p, s->node)->name);
            reshift_status shown = show(p, s->end, p->nodes[s->end].result, error);
            if (shown != RESHIFT_OK) {
                return shown;
            }
        }
    }
    ONEDNN(dnnl_stream_wait(state_of(p)->stream), "running a plan");
    return RESHIFT_OK;
}

static reshift_status forward(plan *p, reshift_error *error)
{
    reshift_status status = onednn_weights_refresh(p, error);
    if (status == RESHIFT_OK) {
        status = onednn_guard_start(p, error);
    }
    if (status == RESHIFT_OK && p->watcher) {
        status = show(p, p->source, state_of(p)->input, error);
    }
    return status == RESHIFT_OK ? run(p, 0, state_of(p)->n_forward, error) : status;
}

/* Nothing is pending here: a pass is complete when it returns. */
static reshift_status read(plan *p, plan_results *results, reshift_error *error)
{
    (void)error;
    const onednn_state *s = p->state;
    const void *output = s->tensors[s->output].data;
    results->output = p->output_bf16 ? NULL : output;
    results->output_bf16 = p->output_bf16 ? output : NULL;
    results->features = s->features >= 0 ? s->tensors[s->features].data : NULL;
    return RESHIFT_OK;
}

static float *loss_gradient(plan *p) { return state_of(p)->tensors[state_of(p)->loss_gradient].data; }

static reshift_status backward(plan *p, reshift_error *error)
{
    return run(p, state_of(p)->n_forward, state_of(p)->n_steps, error);
}

static reshift_status read_gradient(plan *p, int parameter, const float **gradient, reshift_error *error)
{
    (void)error;
    *gradient = state_of(p)->gradients + p->gradient_offset[parameter];
    return RESHIFT_OK;
}

const backend backend_onednn = {.name = "cpu",
                                .devices = devices,
                                .description = onednn_description,
                                .precision = precision_here,
                                .supports = supports,
                                .measure_arithmetic = onednn_measure_arithmetic,
                                .create = create,
                                .destroy = destroy,
                                .memory = memory,
                                .staging = staging,
                                .forward = forward,
                                .read = read,
                                .loss_gradient = loss_gradient,
                                .backward = backward,
                                .read_gradient = read_gradient};
