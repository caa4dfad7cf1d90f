/*
 * What a training depends on, as facts: a checkpoint keeps their text, so that a mismatch can be named, and their
 * sha256 is its key. The table of options has a row for every field of reshift_finetune_options.
 */
#include <stdio.h>

#include "base/error.h"
#include "base/facts.h"
#include "datasets/augmented.h"
#include "training/finetune.h"
#include "models/identity.h"

static const char *const optimizers[] = {
    [RESHIFT_OPTIMIZER_ADAM] = "adam", [RESHIFT_OPTIMIZER_ADAMW] = "adamw", [RESHIFT_OPTIMIZER_SGD] = "sgd", NULL};
static const char *const schedules[] = {[RESHIFT_SCHEDULE_CONSTANT] = "constant",
                                        [RESHIFT_SCHEDULE_STEP] = "step",
                                        [RESHIFT_SCHEDULE_COSINE] = "cosine",
                                        NULL};
static const char *const batchnorms[] = {[RESHIFT_BATCHNORM_FROZEN] = "frozen",
                                         [RESHIFT_BATCHNORM_TRAIN] = "train",
                                         [RESHIFT_BATCHNORM_TRAIN_ALL] = "train-all",
                                         [RESHIFT_BATCHNORM_RECALIBRATE] = "recalibrate",
                                         NULL};
static const char *const keeps[] = {[RESHIFT_KEEP_LAST] = "last", [RESHIFT_KEEP_BEST] = "best", NULL};

static bool is_step(const void *schedule)
{
    return ((const reshift_schedule *)schedule)->kind == RESHIFT_SCHEDULE_STEP;
}
static bool has_units(const void *schedule)
{
    const reshift_schedule *s = schedule;
    return s->warmup > 0 || s->kind != RESHIFT_SCHEDULE_CONSTANT;
}

#define SCHEDULE_FIELDS(ROW, T)                                                                                        \
    ROW(T, CHOICE, kind, "schedule", .words = schedules)                                                               \
    ROW(T, BOOL, by_step, "schedule by step", .counts = has_units)                                                     \
    ROW(T, INT, warmup, "warm-up")                                                                                     \
    ROW(T, INT, step_size, "step size", .counts = is_step)                                                             \
    ROW(T, NUMBER, gamma, "gamma", .counts = is_step)
FACTS_TABLE(schedule_facts, reshift_schedule, SCHEDULE_FIELDS);

static const reshift_finetune_options *options_of(const void *options) { return options; }
static bool is_sgd(const void *o) { return options_of(o)->optimizer == RESHIFT_OPTIMIZER_SGD; }
static bool is_cosine(const void *o) { return options_of(o)->schedule.kind == RESHIFT_SCHEDULE_COSINE; }
static bool is_validated(const void *o) { return options_of(o)->validation != NULL; }

/* The schedule of a cosine ends with the last epoch; any other training may be made longer. */
#define FINETUNE_FIELDS(ROW, T)                                                                                        \
    ROW(T, ELSEWHERE, blocks, "lr BLOCK")                                                                              \
    ROW(T, ELSEWHERE, n_blocks, "lr BLOCK")                                                                            \
    ROW(T, NUMBER, auto_rate, "largest automatic learning rate")                                                       \
    ROW(T, INT, epochs, "epochs of the schedule", .counts = is_cosine)                                                 \
    ROW(T, INT, batch, "batch")                                                                                        \
    ROW(T, ELSEWHERE, size, "size")                                                                                    \
    ROW(T, CHOICE, batchnorm, "batchnorm", .words = batchnorms)                                                        \
    ROW(T, ELSEWHERE, precision, "precision")                                                                          \
    ROW(T, CHOICE, optimizer, "optimizer", .words = optimizers)                                                        \
    ROW(T, NUMBER, momentum, "momentum", .counts = is_sgd)                                                             \
    ROW(T, BOOL, nesterov, "nesterov", .counts = is_sgd)                                                               \
    ROW(T, NUMBER, weight_decay, "weight decay")                                                                       \
    ROW(T, NUMBER, label_smoothing, "label smoothing")                                                                 \
    ROW(T, RECORD, schedule, "schedule", .record = &schedule_facts)                                                    \
    ROW(T, UINT, seed, "seed")                                                                                         \
    ROW(T, NEVER, cache, "where activations are kept, not what they are")                                              \
    ROW(T, NEVER, forward_batch, "rows of one pass: the same within rounding")                                         \
    ROW(T, NEVER, cache_budget_bytes, "how many activations are kept")                                                 \
    ROW(T, NEVER, cache_folder, "where activations are kept")                                                          \
    ROW(T, NEVER, checkpoint, "where the checkpoint is")                                                               \
    ROW(T, NEVER, checkpoint_mismatch, "what is done when the key differs")                                            \
    ROW(T, ELSEWHERE, test, "test images")                                                                             \
    ROW(T, ELSEWHERE, validation, "validation images")                                                                 \
    ROW(T, ELSEWHERE, augment, "augmentation: ...")                                                                    \
    ROW(T, CHOICE, keep, "keep", .words = keeps, .counts = is_validated)                                               \
    ROW(T, NEVER, on_epoch, "is told of epochs")                                                                       \
    ROW(T, NEVER, context, "of the callbacks")                                                                         \
    ROW(T, NEVER, on_step, "is told of steps")                                                                         \
    ROW(T, ELSEWHERE, order, "order of rows")
FACTS_TABLE(finetune_facts, reshift_finetune_options, FINETUNE_FIELDS);

static void add_options(fact_list *f, const finetune *t)
{
    const reshift_finetune_options *o = t->options;
    reshift_finetune_options usual;
    reshift_finetune_options_default(&usual);
    facts_add_table(f, &finetune_facts, o, &usual);
    for (int b = 0; b < t->net->graph->n_blocks; b++) {
        if (t->rates[b] >= 0) { /* negative: not trained */
            char name[64];
            snprintf(name, sizeof name, "lr %s", t->net->graph->blocks[b]);
            facts_add_number(f, name, t->rates[b]);
        }
    }
    if (o->auto_rate > 0) {
        facts_add(f, "rows for automatic rates", "%d", RESHIFT_AUTO_ROWS);
    }
    if (o->augment) {
        augment_add_facts(f, o->augment);
        facts_add(f, "augmentation: after the crop", "%s", finetune_crops_first(t) ? "true" : "false");
    }
    if (o->order) {
        facts_add_bytes(f, "order of rows", o->order, (size_t)o->epochs * (size_t)t->n_rows * sizeof *o->order);
    }
}

static reshift_status add_images(fact_list *f, const finetune *t, reshift_error *error)
{
    reshift_status status = identity_add_set(f, "training images", t->dataset, error);
    if (status == RESHIFT_OK && t->options->test) {
        status = identity_add_set(f, "test images", t->options->test, error);
    }
    if (status == RESHIFT_OK && t->options->validation) {
        status = identity_add_set(f, "validation images", t->options->validation, error);
    }
    return status;
}

/* The network as it starts and the preparation of its images. */
static void add_start(fact_list *f, const finetune *t)
{
    const graph *g = t->net->graph;
    facts_add(f, "precision", "%s", reshift_precision_name(t->precision));
    facts_add(f, "precision of trained blocks", "%s",
              reshift_precision_name(reshift_precision_here(t->options->precision, true)));
    identity_add_recipe(f, reshift_model_recipe(t->model), t->options->size);
    identity_add_network(f, t->net, g->n_blocks - 1, t->precision);
    facts_add_bytes(f, "batches counted in batch norm", t->net->batches_tracked,
                    (size_t)g->n_nodes * sizeof *t->net->batches_tracked);
}

reshift_status finetune_key(const finetune *t, fact_list **out, char key[DIGEST_HEX_BYTES], reshift_error *error)
{
    fact_list *f = *out = facts_create();
    if (!f) {
        return error_memory(error, 1024, "the options of a training");
    }
    add_options(f, t);
    reshift_status status = add_images(f, t, error);
    if (status == RESHIFT_OK) {
        add_start(f, t);
        status = facts_finish(f, key, error);
    }
    if (status != RESHIFT_OK) {
        facts_destroy(out);
    }
    return status;
}
