/* Weights by name. First all tensors are checked, so that one message can say all that is wrong; then they are copied.
 */
#include "models/weights/weights.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "formats/layout.h"

#define SHOWN 3 /* tensors named in each part of the message */
#define COUNTER_NAME_BYTES (GRAPH_NAME_BYTES + 24)

/* ---- numbers ---- */

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 half precision. A subnormal is its 10 bits times 2^-24, exact in float. */
static float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    uint32_t widened = exponent == 31 ? 255 : exponent + 127 - 15;
    return from_bits(sign | widened << 23 | fraction << 13);
}

bool weights_convert(const reshift_array *array, float *values)
{
    int64_t count = reshift_array_count(array);
    switch (array->dtype) {
    case RESHIFT_F32: memcpy(values, array->data, (size_t)count * sizeof *values); return true;
    case RESHIFT_F64:
        for (int64_t i = 0; i < count; i++) {
            values[i] = (float)((const double *)array->data)[i];
        }
        return true;
    case RESHIFT_F16:
        for (int64_t i = 0; i < count; i++) {
            values[i] = from_half(((const uint16_t *)array->data)[i]);
        }
        return true;
    case RESHIFT_BF16:
        for (int64_t i = 0; i < count; i++) {
            values[i] = from_bits((uint32_t)((const uint16_t *)array->data)[i] << 16);
        }
        return true;
    default: return false;
    }
}

static bool is_floating(reshift_dtype dtype)
{
    return dtype == RESHIFT_F32 || dtype == RESHIFT_F64 || dtype == RESHIFT_F16 || dtype == RESHIFT_BF16;
}

/*
 * One number of any dtype, as an integer: averaged or converted checkpoints have counters in floating point, and
 * PyTorch copies them. Inference does not use the value; one that is no count becomes 0.
 */
static bool read_counter(const reshift_array *array, int64_t *value)
{
    if (reshift_array_count(array) != 1) {
        return false;
    }
    if (array->dtype == RESHIFT_I64) {
        *value = *(const int64_t *)array->data;
        return true;
    }
    double number = layout_number(array->dtype, array->data);
    *value = number >= 0 && number < 0x1p62 ? (int64_t)number : 0;
    return true;
}

/* ---- what is wrong, in words ---- */

/* One part of the message: the first SHOWN entries in full, then a count. */
typedef struct listing {
    char text[400];
    int count;
} listing;

static void listing_add(listing *list, const char *separator, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void listing_add(listing *list, const char *separator, const char *format, ...)
{
    if (list->count++ >= SHOWN) {
        return;
    }
    size_t length = strlen(list->text);
    if (list->count > 1) {
        snprintf(list->text + length, sizeof list->text - length, "%s", separator);
        length = strlen(list->text);
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(list->text + length, sizeof list->text - length, format, arguments);
    va_end(arguments);
}

static void listing_print(const listing *list, const char *one, const char *many, char *message, size_t size)
{
    if (list->count == 0) {
        return;
    }
    size_t length = strlen(message);
    snprintf(message + length, size - length, "%s%s%s", length ? "; " : "", list->count == 1 ? one : many, list->text);
    if (list->count > SHOWN) {
        length = strlen(message);
        snprintf(message + length, size - length, " and %d more", list->count - SHOWN);
    }
}

void weights_shape_text(int n_dims, const int64_t *shape, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "[");
    for (int d = 0; d < n_dims && length < size; d++) {
        length += (size_t)snprintf(text + length, size - length, "%s%lld", d ? "," : "", (long long)shape[d]);
    }
    if (length < size) {
        snprintf(text + length, size - length, "]");
    }
}

/* ---- reading ---- */

/* A tensor that a checkpoint of this network holds: a parameter, or (parameter -1) the counter of a batch norm. */
typedef struct expectation {
    char name[COUNTER_NAME_BYTES];
    int parameter, node;
    const reshift_array *found;
} expectation;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const expectation *)a)->name, ((const expectation *)b)->name);
}

/* All of them, sorted by name; NULL: out of memory. */
static expectation *expectations_create(const graph *g, bool with_head, int *count)
{
    int head = with_head ? -1 : g->head;
    expectation *list = calloc((size_t)(g->n_parameters + g->n_nodes), sizeof *list);
    *count = 0;
    if (!list) {
        return NULL;
    }
    for (int p = 0; p < g->n_parameters; p++) {
        if (head >= 0 && g->parameters[p].node == head) {
            continue;
        }
        expectation *e = &list[(*count)++];
        *e = (expectation){.parameter = p, .node = g->parameters[p].node};
        snprintf(e->name, sizeof e->name, "%s", g->parameters[p].name);
    }
    for (int node = 0; node < g->n_nodes; node++) {
        if (g->nodes[node].op == GRAPH_BATCHNORM) {
            expectation *e = &list[(*count)++];
            *e = (expectation){.parameter = -1, .node = node};
            snprintf(e->name, sizeof e->name, "%s.num_batches_tracked", g->nodes[node].name);
        }
    }
    qsort(list, (size_t)*count, sizeof *list, by_name);
    return list;
}

static void check_found(const graph *g, const expectation *e, listing *wrong)
{
    char found[96], expected[96];
    int64_t counter;
    weights_shape_text(e->found->n_dims, e->found->shape, found, sizeof found);
    if (e->parameter < 0) {
        if (!read_counter(e->found, &counter)) {
            listing_add(wrong, "; ", "tensor '%s': expected one number, found %s %s", e->name,
                        reshift_dtype_name(e->found->dtype), found);
        }
        return;
    }
    const graph_parameter *p = &g->parameters[e->parameter];
    bool same = p->n_dims == e->found->n_dims;
    for (int d = 0; same && d < p->n_dims; d++) {
        same = p->shape[d] == e->found->shape[d];
    }
    weights_shape_text(p->n_dims, p->shape, expected, sizeof expected);
    if (!same) {
        listing_add(wrong, "; ", "tensor '%s': expected %s, found %s", e->name, expected, found);
    } else if (!is_floating(e->found->dtype)) {
        listing_add(wrong, "; ", "tensor '%s': expected float32, float16, bfloat16 or float64, found %s", e->name,
                    reshift_dtype_name(e->found->dtype));
    }
}

/* What the file has in place of a tensor that ends in this name, or NULL. */
static const char *unread_kind(const reshift_tensors *tensors, const char *name)
{
    for (int64_t i = 0; i < reshift_tensors_unread_count(tensors); i++) {
        const char *full = reshift_tensors_unread_name(tensors, i);
        size_t length = strlen(full), end = strlen(name);
        if (length >= end && strcmp(full + length - end, name) == 0 &&
            (length == end || full[length - end - 1] == '.')) {
            return reshift_tensors_unread_kind(tensors, i);
        }
    }
    return NULL;
}

/* Pairs tensors with expectations; SHAPE with the whole list when they do not match one to one. */
static reshift_status match(const graph *g, const reshift_tensors *tensors, expectation *list, int count,
                            reshift_error *error)
{
    listing wrong = {.count = 0}, missing = {.count = 0}, unexpected = {.count = 0}, unread = {.count = 0};
    for (int64_t t = 0; t < reshift_tensors_count(tensors); t++) {
        const char *name = reshift_tensors_name(tensors, t);
        expectation key = {.parameter = -1};
        snprintf(key.name, sizeof key.name, "%s", name);
        expectation *e =
            strlen(name) < sizeof key.name ? bsearch(&key, list, (size_t)count, sizeof *list, by_name) : NULL;
        if (e) {
            e->found = reshift_tensors_at(tensors, t);
        } else {
            listing_add(&unexpected, ", ", "'%.100s'", name);
        }
    }
    /* Missing and wrong ones are told in the network's order, which is how people read a checkpoint. */
    for (int p = 0; p < g->n_parameters; p++) {
        expectation key = {.parameter = p};
        snprintf(key.name, sizeof key.name, "%s", g->parameters[p].name);
        const expectation *e = bsearch(&key, list, (size_t)count, sizeof *list, by_name);
        const char *kind = e && !e->found ? unread_kind(tensors, e->name) : NULL;
        if (kind) {
            listing_add(&unread, ", ", "'%s' (%.60s)", e->name, kind);
        } else if (e && !e->found) {
            listing_add(&missing, ", ", "'%s'", e->name);
        } else if (e) {
            check_found(g, e, &wrong);
        }
    }
    for (int i = 0; i < count; i++) {
        if (list[i].parameter < 0 && list[i].found) {
            check_found(g, &list[i], &wrong);
        }
    }
    if (wrong.count + missing.count + unexpected.count + unread.count == 0) {
        return RESHIFT_OK;
    }
    char message[sizeof error->message] = "";
    listing_print(&unread, "a tensor of a kind that is not read: ", "tensors of kinds that are not read: ", message,
                  sizeof message);
    listing_print(&wrong, "", "", message, sizeof message);
    listing_print(&missing, "missing tensor ", "missing tensors ", message, sizeof message);
    listing_print(&unexpected, "unexpected tensor ", "unexpected tensors ", message, sizeof message);
    return error_set(error, RESHIFT_ERROR_SHAPE, "%s", message);
}

static reshift_status check_values(const graph_parameter *p, const float *values, reshift_error *error)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!isfinite(values[i])) {
            return error_set(error, RESHIFT_ERROR_NUMERIC, "tensor '%s': element %zu is not finite", p->name, i);
        }
        if (p->role == GRAPH_RUNNING_VAR && values[i] < 0) {
            return error_set(error, RESHIFT_ERROR_NUMERIC, "tensor '%s': element %zu is negative, found %g", p->name, i,
                             (double)values[i]);
        }
    }
    return RESHIFT_OK;
}

reshift_status weights_from_tensors(network *n, const reshift_tensors *tensors, bool with_head, reshift_error *error)
{
    const graph *g = n->graph;
    int count;
    expectation *list = expectations_create(g, with_head, &count);
    if (!list) {
        return error_memory(error, (size_t)(g->n_parameters + g->n_nodes) * sizeof *list, "the list of tensors");
    }
    reshift_status status = match(g, tensors, list, count, error);
    for (int i = 0; i < count && status == RESHIFT_OK; i++) {
        const expectation *e = &list[i];
        if (e->parameter >= 0) {
            float *values = network_parameter(n, e->parameter);
            weights_convert(e->found, values);
            network_touch(n, e->parameter);
            status = check_values(&g->parameters[e->parameter], values, error);
        } else {
            n->batches_tracked[e->node] = 0;
            if (e->found) {
                read_counter(e->found, &n->batches_tracked[e->node]);
            }
        }
    }
    free(list);
    return status;
}

/* ---- writing ---- */

static reshift_status add_copy(reshift_tensors *tensors, const char *name, reshift_dtype dtype, int n_dims,
                               const int64_t *shape, const void *values, reshift_error *error)
{
    reshift_array array;
    reshift_status status = reshift_array_create(dtype, n_dims, shape, &array, error);
    if (status == RESHIFT_OK) {
        memcpy(array.data, values, reshift_array_bytes(&array));
        status = reshift_tensors_add(tensors, name, &array, error);
        reshift_array_destroy(&array);
    }
    return status;
}

static reshift_status add_node(const network *n, int node, reshift_tensors *tensors, reshift_error *error)
{
    const graph *g = n->graph;
    reshift_status status = RESHIFT_OK;
    for (int p = g->nodes[node].parameter; p >= 0 && p < g->n_parameters && g->parameters[p].node == node; p++) {
        const graph_parameter *parameter = &g->parameters[p];
        status = add_copy(tensors, parameter->name, RESHIFT_F32, parameter->n_dims, parameter->shape,
                          network_parameter(n, p), error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    if (g->nodes[node].op == GRAPH_BATCHNORM) {
        char name[COUNTER_NAME_BYTES];
        snprintf(name, sizeof name, "%s.num_batches_tracked", g->nodes[node].name);
        static const int64_t scalar[1] = {1}; /* not read: no dimensions */
        status = add_copy(tensors, name, RESHIFT_I64, 0, scalar, &n->batches_tracked[node], error);
    }
    return status;
}

/* torchvision lists a block's downsample branch behind its convolutions; the graph runs it before them. */
reshift_status weights_to_tensors(const network *n, bool with_head, reshift_tensors *tensors, reshift_error *error)
{
    const graph *g = n->graph;
    reshift_status status = RESHIFT_OK;
    int first_waiting = -1;
    for (int node = 0; node < g->n_nodes && status == RESHIFT_OK; node++) {
        if (!with_head && node == g->head) {
            continue;
        }
        if (strstr(g->nodes[node].name, ".downsample.")) {
            first_waiting = first_waiting < 0 ? node : first_waiting;
            continue;
        }
        if (g->nodes[node].op == GRAPH_ADD && first_waiting >= 0) {
            for (int w = first_waiting; status == RESHIFT_OK && strstr(g->nodes[w].name, ".downsample."); w++) {
                status = add_node(n, w, tensors, error);
            }
            first_waiting = -1;
        }
        if (status == RESHIFT_OK) {
            status = add_node(n, node, tensors, error);
        }
    }
    return status;
}
