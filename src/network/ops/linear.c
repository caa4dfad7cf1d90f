/* x W^T + b. Source: torch.nn.Linear, ONNX Gemm with transB = 1. */
#include "network/ops.h"

static graph_extent extent(const graph_node *node, graph_extent in)
{
    (void)node;
    (void)in;
    return (graph_extent){1, 1};
}

static bool parameters(graph *g, const graph_node *node)
{
    int64_t shape[2] = {node->channels_out, node->channels_in};
    return graph_add_parameter(g, "weight", GRAPH_WEIGHT, 2, shape) &&
           graph_add_parameter(g, "bias", GRAPH_BIAS, 1, shape);
}

static double multiply_adds(const graph_node *node, graph_extent in, graph_extent out)
{
    (void)in;
    (void)out;
    return (double)node->channels_out * node->channels_in;
}

const operation op_linear = {.name = "linear",
                             .onnx = "Gemm",
                             .n_inputs = 1,
                             .result = OPS_VECTOR,
                             .extent = extent,
                             .parameters = parameters,
                             .multiply_adds = multiply_adds};
