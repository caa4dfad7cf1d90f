/* Small residual networks for the engine's tests, with random values from a named stream. */
#ifndef TESTS_ENGINE_NETS_H
#define TESTS_ENGINE_NETS_H

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/random.h"
#include "network/network.h"

typedef struct net_shape {
    int channels[3]; /* stem, first and second residual block */
    int classes;
    bool bottleneck; /* 1x1, 3x3, 1x1 blocks as ResNet-50's; else two 3x3 as ResNet-18's */
    bool maxpool;
} net_shape;

static inline int net_conv_norm(graph *g, const char *block, int i, int x, int channels, int kernel, int stride)
{
    char name[GRAPH_NAME_BYTES];
    snprintf(name, sizeof name, "%s.0.conv%d", block, i);
    x = graph_add_conv(g, name, x, channels, graph_square(kernel, stride, kernel / 2));
    snprintf(name, sizeof name, "%s.0.bn%d", block, i);
    return graph_add_batchnorm(g, name, x);
}

static inline int net_block(graph *g, const net_shape *shape, const char *name, int x, int channels, int stride)
{
    char text[GRAPH_NAME_BYTES];
    int identity = x, y = x;
    graph_begin_block(g, name, NULL);
    if (shape->bottleneck) {
        y = graph_add_relu(g, "relu1", net_conv_norm(g, name, 1, y, channels, 1, 1));
        y = graph_add_relu(g, "relu2", net_conv_norm(g, name, 2, y, channels, 3, stride));
        y = net_conv_norm(g, name, 3, y, 2 * channels, 1, 1);
    } else {
        y = graph_add_relu(g, "relu1", net_conv_norm(g, name, 1, y, channels, 3, stride));
        y = net_conv_norm(g, name, 2, y, channels, 3, 1);
    }
    if (stride != 1 || g->nodes[x].channels_out != g->nodes[y].channels_out) {
        snprintf(text, sizeof text, "%s.0.downsample.0", name);
        identity = graph_add_conv(g, text, x, g->nodes[y].channels_out, graph_square(1, stride, 0));
        snprintf(text, sizeof text, "%s.0.downsample.1", name);
        identity = graph_add_batchnorm(g, text, identity);
    }
    return graph_add_relu(g, "relu", graph_add_add(g, "add", y, identity));
}

/** conv1, layer1 (stride 1: the shortcut is the identity where channels allow), layer2 (stride 2), fc. */
static inline graph *net_graph(const net_shape *shape)
{
    graph *g = graph_create();
    graph_begin_block(g, "conv1", NULL);
    int x = graph_add_conv(g, "conv1", graph_add_input(g, 3), shape->channels[0], graph_square(3, 1, 1));
    x = graph_add_relu(g, "relu", graph_add_batchnorm(g, "bn1", x));
    if (shape->maxpool) {
        x = graph_add_maxpool(g, "maxpool", x, graph_square(3, 2, 1));
    }
    x = net_block(g, shape, "layer1", x, shape->channels[1], 1);
    x = net_block(g, shape, "layer2", x, shape->channels[2], 2);
    x = graph_add_global_avgpool(g, "avgpool", x);
    graph_begin_block(g, "fc", NULL);
    x = graph_add_linear(g, "fc", x, shape->classes);
    assert(x >= 0);
    return g;
}

/** Weights as He et al. 2015, batch norms near but not at the identity. */
static inline void net_randomise(network *n, uint64_t seed)
{
    for (int p = 0; p < n->graph->n_parameters; p++) {
        const graph_parameter *parameter = &n->graph->parameters[p];
        random_stream stream = random_open(seed, "net", 0, (uint64_t)p);
        float *values = network_parameter(n, p);
        double scale = sqrt(2.0 * (double)parameter->shape[0] / (double)parameter->count);
        for (size_t i = 0; i < parameter->count; i++) {
            double normal = random_gaussian(&stream), uniform = random_uniform(&stream);
            switch (parameter->role) {
            case GRAPH_WEIGHT: values[i] = (float)(scale * normal); break;
            case GRAPH_GAMMA:
            case GRAPH_RUNNING_VAR: values[i] = (float)(0.5 + uniform); break;
            case GRAPH_BIAS:
            case GRAPH_BETA:
            case GRAPH_RUNNING_MEAN: values[i] = (float)(0.6 * (uniform - 0.5)); break;
            }
        }
        network_touch(n, p);
    }
}

static inline network *net_create(const net_shape *shape, uint64_t seed)
{
    network *n = network_create(net_graph(shape));
    assert(n);
    net_randomise(n, seed);
    return n;
}

static inline void net_fill(float *values, int64_t count, uint64_t seed)
{
    random_stream stream = random_open(seed, "input", 0, 0);
    for (int64_t i = 0; i < count; i++) {
        values[i] = (float)random_gaussian(&stream);
    }
}

#endif
