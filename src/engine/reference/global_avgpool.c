/* y[n,c] = mean over the pixels of x[n,.,.,c]. Source: torch.nn.AdaptiveAvgPool2d(1). */
#include "engine/reference/operations.h"

static void forward(reference_node *node)
{
    const reference_map *x = &node->inputs[0]->result, *y = &node->result;
    const int64_t area = x->h * x->w;
    for (int64_t i = 0; i < reference_count(y); i++) {
        const float *image = x->values + i / y->c * area * x->c + i % y->c;
        double sum = 0;
        for (int64_t p = 0; p < area; p++) {
            sum += (double)image[p * x->c];
        }
        y->values[i] = (float)(sum / (double)area);
    }
}

static void backward(const reference_node *node)
{
    const reference_map *dx = &node->inputs[0]->gradient, *dy = &node->gradient;
    const int64_t area = dx->h * dx->w;
    for (int64_t i = 0; i < reference_count(dx) && dx->values; i++) {
        const int64_t image = i / (area * dx->c);
        dx->values[i] += (float)((double)dy->values[image * dy->c + i % dx->c] / (double)area);
    }
}

const reference_operation reference_global_avgpool = {forward, backward};
