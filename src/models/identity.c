/* Every piece goes in with its length or its name, so that no two different lists of pieces give the same bytes. */
#include "models/identity.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "engine/plan.h"

void identity_add_text(digest *d, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    digest_add(d, text, (size_t)length < sizeof text ? (size_t)length + 1 : sizeof text);
}

static void add_node(digest *d, const graph_node *n)
{
    const graph_window *w = &n->window;
    const int facts[] = {n->op,          n->inputs[0],   n->inputs[1],   n->channels_in, n->channels_out, w->kernel[0],
                         w->kernel[1],   w->stride[0],   w->stride[1],   w->padding[0],  w->padding[1],   w->padding[2],
                         w->padding[3],  w->dilation[0], w->dilation[1], w->groups,      w->bias};
    digest_add(d, n->name, strlen(n->name) + 1);
    digest_add(d, facts, sizeof facts);
    digest_add(d, &n->epsilon, sizeof n->epsilon);
}

void identity_add_network(digest *d, const network *net, int last_block, reshift_precision precision)
{
    const graph *g = net->graph;
    int first = 0, last = -1;
    if (last_block >= 0) {
        graph_block_range(g, last_block, &first, &last);
    }
    identity_add_text(d, "network 2, %s, %d nodes", engine_arithmetic(precision), last + 1);
    for (int i = 0; i <= last; i++) {
        add_node(d, &g->nodes[i]);
        const bool clipped = precision == RESHIFT_PRECISION_INT8 && net->range[i];
        if (clipped) {
            identity_add_text(d, "clipping ranges");
            digest_add(d, net->range[i], (size_t)g->nodes[i].channels_out * sizeof *net->range[i]);
        }
    }
    for (int p = 0; p < g->n_parameters; p++) {
        if (g->parameters[p].node <= last) {
            identity_add_text(d, "%s %zu", g->parameters[p].name, (size_t)g->parameters[p].count);
            digest_add(d, network_parameter(net, p), g->parameters[p].count * sizeof(float));
        }
    }
}

void identity_add_recipe(digest *d, const reshift_recipe *recipe, int size)
{
    const reshift_recipe at = reshift_recipe_at(recipe, size);
    identity_add_text(d, "recipe 1, size %d, resize %d bilinear, crop in the middle", at.size, at.resize);
    digest_add(d, at.mean, sizeof at.mean);
    digest_add(d, at.std, sizeof at.std);
}

void identity_add_rows(digest *d, const char *set, const int64_t *rows, int64_t n)
{
    identity_add_text(d, "%lld rows of %s%s", (long long)n, set, rows ? "" : ", all");
    if (rows) {
        digest_add(d, rows, (size_t)n * sizeof *rows);
    }
}

static reshift_status begin(digest **d, reshift_error *error)
{
    *d = digest_create(DIGEST_SHA256);
    return *d ? RESHIFT_OK : error_memory(error, 128, "a digest");
}

reshift_status identity_of_network(const network *net, int last_block, reshift_precision precision,
                                   char hex[DIGEST_HEX_BYTES], reshift_error *error)
{
    digest *d;
    reshift_status status = begin(&d, error);
    if (status == RESHIFT_OK) {
        identity_add_network(d, net, last_block, precision);
        digest_finish(d, hex);
        digest_destroy(&d);
    }
    return status;
}

reshift_status identity_of_recipe(const reshift_recipe *recipe, int size, char hex[DIGEST_HEX_BYTES],
                                  reshift_error *error)
{
    digest *d;
    reshift_status status = begin(&d, error);
    if (status == RESHIFT_OK) {
        identity_add_recipe(d, recipe, size);
        digest_finish(d, hex);
        digest_destroy(&d);
    }
    return status;
}
