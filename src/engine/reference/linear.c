/* y[n,k] = b[k] + sum over d of w[k,d] x[n,d]. Source: torch.nn.Linear. */
#include "engine/reference/operations.h"

static void forward(reference_node *node)
{
    const reference_map *x = &node->inputs[0]->result, *y = &node->result;
    for (int64_t n = 0; n < y->n; n++) {
        for (int64_t k = 0; k < y->c; k++) {
            double sum = (double)node->parameters[1][k];
            for (int64_t d = 0; d < x->c; d++) {
                sum += (double)node->parameters[0][k * x->c + d] * (double)x->values[n * x->c + d];
            }
            y->values[n * y->c + k] = (float)sum;
        }
    }
}

static void parameter_gradients(const reference_node *node)
{
    const reference_map *x = &node->inputs[0]->result, *dy = &node->gradient;
    for (int64_t k = 0; k < dy->c; k++) {
        double bias = 0;
        for (int64_t n = 0; n < dy->n; n++) {
            bias += (double)dy->values[n * dy->c + k];
        }
        for (int64_t d = 0; d < x->c && node->gradients[0]; d++) {
            double sum = 0;
            for (int64_t n = 0; n < dy->n; n++) {
                sum += (double)dy->values[n * dy->c + k] * (double)x->values[n * x->c + d];
            }
            node->gradients[0][k * x->c + d] = (float)sum;
        }
        if (node->gradients[1]) {
            node->gradients[1][k] = (float)bias;
        }
    }
}

static void backward(const reference_node *node)
{
    const reference_map *dx = &node->inputs[0]->gradient, *dy = &node->gradient;
    parameter_gradients(node);
    for (int64_t i = 0; i < reference_count(dx) && dx->values; i++) {
        double sum = 0;
        for (int64_t k = 0; k < dy->c; k++) {
            sum += (double)dy->values[i / dx->c * dy->c + k] * (double)node->parameters[0][k * dx->c + i % dx->c];
        }
        dx->values[i] += (float)sum;
    }
}

const reference_operation reference_linear = {forward, backward};
