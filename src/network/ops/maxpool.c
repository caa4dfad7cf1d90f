/* The largest value of each window. Source: torch.nn.MaxPool2d, ONNX MaxPool. */
#include "network/ops.h"

static graph_extent extent(const graph_node *node, graph_extent in)
{
    return (graph_extent){op_window_extent(&node->window, 0, in.h), op_window_extent(&node->window, 1, in.w)};
}

static bool nonnegative(bool input) { return input; }

const operation op_maxpool = {.name = "maxpool",
                              .onnx = "MaxPool",
                              .n_inputs = 1,
                              .result = OPS_MAP,
                              .windowed = true,
                              .extent = extent,
                              .nonnegative = nonnegative};
