/* Initial values. One stream a parameter, so parameters can be drawn in any order and at the same time. */
#include "models/initialise.h"

#include <math.h>

#include "base/random.h"

/* FNV-1a, the item under which a parameter's draws are kept. */
static uint64_t name_key(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        hash = (hash ^ *c) * 0x100000001b3u;
    }
    return hash;
}

static void fill(float *values, size_t count, float value)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = value;
    }
}

static void fill_uniform(float *values, size_t count, double bound, random_stream stream)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)(bound * (2.0 * random_uniform(&stream) - 1.0));
    }
}

static void fill_gaussian(float *values, size_t count, double deviation, random_stream stream)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)(deviation * random_gaussian(&stream));
    }
}

static void initialise_parameter(network *n, int index, uint64_t seed)
{
    const graph_parameter *p = &n->graph->parameters[index];
    const graph_node *node = &n->graph->nodes[p->node];
    float *values = network_parameter(n, index);
    random_stream stream = random_open(seed, "init", 0, name_key(p->name));
    switch (p->role) {
    case GRAPH_WEIGHT:
        if (node->op == GRAPH_CONV) {
            fill_gaussian(values, p->count,
                          sqrt(2.0 / ((double)node->channels_out * node->window.kernel[0] * node->window.kernel[1])),
                          stream);
            break;
        }
        /* fall through */
    case GRAPH_BIAS:
        fill_uniform(values, p->count,
                     1.0 / sqrt((double)node->channels_in / node->window.groups * node->window.kernel[0] *
                                node->window.kernel[1]),
                     stream);
        break;
    case GRAPH_GAMMA:
    case GRAPH_RUNNING_VAR: fill(values, p->count, 1.0f); break;
    case GRAPH_BETA:
    case GRAPH_RUNNING_MEAN: fill(values, p->count, 0.0f); break;
    }
    network_touch(n, index);
}

void initialise_network(network *n, uint64_t seed)
{
    int count = n->graph->n_parameters;
#pragma omp parallel for schedule(dynamic, 1)
    for (int p = 0; p < count; p++) {
        initialise_parameter(n, p, seed);
    }
    for (int node = 0; node < n->graph->n_nodes; node++) {
        n->batches_tracked[node] = 0;
    }
}

void initialise_node(network *n, int node, uint64_t seed)
{
    for (int p = 0; p < n->graph->n_parameters; p++) {
        if (n->graph->parameters[p].node == node) {
            initialise_parameter(n, p, seed);
        }
    }
}
