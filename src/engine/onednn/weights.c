/*
 * Weights as the library wants them: copies of the network's own, made anew when a version number says that they are
 * stale. Where a batch norm with fixed statistics follows and nothing upstream is trained, it is folded in:
 * w' = w gamma/sqrt(var + eps), b' = beta - mean gamma/sqrt(var + eps), in double, rounded once. Weights of 8 bits are
 * the folded ones times their input's unit over their output channel's, rounded to the nearest.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/onednn/inside.h"

reshift_status onednn_weights_plain(const graph_node *conv, dnnl_data_type_t type, dnnl_memory_desc_t *md,
                                    reshift_error *error)
{
    dnnl_dims_t dims;
    const int n = onednn_weights_dims(conv, dims);
    ONEDNN(dnnl_memory_desc_init_by_tag(md, n, dims, type, n == 5 ? dnnl_goihw : dnnl_oihw), "laying out weights");
    return RESHIFT_OK;
}

int onednn_weights_dims(const graph_node *conv, dnnl_dims_t dims)
{
    const graph_window *w = &conv->window;
    int n = 0;
    if (w->groups > 1) {
        dims[n++] = w->groups;
    }
    dims[n++] = conv->channels_out / w->groups;
    dims[n++] = conv->channels_in / w->groups;
    dims[n++] = w->kernel[0];
    dims[n++] = w->kernel[1];
    return n;
}

reshift_status onednn_weights_any(const graph_node *conv, dnnl_data_type_t type, dnnl_memory_desc_t *md,
                                  reshift_error *error)
{
    dnnl_dims_t dims;
    const int n = onednn_weights_dims(conv, dims);
    ONEDNN(dnnl_memory_desc_init_by_tag(md, n, dims, type, dnnl_format_tag_any), conv->name);
    return RESHIFT_OK;
}

/* Inputs of an output channel, and values of its filter for each. */
static int64_t inputs_of(const graph_node *conv) { return conv->channels_in / conv->window.groups; }
static int64_t area_of(const graph_node *conv) { return (int64_t)conv->window.kernel[0] * conv->window.kernel[1]; }
/* The first input channel that output channel o sees. */
static int64_t first_input(const graph_node *conv, int o)
{
    return o / (conv->channels_out / conv->window.groups) * inputs_of(conv);
}

reshift_status onednn_weights_add(plan *p, int conv, int norm, const dnnl_memory_desc_t *md, int *index,
                                  reshift_error *error)
{
    onednn_weights *larger = realloc(state_of(p)->weights, ((size_t)state_of(p)->n_weights + 1) * sizeof *larger);
    if (!larger) {
        return error_memory(error, sizeof *larger, "a plan");
    }
    state_of(p)->weights = larger;
    onednn_weights *w = &state_of(p)->weights[state_of(p)->n_weights];
    memset(w, 0, sizeof *w);
    w->conv = conv;
    w->norm = norm;
    w->md = *md;
    w->bytes = memory_align(dnnl_memory_desc_get_size(md));
    const graph_node *node = &p->net->graph->nodes[conv];
    reshift_status status = onednn_fixed_memory(p, md, NULL, &w->memory, error);
    if (status == RESHIFT_OK && norm >= 0) {
        dnnl_memory_desc_t bias;
        dnnl_dims_t dims = {node->channels_out};
        ONEDNN(dnnl_memory_desc_init_by_tag(&bias, 1, dims, dnnl_f32, dnnl_a), "laying out a bias");
        status = onednn_fixed_memory(p, &bias, NULL, &w->bias_memory, error);
        size_t count = p->net->graph->parameters[node->parameter].count;
        count += md->data_type == dnnl_s8 ? (count + 3) / 4 : 0; /* behind the folded weights those of 8 bits */
        if (count > state_of(p)->staging_floats) {
            state_of(p)->staging_floats = count;
        }
    }
    if (status == RESHIFT_OK) {
        dnnl_memory_desc_t plain;
        status = onednn_weights_plain(node, md->data_type == dnnl_s8 ? dnnl_s8 : dnnl_f32, &plain, error);
        if (status == RESHIFT_OK) {
            status = onednn_fixed_memory(p, &plain, NULL, &w->source, error);
        }
        if (status == RESHIFT_OK) {
            dnnl_primitive_desc_t pd;
            ONEDNN(dnnl_reorder_primitive_desc_create(&pd, &plain, state_of(p)->engine, md, state_of(p)->engine, NULL),
                   "planning a change of layout of weights");
            dnnl_status_t made = dnnl_primitive_create(&w->reorder, pd);
            dnnl_primitive_desc_destroy(pd);
            ONEDNN(made, "planning a change of layout of weights");
        }
    }
    *index = state_of(p)->n_weights++; /* counted even when half made: onednn_destroy() frees what is there */
    return status;
}

reshift_status onednn_weights_place(plan *p, reshift_error *error)
{
    size_t bytes = 0;
    for (int i = 0; i < state_of(p)->n_weights; i++) {
        onednn_weights *w = &state_of(p)->weights[i];
        w->offset = bytes;
        bytes += w->bytes;
        w->bias_offset = bytes;
        if (w->norm >= 0) {
            bytes += memory_align((size_t)p->net->graph->nodes[w->conv].channels_out * sizeof(float));
        }
    }
    state_of(p)->prepared_bytes = bytes;
    state_of(p)->prepared = memory_allocate(bytes);
    state_of(p)->staging = memory_allocate(state_of(p)->staging_floats * sizeof(float));
    if (!state_of(p)->prepared || !state_of(p)->staging) {
        return error_memory(error, bytes, "prepared weights");
    }
    for (int i = 0; i < state_of(p)->n_weights; i++) {
        onednn_weights *w = &state_of(p)->weights[i];
        ONEDNN(dnnl_memory_set_data_handle(w->memory, (char *)state_of(p)->prepared + w->offset), "binding weights");
        const graph_node *conv = &p->net->graph->nodes[w->conv];
        void *source = network_parameter(p->net, conv->parameter);
        if (w->norm >= 0) {
            w->bias = (float *)((char *)state_of(p)->prepared + w->bias_offset);
            ONEDNN(dnnl_memory_set_data_handle(w->bias_memory, w->bias), "binding a bias");
            source = state_of(p)->staging + (w->int8 ? p->net->graph->parameters[conv->parameter].count : 0);
        }
        ONEDNN(dnnl_memory_set_data_handle(w->source, source), "binding weights");
    }
    return RESHIFT_OK;
}

/* What batch norm multiplies output channel o by. */
static double scale_of(const plan *p, int norm, int o)
{
    const graph_node *n = &p->net->graph->nodes[norm];
    const float *gamma = network_parameter(p->net, n->parameter);
    const float *variance = network_parameter(p->net, n->parameter + 3);
    return gamma[o] / sqrt((double)variance[o] + (double)n->epsilon);
}

void onednn_weights_units(const plan *p, int conv, int norm, const float *input_unit, float *units)
{
    const graph_node *n = &p->net->graph->nodes[conv];
    const float *weight = network_parameter(p->net, n->parameter);
    const int64_t area = area_of(n), per_channel = inputs_of(n) * area;
#pragma omp parallel for schedule(static)
    for (int o = 0; o < n->channels_out; o++) {
        double scale = fabs(scale_of(p, norm, o));
        uint32_t bits = 0; /* they order as magnitudes do */
        for (int64_t i = 0; i < inputs_of(n); i++) {
            for (int64_t a = 0; a < area; a++) {
                float magnitude = fabsf(weight[o * per_channel + i * area + a]) * input_unit[first_input(n, o) + i];
                uint32_t own;
                memcpy(&own, &magnitude, sizeof own);
                bits = own > bits ? own : bits;
            }
        }
        float most;
        memcpy(&most, &bits, sizeof most);
        float unit = (float)(most * scale / 127);
        units[o] = unit > 0 ? unit : 1;
    }
}

/* Folded weights times their input's units in 8 bits, bias in the units of the sum. */
static void quantise(plan *p, onednn_weights *w)
{
    const graph_node *conv = &p->net->graph->nodes[w->conv];
    const int64_t area = area_of(conv), per_channel = inputs_of(conv) * area;
    int8_t *bytes = (int8_t *)(state_of(p)->staging + conv->channels_out * per_channel);
#pragma omp parallel for schedule(static)
    for (int o = 0; o < conv->channels_out; o++) {
        float unit = w->int8->weight_units[o];
        for (int64_t i = 0; i < inputs_of(conv); i++) {
            float input_unit = w->int8->input_unit[first_input(conv, o) + i];
            for (int64_t a = o * per_channel + i * area; a < o * per_channel + (i + 1) * area; a++) {
                float value = rintf(state_of(p)->staging[a] * input_unit / unit);
                bytes[a] = (int8_t)(value > 127 ? 127 : value < -127 ? -127 : value);
            }
        }
        w->bias[o] = (float)((double)w->bias[o] / unit);
    }
}

static void fold(plan *p, onednn_weights *w)
{
    const graph_node *conv = &p->net->graph->nodes[w->conv], *norm = &p->net->graph->nodes[w->norm];
    const float *weight = network_parameter(p->net, conv->parameter);
    const float *beta = network_parameter(p->net, norm->parameter + 1);
    const float *mean = network_parameter(p->net, norm->parameter + 2);
    const int bias = graph_parameter_of(p->net->graph, w->conv, GRAPH_BIAS);
    const float *own_bias = bias >= 0 ? network_parameter(p->net, bias) : NULL;
    const int64_t per_channel = inputs_of(conv) * area_of(conv);
#pragma omp parallel for schedule(static)
    for (int o = 0; o < conv->channels_out; o++) {
        double scale = scale_of(p, w->norm, o);
        for (int64_t i = 0; i < per_channel; i++) {
            state_of(p)->staging[o * per_channel + i] = (float)(weight[o * per_channel + i] * scale);
        }
        w->bias[o] = (float)(beta[o] - mean[o] * scale + (own_bias ? own_bias[o] * scale : 0));
    }
}

static reshift_status refresh_units(plan *p, onednn_weights *w, reshift_error *error)
{
    size_t bytes = (size_t)p->net->graph->nodes[w->conv].channels_out * sizeof(float);
    float *units = malloc(bytes);
    if (!units) {
        return error_memory(error, bytes, "units of weights");
    }
    onednn_weights_units(p, w->conv, w->norm, w->int8->input_unit, units);
    reshift_status status = memcmp(units, w->int8->weight_units, bytes) != 0
                                ? onednn_int8_remake(p, w->int8, w->conv, units, error)
                                : RESHIFT_OK;
    free(units);
    return status;
}

reshift_status onednn_weights_refresh(plan *p, reshift_error *error)
{
    for (int i = 0; i < state_of(p)->n_weights; i++) {
        onednn_weights *w = &state_of(p)->weights[i];
        const int bias = graph_parameter_of(p->net->graph, w->conv, GRAPH_BIAS);
        uint64_t now[6] = {p->net->version[p->net->graph->nodes[w->conv].parameter]};
        now[5] = bias >= 0 ? p->net->version[bias] : 0;
        for (int j = 0; j < 4 && w->norm >= 0; j++) {
            now[1 + j] = p->net->version[p->net->graph->nodes[w->norm].parameter + j];
        }
        if (memcmp(now, w->seen, sizeof now) == 0) {
            continue;
        }
        if (w->norm >= 0) {
            fold(p, w);
        }
        if (w->int8) {
            reshift_status status = refresh_units(p, w, error);
            if (status != RESHIFT_OK) {
                return status;
            }
            quantise(p, w);
        }
        onednn_guard_weights(p, w);
        dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, w->source}, {DNNL_ARG_TO, w->memory}};
        ONEDNN(dnnl_primitive_execute(w->reorder, state_of(p)->stream, 2, arguments), "changing the layout of weights");
        ONEDNN(dnnl_stream_wait(state_of(p)->stream), "changing the layout of weights");
        memcpy(w->seen, now, sizeof now);
    }
    return RESHIFT_OK;
}
