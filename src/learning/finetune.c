/*
 * Fine-tuning: the network cut in two at the first trained block. What lies below is an inference plan whose output is
 * kept where it fits (frozen.h); what lies above, the tail, is a training plan for the batch, one for the smaller last
 * batch of an epoch, and an inference plan to measure with. With batch statistics in the frozen blocks too nothing
 * below can be kept, as its output depends on the batch: the tail is then the whole network.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/random.h"
#include "datasets/augmented.h"
#include "datasets/dataset.h"
#include "learning/calibrate.h"
#include "learning/checkpoint.h"
#include "learning/frozen.h"
#include "learning/tail.h"
#include "models/model.h"
#include "reshift/learning.h"

void reshift_finetune_options_default(reshift_finetune_options *options)
{
    *options = (reshift_finetune_options){
        .epochs = 10, .batch = 64, .schedule = {.step_size = 1, .gamma = 0.1}, .cache_budget_bytes = (uint64_t)4 << 30};
}

typedef struct finetune {
    reshift_model *model;
    network *net;
    const reshift_dataset *dataset;
    const reshift_finetune_options *options;
    const reshift_progress *progress;
    int64_t n_rows, n_test, n_validation;
    reshift_precision precision; /* of the frozen blocks, as it is here */
    double *rates;               /* [n_blocks], 0: not trained */
    tail *tail;
    frozen *frozen;
    reshift_frozen_cache *own_cache; /* for this call alone; NULL where the caller gives one */
    int *labels;                     /* of a batch */
    int64_t *order;                  /* [n_rows] of an epoch */
} finetune;

/* ---- what is asked for ---- */

static reshift_status check_blocks(finetune *t, reshift_error *error)
{
    const graph *g = t->net->graph;
    const reshift_finetune_options *o = t->options;
    if (o->n_blocks < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "fine-tuning: no block to train is named");
    }
    for (int i = 0; i < o->n_blocks; i++) {
        int block = graph_find_block(g, o->blocks[i].block);
        if (block < 0) {
            char names[256] = "";
            for (int b = 0; b < g->n_blocks; b++) {
                size_t length = strlen(names);
                snprintf(names + length, sizeof names - length, "%s%s", b ? ", " : "", g->blocks[b]);
            }
            error_set(error, RESHIFT_ERROR_ARGUMENT, "fine-tuning: the network has no block '%s'", o->blocks[i].block);
            error_hint(error, "its blocks are %s", names);
            return RESHIFT_ERROR_ARGUMENT;
        }
        if (t->rates[block] > 0) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "fine-tuning: block '%s' is named twice",
                             o->blocks[i].block);
        }
        if (!(o->blocks[i].learning_rate > 0) || !isfinite(o->blocks[i].learning_rate)) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT,
                             "fine-tuning: block '%s': the learning rate must be positive, found %g",
                             o->blocks[i].block, o->blocks[i].learning_rate);
        }
        t->rates[block] = o->blocks[i].learning_rate;
    }
    return RESHIFT_OK;
}

/* NAN fails every comparison that has to hold. */
static reshift_status check_tuning(const reshift_finetune_options *o, reshift_error *error)
{
    const reshift_schedule *s = &o->schedule;
    if (!(o->momentum >= 0 && o->momentum < 1) || !(o->weight_decay >= 0 && o->weight_decay <= 1) ||
        !(o->label_smoothing >= 0 && o->label_smoothing <= 1)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "fine-tuning: expected momentum from 0 to below 1, weight decay and label smoothing from 0 to "
                         "1, found %g, %g and %g",
                         o->momentum, o->weight_decay, o->label_smoothing);
    }
    if (o->nesterov && (o->optimizer != RESHIFT_OPTIMIZER_SGD || o->momentum == 0)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "fine-tuning: nesterov needs sgd and a momentum above 0");
    }
    if (s->warmup < 0 || s->step_size < 1 || !(s->gamma > 0 && s->gamma <= 1)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "fine-tuning: expected a warm-up of 0 or more, a step size of 1 or more and gamma above 0, at "
                         "most 1, found %lld, %lld and %g",
                         (long long)s->warmup, (long long)s->step_size, s->gamma);
    }
    return RESHIFT_OK;
}

/* Every label before the first step, not in the middle of an epoch. */
static reshift_status check_labels(const finetune *t, const reshift_dataset *dataset, const char *what,
                                   reshift_error *error)
{
    int n_classes = reshift_model_n_classes(t->model);
    for (int64_t i = 0; i < reshift_dataset_count(dataset); i++) {
        int label = reshift_dataset_label(dataset, i);
        if (label < 0 || label >= n_classes) {
            char name[256];
            reshift_dataset_row_name(dataset, i, name, sizeof name);
            error_set(error, RESHIFT_ERROR_SHAPE, "%s: %s has label %d, but fc has %d outputs", what, name, label,
                      n_classes);
            error_hint(error, "give the network a head for these classes");
            return RESHIFT_ERROR_SHAPE;
        }
    }
    return RESHIFT_OK;
}

static reshift_status check(finetune *t, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    if (o->epochs < 0 || o->batch < 1 || o->batch > 1 << 16) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "fine-tuning: expected epochs >= 0 and batch 1..65536, found %d and %d", o->epochs, o->batch);
    }
    if (t->n_rows < 1 || (o->test && t->n_test < 1) || (o->validation && t->n_validation < 1)) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "fine-tuning: the %s set holds no images",
                         t->n_rows < 1              ? "training"
                         : o->test && t->n_test < 1 ? "test"
                                                    : "validation");
    }
    if (o->keep == RESHIFT_KEEP_BEST && !o->validation) {
        error_set(error, RESHIFT_ERROR_ARGUMENT, "fine-tuning: the best epoch is to be kept, and nothing is held out");
        error_hint(error, "hold a part of the training rows out for validation; the test set chooses nothing");
        return RESHIFT_ERROR_ARGUMENT;
    }
    for (int64_t i = 0; o->order && i < t->n_rows * o->epochs; i++) {
        if (o->order[i] < 0 || o->order[i] >= t->n_rows) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "order[%lld]: there is no row %lld", (long long)i,
                             (long long)o->order[i]);
        }
    }
    reshift_status status = o->augment ? augment_check(o->augment, error) : RESHIFT_OK;
    if (status == RESHIFT_OK) {
        status = check_blocks(t, error);
    }
    if (status == RESHIFT_OK) {
        status = check_tuning(o, error);
    }
    if (status == RESHIFT_OK) {
        status = check_labels(t, t->dataset, "training set", error);
    }
    if (status == RESHIFT_OK && o->test) {
        status = check_labels(t, o->test, "test set", error);
    }
    if (status == RESHIFT_OK && o->validation) {
        status = check_labels(t, o->validation, "validation set", error);
    }
    return status;
}

/* ---- setting up ---- */

/* The caller's cache, or one of this call's own; what is used once is not worth keeping. */
static reshift_status choose_cache(finetune *t, int epochs_left, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    if (o->cache || epochs_left < 2 || o->cache_budget_bytes == 0) {
        return RESHIFT_OK;
    }
    const reshift_frozen_cache_options options = {
        .folder = o->cache_folder, .budget_bytes = o->cache_budget_bytes, .temporary = true};
    return reshift_frozen_cache_open(&options, &t->own_cache, error);
}

static int64_t most_measured(const finetune *t) { return t->n_test > t->n_validation ? t->n_test : t->n_validation; }

static reshift_status make_frozen(finetune *t, int epochs_left, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    reshift_status status = choose_cache(t, epochs_left, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    frozen_setup setup = {
        .forward = {.net = t->net,
                    .recipe = reshift_model_recipe(t->model),
                    .size = o->size,
                    .batch = o->forward_batch,
                    .n_rows = t->n_rows > most_measured(t) ? t->n_rows : most_measured(t),
                    .precision = t->precision,
                    .last_block = tail_first_block(t->tail) - 1,
                    .halves = reshift_precision_here(o->precision, true) == RESHIFT_PRECISION_BF16},
        .n_rows = t->n_rows + t->n_test + t->n_validation,
        .cache = o->cache ? o->cache : t->own_cache,
    };
    forward_expect(&setup.forward, t->dataset);
    if (o->test) {
        forward_expect(&setup.forward, o->test);
    }
    if (o->validation) {
        forward_expect(&setup.forward, o->validation);
    }
    status = calibrate_if_needed(&setup.forward, t->dataset, t->progress, error);
    return status == RESHIFT_OK ? frozen_create(&setup, &t->frozen, t->progress, error) : status;
}

static reshift_status make_plans(finetune *t, int epochs_left, reshift_error *error)
{
    int n_dims;
    int64_t shape[3];
    reshift_status status = make_frozen(t, epochs_left, error);
    if (status == RESHIFT_OK) {
        frozen_row_shape(t->frozen, &n_dims, shape);
        status = tail_plan(t->tail, n_dims, shape, frozen_row_width(t->frozen) == 2, t->options->batch, t->n_rows,
                           most_measured(t), error);
    }
    return status;
}

static reshift_status allocate(finetune *t, reshift_error *error)
{
    t->rates = calloc((size_t)t->net->graph->n_blocks + 1, sizeof *t->rates);
    t->order = calloc((size_t)t->n_rows + 1, sizeof *t->order);
    t->labels = calloc((size_t)(t->options->batch > 0 ? t->options->batch : 0) + 1, sizeof *t->labels);
    if (!t->rates || !t->order || !t->labels) {
        return error_memory(error, (size_t)t->n_rows * sizeof *t->order, "fine-tuning");
    }
    return RESHIFT_OK;
}

static void release(finetune *t)
{
    frozen_destroy(&t->frozen);
    reshift_frozen_cache_close(&t->own_cache);
    tail_destroy(&t->tail);
    free(t->rates);
    free(t->order);
    free(t->labels);
}

/* ---- the key of a checkpoint ---- */

static void add_text(digest *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_text(digest *d, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    digest_add(d, text, (size_t)length < sizeof text ? (size_t)length + 1 : sizeof text);
}

/* What is not as it was before it could be chosen. */
static void add_tuning(digest *d, const reshift_finetune_options *o)
{
    const reshift_schedule *s = &o->schedule;
    if (o->optimizer != RESHIFT_OPTIMIZER_ADAM) {
        add_text(d, "optimizer %d", (int)o->optimizer);
    }
    if (o->optimizer == RESHIFT_OPTIMIZER_SGD) {
        add_text(d, "momentum %.17g nesterov %d", o->momentum, o->nesterov);
    }
    if (o->weight_decay > 0) {
        add_text(d, "weight decay %.17g", o->weight_decay);
    }
    if (o->label_smoothing > 0) {
        add_text(d, "label smoothing %.17g", o->label_smoothing);
    }
    if (s->warmup > 0 || s->kind != RESHIFT_SCHEDULE_CONSTANT) {
        add_text(d, "schedule %d by step %d warm-up %lld", (int)s->kind, s->by_step, (long long)s->warmup);
    }
    if (s->kind == RESHIFT_SCHEDULE_STEP) {
        add_text(d, "step size %lld gamma %.17g", (long long)s->step_size, s->gamma);
    }
    if (s->kind == RESHIFT_SCHEDULE_COSINE) { /* it ends with the last epoch */
        add_text(d, "epochs %d", o->epochs);
    }
}

/*
 * All that the result depends on, the number of epochs apart where it is not the schedule's: a finished training may be
 * made longer.
 */
static reshift_status make_key(const finetune *t, char key[DIGEST_HEX_BYTES], reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    const reshift_recipe *recipe = reshift_model_recipe(t->model);
    const graph *g = t->net->graph;
    char identity[2][DIGEST_HEX_BYTES] = {"", ""};
    reshift_status status = reshift_dataset_identity(t->dataset, identity[0], error);
    if (status == RESHIFT_OK && o->test) {
        status = reshift_dataset_identity(o->test, identity[1], error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    char held_out[DIGEST_HEX_BYTES] = "";
    status = o->validation ? reshift_dataset_identity(o->validation, held_out, error) : RESHIFT_OK;
    if (status != RESHIFT_OK) {
        return status;
    }
    digest *d = digest_create(DIGEST_SHA256);
    if (!d) {
        return error_memory(error, 0, "a digest");
    }
    if (o->augment) {
        char text[1024];
        augment_describe(o->augment, text, sizeof text);
        add_text(d, "%s", text);
    }
    if (o->validation) { /* a line for what older checkpoints do not know, only where it is asked for */
        add_text(d, "validation %lld %s keep %d", (long long)t->n_validation, held_out, (int)o->keep);
    }
    add_text(d, "batch %d size %d batchnorm %d seed %llu", o->batch, o->size ? o->size : recipe->size,
             (int)o->batchnorm, (unsigned long long)o->seed);
    if (t->precision != RESHIFT_PRECISION_F32) {
        add_text(d, "precision %s", reshift_precision_name(t->precision));
    }
    add_tuning(d, o);
    for (int b = 0; b < g->n_blocks; b++) {
        if (t->rates[b] > 0) {
            add_text(d, "train %s %.17g", g->blocks[b], t->rates[b]);
        }
    }
    add_text(d, "resize %d", recipe->resize);
    digest_add(d, recipe->mean, sizeof recipe->mean);
    digest_add(d, recipe->std, sizeof recipe->std);
    add_text(d, "rows %lld %s test %lld %s", (long long)t->n_rows, identity[0], (long long)t->n_test, identity[1]);
    for (int p = 0; p < g->n_parameters; p++) {
        add_text(d, "%s", g->parameters[p].name);
        digest_add(d, network_parameter(t->net, p), g->parameters[p].count * sizeof(float));
    }
    digest_add(d, t->net->batches_tracked, (size_t)g->n_nodes * sizeof *t->net->batches_tracked);
    for (int e = 0; o->order && e < o->epochs; e++) {
        digest_add(d, o->order + e * t->n_rows, (size_t)t->n_rows * sizeof *o->order);
    }
    digest_finish(d, key);
    digest_destroy(&d);
    return RESHIFT_OK;
}

/* ---- an epoch ---- */

/* Of the next step. */
static double rate_factor(const finetune *t)
{
    const reshift_finetune_options *o = t->options;
    int64_t of_epoch = (t->n_rows + o->batch - 1) / o->batch, step = optimiser_steps(tail_optimiser(t->tail));
    return o->schedule.by_step ? reshift_schedule_factor(&o->schedule, step, of_epoch * o->epochs)
                               : reshift_schedule_factor(&o->schedule, step / of_epoch, o->epochs);
}

static reshift_status train_epoch(finetune *t, reshift_epoch *epoch, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    const int64_t *order = t->order;
    if (o->order) {
        order = o->order + (epoch->epoch - 1) * t->n_rows;
    } else {
        random_stream stream = random_open(o->seed, "finetune-shuffle", (uint64_t)epoch->epoch, 0);
        random_permutation(&stream, t->order, t->n_rows);
    }
    char what[64];
    snprintf(what, sizeof what, "epoch %d/%d", epoch->epoch, o->epochs);
    double loss_sum = 0;
    int64_t correct_sum = 0;
    progress_update(t->progress, what, 0, t->n_rows, "images");
    reshift_dataset *changed = NULL;
    reshift_status status = RESHIFT_OK;
    if (o->augment) { /* a view shares what is below it, which its maker's const does not allow to say */
        status = augmented_open((reshift_dataset *)t->dataset, o->augment, o->seed, epoch->epoch, &changed, error);
        status = status == RESHIFT_OK ? frozen_start_anew(t->frozen, changed, order, t->n_rows, error) : status;
    } else {
        status = frozen_start(t->frozen, t->dataset, order, t->n_rows, false, error);
    }
    for (int64_t done = 0; status == RESHIFT_OK && done < t->n_rows;) {
        int n = tail_step_rows(t->tail, t->n_rows - done), correct;
        double loss;
        status = progress_check(t->progress, error);
        if (status == RESHIFT_OK) {
            status = frozen_next(t->frozen, n, tail_step_input(t->tail, n), t->labels, error);
        }
        if (status == RESHIFT_OK) {
            status = tail_step(t->tail, n, t->labels, rate_factor(t), &loss, &correct, error);
            if (status == RESHIFT_ERROR_NUMERIC) {
                error_prefix(error, status, "epoch %d, image %lld", epoch->epoch, (long long)done);
                error_hint(error, "use smaller learning rates");
            }
        }
        if (status != RESHIFT_OK) {
            break;
        }
        done += n;
        loss_sum += loss * n;
        correct_sum += correct;
        progress_update(t->progress, what, done, t->n_rows, "images");
        if (o->on_step) {
            o->on_step(o->context, optimiser_steps(tail_optimiser(t->tail)), loss);
        }
    }
    epoch->train_loss = loss_sum / (double)t->n_rows;
    epoch->train_accuracy = (double)correct_sum / (double)t->n_rows;
    if (changed) { /* the reader ahead of us must have let go of it */
        reshift_status stopped = frozen_commit(t->frozen, status == RESHIFT_OK ? error : NULL);
        status = status == RESHIFT_OK ? stopped : status;
        reshift_dataset_close(&changed);
    }
    return status;
}

static reshift_status measure(finetune *t, const reshift_dataset *dataset, int64_t count, double *loss,
                              double *accuracy, reshift_error *error)
{
    double loss_sum = 0;
    int64_t correct_sum = 0, done = 0;
    reshift_status status = frozen_start(t->frozen, dataset, NULL, count, false, error);
    progress_update(t->progress, "measuring", 0, count, "images");
    while (status == RESHIFT_OK && done < count) {
        int n = tail_measure_rows(t->tail, count - done);
        status = progress_check(t->progress, error);
        if (status == RESHIFT_OK) {
            status = frozen_next(t->frozen, n, tail_measure_input(t->tail), t->labels, error);
        }
        if (status == RESHIFT_OK) {
            status = tail_measure(t->tail, n, t->labels, &loss_sum, &correct_sum, error);
        }
        if (status == RESHIFT_OK) {
            done += n;
            progress_update(t->progress, "measuring", done, count, "images");
        }
    }
    *loss = loss_sum / (double)count;
    *accuracy = (double)correct_sum / (double)count;
    return status;
}

/* ---- the epoch that is kept ---- */

static reshift_status make_best(const finetune *t, checkpoint_state *s, reshift_error *error)
{
    size_t count = 0;
    for (int i = 0; i < s->n_changed; i++) {
        count += t->net->graph->parameters[s->changed[i]].count;
    }
    s->best = malloc(count * sizeof *s->best + 1);
    s->best_tracked = malloc((size_t)t->net->graph->n_nodes * sizeof *s->best_tracked + 1);
    return s->best && s->best_tracked ? RESHIFT_OK
                                      : error_memory(error, count * sizeof *s->best, "the weights of the best epoch");
}

/* Between the network and where the best epoch's weights are: to keep them, or to put them back. */
static void copy_best(const checkpoint_state *s, bool back)
{
    const graph *g = s->net->graph;
    float *best = s->best;
    for (int i = 0; i < s->n_changed; i++) {
        const size_t count = g->parameters[s->changed[i]].count;
        float *values = network_parameter(s->net, s->changed[i]);
        memcpy(back ? values : best, back ? best : values, count * sizeof *best);
        best += count;
        if (back) {
            network_touch(s->net, s->changed[i]);
        }
    }
    memcpy(back ? s->net->batches_tracked : s->best_tracked, back ? s->best_tracked : s->net->batches_tracked,
           (size_t)g->n_nodes * sizeof *s->best_tracked);
}

/* After an epoch; `epoch` is not in the history yet. */
static void keep_if_best(checkpoint_state *s, const reshift_epoch *epoch)
{
    if (s->best && (s->best_epoch == 0 ||
                    epoch->validation_accuracy > s->history->epochs[s->best_epoch - 1].validation_accuracy)) {
        copy_best(s, false);
        s->best_epoch = epoch->epoch;
    }
}

static void put_best_back(const finetune *t, const checkpoint_state *s)
{
    if (s->best && s->best_epoch > 0) {
        copy_best(s, true);
        progress_message(t->progress, RESHIFT_LOG_INFO, "keeping epoch %d of %d: validation accuracy %.2f %%",
                         s->best_epoch, s->history->n_epochs,
                         100 * s->history->epochs[s->best_epoch - 1].validation_accuracy);
    }
}

static reshift_status run(finetune *t, checkpoint_state *state, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    reshift_history *history = state->history;
    reshift_status status = RESHIFT_OK;
    while (status == RESHIFT_OK && history->n_epochs < o->epochs) {
        double start = clock_seconds();
        reshift_epoch *epoch = &history->epochs[history->n_epochs];
        *epoch = (reshift_epoch){.epoch = history->n_epochs + 1,
                                 .test_loss = NAN,
                                 .test_accuracy = NAN,
                                 .validation_loss = NAN,
                                 .validation_accuracy = NAN};
        status = train_epoch(t, epoch, error);
        if (status == RESHIFT_OK && t->n_test) {
            status = measure(t, o->test, t->n_test, &epoch->test_loss, &epoch->test_accuracy, error);
        }
        if (status == RESHIFT_OK && t->n_validation) {
            status = measure(t, o->validation, t->n_validation, &epoch->validation_loss, &epoch->validation_accuracy,
                             error);
        }
        epoch->seconds = clock_seconds() - start;
        if (status == RESHIFT_OK) {
            keep_if_best(state, epoch);
            history->n_epochs++;
            status = o->checkpoint ? checkpoint_save(o->checkpoint, state, error) : RESHIFT_OK;
        }
        if (status == RESHIFT_OK && o->on_epoch) {
            o->on_epoch(o->context, epoch);
        }
    }
    return status;
}

/* ---- the whole ---- */

static optimiser_rule rule_of(const reshift_finetune_options *o)
{
    return (optimiser_rule){.kind = o->optimizer == RESHIFT_OPTIMIZER_SGD     ? OPTIMISER_SGD
                                    : o->optimizer == RESHIFT_OPTIMIZER_ADAMW ? OPTIMISER_ADAMW
                                                                              : OPTIMISER_ADAM,
                            .decay = o->weight_decay,
                            .momentum = o->momentum,
                            .nesterov = o->nesterov};
}

static reshift_status prepare_and_run(finetune *t, reshift_history *history, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    char key[DIGEST_HEX_BYTES] = "";
    reshift_status status = allocate(t, error);
    if (status == RESHIFT_OK) {
        status = check(t, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    history->epochs = calloc((size_t)o->epochs + 1, sizeof *history->epochs);
    if (!history->epochs) {
        return error_memory(error, (size_t)o->epochs * sizeof *history->epochs, "a history");
    }
    t->precision = forward_precision(o->precision, false, t->progress);
    const tail_setup setup = {.rates = t->rates,
                              .batchnorm = o->batchnorm,
                              .precision = reshift_precision_here(o->precision, true),
                              .rule = rule_of(o),
                              .label_smoothing = o->label_smoothing};
    status = tail_create(t->net, &setup, &t->tail, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    checkpoint_state state = {
        .key = key, .net = t->net, .optimiser = tail_optimiser(t->tail), .history = history, .epochs = o->epochs};
    state.changed = tail_changed(t->tail, &state.n_changed);
    state.trained = tail_trained(t->tail, &state.n_trained);
    state.validated = o->validation != NULL;
    if (o->keep == RESHIFT_KEEP_BEST) {
        status = make_best(t, &state, error);
    }
    if (status == RESHIFT_OK && o->checkpoint) {
        bool taken;
        status = make_key(t, key, error);
        if (status == RESHIFT_OK) {
            status = checkpoint_load(o->checkpoint, &state, &taken, t->progress, error);
        }
    }
    if (status == RESHIFT_OK && history->n_epochs < o->epochs) {
        status = make_plans(t, o->epochs - history->n_epochs, error);
        if (status == RESHIFT_OK) {
            if (o->augment) {
                progress_message(t->progress, RESHIFT_LOG_INFO,
                                 "augmentation: training images differ in every epoch, so the frozen blocks run anew for "
                                 "them and nothing of it is kept");
            }
            const reshift_dataset *const sets[] = {o->augment ? NULL : t->dataset, o->test, o->validation};
            status = frozen_fill(t->frozen, sets, 3, t->progress, error);
        }
        if (status == RESHIFT_OK) {
            status = run(t, &state, error);
        }
    }
    if (status == RESHIFT_OK) {
        put_best_back(t, &state);
    }
    free(state.best);
    free(state.best_tracked);
    return status;
}

reshift_status reshift_finetune(reshift_model *model, const reshift_dataset *dataset,
                                const reshift_finetune_options *options, reshift_history *history,
                                const reshift_progress *progress, reshift_error *error)
{
    finetune t = {.model = model,
                  .net = model_network(model),
                  .dataset = dataset,
                  .options = options,
                  .progress = progress,
                  .n_rows = reshift_dataset_count(dataset),
                  .n_test = options->test ? reshift_dataset_count(options->test) : 0,
                  .n_validation = options->validation ? reshift_dataset_count(options->validation) : 0};
    memset(history, 0, sizeof *history);
    reshift_status status = prepare_and_run(&t, history, error);
    if (t.tail) { /* what was measured of the network before is no longer true of what was trained */
        network_forget_ranges(t.net, tail_first_block(t.tail));
    }
    release(&t);
    if (status == RESHIFT_OK) { /* the weights say from now on which images they have seen */
        reshift_fingerprints images = {0};
        status = reshift_fingerprints_of(dataset, &images, error);
        status = status == RESHIFT_OK ? reshift_model_add_trained_on(model, &images, error) : status;
        reshift_fingerprints_destroy(&images);
        if (status == RESHIFT_OK && options->validation) { /* they have chosen, or may have */
            status = reshift_fingerprints_of(options->validation, &images, error);
            status = status == RESHIFT_OK ? reshift_model_add_trained_on(model, &images, error) : status;
            reshift_fingerprints_destroy(&images);
        }
    }
    if (status != RESHIFT_OK) {
        reshift_history_destroy(history);
    }
    return status;
}
