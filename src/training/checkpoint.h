/*
 * Fine-tuning's state after an epoch as one safetensors file: what training has changed of the network, the optimiser's
 * state, the history, and a key that names what was being trained from what on what.
 */
#ifndef TRAINING_CHECKPOINT_H
#define TRAINING_CHECKPOINT_H

#include <stdbool.h>

#include "base/facts.h"
#include "engine/plan_optimiser.h"
#include "network/network.h"
#include "reshift/learning.h"
#include "reshift/progress.h"

/** Everything that belongs to a training in progress; all borrowed. */
typedef struct checkpoint_state {
    const char *key;
    const fact_list *depends_on; /* what the key is of */
    reshift_checkpoint_mismatch mismatch;
    network *net;
    const int *changed; /* parameters that training changes: weights and running statistics */
    int n_changed;
    const int *trained; /* parameters of the optimiser, in its order */
    int n_trained;
    plan_optimiser *optimiser;
    reshift_history *history; /* with room for `epochs`, blocks of rates named */
    int epochs;
    bool validated;        /* the history has validation figures */
    int best_epoch;        /* the one to keep so far; 0: none, or the last is kept */
    float *best;           /* its parameters `changed`, one behind the other; NULL: the last epoch is kept */
    int64_t *best_tracked; /* its batches_tracked [n_nodes] */
} checkpoint_state;

/** Writes atomically, over what is there, with a checksum. Errors: IO, MEMORY. */
reshift_status checkpoint_save(const char *path, const checkpoint_state *state, reshift_error *error);

/**
 * Takes up what is at `path`: *taken says whether there was something that fits. What does not fit, or is damaged, is
 * an error or will be replaced, as state->mismatch says. Errors: EXISTS (a file that is no checkpoint of fine-tuning;
 * one of another training, naming the option and both values; one of more epochs or of an older reshift), FORMAT and
 * SHAPE (damaged), IO, MEMORY. Nothing is changed unless *taken.
 */
reshift_status checkpoint_load(const char *path, checkpoint_state *state, bool *taken, const reshift_progress *progress,
                               reshift_error *error);

#endif
