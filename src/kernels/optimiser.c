/* Steps over stretches of values, and the optimiser that keeps their state. All operations are element-wise. */
#include "kernels/optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/kernels.h"

#define CHUNK ((size_t)16384) /* floats a thread takes at a time */

adam_step adam_step_at(int64_t t, double learning_rate)
{
    const double beta1 = 0.9, beta2 = 0.999;
    return (adam_step){.beta1 = (float)beta1,
                       .one_minus_beta1 = (float)(1 - beta1),
                       .beta2 = (float)beta2,
                       .one_minus_beta2 = (float)(1 - beta2),
                       .step_size = (float)(learning_rate / (1 - pow(beta1, (double)t))),
                       .inverse_root_correction = (float)(1 / sqrt(1 - pow(beta2, (double)t))),
                       .epsilon = 1e-8f};
}

/* `decays` and `momentum` are literals where the bodies are inlined: Adam without decay does no work for it. */
#define BODY static inline __attribute__((always_inline)) void

BODY adam_body(const optimiser_step *given, bool decays, const float *restrict gradient, float *restrict value,
               float *restrict m, float *restrict v, size_t count)
{
    const optimiser_step at = *given;
    const adam_step s = at.adam;
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i], x = value[i];
        if (decays) {
            g = g + at.coupled * x;
            x = x * at.shrink;
        }
        float first = s.beta1 * m[i] + s.one_minus_beta1 * g;
        float second = s.beta2 * v[i] + s.one_minus_beta2 * (g * g);
        m[i] = first;
        v[i] = second;
        value[i] = x - s.step_size * (first / (sqrtf(second) * s.inverse_root_correction + s.epsilon));
    }
}

BODY sgd_body(const optimiser_step *given, bool momentum, const float *restrict gradient, float *restrict value,
              float *restrict buffer, size_t count)
{
    const optimiser_step at = *given;
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float x = value[i], g = gradient[i] + at.coupled * x;
        if (momentum) {
            float b = at.momentum * buffer[i] + g;
            buffer[i] = b;
            g = at.nesterov ? g + at.momentum * b : b;
        }
        value[i] = x - at.rate * g;
    }
}

RESHIFT_KERNEL(void, optimiser_update,
               (const optimiser_step *at, const float *gradient, float *value, float *first, float *second,
                size_t count),
               (at, gradient, value, first, second, count))
{
    if (second && at->coupled == 0 && at->shrink == 1) {
        adam_body(at, false, gradient, value, first, second, count);
    } else if (second) {
        adam_body(at, true, gradient, value, first, second, count);
    } else if (first) {
        sgd_body(at, true, gradient, value, first, count);
    } else {
        sgd_body(at, false, gradient, value, NULL, count);
    }
}

void adam_update(const adam_step *adam, const float *gradient, float *value, float *m, float *v, size_t count)
{
    optimiser_update(&(optimiser_step){.adam = *adam, .shrink = 1}, gradient, value, m, v, count);
}

/* ---- spans ---- */

struct optimiser {
    optimiser_rule rule;
    optimiser_span *spans;
    size_t *offsets; /* of each span in the state, floats */
    int n_spans;
    int64_t steps;
    float *state[2]; /* moments of Adam; SGD's momentum alone; NULL where there is none */
    struct piece {
        int span;
        size_t start, count;
    } * pieces; /* the spans cut into chunks, so that one loop serves large and small ones */
    int64_t n_pieces;
};

static int states_of(const optimiser_rule *rule)
{
    return rule->kind != OPTIMISER_SGD ? 2 : rule->momentum > 0 ? 1 : 0;
}

reshift_status optimiser_create(const optimiser_rule *rule, const optimiser_span *spans, int n_spans, optimiser **out,
                                reshift_error *error)
{
    *out = NULL;
    size_t total = 0;
    int64_t n_pieces = 0;
    int n_states = states_of(rule);
    for (int i = 0; i < n_spans; i++) {
        total += memory_align(spans[i].count * sizeof(float)) / sizeof(float);
        n_pieces += (int64_t)((spans[i].count + CHUNK - 1) / CHUNK);
    }
    optimiser *o = calloc(1, sizeof *o);
    bool good = o != NULL;
    if (good) {
        o->spans = calloc((size_t)n_spans + 1, sizeof *o->spans);
        o->offsets = calloc((size_t)n_spans + 1, sizeof *o->offsets);
        o->pieces = calloc((size_t)n_pieces + 1, sizeof *o->pieces);
        good = o->spans && o->offsets && o->pieces;
    }
    for (int i = 0; good && i < n_states; i++) {
        o->state[i] = memory_allocate(total * sizeof(float));
        good = o->state[i] != NULL;
    }
    if (!good) {
        optimiser_destroy(&o);
        return error_memory(error, (size_t)n_states * total * sizeof(float), "the optimiser's state");
    }
    o->rule = *rule;
    o->n_spans = n_spans;
    size_t offset = 0;
    for (int i = 0; i < n_spans; i++) {
        o->spans[i] = spans[i];
        o->offsets[i] = offset;
        offset += memory_align(spans[i].count * sizeof(float)) / sizeof(float);
        for (size_t start = 0; start < spans[i].count; start += CHUNK) {
            size_t left = spans[i].count - start;
            o->pieces[o->n_pieces++] = (struct piece){i, start, left < CHUNK ? left : CHUNK};
        }
    }
    *out = o;
    return RESHIFT_OK;
}

void optimiser_destroy(optimiser **o)
{
    if (!o || !*o) {
        return;
    }
    memory_free((*o)->state[0]);
    memory_free((*o)->state[1]);
    free((*o)->pieces);
    free((*o)->offsets);
    free((*o)->spans);
    free(*o);
    *o = NULL;
}

/* Scalars are worked out in double and rounded once, as PyTorch does with its Python scalars. */
static optimiser_step step_of(const optimiser *o, double rate)
{
    const optimiser_rule *rule = &o->rule;
    bool adamw = rule->kind == OPTIMISER_ADAMW;
    optimiser_step at = {.coupled = adamw ? 0 : (float)rule->decay,
                         .shrink = adamw ? (float)(1 - rate * rule->decay) : 1,
                         .rate = (float)rate,
                         .momentum = (float)rule->momentum,
                         .nesterov = rule->nesterov};
    if (rule->kind != OPTIMISER_SGD) {
        at.adam = adam_step_at(o->steps, rate);
    }
    return at;
}

void optimiser_advance(optimiser *o, double factor, const float *const *gradients)
{
    o->steps++;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < o->n_pieces; i++) {
        const struct piece *piece = &o->pieces[i];
        optimiser_step at = step_of(o, o->spans[piece->span].learning_rate * factor);
        size_t from = o->offsets[piece->span] + piece->start;
        optimiser_update(&at, gradients[piece->span] + piece->start, o->spans[piece->span].values + piece->start,
                         o->state[0] ? o->state[0] + from : NULL, o->state[1] ? o->state[1] + from : NULL,
                         piece->count);
    }
}

void optimiser_set_rate(optimiser *o, int span, double learning_rate) { o->spans[span].learning_rate = learning_rate; }

int optimiser_states(const optimiser *o) { return states_of(&o->rule); }

const char *optimiser_state_name(const optimiser *o, int which)
{
    return o->rule.kind == OPTIMISER_SGD ? "sgd.momentum" : which ? "adam.second" : "adam.first";
}

float *optimiser_state(optimiser *o, int which, int span) { return o->state[which] + o->offsets[span]; }
int64_t optimiser_steps(const optimiser *o) { return o->steps; }
void optimiser_set_steps(optimiser *o, int64_t steps) { o->steps = steps; }
