/* Checks of the linear layer's kernels, in float32 and bfloat16. Part of test_kernels.c. */
#ifndef TESTS_KERNELS_LINEAR_CHECKS_H
#define TESTS_KERNELS_LINEAR_CHECKS_H

#include "kernel_inputs.h"

#include "base/memory.h"
#include "kernels/linear.h"

enum { LINEAR_ROWS = 9, STRIDE = 16 };

/* One block of weights, rows that begin anywhere, deltas, and room for results with a spare part behind. */
typedef struct layer_inputs {
    linear l;
    float x[LINEAR_ROWS * LONG + OFFSETS];
    const float *rows[LINEAR_ROWS];
    uint16_t *rounded[LINEAR_ROWS];
    float delta[LINEAR_ROWS * STRIDE];
    linear_rows r;
} layer_inputs;
static layer_inputs layer;

static void layer_open(layer_inputs *t, int64_t d, int n, int n_classes)
{
    reshift_error error;
    check_ok(linear_create(d, n_classes, &t->l, &error));
    float *weight = malloc((size_t)(d * n_classes + 1) * sizeof *weight),
          *bias = calloc((size_t)n_classes, sizeof *bias);
    for (int64_t i = 0; i < d * n_classes; i++) {
        weight[i] = (float)random_gaussian(&inputs);
    }
    linear_set(&t->l, weight, bias);
    free(weight);
    free(bias);
    for (int b = 0; b < n; b++) {
        float *row = t->x + b * (d + 1) + (d + n) % OFFSETS;
        row[d] = NAN; /* what is read behind a row must not count */
        for (int64_t i = 0; i < d; i++) {
            row[i] = sometimes_hostile();
        }
        t->rows[b] = row;
    }
    for (int i = 0; i < n * STRIDE; i++) {
        t->delta[i] = i % STRIDE < LINEAR_CLASSES ? (float)random_gaussian(&inputs) : 0;
    }
    t->r = (linear_rows){.rows = t->rows, .n = n, .n_features = d, .first = 0, .last = t->l.n_groups};
}

/* Lengths 1 to 70 and a long one, one to nine rows. */
#define FOR_LAYERS(t, d, n)                                                                                            \
    for (int64_t d##_at = 1, d = 1, n = 1; d##_at <= 71; d##_at++, d = d##_at <= 70 ? d##_at : 1003, n = 1 + d##_at % 9)

static double weight_at(const linear *l, int c, int64_t j)
{
    return (double)linear_weight(l, 0, j / LINEAR_LANES)[c * LINEAR_LANES + j % LINEAR_LANES];
}

static void check_linear_forward(const kernel *k, const kernel_form *form)
{
    layer_inputs *t = &layer;
    FOR_LAYERS(t, d, n)
    {
        float out[LINEAR_ROWS * LINEAR_LANES + 1];
        layer_open(t, d, (int)n, 1 + (int)d % LINEAR_CLASSES);
        out[n * LINEAR_LANES] = -1;
        ((void (*)(const linear_rows *, const float *, float *))form->run)(&t->r, linear_weight(&t->l, 0, 0), out);
        for (int b = 0; b < n; b++) {
            for (int c = 0; c < LINEAR_LANES; c++) {
                double sum = 0, magnitude = 0;
                for (int64_t j = 0; j < d && c < LINEAR_CLASSES; j++) {
                    const double term = (double)t->rows[b][j] * weight_at(&t->l, c, j);
                    sum += term;
                    magnitude += fabs(term);
                }
                close_to(k, form, c < LINEAR_CLASSES ? sum : 0, magnitude, d, out[b * LINEAR_LANES + c]);
            }
        }
        assert_true(out[n * LINEAR_LANES] == -1);
        linear_destroy(&t->l);
    }
}

static void check_gradient(const kernel *k, const kernel_form *form, const layer_inputs *t, const float *gradient,
                           bool rounded)
{
    for (int64_t j = 0; j < t->r.n_features; j++) {
        for (int c = 0; c < LINEAR_CLASSES; c++) {
            double sum = 0, magnitude = 0;
            for (int b = 0; b < t->r.n; b++) {
                const float delta = t->delta[b * STRIDE + c];
                const double term = rounded ? (double)widened(t->rounded[b][j]) * (double)widened(narrowed(delta))
                                            : (double)t->rows[b][j] * (double)delta;
                sum += term;
                magnitude += fabs(term);
            }
            close_to(k, form, sum, magnitude, t->r.n,
                     gradient[(j / LINEAR_LANES * LINEAR_CLASSES + c) * LINEAR_LANES + j % LINEAR_LANES]);
        }
    }
}

static void check_linear_gradient(const kernel *k, const kernel_form *form)
{
    layer_inputs *t = &layer;
    FOR_LAYERS(t, d, n)
    {
        layer_open(t, d, (int)n, LINEAR_CLASSES);
        float *gradient = memory_allocate((t->l.n_weights + 1) * sizeof *gradient);
        gradient[t->l.n_weights] = -1;
        ((void (*)(const linear_rows *, const float *, int64_t, float *))form->run)(&t->r, t->delta, STRIDE, gradient);
        check_gradient(k, form, t, gradient, false);
        assert_true(gradient[t->l.n_weights] == -1);
        memory_free(gradient);
        linear_destroy(&t->l);
    }
}

/* With beta1 = 0 the first moment is the gradient. The step is Adam's of that gradient, bit for bit. */
typedef struct descent {
    float *weight, *m, *v, *expected, *expected_m, *expected_v;
    adam_step step;
} descent;

static void descent_open(descent *s, const linear *l)
{
    const size_t n = l->n_weights;
    s->step = adam_step_at(3, 0.01);
    s->step.beta1 = 0;
    s->step.one_minus_beta1 = 1;
    s->weight = memory_allocate(6 * n * sizeof(float));
    s->m = s->weight + n;
    s->v = s->weight + 2 * n;
    for (size_t i = 0; i < n; i++) {
        s->weight[i] = l->weight[i];
        s->v[i] = 0.5f + (float)random_uniform(&inputs);
    }
    s->expected = s->weight + 3 * n;
    memcpy(s->expected, s->weight, 3 * n * sizeof(float));
    s->expected_m = s->expected + n;
    s->expected_v = s->expected + 2 * n;
}

static void descent_close(const kernel *k, const kernel_form *form, const layer_inputs *t, descent *s, bool rounded)
{
    check_gradient(k, form, t, s->m, rounded);
    for (size_t i = 0; i < t->l.n_weights; i++) {
        const float g = s->m[i];
        s->expected_v[i] = s->step.beta2 * s->expected_v[i] + s->step.one_minus_beta2 * (g * g);
        s->expected[i] -=
            s->step.step_size * (g / (sqrtf(s->expected_v[i]) * s->step.inverse_root_correction + s->step.epsilon));
    }
    same_float(k, form, t->r.n_features, s->expected, s->weight, (int64_t)t->l.n_weights);
    same_float(k, form, t->r.n_features, s->expected_v, s->v, (int64_t)t->l.n_weights);
    memory_free(s->weight);
}

static void check_linear_descend(const kernel *k, const kernel_form *form)
{
    layer_inputs *t = &layer;
    FOR_LAYERS(t, d, n)
    {
        descent s;
        layer_open(t, d, (int)n, LINEAR_CLASSES);
        descent_open(&s, &t->l);
        ((void (*)(const linear_rows *, const float *, int64_t, const adam_step *, float *, float *,
                   float *))form->run)(&t->r, t->delta, STRIDE, &s.step, s.weight, s.m, s.v);
        descent_close(k, form, t, &s, false);
        linear_destroy(&t->l);
    }
}

/* ---- bfloat16, whose instructions take denormals for 0 ---- */

static bf16 narrowed_flushed(float value)
{
    return fabsf(value) < FLT_MIN ? (bf16)(bits_of(value) >> 16 & 0x8000) : narrowed(value);
}

static void check_linear_bf16_round_row(const kernel *k, const kernel_form *form)
{
    static float row[LONG + OFFSETS];
    static bf16 found[LONG + SPARE + OFFSETS], expected[LONG + SPARE];
    FOR_LENGTHS(n, offset)
    {
        float *from = row + offset;
        bf16 *to = found + (offset + 1) % OFFSETS;
        fill_float(from, n);
        fill_bf16(to, n + SPARE);
        for (int64_t i = 0; i < n + SPARE; i++) {
            expected[i] = i < n ? narrowed_flushed(from[i]) : i < linear_rounded(n) ? 0 : to[i];
        }
        ((void (*)(const float *, int64_t, uint16_t *))form->run)(from, n, to);
        same_bf16(k, form, n, expected, to, n + SPARE);
    }
}

/* [pairs of groups][10][32]: class c's 16 weights of the first group, then those of the second. */
static void check_linear_bf16_round_weights(const kernel *k, const kernel_form *form)
{
    layer_inputs *t = &layer;
    FOR_LAYERS(t, d, n)
    {
        layer_open(t, d, (int)n, 1 + (int)d % 23);
        fill_float(t->l.weight, (int64_t)t->l.n_weights);
        const int64_t count = linear_pair(&t->l, t->l.n_blocks, 0);
        bf16 *found = memory_allocate((size_t)(count + 1) * sizeof *found);
        bf16 *expected = memory_allocate((size_t)(count + 1) * sizeof *expected);
        found[count] = expected[count] = 7;
        for (int block = 0; block < t->l.n_blocks; block++) {
            for (int64_t j = 0; j < t->l.n_groups * LINEAR_LANES; j++) {
                for (int c = 0; c < LINEAR_CLASSES; c++) {
                    const int64_t group = j / LINEAR_LANES;
                    expected[linear_pair(&t->l, block, group / 2 * 2) + c * 32 + j % 32] =
                        narrowed_flushed(linear_weight(&t->l, block, group)[c * LINEAR_LANES + j % LINEAR_LANES]);
                }
            }
        }
        ((void (*)(const linear *, uint16_t *))form->run)(&t->l, found);
        same_bf16(k, form, d, expected, found, count + 1);
        memory_free(found);
        memory_free(expected);
        linear_destroy(&t->l);
    }
}

static void check_linear_bf16_round_deltas(const kernel *k, const kernel_form *form)
{
    static float delta[70 * 32];
    static uint32_t found[35 * 32 + 1];
    for (int n = 0; n <= 70; n++) {
        const int64_t stride = 16 * (1 + n % 2);
        fill_float(delta, n * stride);
        found[(n + 1) / 2 * stride] = 7;
        ((void (*)(const float *, int, int64_t, uint32_t *))form->run)(delta, n, stride, found);
        for (int b = 0; b < n + n % 2; b++) {
            for (int64_t i = 0; i < stride; i++) {
                const bf16 expected = b < n ? narrowed_flushed(delta[b * stride + i]) : 0;
                const bf16 value = (bf16)(found[b / 2 * stride + i] >> (b % 2 ? 16 : 0));
                same_bf16(k, form, n, &expected, &value, 1);
            }
        }
        assert_int_equal(found[(n + 1) / 2 * stride], 7);
    }
}

/* The layer's rows and weights in bfloat16; the caller frees *weight. */
static void layer_round(layer_inputs *t, uint16_t **weight)
{
    static uint16_t rounded[LINEAR_ROWS][LONG + 32];
    const linear_bf16 *kernels = linear_bf16_here();
    for (int b = 0; b < t->r.n; b++) {
        t->rounded[b] = rounded[b];
        kernels->round_row(t->rows[b], t->r.n_features, rounded[b]);
    }
    *weight = memory_allocate((size_t)linear_pair(&t->l, t->l.n_blocks, 0) * sizeof **weight);
    kernels->round_weights(&t->l, *weight);
    t->r.rows_bf16 = (const uint16_t *const *)t->rounded;
}

static void check_linear_bf16_forward(const kernel *k, const kernel_form *form)
{
    layer_inputs *t = &layer;
    FOR_LAYERS(t, d, n)
    {
        float out[LINEAR_ROWS * LINEAR_LANES + 1];
        uint16_t *weight;
        layer_open(t, d, (int)n, LINEAR_CLASSES);
        layer_round(t, &weight);
        out[n * LINEAR_LANES] = -1;
        ((void (*)(const linear_rows *, const uint16_t *, float *))form->run)(&t->r, weight, out);
        for (int b = 0; b < n; b++) {
            for (int c = 0; c < LINEAR_CLASSES; c++) {
                double sum = 0, magnitude = 0;
                for (int64_t j = 0; j < d; j++) {
                    const double term = (double)widened(t->rounded[b][j]) *
                                        (double)widened(weight[j / 32 * 2 * LINEAR_GROUP + c * 32 + j % 32]);
                    sum += term;
                    magnitude += fabs(term);
                }
                close_to(k, form, sum, magnitude, d, out[b * LINEAR_LANES + c]);
            }
        }
        assert_true(out[n * LINEAR_LANES] == -1);
        memory_free(weight);
        linear_destroy(&t->l);
    }
}

static void check_linear_bf16_descend(const kernel *k, const kernel_form *form)
{
    layer_inputs *t = &layer;
    FOR_LAYERS(t, d, n)
    {
        descent s;
        uint16_t *weight, *expected;
        uint32_t deltas[(LINEAR_ROWS + 1) / 2 * STRIDE];
        layer_open(t, d, (int)n, LINEAR_CLASSES);
        layer_round(t, &weight);
        linear_bf16_here()->round_deltas(t->delta, (int)n, STRIDE, deltas);
        descent_open(&s, &t->l);
        ((void (*)(const linear_rows *, const uint32_t *, int64_t, const adam_step *, float *, float *, float *,
                   uint16_t *))form->run)(&t->r, deltas, STRIDE, &s.step, s.weight, s.m, s.v, weight);
        memcpy(t->l.weight, s.weight, t->l.n_weights * sizeof(float)); /* the new ones, rounded, are the result too */
        const int64_t count = linear_pair(&t->l, t->l.n_blocks, 0);
        expected = memory_allocate((size_t)count * sizeof *expected);
        linear_bf16_here()->round_weights(&t->l, expected);
        same_bf16(k, form, d, expected, weight, count);
        descent_close(k, form, t, &s, true);
        memory_free(expected);
        memory_free(weight);
        linear_destroy(&t->l);
    }
}

#endif
