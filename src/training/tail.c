/* With batch statistics everywhere the tail is the whole network: what lies below depends on the batch too. */
#include "training/tail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"
#include "engine/plan.h"
#include "engine/plan_optimiser.h"
#include "kernels/linear.h"
#include "kernels/softmax.h"

typedef struct training_plan {
    plan *plan; /* NULL: no batch of this size */
    int batch;
} training_plan;

struct tail {
    network *net;
    reshift_precision precision;
    double label_smoothing;
    int first_block;
    bool *train_block;     /* [n_blocks] */
    bool *batchnorm_batch; /* [n_blocks] */
    int *trained, n_trained;
    int *changed, n_changed;
    plan_optimiser *optimiser;
    training_plan whole, rest;
    float *gradient; /* of several batches: that of each trained parameter, one behind the other; NULL: none yet */
    int64_t batches_gathered; /* while statistics are recalibrated */
    plan *measuring;
    int measuring_batch, n_classes;
};

/* Which blocks run where, which parameters move. */
static void divide(tail *t, const double *rates, reshift_batchnorm batchnorm)
{
    const graph *g = t->net->graph;
    bool everywhere = batchnorm == RESHIFT_BATCHNORM_TRAIN_ALL;
    t->first_block = g->n_blocks;
    for (int b = g->n_blocks - 1; b >= 0; b--) {
        t->train_block[b] = rates[b] >= 0;
        t->batchnorm_batch[b] = everywhere || (batchnorm == RESHIFT_BATCHNORM_TRAIN && t->train_block[b]);
        if (everywhere || t->train_block[b]) {
            t->first_block = b;
        }
    }
    for (int p = 0; p < g->n_parameters; p++) {
        const graph_parameter *parameter = &g->parameters[p];
        bool running = parameter->role == GRAPH_RUNNING_MEAN || parameter->role == GRAPH_RUNNING_VAR;
        if (!running && t->train_block[parameter->block]) {
            t->trained[t->n_trained++] = p;
            t->changed[t->n_changed++] = p;
        } else if (running && (t->batchnorm_batch[parameter->block] ||
                               (batchnorm == RESHIFT_BATCHNORM_RECALIBRATE && t->train_block[parameter->block]))) {
            t->changed[t->n_changed++] = p;
        }
    }
}

static reshift_status make_optimiser(tail *t, const tail_setup *setup, reshift_error *error)
{
    double *rates = calloc((size_t)t->n_trained + 1, sizeof *rates);
    if (!rates) {
        return error_memory(error, (size_t)t->n_trained * sizeof *rates, "the optimiser");
    }
    for (int i = 0; i < t->n_trained; i++) {
        rates[i] = setup->rates[t->net->graph->parameters[t->trained[i]].block];
    }
    reshift_status status =
        plan_optimiser_create(t->net, NULL, &setup->rule, t->trained, rates, t->n_trained, &t->optimiser, error);
    free(rates);
    return status;
}

reshift_status tail_create(network *net, const tail_setup *setup, tail **out, reshift_error *error)
{
    *out = NULL;
    size_t blocks = (size_t)net->graph->n_blocks, parameters = (size_t)net->graph->n_parameters;
    tail *t = calloc(1, sizeof *t);
    if (t) {
        t->net = net;
        t->precision = setup->precision;
        t->label_smoothing = setup->label_smoothing;
        t->train_block = calloc(blocks + 1, sizeof *t->train_block);
        t->batchnorm_batch = calloc(blocks + 1, sizeof *t->batchnorm_batch);
        t->trained = calloc(parameters + 1, sizeof *t->trained);
        t->changed = calloc(parameters + 1, sizeof *t->changed);
    }
    if (!t || !t->train_block || !t->batchnorm_batch || !t->trained || !t->changed) {
        tail_destroy(&t);
        return error_memory(error, parameters * sizeof(int), "the trained blocks");
    }
    divide(t, setup->rates, setup->batchnorm);
    reshift_status status = make_optimiser(t, setup, error);
    if (status != RESHIFT_OK) {
        tail_destroy(&t);
    }
    *out = t;
    return status;
}

void tail_destroy(tail **pointer)
{
    tail *t = pointer ? *pointer : NULL;
    if (!t) {
        return;
    }
    plan_destroy(&t->whole.plan);
    plan_destroy(&t->rest.plan);
    plan_destroy(&t->measuring);
    memory_free(t->gradient);
    plan_optimiser_destroy(&t->optimiser);
    free(t->train_block);
    free(t->batchnorm_batch);
    free(t->trained);
    free(t->changed);
    free(t);
    *pointer = NULL;
}

int tail_first_block(const tail *t) { return t->first_block; }
plan_optimiser *tail_optimiser(tail *t) { return t->optimiser; }
int64_t tail_steps(const tail *t) { return optimiser_steps(plan_optimiser_host(t->optimiser)); }

const int *tail_trained(const tail *t, int *count)
{
    *count = t->n_trained;
    return t->trained;
}

const int *tail_changed(const tail *t, int *count)
{
    *count = t->n_changed;
    return t->changed;
}

/* ---- plans ---- */

static reshift_status make_training_plan(tail *t, const plan_options *options, training_plan *p, reshift_error *error)
{
    p->batch = options->batch;
    reshift_status status = plan_create(t->net, options, &p->plan, error);
    for (int i = 0; status == RESHIFT_OK && i < t->n_trained; i++) {
        if (!plan_has_gradient(p->plan, t->trained[i])) {
            status = error_set(error, RESHIFT_ERROR_INTERNAL, "parameter '%s' has no gradient",
                               t->net->graph->parameters[t->trained[i]].name);
        }
    }
    return status;
}

static plan_options options_of(const tail *t, int n_dims, const int64_t shape[3], bool bf16)
{
    return (plan_options){.height = n_dims == 3 ? (int)shape[0] : 1,
                          .width = n_dims == 3 ? (int)shape[1] : 1,
                          .first_block = t->first_block,
                          .last_block = t->net->graph->n_blocks - 1,
                          .bf16_input = bf16,
                          .precision = t->precision,
                          .train_block = t->train_block,
                          .batchnorm_batch = t->batchnorm_batch,
                          .label_smoothing = t->label_smoothing};
}

reshift_status tail_plan(tail *t, int n_dims, const int64_t shape[3], bool bf16, int batch, int64_t n_rows,
                         int64_t n_test, reshift_error *error)
{
    plan_options options = options_of(t, n_dims, shape, bf16);
    reshift_status status = RESHIFT_OK;
    if (n_rows >= batch) {
        options.batch = batch;
        status = make_training_plan(t, &options, &t->whole, error);
    }
    if (status == RESHIFT_OK && n_rows % batch > 0) {
        options.batch = (int)(n_rows % batch);
        status = make_training_plan(t, &options, &t->rest, error);
    }
    if (status == RESHIFT_OK && n_test > 0) {
        options.batch = t->measuring_batch = (int)(n_test < batch ? n_test : batch);
        options.train_block = options.batchnorm_batch = NULL;
        status = plan_create(t->net, &options, &t->measuring, error);
        if (status == RESHIFT_OK) {
            int64_t output[4];
            plan_output_shape(t->measuring, &n_dims, output);
            t->n_classes = (int)output[1];
        }
    }
    return status;
}

/* ---- steps ---- */

static training_plan *plan_of(tail *t, int n) { return t->whole.plan && n == t->whole.batch ? &t->whole : &t->rest; }

int tail_step_rows(const tail *t, int64_t left)
{
    return t->whole.plan && left >= t->whole.batch ? t->whole.batch : t->rest.batch;
}

void *tail_step_input(tail *t, int n) { return plan_staging(plan_of(t, n)->plan); }

reshift_status tail_step(tail *t, int n, const int *labels, double factor, double *loss, int *correct,
                         reshift_error *error)
{
    const training_plan *p = plan_of(t, n);
    reshift_status status = plan_forward(p->plan, error);
    if (status == RESHIFT_OK) {
        status = plan_loss(p->plan, labels, loss, correct, error);
    }
    if (status == RESHIFT_OK) {
        status = plan_backward(p->plan, error);
    }
    return status == RESHIFT_OK ? plan_optimiser_step(t->optimiser, p->plan, factor, error) : status;
}

reshift_status tail_synchronise(tail *t, reshift_error *error)
{
    plan *any = t->whole.plan ? t->whole.plan : t->rest.plan;
    return any ? plan_synchronise(any, error) : RESHIFT_OK;
}

void tail_set_rate(tail *t, int block, double learning_rate)
{
    for (int i = 0; i < t->n_trained; i++) {
        if (t->net->graph->parameters[t->trained[i]].block == block) {
            plan_optimiser_set_rate(t->optimiser, i, learning_rate);
        }
    }
}

/* ---- the gradient of several batches ---- */

static size_t count_of(const tail *t, int i) { return t->net->graph->parameters[t->trained[i]].count; }

reshift_status tail_gradient_start(tail *t, reshift_error *error)
{
    size_t count = 0;
    for (int i = 0; i < t->n_trained; i++) {
        count += count_of(t, i);
    }
    if (!t->gradient) {
        t->gradient = memory_allocate(count * sizeof *t->gradient);
    }
    if (!t->gradient) {
        return error_memory(error, count * sizeof *t->gradient, "a gradient");
    }
    memset(t->gradient, 0, count * sizeof *t->gradient);
    return tail_synchronise(t, error); /* the lengths of the weights are read, too */
}

reshift_status tail_gradient_add(tail *t, int n, const int *labels, double share, reshift_error *error)
{
    const training_plan *p = plan_of(t, n);
    double loss;
    int correct;
    plan_set_momentum(p->plan, 0);
    reshift_status status = plan_forward(p->plan, error);
    plan_set_momentum(p->plan, -1);
    if (status == RESHIFT_OK) {
        status = plan_loss(p->plan, labels, &loss, &correct, error);
    }
    if (status == RESHIFT_OK) {
        status = plan_backward(p->plan, error);
    }
    float *sum = t->gradient;
    const float factor = (float)share;
    for (int i = 0; i < t->n_trained && status == RESHIFT_OK; sum += count_of(t, i), i++) {
        const float *gradient = NULL;
        const int64_t count = (int64_t)count_of(t, i);
        status = plan_read_gradient(p->plan, t->trained[i], &gradient, error);
        if (status != RESHIFT_OK) {
            break;
        }
#pragma omp parallel for simd schedule(static)
        for (int64_t k = 0; k < count; k++) {
            sum[k] += factor * gradient[k];
        }
    }
    return status;
}

static double sum_of_squares(const float *values, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++) {
        sum += (double)values[k] * (double)values[k];
    }
    return sum;
}

void tail_gradient_lengths(const tail *t, double *gradients, double *weights)
{
    const graph *g = t->net->graph;
    const float *gradient = t->gradient;
    for (int b = 0; b < g->n_blocks; b++) {
        gradients[b] = weights[b] = 0;
    }
    for (int i = 0; i < t->n_trained; gradient += count_of(t, i), i++) {
        const int block = g->parameters[t->trained[i]].block;
        gradients[block] += sum_of_squares(gradient, count_of(t, i));
        weights[block] += sum_of_squares(network_parameter(t->net, t->trained[i]), count_of(t, i));
    }
    for (int b = 0; b < g->n_blocks; b++) {
        gradients[b] = sqrt(gradients[b]);
        weights[b] = sqrt(weights[b]);
    }
}

/* ---- recalibration ---- */

/* The node is a batch norm of a trained block. */
static bool is_recalibrated(const tail *t, int node)
{
    const graph_node *n = &t->net->graph->nodes[node];
    return n->op == GRAPH_BATCHNORM && t->train_block[n->block];
}

bool tail_has_batchnorm(const tail *t)
{
    bool any = false;
    for (int i = 0; i < t->net->graph->n_nodes; i++) {
        any = any || is_recalibrated(t, i);
    }
    return any;
}

reshift_status tail_recalibrate_start(tail *t, int n_dims, const int64_t shape[3], bool bf16, int batch, int64_t n_rows,
                                      reshift_error *error)
{
    plan_options options = options_of(t, n_dims, shape, bf16);
    options.batchnorm_batch = t->train_block;
    options.train_block = NULL;
    reshift_status status = RESHIFT_OK;
    if (n_rows >= batch) {
        options.batch = t->whole.batch = batch;
        status = plan_create(t->net, &options, &t->whole.plan, error);
    }
    if (status == RESHIFT_OK && n_rows % batch > 0) {
        options.batch = t->rest.batch = (int)(n_rows % batch);
        status = plan_create(t->net, &options, &t->rest.plan, error);
    }
    t->batches_gathered = 0;
    for (int i = 0; i < t->net->graph->n_nodes && status == RESHIFT_OK; i++) {
        if (is_recalibrated(t, i)) { /* what is not finite would outlive a share of 0 */
            const graph_node *n = &t->net->graph->nodes[i];
            float *mean = network_parameter(t->net, n->parameter + 2);
            float *variance = network_parameter(t->net, n->parameter + 3);
            for (int c = 0; c < n->channels_out; c++) {
                mean[c] = 0;
                variance[c] = 1;
            }
            network_touch(t->net, n->parameter + 2);
            network_touch(t->net, n->parameter + 3);
            t->net->batches_tracked[i] = 0;
        }
    }
    return status;
}

/* The first batch counts whole, the k-th 1/k: what was there before is gone, and all count alike in the end. */
reshift_status tail_recalibrate_step(tail *t, int n, reshift_error *error)
{
    plan *p = plan_of(t, n)->plan;
    plan_set_momentum(p, (float)(1.0 / (double)++t->batches_gathered));
    return plan_forward(p, error);
}

void tail_recalibrate_end(tail *t)
{
    plan_destroy(&t->whole.plan);
    plan_destroy(&t->rest.plan);
    t->whole.batch = t->rest.batch = 0;
}

/* ---- measuring ---- */

int tail_measure_rows(const tail *t, int64_t left)
{
    return left < t->measuring_batch ? (int)left : t->measuring_batch;
}

void *tail_measure_input(tail *t) { return plan_staging(t->measuring); }

/* Logits of rows behind the first n are not looked at. */
reshift_status tail_measure(tail *t, int n, const int *labels, const output_rows *rows, double *loss_sum,
                            int64_t *correct_sum, reshift_error *error)
{
    plan_set_images(t->measuring, n);
    reshift_status status = plan_forward(t->measuring, error);
    plan_results results = {NULL, NULL, NULL};
    if (status == RESHIFT_OK) {
        status = plan_read(t->measuring, &results, error);
    }
    if (status == RESHIFT_ERROR_NUMERIC) {
        outputs_overflow(rows, plan_overflow_image(t->measuring), error);
    }
    const float *logits = results.output;
    if (status == RESHIFT_OK) {
        status = outputs_check(logits, n, t->n_classes, "logits", rows, error);
    }
    for (int i = 0; status == RESHIFT_OK && i < n; i++) {
        int correct;
        *loss_sum += (double)softmax_cross_entropy_f32(logits + (int64_t)i * t->n_classes, t->n_classes, labels[i], 0,
                                                       NULL, &correct);
        *correct_sum += correct;
    }
    return status;
}

reshift_status tail_check_finite(const tail *t, reshift_error *error)
{
    for (int i = 0; i < t->n_changed; i++) {
        const graph_parameter *p = &t->net->graph->parameters[t->changed[i]];
        const int64_t n = (int64_t)p->count;
        if (finite_first_bad(network_parameter(t->net, t->changed[i]), n, 1) < n) {
            return error_set(error, RESHIFT_ERROR_NUMERIC, "tensor '%s' is not finite", p->name);
        }
    }
    return RESHIFT_OK;
}
