/* The table of reference operations, in the order of graph_op. */
#include "engine/reference/operations.h"

#include <assert.h>

const reference_operation *reference_operation_of(graph_op op)
{
    static const reference_operation nothing = {NULL, NULL};
    static const reference_operation *const table[GRAPH_OPS] = {
        [GRAPH_INPUT] = &nothing,
        [GRAPH_CONV] = &reference_conv,
        [GRAPH_BATCHNORM] = &reference_batchnorm,
        [GRAPH_RELU] = &reference_relu,
        [GRAPH_ADD] = &reference_add,
        [GRAPH_MAXPOOL] = &reference_maxpool,
        [GRAPH_GLOBAL_AVGPOOL] = &reference_global_avgpool,
        [GRAPH_LINEAR] = &reference_linear,
    };
    assert(op >= 0 && op < GRAPH_OPS);
    return table[op];
}
