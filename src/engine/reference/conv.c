/*
 * y[n,i,j,o] = b[o] + sum over the taps (u,v) and the input channels c of o's group of
 * w[o,c,u,v] x[n, i s_h - p_top + u d_h, j s_w - p_left + v d_w, c]; padding counts as 0. Source: torch.nn.Conv2d.
 */
#include "engine/reference/operations.h"

typedef struct sizes {
    int64_t group_inputs, group_outputs; /* channels */
    int64_t kernel_h, kernel_w;
} sizes;

static sizes sizes_of(const reference_node *node)
{
    const graph_window *w = &node->node->window;
    return (sizes){node->inputs[0]->result.c / w->groups, node->result.c / w->groups, w->kernel[0], w->kernel[1]};
}

/* One value of the result, without the bias. */
static double sum_of(const reference_node *node, int64_t n, int64_t i, int64_t j, int64_t o)
{
    const graph_window *window = &node->node->window;
    const reference_map *x = &node->inputs[0]->result;
    const sizes s = sizes_of(node);
    const float *filter = node->parameters[0] + o * s.group_inputs * s.kernel_h * s.kernel_w;
    double sum = 0;
    for (int64_t u = 0; u < s.kernel_h; u++) {
        const int64_t row = reference_seen(window, 0, i, u, x->h);
        for (int64_t v = 0; v < s.kernel_w && row >= 0; v++) {
            const int64_t column = reference_seen(window, 1, j, v, x->w);
            if (column < 0) {
                continue;
            }
            const float *pixel = x->values + reference_pixel(x, n, row, column) + o / s.group_outputs * s.group_inputs;
            for (int64_t c = 0; c < s.group_inputs; c++) {
                sum += (double)filter[(c * s.kernel_h + u) * s.kernel_w + v] * (double)pixel[c];
            }
        }
    }
    return sum;
}

static void forward(reference_node *node)
{
    const reference_map *y = &node->result;
    const float *bias = node->node->window.bias ? node->parameters[1] : NULL;
    float *to = y->values;
    for (int64_t n = 0; n < y->n; n++) {
        for (int64_t i = 0; i < y->h; i++) {
            for (int64_t j = 0; j < y->w; j++) {
                for (int64_t o = 0; o < y->c; o++) {
                    *to++ = (float)(sum_of(node, n, i, j, o) + (bias ? (double)bias[o] : 0));
                }
            }
        }
    }
}

/* dw[o,c,u,v] = sum over images and pixels of dy[n,i,j,o] times the input that tap (u,v) sees. */
static double weight_gradient(const reference_node *node, int64_t o, int64_t c, int64_t u, int64_t v)
{
    const graph_window *window = &node->node->window;
    const reference_map *x = &node->inputs[0]->result, *dy = &node->gradient;
    const sizes s = sizes_of(node);
    const int64_t channel = o / s.group_outputs * s.group_inputs + c;
    double sum = 0;
    for (int64_t n = 0; n < dy->n; n++) {
        for (int64_t i = 0; i < dy->h; i++) {
            const int64_t row = reference_seen(window, 0, i, u, x->h);
            for (int64_t j = 0; j < dy->w && row >= 0; j++) {
                const int64_t column = reference_seen(window, 1, j, v, x->w);
                if (column >= 0) {
                    sum += (double)dy->values[reference_pixel(dy, n, i, j) + o] *
                           (double)x->values[reference_pixel(x, n, row, column) + channel];
                }
            }
        }
    }
    return sum;
}

/* The result along an axis whose tap `tap` sees row or column `at` of the input; -1: there is none. */
static int64_t seen_by(const graph_window *window, int axis, int64_t at, int64_t tap, int64_t extent)
{
    const int64_t start = at + window->padding[axis] - tap * window->dilation[axis];
    return start >= 0 && start % window->stride[axis] == 0 && start / window->stride[axis] < extent
               ? start / window->stride[axis]
               : -1;
}

/* dx[n,row,column,channel] = sum over the results of the channel's group, and their taps, that see it. */
static double input_gradient(const reference_node *node, int64_t n, int64_t row, int64_t column, int64_t channel)
{
    const graph_window *window = &node->node->window;
    const reference_map *dy = &node->gradient;
    const sizes s = sizes_of(node);
    const int64_t area = s.kernel_h * s.kernel_w, first = channel / s.group_inputs * s.group_outputs;
    const float *weight = node->parameters[0] + (first * s.group_inputs + channel % s.group_inputs) * area;
    double sum = 0;
    for (int64_t u = 0; u < s.kernel_h; u++) {
        const int64_t i = seen_by(window, 0, row, u, dy->h);
        for (int64_t v = 0; v < s.kernel_w && i >= 0; v++) {
            const int64_t j = seen_by(window, 1, column, v, dy->w);
            for (int64_t o = 0; o < s.group_outputs && j >= 0; o++) {
                sum += (double)dy->values[reference_pixel(dy, n, i, j) + first + o] *
                       (double)weight[o * s.group_inputs * area + u * s.kernel_w + v];
            }
        }
    }
    return sum;
}

static void parameter_gradients(const reference_node *node)
{
    const reference_map *dy = &node->gradient;
    const sizes s = sizes_of(node);
    float *to = node->gradients[0];
    for (int64_t o = 0; o < dy->c && to; o++) {
        for (int64_t c = 0; c < s.group_inputs; c++) {
            for (int64_t tap = 0; tap < s.kernel_h * s.kernel_w; tap++) {
                *to++ = (float)weight_gradient(node, o, c, tap / s.kernel_w, tap % s.kernel_w);
            }
        }
    }
    for (int64_t o = 0; o < dy->c && node->node->window.bias && node->gradients[1]; o++) {
        double sum = 0;
        for (int64_t i = o; i < reference_count(dy); i += dy->c) {
            sum += (double)dy->values[i];
        }
        node->gradients[1][o] = (float)sum;
    }
}

static void backward(const reference_node *node)
{
    const reference_map *dx = &node->inputs[0]->gradient;
    parameter_gradients(node);
    for (int64_t i = 0; i < reference_count(dx) && dx->values; i++) {
        const int64_t pixel = i / dx->c;
        dx->values[i] +=
            (float)input_gradient(node, pixel / (dx->h * dx->w), pixel / dx->w % dx->h, pixel % dx->w, i % dx->c);
    }
}

const reference_operation reference_conv = {forward, backward};
