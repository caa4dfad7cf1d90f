/* The linear layer's kernels against sums in double precision, in shapes that fit no tile; cross-entropy by its
 * formula. */
#include "check.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "learning/linear.h"

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
} shapes[] = {{1, 1, 1}, {64, 10, 2048}, {63, 16, 129}, {5, 17, 127}, {9, 40, 300}, {3, 2, 15}};

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
                /* products and sums each round once: at most 128 + chunks + 2 roundings deep */
                double bound = (double)(LINEAR_CHUNK + t.l.n_chunks + 2) * 0x1p-24 * magnitude;
                assert_true(fabs(sum - (double)logits[b * k + c]) <= bound);
            }
        }
        memory_free(scratch);
        free(logits);
        layer_destroy(&t);
    }
}

static void test_gradient(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        layer t;
        int n = shapes[s].n;
        int64_t d = shapes[s].d, first = d > 20 ? 3 : 0, last = d < 128 ? d : 120;
        layer_create(&t, n, d, shapes[s].k);
        float *delta = memory_allocate((size_t)n * LINEAR_LANES * sizeof(float));
        float *gradient = memory_allocate((size_t)(last - first) * LINEAR_LANES * sizeof(float));
        random_stream stream = random_open(4, "delta", 0, s);
        for (int i = 0; i < n * LINEAR_LANES; i++) {
            delta[i] = (float)random_gaussian(&stream);
        }
        linear_gradient(t.rows, n, t.rows, n / 2, first, last, delta, gradient);
        for (int64_t i = first; i < last; i++) {
            for (int c = 0; c < LINEAR_LANES; c++) {
                double sum = 0, magnitude = 0;
                for (int b = 0; b < n; b++) {
                    double term = (double)t.x[b * d + i] * (double)delta[b * LINEAR_LANES + c];
                    sum += term;
                    magnitude += fabs(term);
                }
                double found = (double)gradient[(i - first) * LINEAR_LANES + c];
                assert_true(fabs(sum - found) <= (double)(n + 1) * 0x1p-24 * magnitude);
            }
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
    float loss = linear_cross_entropy(logits, 4, 1, 0.5f, delta, &correct);
    assert_true(correct);
    assert_true(fabs((double)loss - log(sum)) < 1e-6);
    assert_true(fabs((double)delta[0] - 0.5 * e0 / sum) < 1e-7);
    assert_true(fabs((double)delta[1] - 0.5 * (1 / sum - 1)) < 1e-7);
    loss = linear_cross_entropy(logits, 4, 2, 1, NULL, &correct);
    assert_false(correct);
    loss = linear_cross_entropy(logits, 4, 3, 1, NULL, &correct);
    assert_true(fabs((double)loss - 93 - log(sum)) < 93 * 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits),
        cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_weights_come_back),
        cmocka_unit_test(test_cross_entropy),
    };
    return cmocka_run_group_tests_name("linear", tests, NULL, NULL);
}
