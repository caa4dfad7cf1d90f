/*
 * The upper part of a network, from the first block that is trained (or whose statistics move) to fc: training plans
 * for the batch and for the smaller last batch of an epoch, an inference plan to measure with, and the optimiser of the
 * parameters of the trained blocks.
 */
#ifndef TRAINING_TAIL_H
#define TRAINING_TAIL_H

#include <stdbool.h>

#include "engine/plan_optimiser.h"
#include "network/network.h"
#include "inference/outputs.h"
#include "reshift/learning.h"

typedef struct tail tail;

/** Which blocks run and move, and how. */
typedef struct tail_setup {
    const double *rates; /* [n_blocks] learning rates, negative where a block is not trained */
    reshift_batchnorm batchnorm;
    reshift_precision precision;
    optimiser_rule rule;
    double label_smoothing; /* of the steps' loss; what is measured knows none */
} tail_setup;

/** `net` outlives the tail and is changed by tail_step(). Errors: MEMORY. The caller destroys *out. */
reshift_status tail_create(network *net, const tail_setup *setup, tail **out, reshift_error *error);
void tail_destroy(tail **t);

int tail_first_block(const tail *t);
/** Parameters with gradients, in the optimiser's order; and all that training changes, statistics too. */
const int *tail_trained(const tail *t, int *count);
const int *tail_changed(const tail *t, int *count);
plan_optimiser *tail_optimiser(tail *t);
/** Steps made so far, those of a checkpoint included. */
int64_t tail_steps(const tail *t);

/**
 * Plans for rows of this shape ([H,W,C], or [D] with n_dims 1): n_rows an epoch in batches of `batch`, n_test (0: none)
 * to measure; rows are bfloat16 with `bf16`, which the tail then computes in. Errors: those of plan_create.
 */
reshift_status tail_plan(tail *t, int n_dims, const int64_t shape[3], bool bf16, int batch, int64_t n_rows,
                         int64_t n_test, reshift_error *error);

/** Rows of the next step when so many are left in the epoch; and where they go, [n, row]: ask again for every step. */
int tail_step_rows(const tail *t, int64_t left);
void *tail_step_input(tail *t, int n);
/**
 * One step over the n rows there, at `factor` times the learning rates: forward, mean loss and hits, backward, the
 * optimiser. Errors: NUMERIC (the loss is not finite; nothing has moved but batch statistics), those of the engine.
 */
reshift_status tail_step(tail *t, int n, const int *labels, double factor, double *loss, int *correct,
                         reshift_error *error);

/** Brings the network's values up to date (plan_synchronise()): before anybody else reads them. Errors: the engine's.
 */
reshift_status tail_synchronise(tail *t, reshift_error *error);

/**
 * The gradient of the mean loss over several batches at the weights as they are, which moves nothing, statistics
 * neither: begun at zero; n rows there counting `share`; then the length of each block's gradient and of its trained
 * parameters [n_blocks], 0 where a block is not trained. Errors: MEMORY; NUMERIC (the loss is not finite), those of the
 * engine.
 */
reshift_status tail_gradient_start(tail *t, reshift_error *error);
reshift_status tail_gradient_add(tail *t, int n, const int *labels, double share, reshift_error *error);
void tail_gradient_lengths(const tail *t, double *gradients, double *weights);
/** Another learning rate for a block's parameters, from the next step on; 0: they stay. */
void tail_set_rate(tail *t, int block, double learning_rate);

/**
 * Recalibration of batch norm: the trained blocks' running statistics become the mean of what the batches of one pass
 * have, each batch counting alike. Begun before tail_plan(), with the same words; then a step after each batch
 * (tail_step_rows, tail_step_input); ended, which tail_plan() needs, also after an error. tail_has_batchnorm(): whether
 * there is any. Errors: those of plan_create, of the engine.
 */
bool tail_has_batchnorm(const tail *t);
reshift_status tail_recalibrate_start(tail *t, int n_dims, const int64_t shape[3], bool bf16, int batch, int64_t n_rows,
                                      reshift_error *error);
reshift_status tail_recalibrate_step(tail *t, int n, reshift_error *error);
void tail_recalibrate_end(tail *t);

/** As for a step, to measure: adds the losses and hits of n rows, which are the images `rows`. Errors: NUMERIC (logits
 * that are not finite, naming the image), those of the engine. */
int tail_measure_rows(const tail *t, int64_t left);
void *tail_measure_input(tail *t);
reshift_status tail_measure(tail *t, int n, const int *labels, const output_rows *rows, double *loss_sum,
                            int64_t *correct_sum, reshift_error *error);

/** Errors: NUMERIC (a parameter or statistic that training changes is not finite, naming it). */
reshift_status tail_check_finite(const tail *t, reshift_error *error);

#endif
