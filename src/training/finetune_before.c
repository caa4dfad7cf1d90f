/*
 * What comes before the steps: automatic learning rates before an epoch, recalibrated batch norm before the first. Both
 * go through training rows by the frozen blocks' cache and move no weight.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/progress.h"
#include "training/finetune.h"
#include "reshift/words.h"

/* ---- automatic learning rates ---- */

/* Rows of whole steps that reach RESHIFT_AUTO_ROWS. */
static int64_t rows_of_gradient(const finetune *t)
{
    int64_t n = 0;
    while (n < t->n_rows && n < RESHIFT_AUTO_ROWS) {
        n += tail_step_rows(t->tail, t->n_rows - n);
    }
    return n;
}

typedef struct gradient_rows {
    int epoch;
    int64_t count;
} gradient_rows;

static reshift_status add_gradient(finetune *t, void *context, int n, int64_t done, reshift_error *error)
{
    const gradient_rows *rows = context;
    reshift_status status = tail_gradient_add(t->tail, n, t->labels, (double)n / (double)rows->count, error);
    if (status == RESHIFT_ERROR_NUMERIC) {
        error_prefix(error, status, "learning rates of epoch %d, image %lld", rows->epoch, (long long)done);
        error_hint(error, "use smaller learning rates");
    }
    return status;
}

static reshift_status gather_gradient(finetune *t, int epoch, reshift_error *error)
{
    gradient_rows rows = {epoch, rows_of_gradient(t)};
    reshift_status status = tail_gradient_start(t->tail, error);
    return status == RESHIFT_OK ? finetune_walk(t, "learning rates", epoch, rows.count, add_gradient, &rows, error)
                                : status;
}

/* r / largest, where a block of zeros is infinitely larger than others, and blocks without any gradient are all alike.
 */
static double share_of(double ratio, double largest)
{
    return largest == 0 ? 1 : isinf(largest) ? (isinf(ratio) ? 1 : 0) : ratio / largest;
}

static void tell_rates(const finetune *t, int epoch, const reshift_chosen_rate *rates)
{
    char text[1024];
    size_t length = 0;
    for (int i = 0; i < t->options->n_blocks && length < sizeof text; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%s %s %.3g (%.3g)", i ? "," : "",
                                   rates[i].block, rates[i].learning_rate, rates[i].ratio);
    }
    progress_message(t->progress, RESHIFT_LOG_INFO, "epoch %d: learning rates (and gradient over weights):%s", epoch,
                     text);
}

reshift_status finetune_choose_rates(finetune *t, int epoch, reshift_chosen_rate *rates, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    const graph *g = t->net->graph;
    double *lengths = malloc(2 * (size_t)g->n_blocks * sizeof *lengths), largest = 0;
    if (!lengths) {
        return error_memory(error, 2 * (size_t)g->n_blocks * sizeof *lengths, "learning rates");
    }
    const double *gradients = lengths, *weights = lengths + g->n_blocks;
    reshift_status status = gather_gradient(t, epoch, error);
    if (status == RESHIFT_OK) {
        tail_gradient_lengths(t->tail, lengths, lengths + g->n_blocks);
    }
    for (int i = 0; i < o->n_blocks && status == RESHIFT_OK; i++) {
        const int b = graph_find_block(g, o->blocks[i].block);
        if (!isfinite(gradients[b]) || !isfinite(weights[b])) {
            status =
                error_set(error, RESHIFT_ERROR_NUMERIC,
                          "learning rates of epoch %d: block '%s' has a gradient of length %g and weights of length "
                          "%g",
                          epoch, g->blocks[b], gradients[b], weights[b]);
            break;
        }
        rates[i].ratio = gradients[b] == 0 ? 0 : weights[b] == 0 ? INFINITY : gradients[b] / weights[b];
        largest = fmax(largest, rates[i].ratio);
    }
    for (int i = 0; i < o->n_blocks && status == RESHIFT_OK; i++) {
        rates[i].learning_rate = o->auto_rate * share_of(rates[i].ratio, largest);
        tail_set_rate(t->tail, graph_find_block(g, rates[i].block), rates[i].learning_rate);
    }
    if (status == RESHIFT_OK) {
        tell_rates(t, epoch, rates);
    }
    free(lengths);
    return status;
}

/* ---- recalibrated batch norm ---- */

static reshift_status add_statistics(finetune *t, void *context, int n, int64_t done, reshift_error *error)
{
    (void)context;
    (void)done;
    return tail_recalibrate_step(t->tail, n, error);
}

reshift_status finetune_recalibrate(finetune *t, reshift_error *error)
{
    int n_dims;
    int64_t shape[3];
    if (!tail_has_batchnorm(t->tail)) {
        progress_message(t->progress, RESHIFT_LOG_WARNING,
                         "batch norm: the trained blocks have none, so there is nothing to recalibrate");
        return RESHIFT_OK;
    }
    frozen_row_shape(t->frozen, &n_dims, shape);
    reshift_status status = tail_recalibrate_start(t->tail, n_dims, shape, frozen_row_width(t->frozen) == 2,
                                                   t->options->batch, t->n_rows, error);
    if (status == RESHIFT_OK) {
        status = finetune_walk(t, "batch norm", 0, t->n_rows, add_statistics, NULL, error);
    }
    if (status == RESHIFT_OK) {
        status = tail_synchronise(t->tail, error);
    }
    tail_recalibrate_end(t->tail);
    if (status == RESHIFT_OK) {
        progress_message(t->progress, RESHIFT_LOG_INFO,
                         "batch norm: statistics of the trained blocks recalibrated on %lld %s", (long long)t->n_rows,
                         reshift_noun_for(t->n_rows, "image", "images"));
    }
    return status;
}
