/* The table of operations, in the order of graph_op. */
#include "network/ops.h"

#include <assert.h>

const operation *op_of(graph_op kind)
{
    static const operation *const table[GRAPH_OPS] = {
        [GRAPH_INPUT] = &op_input,
        [GRAPH_CONV] = &op_conv,
        [GRAPH_BATCHNORM] = &op_batchnorm,
        [GRAPH_RELU] = &op_relu,
        [GRAPH_ADD] = &op_add,
        [GRAPH_MAXPOOL] = &op_maxpool,
        [GRAPH_GLOBAL_AVGPOOL] = &op_global_avgpool,
        [GRAPH_LINEAR] = &op_linear,
    };
    assert(kind >= 0 && kind < GRAPH_OPS);
    return table[kind];
}

int op_window_extent(const graph_window *window, int axis, int in)
{
    int64_t seen = (int64_t)window->dilation[axis] * (window->kernel[axis] - 1) + 1;
    int64_t room = (int64_t)in + window->padding[axis] + window->padding[2 + axis] - seen;
    return room < 0 ? 0 : (int)(room / window->stride[axis] + 1);
}
