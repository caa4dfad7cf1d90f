/*
 * Checkpoints as training scripts leave them: which network of several is read, what its last layer is, an input
 * normalisation beside it, and that nothing is dropped without a word.
 */
#include "drawn.h"

#include "base/error.h"
#include "formats/checkpoint.h"
#include "models/model.h"
#include "models/weights/unwrap.h"
#include "reshift/model.h"

#include "base/files.h"
#include <unistd.h>

/* Adds resnet-demo under `prefix`, without the tensors whose names begin with `left_out`; fc.bias is `mark` everywhere.
 */
static void add_network(reshift_tensors *tensors, const char *prefix, const char *left_out, float mark)
{
    reshift_error error;
    reshift_tensors *whole = drawn_tensors(drawn_find("resnet-demo"));
    for (int64_t t = 0; t < reshift_tensors_count(whole); t++) {
        const reshift_array *from = reshift_tensors_at(whole, t);
        const char *name = reshift_tensors_name(whole, t);
        reshift_array copy;
        char full[200];
        if (left_out && strncmp(name, left_out, strlen(left_out)) == 0) {
            continue;
        }
        check_ok(reshift_array_create(from->dtype, from->n_dims, from->shape, &copy, &error));
        memcpy(copy.data, from->data, reshift_array_bytes(from));
        for (int k = 0; k < 10 && strcmp(name, "fc.bias") == 0; k++) {
            ((float *)copy.data)[k] = mark;
        }
        snprintf(full, sizeof full, "%s%s", prefix, name);
        check_ok(reshift_tensors_add(tensors, full, &copy, &error));
    }
    reshift_tensors_destroy(&whole);
}

/* A float tensor that holds these numbers, repeated. */
static void add_floats(reshift_tensors *tensors, const char *name, int n_dims, const int64_t *shape,
                       const float *values, int n_values)
{
    reshift_error error;
    reshift_array array;
    check_ok(reshift_array_create(RESHIFT_F32, n_dims, shape, &array, &error));
    for (int64_t i = 0; i < reshift_array_count(&array); i++) {
        ((float *)array.data)[i] = values[i % n_values];
    }
    check_ok(reshift_tensors_add(tensors, name, &array, &error));
}

static void add_layer(reshift_tensors *tensors, const char *name, int64_t outputs, int64_t inputs, float mark)
{
    char full[200];
    snprintf(full, sizeof full, "%s.weight", name);
    add_floats(tensors, full, 2, (int64_t[]){outputs, inputs}, (float[]){0.01f, -0.02f, 0.03f}, 3);
    snprintf(full, sizeof full, "%s.bias", name);
    add_floats(tensors, full, 1, (int64_t[]){outputs}, &mark, 1);
}

/* All notes, one a line. */
static void notes_of(const reshift_model *model, char *text, size_t size)
{
    reshift_log_level level;
    const char *remark;
    text[0] = '\0';
    for (int i = 0; (remark = reshift_model_note(model, i, &level)) != NULL; i++) {
        size_t length = strlen(text);
        snprintf(text + length, size - length, "%s\n", remark);
    }
}

static float mark_of(const reshift_model *model)
{
    network *net = model_network(model);
    return network_parameter(net, graph_find_parameter(net->graph, "fc.bias"))[0];
}

static reshift_model *load(reshift_tensors *tensors, char *text, size_t size)
{
    reshift_error error;
    reshift_model *model = NULL;
    check_ok(reshift_model_from_tensors(tensors, &model, &error));
    assert_string_equal(reshift_model_arch(model), "resnet-demo");
    notes_of(model, text, size);
    reshift_tensors_destroy(&tensors);
    return model;
}

/* Wrappers of every kind in any nesting, known words or not: the network below them is read, and no word is due. */
static void test_any_prefix(void **state)
{
    (void)state;
    static const char *const prefixes[] = {
        "",
        "module.",
        "_orig_mod.",
        "module._orig_mod.",
        "state_dict.module.",
        "net.",
        "model.",
        "model_state_dict.",
        "weights.",
        "params.",
        "network.",
        "encoder.",
        "state_dict.module.encoder_q.",
        "teacher.backbone.",
        "student.module.",
        "state_dict_ema.",
        "model_ema.module.",
        "0.",
        "state_dict.model.1.",
        "a.b.c.d.e.",
        "model.resnet.",
        "lightning.model.backbone.",
    };
    for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++) {
        char text[4096];
        reshift_tensors *tensors = reshift_tensors_create();
        add_network(tensors, prefixes[p], NULL, 7);
        reshift_model *model = load(tensors, text, sizeof text);
        assert_true(mark_of(model) == 7);
        assert_string_equal(text, "");
        reshift_model_destroy(&model);
    }
}

/* Of two networks in a file the better known is read, and the other one is named. */
static void test_which_of_several(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        /* read, not read: they stand in the file in this order and in the other */
        {"state_dict.", "state_dict_ema."},
        {"model.", "model_ema."},
        {"state_dict.", "model."},
        {"model.module.", "ema.module."},
        {"", "momentum_encoder."},
        {"teacher.backbone.", "student.backbone."},
        {"state_dict.module.encoder_q.", "state_dict.module.encoder_k."},
        {"state_dict.model.", "state_dict.attacker.model."},
        {"online_network.", "target_network."},
    };
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
        for (int order = 0; order < 2; order++) {
            char text[4096], other[200];
            reshift_tensors *tensors = reshift_tensors_create();
            add_network(tensors, pairs[p][order], NULL, order == 0 ? 1 : 2);
            add_network(tensors, pairs[p][1 - order], NULL, order == 0 ? 2 : 1);
            reshift_model *model = load(tensors, text, sizeof text);
            assert_true(mark_of(model) == 1);
            snprintf(other, sizeof other, "not '%.*s'", (int)strlen(pairs[p][1]) - 1, pairs[p][1]);
            assert_non_null(strstr(text, "the checkpoint holds several networks: read is "));
            assert_non_null(strstr(text, other));
            reshift_model_destroy(&model);
        }
    }
}

/* A branch is chosen by its name; one that is not there is refused with a list. */
static void test_branch_by_name(void **state)
{
    (void)state;
    reshift_error error;
    char path[] = "/tmp/reshift-unwrap-XXXXXX", full[300], text[4096];
    assert_true(mkstemp(path) >= 0);
    reshift_tensors *tensors = reshift_tensors_create();
    add_network(tensors, "state_dict.module.", NULL, 1);
    add_network(tensors, "state_dict_ema.", NULL, 2);
    check_ok(reshift_tensors_save(path, tensors, true, &error));
    reshift_tensors_destroy(&tensors);
    static const struct {
        const char *branch;
        float mark;
    } cases[] = {{"", 1}, {"#state_dict_ema", 2}, {"#state_dict", 1}, {"#state_dict.module", 1}, {"#module", 1}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        reshift_model *model = NULL;
        snprintf(full, sizeof full, "%s%s", path, cases[c].branch);
        check_ok(reshift_model_load(full, NULL, &model, &error));
        assert_true(mark_of(model) == cases[c].mark);
        notes_of(model, text, sizeof text);
        assert_non_null(strstr(text, cases[c].mark > 1 ? "read is 'state_dict_ema', not 'state_dict.module'"
                                                       : "read is 'state_dict.module', not 'state_dict_ema'"));
        reshift_model_destroy(&model);
    }
    reshift_model *model = NULL;
    snprintf(full, sizeof full, "%s#state", path);
    check_error(reshift_model_load(full, NULL, &model, &error), RESHIFT_ERROR_NOT_FOUND,
                "there is no network below 'state'; there is one at: 'state_dict.module', 'state_dict_ema'");
    /* a file whose name holds the mark is itself */
    snprintf(full, sizeof full, "%s#state_dict_ema", path);
    assert_int_equal(rename(path, full), 0);
    check_ok(reshift_model_load(full, NULL, &model, &error));
    assert_true(mark_of(model) == 1);
    reshift_model_destroy(&model);
    unlink(full);
}

/* Everything that is dropped is named. */
static void test_dropped_tensors_are_named(void **state)
{
    (void)state;
    char text[4096];
    const float one = 1;
    reshift_tensors *tensors = reshift_tensors_create();
    add_network(tensors, "model.", NULL, 1);
    add_floats(tensors, "optimizer.state.0.exp_avg", 1, (int64_t[]){4}, &one, 1);
    add_floats(tensors, "optimizer.state.1.exp_avg", 1, (int64_t[]){4}, &one, 1);
    add_floats(tensors, "n_averaged", 0, NULL, &one, 1);
    add_floats(tensors, "model.queue", 2, (int64_t[]){128, 16}, &one, 1);
    reshift_model *model = load(tensors, text, sizeof text);
    assert_string_equal(text, "in the checkpoint and not used: 'optimizer' (2 tensors), 'n_averaged', 'model.queue'\n");
    reshift_model_destroy(&model);
}

/* ---- the last layer ---- */

static void test_last_layers(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *layer, *said;
    } cases[] = {
        {"", "linear", "the last layer is 'linear'"},
        {"", "classifier", "the last layer is 'classifier'"},
        {"module.", "module.head", "the last layer is 'module.head'"},
        {"model.", "model.last_linear", "the last layer is 'model.last_linear'"},
        {"", "fc.1", "the last layer is 'fc.1'"},
        {"", "head.fc", "the last layer is 'head.fc'"},
        {"backbone.", "classifier", "the last layer is 'classifier'"},
        {"state_dict.model.backbone.", "state_dict.model.fc", "the last layer is 'state_dict.model.fc'"},
        {"state_dict.backbone.", "state_dict.classifier.1", "the last layer is 'state_dict.classifier.1'"},
        {"", "my_own_words", "the last layer is 'my_own_words'"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char text[4096];
        reshift_tensors *tensors = reshift_tensors_create();
        add_network(tensors, cases[c].prefix, "fc.", 0);
        add_layer(tensors, cases[c].layer, 5, 128, 3);
        reshift_model *model = load(tensors, text, sizeof text);
        assert_int_equal(reshift_model_n_classes(model), 5);
        assert_true(mark_of(model) == 3);
        assert_non_null(strstr(text, cases[c].said));
        assert_null(strstr(text, "not used"));
        reshift_model_destroy(&model);
    }
}

/* No last layer, or a projection of several: features, and a head when one is given. */
static void test_networks_without_a_last_layer(void **state)
{
    (void)state;
    for (int c = 0; c < 3; c++) {
        char text[4096];
        reshift_error error;
        reshift_tensors *tensors = reshift_tensors_create(), *back;
        reshift_model *copy;
        add_network(tensors, "module.", "fc.", 0);
        if (c == 1) { /* MoCo v2's projection */
            add_layer(tensors, "module.fc.0", 128, 128, 3);
            add_layer(tensors, "module.fc.2", 128, 128, 3);
        } else if (c == 2) { /* another width is none of ours */
            add_layer(tensors, "module.head", 10, 64, 3);
        }
        reshift_model *model = load(tensors, text, sizeof text);
        assert_int_equal(reshift_model_n_classes(model), 0);
        assert_non_null(
            strstr(text, c == 1 ? "'module.fc' is a head of several layers; only one linear layer can be read, so the "
                                  "network gives features, not classes"
                                : "the checkpoint has no last layer: it gives features, not classes"));
        assert_int_equal(strstr(text, "not used") != NULL, c > 0);
        check_ok(reshift_model_to_tensors(model, &back, &error));
        assert_null(reshift_tensors_find(back, "fc.weight"));
        assert_non_null(reshift_tensors_find(back, "layer4.0.bn2.running_var"));
        reshift_tensors_destroy(&back);
        check_error(model_need_head(model, &error), RESHIFT_ERROR_SHAPE, "the network has no last layer (fc)");
        assert_non_null(strstr(error.hint, "--head FILE"));
        check_error(reshift_model_set_class_names(model, (const char *const[]){"a"}, 1, &error), RESHIFT_ERROR_SHAPE,
                    "expected 0 class names, found 1");
        check_ok(reshift_model_clone(model, &copy, &error));
        check_ok(reshift_model_reset_head(copy, 1, 3, &error));
        assert_int_equal(reshift_model_n_classes(copy), 1);
        check_ok(model_need_head(copy, &error));
        check_ok(reshift_model_to_tensors(copy, &back, &error));
        assert_non_null(reshift_tensors_find(back, "fc.weight"));
        reshift_tensors_destroy(&back);
        reshift_model_destroy(&copy);
        reshift_model_destroy(&model);
    }
}

/* ---- input normalisation ---- */

static void test_normalisation_is_used(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *mean, *std;
        int n_dims;
        int64_t shape[4];
        float mean_value, std_value, expected_mean, expected_std;
    } cases[] = {
        {"state_dict.model.", "state_dict.mu", "state_dict.sigma", 4, {1, 3, 1, 1}, 0.5f, 0.25f, 0.5f, 0.25f},
        {"model.module.model.",
         "model.module.normalizer.new_mean",
         "model.module.normalizer.new_std",
         3,
         {3, 1, 1},
         0.4f,
         0.2f,
         0.4f,
         0.2f},
        {"model.", "normalize.mean", "normalize.std", 1, {3}, 0.1f, 0.3f, 0.1f, 0.3f},
        {"1.", "0.mean", "0.std", 4, {1, 3, 1, 1}, 0.1f, 0.3f, 0.1f, 0.3f},
        {"", "mean", "std", 3, {3, 1, 1}, 0.1f, 0.3f, 0.1f, 0.3f},
        {"", "normalizer.mean", "normalizer.std", 1, {3}, 0, 1, 0, 1},
        {"net.", "mu", "sigma", 0, {0}, 0.5f, 0.5f, 0.5f, 0.5f},
        {"model.backbone.", "model.pixel_mean", "model.pixel_std", 1, {3}, 127.5f, 51, 0.5f, 0.2f},
        {"state_dict.model.", "mean", "std", 1, {3}, 0.5f, 0.25f, 0.5f, 0.25f},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char text[4096], said[400];
        reshift_tensors *tensors = reshift_tensors_create();
        add_floats(tensors, cases[c].mean, cases[c].n_dims, cases[c].shape, &cases[c].mean_value, 1);
        add_floats(tensors, cases[c].std, cases[c].n_dims, cases[c].shape, &cases[c].std_value, 1);
        add_network(tensors, cases[c].prefix, NULL, 1);
        reshift_model *model = load(tensors, text, sizeof text);
        const reshift_recipe *recipe = reshift_model_recipe(model);
        for (int i = 0; i < 3; i++) {
            assert_true(fabsf(recipe->mean[i] - cases[c].expected_mean) < 1e-6f);
            assert_true(fabsf(recipe->std[i] - cases[c].expected_std) < 1e-6f);
        }
        assert_int_equal(recipe->size, 32); /* all else as before */
        snprintf(said, sizeof said, "input normalisation of the checkpoint ('%s', '%s'): mean %.4g", cases[c].mean,
                 cases[c].std, (double)cases[c].expected_mean);
        assert_non_null(strstr(text, said));
        assert_null(strstr(text, "not used"));
        reshift_model_destroy(&model);
    }
}

/* What is not understood is refused, never dropped: the numbers would be wrong. */
static void test_normalisation_that_is_not_understood(void **state)
{
    (void)state;
    static const struct {
        const char *mean, *std; /* NULL: absent */
        int64_t count;
        float mean_value, std_value;
        const char *words;
    } cases[] = {
        {"mu", NULL, 3, 0.5f, 0, "'mu' has no deviation beside it"},
        {NULL, "normalizer.new_std", 3, 0, 0.5f, "'normalizer.new_std' has no mean beside it"},
        {"mu", "sigma", 5, 0.5f, 0.5f, "'mu' is float32 [5], expected a floating-point number or one a channel"},
        {"mu", "sigma", 3, -0.5f, 0.5f, "'mu' is not from 0 to 1"},
        {"mu", "sigma", 3, 0.5f, 0, "'sigma' is not positive"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        reshift_error error;
        reshift_model *model = NULL;
        reshift_tensors *tensors = reshift_tensors_create();
        add_network(tensors, "model.", NULL, 1);
        if (cases[c].mean) {
            add_floats(tensors, cases[c].mean, 1, &cases[c].count, &cases[c].mean_value, 1);
        }
        if (cases[c].std) {
            add_floats(tensors, cases[c].std, 1, &cases[c].count, &cases[c].std_value, 1);
        }
        check_error(reshift_model_from_tensors(tensors, &model, &error), RESHIFT_ERROR_UNSUPPORTED, cases[c].words);
        reshift_tensors_destroy(&tensors);
    }
}

/* ---- what cannot be read ---- */

static void test_what_fits_nothing(void **state)
{
    (void)state;
    reshift_error error;
    reshift_model *model = NULL;
    reshift_tensors *tensors = reshift_tensors_create();
    add_network(tensors, "net.", "layer4.", 1);
    check_error(reshift_model_from_tensors(tensors, &model, &error), RESHIFT_ERROR_UNSUPPORTED,
                "below 'net': not a residual network of torchvision's family: expected layer1 to layer4");
    reshift_tensors_destroy(&tensors);
    tensors = reshift_tensors_create(); /* a tensor that is needed and in a form that is not read */
    add_network(tensors, "net.", "bn1.weight", 1);
    check_ok(tensors_add_unread(tensors, "net.bn1.weight", "a tensor of ComplexFloatStorage", &error));
    check_error(reshift_model_from_tensors(tensors, &model, &error), RESHIFT_ERROR_SHAPE,
                "a tensor of a kind that is not read: 'bn1.weight' (a tensor of ComplexFloatStorage)");
    reshift_tensors_destroy(&tensors);
    tensors = reshift_tensors_create(); /* in the trunk every tensor counts */
    const float one = 1;
    add_network(tensors, "net.", NULL, 1);
    add_floats(tensors, "net.layer1.0.se.weight", 1, (int64_t[]){2}, &one, 1);
    check_error(reshift_model_from_tensors(tensors, &model, &error), RESHIFT_ERROR_SHAPE,
                "unexpected tensor 'layer1.0.se.weight'");
    reshift_tensors_destroy(&tensors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_prefix),
        cmocka_unit_test(test_which_of_several),
        cmocka_unit_test(test_branch_by_name),
        cmocka_unit_test(test_dropped_tensors_are_named),
        cmocka_unit_test(test_last_layers),
        cmocka_unit_test(test_networks_without_a_last_layer),
        cmocka_unit_test(test_normalisation_is_used),
        cmocka_unit_test(test_normalisation_that_is_not_understood),
        cmocka_unit_test(test_what_fits_nothing),
    };
    return cmocka_run_group_tests_name("unwrap", tests, NULL, NULL);
}
