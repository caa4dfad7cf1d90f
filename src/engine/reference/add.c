/* y = a + b; both inputs get dy, twice where they are the same. */
#include "engine/reference/operations.h"

static void forward(reference_node *node)
{
    const float *a = node->inputs[0]->result.values, *b = node->inputs[1]->result.values;
    for (int64_t i = 0; i < reference_count(&node->result); i++) {
        node->result.values[i] = a[i] + b[i];
    }
}

static void backward(const reference_node *node)
{
    for (int input = 0; input < 2; input++) {
        float *dx = node->inputs[input]->gradient.values;
        for (int64_t i = 0; i < reference_count(&node->result) && dx; i++) {
            dx[i] += node->gradient.values[i];
        }
    }
}

const reference_operation reference_add = {forward, backward};
