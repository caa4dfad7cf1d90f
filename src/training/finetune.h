/*
 * Inside of fine-tuning: what was asked for is checked (finetune_check.c) and named (finetune_key.c), then the network
 * is cut in two and trained (finetune.c), epoch by epoch (finetune_epoch.c).
 */
#ifndef TRAINING_FINETUNE_H
#define TRAINING_FINETUNE_H

#include "base/facts.h"
#include "inference/frozen.h"
#include "training/tail.h"
#include "models/model.h"
#include "reshift/learning.h"

typedef struct finetune {
    reshift_model *model;
    network *net;
    const reshift_dataset *dataset;
    const reshift_finetune_options *options;
    const reshift_progress *progress;
    int64_t n_rows, n_test, n_validation;
    reshift_precision precision; /* of the frozen blocks, as it is here */
    double *rates;               /* [n_blocks] learning rates; negative: not trained */
    tail *tail;
    frozen *frozen;
    reshift_frozen_cache *own_cache; /* for this call alone; NULL where the caller gives one */
    double first_loss, end_loss; /* of the first step, and of training rows after the last epoch; NAN: not measured */
    int *labels;                 /* of a batch */
    int64_t *order;              /* [n_rows] of an epoch */
    reshift_dataset *changed;    /* the images of an epoch, augmented; NULL: as they are, or between epochs */
} finetune;

/** All that can be refused before anything is read or run; t->rates are allocated, all negative, and are filled in.
 * Errors: ARGUMENT, SHAPE. */
reshift_status finetune_check(finetune *t, reshift_error *error);

/**
 * What the training depends on, for the caller to destroy, and its key. The number of epochs is part of it only where
 * the schedule depends on it, as a finished training may be made longer. Errors: those of reading, MEMORY.
 */
reshift_status finetune_key(const finetune *t, fact_list **depends_on, char key[DIGEST_HEX_BYTES],
                            reshift_error *error);
extern const fact_table finetune_facts, schedule_facts;

/** What is done with n rows that lie in tail_step_input(), their labels in t->labels, after `done` rows before them. */
typedef reshift_status (*finetune_step)(finetune *t, void *context, int n, int64_t done, reshift_error *error);
/**
 * Takes the first n rows of an epoch in its order, as it sees them, through the frozen blocks, batch by batch; epoch 0
 * comes before the first and sees them as they are. `what` names it for progress. Errors: the step's, those of reading
 * and of the engine, CANCELLED.
 */
reshift_status finetune_walk(finetune *t, const char *what, int epoch, int64_t n, finetune_step step, void *context,
                             reshift_error *error);

/** Trains for one epoch; its number stands in *epoch, its training figures are filled in. */
reshift_status finetune_epoch(finetune *t, reshift_epoch *epoch, reshift_error *error);
/** Makes "training diverged" with epoch and step, and the hint, of an error about values that are not finite. */
void finetune_diverged(const finetune *t, int epoch, reshift_error *error);
/**
 * After an epoch: all that it changed is finite, and so are the logits of the first training images. The loss of a step
 * is that of the weights before it, so only this sees what the last step did. Errors: NUMERIC, those of reading.
 */
reshift_status finetune_check_finite(finetune *t, reshift_error *error);
/** Mean loss and accuracy over the first `count` rows of a set. Errors: NUMERIC (logits that are not finite, naming the
 * image), those of reading. */
reshift_status finetune_measure(finetune *t, const reshift_dataset *dataset, int64_t count, double *loss,
                                double *accuracy, reshift_error *error);

/* ---- finetune_before.c: what comes before the steps; all through t->frozen, which is there ---- */

/** Whether training images are photographs that augmentation resizes and crops by the recipe before it corrupts them.
 */
bool finetune_crops_first(const finetune *t);

/** Learning rates of an epoch from gradients and weights: set, told, and written to rates [n_blocks of the options]. */
reshift_status finetune_choose_rates(finetune *t, int epoch, reshift_chosen_rate *rates, reshift_error *error);
/** Statistics of the trained blocks' batch norms anew from the training rows; before tail_plan(). */
reshift_status finetune_recalibrate(finetune *t, reshift_error *error);

#endif
