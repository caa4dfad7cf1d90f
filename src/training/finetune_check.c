/* What was asked of fine-tuning, against the network and the images: every refusal comes before the first step. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "datasets/classes.h"
#include "datasets/augmented.h"
#include "datasets/dataset.h"
#include "training/finetune.h"
#include "models/model.h"

static reshift_status check_blocks(finetune *t, reshift_error *error)
{
    const graph *g = t->net->graph;
    const reshift_finetune_options *o = t->options;
    if (!(o->auto_rate >= 0) || !isfinite(o->auto_rate)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "fine-tuning: the base of automatic learning rates must be positive, found %g", o->auto_rate);
    }
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
            return error_set(error, RESHIFT_ERROR_NOT_FOUND,
                             "fine-tuning: the network has no block '%s', its blocks are %s", o->blocks[i].block,
                             names);
        }
        if (t->rates[block] >= 0) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "fine-tuning: block '%s' is named twice",
                             o->blocks[i].block);
        }
        if (o->auto_rate > 0) {
            if (o->blocks[i].learning_rate != 0) {
                return error_set(error, RESHIFT_ERROR_ARGUMENT,
                                 "fine-tuning: learning rates are automatic, and block '%s' is given one of %g",
                                 o->blocks[i].block, o->blocks[i].learning_rate);
            }
            t->rates[block] = o->auto_rate;
            continue;
        }
        if (!(o->blocks[i].learning_rate >= 0) || !isfinite(o->blocks[i].learning_rate)) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT,
                             "fine-tuning: block '%s': the learning rate must be 0 or more, found %g",
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

bool finetune_crops_first(const finetune *t)
{
    const reshift_augment *how = t->options->augment;
    return how && how->corrupt && !how->corrupt_native && !reshift_dataset_fixed_size(t->dataset, NULL, NULL);
}

reshift_status finetune_check(finetune *t, reshift_error *error)
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
        status = model_need_head(t->model, error);
    }
    if (status == RESHIFT_OK) {
        status = check_blocks(t, error);
    }
    if (status == RESHIFT_OK) {
        status = check_tuning(o, error);
    }
    if (status == RESHIFT_OK) {
        status = check_labels(t, t->dataset, "training set", error);
    }
    if (status == RESHIFT_OK && o->epochs > 0) {
        status = classes_check_dataset(t->dataset, "training images", t->progress, error);
    }
    if (status == RESHIFT_OK && o->test) {
        status = check_labels(t, o->test, "test set", error);
    }
    if (status == RESHIFT_OK && o->validation) {
        status = check_labels(t, o->validation, "validation set", error);
    }
    return status;
}
