/* A plan from outside: making it, running it, taking it down. How nodes become steps is plan_lower_*.c's matter. */
#include "engine/plan.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/loss.h"
#include "engine/plan_inside.h"
#include "network/ops.h"

static const graph_node *node_of(const plan *p, int node) { return &p->net->graph->nodes[node]; }

void plan_destroy(plan **out)
{
    plan *p = out ? *out : NULL;
    if (!p) {
        return;
    }
    for (int i = 0; i < p->n_steps; i++) {
        dnnl_primitive_destroy(p->steps[i].primitive);
    }
    for (int i = 0; i < p->n_weights; i++) {
        dnnl_primitive_destroy(p->weights[i].reorder);
        if (p->weights[i].int8) {
            free(p->weights[i].int8->weight_units);
            free(p->weights[i].int8);
        }
    }
    for (int i = 0; i < p->n_descriptors; i++) {
        dnnl_primitive_desc_destroy(p->descriptors[i]);
    }
    for (int i = 0; i < p->n_tensors; i++) {
        dnnl_memory_destroy(p->tensors[i].memory);
    }
    for (int i = 0; i < p->n_memories; i++) {
        dnnl_memory_destroy(p->memories[i]);
    }
    if (p->stream) {
        dnnl_stream_destroy(p->stream);
    }
    if (p->engine) {
        dnnl_engine_destroy(p->engine);
    }
    memory_free(p->activations);
    memory_free(p->scratch);
    memory_free(p->prepared);
    memory_free(p->staging);
    memory_free(p->gradients);
    free(p->gradient_offset);
    free(p->train_block);
    free(p->batchnorm_batch);
    for (int i = 0; p->nodes && i < p->net->graph->n_nodes; i++) {
        free(p->nodes[i].unit);
    }
    free(p->nodes);
    free(p->tensors);
    free(p->steps);
    free(p->weights);
    free(p->descriptors);
    free(p->memories);
    free(p);
    *out = NULL;
}

bool plan_is_flat(const plan *p, int node)
{
    while (op_of(node_of(p, node)->op)->result == OPS_SAME) {
        node = node_of(p, node)->inputs[0];
    }
    return op_of(node_of(p, node)->op)->result == OPS_VECTOR;
}

static reshift_status copy_options(plan *p, const plan_options *o, reshift_error *error)
{
    const graph *g = p->net->graph;
    if (o->batch < 1 || o->first_block < 0 || o->last_block >= g->n_blocks || o->first_block > o->last_block) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot plan a batch of %d through blocks %d to %d of %d",
                         o->batch, o->first_block, o->last_block, g->n_blocks);
    }
    p->options = *o;
    size_t blocks = (size_t)g->n_blocks;
    p->train_block = calloc(blocks, sizeof *p->train_block);
    p->batchnorm_batch = calloc(blocks, sizeof *p->batchnorm_batch);
    p->nodes = calloc((size_t)g->n_nodes, sizeof *p->nodes);
    p->gradient_offset = malloc((size_t)g->n_parameters * sizeof *p->gradient_offset + 1);
    if (!p->train_block || !p->batchnorm_batch || !p->nodes || !p->gradient_offset) {
        return error_memory(error, blocks, "a plan");
    }
    for (int b = o->first_block; b <= o->last_block; b++) {
        p->train_block[b] = o->train_block && o->train_block[b];
        p->batchnorm_batch[b] = o->batchnorm_batch && o->batchnorm_batch[b];
        p->training |= p->train_block[b];
    }
    p->precision = reshift_precision_here(o->precision, p->training);
    int ignored;
    graph_block_range(g, o->first_block, &p->first, &ignored);
    graph_block_range(g, o->last_block, &ignored, &p->last);
    const int last = p->last;
    bool features = !o->stop_at_features;
    if (!features && g->features >= p->first && g->features <= last) {
        p->last = g->features;
        features = true;
    }
    if (!features) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a plan of the blocks from '%s' on has no features to stop at",
                         node_of(p, p->first)->name);
    }
    if (p->training && (g->head < 0 || p->last != g->head)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "training needs the network up to its last layer, '%s' is not",
                         node_of(p, p->last)->name);
    }
    return RESHIFT_OK;
}

/* The one node whose result comes in from outside. */
static reshift_status find_source(plan *p, reshift_error *error)
{
    p->source = node_of(p, p->first)->op == GRAPH_INPUT ? p->first : -1;
    for (int i = p->first; i <= p->last; i++) {
        const int *read = node_of(p, i)->inputs;
        for (int j = 0; j < GRAPH_INPUTS_MOST; j++) {
            if (read[j] >= 0 && read[j] < p->first) {
                if (p->source >= 0 && p->source != read[j]) {
                    return error_set(error, RESHIFT_ERROR_ARGUMENT, "the network cannot be cut before '%s'",
                                     node_of(p, p->first)->name);
                }
                p->source = read[j];
            }
        }
    }
    return RESHIFT_OK;
}

static reshift_status find_shapes(plan *p, reshift_error *error)
{
    for (int i = 0; i < p->net->graph->n_nodes; i++) {
        plan_node *n = &p->nodes[i];
        n->result = n->bytes = n->gradient = n->workspace = n->mean = n->variance = n->fused_into = -1;
    }
    const bool flat = plan_is_flat(p, p->source);
    p->nodes[p->source].h = flat ? 1 : p->options.height;
    p->nodes[p->source].w = flat ? 1 : p->options.width;
    if (p->nodes[p->source].h < 1 || p->nodes[p->source].w < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a plan's input cannot be %dx%d", p->options.height,
                         p->options.width);
    }
    for (int i = p->first; i <= p->last; i++) {
        const graph_node *n = node_of(p, i);
        if (n->op == GRAPH_INPUT) {
            continue;
        }
        const plan_node *from = &p->nodes[n->inputs[0]];
        plan_node *to = &p->nodes[i];
        const operation *row = op_of(n->op);
        const graph_extent in = {from->h, from->w}, out = row->extent ? row->extent(n, in) : in;
        to->h = out.h;
        to->w = out.w;
        p->multiply_adds += row->multiply_adds ? p->options.batch * row->multiply_adds(n, in, out) : 0;
        if (to->h < 1 || to->w < 1) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "an input of %dx%d is too small: nothing is left at '%s'",
                             p->options.height, p->options.width, n->name);
        }
    }
    return RESHIFT_OK;
}

static void find_gradients(plan *p)
{
    const graph *g = p->net->graph;
    for (int i = 0; i < g->n_parameters; i++) {
        const graph_parameter *parameter = &g->parameters[i];
        bool trained = parameter->node >= p->first && parameter->node <= p->last && p->train_block[parameter->block] &&
                       parameter->role != GRAPH_RUNNING_MEAN && parameter->role != GRAPH_RUNNING_VAR &&
                       (!p->options.affine_only || parameter->role == GRAPH_GAMMA || parameter->role == GRAPH_BETA);
        p->gradient_offset[i] = trained ? p->gradient_floats : SIZE_MAX;
        p->gradient_floats += trained ? (parameter->count + 15) / 16 * 16 : 0;
    }
    for (int i = p->first; i <= p->last; i++) {
        const graph_node *n = node_of(p, i);
        plan_node *own = &p->nodes[i];
        own->needs_gradient = n->parameter >= 0 && p->gradient_offset[n->parameter] != SIZE_MAX;
        for (int j = 0; j < GRAPH_INPUTS_MOST; j++) {
            own->needs_gradient |= n->inputs[j] >= 0 && p->nodes[n->inputs[j]].needs_gradient;
        }
        own->batch_statistics = n->op == GRAPH_BATCHNORM && p->batchnorm_batch[n->block];
    }
}

static reshift_status build(plan *p, const plan_options *options, reshift_error *error)
{
    reshift_status status = copy_options(p, options, error);
    if (status == RESHIFT_OK)
        status = find_source(p, error);
    if (status == RESHIFT_OK)
        status = find_shapes(p, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    find_gradients(p);
    p->gradients = memory_allocate(p->gradient_floats * sizeof(float));
    if (!p->gradients) {
        return error_memory(error, p->gradient_floats * sizeof(float), "gradients");
    }
    ONEDNN(dnnl_engine_create(&p->engine, dnnl_cpu, 0), "starting oneDNN");
    ONEDNN(dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags), "starting oneDNN");
    status = plan_lower_forward(p, error);
    if (status == RESHIFT_OK && p->training)
        status = plan_lower_backward(p, error);
    if (status == RESHIFT_OK) {
        p->tensors[p->input].external = p->training;
        status = plan_place(p, error);
    }
    if (status == RESHIFT_OK)
        status = plan_weights_place(p, error);
    return status;
}

reshift_status plan_create(network *n, const plan_options *options, plan **out, reshift_error *error)
{
    *out = NULL;
    plan *p = calloc(1, sizeof *p);
    if (!p) {
        return error_memory(error, sizeof *p, "a plan");
    }
    p->net = n;
    p->input = p->output = p->features = p->loss_gradient = -1;
    p->momentum = -1;
    p->input_bound = -1;
    reshift_status status = build(p, options, error);
    if (status != RESHIFT_OK) {
        plan_destroy(&p);
    }
    *out = p;
    return status;
}

void plan_set_momentum(plan *p, float momentum) { p->momentum = momentum; }

void plan_set_input_bound(plan *p, double bound) { p->input_bound = bound; }

void plan_set_images(plan *p, int n)
{
    const plan_tensor *input = &p->tensors[p->input];
    const size_t bytes = dnnl_memory_desc_get_size(&input->md) / (size_t)p->options.batch;
    memset((char *)input->data + (size_t)n * bytes, 0, (size_t)(p->options.batch - n) * bytes);
}

int plan_overflow_image(const plan *p) { return p->overflow_image; }

float *plan_input(plan *p) { return p->tensors[p->input].data; }
const float *plan_output(const plan *p) { return p->tensors[p->output].data; }
const float *plan_features(const plan *p) { return p->features >= 0 ? p->tensors[p->features].data : NULL; }

uint16_t *plan_input_half(plan *p)
{
    return p->tensors[p->input].md.data_type == dnnl_bf16 ? p->tensors[p->input].data : NULL;
}

const uint16_t *plan_output_half(const plan *p)
{
    return p->tensors[p->output].md.data_type == dnnl_bf16 ? p->tensors[p->output].data : NULL;
}

static void shape_of(const plan *p, int node, bool flat, int *n_dims, int64_t shape[4])
{
    shape[0] = p->options.batch;
    *n_dims = flat ? 2 : 4;
    shape[flat ? 1 : 3] = node_of(p, node)->channels_out;
    if (!flat) {
        shape[1] = p->nodes[node].h;
        shape[2] = p->nodes[node].w;
    }
}

void plan_input_shape(const plan *p, int *n_dims, int64_t shape[4])
{
    shape_of(p, p->source, plan_is_flat(p, p->source), n_dims, shape);
}

void plan_output_shape(const plan *p, int *n_dims, int64_t shape[4])
{
    shape_of(p, p->last, plan_is_flat(p, p->last), n_dims, shape);
}

void plan_watch(plan *p, plan_watcher watcher, void *context)
{
    assert(p->precision == RESHIFT_PRECISION_F32 && !p->training);
    p->watcher = watcher;
    p->watcher_context = context;
}

/* Hands a result to the watcher, channels last whatever its layout is. */
static reshift_status show(plan *p, int node, int tensor, reshift_error *error)
{
    const plan_tensor *t = &p->tensors[tensor];
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
    dnnl_status_t done = values ? dnnl_memory_create(&memory, &dense, p->engine, values) : dnnl_out_of_memory;
    if (done == dnnl_success) {
        done = dnnl_reorder_primitive_desc_create(&pd, &t->md, p->engine, &dense, p->engine, NULL);
    }
    if (done == dnnl_success) {
        done = dnnl_primitive_create(&reorder, pd);
    }
    if (done == dnnl_success) {
        dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, t->memory}, {DNNL_ARG_TO, memory}};
        done = dnnl_primitive_execute(reorder, p->stream, 2, arguments);
    }
    if (done == dnnl_success) {
        done = dnnl_stream_wait(p->stream);
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
        plan_step *s = &p->steps[i];
        if (i < p->n_forward) {
            reshift_status sound = plan_guard(p, s, error);
            if (sound != RESHIFT_OK) {
                return sound;
            }
        }
        if (s->kind == STEP_PRIMITIVE) {
            ONEDNN(dnnl_primitive_execute(s->primitive, p->stream, s->n, s->bound), node_of(p, s->node)->name);
        } else {
            ONEDNN(dnnl_stream_wait(p->stream), node_of(p, s->node)->name);
            plan_run_own(p, s);
        }
        if (p->watcher && s->end >= 0) {
            ONEDNN(dnnl_stream_wait(p->stream), node_of(p, s->node)->name);
            reshift_status shown = show(p, s->end, p->nodes[s->end].result, error);
            if (shown != RESHIFT_OK) {
                return shown;
            }
        }
    }
    ONEDNN(dnnl_stream_wait(p->stream), "running a plan");
    return RESHIFT_OK;
}

reshift_status plan_forward(plan *p, reshift_error *error)
{
    reshift_status status = plan_weights_refresh(p, error);
    if (status == RESHIFT_OK) {
        status = plan_guard_start(p, error);
    }
    if (status == RESHIFT_OK && p->watcher) {
        status = show(p, p->source, p->input, error);
    }
    return status == RESHIFT_OK ? run(p, 0, p->n_forward, error) : status;
}

reshift_status plan_loss(plan *p, const int *labels, double *loss, int *correct, reshift_error *error)
{
    if (p->last != p->net->graph->head) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a loss needs logits, the plan ends at '%s'",
                         node_of(p, p->last)->name);
    }
    return loss_cross_entropy(plan_output(p), labels, p->options.batch, node_of(p, p->last)->channels_out,
                              p->options.label_smoothing, loss, correct,
                              p->training ? p->tensors[p->loss_gradient].data : NULL, error);
}

reshift_status plan_entropy(plan *p, double *entropy, reshift_error *error)
{
    if (p->last != p->net->graph->head) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "an entropy needs logits, the plan ends at '%s'",
                         node_of(p, p->last)->name);
    }
    return loss_entropy(plan_output(p), p->options.batch, node_of(p, p->last)->channels_out, entropy,
                        p->training ? p->tensors[p->loss_gradient].data : NULL, error);
}

reshift_status plan_backward(plan *p, reshift_error *error)
{
    if (!p->training) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a plan without trained blocks has no backward pass");
    }
    return run(p, p->n_forward, p->n_steps, error);
}

const float *plan_gradient(const plan *p, int parameter)
{
    return p->gradient_offset[parameter] == SIZE_MAX ? NULL : p->gradients + p->gradient_offset[parameter];
}

void plan_memory(const plan *p, size_t *activations, size_t *weights, size_t *scratch)
{
    *activations = p->activation_bytes;
    *weights = p->prepared_bytes + (p->staging_floats + p->gradient_floats) * sizeof(float);
    *scratch = p->scratch_bytes;
}

reshift_precision plan_precision(const plan *p) { return p->precision; }

double plan_multiply_adds(const plan *p) { return p->multiply_adds; }
