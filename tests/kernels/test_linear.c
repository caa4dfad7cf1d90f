/* The linear layer's kernels against sums in double precision, in shapes that fit no tile; cross-entropy by its
 * formula. */
#include "check.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/linear.h"
#include "kernels/softmax.h"

typedef struct layer {
    linear l;
    float *weight, *bias, *x;
    const float *rows[LINEAR_TILE];
    int n;
} layer;

static void layer_create(layer *t, int n, int64_t d, int k)
{
    reshift_error error;
    check_ok(linear_create(d, k, &t->l, &error));
    t->n = n;
    t->weight = malloc((size_t)(d * k) * sizeof(float));
    t->bias = malloc((size_t)k * sizeof(float));
    t->x = malloc((size_t)(n * d) * sizeof(float));
    random_stream stream = random_open(3, "layer", (uint64_t)n, (uint64_t)(d * k));
    for (int64_t i = 0; i < d * k; i++) {
        t->weight[i] = (float)random_gaussian(&stream);
    }
    for (int i = 0; i < k; i++) {
        t->bias[i] = (float)random_gaussian(&stream);
    }
    for (int64_t i = 0; i < n * d; i++) {
        t->x[i] = (float)random_gaussian(&stream);
    }
    for (int b = 0; b < n; b++) {
        t->rows[b] = t->x + b * d;
    }
    linear_set(&t->l, t->weight, t->bias);
}

static void layer_destroy(layer *t)
{
    linear_destroy(&t->l);
    free(t->weight);
    free(t->bias);
    free(t->x);
}

static const struct {
    int n, k;
    int64_t d;
} shapes[] = {{1, 1, 1}, {64, 10, 2048}, {63, 16, 129}, {5, 17, 127}, {9, 40, 300}, {3, 2, 15}, {7, 10, 48}};

static void test_logits(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        layer t;
        int n = shapes[s].n, k = shapes[s].k;
        int64_t d = shapes[s].d;
        layer_create(&t, n, d, k);
        float *scratch = memory_allocate(LINEAR_TILE * LINEAR_LANES * sizeof(float));
        float *logits = malloc((size_t)(n * k) * sizeof(float));
        linear_logits(&t.l, t.rows, n, scratch, logits);
        for (int b = 0; b < n; b++) {
            for (int c = 0; c < k; c++) {
                double sum = (double)t.bias[c], magnitude = fabs(sum);
                for (int64_t i = 0; i < d; i++) {
                    double term = (double)t.x[b * d + i] * (double)t.weight[c * d + i];
                    sum += term;
                    magnitude += fabs(term);
                }
                /* a lane sums part_groups products (two roundings each without fused multiply-add), four levels of
                 * folding, then the parts */
                double bound = (double)(2 * t.l.part_groups + 4 + t.l.n_parts + 2) * 0x1p-24 * magnitude;
                assert_true(fabs(sum - (double)logits[b * k + c]) <= bound);
            }
        }
        memory_free(scratch);
        free(logits);
        layer_destroy(&t);
    }
}

/* Every group, and again without the first and the last one; rows that are asked for ahead change nothing. */
static void test_gradient(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2 * sizeof shapes / sizeof *shapes; s++) {
        layer t;
        int n = shapes[s / 2].n;
        int64_t d = shapes[s / 2].d;
        layer_create(&t, n, d, shapes[s / 2].k);
        bool inner = s % 2 && t.l.n_groups > 2;
        linear_rows r = {.rows = t.rows, .n = n, .n_features = d, .first = inner ? 1 : 0, .last = t.l.n_groups - inner};
        enum { stride = 32 };
        size_t count = (size_t)(r.last - r.first) * LINEAR_GROUP;
        float *delta = memory_allocate((size_t)n * stride * sizeof(float));
        float *gradient = memory_allocate(count * sizeof(float));
        random_stream stream = random_open(4, "delta", 0, s);
        for (int i = 0; i < n * stride; i++) {
            delta[i] = (float)random_gaussian(&stream);
        }
        linear_gradient(&r, delta, stride, gradient);
        for (int64_t i = r.first * LINEAR_LANES; i < r.last * LINEAR_LANES; i++) {
            for (int c = 0; c < LINEAR_CLASSES; c++) {
                double sum = 0, magnitude = 0;
                for (int b = 0; b < n && i < d; b++) {
                    double term = (double)t.x[b * d + i] * (double)delta[b * stride + c];
                    sum += term;
                    magnitude += fabs(term);
                }
                int64_t group = i / LINEAR_LANES - r.first;
                double found = (double)gradient[(group * LINEAR_CLASSES + c) * LINEAR_LANES + i % LINEAR_LANES];
                assert_true(fabs(sum - found) <= (double)(n + 1) * 0x1p-24 * magnitude);
            }
        }
        /* three steps of Adam, in one go and in two: the same bits */
        float *values[2], *first[2], *second[2];
        for (int way = 0; way < 2; way++) {
            values[way] = memory_allocate(count * sizeof(float));
            first[way] = memory_allocate(count * sizeof(float));
            second[way] = memory_allocate(count * sizeof(float));
        }
        for (int step = 1; step <= 3; step++) {
            adam_step constants = adam_step_at(step, 0.01);
            linear_descend(&r, delta, stride, &constants, values[0], first[0], second[0]);
            adam_update(&constants, gradient, values[1], first[1], second[1], count);
        }
        assert_memory_equal(values[0], values[1], count * sizeof(float));
        assert_memory_equal(first[0], first[1], count * sizeof(float));
        assert_memory_equal(second[0], second[1], count * sizeof(float));
        for (int way = 0; way < 2; way++) {
            memory_free(values[way]);
            memory_free(first[way]);
            memory_free(second[way]);
        }
        memory_free(delta);
        memory_free(gradient);
        layer_destroy(&t);
    }
}

static void test_weights_come_back(void **state)
{
    (void)state;
    layer t;
    layer_create(&t, 1, 131, 19);
    float weight[131 * 19], bias[19];
    linear_get(&t.l, weight, bias);
    assert_memory_equal(weight, t.weight, sizeof weight);
    assert_memory_equal(bias, t.bias, sizeof bias);
    layer_destroy(&t);
}

static void test_cross_entropy(void **state)
{
    (void)state;
    const float logits[4] = {1, 3, 3, -90}; /* two equal largest: the first is the answer */
    float delta[4];
    int correct;
    double e0 = exp(-2), e3 = exp(-93), sum = e0 + 2 + e3;
    float loss = softmax_cross_entropy_f32(logits, 4, 1, 0.5f, delta, &correct);
    assert_true(correct);
    assert_true(fabs((double)loss - log(sum)) < 1e-6);
    assert_true(fabs((double)delta[0] - 0.5 * e0 / sum) < 1e-7);
    assert_true(fabs((double)delta[1] - 0.5 * (1 / sum - 1)) < 1e-7);
    loss = softmax_cross_entropy_f32(logits, 4, 2, 1, NULL, &correct);
    assert_false(correct);
    loss = softmax_cross_entropy_f32(logits, 4, 3, 1, NULL, &correct);
    assert_true(fabs((double)loss - 93 - log(sum)) < 93 * 1e-6);
}

/*
 * A batch of 37 rows in pieces against the row-by-row form in double precision. A probability carries the roundings of
 * its logit (2^-24 of its magnitude, some 40 here, which the exponential turns into a relative error), of the
 * exponential and of the sum of K terms.
 */
static void test_softmax(void **state)
{
    (void)state;
    enum { n = 37, batch = 40, parts = 3 };
    const int classes[] = {1, 2, 10, 11, 25};
    for (size_t s = 0; s < sizeof classes / sizeof *classes; s++) {
        const int k = classes[s], blocks = (k + LINEAR_CLASSES - 1) / LINEAR_CLASSES, padded = blocks * LINEAR_LANES;
        float *partial = memory_allocate((size_t)(parts * blocks * batch * LINEAR_LANES) * sizeof(float));
        float *scratch = memory_allocate(softmax_scratch(k) * sizeof(float));
        float *delta = memory_allocate((size_t)(batch * padded) * sizeof(float));
        int labels[n];
        float loss[n], bias[32 * 3];
        uint8_t correct[n];
        random_stream stream = random_open(8, "softmax", 0, s);
        for (int i = 0; i < padded; i++) {
            bias[i] = i / LINEAR_LANES * LINEAR_CLASSES + i % LINEAR_LANES < k && i % LINEAR_LANES < LINEAR_CLASSES
                          ? (float)random_gaussian(&stream)
                          : -INFINITY;
        }
        for (int i = 0; i < parts * blocks * batch * LINEAR_LANES; i++) {
            partial[i] = i % LINEAR_LANES < LINEAR_CLASSES ? (float)(6 * random_gaussian(&stream)) : 0;
        }
        for (int b = 0; b < n; b++) {
            labels[b] = (int)random_below(&stream, (uint64_t)k);
        }
        const softmax_pieces pieces = {partial, bias, parts, blocks, k, batch};
        for (int first = 0; first < n; first += 16) {
            softmax_rows(&pieces, first, n - first < 16 ? n - first : 16, labels, 0.25f, NULL, scratch, delta, loss,
                         correct);
        }
        for (int b = 0; b < n; b++) {
            double logits[32] = {0}, sum = 0;
            int best = 0;
            for (int c = 0; c < k; c++) {
                int block = c / LINEAR_CLASSES, lane = c % LINEAR_CLASSES;
                float z = bias[block * LINEAR_LANES + lane];
                for (int part = 0; part < parts; part++) {
                    z += partial[((part * blocks + block) * batch + b) * LINEAR_LANES + lane];
                }
                logits[c] = (double)z;
                best = logits[c] > logits[best] ? c : best;
            }
            for (int c = 0; c < k; c++) {
                sum += exp(logits[c] - logits[best]);
            }
            double expected = log(sum) - (logits[labels[b]] - logits[best]);
            assert_true(fabs((double)loss[b] - expected) <= (k + 4) * 0x1p-24 + 2 * 0x1p-24 * fabs(expected));
            assert_int_equal(correct[b], best == labels[b]);
            for (int c = 0; c < padded; c++) {
                int class = c / LINEAR_LANES * LINEAR_CLASSES + c % LINEAR_LANES;
                double p = c % LINEAR_LANES < LINEAR_CLASSES && class < k ? exp(logits[class] - logits[best]) / sum : 0;
                double wanted = c % LINEAR_LANES < LINEAR_CLASSES && class == labels[b] ? 0.25 * (p - 1) : 0.25 * p;
                double off = fabs((double)delta[b * padded + c] - wanted);
                assert_true(off <= 0.25 * ((k + 50) * p + 2) * 0x1p-24);
            }
        }
        memory_free(partial);
        memory_free(scratch);
        memory_free(delta);
    }
}

/* The first of equal logits is the answer. */
static void test_softmax_of_equals(void **state)
{
    (void)state;
    float partial[3 * LINEAR_LANES] = {0}, delta[3 * LINEAR_LANES], loss[3], scratch[16 * 4];
    const float bias[LINEAR_LANES] = {1, 3, 3, -90};
    const int labels[3] = {1, 2, 3};
    uint8_t correct[3];
    const softmax_pieces pieces = {partial, bias, 1, 1, 4, 3};
    softmax_rows(&pieces, 0, 3, labels, 1, NULL, scratch, delta, loss, correct);
    assert_true(correct[0] == 1 && correct[1] == 0 && correct[2] == 0);
    assert_true(delta[3] == 0.0f); /* e^-93 is below what is counted */
    assert_true(fabs((double)loss[2] - 93 - log(exp(-2) + 2)) < 93 * 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits),        cmocka_unit_test(test_gradient), cmocka_unit_test(test_weights_come_back),
        cmocka_unit_test(test_cross_entropy), cmocka_unit_test(test_softmax),  cmocka_unit_test(test_softmax_of_equals),
    };
    return cmocka_run_group_tests_name("linear", tests, NULL, NULL);
}
