/*
 * A plan from outside: what all back ends need (options, shapes, gradients, precision, loss), then calls of the back
 * end's functions.
 */
#include "engine/plan.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
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
    if (p->backend) {
        p->backend->destroy(p);
    }
    free(p->gradient_offset);
    free(p->train_block);
    free(p->batchnorm_batch);
    free(p->nodes);
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
    p->precision = p->backend->precision(o->precision, p->training);
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
        p->nodes[i].result = p->nodes[i].fused_into = -1;
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

static reshift_status check_nodes(const plan *p, reshift_error *error)
{
    for (int i = p->first; i <= p->last; i++) {
        const graph_node *n = node_of(p, i);
        if (p->nodes[i].batch_statistics && (int64_t)p->options.batch * p->nodes[i].h * p->nodes[i].w < 2) {
            error_set(error, RESHIFT_ERROR_SHAPE,
                      "batch norm '%s' needs more than one value per channel, found a batch of 1 with maps of 1x1",
                      n->name);
            error_hint(error, "use larger batches or frozen batch norm");
            return RESHIFT_ERROR_SHAPE;
        }
        if (!p->backend->supports(n, p->precision, p->nodes[i].needs_gradient)) {
            return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "device %s: no %s in %s%s, as '%s' needs it",
                             p->backend->name, op_of(n->op)->name, reshift_precision_name(p->precision),
                             p->nodes[i].needs_gradient ? " with its backward pass" : "", n->name);
        }
    }
    return RESHIFT_OK;
}

static reshift_status build(plan *p, const plan_options *options, reshift_error *error)
{
    const backend *found = NULL;
    reshift_status status = backend_find(options->device, &found, &p->device, error);
    p->backend = found;
    if (status == RESHIFT_OK) {
        status = copy_options(p, options, error);
    }
    if (status == RESHIFT_OK) {
        status = find_source(p, error);
    }
    if (status == RESHIFT_OK) {
        status = find_shapes(p, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    find_gradients(p);
    status = check_nodes(p, error);
    return status == RESHIFT_OK ? p->backend->create(p, error) : status;
}

reshift_status plan_create(network *n, const plan_options *options, plan **out, reshift_error *error)
{
    *out = NULL;
    plan *p = calloc(1, sizeof *p);
    if (!p) {
        return error_memory(error, sizeof *p, "a plan");
    }
    p->net = n;
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

int plan_overflow_image(const plan *p) { return p->overflow_image; }

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

static size_t count_of(int n_dims, const int64_t *shape)
{
    size_t count = 1;
    for (int i = 0; i < n_dims; i++) {
        count *= (size_t)shape[i];
    }
    return count;
}

int plan_input_width(const plan *p) { return p->input_bf16 ? sizeof(uint16_t) : sizeof(float); }
int plan_output_width(const plan *p) { return p->output_bf16 ? sizeof(uint16_t) : sizeof(float); }

void *plan_staging(plan *p) { return p->backend->staging(p); }

/* Bytes of n rows in plan_staging(). */
static size_t bytes_of(const plan *p, int n)
{
    int n_dims;
    int64_t shape[4];
    assert(n >= 0 && n <= p->options.batch);
    plan_input_shape(p, &n_dims, shape);
    return (size_t)n * count_of(n_dims - 1, shape + 1) * (size_t)plan_input_width(p);
}

void plan_write_rows(plan *p, const void *rows, int n)
{
    memcpy(plan_staging(p), rows, bytes_of(p, n));
    plan_set_images(p, n);
}

void plan_set_images(plan *p, int n)
{
    memset((char *)plan_staging(p) + bytes_of(p, n), 0, bytes_of(p, p->options.batch - n));
}

reshift_status plan_forward(plan *p, reshift_error *error) { return p->backend->forward(p, error); }

reshift_status plan_read(plan *p, plan_results *results, reshift_error *error)
{
    *results = (plan_results){NULL, NULL, NULL};
    return p->backend->read(p, results, error);
}

/* ---- training ---- */

static reshift_status loss_of(plan *p, plan_loss_kind kind, const int *labels, double *loss, int *correct,
                              reshift_error *error)
{
    if (p->last != p->net->graph->head) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s needs logits, the plan ends at '%s'",
                         kind == PLAN_ENTROPY ? "an entropy" : "a loss", node_of(p, p->last)->name);
    }
    if (p->backend->loss) {
        return p->backend->loss(p, kind, labels, loss, correct, error);
    }
    plan_results results;
    reshift_status status = plan_read(p, &results, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    float *gradient = p->training ? p->backend->loss_gradient(p) : NULL;
    const int classes = node_of(p, p->last)->channels_out;
    return kind == PLAN_ENTROPY ? loss_entropy(results.output, p->options.batch, classes, loss, gradient, error)
                                : loss_cross_entropy(results.output, labels, p->options.batch, classes,
                                                     p->options.label_smoothing, loss, correct, gradient, error);
}

reshift_status plan_loss(plan *p, const int *labels, double *loss, int *correct, reshift_error *error)
{
    return loss_of(p, PLAN_CROSS_ENTROPY, labels, loss, correct, error);
}

reshift_status plan_entropy(plan *p, double *entropy, reshift_error *error)
{
    return loss_of(p, PLAN_ENTROPY, NULL, entropy, NULL, error);
}

reshift_status plan_backward(plan *p, reshift_error *error)
{
    if (!p->training) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a plan without trained blocks has no backward pass");
    }
    return p->backend->backward(p, error);
}

bool plan_has_gradient(const plan *p, int parameter) { return p->gradient_offset[parameter] != SIZE_MAX; }

reshift_status plan_read_gradient(plan *p, int parameter, const float **gradient, reshift_error *error)
{
    *gradient = NULL;
    return plan_has_gradient(p, parameter) ? p->backend->read_gradient(p, parameter, gradient, error) : RESHIFT_OK;
}

reshift_status plan_synchronise(plan *p, reshift_error *error)
{
    return p->backend->synchronise ? p->backend->synchronise(p, error) : RESHIFT_OK;
}

void plan_memory(const plan *p, size_t *activations, size_t *weights, size_t *scratch)
{
    p->backend->memory(p, activations, weights, scratch);
}

reshift_precision plan_precision(const plan *p) { return p->precision; }

double plan_multiply_adds(const plan *p) { return p->multiply_adds; }
