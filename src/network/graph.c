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
#include "network/ops.h"

#define PARAMETER_ALIGNMENT (MEMORY_ALIGNMENT / sizeof(float))
#define SMALLEST_CAPACITY 16

graph *graph_create(void)
{
    graph *g = calloc(1, sizeof *g);
    if (g) {
        g->features = g->head = -1;
    }
    return g;
}

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

bool graph_add_parameter(graph *g, const char *suffix, graph_role role, int n_dims, const int64_t *shape)
{
    size_t count = 1, bytes;
    for (int d = 0; d < n_dims; d++) {
        assert(shape[d] > 0);
        if (!memory_product(count, (size_t)shape[d], &count)) {
            return false;
        }
    }
    size_t end = g->n_floats + count;
    if (end < count || end > SIZE_MAX - PARAMETER_ALIGNMENT || !memory_product(end, sizeof(float), &bytes) ||
        !grow((void **)&g->parameters, g->n_parameters, sizeof *g->parameters)) {
        return false;
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
    g->n_parameters++;
    return true;
}

static bool has_inputs(const graph_node *node)
{
    for (int i = 0; i < op_of(node->op)->n_inputs; i++) {
        if (node->inputs[i] < 0) {
            return false;
        }
    }
    return true;
}

/* Appends a node with its parameters; its index, or -1: out of memory, now or already when an input was added. */
static int add_node(graph *g, graph_node node, const char *name)
{
    const operation *row = op_of(node.op);
    if (!has_inputs(&node)) {
        return -1;
    }
    for (int i = 0; i < GRAPH_INPUTS_MOST; i++) {
        assert(node.inputs[i] < g->n_nodes);
    }
    if (!grow((void **)&g->nodes, g->n_nodes, sizeof *g->nodes)) {
        return -1;
    }
    node.channels_in = row->n_inputs > 0 ? g->nodes[node.inputs[0]].channels_out : node.channels_out;
    node.channels_out = node.channels_out > 0 ? node.channels_out : node.channels_in;
    node.parameter = -1;
    node.block = g->n_blocks - 1;
    snprintf(node.name, sizeof node.name, "%s", name);
    assert(node.channels_in % node.window.groups == 0 && node.channels_out % node.window.groups == 0);
    const int n_parameters = g->n_parameters;
    const size_t n_floats = g->n_floats;
    g->nodes[g->n_nodes++] = node;
    if (row->parameters && !row->parameters(g, &node)) { /* the node goes with those of its parameters that there are */
        g->n_nodes--;
        g->n_parameters = n_parameters;
        g->n_floats = n_floats;
        return -1;
    }
    return g->n_nodes - 1;
}

static graph_node plain_node(graph_op op, int input)
{
    return (graph_node){.op = op, .inputs = {input, -1}, .window = graph_square(1, 1, 0)};
}

graph_window graph_square(int kernel, int stride, int padding)
{
    return (graph_window){.kernel = {kernel, kernel},
                          .stride = {stride, stride},
                          .padding = {padding, padding, padding, padding},
                          .dilation = {1, 1},
                          .groups = 1};
}

bool graph_is_square(const graph_window *window)
{
    const graph_window square = graph_square(window->kernel[0], window->stride[0], window->padding[0]);
    bool is = window->groups == 1 && !window->bias;
    for (int i = 0; i < 2 && is; i++) {
        is = window->kernel[i] == square.kernel[i] && window->stride[i] == square.stride[i] && window->dilation[i] == 1;
    }
    for (int i = 0; i < 4 && is; i++) {
        is = window->padding[i] == square.padding[i];
    }
    return is;
}

int graph_add_input(graph *g, int channels)
{
    graph_node node = plain_node(GRAPH_INPUT, -1);
    node.channels_out = channels;
    return add_node(g, node, "input");
}

int graph_add_conv(graph *g, const char *name, int input, int channels_out, graph_window window)
{
    graph_node node = plain_node(GRAPH_CONV, input);
    node.channels_out = channels_out;
    node.window = window;
    return add_node(g, node, name);
}

int graph_add_batchnorm(graph *g, const char *name, int input)
{
    graph_node node = plain_node(GRAPH_BATCHNORM, input);
    node.epsilon = 1e-5f;
    node.momentum = 0.1f;
    return add_node(g, node, name);
}

int graph_add_relu(graph *g, const char *name, int input) { return add_node(g, plain_node(GRAPH_RELU, input), name); }

int graph_add_add(graph *g, const char *name, int input, int other)
{
    graph_node node = plain_node(GRAPH_ADD, input);
    node.inputs[1] = other;
    return add_node(g, node, name);
}

int graph_add_maxpool(graph *g, const char *name, int input, graph_window window)
{
    graph_node node = plain_node(GRAPH_MAXPOOL, input);
    node.window = window;
    return add_node(g, node, name);
}

int graph_add_global_avgpool(graph *g, const char *name, int input)
{
    return add_node(g, plain_node(GRAPH_GLOBAL_AVGPOOL, input), name);
}

int graph_add_linear(graph *g, const char *name, int input, int channels_out)
{
    graph_node node = plain_node(GRAPH_LINEAR, input);
    node.channels_out = channels_out;
    const int head = add_node(g, node, name);
    if (head >= 0) {
        graph_set_features(g, input, head);
    }
    return head;
}

void graph_set_features(graph *g, int features, int head)
{
    assert(features >= 0 && features < g->n_nodes && head < g->n_nodes);
    g->features = features;
    g->head = head;
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

int graph_parameter_of(const graph *g, int node, graph_role role)
{
    for (int p = g->nodes[node].parameter; p >= 0 && p < g->n_parameters && g->parameters[p].node == node; p++) {
        if (g->parameters[p].role == role) {
            return p;
        }
    }
    return -1;
}

int graph_head_block(const graph *g) { return g->head >= 0 ? g->nodes[g->head].block : -1; }

bool graph_reads(const graph_node *node, int input)
{
    for (int i = 0; i < GRAPH_INPUTS_MOST; i++) {
        if (node->inputs[i] == input) {
            return true;
        }
    }
    return false;
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
        const int *summands = g->nodes[i].inputs;
        if (g->nodes[i].op == GRAPH_ADD && graph_reads(&g->nodes[i], node)) {
            return node < (summands[0] == node ? summands[1] : summands[0]);
        }
    }
    return false;
}

bool graph_is_nonnegative(const graph *g, int node)
{
    const operation *row = op_of(g->nodes[node].op);
    return row->nonnegative && row->nonnegative(graph_is_nonnegative(g, g->nodes[node].inputs[0]));
}

int graph_shortcut_of(const graph *g, int node)
{
    int sum = g->nodes[node].op == GRAPH_RELU ? g->nodes[node].inputs[0] : node;
    if (g->nodes[sum].op != GRAPH_ADD) {
        return -1;
    }
    const int *summands = g->nodes[sum].inputs;
    return graph_is_kept(g, summands[0]) ? summands[0] : graph_is_kept(g, summands[1]) ? summands[1] : -1;
}

reshift_status graph_extents(const graph *g, int first, int last, graph_extent *extents, reshift_error *error)
{
    for (int i = first; i <= last; i++) {
        const graph_node *n = &g->nodes[i];
        if (op_of(n->op)->n_inputs == 0) {
            continue;
        }
        const graph_extent in = extents[n->inputs[0]];
        extents[i] = op_of(n->op)->extent ? op_of(n->op)->extent(n, in) : in;
        if (extents[i].h < 1 || extents[i].w < 1) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "nothing is left of an input of %dx%d at '%s'", in.h, in.w,
                             n->name);
        }
    }
    return RESHIFT_OK;
}
