/* On the host by default: kernels/optimiser.h on the network's values and the plan's gradients, as host memory. */
#include "engine/plan_optimiser.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/plan_inside.h"

reshift_status plan_optimiser_create(network *n, const char *device, const optimiser_rule *rule, const int *parameters,
                                     const double *rates, int count, plan_optimiser **out, reshift_error *error)
{
    plan_optimiser *o = *out = calloc(1, sizeof *o);
    optimiser_span *spans = calloc((size_t)count + 1, sizeof *spans);
    if (o) {
        o->net = n;
        o->count = count;
        o->parameters = calloc((size_t)count + 1, sizeof *o->parameters);
        o->gradients = calloc((size_t)count + 1, sizeof *o->gradients);
    }
    if (!o || !spans || !o->parameters || !o->gradients) {
        free(spans);
        plan_optimiser_destroy(out);
        return error_memory(error, (size_t)count * sizeof *spans, "the optimiser");
    }
    for (int i = 0; i < count; i++) {
        o->parameters[i] = parameters[i];
        spans[i] =
            (optimiser_span){network_parameter(n, parameters[i]), n->graph->parameters[parameters[i]].count, rates[i]};
    }
    const backend *found = NULL;
    reshift_status status = backend_find(device, &found, &o->device, error);
    o->backend = found;
    if (status == RESHIFT_OK) {
        status = optimiser_create(rule, spans, count, &o->host, error);
    }
    if (status == RESHIFT_OK && found->optimiser_create) {
        status = found->optimiser_create(o, error);
    }
    free(spans);
    if (status != RESHIFT_OK) {
        plan_optimiser_destroy(out);
    }
    return status;
}

void plan_optimiser_destroy(plan_optimiser **pointer)
{
    plan_optimiser *o = pointer ? *pointer : NULL;
    if (!o) {
        return;
    }
    if (o->backend && o->backend->optimiser_destroy) {
        o->backend->optimiser_destroy(o);
    }
    optimiser_destroy(&o->host);
    free(o->parameters);
    free(o->gradients);
    free(o);
    *pointer = NULL;
}

static reshift_status step_on_host(plan_optimiser *o, plan *p, double factor, reshift_error *error)
{
    for (int i = 0; i < o->count; i++) {
        reshift_status status = plan_read_gradient(p, o->parameters[i], &o->gradients[i], error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    optimiser_advance(o->host, factor, o->gradients);
    for (int i = 0; i < o->count; i++) {
        network_touch(o->net, o->parameters[i]);
    }
    return RESHIFT_OK;
}

reshift_status plan_optimiser_step(plan_optimiser *o, plan *p, double factor, reshift_error *error)
{
    for (int i = 0; i < o->count; i++) {
        if (!plan_has_gradient(p, o->parameters[i])) {
            return error_set(error, RESHIFT_ERROR_INTERNAL, "parameter '%s' has no gradient",
                             o->net->graph->parameters[o->parameters[i]].name);
        }
    }
    return o->backend->optimiser_step ? o->backend->optimiser_step(o, p, factor, error)
                                      : step_on_host(o, p, factor, error);
}

void plan_optimiser_set_rate(plan_optimiser *o, int i, double learning_rate)
{
    optimiser_set_rate(o->host, i, learning_rate);
}

optimiser *plan_optimiser_host(plan_optimiser *o) { return o->host; }

reshift_status plan_optimiser_read(plan_optimiser *o, reshift_error *error)
{
    return o->backend->optimiser_read ? o->backend->optimiser_read(o, error) : RESHIFT_OK;
}

reshift_status plan_optimiser_write(plan_optimiser *o, reshift_error *error)
{
    return o->backend->optimiser_write ? o->backend->optimiser_write(o, error) : RESHIFT_OK;
}
