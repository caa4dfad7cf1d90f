/*
 * Ranges of activations <-> a JSON object, a list of one number a channel under every node's name; and the images that
 * they were measured on <-> another.
 */
#include "models/ranges.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/metadata.h"

#define KEY "activation_ranges"
#define KEY_OF "activation_ranges_of"

static int find_node(const graph *g, const char *name)
{
    for (int i = 0; i < g->n_nodes; i++) {
        if (graph_is_kept(g, i) && !strcmp(g->nodes[i].name, name)) {
            return i;
        }
    }
    return -1;
}

static reshift_status read_channels(const metadata *m, json_t *list, network *n, int node, reshift_error *error)
{
    const graph_node *where = &n->graph->nodes[node];
    if (!json_is_array(list) || json_array_size(list) != (size_t)where->channels_out) {
        return error_set(error, RESHIFT_ERROR_FORMAT, "metadata '%s': expected %d numbers at '%s', found %zu", m->key,
                         where->channels_out, where->name, json_array_size(list));
    }
    float *range = network_range(n, node);
    if (!range) {
        return error_memory(error, (size_t)where->channels_out * sizeof *range, "the ranges of activations");
    }
    for (int i = 0; i < where->channels_out; i++) {
        json_t *value = json_array_get(list, (size_t)i);
        range[i] = (float)json_number_value(value);
        if (!json_is_number(value) || !isfinite(range[i]) || !(range[i] > 0)) {
            return error_set(error, RESHIFT_ERROR_FORMAT,
                             "metadata '%s': expected a positive number at '%s' [%d], found %s", m->key, where->name, i,
                             json_is_number(value) ? "one that is not" : "something else");
        }
    }
    return RESHIFT_OK;
}

static reshift_status read_object(const metadata *m, json_t *object, network *n, reshift_error *error)
{
    const char *name;
    json_t *list;
    json_object_foreach(object, name, list)
    {
        int node = find_node(n->graph, name);
        if (node < 0) {
            return error_set(error, RESHIFT_ERROR_FORMAT, "metadata '%s': the network has no activation '%.100s'",
                             m->key, name);
        }
        reshift_status status = read_channels(m, list, n, node, error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    return RESHIFT_OK;
}

/* ---- the images they are of ---- */

static bool read_triple(const json_t *list, float values[3])
{
    bool good = json_array_size(list) == 3;
    for (size_t c = 0; good && c < 3; c++) {
        values[c] = (float)json_number_value(json_array_get(list, c));
        good = json_is_number(json_array_get(list, c)) && isfinite(values[c]);
    }
    return good;
}

static bool read_calibration(const json_t *object, network_calibration *c)
{
    const json_int_t size = json_integer_value(json_object_get(object, "input_size")),
                     resize = json_integer_value(json_object_get(object, "resize")),
                     images = json_integer_value(json_object_get(object, "images")),
                     available = json_integer_value(json_object_get(object, "available"));
    const char *data = json_string_value(json_object_get(object, "data"));
    if (size < RESHIFT_SIZE_SMALLEST || size > RESHIFT_SIZE_LARGEST || resize < size ||
        resize > RESHIFT_RESIZE_MOST * size || images < 1 || available < images || !data ||
        !read_triple(json_object_get(object, "mean"), c->recipe.mean) ||
        !read_triple(json_object_get(object, "std"), c->recipe.std)) {
        return false;
    }
    c->recipe.size = (int)size;
    c->recipe.resize = (int)resize;
    c->recipe.stored = true;
    c->n_images = images;
    c->n_available = available;
    snprintf(c->data, sizeof c->data, "%s", data);
    return true;
}

static reshift_status calibration_from_tensors(const reshift_tensors *tensors, network *n, notes *list,
                                               reshift_error *error)
{
    const metadata m = metadata_find(tensors, KEY_OF);
    network_calibration found = {0};
    if (!m.text) { /* files of earlier versions */
        return RESHIFT_OK;
    }
    json_t *object = json_loads(m.text, JSON_REJECT_DUPLICATES, NULL);
    reshift_status status =
        read_calibration(object, &found)
            ? RESHIFT_OK
            : error_set(error, RESHIFT_ERROR_FORMAT,
                        "metadata '%s': expected the preparation of the images that int8 was calibrated "
                        "on, found '%.100s'",
                        m.key, m.text);
    json_decref(object);
    bool ignored = false;
    status = metadata_tolerate(&m, status, list, &ignored, error);
    if (status == RESHIFT_OK && !ignored) {
        n->calibration = found;
    }
    return status;
}

static reshift_status calibration_to_tensors(const network_calibration *c, reshift_tensors *tensors,
                                             reshift_error *error)
{
    const reshift_recipe *r = &c->recipe;
    json_t *object = json_pack("{s:i, s:i, s:[f, f, f], s:[f, f, f], s:I, s:I, s:s}", "input_size", r->size, "resize",
                               r->resize, "mean", (double)r->mean[0], (double)r->mean[1], (double)r->mean[2], "std",
                               (double)r->std[0], (double)r->std[1], (double)r->std[2], "images",
                               (json_int_t)c->n_images, "available", (json_int_t)c->n_available, "data", c->data);
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(object);
    reshift_status status =
        text ? metadata_set(tensors, KEY_OF, text, error) : error_memory(error, 512, "the ranges of activations");
    free(text);
    return status;
}

/* ---- files ---- */

reshift_status ranges_from_tensors(const reshift_tensors *tensors, network *n, notes *list, reshift_error *error)
{
    const metadata m = metadata_find(tensors, KEY);
    if (!m.text) {
        return RESHIFT_OK;
    }
    json_error_t place;
    bool ignored = false;
    json_t *object = json_loads(m.text, JSON_REJECT_DUPLICATES, &place);
    reshift_status status = json_is_object(object)
                                ? read_object(&m, object, n, error)
                                : error_set(error, RESHIFT_ERROR_FORMAT,
                                            "metadata '%s': expected a JSON object, found '%.100s'", m.key, m.text);
    json_decref(object);
    status = metadata_tolerate(&m, status, list, &ignored, error);
    if (ignored) {
        network_forget_ranges(n, 0);
        return status;
    }
    return status == RESHIFT_OK ? calibration_from_tensors(tensors, n, list, error) : status;
}

reshift_status ranges_to_tensors(const network *n, reshift_tensors *tensors, reshift_error *error)
{
    json_t *object = json_object();
    int failed = !object, known = 0;
    for (int i = 0; i < n->graph->n_nodes && !failed; i++) {
        if (!n->range[i]) {
            continue;
        }
        json_t *list = json_array();
        for (int c = 0; c < n->graph->nodes[i].channels_out; c++) {
            failed |= json_array_append_new(list, json_real((double)n->range[i][c]));
        }
        failed |= json_object_set_new(object, n->graph->nodes[i].name, list);
        known++;
    }
    char *text = failed ? NULL : json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)); /* a float, exactly */
    json_decref(object);
    if (!text) {
        return error_set(error, RESHIFT_ERROR_MEMORY, "out of memory for the ranges of activations");
    }
    reshift_status status = known ? metadata_set(tensors, KEY, text, error) : RESHIFT_OK;
    free(text);
    return status == RESHIFT_OK && known && n->calibration.recipe.size > 0
               ? calibration_to_tensors(&n->calibration, tensors, error)
               : status;
}
