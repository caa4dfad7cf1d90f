/*
 * The back end "reference": every operation in plain loops and float32, nothing fused, no memory shared between nodes.
 * It is slow on purpose and exists to be right: the other back ends are compared with it, and a result that looks wrong
 * on a device can be repeated with it.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "engine/overflow.h"
#include "engine/plan_inside.h"
#include "engine/reference/walk.h"

typedef struct reference_state {
    reference_walk *walk;
    float *gradients;   /* one block, at p->gradient_offset */
    float **parameters; /* [n_parameters] into the block; NULL: no gradient */
} reference_state;

static int devices(void) { return 1; }
static const char *description(void) { return "reference, plain C loops"; }

static reshift_precision precision(reshift_precision wanted, bool training)
{
    (void)wanted;
    (void)training;
    return RESHIFT_PRECISION_F32;
}

static bool supports(const graph_node *node, reshift_precision precision, bool training)
{
    (void)training;
    return precision == RESHIFT_PRECISION_F32 && (node->op == GRAPH_INPUT || reference_operation_of(node->op)->forward);
}

static reshift_status create_gradients(plan *p, reference_state *s, reshift_error *error)
{
    const int n_parameters = p->net->graph->n_parameters;
    s->gradients = memory_allocate(p->gradient_floats * sizeof(float));
    s->parameters = calloc((size_t)n_parameters + 1, sizeof *s->parameters);
    if (!s->gradients || !s->parameters) {
        return error_memory(error, p->gradient_floats * sizeof(float), "gradients");
    }
    for (int i = 0; i < n_parameters; i++) {
        s->parameters[i] = p->gradient_offset[i] == SIZE_MAX ? NULL : s->gradients + p->gradient_offset[i];
    }
    return RESHIFT_OK;
}

static reshift_status create_walk(plan *p, reference_state *s, reshift_error *error)
{
    const size_t n_nodes = (size_t)p->net->graph->n_nodes;
    graph_extent *extents = calloc(n_nodes, sizeof *extents);
    bool *needs_gradient = calloc(n_nodes, sizeof *needs_gradient);
    bool *batch_statistics = calloc(n_nodes, sizeof *batch_statistics);
    reshift_status status = RESHIFT_OK;
    if (!extents || !needs_gradient || !batch_statistics) {
        status = error_memory(error, n_nodes * sizeof *extents, "a plan");
    }
    for (size_t i = 0; i < n_nodes && status == RESHIFT_OK; i++) {
        extents[i] = (graph_extent){p->nodes[i].h, p->nodes[i].w};
        needs_gradient[i] = p->training && p->nodes[i].needs_gradient;
        batch_statistics[i] = p->nodes[i].batch_statistics;
    }
    if (status == RESHIFT_OK) {
        const reference_range range = {.first = p->first,
                                       .last = p->last,
                                       .source = p->source,
                                       .batch = p->options.batch,
                                       .extents = extents,
                                       .gradients = s->parameters,
                                       .needs_gradient = needs_gradient,
                                       .batch_statistics = batch_statistics,
                                       .source_share = p->options.source_share};
        status = reference_walk_create(p->net, &range, &s->walk, error);
    }
    free(extents);
    free(needs_gradient);
    free(batch_statistics);
    return status;
}

static reshift_status create(plan *p, reshift_error *error)
{
    reference_state *s = calloc(1, sizeof *s);
    p->state = s;
    if (!s) {
        return error_memory(error, sizeof *s, "a plan");
    }
    reshift_status status = create_gradients(p, s, error);
    return status == RESHIFT_OK ? create_walk(p, s, error) : status;
}

static void destroy(plan *p)
{
    reference_state *s = p->state;
    if (s) {
        reference_walk_destroy(&s->walk);
        memory_free(s->gradients);
        free(s->parameters);
        free(s);
        p->state = NULL;
    }
}

static reference_node *node_of(const plan *p, int node)
{
    const reference_state *s = p->state;
    return &s->walk->nodes[node];
}

static void memory(const plan *p, size_t *activations, size_t *weights, size_t *scratch)
{
    *activations = 0;
    *weights = p->gradient_floats * sizeof(float);
    *scratch = 0;
    for (int i = 0; i < p->net->graph->n_nodes; i++) {
        const reference_node *own = node_of(p, i);
        const size_t bytes = (size_t)reference_count(&own->result) * sizeof(float);
        *activations += (own->result.values ? bytes : 0) + (own->gradient.values ? bytes : 0);
    }
}

static void *staging(plan *p) { return node_of(p, p->source)->result.values; }

/* Errors: NUMERIC if a value of any image overflows, where no gradient shows it. */
static reshift_status guard(plan *p, int node, reshift_error *error)
{
    const reference_map *y = &node_of(p, node)->result;
    const int64_t row = y->h * y->w * y->c;
    for (int64_t i = 0; i < y->n * row && !p->nodes[node].needs_gradient; i++) {
        if (!(fabsf(y->values[i]) <= (float)OVERFLOW_LIMIT)) {
            p->overflow_image = (int)(i / row);
            return error_set(error, RESHIFT_ERROR_NUMERIC, "activations overflow in '%s'",
                             p->net->graph->nodes[node].name);
        }
    }
    return RESHIFT_OK;
}

static void show(const plan *p, int node)
{
    const reference_map *y = &node_of(p, node)->result;
    if (p->watcher && graph_is_kept(p->net->graph, node)) {
        p->watcher(p->watcher_context, node, y->values, y->n * y->h * y->w, (int)y->c);
    }
}

static reshift_status forward(plan *p, reshift_error *error)
{
    const reference_state *s = p->state;
    reshift_status status = guard(p, p->source, error);
    show(p, p->source);
    for (int i = p->first; i <= p->last && status == RESHIFT_OK; i++) {
        if (i != p->source) {
            reference_walk_node(s->walk, i);
            status = guard(p, i, error);
            show(p, i);
        }
    }
    if (status == RESHIFT_OK) {
        reference_walk_update_statistics(s->walk, p->momentum);
    }
    return status;
}

static reshift_status read_results(plan *p, plan_results *results, reshift_error *error)
{
    (void)error;
    const int features = p->net->graph->features;
    const bool inside = features >= p->first && features < p->last;
    *results = (plan_results){.output = node_of(p, p->last)->result.values,
                              .features = inside ? node_of(p, features)->result.values : NULL};
    return RESHIFT_OK;
}

static float *loss_gradient(plan *p) { return node_of(p, p->last)->gradient.values; }

static reshift_status backward(plan *p, reshift_error *error)
{
    (void)error;
    const reference_state *s = p->state;
    reference_walk_backward(s->walk);
    return RESHIFT_OK;
}

static reshift_status read_gradient(plan *p, int parameter, const float **gradient, reshift_error *error)
{
    (void)error;
    const reference_state *s = p->state;
    *gradient = s->parameters[parameter];
    return RESHIFT_OK;
}

const backend backend_reference = {
    .name = "reference",
    .devices = devices,
    .description = description,
    .precision = precision,
    .supports = supports,
    .create = create,
    .destroy = destroy,
    .memory = memory,
    .staging = staging,
    .forward = forward,
    .read = read_results,
    .loss_gradient = loss_gradient,
    .backward = backward,
    .read_gradient = read_gradient,
};
