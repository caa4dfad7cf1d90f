/* The mean over all pixels, a channel at a time. Source: torch.nn.AdaptiveAvgPool2d(1), ONNX GlobalAveragePool. */
#include "network/ops.h"

static graph_extent extent(const graph_node *node, graph_extent in)
{
    (void)node;
    (void)in;
    return (graph_extent){1, 1};
}

static bool nonnegative(bool input) { return input; }

const operation op_global_avgpool = {.name = "global_avgpool",
                                     .onnx = "GlobalAveragePool",
                                     .n_inputs = 1,
                                     .result = OPS_VECTOR,
                                     .extent = extent,
                                     .nonnegative = nonnegative};
