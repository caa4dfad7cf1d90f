/* The values of a graph: one aligned block, version numbers that tell plans what is stale, and batch-norm counters. */
#include "engine/network.h"

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
    if (!n->values || !n->version || !n->batches_tracked) {
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
        graph_destroy(&(*n)->graph);
        memory_free((*n)->values);
        free((*n)->version);
        free((*n)->batches_tracked);
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
