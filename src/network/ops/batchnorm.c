/* Batch normalisation over images and pixels, a channel at a time. Source: Ioffe & Szegedy 2015, torch.nn.BatchNorm2d.
 */
#include "network/ops.h"

static bool parameters(graph *g, const graph_node *node)
{
    int64_t shape[1] = {node->channels_out};
    return graph_add_parameter(g, "weight", GRAPH_GAMMA, 1, shape) &&
           graph_add_parameter(g, "bias", GRAPH_BETA, 1, shape) &&
           graph_add_parameter(g, "running_mean", GRAPH_RUNNING_MEAN, 1, shape) &&
           graph_add_parameter(g, "running_var", GRAPH_RUNNING_VAR, 1, shape);
}

const operation op_batchnorm = {
    .name = "batchnorm", .onnx = "BatchNormalization", .n_inputs = 1, .result = OPS_SAME, .parameters = parameters};
