/* Networks of one and of several copies of an operation, and the time between them. */
#include "engine/shape_time.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/progress.h"
#include "engine/plan.h"
#include "network/ops.h"

enum { COPIES = 4, PASSES_LEAST = 5 };
#define SECONDS 0.05 /* to spend on passes of either network */

static int add_operation(graph *g, const engine_shape *s, int copy, int image, int before)
{
    char name[32];
    snprintf(name, sizeof name, "op%d", copy);
    switch (s->op) {
    case GRAPH_CONV: return graph_add_conv(g, name, image, s->channels_out, s->window);
    case GRAPH_MAXPOOL: return graph_add_maxpool(g, name, image, s->window);
    case GRAPH_GLOBAL_AVGPOOL: return graph_add_global_avgpool(g, name, image);
    case GRAPH_LINEAR: return graph_add_linear(g, name, image, s->channels_out);
    case GRAPH_BATCHNORM: return graph_add_batchnorm(g, name, before);
    case GRAPH_RELU: return graph_add_relu(g, name, before);
    case GRAPH_ADD: return graph_add_add(g, name, before, image);
    case GRAPH_INPUT: break;
    }
    return -1;
}

/* Values that are neither 0 nor overflow: some instructions take another time for those. */
static void fill(network *n)
{
    for (int p = 0; p < n->graph->n_parameters; p++) {
        const graph_parameter *parameter = &n->graph->parameters[p];
        const bool positive = parameter->role == GRAPH_GAMMA || parameter->role == GRAPH_RUNNING_VAR;
        const float scale = 0.2f * sqrtf((float)parameter->shape[0] / (float)parameter->count);
        float *values = network_parameter(n, p);
        uint32_t state = (uint32_t)p + 1;
        for (size_t i = 0; i < parameter->count; i++) {
            state = state * 1664525u + 1013904223u; /* Numerical Recipes' generator: quick, and good enough to time */
            values[i] = positive ? 1 : scale * ((float)(state >> 8) * 0x1p-24f - 0.5f);
        }
        network_touch(n, p);
    }
}

static network *make_network(const engine_shape *s, int copies)
{
    graph *g = graph_create();
    if (!g || graph_begin_block(g, "images", NULL) != RESHIFT_OK) {
        graph_destroy(&g);
        return NULL;
    }
    int image = graph_add_input(g, s->channels_in), last = image;
    if (s->op == GRAPH_LINEAR) {
        image = last = graph_add_global_avgpool(g, "average", image);
    }
    for (int copy = 0; copy < copies && last >= 0; copy++) {
        last = add_operation(g, s, copy, image, last);
    }
    if (last < 0) {
        graph_destroy(&g);
        return NULL;
    }
    network *n = network_create(g);
    if (n) {
        fill(n);
    }
    return n;
}

static reshift_status make_plan(network *n, const engine_shape *s, const char *device, reshift_precision precision,
                                int batch, plan **p, reshift_error *error)
{
    const plan_options options = {.batch = batch,
                                  .height = s->h,
                                  .width = s->w,
                                  .device = device,
                                  .precision = precision,
                                  .bf16_input = true,
                                  .bf16_output = true};
    reshift_status status = plan_create(n, &options, p, error);
    if (status == RESHIFT_OK && plan_precision(*p) != precision) {
        status = error_set(error, RESHIFT_ERROR_UNSUPPORTED, "'%s' cannot be computed in %s here", s->name,
                           reshift_precision_name(precision));
    }
    return status;
}

/* Values 1/8 to 1 as they come in. */
static void write_input(plan *p, const engine_shape *s, int batch)
{
    const size_t count = (size_t)batch * (size_t)s->h * (size_t)s->w * (size_t)s->channels_in;
    float *wide = plan_staging(p);
    uint16_t *narrow = plan_staging(p);
    for (size_t i = 0; i < count; i++) {
        if (plan_input_width(p) == 2) {
            narrow[i] = (uint16_t)(0x3e00 + i % 0x180);
        } else {
            wide[i] = (float)(1 + i % 8) / 8;
        }
    }
}

static reshift_status time_network(network *n, const engine_shape *s, const char *device, reshift_precision precision,
                                   int batch, double *least, reshift_error *error)
{
    plan *p = NULL;
    plan_results results;
    reshift_status status = make_plan(n, s, device, precision, batch, &p, error);
    double end = 0;
    *least = INFINITY;
    for (int pass = 0; status == RESHIFT_OK && (pass <= PASSES_LEAST || clock_seconds() < end); pass++) {
        write_input(p, s, batch);
        const double start = clock_seconds();
        status = plan_forward(p, error);
        if (status == RESHIFT_OK) {
            status = plan_read(p, &results, error); /* waits */
        }
        if (pass == 0) { /* memory is touched, weights are laid out */
            end = clock_seconds() + SECONDS;
        } else {
            *least = fmin(*least, clock_seconds() - start);
        }
    }
    plan_destroy(&p);
    return status;
}

reshift_status engine_time_shape(const engine_shape *shape, const char *device, reshift_precision precision, int batch,
                                 double *seconds, reshift_error *error)
{
    double least[2] = {0, 0};
    reshift_status status = RESHIFT_OK;
    for (int i = 0; i < 2 && status == RESHIFT_OK; i++) {
        network *n = make_network(shape, i ? 1 + COPIES : 1);
        status = n ? time_network(n, shape, device, precision, batch, &least[i], error)
                   : error_memory(error, 0, "a network of one operation");
        network_destroy(&n);
    }
    *seconds = (least[1] - least[0]) / COPIES;
    return status;
}
