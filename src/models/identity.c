/* Every piece of a digest goes in with its length or its name, so that no two different lists of pieces give the same
 * bytes. */
#include "models/identity.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "engine/plan.h"

static void add_node(digest *d, const graph_node *n)
{
    const graph_window *w = &n->window;
    const int attributes[] = {n->op,         n->inputs[0],  n->inputs[1],  n->channels_in, n->channels_out,
                              w->kernel[0],  w->kernel[1],  w->stride[0],  w->stride[1],   w->padding[0],
                              w->padding[1], w->padding[2], w->padding[3], w->dilation[0], w->dilation[1],
                              w->groups,     w->bias};
    digest_add(d, n->name, strlen(n->name) + 1);
    digest_add(d, attributes, sizeof attributes);
    digest_add(d, &n->epsilon, sizeof n->epsilon);
}

static void add_parameter(digest *d, const network *net, int p)
{
    const graph_parameter *parameter = &net->graph->parameters[p];
    const uint64_t count = parameter->count;
    digest_add(d, parameter->name, strlen(parameter->name) + 1);
    digest_add(d, &count, sizeof count);
    digest_add(d, network_parameter(net, p), parameter->count * sizeof(float));
}

static void add_range(digest *d, const network *net, int node)
{
    const int32_t place = node;
    digest_add(d, &place, sizeof place);
    digest_add(d, net->range[node], (size_t)net->graph->nodes[node].channels_out * sizeof *net->range[node]);
}

typedef enum network_part { OPERATIONS, WEIGHTS, RANGES } network_part;

/* One part of nodes 0..last as a digest. */
static void add_part(fact_list *f, const char *name, const network *net, int last, network_part part)
{
    const graph *g = net->graph;
    char hex[DIGEST_HEX_BYTES];
    digest *d = digest_create(DIGEST_SHA256);
    if (!d) {
        facts_fail(f);
        return;
    }
    for (int i = 0; i <= last && part == OPERATIONS; i++) {
        add_node(d, &g->nodes[i]);
    }
    for (int p = 0; p < g->n_parameters && part == WEIGHTS; p++) {
        if (g->parameters[p].node <= last) {
            add_parameter(d, net, p);
        }
    }
    for (int i = 0; i <= last && part == RANGES; i++) {
        if (net->range[i]) {
            add_range(d, net, i);
        }
    }
    digest_finish(d, hex);
    digest_destroy(&d);
    facts_add(f, name, "%s", hex);
}

void identity_add_network(fact_list *f, const network *net, int last_block, reshift_precision precision)
{
    int first = 0, last = -1;
    if (last_block >= 0) {
        graph_block_range(net->graph, last_block, &first, &last);
    }
    facts_add(f, "arithmetic", "%s", engine_arithmetic(precision));
    add_part(f, "operations", net, last, OPERATIONS);
    add_part(f, "weights", net, last, WEIGHTS);
    if (precision == RESHIFT_PRECISION_INT8) {
        add_part(f, "clipping ranges", net, last, RANGES);
    }
}

static void add_triple(fact_list *f, const char *name, const float values[3])
{
    facts_add(f, name, "%.9g %.9g %.9g", (double)values[0], (double)values[1], (double)values[2]);
}

void identity_add_recipe(fact_list *f, const reshift_recipe *recipe, int size)
{
    const reshift_recipe at = reshift_recipe_at(recipe, size);
    facts_add(f, "size", "%d", at.size);
    facts_add(f, "resize", "%d", at.resize);
    facts_add(f, "interpolation", "bilinear, crop in the middle");
    add_triple(f, "mean", at.mean);
    add_triple(f, "std", at.std);
}

void identity_add_rows(fact_list *f, const char *name, const char *set, const int64_t *rows, int64_t n)
{
    char hex[DIGEST_HEX_BYTES] = "all";
    if (rows) {
        digest_bytes(DIGEST_SHA256, rows, (size_t)n * sizeof *rows, hex);
    }
    facts_add(f, name, "%lld of %s, rows %s", (long long)n, set, hex);
}

reshift_status identity_add_set(fact_list *f, const char *name, const reshift_dataset *set, reshift_error *error)
{
    char identity[DIGEST_HEX_BYTES];
    const reshift_status status = reshift_dataset_identity(set, identity, error);
    if (status == RESHIFT_OK) {
        identity_add_rows(f, name, identity, NULL, reshift_dataset_count(set));
    }
    return status;
}
