/*
 * The probe against PyTorch: the same made-up features, initial weights and orders on both sides, then every loss and
 * all final weights. golden/make_training.py is the other side.
 */
#include "check.h"

#include <math.h>

#include "training/made_up.h"
#include "reshift/learning.h"
#include "reshift/tensors.h"

enum { n_features = 256, n_classes = 10, batch = 64 };

static void make_features(int n, reshift_array *features, reshift_array *labels)
{
    reshift_error error;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, n_features}, features, &error));
    check_ok(reshift_array_create(RESHIFT_I64, 1, (int64_t[]){n}, labels, &error));
    for (int i = 0; i < n; i++) {
        int64_t label = made_up_hash(1, (uint32_t)i) % n_classes;
        ((int64_t *)labels->data)[i] = label;
        for (int d = 0; d < n_features; d++) {
            float x = made_up_uniform(3, (uint32_t)(i * n_features + d)) +
                      made_up_uniform(2, (uint32_t)(label * n_features + d)) * 0.5f - 0.25f;
            ((float *)features->data)[i * n_features + d] = x > 0 ? x : 0;
        }
    }
}

static const reshift_array *find(const reshift_tensors *golden, const char *part, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", part, what);
    const reshift_array *array = reshift_tensors_find(golden, name);
    assert_non_null(array);
    return array;
}

/*
 * Both sides sum the 256 terms of a logit in float32, each in its own order: they differ by some 256 * 6e-8 of a
 * logit's magnitude (about 1), 1.5e-5, at the very worst and by its square root's worth, 1e-6, as a rule. Adam turns a
 * relative error of a gradient into the same share of a step of 1e-3. So losses are held to 1e-5 of the first one and
 * weights to 2 % of one step after all steps.
 */
static void compare(const char *file, const char *part, int n, int epochs, const double *class_weights)
{
    char path[300];
    reshift_error error;
    reshift_tensors *golden;
    snprintf(path, sizeof path, TEST_SOURCE_ROOT "/tests/training/golden/training-%s.safetensors", file);
    check_ok(reshift_tensors_load(path, &golden, &error));
    reshift_array features, labels, weight, bias;
    make_features(n, &features, &labels);
    float weight0[n_classes * n_features], bias0[n_classes];
    float bound = (float)(1 / sqrt((double)n_features));
    for (int i = 0; i < n_classes * n_features; i++) {
        weight0[i] = made_up_uniform(4, (uint32_t)i) * bound;
    }
    for (int i = 0; i < n_classes; i++) {
        bias0[i] = made_up_uniform(5, (uint32_t)i) * bound;
    }
    int64_t *order = malloc((size_t)(n * epochs) * sizeof *order);
    for (int e = 0; e < epochs; e++) {
        made_up_permutation(100 + (uint32_t)e, order + e * n, n);
    }
    reshift_probe_options options;
    reshift_probe_options_default(&options);
    options.epochs = epochs;
    options.batch = batch;
    options.initial_weight = weight0;
    options.initial_bias = bias0;
    options.order = order;
    options.class_weights = class_weights;
    reshift_history history;
    check_ok(reshift_probe_train(&features, &labels, NULL, NULL, n_classes, &options, &weight, &bias, &history, NULL,
                                 &error));
    const double(*expected)[2] = find(golden, part, "history")->data;
    double worst_loss = 0, worst_weight = 0;
    assert_int_equal(find(golden, part, "history")->shape[0], epochs);
    for (int e = 0; e < epochs; e++) {
        double off = fabs(history.epochs[e].train_loss - expected[e][0]) / expected[0][0];
        worst_loss = off > worst_loss ? off : worst_loss;
        assert_true(history.epochs[e].train_accuracy == expected[e][1]);
    }
    const float *expected_weight = find(golden, part, "weight")->data,
                *expected_bias = find(golden, part, "bias")->data;
    for (int i = 0; i < n_classes * n_features; i++) {
        double off = fabs((double)expected_weight[i] - (double)((const float *)weight.data)[i]);
        worst_weight = off > worst_weight ? off : worst_weight;
    }
    for (int i = 0; i < n_classes; i++) {
        double off = fabs((double)expected_bias[i] - (double)((const float *)bias.data)[i]);
        worst_weight = off > worst_weight ? off : worst_weight;
    }
    print_message("# %s: losses within %.1e of the first, weights within %.1e\n", part, worst_loss, worst_weight);
    assert_true(worst_loss < 1e-5);
    assert_true(worst_weight < 2e-5);
    free(order);
    reshift_array_destroy(&features);
    reshift_array_destroy(&labels);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_history_destroy(&history);
    reshift_tensors_destroy(&golden);
}

/* 64 rows in batches of 64: an epoch is a step, so every step's loss is seen. */
static void test_every_step(void **state)
{
    (void)state;
    compare("probe", "one", 64, 50, NULL);
}

/* 500 rows: seven whole batches and one of 52. */
static void test_epochs(void **state)
{
    (void)state;
    compare("probe", "many", 500, 5, NULL);
}

static const double class_weights[n_classes] = {0, .25, .5, .75, 1, 1.25, 1.5, 1.75, 2, 2.25};

/* Rows of a batch are weighted by class, and their losses divided by the sum of the weights. */
static void test_class_weights(void **state)
{
    (void)state;
    compare("weighted", "weighted", 500, 5, class_weights);
}

/* In bfloat16 (float32 where the processor has no such form) weights end ten times nearer to PyTorch's with class
 * weights than without. */
static void test_class_weights_in_bf16(void **state)
{
    (void)state;
    enum { n = 500, epochs = 5 };
    reshift_error error;
    reshift_tensors *golden;
    reshift_array features, labels, weight, bias;
    reshift_history history;
    check_ok(
        reshift_tensors_load(TEST_SOURCE_ROOT "/tests/training/golden/training-weighted.safetensors", &golden, &error));
    make_features(n, &features, &labels);
    static float weight0[n_classes * n_features], bias0[n_classes];
    static int64_t order[n * epochs];
    const float bound = (float)(1 / sqrt((double)n_features));
    for (int i = 0; i < n_classes * n_features; i++) {
        weight0[i] = made_up_uniform(4, (uint32_t)i) * bound;
    }
    for (int i = 0; i < n_classes; i++) {
        bias0[i] = made_up_uniform(5, (uint32_t)i) * bound;
    }
    for (int e = 0; e < epochs; e++) {
        made_up_permutation(100 + (uint32_t)e, order + e * n, n);
    }
    double off[2] = {0}, loss[2];
    const float *expected = find(golden, "weighted", "weight")->data;
    for (int weighted = 0; weighted < 2; weighted++) {
        reshift_probe_options options;
        reshift_probe_options_default(&options);
        options.epochs = epochs;
        options.batch = batch;
        options.initial_weight = weight0;
        options.initial_bias = bias0;
        options.order = order;
        options.precision = RESHIFT_PRECISION_BF16;
        options.class_weights = weighted ? class_weights : NULL;
        check_ok(reshift_probe_train(&features, &labels, NULL, NULL, n_classes, &options, &weight, &bias, &history,
                                     NULL, &error));
        for (int i = 0; i < n_classes * n_features; i++) {
            off[weighted] +=
                fabs((double)expected[i] - (double)((const float *)weight.data)[i]) / (n_classes * n_features);
        }
        loss[weighted] = history.epochs[epochs - 1].train_loss;
        reshift_array_destroy(&weight);
        reshift_array_destroy(&bias);
        reshift_history_destroy(&history);
    }
    const double(*golden_history)[2] = find(golden, "weighted", "history")->data;
    print_message("# bf16: weights off by %.1e on average, without class weights by %.1e\n", off[1], off[0]);
    assert_true(off[1] < 0.1 * off[0]);
    assert_true(fabs(loss[1] - golden_history[epochs - 1][0]) < 0.01 * golden_history[0][0]);
    static const double none[n_classes] = {0};
    reshift_probe_options options;
    reshift_probe_options_default(&options);
    options.class_weights = none;
    check_error(reshift_probe_train(&features, &labels, NULL, NULL, n_classes, &options, &weight, &bias, &history, NULL,
                                    &error),
                RESHIFT_ERROR_ARGUMENT, "every training row is of a class whose weight is 0");
    reshift_array_destroy(&features);
    reshift_array_destroy(&labels);
    reshift_tensors_destroy(&golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_step),
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_class_weights),
        cmocka_unit_test(test_class_weights_in_bf16),
    };
    return cmocka_run_group_tests_name("probe_parity", tests, NULL, NULL);
}
