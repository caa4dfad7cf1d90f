/* What reshift.h promises of every function: versions, defaults, outputs after a failure, NULL. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reshift/reshift.h"

#define NOWHERE "/nonexistent/folder/file"

static void test_version(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", RESHIFT_VERSION_MAJOR, RESHIFT_VERSION_MINOR, RESHIFT_VERSION_PATCH);
    assert_string_equal(RESHIFT_VERSION_TEXT, text);
    assert_string_equal(reshift_version(), text);
    assert_string_equal(reshift_version(), TEST_PROJECT_VERSION);
    assert_int_equal(RESHIFT_VERSION_NUMBER,
                     RESHIFT_VERSION_MAJOR * 10000 + RESHIFT_VERSION_MINOR * 100 + RESHIFT_VERSION_PATCH);
}

/* Every field is set, whatever was there before. */
static void test_defaults(void **state)
{
    (void)state;
    reshift_corrupt_options corrupt;
    memset(&corrupt, 0xff, sizeof corrupt);
    reshift_corrupt_options_default(&corrupt);
    assert_true(corrupt.severity_first == 1 && corrupt.severity_last == 5 && !corrupt.overwrite && !corrupt.frost);
    reshift_forward_options forward;
    memset(&forward, 0xff, sizeof forward);
    reshift_forward_options_default(&forward);
    assert_true(forward.size == 0 && forward.batch == 0 && forward.precision == RESHIFT_PRECISION_F32 &&
                !forward.cache);
    reshift_run_options run;
    memset(&run, 0xff, sizeof run);
    reshift_run_options_default(&run);
    assert_true(!run.folder && !run.data_dir && !run.force && run.n_siblings == 0);
    reshift_augment augment;
    memset(&augment, 0xff, sizeof augment);
    reshift_augment_default(&augment);
    assert_true(!augment.corrupt && !augment.crop && !augment.flip && augment.crop_padding > 0);
    reshift_robustness_options robustness;
    memset(&robustness, 0xff, sizeof robustness);
    reshift_robustness_options_default(&robustness);
    assert_true(robustness.clean && robustness.dataset.severity_last == 5 &&
                robustness.adapt.kind == RESHIFT_ADAPT_NONE && robustness.adapt.batch == 64 && !robustness.data &&
                robustness.n_corruptions == 0);
}

/* Each output is filled with what no function leaves there. */
#define FAILS(TYPE, OUT, CALL, EMPTY, DESTROY)                                                                         \
    do {                                                                                                               \
        TYPE OUT;                                                                                                      \
        memset(&OUT, 0xff, sizeof OUT);                                                                                \
        reshift_error_clear(&error);                                                                                   \
        const reshift_status status = CALL;                                                                            \
        if (status == RESHIFT_OK || status != error.code || !error.message[0] || !(EMPTY)) {                           \
            fail_msg("%s: status %d, code %d, '%s'; the output is %s", #CALL, status, error.code, error.message,       \
                     (EMPTY) ? "empty" : "not empty");                                                                 \
        }                                                                                                              \
        DESTROY;                                                                                                       \
    } while (0)

static void test_outputs_after_failure(void **state)
{
    (void)state;
    const reshift_array none = {0};
    reshift_error error = {0};
    FAILS(reshift_array, a, reshift_array_create(RESHIFT_F32, 99, NULL, &a, &error), !a.data,
          reshift_array_destroy(&a));
    FAILS(reshift_array, a, reshift_array_load_npy(NOWHERE, &a, &error), !a.data, reshift_array_destroy(&a));
    FAILS(reshift_array, a, reshift_features_load_npy(NOWHERE, &a, &error), !a.data, reshift_array_destroy(&a));
    FAILS(reshift_tensors *, t, reshift_tensors_load(NOWHERE, &t, &error), !t, reshift_tensors_destroy(&t));
    FAILS(reshift_model *, m, reshift_model_load(NOWHERE, NULL, &m, &error), !m, reshift_model_destroy(&m));
    FAILS(reshift_model *, m, reshift_model_create("nonsense", 10, 0, &m, &error), !m, reshift_model_destroy(&m));
    FAILS(reshift_dataset *, d, reshift_dataset_open("folder:" NOWHERE, NULL, &d, &error), !d,
          reshift_dataset_close(&d));
    FAILS(reshift_dataset *, d, reshift_dataset_open("nonsense", NULL, &d, &error), !d, reshift_dataset_close(&d));
    FAILS(reshift_dataset *, d, reshift_dataset_open_clean("imagenet-c:" NOWHERE, NULL, &d, &error), !d,
          reshift_dataset_close(&d));
    FAILS(reshift_frost *, f, reshift_frost_open(NOWHERE, &f, &error), !f, reshift_frost_close(&f));
    FAILS(reshift_experiment *, e, reshift_experiment_load(NOWHERE, NULL, 0, &e, &error), !e,
          reshift_experiment_destroy(&e));
    const char *const wrong[] = {"nonsense=1"};
    FAILS(reshift_experiment *, e, reshift_experiment_demo(wrong, 1, &e, &error), !e, reshift_experiment_destroy(&e));
    FAILS(reshift_sweep *, s, reshift_sweep_load(NOWHERE, NULL, 0, &s, &error), !s, reshift_sweep_destroy(&s));
    FAILS(reshift_history, h, reshift_history_load_csv(NOWHERE, &h, &error), !h.epochs && !h.rates,
          reshift_history_destroy(&h));
    FAILS(reshift_moved *, r, reshift_moved_load_csv(NOWHERE, &r, &(int){0}, &error), !r, free(r));
    FAILS(reshift_measurement *, r, reshift_run_results(NOWHERE, &r, &(int){0}, &error), !r, free(r));
    FAILS(char *, json, reshift_inspect(NOWHERE, &json, &error), !json, free(json));
    FAILS(reshift_pca_result, p, reshift_pca_fit(&none, 2, &p, &error), !p.coordinates.data && !p.components.data,
          reshift_pca_destroy(&p));
    FAILS(reshift_array, w, reshift_nearest_mean_train(&none, &none, 0, &w, &(reshift_array){0}, &error), !w.data,
          reshift_array_destroy(&w));
    FAILS(reshift_array, s, reshift_nearest_neighbours_score(&none, &none, &none, 0, 1, 0.07, &s, NULL, &error),
          !s.data, reshift_array_destroy(&s));
    FAILS(reshift_array, w,
          reshift_logistic_train(&none, &none, 0, NULL, &w, &(reshift_array){0}, &(reshift_logistic_fit){0}, NULL,
                                 &error),
          !w.data, reshift_array_destroy(&w));
    FAILS(reshift_history, h,
          reshift_probe_train(&none, &none, NULL, NULL, 0, NULL, &(reshift_array){0}, &(reshift_array){0}, &h, NULL,
                              &error),
          !h.epochs, reshift_history_destroy(&h));
    FAILS(reshift_array, s, reshift_linear_scores(&none, &none, &none, &s, &error), !s.data, reshift_array_destroy(&s));

    reshift_dataset *demo = NULL;
    reshift_model *model = NULL;
    check_ok(reshift_dataset_open("demo", &(reshift_dataset_options){.limit = 4}, &demo, &error));
    check_ok(reshift_model_create("resnet-demo", 3, 0, &model, &error));
    FAILS(reshift_dataset *, d, reshift_dataset_subset(demo, &(int64_t){99}, 1, &d, &error), !d,
          reshift_dataset_close(&d));
    FAILS(reshift_dataset *, d, reshift_dataset_cropped(demo, 0, 0, &d, &error), !d, reshift_dataset_close(&d));
    FAILS(reshift_class_map, c, reshift_class_map_create(model, demo, NOWHERE, &c, &error), !c.outputs && !c.counts,
          reshift_class_map_destroy(&c));
    FAILS(reshift_split, s, reshift_split_draw(demo, RESHIFT_SPLIT_BY_ROW, 0, 0, &s, &error),
          !s.train_rows && !s.test_rows, reshift_split_destroy(&s));
    reshift_forward_options forward;
    reshift_forward_options_default(&forward);
    forward.batch = -1;
    FAILS(reshift_array, a, reshift_forward(model, demo, &forward, &a, NULL, NULL, &error), !a.data,
          reshift_array_destroy(&a));
    FAILS(reshift_array, a, reshift_head_logits(model, &none, &a, &error), !a.data, reshift_array_destroy(&a));
    reshift_robustness_options robustness;
    reshift_robustness_options_default(&robustness);
    robustness.data = "nonsense";
    FAILS(reshift_robustness, t, reshift_robustness_measure(model, &robustness, &t, NULL, &error), !t.cells,
          reshift_robustness_destroy(&t));
    reshift_model_destroy(&model);
    reshift_dataset_close(&demo);
}

static void test_null(void **state)
{
    (void)state;
    reshift_array_destroy(NULL);
    reshift_image_destroy(NULL);
    reshift_tensors_destroy(NULL);
    reshift_model_destroy(NULL);
    reshift_dataset_close(NULL);
    reshift_frost_close(NULL);
    reshift_frozen_cache_close(NULL);
    reshift_outputs_destroy(NULL);
    reshift_experiment_destroy(NULL);
    reshift_sweep_destroy(NULL);
    reshift_history_destroy(NULL);
    reshift_fingerprints_destroy(NULL);
    reshift_split_destroy(NULL);
    reshift_class_map_destroy(NULL);
    reshift_pca_destroy(NULL);
    reshift_robustness_destroy(NULL);
    reshift_comparison_destroy(NULL);
    reshift_error_clear(NULL);

    /* no error, no options, no progress */
    reshift_dataset *demo = NULL;
    assert_int_equal(reshift_dataset_open("nonsense", NULL, &demo, NULL), RESHIFT_ERROR_ARGUMENT);
    assert_int_equal(reshift_dataset_check("demo", NULL, NULL), RESHIFT_OK);
    assert_int_equal(reshift_dataset_open("demo", NULL, &demo, NULL), RESHIFT_OK);
    int count = 0;
    const reshift_corruption *table = reshift_corruption_table(&count);
    assert_true(count > 0 && count <= RESHIFT_CORRUPTIONS_MOST);
    assert_int_equal(reshift_corrupt_check(demo, &table[0], NULL, NULL), RESHIFT_OK);
    reshift_frozen_cache *cache = NULL;
    assert_int_equal(reshift_frozen_cache_open(NULL, &cache, NULL), RESHIFT_OK);
    reshift_frozen_cache_close(&cache);
    assert_null(cache);
    reshift_model *model = NULL;
    assert_int_equal(reshift_model_create("resnet-demo", 3, 0, &model, NULL), RESHIFT_OK);
    reshift_dataset *few = NULL;
    assert_int_equal(reshift_dataset_subset(demo, (int64_t[]){0, 1, 2}, 3, &few, NULL), RESHIFT_OK);
    reshift_dataset_close(&demo); /* the view keeps it open */
    reshift_array features = {0};
    assert_int_equal(reshift_forward(model, few, NULL, &features, NULL, NULL, NULL), RESHIFT_OK);
    assert_true(features.shape[0] == 3 && features.shape[1] == reshift_model_n_features(model));
    reshift_array_destroy(&features);
    reshift_dataset_close(&few);
    reshift_model_destroy(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_outputs_after_failure),
        cmocka_unit_test(test_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
