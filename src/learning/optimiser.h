/*
 * Adam (Kingma & Ba 2015) in the form and order of operations of PyTorch's torch.optim.Adam, in float32: over spans of
 * floats, each with a learning rate of its own. Element by element, so the thread count changes no bit.
 */
#ifndef LEARNING_OPTIMISER_H
#define LEARNING_OPTIMISER_H

#include <stddef.h>
#include <stdint.h>

#include "reshift/status.h"

/** What one step needs, worked out in double and rounded once, as PyTorch does with its Python scalars. */
typedef struct adam_step {
    float beta1, one_minus_beta1;
    float beta2, one_minus_beta2;
    float step_size;               /* learning rate / (1 - beta1^t) */
    float inverse_root_correction; /* 1 / sqrt(1 - beta2^t) */
    float epsilon;
} adam_step;

/** The constants of step `t` (from 1) with beta .9 .999 and eps 1e-8. */
adam_step adam_step_at(int64_t t, double learning_rate);

/**
 * m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  p -= step_size m / (sqrt(v) / sqrt(1-b2^t) + eps), all [count].
 * On the calling thread. Same bits on every machine: no fused multiply-add, no reduction.
 */
void adam_update(const adam_step *step, const float *gradient, float *value, float *m, float *v, size_t count);

/** A stretch of parameters trained together. `values` is the network's memory and must outlive the optimiser. */
typedef struct adam_span {
    float *values;
    size_t count;
    double learning_rate;
} adam_span;

typedef struct adam adam;

/** Moments zero, no step made. Errors: MEMORY. The caller destroys *out. */
reshift_status adam_create(const adam_span *spans, int n_spans, adam **out, reshift_error *error);
void adam_destroy(adam **a);

/** One step: gradients[i] is [spans[i].count]. Allocates nothing; all threads. */
void adam_advance(adam *a, const float *const *gradients);

/** State, to be saved and restored: both moments of a span, [count], to read and write; and the steps made. */
float *adam_first_moment(adam *a, int span);
float *adam_second_moment(adam *a, int span);
int64_t adam_steps(const adam *a);
void adam_set_steps(adam *a, int64_t steps);

#endif
