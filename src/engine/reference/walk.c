/* Memory and order of the reference operations. Results are made first to last, gradients last to first. */
#include "engine/reference/walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "network/ops.h"

/* Values for a map of this shape; false: no memory. */
static bool map_create(reference_map *map)
{
    size_t count = (size_t)map->n, bytes;
    if (!memory_product(count, (size_t)map->h * (size_t)map->w, &count) ||
        !memory_product(count, (size_t)map->c, &count) || !memory_product(count, sizeof(float), &bytes)) {
        return false;
    }
    map->values = memory_allocate(bytes);
    return map->values != NULL;
}

static void bind_parameters(const reference_walk *walk, const reference_range *range, int index)
{
    reference_node *own = &walk->nodes[index];
    const graph *g = walk->network->graph;
    const int first = g->nodes[index].parameter;
    for (int i = 0; first >= 0 && i < REFERENCE_PARAMETERS && first + i < g->n_parameters; i++) {
        if (g->parameters[first + i].node == index) {
            own->parameters[i] = network_parameter(walk->network, first + i);
            own->gradients[i] = range->gradients ? range->gradients[first + i] : NULL;
        }
    }
}

/* Memory of one node and its links. False: no memory. */
static bool node_create(reference_walk *walk, const reference_range *range, int index)
{
    reference_node *own = &walk->nodes[index];
    own->node = &walk->network->graph->nodes[index];
    own->result =
        (reference_map){range->batch, range->extents[index].h, range->extents[index].w, own->node->channels_out, NULL};
    own->gradient = own->result;
    bool enough = map_create(&own->result);
    if (enough && range->needs_gradient && range->needs_gradient[index]) {
        enough = map_create(&own->gradient);
    }
    if (index == walk->source) {
        return enough;
    }
    for (int i = 0; i < op_of(own->node->op)->n_inputs; i++) {
        own->inputs[i] = &walk->nodes[own->node->inputs[i]];
    }
    bind_parameters(walk, range, index);
    if (enough && own->node->op == GRAPH_MAXPOOL) {
        own->winner = calloc((size_t)reference_count(&own->result), sizeof *own->winner);
        enough = own->winner != NULL;
    }
    if (enough && own->node->op == GRAPH_BATCHNORM) {
        own->batch = range->batch_statistics && range->batch_statistics[index];
        own->source_share = (double)range->source_share;
        own->mean = calloc((size_t)own->node->channels_out, sizeof *own->mean);
        own->variance = calloc((size_t)own->node->channels_out, sizeof *own->variance);
        enough = own->mean && own->variance;
    }
    return enough;
}

reshift_status reference_walk_create(network *n, const reference_range *range, reference_walk **out,
                                     reshift_error *error)
{
    reference_walk *walk = calloc(1, sizeof *walk);
    *out = walk;
    if (!walk || !(walk->nodes = calloc((size_t)n->graph->n_nodes, sizeof *walk->nodes))) {
        reference_walk_destroy(out);
        return error_memory(error, (size_t)n->graph->n_nodes * sizeof(reference_node), "a plan");
    }
    walk->network = n;
    walk->first = range->first;
    walk->last = range->last;
    walk->source = range->source;
    bool enough = node_create(walk, range, range->source);
    for (int i = range->first; i <= range->last && enough; i++) {
        enough = i == range->source || node_create(walk, range, i);
    }
    if (!enough) {
        reference_walk_destroy(out);
        return error_memory(error, 0, "activations");
    }
    return RESHIFT_OK;
}

void reference_walk_destroy(reference_walk **out)
{
    reference_walk *walk = *out;
    if (!walk) {
        return;
    }
    for (int i = 0; walk->nodes && walk->network && i < walk->network->graph->n_nodes; i++) {
        memory_free(walk->nodes[i].result.values);
        memory_free(walk->nodes[i].gradient.values);
        free(walk->nodes[i].winner);
        free(walk->nodes[i].mean);
        free(walk->nodes[i].variance);
    }
    free(walk->nodes);
    free(walk);
    *out = NULL;
}

void reference_walk_node(reference_walk *walk, int node)
{
    const reference_operation *form = reference_operation_of(walk->network->graph->nodes[node].op);
    if (form->forward && node != walk->source) {
        form->forward(&walk->nodes[node]);
    }
}

static void update_node(network *n, int index, const reference_node *own, float momentum)
{
    const reference_map *x = &own->inputs[0]->result;
    const double count = (double)(x->n * x->h * x->w), share = (double)(momentum < 0 ? own->node->momentum : momentum);
    float *mean = own->parameters[2], *variance = own->parameters[3];
    if (share == 0) {
        return;
    }
    for (int c = 0; c < own->node->channels_out; c++) {
        mean[c] = (float)((1 - share) * (double)mean[c] + share * own->mean[c]);
        variance[c] = (float)((1 - share) * (double)variance[c] + share * own->variance[c] * count / (count - 1));
    }
    network_touch(n, own->node->parameter + 2);
    network_touch(n, own->node->parameter + 3);
    n->batches_tracked[index]++;
}

void reference_walk_update_statistics(reference_walk *walk, float momentum)
{
    for (int i = walk->first; i <= walk->last; i++) {
        const reference_node *own = &walk->nodes[i];
        if (own->batch && own->source_share == 0) {
            update_node(walk->network, i, own, momentum);
        }
    }
}

void reference_walk_backward(reference_walk *walk)
{
    for (int i = walk->first; i < walk->last; i++) {
        reference_map *gradient = &walk->nodes[i].gradient;
        if (gradient->values) {
            memset(gradient->values, 0, (size_t)reference_count(gradient) * sizeof(float));
        }
    }
    for (int i = walk->last; i >= walk->first; i--) {
        const reference_operation *form = reference_operation_of(walk->network->graph->nodes[i].op);
        if (form->backward && walk->nodes[i].gradient.values && i != walk->source) {
            form->backward(&walk->nodes[i]);
        }
    }
}
