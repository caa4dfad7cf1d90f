/*
 * Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019) and SGD with momentum in the form and order of operations
 * of PyTorch's torch.optim, in float32: over spans of floats, each with a learning rate of its own. Element by element,
 * so the thread count changes no bit.
 */
#ifndef KERNELS_OPTIMISER_H
#define KERNELS_OPTIMISER_H

#include <stdbool.h>
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

/** Constants of a step over a stretch of values: Adam's, or SGD's where there is no second moment. */
typedef struct optimiser_step {
    adam_step adam;
    float coupled;        /* times the value, added to the gradient */
    float shrink;         /* times the value, before the step: 1 - rate decay */
    float rate, momentum; /* sgd */
    bool nesterov;
} optimiser_step;

/**
 * One step, all arrays [count]; `first` and `second` are the moments. Without `second` it is SGD with momentum in
 * `first`, or without momentum where that is NULL too. On the calling thread, the same bits on every machine.
 */
void optimiser_update(const optimiser_step *at, const float *gradient, float *value, float *first, float *second,
                      size_t count);

/**
 * What a step does beside following the gradient g of a value p at rate r:
 *
 *   sgd    g += decay p;  b = momentum b + g (momentum 0: b = g);  p -= r b, or r (g + momentum b) with nesterov
 *   adam   g += decay p;  then adam_update()
 *   adamw  p *= 1 - r decay;  then adam_update()
 *
 * As torch.optim.SGD (dampening 0), Adam and AdamW do; the first b is g. Zero is Adam without decay.
 */
typedef struct optimiser_rule {
    enum { OPTIMISER_ADAM, OPTIMISER_ADAMW, OPTIMISER_SGD } kind;
    double decay;    /* of all values alike, 0 or more */
    double momentum; /* sgd: from 0, below 1 */
    bool nesterov;   /* sgd */
} optimiser_rule;

/** A stretch of parameters trained together. `values` is the network's memory and must outlive the optimiser. */
typedef struct optimiser_span {
    float *values;
    size_t count;
    double learning_rate;
} optimiser_span;

typedef struct optimiser optimiser;

/** State zero, no step made. Errors: MEMORY. The caller destroys *out. */
reshift_status optimiser_create(const optimiser_rule *rule, const optimiser_span *spans, int n_spans, optimiser **out,
                                reshift_error *error);
void optimiser_destroy(optimiser **o);

/** One step at rates `factor` times the spans': gradients[i] is [spans[i].count]. Allocates nothing; all threads. */
void optimiser_advance(optimiser *o, double factor, const float *const *gradients);
/** Another rate for a span, from the next step on. */
void optimiser_set_rate(optimiser *o, int span, double learning_rate);

/**
 * State, to be saved and restored: `which` from 0 to optimiser_states() - 1, of a span [count], to read and write, its
 * name ("adam.first", static), and the steps made.
 */
int optimiser_states(const optimiser *o);
const char *optimiser_state_name(const optimiser *o, int which);
float *optimiser_state(optimiser *o, int which, int span);
int64_t optimiser_steps(const optimiser *o);
void optimiser_set_steps(optimiser *o, int64_t steps);

#endif
