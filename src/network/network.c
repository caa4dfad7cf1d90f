/* The values of a graph: one aligned block, version numbers that tell plans what is stale, and batch-norm counters. */
#include "network/network.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

network *network_create(graph *g)
{
    if (!g) {
        return NULL;
    }
    network *n = calloc(1, sizeof *n);
    if (!n) {
        graph_destroy(&g);
        return NULL;
    }
    n->graph = g;
    size_t bytes;
    n->values = memory_product(g->n_floats, sizeof(float), &bytes) ? memory_allocate(bytes) : NULL;
    n->version = calloc((size_t)g->n_parameters + 1, sizeof *n->version);
    n->batches_tracked = calloc((size_t)g->n_nodes + 1, sizeof *n->batches_tracked);
    n->range = calloc((size_t)g->n_nodes + 1, sizeof *n->range);
    if (!n->values || !n->version || !n->batches_tracked || !n->range) {
        network_destroy(&n);
        return NULL;
    }
    for (int p = 0; p < g->n_parameters; p++) {
        n->version[p] = 1;
    }
    return n;
}

void network_destroy(network **n)
{
    if (n && *n) {
        memory_free((*n)->values);
        free((*n)->version);
        free((*n)->batches_tracked);
        for (int i = 0; (*n)->range && i < (*n)->graph->n_nodes; i++) {
            free((*n)->range[i]);
        }
        free((*n)->range);
        graph_destroy(&(*n)->graph);
        free(*n);
        *n = NULL;
    }
}

network *network_clone(const network *n)
{
    network *copy = network_create(graph_clone(n->graph));
    if (copy) {
        const graph *g = n->graph;
        memcpy(copy->values, n->values, g->n_floats * sizeof *n->values);
        memcpy(copy->batches_tracked, n->batches_tracked, (size_t)g->n_nodes * sizeof *n->batches_tracked);
        if (!network_copy_ranges(copy, n)) {
            network_destroy(&copy);
        }
    }
    return copy;
}

float *network_parameter(const network *n, int parameter)
{
    assert(parameter >= 0 && parameter < n->graph->n_parameters);
    return n->values + n->graph->parameters[parameter].offset;
}

void network_touch(network *n, int parameter)
{
    assert(parameter >= 0 && parameter < n->graph->n_parameters);
    n->version[parameter]++;
}

float *network_range(network *n, int node)
{
    if (!n->range[node]) {
        n->range[node] = calloc((size_t)n->graph->nodes[node].channels_out, sizeof **n->range);
    }
    return n->range[node];
}

bool network_copy_ranges(network *to, const network *from)
{
    to->calibration = from->calibration;
    for (int i = 0; i < from->graph->n_nodes; i++) {
        if (from->range[i]) {
            float *range = network_range(to, i);
            if (!range) {
                return false;
            }
            memcpy(range, from->range[i], (size_t)from->graph->nodes[i].channels_out * sizeof *range);
        }
    }
    return true;
}

bool network_has_ranges(const network *n, int first_block, int last_block)
{
    int first, last, ignored;
    graph_block_range(n->graph, first_block, &first, &ignored);
    graph_block_range(n->graph, last_block, &ignored, &last);
    for (int i = first; i <= last; i++) {
        if (graph_is_kept(n->graph, i) && !n->range[i]) {
            return false;
        }
    }
    return true;
}

void network_forget_ranges(network *n, int first_block)
{
    int first, ignored;
    graph_block_range(n->graph, first_block, &first, &ignored);
    for (int i = first; i < n->graph->n_nodes; i++) {
        free(n->range[i]);
        n->range[i] = NULL;
    }
    if (first == 0) {
        n->calibration = (network_calibration){0};
    }
}
