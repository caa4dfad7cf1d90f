/* Readers of nodes, and what a convolution can take along. */
#include "engine/fusion.h"

static const graph_node *node_of(const plan *p, int node) { return &p->net->graph->nodes[node]; }

int plan_only_reader(const plan *p, int node)
{
    int reader = -1;
    for (int i = p->first; i <= p->last; i++) {
        const graph_node *n = node_of(p, i);
        if (graph_reads(n, node)) {
            if (reader >= 0) {
                return -1;
            }
            reader = i;
        }
    }
    return reader;
}

int plan_last_reader(const plan *p, int node)
{
    int reader = -1;
    for (int i = p->first; i <= p->last; i++) {
        if (graph_reads(node_of(p, i), node)) {
            reader = i;
        }
    }
    return reader;
}

static bool may_vanish(const plan *p, int node)
{
    return node >= 0 && node != p->last && !p->nodes[node].needs_gradient;
}

static fusion find(const plan *p, int conv, int input)
{
    fusion f = {-1, -1, -1, -1, conv};
    int norm = plan_only_reader(p, conv);
    if (!may_vanish(p, conv) || norm < 0 || node_of(p, norm)->op != GRAPH_BATCHNORM || p->nodes[norm].needs_gradient ||
        p->nodes[norm].batch_statistics) {
        return f;
    }
    f.norm = f.end = norm;
    int next = plan_only_reader(p, norm);
    if (!may_vanish(p, norm) || next < 0) {
        return f;
    }
    const graph_node *n = node_of(p, next);
    if (n->op == GRAPH_ADD && !p->nodes[next].needs_gradient) {
        int shortcut = n->inputs[0] == norm ? n->inputs[1] : n->inputs[0];
        /* the shortcut must be computed already, be read by nobody later, and be neither the caller's input nor what
         * this convolution reads while it writes */
        if (shortcut < conv && plan_last_reader(p, shortcut) == next && p->nodes[shortcut].result >= 0 &&
            p->nodes[shortcut].result != input &&
            p->nodes[shortcut].result != p->nodes[node_of(p, conv)->inputs[0]].result) {
            f.add = f.end = next;
            f.shortcut = shortcut;
            int after = plan_only_reader(p, next);
            if (may_vanish(p, next) && after >= 0 && node_of(p, after)->op == GRAPH_RELU &&
                !p->nodes[after].needs_gradient) {
                f.relu = f.end = after;
            }
        }
    } else if (n->op == GRAPH_RELU && !p->nodes[next].needs_gradient) {
        f.relu = f.end = next;
    }
    return f;
}

fusion fusion_find(plan *p, int conv, int input)
{
    fusion f = find(p, conv, input);
    int fused[3] = {f.norm, f.add, f.relu};
    for (int i = 0; i < 3; i++) {
        if (fused[i] >= 0) {
            p->nodes[fused[i]].fused_into = conv;
        }
    }
    return f;
}
