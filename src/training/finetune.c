/*
 * Fine-tuning: the network cut in two at the first trained block. What lies below is an inference plan whose output is
 * kept where it fits (frozen.h); what lies above, the tail, is a training plan for the batch, one for the smaller last
 * batch of an epoch, and an inference plan to measure with. With batch statistics in the frozen blocks too nothing
 * below can be kept, as its output depends on the batch: the tail is then the whole network.
 */
#include "training/finetune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "inference/calibrate.h"
#include "training/checkpoint.h"
#include "training/divergence.h"

void reshift_finetune_options_default(reshift_finetune_options *options)
{
    *options = (reshift_finetune_options){
        .epochs = 10, .batch = 64, .schedule = {.step_size = 1, .gamma = 0.1}, .cache_budget_bytes = (uint64_t)4 << 30};
}

/* ---- setting up ---- */

/* Rows whose output of the frozen blocks stays the same from epoch to epoch: augmented ones do not count. */
static int64_t rows_to_keep(const finetune *t)
{
    return (t->options->augment ? 0 : t->n_rows) + t->n_test + t->n_validation;
}

/* The caller's cache, or one of this call's own; what is used once is not worth keeping. */
static reshift_status choose_cache(finetune *t, int epochs_left, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    if (o->cache || epochs_left < 2 || o->cache_budget_bytes == 0 || rows_to_keep(t) == 0) {
        return RESHIFT_OK;
    }
    const reshift_frozen_cache_options options = {
        .folder = o->cache_folder, .budget_bytes = o->cache_budget_bytes, .temporary = true};
    return reshift_frozen_cache_open(&options, &t->own_cache, error);
}

/* Of the sets that are measured after an epoch; without any, a batch of training rows is, see finetune_check_finite().
 */
static int64_t most_measured(const finetune *t)
{
    const int64_t most = t->n_test > t->n_validation ? t->n_test : t->n_validation;
    const int64_t batch = t->options->batch < t->n_rows ? t->options->batch : t->n_rows;
    return most > batch ? most : batch;
}

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
                    .bf16 = reshift_precision_here(o->precision, true) == RESHIFT_PRECISION_BF16},
        .n_rows = rows_to_keep(t),
        .cache = rows_to_keep(t) == 0 ? NULL
                 : o->cache           ? o->cache
                                      : t->own_cache,
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

static reshift_status make_plans(finetune *t, reshift_error *error)
{
    int n_dims;
    int64_t shape[3];
    frozen_row_shape(t->frozen, &n_dims, shape);
    return tail_plan(t->tail, n_dims, shape, frozen_row_width(t->frozen) == 2, t->options->batch, t->n_rows,
                     most_measured(t), error);
}

/* The cut network, its rows, its statistics; `epochs_left` may be 0 where statistics are all that is wanted. */
static reshift_status prepare(finetune *t, int epochs_left, bool recalibrates, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    reshift_status status = make_frozen(t, epochs_left + recalibrates, error);
    if (status == RESHIFT_OK && !recalibrates) {
        status = make_plans(t, error);
    }
    if (status == RESHIFT_OK && o->augment) {
        progress_message(t->progress, RESHIFT_LOG_INFO,
                         "augmentation: training images differ in every epoch, so the frozen blocks run in every epoch "
                         "and their output for training images is not kept");
    }
    if (status == RESHIFT_OK) {
        const reshift_dataset *const sets[] = {o->augment ? NULL : t->dataset, o->test, o->validation};
        status = frozen_fill(t->frozen, sets, 3, t->progress, error);
    }
    if (status == RESHIFT_OK && recalibrates) {
        status = finetune_recalibrate(t, error);
        if (status == RESHIFT_OK && epochs_left > 0) {
            status = make_plans(t, error);
        }
    }
    return status;
}

static reshift_status make_history(const finetune *t, reshift_history *history, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    const size_t epochs = (size_t)o->epochs + 1, n_rated = o->auto_rate > 0 ? (size_t)o->n_blocks : 0;
    history->epochs = calloc(epochs, sizeof *history->epochs);
    history->rates = n_rated ? calloc(epochs * n_rated, sizeof *history->rates) : NULL;
    if (!history->epochs || (n_rated && !history->rates)) {
        return error_memory(error, epochs * (sizeof *history->epochs + n_rated * sizeof *history->rates), "a history");
    }
    history->n_rated = (int)n_rated;
    for (size_t i = 0; i < epochs * n_rated; i++) {
        snprintf(history->rates[i].block, sizeof history->rates[i].block, "%s", o->blocks[i % n_rated].block);
    }
    return RESHIFT_OK;
}

static reshift_status allocate(finetune *t, reshift_error *error)
{
    t->rates = calloc((size_t)t->net->graph->n_blocks + 1, sizeof *t->rates);
    t->order = calloc((size_t)t->n_rows + 1, sizeof *t->order);
    t->labels = calloc((size_t)(t->options->batch > 0 ? t->options->batch : 0) + 1, sizeof *t->labels);
    if (!t->rates || !t->order || !t->labels) {
        return error_memory(error, (size_t)t->n_rows * sizeof *t->order, "fine-tuning");
    }
    for (int b = 0; b < t->net->graph->n_blocks; b++) {
        t->rates[b] = -1;
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

/* Nothing is trained at rates of 0, so nothing can diverge. */
static bool any_rate(const finetune *t)
{
    bool any = false;
    for (int b = 0; b < t->net->graph->n_blocks; b++) {
        any = any || t->rates[b] > 0;
    }
    return any;
}

/*
 * NUMERIC where the weights after this epoch are lost. The training loss of an epoch is a mean over its steps: a first
 * step of very wrong logits may be in it that later ones have repaired, so that the loss after the last step decides
 * where it was measured (`end_loss`, else NAN).
 */
static reshift_status check_diverged(const finetune *t, const reshift_epoch *epoch, double end_loss,
                                     reshift_error *error)
{
    const int K = reshift_model_n_classes(t->model);
    const double losses[] = {isnan(end_loss) ? epoch->train_loss : end_loss, epoch->test_loss, epoch->validation_loss};
    static const char *const names[] = {"training", "test", "validation"};
    for (int i = 0; i < 3 && any_rate(t); i++) {
        if (!isnan(losses[i]) && reshift_loss_diverged(losses[i], K)) {
            char which[64];
            snprintf(which, sizeof which, "%s loss %s epoch %d", names[i], i || isnan(end_loss) ? "of" : "after",
                     epoch->epoch);
            return divergence_error(
                "training", which, losses[i], K,
                reshift_loss_diverged(t->first_loss, K) && !isnan(t->first_loss)
                    ? "the first step's loss is as large: the network or its head does not fit these "
                      "images"
                    : "use smaller learning rates",
                error);
        }
    }
    return RESHIFT_OK;
}

/* In the middle of a training a lost network may still recover. */
static void warn_if_diverging(const finetune *t, const reshift_epoch *epoch)
{
    reshift_error lost;
    if (check_diverged(t, epoch, t->end_loss, &lost) != RESHIFT_OK) {
        progress_message(t->progress, RESHIFT_LOG_WARNING, "%s", lost.message);
    }
}

/* Test and validation figures of an epoch; what is not finite is an error whoever measures. */
static reshift_status measure_epoch(finetune *t, reshift_epoch *epoch, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    reshift_status status = finetune_check_finite(t, error);
    if (status == RESHIFT_OK && t->n_test) {
        status = finetune_measure(t, o->test, t->n_test, &epoch->test_loss, &epoch->test_accuracy, error);
    }
    if (status == RESHIFT_OK && t->n_validation) {
        status = finetune_measure(t, o->validation, t->n_validation, &epoch->validation_loss,
                                  &epoch->validation_accuracy, error);
    }
    if (status == RESHIFT_ERROR_NUMERIC) {
        finetune_diverged(t, epoch->epoch, error);
    }
    if (status == RESHIFT_OK && epoch->epoch < o->epochs) {
        warn_if_diverging(t, epoch);
    } else if (status == RESHIFT_OK && o->keep == RESHIFT_KEEP_LAST) {
        status = check_diverged(t, epoch, t->end_loss, error);
    }
    return status;
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
        if (o->auto_rate > 0) {
            status = finetune_choose_rates(
                t, epoch->epoch, history->rates + (size_t)history->n_epochs * (size_t)history->n_rated, error);
        }
        if (status == RESHIFT_OK) {
            status = finetune_epoch(t, epoch, error);
        }
        if (status == RESHIFT_OK) {
            status = measure_epoch(t, epoch, error);
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
    fact_list *depends_on = NULL;
    reshift_status status = allocate(t, error);
    if (status == RESHIFT_OK) {
        status = finetune_check(t, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    status = make_history(t, history, error);
    if (status != RESHIFT_OK) {
        return status;
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
        status = finetune_key(t, &depends_on, key, error);
        if (status == RESHIFT_OK) {
            state.depends_on = depends_on;
            state.mismatch = o->checkpoint_mismatch;
            status = checkpoint_load(o->checkpoint, &state, &taken, t->progress, error);
        }
    }
    const bool recalibrates = o->batchnorm == RESHIFT_BATCHNORM_RECALIBRATE && history->n_epochs == 0;
    if (status == RESHIFT_OK && (history->n_epochs < o->epochs || recalibrates)) {
        status = prepare(t, o->epochs - history->n_epochs, recalibrates, error);
        if (status == RESHIFT_OK) {
            status = run(t, &state, error);
        }
    }
    if (status == RESHIFT_OK && history->n_epochs > 0) { /* also of a training that a checkpoint holds whole */
        const int kept = state.best && state.best_epoch > 0 ? state.best_epoch : history->n_epochs;
        status = check_diverged(t, &history->epochs[kept - 1], kept == history->n_epochs ? t->end_loss : NAN, error);
    }
    if (status == RESHIFT_OK) {
        put_best_back(t, &state);
    }
    facts_destroy(&depends_on);
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
                  .first_loss = NAN,
                  .end_loss = NAN,
                  .n_rows = reshift_dataset_count(dataset),
                  .n_test = options->test ? reshift_dataset_count(options->test) : 0,
                  .n_validation = options->validation ? reshift_dataset_count(options->validation) : 0};
    memset(history, 0, sizeof *history);
    reshift_status status = prepare_and_run(&t, history, error);
    if (t.tail) { /* what was measured of the network before is no longer true of what was trained */
        network_forget_ranges(t.net, tail_first_block(t.tail));
    }
    release(&t);
    if (status == RESHIFT_OK) { /* the weights record the preparation and the images that they were trained with */
        reshift_model_set_size(model, options->size);
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
