/*
 * The linear probe: softmax regression by Adam on features that lie in memory (or in a mapped file). This file checks
 * what it is given, draws initial weights and the order of every epoch, and keeps the history; the arithmetic of an
 * epoch is in probe_epoch.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/threads.h"
#include "datasets/classes.h"
#include "training/divergence.h"
#include "inference/forward.h"
#include "classifiers/probe_epoch.h"

void reshift_probe_options_default(reshift_probe_options *options)
{
    *options = (reshift_probe_options){.epochs = 30, .batch = 64, .learning_rate = 0.001};
}

/* What a probe gives is kept by studies alone: the facts are the settings that a stage's key has
 * (tests/experiment/test_keys.c). */
#define PROBE_FIELDS(ROW, T)                                                                                           \
    ROW(T, INT, epochs, "probe.epochs")                                                                                \
    ROW(T, INT, batch, "probe.batch")                                                                                  \
    ROW(T, NUMBER, learning_rate, "probe.lr")                                                                          \
    ROW(T, UINT, seed, "seed")                                                                                         \
    ROW(T, NEVER, on_epoch, "is told of epochs")                                                                       \
    ROW(T, NEVER, context, "of the callback")                                                                          \
    ROW(T, NEVER, precision, "a study trains its probe in float32")                                                    \
    ROW(T, NEVER, class_weights, "a study weighs all classes alike")                                                   \
    ROW(T, NEVER, initial_weight, "a study draws its own from the seed")                                               \
    ROW(T, NEVER, initial_bias, "a study draws its own from the seed")                                                 \
    ROW(T, NEVER, order, "a study draws its own from the seed")
FACTS_TABLE(probe_facts, reshift_probe_options, PROBE_FIELDS);

static reshift_status set_initial(probe *p, reshift_error *error)
{
    int64_t n_classes = p->layer.n_classes, n_features = p->layer.n_features;
    if (p->options->initial_weight && p->options->initial_bias) {
        linear_set(&p->layer, p->options->initial_weight, p->options->initial_bias);
        return RESHIFT_OK;
    }
    /* fewer than the layer holds, whose size was checked when it was made */
    float *weight = memory_allocate((size_t)n_classes * (size_t)n_features * sizeof(float));
    float *bias = memory_allocate((size_t)n_classes * sizeof(float));
    if (!weight || !bias) {
        memory_free(weight);
        memory_free(bias);
        return error_memory(error, p->layer.n_weights * sizeof(float), "initial weights");
    }
    double bound = 1 / sqrt((double)n_features);
    for (int64_t k = 0; k < n_classes; k++) {
        random_stream stream = random_open(p->options->seed, "probe-init", 0, (uint64_t)k);
        for (int64_t d = 0; d < n_features; d++) {
            weight[k * n_features + d] = (float)((2 * random_uniform(&stream) - 1) * bound);
        }
        bias[k] = (float)((2 * random_uniform(&stream) - 1) * bound);
    }
    linear_set(&p->layer, weight, bias);
    memory_free(weight);
    memory_free(bias);
    return RESHIFT_OK;
}

static reshift_status diverged(const probe *p, const char *what, int epoch, double loss, reshift_error *error)
{
    char which[64], hint[160];
    snprintf(which, sizeof which, "%s loss of epoch %d", what, epoch);
    snprintf(hint, sizeof hint, "scale the features to values of about 1, or use a smaller learning rate than %g",
             p->options->learning_rate);
    return divergence_error("the probe's training", which, loss, p->layer.n_classes, hint, error);
}

/* A step of Adam changes a weight by the learning rate at most, whatever the gradient: tiny features need large
 * weights. */
static void warn_of_unit(const probe *p, const reshift_progress *progress)
{
    const reshift_probe_options *o = p->options;
    const double spread = sample_spread(&p->train), D = (double)p->train.n_features;
    const double steps = (double)o->epochs * ceil((double)p->train.n / o->batch),
                 change = steps * o->learning_rate * sqrt(D) * spread;
    const bool tiny = spread > 0 && spread < 1e-2; /* else it is the few steps that change nothing */
    if (tiny && o->epochs > 0 && change < 1e-2) {
        progress_message(
            progress, RESHIFT_LOG_WARNING,
            "probe: the features' standard deviation is %.2g (all columns together), so that %.0f steps of Adam "
            "at a learning rate of %g change no logit by more than %.1g: scale the features to values of about 1",
            spread, steps, o->learning_rate, change);
    }
}

static reshift_status train(probe *p, reshift_history *history, const reshift_progress *progress, reshift_error *error)
{
    const reshift_probe_options *options = p->options;
    reshift_status status = RESHIFT_OK;
    warn_of_unit(p, progress);
    progress_update(progress, "probe", 0, options->epochs, "epochs");
    for (int e = 0; status == RESHIFT_OK && e < options->epochs; e++) {
        status = progress_check(progress, error);
        if (status != RESHIFT_OK) {
            break;
        }
        double start = clock_seconds();
        const int64_t *order = options->order ? options->order + e * p->train.n : p->order;
        if (!options->order) {
            random_stream stream = random_open(options->seed, "probe-shuffle", (uint64_t)e, 0);
            random_permutation(&stream, p->order, p->train.n);
        }
        reshift_epoch *epoch = &history->epochs[e];
        *epoch = (reshift_epoch){
            .epoch = e + 1, .test_loss = NAN, .test_accuracy = NAN, .validation_loss = NAN, .validation_accuracy = NAN};
        int64_t correct;
        probe_run_epoch(p, order, &epoch->train_loss, &correct);
        epoch->train_accuracy = (double)correct / (double)p->train.n;
        if (!isfinite(epoch->train_loss)) {
            status = diverged(p, "training", e + 1, epoch->train_loss, error);
            break;
        }
        if (p->test.n) {
            probe_measure(p, &p->test, &epoch->test_loss, &epoch->test_accuracy);
            if (!isfinite(epoch->test_loss)) {
                status = diverged(p, "test", e + 1, epoch->test_loss, error);
                break;
            }
        }
        if (e == options->epochs - 1) { /* a step's loss is that of the weights before it: see what the last one did */
            double loss, accuracy;
            probe_measure(p, &p->train, &loss, &accuracy);
            if (reshift_loss_diverged(loss, p->layer.n_classes)) {
                status = diverged(p, "final training", e + 1, loss, error);
                break;
            }
        }
        epoch->seconds = clock_seconds() - start;
        history->n_epochs = e + 1;
        progress_update(progress, "probe", e + 1, options->epochs, "epochs");
        if (options->on_epoch) {
            options->on_epoch(options->context, epoch);
        }
    }
    return status;
}

/* ---- the whole ---- */

static reshift_status check_options(const reshift_probe_options *options, reshift_error *error)
{
    if (options->epochs < 0 || options->batch < 1 || options->batch > 1 << 20) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "probe: expected epochs >= 0 and batch 1..1048576, found %d and %d", options->epochs,
                         options->batch);
    }
    if (!(options->learning_rate > 0) || !isfinite(options->learning_rate)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "probe: the learning rate must be positive, found %g",
                         options->learning_rate);
    }
    return RESHIFT_OK;
}

/* Rows must count: not every weight of a class with rows is 0. */
static reshift_status check_class_weights(const probe *p, int n_classes, reshift_error *error)
{
    const double *weights = p->options->class_weights;
    double sum = 0;
    for (int k = 0; weights && k < n_classes; k++) {
        if (!(weights[k] >= 0) || !isfinite((float)weights[k])) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "probe: class weight %d: expected 0 or more, found %g", k,
                             weights[k]);
        }
    }
    for (int64_t i = 0; weights && i < p->train.n; i++) {
        sum += weights[p->train.labels[i]];
    }
    return !weights || sum > 0
               ? RESHIFT_OK
               : error_set(error, RESHIFT_ERROR_ARGUMENT, "probe: every training row is of a class whose weight is 0");
}

static reshift_status check_order(const probe *p, reshift_error *error)
{
    if (!p->options->order) {
        return RESHIFT_OK;
    }
    for (int64_t i = 0; i < p->train.n * p->options->epochs; i++) {
        if (p->options->order[i] < 0 || p->options->order[i] >= p->train.n) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "order[%lld]: there is no row %lld", (long long)i,
                             (long long)p->options->order[i]);
        }
    }
    return RESHIFT_OK;
}

static int choose_threads(const probe *p)
{
    int threads = threads_most();
    return threads < p->layer.n_parts ? threads : (int)p->layer.n_parts;
}

reshift_status reshift_probe_train(const reshift_array *features, const reshift_array *labels,
                                   const reshift_array *test_features, const reshift_array *test_labels, int n_classes,
                                   const reshift_probe_options *options, reshift_array *weight, reshift_array *bias,
                                   reshift_history *history, const reshift_progress *progress, reshift_error *error)
{
    reshift_probe_options defaults;
    reshift_probe_options_default(&defaults);
    probe p = {.options = options ? options : &defaults};
    memset(weight, 0, sizeof *weight);
    memset(bias, 0, sizeof *bias);
    memset(history, 0, sizeof *history);
    int largest = -1, ignored;

    reshift_status status = check_options(p.options, error);
    if (status == RESHIFT_OK) {
        status = sample_take(features, labels, "training", &p.train, &largest, error);
    }
    if (status == RESHIFT_OK && test_features) {
        status = test_labels ? sample_take(test_features, test_labels, "test", &p.test, &ignored, error)
                             : error_set(error, RESHIFT_ERROR_ARGUMENT, "test features without test labels");
        if (status == RESHIFT_OK && p.test.n_features != p.train.n_features) {
            status =
                error_set(error, RESHIFT_ERROR_SHAPE, "test features: expected %lld columns as in training, found %lld",
                          (long long)p.train.n_features, (long long)p.test.n_features);
        }
    }
    if (status != RESHIFT_OK) {
        goto end;
    }
    if (n_classes <= 0) {
        n_classes = largest + 1;
    }
    status = sample_check_labels(&p.train, "training", n_classes, error);
    if (status == RESHIFT_OK) {
        status = sample_check_labels(&p.test, "test", n_classes, error);
    }
    if (status == RESHIFT_OK) {
        status = classes_check(p.train.labels, p.train.n, n_classes, "training labels", progress, error);
    }
    if (status == RESHIFT_OK) {
        status = check_class_weights(&p, n_classes, error);
    }
    if (status == RESHIFT_OK) {
        status = check_order(&p, error);
    }
    if (status == RESHIFT_OK) {
        status = linear_create(p.train.n_features, n_classes, &p.layer, error);
    }
    if (status != RESHIFT_OK) {
        goto end;
    }
    p.n_threads = choose_threads(&p);
    if (forward_precision(p.options->precision, true, progress) == RESHIFT_PRECISION_BF16) {
        p.bf16 = linear_bf16_here();
    }
    status = probe_allocate(&p, error);
    if (status == RESHIFT_OK) {
        status = set_initial(&p, error);
    }
    if (status == RESHIFT_OK) {
        history->epochs = calloc((size_t)p.options->epochs + 1, sizeof *history->epochs);
        if (!history->epochs) {
            status = error_memory(error, (size_t)p.options->epochs * sizeof *history->epochs, "a history");
        }
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n_classes, p.train.n_features}, weight, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 1, (int64_t[]){n_classes}, bias, error);
    }
    if (status == RESHIFT_OK) {
        status = train(&p, history, progress, error);
    }
    if (status == RESHIFT_OK) {
        linear_get(&p.layer, weight->data, bias->data);
    }
end:
    probe_release(&p);
    if (status != RESHIFT_OK) {
        reshift_array_destroy(weight);
        reshift_array_destroy(bias);
        reshift_history_destroy(history);
    }
    return status;
}
