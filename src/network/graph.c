/*
 * Building a graph: nodes, parameters and blocks are arrays that double when full, names follow torchvision, and every
 * parameter gets its place in the one block of floats as soon as it is declared.
 */
#include "network/graph.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define PARAMETER_ALIGNMENT (MEMORY_ALIGNMENT / sizeof(float))
#define SMALLEST_CAPACITY 16

graph *graph_create(void) { return calloc(1, sizeof(graph)); }

void graph_destroy(graph **g)
{
    if (g && *g) {
        free((*g)->nodes);
        free((*g)->parameters);
        free((*g)->blocks);
        free(*g);
        *g = NULL;
    }
}

/* An array of `count` elements has room for the smallest power of two not below it, and never less than 16. */
static size_t capacity_of(int count)
{
    size_t capacity = SMALLEST_CAPACITY;
    while (capacity < (size_t)count) {
        capacity *= 2;
    }
    return capacity;
}

/* Makes room for one more element; false when there is no memory (the array is as it was). */
static bool grow(void **array, int count, size_t element)
{
    if (*array && (size_t)count < capacity_of(count)) {
        return true;
    }
    void *larger = realloc(*array, capacity_of(count + 1) * element);
    if (!larger) {
        return false;
    }
    *array = larger;
    return true;
}

static void *copy_of(const void *from, int count, size_t element)
{
    void *to = malloc(capacity_of(count) * element);
    if (to && count > 0) {
        memcpy(to, from, (size_t)count * element);
    }
    return to;
}

graph *graph_clone(const graph *g)
{
    graph *copy = graph_create();
    if (!copy) {
        return NULL;
    }
    *copy = *g;
    copy->nodes = copy_of(g->nodes, g->n_nodes, sizeof *g->nodes);
    copy->parameters = copy_of(g->parameters, g->n_parameters, sizeof *g->parameters);
    copy->blocks = copy_of(g->blocks, g->n_blocks, sizeof *g->blocks);
    if (!copy->nodes || !copy->parameters || !copy->blocks) {
        graph_destroy(&copy);
    }
    return copy;
}

reshift_status graph_begin_block(graph *g, const char *name, reshift_error *error)
{
    if (graph_find_block(g, name) >= 0) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "the network has a block '%s' already", name);
    }
    if (!grow((void **)&g->blocks, g->n_blocks, sizeof *g->blocks)) {
        return error_memory(error, sizeof *g->blocks, "a block of the network");
    }
    snprintf(g->blocks[g->n_blocks++], GRAPH_NAME_BYTES, "%s", name);
    return RESHIFT_OK;
}

/* Appends a parameter of the last node; its index, or -1 (no memory, or more floats than can be addressed). */
static int add_parameter(graph *g, const char *suffix, graph_role role, int n_dims, const int64_t *shape)
{
    size_t count = 1, bytes;
    for (int d = 0; d < n_dims; d++) {
        assert(shape[d] > 0);
        if (!memory_product(count, (size_t)shape[d], &count)) {
            return -1;
        }
    }
    size_t end = g->n_floats + count;
    if (end < count || end > SIZE_MAX - PARAMETER_ALIGNMENT || !memory_product(end, sizeof(float), &bytes) ||
        !grow((void **)&g->parameters, g->n_parameters, sizeof *g->parameters)) {
        return -1;
    }
    int node = g->n_nodes - 1;
    graph_parameter p = {.role = role,
                         .n_dims = n_dims,
                         .offset = g->n_floats,
                         .count = count,
                         .node = node,
                         .block = g->nodes[node].block};
    snprintf(p.name, sizeof p.name, "%s.%s", g->nodes[node].name, suffix);
    for (int d = 0; d < n_dims; d++) {
        p.shape[d] = shape[d];
    }
    g->n_floats = (end + PARAMETER_ALIGNMENT - 1) / PARAMETER_ALIGNMENT * PARAMETER_ALIGNMENT;
    g->parameters[g->n_parameters] = p;
    if (g->nodes[node].parameter < 0) {
        g->nodes[node].parameter = g->n_parameters;
    }
    return g->n_parameters++;
}

/* Appends a node; its index, or -1: out of memory, now or already when `input` was added. */
static int add_node(graph *g, graph_op op, const char *name, int input, int residual, int channels_out)
{
    if ((op != GRAPH_INPUT && input < 0) || (op == GRAPH_ADD && residual < 0)) {
        return -1;
    }
    assert(input < g->n_nodes && residual < g->n_nodes);
    if (!grow((void **)&g->nodes, g->n_nodes, sizeof *g->nodes)) {
        return -1;
    }
    int channels_in = input >= 0 ? g->nodes[input].channels_out : channels_out;
    graph_node node = {.op = op,
                       .input = input,
                       .residual = residual,
                       .channels_in = channels_in,
                       .channels_out = channels_out > 0 ? channels_out : channels_in,
                       .kernel = 1,
                       .stride = 1,
                       .parameter = -1,
                       .block = g->n_blocks - 1};
    snprintf(node.name, sizeof node.name, "%s", name);
    g->nodes[g->n_nodes] = node;
    return g->n_nodes++;
}

/* Takes the last node back with its parameters: what follows when one of them could not be added. */
static int withdraw(graph *g, int n_parameters, size_t n_floats)
{
    g->n_nodes--;
    g->n_parameters = n_parameters;
    g->n_floats = n_floats;
    return -1;
}

int graph_add_input(graph *g, int channels) { return add_node(g, GRAPH_INPUT, "input", -1, -1, channels); }

int graph_add_conv(graph *g, const char *name, int input, int channels_out, int kernel, int stride, int padding)
{
    int index = add_node(g, GRAPH_CONV, name, input, -1, channels_out);
    if (index < 0) {
        return -1;
    }
    graph_node *node = &g->nodes[index];
    node->kernel = kernel;
    node->stride = stride;
    node->padding = padding;
    int n_parameters = g->n_parameters;
    size_t n_floats = g->n_floats;
    int64_t shape[4] = {channels_out, node->channels_in, kernel, kernel};
    return add_parameter(g, "weight", GRAPH_WEIGHT, 4, shape) < 0 ? withdraw(g, n_parameters, n_floats) : index;
}

int graph_add_batchnorm(graph *g, const char *name, int input)
{
    int index = add_node(g, GRAPH_BATCHNORM, name, input, -1, 0);
    if (index < 0) {
        return -1;
    }
    g->nodes[index].epsilon = 1e-5f;
    g->nodes[index].momentum = 0.1f;
    int n_parameters = g->n_parameters;
    size_t n_floats = g->n_floats;
    int64_t shape[1] = {g->nodes[index].channels_out};
    bool complete = add_parameter(g, "weight", GRAPH_GAMMA, 1, shape) >= 0 &&
                    add_parameter(g, "bias", GRAPH_BETA, 1, shape) >= 0 &&
                    add_parameter(g, "running_mean", GRAPH_RUNNING_MEAN, 1, shape) >= 0 &&
                    add_parameter(g, "running_var", GRAPH_RUNNING_VAR, 1, shape) >= 0;
    return complete ? index : withdraw(g, n_parameters, n_floats);
}

int graph_add_relu(graph *g, const char *name, int input) { return add_node(g, GRAPH_RELU, name, input, -1, 0); }

int graph_add_add(graph *g, const char *name, int input, int residual)
{
    return add_node(g, GRAPH_ADD, name, input, residual, 0);
}

int graph_add_maxpool(graph *g, const char *name, int input, int kernel, int stride, int padding)
{
    int index = add_node(g, GRAPH_MAXPOOL, name, input, -1, 0);
    if (index >= 0) {
        g->nodes[index].kernel = kernel;
        g->nodes[index].stride = stride;
        g->nodes[index].padding = padding;
    }
    return index;
}

int graph_add_global_avgpool(graph *g, const char *name, int input)
{
    return add_node(g, GRAPH_GLOBAL_AVGPOOL, name, input, -1, 0);
}

int graph_add_linear(graph *g, const char *name, int input, int channels_out)
{
    int index = add_node(g, GRAPH_LINEAR, name, input, -1, channels_out);
    if (index < 0) {
        return -1;
    }
    int n_parameters = g->n_parameters;
    size_t n_floats = g->n_floats;
    int64_t shape[2] = {channels_out, g->nodes[index].channels_in};
    bool complete =
        add_parameter(g, "weight", GRAPH_WEIGHT, 2, shape) >= 0 && add_parameter(g, "bias", GRAPH_BIAS, 1, shape) >= 0;
    return complete ? index : withdraw(g, n_parameters, n_floats);
}

int graph_find_parameter(const graph *g, const char *name)
{
    for (int p = 0; p < g->n_parameters; p++) {
        if (!strcmp(g->parameters[p].name, name)) {
            return p;
        }
    }
    return -1;
}

int graph_find_block(const graph *g, const char *name)
{
    for (int b = 0; b < g->n_blocks; b++) {
        if (!strcmp(g->blocks[b], name)) {
            return b;
        }
    }
    return -1;
}

void graph_block_range(const graph *g, int block, int *first, int *last)
{
    assert(block >= 0 && block < g->n_blocks);
    *first = g->n_nodes;
    *last = -1;
    for (int n = 0; n < g->n_nodes; n++) {
        if (g->nodes[n].block == block) {
            *first = n < *first ? n : *first;
            *last = n;
        }
    }
}

bool graph_is_kept(const graph *g, int node)
{
    const graph_node *n = &g->nodes[node];
    int first, last;
    if (n->block == 0) {
        graph_block_range(g, 0, &first, &last);
        return node == last;
    }
    if (n->op != GRAPH_BATCHNORM) {
        return n->op == GRAPH_RELU;
    }
    for (int i = node + 1; i < g->n_nodes; i++) {
        if (g->nodes[i].op == GRAPH_ADD && (g->nodes[i].input == node || g->nodes[i].residual == node)) {
            return node < (g->nodes[i].input == node ? g->nodes[i].residual : g->nodes[i].input);
        }
    }
    return false;
}

bool graph_is_nonnegative(const graph *g, int node)
{
    const graph_node *n = &g->nodes[node];
    return n->op == GRAPH_RELU || (n->op == GRAPH_MAXPOOL && graph_is_nonnegative(g, n->input));
}

int graph_shortcut_of(const graph *g, int node)
{
    int sum = g->nodes[node].op == GRAPH_RELU ? g->nodes[node].input : node;
    if (g->nodes[sum].op != GRAPH_ADD) {
        return -1;
    }
    int input = g->nodes[sum].input, residual = g->nodes[sum].residual;
    return graph_is_kept(g, input) ? input : graph_is_kept(g, residual) ? residual : -1;
}
