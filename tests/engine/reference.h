/*
 * A network in plain loops and double precision, forward and backward, that carries beside every value how far a
 * float32 computation of the same formulas may stray from it. The plan's results must lie inside those bounds.
 *
 * Bounds are running error analysis (Higham 2002, chapter 3): with u = 2^-24, a sum of n products in any order errs by
 * at most (n + 2) u sum |a||b|, errors of the factors add |a| e_b + |b| e_a + e_a e_b; terms that are 0 add no
 * rounding. Where rounding may turn a decision (a ReLU's input within its bound of zero, two candidates of a max pool
 * within theirs), the whole value in question counts as error. Nothing is tuned: a bound that is exceeded is a mistake
 * somewhere.
 *
 * Where a plan keeps weights, activations and their gradients in bfloat16 (8 significant bits), each of them adds a
 * rounding of 2^-8 of itself; sums, statistics and gradients of parameters stay float32.
 */
#ifndef TESTS_ENGINE_REFERENCE_H
#define TESTS_ENGINE_REFERENCE_H

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "network/network.h"
#include "network/ops.h"

#define UNIT_ROUNDOFF 5.9604644775390625e-8 /* 2^-24 */
#define BF16_ROUNDOFF 0.00390625            /* 2^-8 */

/* Values v and bounds e of an [N,C,H,W] tensor. */
typedef struct approximate {
    int64_t n, c, h, w;
    double *v, *e;
} approximate;

typedef struct reference {
    const network *network;
    int first, last;                                           /* nodes that run */
    double storage;                                            /* rounding of what is kept: 0, or BF16_ROUNDOFF */
    const bool *batchnorm_batch;                               /* [n_blocks] or NULL */
    approximate *result, *gradient;                            /* [n_nodes] */
    double **mean, **mean_error, **variance, **variance_error; /* [n_nodes] what the batch norm normalised by */
    double **parameter, **parameter_error;                     /* [n_parameters] gradients */
    double source_share;                                       /* of the running statistics in those of the batch */
} reference;

static inline approximate approximate_create(int64_t n, int64_t c, int64_t h, int64_t w)
{
    approximate a = {
        n, c, h, w, calloc((size_t)(n * c * h * w), sizeof(double)), calloc((size_t)(n * c * h * w), sizeof(double))};
    return a;
}

static inline int64_t at(const approximate *a, int64_t n, int64_t c, int64_t y, int64_t x)
{
    return ((n * a->c + c) * a->h + y) * a->w + x;
}

static inline int64_t count_of(const approximate *a) { return a->n * a->c * a->h * a->w; }

static inline double product_error(double a, double ea, double b, double eb)
{
    return fabs(a) * eb + fabs(b) * ea + ea * eb;
}

static inline reference reference_create(const network *n, int first, int last, const bool *batchnorm_batch)
{
    size_t nodes = (size_t)n->graph->n_nodes, parameters = (size_t)n->graph->n_parameters;
    reference r = {n,
                   first,
                   last,
                   0,
                   batchnorm_batch,
                   calloc(nodes, sizeof(approximate)),
                   calloc(nodes, sizeof(approximate)),
                   calloc(nodes, sizeof(double *)),
                   calloc(nodes, sizeof(double *)),
                   calloc(nodes, sizeof(double *)),
                   calloc(nodes, sizeof(double *)),
                   calloc(parameters, sizeof(double *)),
                   calloc(parameters, sizeof(double *)),
                   0};
    return r;
}

static inline void reference_destroy(reference *r)
{
    for (int i = 0; i < r->network->graph->n_nodes; i++) {
        free(r->result[i].v);
        free(r->result[i].e);
        free(r->gradient[i].v);
        free(r->gradient[i].e);
        free(r->mean[i]);
        free(r->mean_error[i]);
        free(r->variance[i]);
        free(r->variance_error[i]);
    }
    for (int i = 0; i < r->network->graph->n_parameters; i++) {
        free(r->parameter[i]);
        free(r->parameter_error[i]);
    }
    free(r->result);
    free(r->gradient);
    free(r->mean);
    free(r->mean_error);
    free(r->variance);
    free(r->variance_error);
    free(r->parameter);
    free(r->parameter_error);
}

static inline bool reference_uses_batch(const reference *r, int node)
{
    return r->batchnorm_batch && r->batchnorm_batch[r->network->graph->nodes[node].block];
}

/* ---- forward ---- */

/* Relative rounding of a value that is kept: none where it is known exactly and its 8 leading bits are all it has. */
static inline double reference_rounding(const reference *r, double value, double error)
{
    int exponent;
    double scaled = ldexp(frexp(value, &exponent), 8);
    return error == 0 && scaled == rint(scaled) ? 0 : r->storage;
}

/* The same of a convolution's weight. One that a batch norm may be folded into is another number. */
static inline double reference_weight_rounding(const reference *r, int index, double weight)
{
    const graph *g = r->network->graph;
    bool linear = g->nodes[index].op == GRAPH_LINEAR;
    bool folded = index + 1 < g->n_nodes && g->nodes[index + 1].op == GRAPH_BATCHNORM;
    return linear ? 0 : folded ? r->storage : reference_rounding(r, weight, 0);
}

/* The row (axis 0) or column (axis 1) of the input that tap `tap` of the window of result `out` sees; -1: padding. */
static inline int64_t seen(const graph_node *node, int axis, int64_t out, int64_t tap, int64_t extent)
{
    const graph_window *w = &node->window;
    int64_t s = out * w->stride[axis] - w->padding[axis] + tap * w->dilation[axis];
    return s >= 0 && s < extent ? s : -1;
}

static inline bool reference_has_bias(const graph_node *node) { return node->op == GRAPH_LINEAR || node->window.bias; }

/*
 * One output of a convolution, or of a linear layer (a 1x1 convolution): value and bound. w [O,I/groups,kh,kw] and the
 * bias, 0 where there is none.
 */
static inline void reference_window(const reference *r, int index, const approximate *x, const float *w, double bias,
                                    int64_t n, int64_t o, int64_t y, int64_t xx, double *value, double *error)
{
    const graph_node *node = &r->network->graph->nodes[index];
    double sum = bias, size = fabs(bias), inherited = 0;
    int64_t terms = bias != 0, groups = node->window.groups, inputs = x->c / groups;
    int64_t first = o / (node->channels_out / groups) * inputs;
    for (int64_t ky = 0; ky < node->window.kernel[0]; ky++) {
        int64_t sy = seen(node, 0, y, ky, x->h);
        for (int64_t kx = 0; kx < node->window.kernel[1] && sy >= 0; kx++) {
            int64_t sx = seen(node, 1, xx, kx, x->w);
            for (int64_t i = 0; i < inputs && sx >= 0; i++) {
                int64_t s = at(x, n, first + i, sy, sx);
                if (x->v[s] == 0 && x->e[s] == 0) {
                    continue;
                }
                double weight = w[((o * inputs + i) * node->window.kernel[0] + ky) * node->window.kernel[1] + kx];
                sum += weight * x->v[s];
                size += fabs(weight * x->v[s]);
                inherited +=
                    product_error(weight, reference_weight_rounding(r, index, weight) * fabs(weight), x->v[s], x->e[s]);
                terms++;
            }
        }
    }
    *value = sum;
    *error = inherited + (terms > 0 ? (double)(terms + 2) * UNIT_ROUNDOFF * (size + inherited) : 0);
}

/* A linear layer too: its bias is its second parameter as well. */
static inline void reference_conv(reference *r, int index)
{
    const graph_node *node = &r->network->graph->nodes[index];
    const approximate *x = &r->result[node->inputs[0]], *y = &r->result[index];
    const float *w = network_parameter(r->network, node->parameter);
    const float *bias = reference_has_bias(node) ? network_parameter(r->network, node->parameter + 1) : NULL;
    for (int64_t n = 0; n < y->n; n++) {
        for (int64_t o = 0; o < y->c; o++) {
            for (int64_t i = 0; i < y->h; i++) {
                for (int64_t j = 0; j < y->w; j++) {
                    int64_t d = at(y, n, o, i, j);
                    reference_window(r, index, x, w, bias ? bias[o] : 0, n, o, i, j, &y->v[d], &y->e[d]);
                }
            }
        }
    }
}

/* Mean and variance of a channel, 1/sqrt(var + eps) and its bound, from the batch or from the fixed statistics. */
typedef struct channel_statistics {
    double mean, mean_error, variance, variance_error, inverse, inverse_error;
} channel_statistics;

static inline channel_statistics reference_statistics(const reference *r, int index, int64_t c)
{
    const graph_node *node = &r->network->graph->nodes[index];
    const approximate *x = &r->result[node->inputs[0]];
    channel_statistics s = {0, 0, 0, 0, 0, 0};
    double count = (double)(x->n * x->h * x->w);
    if (reference_uses_batch(r, index)) {
        double size = 0, square_error = 0;
        for (int64_t n = 0; n < x->n; n++) {
            for (int64_t p = 0; p < x->h * x->w; p++) {
                int64_t i = at(x, n, c, 0, 0) + p;
                s.mean += x->v[i] / count;
                s.mean_error += x->e[i] / count;
                size += (fabs(x->v[i]) + x->e[i]) / count;
            }
        }
        s.mean_error += (count + 2) * UNIT_ROUNDOFF * size;
        for (int64_t n = 0; n < x->n; n++) {
            for (int64_t p = 0; p < x->h * x->w; p++) {
                int64_t i = at(x, n, c, 0, 0) + p;
                double d = x->v[i] - s.mean, e = x->e[i] + s.mean_error + UNIT_ROUNDOFF * fabs(d);
                s.variance += d * d / count;
                square_error += (2 * fabs(d) * e + e * e) / count;
            }
        }
        s.variance_error = square_error + (count + 3) * UNIT_ROUNDOFF * (s.variance + square_error);
        double share = r->source_share; /* a mixture: two products, a sum, and the rounding of what is kept */
        if (share > 0) {
            double mean = network_parameter(r->network, node->parameter + 2)[c];
            double variance = network_parameter(r->network, node->parameter + 3)[c];
            s.mean_error = (1 - share) * s.mean_error +
                           4 * UNIT_ROUNDOFF * (share * fabs(mean) + (1 - share) * (fabs(s.mean) + s.mean_error));
            s.variance_error = (1 - share) * s.variance_error +
                               4 * UNIT_ROUNDOFF * (share * variance + (1 - share) * (s.variance + s.variance_error));
            s.mean = share * mean + (1 - share) * s.mean;
            s.variance = share * variance + (1 - share) * s.variance;
        }
    } else {
        s.mean = network_parameter(r->network, node->parameter + 2)[c];
        s.variance = network_parameter(r->network, node->parameter + 3)[c];
    }
    /* the bound is taken at the lower end, where the slope is steepest; var + eps never falls below eps */
    double eps = node->epsilon, low = s.variance + eps - s.variance_error;
    s.inverse = 1 / sqrt(s.variance + eps);
    s.inverse_error = 1 / sqrt(low > eps ? low : eps) - s.inverse + 4 * UNIT_ROUNDOFF * s.inverse;
    return s;
}

static inline double *reference_column(double **columns, int index, int64_t channels)
{
    if (!columns[index]) {
        columns[index] = calloc((size_t)channels, sizeof(double));
    }
    return columns[index];
}

static inline void reference_batchnorm(reference *r, int index)
{
    const graph_node *node = &r->network->graph->nodes[index];
    const approximate *x = &r->result[node->inputs[0]], *y = &r->result[index];
    const float *gamma = network_parameter(r->network, node->parameter), *beta = gamma;
    beta = network_parameter(r->network, node->parameter + 1);
    for (int64_t c = 0; c < y->c; c++) {
        channel_statistics s = reference_statistics(r, index, c);
        reference_column(r->mean, index, y->c)[c] = s.mean;
        reference_column(r->mean_error, index, y->c)[c] = s.mean_error;
        reference_column(r->variance, index, y->c)[c] = s.variance;
        reference_column(r->variance_error, index, y->c)[c] = s.variance_error;
        for (int64_t n = 0; n < y->n; n++) {
            for (int64_t p = 0; p < y->h * y->w; p++) {
                int64_t i = at(x, n, c, 0, 0) + p;
                double d = x->v[i] - s.mean, high = s.inverse + s.inverse_error;
                y->v[i] = gamma[c] * d * s.inverse + beta[c];
                /* some kernels compute x (gamma inv) + (beta - mean gamma inv): the terms count one by one */
                double terms =
                    fabs(gamma[c]) * high * (fabs(x->v[i]) + x->e[i] + fabs(s.mean) + s.mean_error) + fabs(beta[c]);
                y->e[i] = fabs(gamma[c]) * product_error(d, x->e[i] + s.mean_error, s.inverse, s.inverse_error) +
                          6 * UNIT_ROUNDOFF * terms;
            }
        }
    }
}

static inline void reference_maxpool(reference *r, int index)
{
    const graph_node *node = &r->network->graph->nodes[index];
    const approximate *x = &r->result[node->inputs[0]], *y = &r->result[index];
    for (int64_t i = 0; i < count_of(y); i++) {
        int64_t xx = i % y->w, yy = i / y->w % y->h, plane = i / (y->w * y->h);
        y->v[i] = -INFINITY;
        for (int64_t k = 0; k < (int64_t)node->window.kernel[0] * node->window.kernel[1]; k++) {
            int64_t sy = seen(node, 0, yy, k / node->window.kernel[1], x->h);
            int64_t sx = seen(node, 1, xx, k % node->window.kernel[1], x->w);
            if (sy >= 0 && sx >= 0) {
                int64_t s = (plane * x->h + sy) * x->w + sx;
                y->v[i] = fmax(y->v[i], x->v[s]);
                y->e[i] = fmax(y->e[i], x->e[s]);
            }
        }
    }
}

static inline void reference_average(reference *r, int index)
{
    const approximate *x = &r->result[r->network->graph->nodes[index].inputs[0]], *y = &r->result[index];
    int64_t area = x->h * x->w;
    for (int64_t i = 0; i < count_of(y); i++) {
        double sum = 0, size = 0, inherited = 0;
        for (int64_t p = 0; p < area; p++) {
            sum += x->v[i * area + p];
            size += fabs(x->v[i * area + p]);
            inherited += x->e[i * area + p];
        }
        y->v[i] = sum / (double)area;
        y->e[i] = (inherited + ((double)area + 2) * UNIT_ROUNDOFF * (size + inherited)) / (double)area;
    }
}

static inline void reference_pointwise(reference *r, int index)
{
    const graph_node *node = &r->network->graph->nodes[index];
    const approximate *a = &r->result[node->inputs[0]], *y = &r->result[index];
    for (int64_t i = 0; i < count_of(y); i++) {
        if (node->op == GRAPH_RELU) {
            y->v[i] = fmax(a->v[i], 0);
            y->e[i] = a->v[i] + a->e[i] > 0 ? a->e[i] : 0;
        } else {
            const approximate *b = &r->result[node->inputs[1]];
            y->v[i] = a->v[i] + b->v[i];
            y->e[i] = a->e[i] + b->e[i] + UNIT_ROUNDOFF * (fabs(y->v[i]) + a->e[i] + b->e[i]);
        }
    }
}

/* What is kept has been rounded; behind the average all is float32. */
static inline void reference_keep(const reference *r, approximate *a, graph_op op)
{
    for (int64_t i = 0; op != GRAPH_LINEAR && op != GRAPH_GLOBAL_AVGPOOL && i < count_of(a); i++) {
        a->e[i] += reference_rounding(r, a->v[i], a->e[i]) * (fabs(a->v[i]) + a->e[i]);
    }
}

/* `input` [N,H,W,C] is the result of node `input_node`, exact. */
static inline void reference_forward(reference *r, int input_node, const float *input, int64_t n, int64_t h, int64_t w)
{
    const graph *g = r->network->graph;
    int64_t channels = g->nodes[input_node].channels_out;
    approximate *x = &r->result[input_node];
    *x = approximate_create(n, channels, h, w);
    for (int64_t i = 0; i < count_of(x); i++) {
        int64_t c = i % channels, p = i / channels;
        x->v[at(x, p / (h * w), c, p / w % h, p % w)] = input[i];
    }
    if (g->nodes[r->first].op != GRAPH_LINEAR) {
        reference_keep(r, x, GRAPH_INPUT);
    }
    for (int index = r->first; index <= r->last; index++) {
        const graph_node *node = &g->nodes[index];
        if (node->op == GRAPH_INPUT) {
            continue;
        }
        const approximate *from = &r->result[node->inputs[0]];
        graph_extent extent = {(int)from->h, (int)from->w};
        extent = op_of(node->op)->extent ? op_of(node->op)->extent(node, extent) : extent;
        r->result[index] = approximate_create(n, node->channels_out, extent.h, extent.w);
        switch (node->op) {
        case GRAPH_CONV:
        case GRAPH_LINEAR: reference_conv(r, index); break;
        case GRAPH_BATCHNORM: reference_batchnorm(r, index); break;
        case GRAPH_MAXPOOL: reference_maxpool(r, index); break;
        case GRAPH_GLOBAL_AVGPOOL: reference_average(r, index); break;
        case GRAPH_RELU:
        case GRAPH_ADD: reference_pointwise(r, index); break;
        case GRAPH_INPUT: break;
        }
        reference_keep(r, &r->result[index], node->op);
    }
}

/* ---- backward ---- */

/* A parameter's gradient gathered term by term: value, size of its terms, inherited error, number of terms. */
typedef struct gathered {
    double sum, size, inherited;
    int64_t terms;
} gathered;

static inline void gather(gathered *g, double a, double ea, double b, double eb)
{
    g->sum += a * b;
    g->size += fabs(a * b);
    g->inherited += product_error(a, ea, b, eb);
    g->terms += (a != 0 || ea != 0) && (b != 0 || eb != 0);
}

static inline double gathered_error(const gathered *g)
{
    return g->inherited + (double)(g->terms > 0 ? g->terms + 4 : 0) * UNIT_ROUNDOFF * (g->size + g->inherited);
}

static inline void reference_store(reference *r, int parameter, int64_t i, const gathered *g)
{
    int64_t count = (int64_t)r->network->graph->parameters[parameter].count;
    reference_column(r->parameter, parameter, count)[i] = g->sum;
    reference_column(r->parameter_error, parameter, count)[i] = gathered_error(g);
}

/* A bias' gradient: the sum over images and pixels. */
static inline void reference_bias_backward(reference *r, int index)
{
    const approximate *dy = &r->gradient[index];
    for (int64_t k = 0; k < dy->c; k++) {
        gathered sum = {0, 0, 0, 0};
        for (int64_t n = 0; n < dy->n; n++) {
            for (int64_t i = at(dy, n, k, 0, 0); i < at(dy, n, k, 0, 0) + dy->h * dy->w; i++) {
                gather(&sum, dy->v[i], dy->e[i], 1, 0);
            }
        }
        reference_store(r, r->network->graph->nodes[index].parameter + 1, k, &sum);
    }
}

/* A linear layer's too. */
static inline void reference_conv_backward(reference *r, int index)
{
    const graph_node *node = &r->network->graph->nodes[index];
    const approximate *x = &r->result[node->inputs[0]], *dy = &r->gradient[index];
    approximate *dx = &r->gradient[node->inputs[0]];
    const float *w = network_parameter(r->network, node->parameter);
    gathered *share = calloc((size_t)count_of(x), sizeof *share);
    int64_t kernel_w = node->window.kernel[1], area = node->window.kernel[0] * kernel_w;
    int64_t inputs = x->c / node->window.groups, outputs = dy->c / node->window.groups;
    bool image = r->network->graph->nodes[node->inputs[0]].op == GRAPH_INPUT; /* nobody asks for its gradient */
    for (int64_t o = 0; o < dy->c; o++) {
        for (int64_t i = 0; i < inputs; i++) {
            for (int64_t k = 0; k < area; k++) {
                gathered sum = {0, 0, 0, 0};
                int64_t q = (o * inputs + i) * area + k;
                double rounding = reference_weight_rounding(r, index, w[q]) * fabs((double)w[q]);
                for (int64_t j = 0; j < dy->n * dy->h * dy->w; j++) {
                    int64_t n = j / (dy->h * dy->w), y = j / dy->w % dy->h, xx = j % dy->w;
                    int64_t sy = seen(node, 0, y, k / kernel_w, x->h), sx = seen(node, 1, xx, k % kernel_w, x->w);
                    if (sy < 0 || sx < 0) {
                        continue;
                    }
                    int64_t s = at(x, n, o / outputs * inputs + i, sy, sx), d = at(dy, n, o, y, xx);
                    if (image && x->v[s] == 0) {
                        continue;
                    }
                    gather(&sum, x->v[s], x->e[s], dy->v[d], dy->e[d]);
                    if (image) {
                        continue;
                    }
                    gather(&share[s], w[q], rounding, dy->v[d], dy->e[d]);
                }
                reference_store(r, node->parameter, q, &sum);
            }
        }
    }
    for (int64_t s = 0; s < count_of(x); s++) {
        /* shares of several readers are summed one after the other: one more rounding of each share */
        dx->v[s] += share[s].sum;
        dx->e[s] += gathered_error(&share[s]);
    }
    free(share);
    if (reference_has_bias(node)) {
        reference_bias_backward(r, index);
    }
}

/* dx = gamma inv (dy - [mean(dy) + xhat mean(dy xhat)]); the bracket only with the batch's own statistics. */
static inline void reference_batchnorm_backward(reference *r, int index)
{
    const graph_node *node = &r->network->graph->nodes[index];
    const approximate *x = &r->result[node->inputs[0]], *dy = &r->gradient[index];
    approximate *dx = &r->gradient[node->inputs[0]];
    const float *gamma = network_parameter(r->network, node->parameter);
    bool batch = reference_uses_batch(r, index);
    double count = (double)(x->n * x->h * x->w);
    for (int64_t c = 0; c < x->c; c++) {
        channel_statistics s = reference_statistics(r, index, c);
        gathered by_xhat = {0, 0, 0, 0}, plain = {0, 0, 0, 0};
        for (int pass = 0; pass < 2; pass++) {
            double a = plain.sum / count, ea = gathered_error(&plain) / count;
            double b = by_xhat.sum / count, eb = gathered_error(&by_xhat) / count;
            for (int64_t j = 0; j < x->n * x->h * x->w; j++) {
                int64_t i = at(x, j / (x->h * x->w), c, 0, 0) + j % (x->h * x->w);
                double d = x->v[i] - s.mean, ed = x->e[i] + s.mean_error + UNIT_ROUNDOFF * fabs(d);
                double xhat = d * s.inverse;
                double exhat = product_error(d, ed, s.inverse, s.inverse_error) + 2 * UNIT_ROUNDOFF * fabs(xhat);
                if (pass == 0) {
                    gather(&by_xhat, dy->v[i], dy->e[i], xhat, exhat);
                    gather(&plain, dy->v[i], dy->e[i], 1, 0);
                    continue;
                }
                double inner = dy->v[i], size = fabs(inner), error = dy->e[i];
                if (batch) {
                    inner -= a + xhat * b;
                    size += fabs(a) + fabs(xhat * b);
                    error += ea + product_error(xhat, exhat, b, eb);
                }
                dx->v[i] += gamma[c] * s.inverse * inner;
                dx->e[i] += fabs(gamma[c]) * (product_error(inner, error, s.inverse, s.inverse_error) +
                                              8 * UNIT_ROUNDOFF * s.inverse * (size + error));
            }
        }
        reference_store(r, node->parameter, c, &by_xhat);
        reference_store(r, node->parameter + 1, c, &plain);
    }
}

static inline void reference_relu_backward(reference *r, int index)
{
    const graph_node *node = &r->network->graph->nodes[index];
    const approximate *x = &r->result[node->inputs[0]], *dy = &r->gradient[index];
    approximate *dx = &r->gradient[node->inputs[0]];
    for (int64_t i = 0; i < count_of(x); i++) {
        bool passes = x->v[i] > 0, uncertain = fabs(x->v[i]) <= x->e[i];
        dx->v[i] += passes ? dy->v[i] : 0;
        dx->e[i] += UNIT_ROUNDOFF * fabs(dy->v[i]) + dy->e[i] + (uncertain ? fabs(dy->v[i]) : 0);
    }
}

static inline void reference_maxpool_backward(reference *r, int index)
{
    const graph_node *node = &r->network->graph->nodes[index];
    const approximate *x = &r->result[node->inputs[0]], *y = &r->result[index], *dy = &r->gradient[index];
    approximate *dx = &r->gradient[node->inputs[0]];
    for (int64_t i = 0; i < count_of(y); i++) {
        int64_t xx = i % y->w, yy = i / y->w % y->h, plane = i / (y->w * y->h), rivals = 0;
        int64_t window[64], n_window = 0;
        double doubt = y->e[i];
        for (int64_t k = 0; k < (int64_t)node->window.kernel[0] * node->window.kernel[1]; k++) {
            int64_t sy = seen(node, 0, yy, k / node->window.kernel[1], x->h);
            int64_t sx = seen(node, 1, xx, k % node->window.kernel[1], x->w);
            if (sy >= 0 && sx >= 0) {
                int64_t s = (plane * x->h + sy) * x->w + sx;
                rivals += x->v[s] + x->e[s] >= y->v[i] - y->e[i];
                doubt += x->v[s] + x->e[s] >= y->v[i] - y->e[i] ? x->e[s] : 0;
                window[n_window++] = s;
            }
        }
        bool given = false;
        for (int64_t k = 0; k < n_window; k++) {
            int64_t s = window[k];
            bool rival = x->v[s] + x->e[s] >= y->v[i] - y->e[i];
            if (x->v[s] == y->v[i] && !given) { /* the first of equals, as PyTorch */
                dx->v[s] += dy->v[i];
                given = true;
            }
            /* a tie of exact values is none: the first of them is the winner */
            dx->e[s] += rival ? dy->e[i] + (double)(n_window + 3) * UNIT_ROUNDOFF * fabs(dy->v[i]) +
                                    (rivals > 1 && doubt > 0 ? fabs(dy->v[i]) : 0)
                              : 0;
        }
    }
}

static inline void reference_spread(reference *r, int from, int to)
{
    const approximate *dy = &r->gradient[from];
    approximate *dx = &r->gradient[to];
    int64_t area = dx->h * dx->w / (dy->h * dy->w);
    for (int64_t i = 0; i < count_of(dx); i++) {
        dx->v[i] += dy->v[i / area] / (double)area;
        dx->e[i] += (dy->e[i / area] + 2 * UNIT_ROUNDOFF * fabs(dy->v[i / area])) / (double)area;
    }
}

/* A node's share of a gradient is kept rounded, and so is its sum with the shares before. */
static inline void reference_keep_share(const reference *r, const graph_node *node, approximate *dx,
                                        const double *before)
{
    for (int64_t i = 0; node->op != GRAPH_LINEAR && i < count_of(dx); i++) {
        dx->e[i] += r->storage * (fabs(dx->v[i] - before[i]) + fabs(dx->v[i]) + 2 * dx->e[i]);
    }
}

/* From the gradient of the last node's result [N,K] and how far off it may be. Every parameter and every result gets
 * one. */
static inline void reference_backward_within(reference *r, const float *output_gradient, double error)
{
    const graph *g = r->network->graph;
    for (int i = 0; i < g->n_nodes; i++) {
        const approximate *a = &r->result[i];
        if (a->v) {
            r->gradient[i] = approximate_create(a->n, a->c, a->h, a->w);
        }
    }
    for (int64_t i = 0; i < count_of(&r->result[r->last]); i++) {
        r->gradient[r->last].v[i] = output_gradient[i];
        r->gradient[r->last].e[i] = error;
    }
    for (int index = r->last; index >= r->first; index--) {
        const graph_node *node = &g->nodes[index];
        int inputs[2] = {node->inputs[0], node->inputs[1]};
        double *before[2] = {NULL, NULL};
        for (int i = 0; i < 2; i++) {
            if (inputs[i] >= 0) {
                size_t bytes = (size_t)count_of(&r->gradient[inputs[i]]) * sizeof(double);
                before[i] = memcpy(malloc(bytes), r->gradient[inputs[i]].v, bytes);
            }
        }
        switch (node->op) {
        case GRAPH_CONV:
        case GRAPH_LINEAR: reference_conv_backward(r, index); break;
        case GRAPH_BATCHNORM: reference_batchnorm_backward(r, index); break;
        case GRAPH_MAXPOOL: reference_maxpool_backward(r, index); break;
        case GRAPH_GLOBAL_AVGPOOL: reference_spread(r, index, node->inputs[0]); break;
        case GRAPH_RELU: reference_relu_backward(r, index); break;
        case GRAPH_ADD:
            reference_spread(r, index, node->inputs[0]);
            reference_spread(r, index, node->inputs[1]);
            break;
        case GRAPH_INPUT: break;
        }
        for (int i = 0; i < 2; i++) {
            if (before[i]) {
                reference_keep_share(r, node, &r->gradient[inputs[i]], before[i]);
                free(before[i]);
            }
        }
    }
}

/* The same of a gradient that is exact. */
static inline void reference_backward(reference *r, const float *output_gradient)
{
    reference_backward_within(r, output_gradient, 0);
}

#endif
