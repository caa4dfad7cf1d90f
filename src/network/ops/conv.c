/* Convolution (cross-correlation, as everywhere in deep learning). Source: torch.nn.Conv2d, ONNX Conv. */
#include "network/ops.h"

static graph_extent extent(const graph_node *node, graph_extent in)
{
    return (graph_extent){op_window_extent(&node->window, 0, in.h), op_window_extent(&node->window, 1, in.w)};
}

static bool parameters(graph *g, const graph_node *node)
{
    const graph_window *window = &node->window;
    int64_t weight[4] = {node->channels_out, node->channels_in / window->groups, window->kernel[0], window->kernel[1]};
    return graph_add_parameter(g, "weight", GRAPH_WEIGHT, 4, weight) &&
           (!window->bias || graph_add_parameter(g, "bias", GRAPH_BIAS, 1, weight));
}

static double multiply_adds(const graph_node *node, graph_extent in, graph_extent out)
{
    (void)in;
    const graph_window *window = &node->window;
    return (double)node->channels_out * (node->channels_in / window->groups) * window->kernel[0] * window->kernel[1] *
           out.h * out.w;
}

const operation op_conv = {.name = "conv",
                           .onnx = "Conv",
                           .n_inputs = 1,
                           .result = OPS_MAP,
                           .windowed = true,
                           .extent = extent,
                           .parameters = parameters,
                           .multiply_adds = multiply_adds};
