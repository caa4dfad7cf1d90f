/*
 * y = gamma (x - mean) / sqrt(variance + epsilon) + beta, a channel at a time. The statistics are the running ones,
 * those of the batch (biased variance), or a mixture of both. Gradients (Ioffe & Szegedy 2015) with xhat = (x - mean) /
 * sqrt(variance + epsilon) and m values a channel:
 *
 *     dbeta = sum dy      dgamma = sum dy xhat
 *     dx = gamma / sqrt(variance + epsilon) (dy - [dbeta + xhat dgamma] / m)
 *
 * where the bracket is there only with the batch's own statistics. Source: torch.nn.BatchNorm2d.
 */
#include <math.h>

#include "engine/reference/operations.h"

enum { GAMMA, BETA, RUNNING_MEAN, RUNNING_VARIANCE };

static void batch_statistics(const reference_map *x, int64_t channel, double *mean, double *variance)
{
    const double count = (double)(x->n * x->h * x->w);
    double sum = 0, squares = 0;
    for (int64_t i = channel; i < reference_count(x); i += x->c) {
        sum += (double)x->values[i];
    }
    for (int64_t i = channel; i < reference_count(x); i += x->c) {
        const double difference = (double)x->values[i] - sum / count;
        squares += difference * difference;
    }
    *mean = sum / count;
    *variance = squares / count;
}

static void choose_statistics(reference_node *node, int64_t channel)
{
    const double running[2] = {(double)node->parameters[RUNNING_MEAN][channel],
                               (double)node->parameters[RUNNING_VARIANCE][channel]};
    const double share = node->batch ? node->source_share : 1;
    double own[2] = {0, 0};
    if (node->batch) {
        batch_statistics(&node->inputs[0]->result, channel, &own[0], &own[1]);
    }
    node->mean[channel] = share * running[0] + (1 - share) * own[0];
    node->variance[channel] = share * running[1] + (1 - share) * own[1];
}

static double inverse_of(const reference_node *node, int64_t channel)
{
    return 1 / sqrt(node->variance[channel] + (double)node->node->epsilon);
}

static void forward(reference_node *node)
{
    const reference_map *x = &node->inputs[0]->result;
    for (int64_t c = 0; c < x->c; c++) {
        choose_statistics(node, c);
        const double scale = (double)node->parameters[GAMMA][c] * inverse_of(node, c);
        for (int64_t i = c; i < reference_count(x); i += x->c) {
            node->result.values[i] =
                (float)(scale * ((double)x->values[i] - node->mean[c]) + (double)node->parameters[BETA][c]);
        }
    }
}

static void backward(const reference_node *node)
{
    const reference_map *x = &node->inputs[0]->result, *dx = &node->inputs[0]->gradient;
    const double count = (double)(x->n * x->h * x->w);
    for (int64_t c = 0; c < x->c; c++) {
        const double inverse = inverse_of(node, c), scale = (double)node->parameters[GAMMA][c] * inverse;
        double sum = 0, product = 0;
        for (int64_t i = c; i < reference_count(x); i += x->c) {
            sum += (double)node->gradient.values[i];
            product += (double)node->gradient.values[i] * ((double)x->values[i] - node->mean[c]) * inverse;
        }
        if (node->gradients[GAMMA]) {
            node->gradients[GAMMA][c] = (float)product;
            node->gradients[BETA][c] = (float)sum;
        }
        for (int64_t i = c; i < reference_count(x) && dx->values; i += x->c) {
            const double xhat = ((double)x->values[i] - node->mean[c]) * inverse;
            const double shared = node->batch ? (sum + xhat * product) / count : 0;
            dx->values[i] += (float)(scale * ((double)node->gradient.values[i] - shared));
        }
    }
}

const reference_operation reference_batchnorm = {forward, backward};
