/* With batch statistics everywhere the tail is the whole network: what lies below depends on the batch too. */
#include "learning/tail.h"

#include <stdlib.h>

#include "base/error.h"
#include "engine/plan.h"
#include "learning/linear.h"

/* A training plan with the gradients of the trained parameters in it. */
typedef struct training_plan {
    plan *plan; /* NULL: no batch of this size */
    int batch;
    const float **gradients; /* [n_trained] */
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
    optimiser *optimiser;
    training_plan whole, rest;
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
        t->train_block[b] = rates[b] > 0;
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
        } else if (running && t->batchnorm_batch[parameter->block]) {
            t->changed[t->n_changed++] = p;
        }
    }
}

static reshift_status make_optimiser(tail *t, const tail_setup *setup, reshift_error *error)
{
    optimiser_span *spans = calloc((size_t)t->n_trained + 1, sizeof *spans);
    if (!spans) {
        return error_memory(error, (size_t)t->n_trained * sizeof *spans, "the optimiser");
    }
    for (int i = 0; i < t->n_trained; i++) {
        const graph_parameter *p = &t->net->graph->parameters[t->trained[i]];
        spans[i] = (optimiser_span){network_parameter(t->net, t->trained[i]), p->count, setup->rates[p->block]};
    }
    reshift_status status = optimiser_create(&setup->rule, spans, t->n_trained, &t->optimiser, error);
    free(spans);
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
    free(t->whole.gradients);
    free(t->rest.gradients);
    optimiser_destroy(&t->optimiser);
    free(t->train_block);
    free(t->batchnorm_batch);
    free(t->trained);
    free(t->changed);
    free(t);
    *pointer = NULL;
}

int tail_first_block(const tail *t) { return t->first_block; }
optimiser *tail_optimiser(tail *t) { return t->optimiser; }

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
    p->gradients = calloc((size_t)t->n_trained + 1, sizeof *p->gradients);
    if (!p->gradients) {
        return error_memory(error, (size_t)t->n_trained * sizeof *p->gradients, "gradients");
    }
    reshift_status status = plan_create(t->net, options, &p->plan, error);
    for (int i = 0; status == RESHIFT_OK && i < t->n_trained; i++) {
        p->gradients[i] = plan_gradient(p->plan, t->trained[i]);
        if (!p->gradients[i]) {
            status = error_set(error, RESHIFT_ERROR_INTERNAL, "parameter '%s' has no gradient",
                               t->net->graph->parameters[t->trained[i]].name);
        }
    }
    return status;
}

reshift_status tail_plan(tail *t, int n_dims, const int64_t shape[3], bool halves, int batch, int64_t n_rows,
                         int64_t n_test, reshift_error *error)
{
    plan_options options = {.height = n_dims == 3 ? (int)shape[0] : 1,
                            .width = n_dims == 3 ? (int)shape[1] : 1,
                            .first_block = t->first_block,
                            .last_block = t->net->graph->n_blocks - 1,
                            .half_input = halves,
                            .precision = t->precision,
                            .train_block = t->train_block,
                            .batchnorm_batch = t->batchnorm_batch,
                            .label_smoothing = t->label_smoothing};
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

void *tail_step_input(tail *t, int n) { return plan_input(plan_of(t, n)->plan); }

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
    if (status != RESHIFT_OK) {
        return status;
    }
    optimiser_advance(t->optimiser, factor, p->gradients);
    for (int i = 0; i < t->n_trained; i++) {
        network_touch(t->net, t->trained[i]);
    }
    return RESHIFT_OK;
}

/* ---- measuring ---- */

int tail_measure_rows(const tail *t, int64_t left)
{
    return left < t->measuring_batch ? (int)left : t->measuring_batch;
}

void *tail_measure_input(tail *t) { return plan_input(t->measuring); }

/* Rows behind the first n hold what was there before; their logits are not looked at. */
reshift_status tail_measure(tail *t, int n, const int *labels, double *loss_sum, int64_t *correct_sum,
                            reshift_error *error)
{
    reshift_status status = plan_forward(t->measuring, error);
    const float *logits = plan_output(t->measuring);
    for (int i = 0; status == RESHIFT_OK && i < n; i++) {
        int correct;
        *loss_sum += (double)linear_cross_entropy(logits + (int64_t)i * t->n_classes, t->n_classes, labels[i], 0, NULL,
                                                  &correct);
        *correct_sum += correct;
    }
    return status;
}
