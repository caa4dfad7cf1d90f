/*
 * The largest value that the window sees, the first of equals (rows, then columns) as PyTorch takes it; not-a-number is
 * larger than all others. Its gradient goes to that value alone. A window that sees only padding gives minus infinity.
 * Source: torch.nn.MaxPool2d.
 */
#include <math.h>

#include "engine/reference/operations.h"

/* Index of the winner in the input; -1: the window sees only padding. */
static int64_t winner_of(const reference_node *node, int64_t n, int64_t i, int64_t j, int64_t channel)
{
    const graph_window *window = &node->node->window;
    const reference_map *x = &node->inputs[0]->result;
    int64_t winner = -1;
    for (int64_t u = 0; u < window->kernel[0]; u++) {
        const int64_t row = reference_seen(window, 0, i, u, x->h);
        for (int64_t v = 0; v < window->kernel[1] && row >= 0; v++) {
            const int64_t column = reference_seen(window, 1, j, v, x->w);
            const int64_t at = column >= 0 ? reference_pixel(x, n, row, column) + channel : -1;
            if (at >= 0 && (winner < 0 || x->values[at] > x->values[winner] || isnan(x->values[at]))) {
                winner = at;
            }
        }
    }
    return winner;
}

static void forward(reference_node *node)
{
    const reference_map *y = &node->result;
    for (int64_t k = 0; k < reference_count(y); k++) {
        const int64_t pixel = k / y->c;
        node->winner[k] = winner_of(node, pixel / (y->h * y->w), pixel / y->w % y->h, pixel % y->w, k % y->c);
        y->values[k] = node->winner[k] < 0 ? -INFINITY : node->inputs[0]->result.values[node->winner[k]];
    }
}

static void backward(const reference_node *node)
{
    float *dx = node->inputs[0]->gradient.values;
    for (int64_t k = 0; k < reference_count(&node->result) && dx; k++) {
        if (node->winner[k] >= 0) {
            dx[node->winner[k]] += node->gradient.values[k];
        }
    }
}

const reference_operation reference_maxpool = {forward, backward};
