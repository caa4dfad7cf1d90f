/*
 * What a training depends on, as lines of "name<tab>value": a checkpoint keeps them, so that a mismatch can be named. The
 * checkpoint's key is their sha256. An option that was added later has a line only if it is not at its default, so that
 * keys made before it stay valid.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "datasets/augmented.h"
#include "datasets/dataset.h"
#include "training/finetune.h"
#include "models/identity.h"

static void add(FILE *out, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(FILE *out, const char *name, const char *format, ...)
{
    char value[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    for (char *c = value; *c; c++) {
        *c = *c == '\n' || *c == '\t' ? ' ' : *c;
    }
    fprintf(out, "%s\t%s\n", name, value);
}

/* The shortest decimal that reads back to the same value. */
static void add_number(FILE *out, const char *name, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    add(out, name, "%s", text);
}

static void add_tuning(FILE *out, const reshift_finetune_options *o)
{
    static const char *const rules[] = {
        [RESHIFT_OPTIMIZER_ADAM] = "adam", [RESHIFT_OPTIMIZER_ADAMW] = "adamw", [RESHIFT_OPTIMIZER_SGD] = "sgd"};
    static const char *const kinds[] = {[RESHIFT_SCHEDULE_CONSTANT] = "constant",
                                        [RESHIFT_SCHEDULE_STEP] = "step",
                                        [RESHIFT_SCHEDULE_COSINE] = "cosine"};
    const reshift_schedule *s = &o->schedule;
    if (o->optimizer != RESHIFT_OPTIMIZER_ADAM) {
        add(out, "optimizer", "%s", rules[o->optimizer]);
    }
    if (o->optimizer == RESHIFT_OPTIMIZER_SGD) {
        add_number(out, "momentum", o->momentum);
        add(out, "nesterov", "%s", o->nesterov ? "true" : "false");
    }
    if (o->weight_decay > 0) {
        add_number(out, "weight decay", o->weight_decay);
    }
    if (o->label_smoothing > 0) {
        add_number(out, "label smoothing", o->label_smoothing);
    }
    if (o->auto_rate > 0) {
        add_number(out, "largest automatic learning rate", o->auto_rate);
        add(out, "rows for automatic rates", "%d", RESHIFT_AUTO_ROWS);
    }
    if (s->warmup > 0 || s->kind != RESHIFT_SCHEDULE_CONSTANT) {
        add(out, "schedule", "%s by %s", kinds[s->kind], s->by_step ? "step" : "epoch");
        add(out, "warm-up", "%lld", (long long)s->warmup);
    }
    if (s->kind == RESHIFT_SCHEDULE_STEP) {
        add(out, "step size", "%lld", (long long)s->step_size);
        add_number(out, "gamma", s->gamma);
    }
    if (s->kind == RESHIFT_SCHEDULE_COSINE) { /* it ends with the last epoch */
        add(out, "epochs of the schedule", "%d", o->epochs);
    }
}

static void add_options(FILE *out, const finetune *t)
{
    static const char *const batchnorms[] = {[RESHIFT_BATCHNORM_FROZEN] = "frozen",
                                             [RESHIFT_BATCHNORM_TRAIN] = "train",
                                             [RESHIFT_BATCHNORM_TRAIN_ALL] = "train-all",
                                             [RESHIFT_BATCHNORM_RECALIBRATE] = "recalibrate"};
    const reshift_finetune_options *o = t->options;
    add(out, "batch", "%d", o->batch);
    add(out, "seed", "%llu", (unsigned long long)o->seed);
    add(out, "batchnorm", "%s", batchnorms[o->batchnorm]);
    for (int b = 0; b < t->net->graph->n_blocks; b++) {
        if (t->rates[b] >= 0) { /* negative: not trained */
            char name[64];
            snprintf(name, sizeof name, "lr %s", t->net->graph->blocks[b]);
            add_number(out, name, t->rates[b]);
        }
    }
    add_tuning(out, o);
    if (o->augment) {
        char text[1024];
        augment_describe(o->augment, text, sizeof text);
        add(out, "augmentation", "%s", text);
        if (finetune_crops_first(t)) { /* no such line for corruption at native size */
            add(out, "corruption", "after the crop");
        }
    }
    if (o->validation) {
        add(out, "keep", "%s", o->keep == RESHIFT_KEEP_BEST ? "best" : "last");
    }
}

static reshift_status add_set(FILE *out, const char *name, const reshift_dataset *set, int64_t n, reshift_error *error)
{
    char identity[DIGEST_HEX_BYTES];
    reshift_status status = set ? reshift_dataset_identity(set, identity, error) : RESHIFT_OK;
    if (set && status == RESHIFT_OK) {
        add(out, name, "%lld images %s", (long long)n, identity);
    }
    return status;
}

/* The network as it starts, the preparation of its images, and the order of rows where the caller gives one. */
static reshift_status add_start(FILE *out, const finetune *t, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    const graph *g = t->net->graph;
    char start[DIGEST_HEX_BYTES], recipe[DIGEST_HEX_BYTES], hex[DIGEST_HEX_BYTES];
    reshift_status status = identity_of_network(t->net, g->n_blocks - 1, t->precision, start, error);
    if (status == RESHIFT_OK) {
        status = identity_of_recipe(reshift_model_recipe(t->model), o->size, recipe, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    add(out, "size", "%d", reshift_recipe_at(reshift_model_recipe(t->model), o->size).size);
    add(out, "precision", "%s", reshift_precision_name(t->precision));
    add(out, "preparation of images", "%s", recipe);
    add(out, "initial weights", "%s", start);
    digest_bytes(DIGEST_SHA256, t->net->batches_tracked, (size_t)g->n_nodes * sizeof *t->net->batches_tracked, hex);
    add(out, "batches counted in batch norm", "%s", hex);
    if (o->order) {
        digest_bytes(DIGEST_SHA256, o->order, (size_t)o->epochs * (size_t)t->n_rows * sizeof *o->order, hex);
        add(out, "order of rows", "%s", hex);
    }
    return RESHIFT_OK;
}

reshift_status finetune_key(const finetune *t, char key[DIGEST_HEX_BYTES], char **options, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    size_t size = 0;
    *options = NULL;
    FILE *out = open_memstream(options, &size);
    if (!out) {
        return error_memory(error, 1024, "the options of a training");
    }
    add_options(out, t);
    reshift_status status = add_set(out, "training images", t->dataset, t->n_rows, error);
    if (status == RESHIFT_OK) {
        status = add_set(out, "test images", o->test, t->n_test, error);
    }
    if (status == RESHIFT_OK) {
        status = add_set(out, "validation images", o->validation, t->n_validation, error);
    }
    if (status == RESHIFT_OK) {
        status = add_start(out, t, error);
    }
    const bool written = !ferror(out);
    if ((fclose(out) != 0 || !written) && status == RESHIFT_OK) {
        status = error_memory(error, 1024, "the options of a training");
    }
    if (status == RESHIFT_OK) {
        digest_bytes(DIGEST_SHA256, *options, size, key);
    } else {
        free(*options);
        *options = NULL;
    }
    return status;
}
