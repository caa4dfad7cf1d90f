/*
 * Adam. The inner loop is compiled three times, for the base instruction set, AVX2 and AVX-512, and picked at run time;
 * with fp-contract off and nothing but element-wise operations all three give the same bits.
 */
#include "learning/optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define CHUNK ((size_t)16384) /* floats a thread takes at a time */

struct adam {
    adam_span *spans;
    size_t *offsets; /* of each span in the moments, floats */
    int n_spans;
    int64_t steps;
    float *first, *second;
    struct piece {
        int span;
        size_t start, count;
    } * pieces; /* the spans cut into chunks, so that one loop serves large and small ones */
    int64_t n_pieces;
};

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

static inline __attribute__((always_inline)) void update_body(const adam_step *step, const float *restrict gradient,
                                                              float *restrict value, float *restrict m,
                                                              float *restrict v, size_t count)
{
    const adam_step s = *step;
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i];
        float first = s.beta1 * m[i] + s.one_minus_beta1 * g;
        float second = s.beta2 * v[i] + s.one_minus_beta2 * (g * g);
        m[i] = first;
        v[i] = second;
        value[i] -= s.step_size * (first / (sqrtf(second) * s.inverse_root_correction + s.epsilon));
    }
}

static void update_base(const adam_step *step, const float *gradient, float *value, float *m, float *v, size_t count)
{
    update_body(step, gradient, value, m, v, count);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void update_avx2(const adam_step *step, const float *gradient, float *value,
                                                        float *m, float *v, size_t count)
{
    update_body(step, gradient, value, m, v, count);
}

__attribute__((target("avx512f"))) static void update_avx512(const adam_step *step, const float *gradient, float *value,
                                                             float *m, float *v, size_t count)
{
    update_body(step, gradient, value, m, v, count);
}
#endif

void adam_update(const adam_step *step, const float *gradient, float *value, float *m, float *v, size_t count)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        update_avx512(step, gradient, value, m, v, count);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        update_avx2(step, gradient, value, m, v, count);
        return;
    }
#endif
    update_base(step, gradient, value, m, v, count);
}

reshift_status adam_create(const adam_span *spans, int n_spans, adam **out, reshift_error *error)
{
    *out = NULL;
    size_t total = 0;
    int64_t n_pieces = 0;
    for (int i = 0; i < n_spans; i++) {
        total += memory_align(spans[i].count * sizeof(float)) / sizeof(float);
        n_pieces += (int64_t)((spans[i].count + CHUNK - 1) / CHUNK);
    }
    adam *a = calloc(1, sizeof *a);
    if (a) {
        a->spans = calloc((size_t)n_spans + 1, sizeof *a->spans);
        a->offsets = calloc((size_t)n_spans + 1, sizeof *a->offsets);
        a->pieces = calloc((size_t)n_pieces + 1, sizeof *a->pieces);
        a->first = memory_allocate(total * sizeof(float));
        a->second = memory_allocate(total * sizeof(float));
    }
    if (!a || !a->spans || !a->offsets || !a->pieces || !a->first || !a->second) {
        adam_destroy(&a);
        return error_memory(error, 2 * total * sizeof(float), "the optimiser's state");
    }
    a->n_spans = n_spans;
    size_t offset = 0;
    for (int i = 0; i < n_spans; i++) {
        a->spans[i] = spans[i];
        a->offsets[i] = offset;
        offset += memory_align(spans[i].count * sizeof(float)) / sizeof(float);
        for (size_t start = 0; start < spans[i].count; start += CHUNK) {
            size_t left = spans[i].count - start;
            a->pieces[a->n_pieces++] = (struct piece){i, start, left < CHUNK ? left : CHUNK};
        }
    }
    *out = a;
    return RESHIFT_OK;
}

void adam_destroy(adam **a)
{
    if (!a || !*a) {
        return;
    }
    memory_free((*a)->first);
    memory_free((*a)->second);
    free((*a)->pieces);
    free((*a)->offsets);
    free((*a)->spans);
    free(*a);
    *a = NULL;
}

void adam_advance(adam *a, const float *const *gradients)
{
    a->steps++;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < a->n_pieces; i++) {
        const struct piece *piece = &a->pieces[i];
        adam_step step = adam_step_at(a->steps, a->spans[piece->span].learning_rate);
        size_t at = a->offsets[piece->span] + piece->start;
        adam_update(&step, gradients[piece->span] + piece->start, a->spans[piece->span].values + piece->start,
                    a->first + at, a->second + at, piece->count);
    }
}

float *adam_first_moment(adam *a, int span) { return a->first + a->offsets[span]; }
float *adam_second_moment(adam *a, int span) { return a->second + a->offsets[span]; }
int64_t adam_steps(const adam *a) { return a->steps; }
void adam_set_steps(adam *a, int64_t steps) { a->steps = steps; }
