/* Ranges of activations <-> a JSON object, a list of one number a channel under every node's name. */
#include "models/ranges.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/metadata.h"

#define KEY "activation_ranges"

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
        return error_set(error, RESHIFT_ERROR_FORMAT, "metadata '%s': expected %d numbers at '%s', found %zu",
                         m->key, where->channels_out, where->name, json_array_size(list));
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
    }
    return status;
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
    return status;
}
