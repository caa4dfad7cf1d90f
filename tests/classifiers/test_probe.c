/*
 * The probe: against plain softmax regression in double precision, the same bytes for any thread count and seed, what
 * it reports, and what it refuses. Parity with PyTorch is test_training_parity's matter.
 */
#include "check.h"

#include <math.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/random.h"
#include "reshift/learning.h"

enum { n_rows = 203, n_features = 300, n_classes = 5, n_test = 70 };

typedef struct data {
    reshift_array features, labels, test_features, test_labels;
} data;

static void fill(reshift_array *features, reshift_array *labels, int n, uint64_t item)
{
    reshift_error error;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, n_features}, features, &error));
    check_ok(reshift_array_create(RESHIFT_U8, 1, (int64_t[]){n}, labels, &error));
    for (int i = 0; i < n; i++) {
        random_stream stream = random_open(5, "rows", item, (uint64_t)i);
        int label = (int)random_below(&stream, n_classes);
        ((uint8_t *)labels->data)[i] = (uint8_t)label;
        for (int d = 0; d < n_features; d++) {
            double x = random_gaussian(&stream) + (d % n_classes == label ? 0.5 : 0);
            ((float *)features->data)[i * n_features + d] = x > 0 ? (float)x : 0; /* as features are: behind a ReLU */
        }
    }
}

static void data_create(data *t)
{
    fill(&t->features, &t->labels, n_rows, 0);
    fill(&t->test_features, &t->test_labels, n_test, 1);
}

static void data_destroy(data *t)
{
    reshift_array_destroy(&t->features);
    reshift_array_destroy(&t->labels);
    reshift_array_destroy(&t->test_features);
    reshift_array_destroy(&t->test_labels);
}

/* ---- the plain form ---- */

typedef struct reference {
    double weight[n_classes][n_features], bias[n_classes];
    double m[n_classes][n_features + 1], v[n_classes][n_features + 1];
    int t;
} reference;

static double reference_row(const reference *r, const data *t, int64_t row, int test, double probability[n_classes],
                            int *correct)
{
    const float *x = (const float *)(test ? &t->test_features : &t->features)->data + row * n_features;
    int label = ((const uint8_t *)(test ? &t->test_labels : &t->labels)->data)[row], best = 0;
    double sum = 0, loss;
    for (int k = 0; k < n_classes; k++) {
        probability[k] = r->bias[k];
        for (int d = 0; d < n_features; d++) {
            probability[k] += r->weight[k][d] * (double)x[d];
        }
        best = probability[k] > probability[best] ? k : best;
    }
    for (int k = 0; k < n_classes; k++) {
        sum += exp(probability[k]);
    }
    loss = log(sum) - probability[label];
    for (int k = 0; k < n_classes; k++) {
        probability[k] = exp(probability[k]) / sum;
    }
    *correct = best == label;
    return loss;
}

static void reference_adam(reference *r, double *value, double *m, double *v, double g, double rate)
{
    *m = 0.9 * *m + 0.1 * g;
    *v = 0.999 * *v + 0.001 * g * g;
    *value -= rate / (1 - pow(0.9, r->t)) * *m / (sqrt(*v) / sqrt(1 - pow(0.999, r->t)) + 1e-8);
}

static void reference_step(reference *r, const data *t, const int64_t *rows, int n, double rate, double *loss,
                           int *hits)
{
    static double gradient[n_classes][n_features + 1];
    memset(gradient, 0, sizeof gradient);
    for (int b = 0; b < n; b++) {
        double p[n_classes];
        int correct;
        *loss += reference_row(r, t, rows[b], 0, p, &correct);
        *hits += correct;
        for (int k = 0; k < n_classes; k++) {
            double error = (p[k] - (((const uint8_t *)t->labels.data)[rows[b]] == k)) / n;
            for (int d = 0; d < n_features; d++) {
                gradient[k][d] += error * (double)((const float *)t->features.data)[rows[b] * n_features + d];
            }
            gradient[k][n_features] += error;
        }
    }
    r->t++;
    for (int k = 0; k < n_classes; k++) {
        for (int d = 0; d < n_features; d++) {
            reference_adam(r, &r->weight[k][d], &r->m[k][d], &r->v[k][d], gradient[k][d], rate);
        }
        reference_adam(r, &r->bias[k], &r->m[k][n_features], &r->v[k][n_features], gradient[k][n_features], rate);
    }
}

static void test_against_the_plain_form(void **state)
{
    (void)state;
    enum { epochs = 4, batch = 16 };
    static reference r;
    static float weight0[n_classes * n_features], bias0[n_classes];
    static int64_t order[epochs * n_rows];
    memset(&r, 0, sizeof r);
    data t;
    data_create(&t);
    random_stream stream = random_open(6, "start", 0, 0);
    for (int k = 0; k < n_classes; k++) {
        for (int d = 0; d < n_features; d++) {
            weight0[k * n_features + d] = (float)(0.05 * random_gaussian(&stream));
            r.weight[k][d] = (double)weight0[k * n_features + d];
        }
        bias0[k] = (float)(0.05 * random_gaussian(&stream));
        r.bias[k] = (double)bias0[k];
    }
    for (int e = 0; e < epochs; e++) {
        random_permutation(&stream, order + e * n_rows, n_rows);
    }
    reshift_probe_options options;
    reshift_probe_options_default(&options);
    options.epochs = epochs;
    options.batch = batch;
    options.learning_rate = 0.003;
    options.initial_weight = weight0;
    options.initial_bias = bias0;
    options.order = order;
    reshift_array weight, bias;
    reshift_history history;
    reshift_error error;
    check_ok(reshift_probe_train(&t.features, &t.labels, &t.test_features, &t.test_labels, 0, &options, &weight, &bias,
                                 &history, NULL, &error));
    assert_int_equal(history.n_epochs, epochs);
    for (int e = 0; e < epochs; e++) {
        double loss = 0, test_loss = 0;
        int hits = 0, test_hits = 0;
        for (int start = 0; start < n_rows; start += batch) { /* 203 = 12 * 16 + 11: the last smaller batch counts */
            int n = n_rows - start < batch ? n_rows - start : batch;
            reference_step(&r, &t, order + e * n_rows + start, n, options.learning_rate, &loss, &hits);
        }
        for (int i = 0; i < n_test; i++) {
            double p[n_classes];
            int correct;
            test_loss += reference_row(&r, &t, i, 1, p, &correct);
            test_hits += correct;
        }
        const reshift_epoch *found = &history.epochs[e];
        /* float32 against double over at most 52 steps: rounding of 300 terms, 300 * 6e-8 of a loss near 1 */
        assert_true(fabs(found->train_loss - loss / n_rows) < 2e-5);
        assert_true(fabs(found->test_loss - test_loss / n_test) < 2e-5);
        assert_true(found->train_accuracy == (double)hits / n_rows);
        assert_true(found->test_accuracy == (double)test_hits / n_test);
        assert_int_equal(found->epoch, e + 1);
        assert_true(found->seconds > 0);
    }
    for (int k = 0; k < n_classes; k++) {
        for (int d = 0; d < n_features; d++) {
            assert_true(fabs((double)((float *)weight.data)[k * n_features + d] - r.weight[k][d]) < 2e-5);
        }
        assert_true(fabs((double)((float *)bias.data)[k] - r.bias[k]) < 2e-5);
    }
    assert_true(history.epochs[epochs - 1].train_loss < 0.5 * history.epochs[0].train_loss);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_history_destroy(&history);
    data_destroy(&t);
}

static void test_same_bytes_for_any_thread_count(void **state)
{
    (void)state;
    data t;
    data_create(&t);
    reshift_error error;
    reshift_array first = {0};
    double first_loss = 0;
    for (int threads = 1; threads <= 4; threads++) {
#ifdef _OPENMP
        int before = omp_get_max_threads();
        omp_set_num_threads(threads);
#endif
        reshift_probe_options options;
        reshift_probe_options_default(&options);
        options.epochs = 3;
        options.seed = 11;
        reshift_array weight, bias;
        reshift_history history;
        check_ok(reshift_probe_train(&t.features, &t.labels, &t.test_features, &t.test_labels, 7, &options, &weight,
                                     &bias, &history, NULL, &error));
        assert_int_equal(weight.shape[0], 7);
        if (threads == 1) {
            first = weight;
            first_loss = history.epochs[2].test_loss;
        } else {
            assert_memory_equal(weight.data, first.data, reshift_array_bytes(&weight));
            assert_true(history.epochs[2].test_loss == first_loss);
            reshift_array_destroy(&weight);
        }
        reshift_array_destroy(&bias);
        reshift_history_destroy(&history);
#ifdef _OPENMP
        omp_set_num_threads(before);
#endif
    }
    reshift_array_destroy(&first);
    data_destroy(&t);
}

typedef struct trained {
    reshift_array weight, bias;
    reshift_history history;
} trained;

static void train_in(reshift_precision precision, int threads, const data *t, trained *out)
{
#ifdef _OPENMP
    int before = omp_get_max_threads();
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
    reshift_error error;
    reshift_probe_options options;
    reshift_probe_options_default(&options);
    options.epochs = 6;
    options.batch = 15; /* an odd one, and a last batch of 8 */
    options.precision = precision;
    check_ok(reshift_probe_train(&t->features, &t->labels, &t->test_features, &t->test_labels, 12, &options,
                                 &out->weight, &out->bias, &out->history, NULL, &error));
#ifdef _OPENMP
    omp_set_num_threads(before);
#endif
}

static void trained_destroy(trained *t)
{
    reshift_array_destroy(&t->weight);
    reshift_array_destroy(&t->bias);
    reshift_history_destroy(&t->history);
}

/*
 * bfloat16 follows float32's curve: features and weights are rounded by at most 2^-9 of themselves, a logit is a sum of
 * 300 such products with signs of their own and roundings of their own, some 2^-9 of a magnitude near 3. For any number
 * of threads the bytes are the same; where the processor does not multiply it, they are float32's.
 */
static void test_bf16(void **state)
{
    (void)state;
    data t;
    data_create(&t);
    trained plain, bf16;
    train_in(RESHIFT_PRECISION_F32, 2, &t, &plain);
    train_in(RESHIFT_PRECISION_BF16, 1, &t, &bf16);
    const bool here = reshift_precision_here(RESHIFT_PRECISION_BF16, true) == RESHIFT_PRECISION_BF16;
    const size_t bytes = reshift_array_bytes(&bf16.weight);
    assert_int_equal(memcmp(plain.weight.data, bf16.weight.data, bytes) != 0, here);
    for (int e = 0; e < 6; e++) {
        const reshift_epoch *a = &plain.history.epochs[e], *b = &bf16.history.epochs[e];
        assert_true(fabs(a->train_loss - b->train_loss) < 0.006);
        assert_true(fabs(a->test_loss - b->test_loss) < 0.006);
        assert_true(fabs(a->train_accuracy - b->train_accuracy) <= 2.01 / n_rows);
    }
    for (int threads = 2; threads <= 4; threads++) {
        trained again;
        train_in(RESHIFT_PRECISION_BF16, threads, &t, &again);
        assert_memory_equal(bf16.weight.data, again.weight.data, bytes);
        assert_memory_equal(bf16.bias.data, again.bias.data, reshift_array_bytes(&bf16.bias));
        trained_destroy(&again);
    }
    trained_destroy(&plain);
    trained_destroy(&bf16);
    data_destroy(&t);
}

/* PyTorch's Linear: uniform in +-1/sqrt(D). Zero epochs leave the initial weights. */
static void test_initial_weights(void **state)
{
    (void)state;
    data t;
    data_create(&t);
    reshift_error error;
    reshift_probe_options options;
    reshift_probe_options_default(&options);
    options.epochs = 0;
    reshift_array weight[2], bias;
    reshift_history history;
    for (int seed = 0; seed < 2; seed++) {
        options.seed = (uint64_t)seed;
        check_ok(reshift_probe_train(&t.features, &t.labels, NULL, NULL, 0, &options, &weight[seed], &bias, &history,
                                     NULL, &error));
        assert_int_equal(history.n_epochs, 0);
        double bound = 1 / sqrt(n_features), squares = 0;
        for (int i = 0; i < n_classes * n_features; i++) {
            double w = (double)((float *)weight[seed].data)[i];
            assert_true(fabs(w) <= bound);
            squares += w * w;
        }
        /* variance bound^2 / 3; the estimate's relative standard error is sqrt(0.8 / n): five of them */
        assert_true(fabs(squares / (n_classes * n_features) / (bound * bound / 3) - 1) <
                    5 * sqrt(0.8 / (n_classes * n_features)));
        reshift_array_destroy(&bias);
        reshift_history_destroy(&history);
    }
    assert_memory_not_equal(weight[0].data, weight[1].data, reshift_array_bytes(&weight[0]));
    reshift_array_destroy(&weight[0]);
    reshift_array_destroy(&weight[1]);
    data_destroy(&t);
}

static bool stop_after_two(void *context) { return ++*(int *)context > 2; }

static void test_refusals(void **state)
{
    (void)state;
    data t;
    data_create(&t);
    reshift_error error;
    reshift_probe_options options;
    reshift_probe_options_default(&options);
    options.epochs = 3;
    reshift_array weight, bias;
    reshift_history history;
#define REFUSED(features_, labels_, test_, test_labels_, classes_, code, words)                                        \
    do {                                                                                                               \
        check_error(reshift_probe_train(features_, labels_, test_, test_labels_, classes_, &options, &weight, &bias,   \
                                        &history, NULL, &error),                                                       \
                    code, words);                                                                                      \
        assert_null(weight.data);                                                                                      \
        assert_null(history.epochs);                                                                                   \
    } while (0)
    REFUSED(&t.features, &t.test_labels, NULL, NULL, 0, RESHIFT_ERROR_SHAPE,
            "training labels: expected integers [203]");
    REFUSED(&t.features, &t.features, NULL, NULL, 0, RESHIFT_ERROR_SHAPE, "training labels: expected integers [203]");
    REFUSED(&t.labels, &t.labels, NULL, NULL, 0, RESHIFT_ERROR_SHAPE, "training features: expected float32 [N,D]");
    REFUSED(&t.features, &t.labels, NULL, NULL, 3, RESHIFT_ERROR_SHAPE, "expected a label from 0 to 2, found");
    REFUSED(&t.features, &t.labels, &t.test_features, NULL, 0, RESHIFT_ERROR_ARGUMENT, "test labels");
    ((uint8_t *)t.test_labels.data)[4] = 200;
    REFUSED(&t.features, &t.labels, &t.test_features, &t.test_labels, 0, RESHIFT_ERROR_SHAPE,
            "test labels: row 4: expected a label from 0 to 4, found 200");
    ((uint8_t *)t.test_labels.data)[4] = 0;
    reshift_array narrow = t.test_features;
    narrow.shape[0] = n_test * 2;
    narrow.shape[1] = n_features / 2;
    reshift_array wide_labels;
    check_ok(reshift_array_create(RESHIFT_I64, 1, (int64_t[]){n_test * 2}, &wide_labels, &error));
    REFUSED(&t.features, &t.labels, &narrow, &wide_labels, 0, RESHIFT_ERROR_SHAPE,
            "test features: expected 300 columns as in training, found 150");
    ((int64_t *)wide_labels.data)[9] = -1;
    REFUSED(&t.features, &t.labels, &narrow, &wide_labels, 0, RESHIFT_ERROR_FORMAT,
            "row 9: expected a label from 0 to 999999, found -1");
    float kept = ((float *)t.features.data)[150 * n_features + 7];
    ((float *)t.features.data)[150 * n_features + 7] = NAN;
    REFUSED(&t.features, &t.labels, NULL, NULL, 0, RESHIFT_ERROR_NUMERIC, "training features: row 150 ");
    ((float *)t.features.data)[150 * n_features + 7] = kept;
    ((float *)t.test_features.data)[69 * n_features] = -INFINITY;
    REFUSED(&t.features, &t.labels, &t.test_features, &t.test_labels, 0, RESHIFT_ERROR_NUMERIC,
            "test features: row 69 ");
    int64_t order[3 * n_rows] = {0};
    order[5] = n_rows;
    options.order = order;
    REFUSED(&t.features, &t.labels, NULL, NULL, 0, RESHIFT_ERROR_ARGUMENT, "order[5]: there is no row 203");
    options.order = NULL;
    options.learning_rate = 1e38;
    REFUSED(&t.features, &t.labels, NULL, NULL, 0, RESHIFT_ERROR_NUMERIC, "loss of epoch 1 is not finite");
    options.learning_rate = -1;
    REFUSED(&t.features, &t.labels, NULL, NULL, 0, RESHIFT_ERROR_ARGUMENT, "learning rate");
    options.learning_rate = 1e-3;
    options.batch = 0;
    REFUSED(&t.features, &t.labels, NULL, NULL, 0, RESHIFT_ERROR_ARGUMENT, "batch");
    options.batch = 64;
    int calls = 0;
    reshift_progress progress = {.cancelled = stop_after_two, .context = &calls};
    check_error(reshift_probe_train(&t.features, &t.labels, NULL, NULL, 0, &options, &weight, &bias, &history,
                                    &progress, &error),
                RESHIFT_ERROR_CANCELLED, "stopped");
    assert_null(weight.data);
    reshift_array_destroy(&wide_labels);
    data_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_plain_form),
        cmocka_unit_test(test_same_bytes_for_any_thread_count),
        cmocka_unit_test(test_initial_weights),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
