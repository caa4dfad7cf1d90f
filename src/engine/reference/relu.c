/* y = max(x, 0), and not-a-number stays. dx = dy where x > 0. Source: torch.nn.ReLU. */
#include "engine/reference/operations.h"

static void forward(reference_node *node)
{
    const float *x = node->inputs[0]->result.values;
    for (int64_t i = 0; i < reference_count(&node->result); i++) {
        node->result.values[i] = x[i] < 0 ? 0 : x[i];
    }
}

static void backward(const reference_node *node)
{
    float *dx = node->inputs[0]->gradient.values;
    for (int64_t i = 0; i < reference_count(&node->result) && dx; i++) {
        dx[i] += node->result.values[i] <= 0 ? 0 : node->gradient.values[i];
    }
}

const reference_operation reference_relu = {forward, backward};
