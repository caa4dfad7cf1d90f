/*
 * A device that is as far from host memory as the contract of engine/backend.h allows, made from the CPU's back end, to
 * show that callers keep the contract. Work is done only when somebody waits for it. The staging area alternates
 * between two places and is spoilt after each forward pass; results are spoilt by the next one. Parameters and the
 * optimiser's moments have copies of their own: what changes there reaches the host by synchronise() and
 * optimiser_read() alone.
 *
 * Included by one test program, it takes the place of the library's table of back ends (engine/backend.c).
 */
#ifndef TESTS_ENGINE_LATE_DEVICE_H
#define TESTS_ENGINE_LATE_DEVICE_H

#include <stdlib.h>
#include <string.h>

#include "engine/plan_inside.h"

enum { late_most = 1024 };

/* Every plan and optimiser uses the late device from now on, or no longer. */
static bool late_on;
static int late_waits; /* how often work was done because somebody waited */

/* A network's values on the device. */
typedef struct late_network {
    network *net;
    float *values;
    uint64_t *seen; /* versions that `values` holds */
} late_network;

typedef struct late_plan {
    plan *p;
    void *staging[2];
    int turn;
    size_t input_bytes, output_bytes, feature_bytes;
    void *output;
    float *features, *loss_gradient;
} late_plan;

typedef struct late_optimiser {
    plan_optimiser *o;
    float *moments[2]; /* all parameters', one after the other */
} late_optimiser;

typedef struct late_work {
    enum { LATE_UPLOAD, LATE_FORWARD, LATE_BACKWARD, LATE_STEP } kind;
    plan *p;
    void *data; /* a copy of a parameter, of the staging area, of the loss gradient */
    int parameter;
    plan_optimiser *o;
    double factor;
    float momentum;
    int64_t steps;
} late_work;

static late_network late_networks[late_most];
static late_plan late_plans[late_most];
static late_optimiser late_optimisers[late_most];
static late_work late_queue[late_most];
static int late_queued;

/* The record of this owner; a free one if there is none. */
#define LATE_OF(table, member, owner, result)                                                                          \
    do {                                                                                                               \
        (result) = NULL;                                                                                               \
        for (int late_i = 0; late_i < late_most; late_i++) {                                                           \
            if ((table)[late_i].member == (owner)) {                                                                   \
                (result) = &(table)[late_i];                                                                           \
            }                                                                                                          \
        }                                                                                                              \
        for (int late_i = 0; late_i < late_most && !(result); late_i++) {                                              \
            if (!(table)[late_i].member) {                                                                             \
                (result) = &(table)[late_i];                                                                           \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

static void *late_copy(const void *data, size_t bytes)
{
    void *copy = malloc(bytes + 1);
    memcpy(copy, data, bytes);
    return copy;
}

/* Not-a-number in float32 and bfloat16. */
static void late_spoil(void *data, size_t bytes)
{
    if (data) {
        memset(data, 0xff, bytes);
    }
}

static late_network *late_network_of(network *net)
{
    late_network *d;
    const graph *g = net->graph;
    LATE_OF(late_networks, net, net, d);
    if (!d->net) {
        d->net = net;
        d->values = calloc(g->n_floats, sizeof(float));
        d->seen = calloc((size_t)g->n_parameters + 1, sizeof(uint64_t));
    }
    return d;
}

static void late_swap(float *a, float *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static size_t late_moments(const plan_optimiser *o)
{
    size_t count = 0;
    for (int i = 0; i < o->count; i++) {
        count += o->net->graph->parameters[o->parameters[i]].count;
    }
    return count;
}

typedef enum late_way { LATE_SWAP, LATE_TO_HOST, LATE_TO_DEVICE } late_way;

static void late_move_moments(late_optimiser *d, late_way way)
{
    for (int which = 0; which < optimiser_states(d->o->host); which++) {
        float *at = d->moments[which];
        for (int i = 0; i < d->o->count; i++) {
            const size_t count = d->o->net->graph->parameters[d->o->parameters[i]].count;
            float *host = optimiser_state(d->o->host, which, i);
            if (way == LATE_SWAP) {
                late_swap(host, at, count);
            } else {
                memcpy(way == LATE_TO_HOST ? host : at, way == LATE_TO_HOST ? at : host, count * sizeof(float));
            }
            at += count;
        }
    }
}

static reshift_status late_step(const late_work *w, reshift_error *error)
{
    late_optimiser *d;
    LATE_OF(late_optimisers, o, w->o, d);
    const int64_t steps = optimiser_steps(w->o->host);
    late_move_moments(d, LATE_SWAP);
    optimiser_set_steps(w->o->host, w->steps);
    reshift_status status = RESHIFT_OK;
    for (int i = 0; i < w->o->count && status == RESHIFT_OK; i++) {
        status = backend_onednn.read_gradient(w->p, w->o->parameters[i], &w->o->gradients[i], error);
    }
    optimiser_advance(w->o->host, w->factor, w->o->gradients);
    for (int i = 0; i < w->o->count; i++) {
        network_touch(w->o->net, w->o->parameters[i]);
    }
    optimiser_set_steps(w->o->host, steps);
    late_move_moments(d, LATE_SWAP);
    return status;
}

static reshift_status late_do(const late_work *w, reshift_error *error)
{
    late_plan *own;
    LATE_OF(late_plans, p, w->p, own);
    if (w->kind == LATE_STEP) {
        return late_step(w, error);
    }
    if (w->kind == LATE_UPLOAD) { /* the device's values are in the network's place now */
        const size_t bytes = w->p->net->graph->parameters[w->parameter].count * sizeof(float);
        memcpy(network_parameter(w->p->net, w->parameter), w->data, bytes);
        return RESHIFT_OK;
    }
    if (w->kind == LATE_BACKWARD) {
        memcpy(backend_onednn.loss_gradient(w->p), w->data, own->output_bytes);
        return backend_onednn.backward(w->p, error);
    }
    const float momentum = w->p->momentum;
    memcpy(backend_onednn.staging(w->p), w->data, own->input_bytes);
    w->p->momentum = w->momentum;
    reshift_status status = backend_onednn.forward(w->p, error);
    w->p->momentum = momentum;
    return status;
}

/* Does everything that was asked for; the first error is the answer. */
static reshift_status late_wait(reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    late_waits += late_queued > 0;
    for (int i = 0; i < late_queued; i++) {
        late_work *w = &late_queue[i];
        network *net = w->p->net;
        const int n = net->graph->n_parameters;
        late_network *d = late_network_of(net);
        uint64_t *before = late_copy(net->version, (size_t)n * sizeof *before);
        late_swap(net->values, d->values, net->graph->n_floats);
        status = status == RESHIFT_OK ? late_do(w, error) : status;
        late_swap(net->values, d->values, net->graph->n_floats);
        for (int k = 0; k < n; k++) { /* what the work itself has changed is no change of the host's */
            d->seen[k] = d->seen[k] == before[k] ? net->version[k] : d->seen[k];
        }
        free(before);
        free(w->data);
    }
    late_queued = 0;
    return status;
}

static reshift_status late_ask(late_work work, reshift_error *error)
{
    reshift_status status = late_queued == late_most ? late_wait(error) : RESHIFT_OK;
    late_queue[late_queued++] = work;
    return status;
}

/* A change on the host counts from the next forward pass on. */
static reshift_status late_upload(plan *p, reshift_error *error)
{
    late_network *d = late_network_of(p->net);
    reshift_status status = RESHIFT_OK;
    for (int i = 0; i < p->net->graph->n_parameters && status == RESHIFT_OK; i++) {
        if (p->net->version[i] != d->seen[i]) {
            void *data = late_copy(network_parameter(p->net, i), p->net->graph->parameters[i].count * sizeof(float));
            d->seen[i] = p->net->version[i];
            status = late_ask((late_work){.kind = LATE_UPLOAD, .p = p, .data = data, .parameter = i}, error);
        }
    }
    return status;
}

/* ---- the back end ---- */

static size_t late_count(int n_dims, const int64_t *shape)
{
    size_t count = 1;
    for (int i = 0; i < n_dims; i++) {
        count *= (size_t)shape[i];
    }
    return count;
}

static reshift_status late_create(plan *p, reshift_error *error)
{
    int n_dims;
    int64_t shape[4];
    late_plan *own;
    reshift_status status = backend_onednn.create(p, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    LATE_OF(late_plans, p, p, own);
    own->p = p;
    plan_input_shape(p, &n_dims, shape);
    own->input_bytes = late_count(n_dims, shape) * (size_t)plan_input_width(p);
    plan_output_shape(p, &n_dims, shape);
    own->output_bytes = late_count(n_dims, shape) * (size_t)plan_output_width(p);
    const int features = p->net->graph->features;
    own->feature_bytes =
        features < 0 ? 0
                     : (size_t)p->options.batch * (size_t)p->net->graph->nodes[features].channels_out * sizeof(float);
    own->staging[0] = malloc(own->input_bytes);
    own->staging[1] = malloc(own->input_bytes);
    late_spoil(own->staging[0], own->input_bytes);
    own->output = malloc(own->output_bytes);
    own->features = malloc(own->feature_bytes + 1);
    own->loss_gradient = calloc(own->output_bytes, 1);
    return RESHIFT_OK;
}

/* The device's copy of a network lives as long as one of its plans or optimisers does. */
static void late_leave(const network *net)
{
    late_network *d = NULL;
    bool used = false;
    for (int i = 0; i < late_most; i++) {
        used |= (late_plans[i].p && late_plans[i].p->net == net) ||
                (late_optimisers[i].o && late_optimisers[i].o->net == net);
        d = late_networks[i].net == net ? &late_networks[i] : d;
    }
    if (d && !used) {
        free(d->values);
        free(d->seen);
        memset(d, 0, sizeof *d);
    }
}

static void late_destroy(plan *p)
{
    late_plan *own;
    late_wait(NULL);
    LATE_OF(late_plans, p, p, own);
    if (own->p == p) {
        free(own->staging[0]);
        free(own->staging[1]);
        free(own->output);
        free(own->features);
        free(own->loss_gradient);
        memset(own, 0, sizeof *own);
    }
    late_leave(p->net);
    backend_onednn.destroy(p);
}

static void *late_staging(plan *p)
{
    late_plan *own;
    LATE_OF(late_plans, p, p, own);
    return own->staging[own->turn];
}

static reshift_status late_forward(plan *p, reshift_error *error)
{
    late_plan *own;
    LATE_OF(late_plans, p, p, own);
    void *data = late_copy(own->staging[own->turn], own->input_bytes);
    late_spoil(own->staging[own->turn], own->input_bytes);
    own->turn = !own->turn;
    late_spoil(own->output, own->output_bytes);
    late_spoil(own->features, own->feature_bytes);
    reshift_status status = late_upload(p, error);
    reshift_status asked =
        late_ask((late_work){.kind = LATE_FORWARD, .p = p, .data = data, .momentum = p->momentum}, error);
    return status == RESHIFT_OK ? asked : status;
}

static reshift_status late_read(plan *p, plan_results *results, reshift_error *error)
{
    late_plan *own;
    plan_results there;
    LATE_OF(late_plans, p, p, own);
    reshift_status status = late_wait(error);
    if (status == RESHIFT_OK) {
        status = backend_onednn.read(p, &there, error);
    }
    if (status == RESHIFT_OK) {
        memcpy(own->output, p->output_bf16 ? (const void *)there.output_bf16 : there.output, own->output_bytes);
        if (there.features) {
            memcpy(own->features, there.features, own->feature_bytes);
        }
        results->output = p->output_bf16 ? NULL : own->output;
        results->output_bf16 = p->output_bf16 ? own->output : NULL;
        results->features = there.features ? own->features : NULL;
    }
    return status;
}

static float *late_loss_gradient(plan *p)
{
    late_plan *own;
    LATE_OF(late_plans, p, p, own);
    return own->loss_gradient;
}

static reshift_status late_backward(plan *p, reshift_error *error)
{
    late_plan *own;
    LATE_OF(late_plans, p, p, own);
    void *data = late_copy(own->loss_gradient, own->output_bytes);
    late_spoil(own->loss_gradient, own->output_bytes);
    return late_ask((late_work){.kind = LATE_BACKWARD, .p = p, .data = data}, error);
}

static reshift_status late_read_gradient(plan *p, int parameter, const float **gradient, reshift_error *error)
{
    reshift_status status = late_wait(error);
    return status == RESHIFT_OK ? backend_onednn.read_gradient(p, parameter, gradient, error) : status;
}

static reshift_status late_synchronise(plan *p, reshift_error *error)
{
    reshift_status status = late_wait(error);
    const late_network *d = late_network_of(p->net);
    for (int i = 0; i < p->net->graph->n_parameters; i++) {
        if (d->seen[i] == p->net->version[i]) { /* else the host's is newer */
            const graph_parameter *g = &p->net->graph->parameters[i];
            memcpy(network_parameter(p->net, i), d->values + g->offset, g->count * sizeof(float));
        }
    }
    return status;
}

static reshift_status late_optimiser_create(plan_optimiser *o, reshift_error *error)
{
    (void)error;
    late_optimiser *d;
    LATE_OF(late_optimisers, o, o, d);
    d->o = o;
    for (int which = 0; which < optimiser_states(o->host); which++) {
        d->moments[which] = calloc(late_moments(o) + 1, sizeof(float));
        for (int i = 0; i < o->count; i++) {
            late_spoil(optimiser_state(o->host, which, i),
                       o->net->graph->parameters[o->parameters[i]].count * sizeof(float));
        }
    }
    return RESHIFT_OK;
}

static void late_optimiser_destroy(plan_optimiser *o)
{
    late_optimiser *d;
    late_wait(NULL);
    LATE_OF(late_optimisers, o, o, d);
    free(d->moments[0]);
    free(d->moments[1]);
    memset(d, 0, sizeof *d);
    late_leave(o->net);
}

static reshift_status late_optimiser_step(plan_optimiser *o, plan *p, double factor, reshift_error *error)
{
    const int64_t steps = optimiser_steps(o->host);
    optimiser_set_steps(o->host, steps + 1);
    return late_ask((late_work){.kind = LATE_STEP, .p = p, .o = o, .factor = factor, .steps = steps}, error);
}

static reshift_status late_optimiser_read(plan_optimiser *o, reshift_error *error)
{
    late_optimiser *d;
    reshift_status status = late_wait(error);
    LATE_OF(late_optimisers, o, o, d);
    late_move_moments(d, LATE_TO_HOST);
    return status;
}

static reshift_status late_optimiser_write(plan_optimiser *o, reshift_error *error)
{
    late_optimiser *d;
    reshift_status status = late_wait(error);
    LATE_OF(late_optimisers, o, o, d);
    late_move_moments(d, LATE_TO_DEVICE);
    return status;
}

/* ---- the table ---- */

static backend late_backend;

const backend *backend_at(int row) { return row > 0 ? NULL : late_on ? &late_backend : &backend_onednn; }

reshift_status backend_find(const char *device, const backend **found, int *index, reshift_error *error)
{
    (void)device;
    (void)error;
    late_backend = backend_onednn;
    late_backend.name = "late";
    late_backend.create = late_create;
    late_backend.destroy = late_destroy;
    late_backend.staging = late_staging;
    late_backend.forward = late_forward;
    late_backend.read = late_read;
    late_backend.loss_gradient = late_loss_gradient;
    late_backend.backward = late_backward;
    late_backend.read_gradient = late_read_gradient;
    late_backend.synchronise = late_synchronise;
    late_backend.optimiser_create = late_optimiser_create;
    late_backend.optimiser_destroy = late_optimiser_destroy;
    late_backend.optimiser_step = late_optimiser_step;
    late_backend.optimiser_read = late_optimiser_read;
    late_backend.optimiser_write = late_optimiser_write;
    *found = backend_at(0);
    *index = 0;
    return RESHIFT_OK;
}

#endif
