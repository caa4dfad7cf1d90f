/*
 * Features and logits of all architectures against PyTorch's (golden/make_features.py) on real CIFAR-10 test images:
 * with real weights of ResNet-50 and ResNet-18, and with drawn values for every architecture and for other input sizes.
 *
 * Full rows are compared directly: |ours - theirs| / |theirs| < 1e-4. The other rows by their count sketch S into 64
 * buckets: |S(ours) - S(theirs)|^2 = |S(d)|^2 of the difference d has expectation |d|^2 and variance at most
 * 2/64 |d|^4, a standard deviation of 17.7 %. A row whose true error is 1e-4 has an estimate below half of that only
 * when |S(d)|^2 is 4.2 standard deviations too small; so estimates are held to 0.5e-4.
 */
#include "check.h"

#include <math.h>

#include "engine/plan.h"
#include "imaging/preprocess.h"
#include "models/drawn.h"
#include "models/model.h"
#include "plan_values.h"

#define BATCH 16
#define FULL_BOUND 1e-4
#define SKETCH_BOUND 0.5e-4
#define RECORD_BYTES 3073 /* a label, then 1024 R, 1024 G, 1024 B */

/* The first `count` CIFAR-10 test images, uint8 [count,32,32,3]; the caller frees. */
static uint8_t *read_images(int count)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/cifar-10-batches-bin/test_batch.bin", check_data());
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("cannot open '%s'", path);
    }
    uint8_t *images = malloc((size_t)count * 3072), record[RECORD_BYTES];
    assert_non_null(images);
    for (int i = 0; i < count; i++) {
        assert_int_equal(fread(record, 1, RECORD_BYTES, file), RECORD_BYTES);
        for (int p = 0; p < 1024; p++) {
            for (int c = 0; c < 3; c++) {
                images[i * 3072 + p * 3 + c] = record[1 + c * 1024 + p];
            }
        }
    }
    fclose(file);
    return images;
}

static reshift_array golden(const char *name, const char *kind)
{
    reshift_error error;
    reshift_array array;
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/models/golden/%s-%s.npy", TEST_SOURCE_ROOT, name, kind);
    check_ok(reshift_array_load_npy(path, &array, &error));
    assert_int_equal(array.dtype, RESHIFT_F32);
    assert_int_equal(array.n_dims, 2);
    return array;
}

static double relative_error(const float *ours, const float *theirs, int64_t n)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        difference += pow((double)ours[i] - theirs[i], 2);
        norm += pow(theirs[i], 2);
    }
    return sqrt(difference / norm);
}

/* Row: 64 buckets of theirs, then its norm. */
static double sketched_error(const float *ours, int64_t n, const float *row)
{
    double buckets[SKETCH_BUCKETS], difference = 0;
    drawn_sketch(ours, n, buckets);
    for (int b = 0; b < SKETCH_BUCKETS; b++) {
        difference += pow(buckets[b] - row[b], 2);
    }
    return sqrt(difference) / row[SKETCH_BUCKETS];
}

typedef struct worst {
    double features, feature_sketch, logit_sketch;
} worst;

static void keep_worst(double *kept, double value)
{
    if (!(value <= *kept)) { /* a NaN is the worst of all */
        *kept = value;
    }
}

static void compare(reshift_model *model, const char *name, int size)
{
    reshift_error error;
    reshift_array features = golden(name, "features"), sketch = golden(name, "sketch"), logits = golden(name, "logits");
    int count = (int)sketch.shape[0], n_features = reshift_model_n_features(model),
        n_classes = reshift_model_n_classes(model);
    int batch = count < BATCH ? count : BATCH;
    assert_int_equal(features.shape[1], n_features);
    assert_int_equal(sketch.shape[1], SKETCH_BUCKETS + 1);
    assert_int_equal(count % batch, 0);
    uint8_t *images = read_images(count);
    network *net = model_network(model);
    plan *p = NULL;
    plan_options options = {.batch = batch, .height = size, .width = size, .last_block = net->graph->n_blocks - 1};
    check_ok(plan_create(net, &options, &p, &error));
    const reshift_recipe *recipe = reshift_model_recipe(model);
    worst found = {0};
    int compared = 0;
    for (int first = 0; first < count; first += batch) {
        for (int i = 0; i < batch; i++) {
            reshift_image image = {.height = 32, .width = 32, .pixels = images + (first + i) * 3072};
            check_ok(preprocess_array(&image, size, recipe->mean, recipe->std,
                                      input_of(p) + (size_t)i * size * size * 3, &error));
        }
        check_ok(plan_forward(p, &error));
        for (int i = 0; i < batch; i++) {
            int row = first + i;
            const float *ours = features_of(p) + (size_t)i * n_features;
            const float *sketch_row = (const float *)sketch.data + row * (SKETCH_BUCKETS + 1);
            keep_worst(&found.feature_sketch, sketched_error(ours, n_features, sketch_row));
            if (row < features.shape[0]) {
                keep_worst(&found.features,
                           relative_error(ours, (const float *)features.data + row * n_features, n_features));
            }
            if (row < logits.shape[0]) {
                const float *logit_row = (const float *)logits.data + row * (SKETCH_BUCKETS + 1);
                keep_worst(&found.logit_sketch,
                           sketched_error(output_of(p) + (size_t)i * n_classes, n_classes, logit_row));
            }
            compared++;
        }
    }
    print_message("# %s: %d images; worst relative error: features %.2e, by sketch %.2e, logits by sketch %.2e\n", name,
                  compared, found.features, found.feature_sketch, found.logit_sketch);
    assert_int_equal(compared, count);
    assert_true(found.features < FULL_BOUND);
    assert_true(found.feature_sketch < SKETCH_BOUND);
    assert_true(found.logit_sketch < SKETCH_BOUND);
    plan_destroy(&p);
    free(images);
    reshift_array_destroy(&features);
    reshift_array_destroy(&sketch);
    reshift_array_destroy(&logits);
}

static void compare_real(const char *name)
{
    reshift_error error;
    reshift_model *model = NULL;
    check_ok(reshift_model_load(name, check_data(), &model, &error));
    assert_string_equal(reshift_model_arch(model), name);
    compare(model, name, 224);
    reshift_model_destroy(&model);
}

static void compare_drawn(const char *arch, const char *name, int size)
{
    reshift_error error;
    reshift_model *model = NULL;
    reshift_tensors *tensors = drawn_tensors(drawn_find(arch));
    check_ok(reshift_model_from_tensors(tensors, &model, &error));
    reshift_tensors_destroy(&tensors);
    assert_string_equal(reshift_model_arch(model), arch);
    compare(model, name, size);
    reshift_model_destroy(&model);
}

#define PARITY_TEST(test, call)                                                                                        \
    static void test(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        check_need_data();                                                                                             \
        call;                                                                                                          \
    }

PARITY_TEST(test_resnet50_real, compare_real("resnet50"))
PARITY_TEST(test_resnet18_real, compare_real("resnet18"))
PARITY_TEST(test_resnet18_drawn, compare_drawn("resnet18", "resnet18-drawn", 224))
PARITY_TEST(test_resnet34_drawn, compare_drawn("resnet34", "resnet34-drawn", 224))
PARITY_TEST(test_resnet101_drawn, compare_drawn("resnet101", "resnet101-drawn", 224))
PARITY_TEST(test_resnet152_drawn, compare_drawn("resnet152", "resnet152-drawn", 224))
PARITY_TEST(test_demo_drawn, compare_drawn("resnet-demo", "resnet-demo-drawn", 32))
PARITY_TEST(test_size_32, compare_drawn("resnet18", "resnet18-drawn-32", 32))
PARITY_TEST(test_size_97, compare_drawn("resnet18", "resnet18-drawn-97", 97))
PARITY_TEST(test_resnext50_32x4d, compare_drawn("resnext50_32x4d", "resnext50_32x4d-drawn-64", 64))
PARITY_TEST(test_wide_resnet50_2, compare_drawn("wide_resnet50_2", "wide_resnet50_2-drawn-64", 64))
PARITY_TEST(test_resnext101_32x8d, compare_drawn("resnext101_32x8d", "resnext101_32x8d-drawn-64", 64))
PARITY_TEST(test_resnext101_64x4d, compare_drawn("resnext101_64x4d", "resnext101_64x4d-drawn-64", 64))
PARITY_TEST(test_wide_resnet101_2, compare_drawn("wide_resnet101_2", "wide_resnet101_2-drawn-64", 64))

/* "test-models-parity large", by hand: networks that take seconds and half a gigabyte each. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resnet50_real),   cmocka_unit_test(test_resnet18_real),
        cmocka_unit_test(test_resnet18_drawn),  cmocka_unit_test(test_resnet34_drawn),
        cmocka_unit_test(test_resnet101_drawn), cmocka_unit_test(test_resnet152_drawn),
        cmocka_unit_test(test_demo_drawn),      cmocka_unit_test(test_size_32),
        cmocka_unit_test(test_size_97),         cmocka_unit_test(test_resnext50_32x4d),
        cmocka_unit_test(test_wide_resnet50_2),
    };
    const struct CMUnitTest large[] = {
        cmocka_unit_test(test_resnext101_32x8d),
        cmocka_unit_test(test_resnext101_64x4d),
        cmocka_unit_test(test_wide_resnet101_2),
    };
    if (argc > 1 && strcmp(argv[1], "large") == 0) {
        return cmocka_run_group_tests_name("parity, large networks", large, NULL, NULL);
    }
    return cmocka_run_group_tests_name("parity", tests, NULL, NULL);
}
