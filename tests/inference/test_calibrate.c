/* Ranges of activations: found once, said so, stored with the weights, taken up again, forgotten when weights change.
 */
#include "check.h"

#include <math.h>
#include <unistd.h>

#include "base/files.h"
#include "engine/calibrate.h"
#include "training/made_up.h"
#include "models/model.h"
#include "reshift/learning.h"

enum { n_images = 40, n_classes = 3, n_features = 128 };

static char folder[256];
static char said[512];

static void hear(void *context, reshift_log_level level, const char *text)
{
    (void)context;
    (void)level;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

static const reshift_progress progress = {.message = hear};
static const reshift_forward_options in_int8 = {.precision = RESHIFT_PRECISION_INT8};

static const char *in_folder(const char *name)
{
    static char paths[8][320];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void open_all(reshift_dataset **dataset, reshift_model **model)
{
    reshift_error error;
    reshift_array images, labels;
    check_ok(reshift_array_create(RESHIFT_U8, 4, (int64_t[]){n_images, 32, 32, 3}, &images, &error));
    check_ok(reshift_array_create(RESHIFT_I64, 1, (int64_t[]){n_images}, &labels, &error));
    for (uint32_t i = 0; i < n_images * 32 * 32 * 3; i++) {
        ((uint8_t *)images.data)[i] = (uint8_t)made_up_hash(61, i / 7);
    }
    for (int i = 0; i < n_images; i++) {
        ((int64_t *)labels.data)[i] = i % n_classes;
    }
    char spec[700];
    snprintf(spec, sizeof spec, "npy:%s,%s", in_folder("images.npy"), in_folder("labels.npy"));
    check_ok(reshift_array_save_npy(in_folder("images.npy"), &images, true, &error));
    check_ok(reshift_array_save_npy(in_folder("labels.npy"), &labels, true, &error));
    check_ok(reshift_dataset_open(spec, NULL, dataset, &error));
    check_ok(reshift_model_create("resnet-demo", n_classes, 1, model, &error));
    reshift_array_destroy(&images);
    reshift_array_destroy(&labels);
    said[0] = '\0';
}

static reshift_array features_of(const reshift_model *model, const reshift_dataset *dataset,
                                 const reshift_forward_options *options)
{
    reshift_error error;
    reshift_array features;
    check_ok(reshift_forward(model, dataset, options, &features, NULL, &progress, &error));
    return features;
}

static double distance(const reshift_array *a, const reshift_array *b)
{
    double off = 0, size = 0;
    for (int64_t i = 0; i < reshift_array_count(a); i++) {
        double x = (double)((const float *)a->data)[i], y = (double)((const float *)b->data)[i];
        off += (x - y) * (x - y);
        size += x * x;
    }
    return sqrt(off / size);
}

static bool has_int8(void) { return reshift_precision_here(RESHIFT_PRECISION_INT8, false) == RESHIFT_PRECISION_INT8; }

/* Found, said, near float32, stored, taken up from the file without a word and with the same bytes. */
static void test_there_and_back(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *dataset;
    reshift_model *model, *loaded, *copy;
    open_all(&dataset, &model);
    if (!has_int8()) {
        skip();
    }
    assert_false(reshift_model_is_calibrated(model));
    reshift_array wide = features_of(model, dataset, NULL);
    assert_string_equal(said, "");
    reshift_array narrow = features_of(model, dataset, &in_int8);
    assert_non_null(strstr(said, "int8: ranges of activations found on 40 images"));
    assert_true(reshift_model_is_calibrated(model));
    /* eight convolutions, each rounding activations and weights to 8 bits: 1/255/sqrt(12) of a range of some 4 times
     * the root mean square and about the same again for the weights, 0.006; sixteen of these add up to 0.025 */
    double off = distance(&wide, &narrow);
    assert_true(off < 0.025 && off > 1e-4);
    said[0] = '\0';
    check_ok(reshift_model_save(in_folder("model.safetensors"), model, true, &error));
    check_ok(reshift_model_load(in_folder("model.safetensors"), NULL, &loaded, &error));
    check_ok(reshift_model_clone(loaded, &copy, &error));
    check_ok(reshift_model_reset_head(copy, 7, 0, &error));
    reshift_model *both[2] = {loaded, copy};
    for (int i = 0; i < 2; i++) {
        assert_true(reshift_model_is_calibrated(both[i]));
        reshift_array again = features_of(both[i], dataset, &in_int8);
        assert_string_equal(said, "");
        assert_memory_equal(again.data, narrow.data, n_images * n_features * sizeof(float));
        reshift_array_destroy(&again);
        reshift_model_destroy(&both[i]);
    }
    reshift_array_destroy(&wide);
    reshift_array_destroy(&narrow);
    reshift_model_destroy(&model);
    reshift_dataset_close(&dataset);
}

/* The ranges go with the preparation of the images they were measured on; used with another one, both are named, once.
 */
static void test_another_size(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *dataset;
    reshift_model *model, *loaded, *copy;
    char difference[256];
    open_all(&dataset, &model);
    assert_true(reshift_model_calibration_fits(model, 64, difference, sizeof difference)); /* there are no ranges */
    check_ok(reshift_calibrate(model, dataset, 64, &progress, &error));
    check_ok(reshift_model_save(in_folder("sized.safetensors"), model, true, &error));
    check_ok(reshift_model_load(in_folder("sized.safetensors"), NULL, &loaded, &error));
    check_ok(reshift_model_clone(loaded, &copy, &error));
    check_ok(reshift_model_reset_head(copy, 7, 0, &error));
    reshift_model *const all[] = {model, loaded, copy};
    for (int i = 0; i < 3; i++) {
        assert_true(reshift_model_calibration_fits(all[i], 64, difference, sizeof difference));
        assert_false(reshift_model_calibration_fits(all[i], 0, difference, sizeof difference));
        assert_string_equal(difference, "64x64 (resize 64) and 32x32 (resize 32)");
        const network_calibration *of = &model_network(all[i])->calibration;
        assert_true(of->n_images == n_images && of->n_available == n_images);
        assert_string_equal(of->data, "npy");
    }
    reshift_recipe recipe = *reshift_model_recipe(copy);
    recipe.mean[1] = 0.5f;
    reshift_model_set_recipe(copy, &recipe);
    assert_false(reshift_model_calibration_fits(copy, 64, difference, sizeof difference));
    assert_non_null(strstr(difference, "mean 0.485 0.456 0.406"));
    network_forget_ranges(model_network(copy), 0); /* new ranges will be of other images */
    assert_true(reshift_model_calibration_fits(copy, 0, difference, sizeof difference));
    if (has_int8()) {
        reshift_forward_options options = in_int8;
        said[0] = '\0';
        for (int round = 0; round < 3; round++) { /* as calibrated: not a word; then otherwise: one */
            options.size = round == 0 ? 64 : 32;
            reshift_array features = features_of(loaded, dataset, &options);
            reshift_array_destroy(&features);
            assert_int_equal(strstr(said,
                                    "clipping ranges were measured on images prepared otherwise than these: 64x64 "
                                    "(resize 64) and 32x32 (resize 32)") != NULL,
                             round == 1);
            said[0] = '\0';
        }
    }
    reshift_model_destroy(&model);
    reshift_model_destroy(&loaded);
    reshift_model_destroy(&copy);
    reshift_dataset_close(&dataset);
}

/* Weights of earlier versions do not say what their ranges are of; what is there must be what it claims to be. */
static void test_metadata_of_the_images(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *dataset;
    reshift_model *model, *loaded;
    reshift_tensors *tensors;
    char difference[256];
    open_all(&dataset, &model);
    check_ok(reshift_calibrate(model, dataset, 64, NULL, &error));
    check_ok(reshift_model_to_tensors(model, &tensors, &error));
    const char *key = "reshift.activation_ranges_of";
    assert_string_equal(
        reshift_tensors_text(tensors, key),
        "{\"input_size\":64,\"resize\":64,\"mean\":[0.485000014,0.456,0.405999988],\"std\":[0.229000002,"
        "0.224000007,0.224999994],\"images\":40,\"available\":40,\"data\":\"npy\"}");
    check_ok(reshift_tensors_set_text(tensors, key, "{\"input_size\":0}", &error));
    check_ok(reshift_tensors_save(in_folder("wrong.safetensors"), tensors, true, &error));
    check_error(reshift_model_load(in_folder("wrong.safetensors"), NULL, &loaded, &error), RESHIFT_ERROR_FORMAT,
                "metadata 'reshift.activation_ranges_of': expected the preparation of the images");
    reshift_tensors_destroy(&tensors);
    model_network(model)->calibration = (network_calibration){0};
    check_ok(reshift_model_to_tensors(model, &tensors, &error));
    assert_null(reshift_tensors_text(tensors, key));
    check_ok(reshift_model_from_tensors(tensors, &loaded, &error));
    assert_true(reshift_model_is_calibrated(loaded));
    assert_true(reshift_model_calibration_fits(loaded, 0, difference, sizeof difference));
    reshift_tensors_destroy(&tensors);
    reshift_model_destroy(&loaded);
    reshift_model_destroy(&model);
    reshift_dataset_close(&dataset);
}

/* Every image counts, whatever their number is divisible by. */
static void test_every_image(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *all, *some;
    reshift_model *model;
    open_all(&all, &model);
    for (int limit = 1; limit <= 11; limit += 4) { /* one, two and three over */
        for (int more = 0; more < 3; more++) {
            char spec[700], expected[64];
            reshift_dataset_options options;
            reshift_dataset_options_default(&options);
            options.limit = limit + more;
            snprintf(spec, sizeof spec, "npy:%s,%s", in_folder("images.npy"), in_folder("labels.npy"));
            check_ok(reshift_dataset_open(spec, &options, &some, &error));
            said[0] = '\0';
            check_ok(reshift_calibrate(model, some, 0, &progress, &error));
            snprintf(expected, sizeof expected, "found on %d %s", limit + more, limit + more == 1 ? "image" : "images");
            assert_non_null(strstr(said, expected));
            reshift_dataset_close(&some);
        }
    }
    reshift_model_destroy(&model);
    reshift_dataset_close(&all);
}

/* The file's tensors are the same with ranges and without: who knows nothing of them loads it as before. */
static void test_tensors_are_as_before(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *dataset;
    reshift_model *model;
    reshift_tensors *before, *after;
    open_all(&dataset, &model);
    check_ok(reshift_model_to_tensors(model, &before, &error));
    check_ok(reshift_calibrate(model, dataset, 0, NULL, &error));
    check_ok(reshift_model_to_tensors(model, &after, &error));
    assert_null(reshift_tensors_text(before, "reshift.activation_ranges"));
    assert_non_null(reshift_tensors_text(after, "reshift.activation_ranges"));
    assert_int_equal(reshift_tensors_count(before), reshift_tensors_count(after));
    for (int64_t t = 0; t < reshift_tensors_count(before); t++) {
        assert_string_equal(reshift_tensors_name(before, t), reshift_tensors_name(after, t));
        assert_memory_equal(reshift_tensors_at(before, t)->data, reshift_tensors_at(after, t)->data,
                            reshift_array_bytes(reshift_tensors_at(before, t)));
    }
    reshift_tensors_destroy(&before);
    reshift_tensors_destroy(&after);
    reshift_model_destroy(&model);
    reshift_dataset_close(&dataset);
}

/*
 * The formula of calibrate.h: 4096 magnitudes of 1, then one of them 16. A bin is an eighth of an octave, its values
 * count as its middle: 1.0625, 17. All that are 1: the bin's upper edge, 1.125, costs 4096 (1.125/255)^2/12 = 0.007, an
 * eighth of an octave less cuts all of them, 3.9. With a 16: up to 18 rounding costs 4096 (18/255)^2/12 = 1.70, up to
 * 18 2^(-1/8) = 16.51 it is 1.43 and (17 - 16.51)^2 = 0.24, an eighth less is 1.20 and 3.5.
 */
static void test_rule(void **state)
{
    (void)state;
    reshift_error error;
    graph *g = graph_create();
    check_ok(graph_begin_block(g, "conv1", &error));
    int x = graph_add_relu(g, "relu", graph_add_input(g, 2));
    network *n = network_create(g);
    float *values = calloc(2 * 5000, sizeof *values);
    for (int outliers = 0; outliers < 3; outliers++) {
        calibration *c;
        check_ok(calibration_create(n, &c, &error));
        for (int i = 0; i < 4096; i++) {
            values[2 * i] = 1;
            values[2 * i + 1] = 0;
        }
        values[0] = outliers == 0 ? 1.0f : 16.0f;
        values[1] = outliers == 2 ? NAN : 0;
        calibration_watch(c, x, values, 4096, 2);
        if (outliers == 2) {
            check_error(calibration_finish(c, &error), RESHIFT_ERROR_NUMERIC, "a value of 'relu' is not finite");
        } else {
            check_ok(calibration_finish(c, &error));
            assert_true(fabs((double)n->range[x][0] - (outliers ? 18 * exp2(-0.125) : 1.125)) < 1e-5);
            /* the channel that is never active gets a 64th */
            assert_true(fabs((double)n->range[x][1] * 64 - (double)n->range[x][0]) < 1e-4);
        }
        calibration_destroy(&c);
    }
    free(values);
    network_destroy(&n);
}

/* Training changes what is behind: ranges from the first trained block on go. */
static void test_training_forgets(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *dataset;
    reshift_model *model;
    reshift_history history;
    reshift_finetune_options options;
    const reshift_block_rate rates[] = {{"layer4", 1e-3}, {"fc", 1e-3}};
    open_all(&dataset, &model);
    check_ok(reshift_calibrate(model, dataset, 0, NULL, &error));
    reshift_finetune_options_default(&options);
    options.blocks = rates;
    options.n_blocks = 2;
    options.epochs = 1;
    options.batch = 8;
    options.precision = RESHIFT_PRECISION_INT8; /* of the frozen blocks */
    check_ok(reshift_finetune(model, dataset, &options, &history, &progress, &error));
    network *n = model_network(model);
    assert_true(network_has_ranges(n, 0, graph_find_block(n->graph, "layer3")));
    assert_false(reshift_model_is_calibrated(model));
    reshift_history_destroy(&history);
    reshift_model_destroy(&model);
    reshift_dataset_close(&dataset);
}

static void test_prediction_says_what_it_needs(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *dataset;
    reshift_model *model;
    float probabilities[n_classes];
    uint8_t pixels[32 * 32 * 3] = {0};
    reshift_image image = {.width = 32, .height = 32, .pixels = pixels};
    open_all(&dataset, &model);
    if (!has_int8()) {
        skip();
    }
    check_error(reshift_predict(model, &image, RESHIFT_PRECISION_INT8, probabilities, &error), RESHIFT_ERROR_NOT_FOUND,
                "do not say how large activations get");
    assert_non_null(strstr(error.hint, "reshift calibrate"));
    check_ok(reshift_calibrate(model, dataset, 0, NULL, &error));
    check_ok(reshift_predict(model, &image, RESHIFT_PRECISION_INT8, probabilities, &error));
    reshift_model_destroy(&model);
    reshift_dataset_close(&dataset);
}

int main(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/reshift-calibrate-%ld", parent ? parent : "/tmp", (long)getpid());
    folder_create(folder, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),         cmocka_unit_test(test_another_size),
        cmocka_unit_test(test_metadata_of_the_images), cmocka_unit_test(test_every_image),
        cmocka_unit_test(test_tensors_are_as_before),  cmocka_unit_test(test_rule),
        cmocka_unit_test(test_training_forgets),       cmocka_unit_test(test_prediction_says_what_it_needs),
    };
    int failed = cmocka_run_group_tests_name("calibrate", tests, NULL, NULL);
    unlink(in_folder("images.npy"));
    unlink(in_folder("labels.npy"));
    unlink(in_folder("model.safetensors"));
    rmdir(folder);
    return failed;
}
