/*
 * One preparation of images everywhere. A study with a learning rate of 0 changes no weight, so whatever it reports
 * before and after must be equal, and so must what the stored network gives when it is read from its file and used at
 * its own size. Every kind of data is tried, at the sizes of small and of usual networks.
 */
#include "../datasets/temporary.h"

#include <math.h>
#include <unistd.h>

#include "datasets/cifar/cifar_parts.h"
#include "reshift/dataset.h"
#include "reshift/experiment.h"
#include "reshift/export.h"
#include "reshift/learning.h"
#include "reshift/model.h"

enum { CLASSES = 3, TRAIN = 6, TEST = 3, CIFAR_IMAGES = 30, CIFAR_BYTES = 3072 };

static reshift_error error;
static char weights[256], data_dir[256];

/* Blobs whose place and colour depend on the class, with noise, so that a crop of another part is another picture. */
static void draw(uint8_t *pixels, int height, int width, int label, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++, pixels += 3) {
            double across = (double)x / width - 0.5, down = (double)y / height - 0.5;
            double ring = 128 + 100 * cos(30 * sqrt(across * across + down * down) + 2 * label);
            for (int c = 0; c < 3; c++) {
                state = state * 1664525u + 1013904223u;
                double value = (c == label % 3 ? ring : 90 + 60 * across) + (double)(state >> 28);
                pixels[c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
    }
}

static void put_photo(const char *part, int i)
{
    char name[128];
    reshift_image image = {0};
    const int label = i % CLASSES;
    snprintf(name, sizeof name, "photos/%s/class%d/%d.png", part, label, i);
    put_file(name, "", 0);
    check_ok(reshift_image_resize(&image, 150 + 17 * (i % 4), 130 + 23 * (i % 3), &error));
    draw(image.pixels, image.height, image.width, label, (uint32_t)i + (part[1] == 'e' ? 1000 : 0));
    check_ok(reshift_image_save_png(in_temporary(name), &image, true, &error));
    reshift_image_destroy(&image);
}

static void put_arrays(void)
{
    enum { N = 20, H = 40, W = 36 };
    static uint8_t pixels[N * H * W * 3], labels[N];
    for (int i = 0; i < N; i++) {
        labels[i] = (uint8_t)(i % CLASSES);
        draw(pixels + (size_t)i * H * W * 3, H, W, labels[i], (uint32_t)i);
    }
    put_npy("x.npy", RESHIFT_U8, 4, (const int64_t[]){N, H, W, 3}, pixels);
    put_npy("y.npy", RESHIFT_U8, 1, (const int64_t[]){N}, labels);
}

/* The binary files of CIFAR-10 with some images and, behind them, a hole. */
static void put_cifar(void)
{
    static uint8_t records[CIFAR_IMAGES * CIFAR_RECORD], pixels[CIFAR_BYTES];
    for (int part = 0; part < 6; part++) {
        char name[64];
        for (int i = 0; i < CIFAR_IMAGES; i++) {
            uint8_t *record = records + (size_t)i * CIFAR_RECORD;
            record[0] = (uint8_t)(i % 10);
            draw(pixels, 32, 32, record[0], (uint32_t)(100 * part + i));
            for (int p = 0; p < CIFAR_BYTES; p++) {
                record[1 + p % 3 * 1024 + p / 3] = pixels[p];
            }
        }
        snprintf(name, sizeof name,
                 part < 5 ? "data/cifar-10-batches-bin/data_batch_%d.bin" : "data/cifar-10-batches-bin/test_batch.bin",
                 part + 1);
        put_file(name, records, sizeof records);
        assert_int_equal(truncate(in_temporary(name), (off_t)CIFAR_PART_RECORDS * CIFAR_RECORD), 0);
    }
}

/* CIFAR-10-C's arrays of the same number of test images as the clean set has, only the first ones with a picture. */
static void put_cifar_c(void)
{
    const int64_t n = CIFAR_PART_RECORDS;
    uint8_t *labels = calloc((size_t)n, 5), *pixels = calloc((size_t)n * CIFAR_BYTES, 5);
    assert_non_null(labels);
    assert_non_null(pixels);
    for (int s = 0; s < 5; s++) {
        for (int i = 0; i < CIFAR_IMAGES; i++) {
            const size_t row = (size_t)(s * n + i);
            labels[row] = (uint8_t)(i % 10);
            draw(pixels + row * CIFAR_BYTES, 32, 32, i % 10, (uint32_t)(500 + i));
        }
    }
    put_npy("data/CIFAR-10-C/labels.npy", RESHIFT_U8, 1, (const int64_t[]){5 * n}, labels);
    put_npy("data/CIFAR-10-C/impulse_noise.npy", RESHIFT_U8, 4, (const int64_t[]){5 * n, 32, 32, 3}, pixels);
    free(labels);
    free(pixels);
}

static int begin(void **state)
{
    if (make_temporary(state) != 0) {
        return -1;
    }
    reshift_model *model;
    check_ok(reshift_model_create("resnet-demo", CLASSES, 3, &model, &error));
    reshift_recipe recipe = *reshift_model_recipe(model);
    recipe.size = 224; /* with a crop, as ImageNet's weights have one */
    recipe.resize = 256;
    reshift_model_set_recipe(model, &recipe);
    snprintf(weights, sizeof weights, "%s", in_temporary("small.safetensors"));
    snprintf(data_dir, sizeof data_dir, "%s", in_temporary("data"));
    check_ok(reshift_model_save(weights, model, true, &error));
    reshift_model_destroy(&model);
    for (int i = 0; i < TRAIN; i++) {
        put_photo("train", i);
    }
    for (int i = 0; i < TEST; i++) {
        put_photo("test", i);
    }
    put_arrays();
    put_cifar();
    put_cifar_c();
    return 0;
}

/* ---- the recipe at a size ---- */

static void test_recipe_at(void **state)
{
    (void)state;
    static const int golden[][3] = {{32, 36, 33},    {64, 73, 66},    {96, 109, 99},
                                    {224, 256, 232}, {288, 329, 298}, {8, 9, 8}};
    reshift_recipe v2 = reshift_recipe_at(NULL, 0);
    assert_int_equal(v2.size, 224);
    assert_int_equal(v2.resize, 256);
    v2.resize = 232;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) { /* floor(size / (224 / resize)) */
        const reshift_recipe one = reshift_recipe_at(NULL, golden[i][0]), two = reshift_recipe_at(&v2, golden[i][0]);
        assert_int_equal(one.size, golden[i][0]);
        assert_int_equal(one.resize, golden[i][1]);
        assert_int_equal(two.resize, golden[i][2]);
    }
}

/* ---- a study that learns nothing ---- */

static void load_features(const char *folder, const char *name, reshift_array *features)
{
    char path[512];
    snprintf(path, sizeof path, "%s/features/%s.npy", folder, name);
    check_ok(reshift_array_load_npy(path, features, &error));
}

static void check_same_features(const reshift_array *before, const reshift_array *after, const char *what)
{
    assert_int_equal(before->shape[0], after->shape[0]);
    assert_int_equal(before->shape[1], after->shape[1]);
    const int64_t count = before->shape[0] * before->shape[1];
    double most = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        double a = (double)((const float *)before->data)[i], b = (double)((const float *)after->data)[i];
        most = fmax(most, fabs(a - b));
        largest = fmax(largest, fabs(a));
    }
    if (!(most <= 1e-5 * largest)) { /* other plans for other batches; another crop is 1000 times as far */
        fail_msg("%s: features differ by %g of %g", what, most, largest);
    }
}

static void check_results(const char *folder, const char *what)
{
    reshift_measurement *rows;
    int n, compared = 0;
    check_ok(reshift_run_results(folder, &rows, &n, &error));
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            if (strcmp(rows[i].model, "original") == 0 && strcmp(rows[j].model, "finetuned") == 0 &&
                strcmp(rows[i].set, rows[j].set) == 0 && strcmp(rows[i].corruption, rows[j].corruption) == 0 &&
                rows[i].severity == rows[j].severity && strcmp(rows[i].subset, rows[j].subset) == 0) {
                compared++;
                if (rows[i].accuracy.correct != rows[j].accuracy.correct || rows[i].accuracy.n != rows[j].accuracy.n) {
                    fail_msg("%s: %s %s severity %d: %lld right before, %lld after", what, rows[i].set, rows[i].subset,
                             rows[i].severity, (long long)rows[i].accuracy.correct,
                             (long long)rows[j].accuracy.correct);
                }
            }
        }
    }
    assert_true(compared >= 4);
    free(rows);
}

/* The last test accuracy of the history is that of the unseen shifted rows. */
static void check_history(const char *folder, const char *what)
{
    char path[512];
    reshift_history history;
    reshift_measurement *rows;
    int n;
    snprintf(path, sizeof path, "%s/history/finetune.csv", folder);
    check_ok(reshift_history_load_csv(path, &history, &error));
    check_ok(reshift_run_results(folder, &rows, &n, &error));
    for (int i = 0; i < n; i++) {
        if (strcmp(rows[i].model, "finetuned") == 0 && strcmp(rows[i].set, "shift") == 0 && rows[i].severity == 0 &&
            strcmp(rows[i].subset, "unseen") == 0 &&
            fabs(rows[i].accuracy.accuracy - history.epochs[0].test_accuracy) > 1e-9) {
            fail_msg("%s: history says %g, results say %g", what, history.epochs[0].test_accuracy,
                     rows[i].accuracy.accuracy);
        }
    }
    free(rows);
    reshift_history_destroy(&history);
}

/* The stored network at its own size, as `reshift eval` and `reshift extract` would run it. */
static void check_stored(const char *folder, const char *data, int size, const char *what)
{
    char path[512];
    reshift_model *model;
    reshift_dataset *dataset;
    reshift_dataset_options options;
    reshift_array features = {0}, expected = {0};
    snprintf(path, sizeof path, "%s/weights/finetuned.safetensors", folder);
    check_ok(reshift_model_load(path, NULL, &model, &error));
    assert_int_equal(reshift_model_recipe(model)->size, size);
    assert_int_equal(reshift_model_recipe(model)->resize, size * 256 / 224);
    reshift_dataset_options_default(&options);
    options.data_dir = data_dir;
    options.limit = 5;
    options.test_share = 0.3;
    check_ok(reshift_dataset_open(data, &options, &dataset, &error));
    const reshift_forward_options forward = {.precision = RESHIFT_PRECISION_F32};
    check_ok(reshift_forward(model, dataset, &forward, &features, NULL, NULL, &error));
    load_features(folder, "original-clean", &expected);
    check_same_features(&expected, &features, what);
    reshift_array_destroy(&features);
    reshift_array_destroy(&expected);
    reshift_dataset_close(&dataset);
    reshift_model_destroy(&model);
}

/* Everything that is looked at is there before the analysis: it and the drawing would take most of the time. */
static bool measured;

static void on_message(void *context, reshift_log_level level, const char *text)
{
    (void)context, (void)level;
    measured = measured || strstr(text, "principal components") != NULL;
}

static bool on_cancelled(void *context)
{
    (void)context;
    return measured;
}

static const reshift_progress until_measured = {NULL, on_message, on_cancelled, NULL};

static void study(const char *data, const char *shift, int size)
{
    char what[320], folder[300], model[300], source[300], shifted[300], input[64];
    snprintf(what, sizeof what, "%s at %d", data, size);
    snprintf(folder, sizeof folder, "%s", in_temporary("run"));
    snprintf(model, sizeof model, "model.weights=%s", weights);
    snprintf(source, sizeof source, "source.data=%s", data);
    snprintf(shifted, sizeof shifted, "shift.data=%s", shift);
    snprintf(input, sizeof input, "input.size=%d", size);
    const char *const overrides[] = {model,
                                     source,
                                     shifted,
                                     input,
                                     "shift.corruption=impulse_noise",
                                     "shift.severity=5",
                                     strcmp(data, "demo") == 0 ? "source.limit_train=30" : "source.limit_train=6",
                                     "source.limit_test=5",
                                     "source.test_fraction=0.3",
                                     "probe.epochs=20",
                                     "probe.lr=0.05",
                                     "finetune.lr=0",
                                     "finetune.epochs=1",
                                     strncmp(data, "folder", 6) == 0 ? "finetune.samples=2" : "finetune.samples=3",
                                     "finetune.batch=2",
                                     "input.batch=2"};
    put_file("any.yaml", "name: any\n", 10);
    reshift_experiment *experiment;
    check_ok(reshift_experiment_load(in_temporary("any.yaml"), overrides, (int)(sizeof overrides / sizeof *overrides),
                                     &experiment, &error));
    const reshift_run_options options = {.folder = folder, .data_dir = data_dir};
    measured = false;
    reshift_status status = reshift_experiment_run(experiment, &options, &until_measured, &error);
    if (status != RESHIFT_ERROR_CANCELLED || !measured) {
        fail_msg("%s: %s", what, error.message);
    }
    reshift_array before = {0}, after = {0};
    static const char *const pairs[][2] = {{"original-clean", "finetuned-clean"},
                                           {"original-shift", "finetuned-shift"}};
    for (int i = 0; i < 2; i++) {
        load_features(folder, pairs[i][0], &before);
        load_features(folder, pairs[i][1], &after);
        check_same_features(&before, &after, what);
        reshift_array_destroy(&before);
        reshift_array_destroy(&after);
    }
    check_results(folder, what);
    check_history(folder, what);
    check_stored(folder, data, size, what);
    reshift_experiment_destroy(&experiment);
    char command[400];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void at_sizes(const char *data, const char *shift)
{
    static const int sizes[] = {64, 96, 224, 288};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        study(data, shift, sizes[i]);
    }
}

static void test_photographs(void **state)
{
    (void)state;
    char spec[300];
    snprintf(spec, sizeof spec, "folder:%s", in_temporary("photos"));
    at_sizes(spec, spec);
    study(spec, spec, 8);
    study(spec, spec, 31);
}

static void test_arrays(void **state)
{
    (void)state;
    char spec[600];
    snprintf(spec, sizeof spec, "npy:%s,%s", in_temporary("x.npy"), in_temporary("y.npy"));
    at_sizes(spec, spec);
}

static void test_cifar(void **state)
{
    (void)state;
    study("cifar10", "cifar10", 64); /* its clean images are also those of CIFAR-10-C */
    at_sizes("cifar10", "cifar10-c");
}

static void test_demo(void **state)
{
    (void)state;
    study("demo", "demo", 64);
    study("demo", "demo", 96); /* arrays at larger sizes are tried above */
}

/* ---- one photograph and a set of photographs ---- */

static void test_predictions(void **state)
{
    (void)state;
    static const int sizes[] = {8, 37, 64, 101, 224};
    char spec[300];
    snprintf(spec, sizeof spec, "folder:%s", in_temporary("photos/test"));
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        reshift_model *model;
        reshift_dataset *dataset;
        reshift_array logits = {0};
        reshift_image image = {0};
        const reshift_forward_options forward = {.size = sizes[s], .precision = RESHIFT_PRECISION_F32};
        check_ok(reshift_model_load(weights, NULL, &model, &error));
        check_ok(reshift_dataset_open(spec, NULL, &dataset, &error));
        check_ok(reshift_forward(model, dataset, &forward, NULL, &logits, NULL, &error));
        reshift_model_set_size(model, sizes[s]);
        for (int row = 0; row < TEST; row++) {
            float one[CLASSES], of_set[CLASSES];
            check_ok(reshift_dataset_read(dataset, row, &image, &error));
            check_ok(reshift_predict(model, &image, RESHIFT_PRECISION_F32, one, &error));
            reshift_probabilities((const float *)logits.data + row * CLASSES, CLASSES, of_set);
            for (int k = 0; k < CLASSES; k++) {
                assert_true(fabsf(one[k] - of_set[k]) < 1e-5f);
            }
        }
        reshift_image_destroy(&image);
        reshift_array_destroy(&logits);
        reshift_dataset_close(&dataset);
        reshift_model_destroy(&model);
    }
}

/* ---- corruption of photographs ---- */

static reshift_dataset *open_shifted(const char *spec, int size, reshift_constants constants, const char *corruption)
{
    reshift_dataset *set;
    reshift_dataset_options options;
    const reshift_recipe recipe = reshift_recipe_at(NULL, size);
    reshift_dataset_options_default(&options);
    options.corruption = corruption;
    options.severity_first = options.severity_last = 5;
    options.constants = constants;
    options.crop_resize = size ? recipe.resize : 0;
    options.crop_size = size ? recipe.size : 0;
    check_ok(reshift_dataset_open(spec, &options, &set, &error));
    return set;
}

/* Row by row: resize and crop, then the corruption with one set of constants, then JPEG with ImageNet's. */
static void check_made(const char *spec, int size, reshift_constants asked, reshift_constants expected)
{
    const reshift_corruption *corruption;
    reshift_dataset *clean, *shifted = open_shifted(spec, size, asked, "gaussian_noise");
    reshift_image whole = {0}, right = {0}, found = {0};
    check_ok(reshift_corruption_find("gaussian_noise", &corruption, &error));
    check_ok(reshift_dataset_open(spec, NULL, &clean, &error));
    assert_int_equal(reshift_dataset_constants(shifted), expected);
    assert_int_equal(reshift_dataset_constants(clean), RESHIFT_CONSTANTS_AUTO);
    assert_int_equal(reshift_dataset_corrupted_crop(shifted, NULL), size);
    assert_int_equal(reshift_dataset_jpeg(shifted), expected == RESHIFT_CONSTANTS_IMAGENET ? RESHIFT_JPEG_QUALITY : 0);
    if (size) {
        reshift_dataset *cropped;
        check_ok(reshift_dataset_cropped(clean, size * 256 / 224, size, &cropped, &error));
        reshift_dataset_close(&clean);
        clean = cropped;
    }
    for (int64_t row = 0; row < reshift_dataset_count(clean); row++) {
        check_ok(reshift_dataset_read(clean, row, &whole, &error));
        check_ok(reshift_corruption_apply(corruption, 5, expected, 0, row, NULL, &whole, &right, &error));
        if (expected == RESHIFT_CONSTANTS_IMAGENET) {
            check_ok(reshift_image_compress(&right, RESHIFT_JPEG_QUALITY, &error));
        }
        check_ok(reshift_dataset_read(shifted, row, &found, &error));
        assert_int_equal(found.height, right.height);
        assert_int_equal(found.width, right.width);
        assert_memory_equal(found.pixels, right.pixels, 3 * (size_t)right.height * (size_t)right.width);
    }
    reshift_image_destroy(&whole);
    reshift_image_destroy(&right);
    reshift_image_destroy(&found);
    reshift_dataset_close(&clean);
    reshift_dataset_close(&shifted);
}

/* Photographs with shorter sides from 60 to 240 pixels, so that the constants of one image would be another's. */
static void test_corruption_after_the_crop(void **state)
{
    (void)state;
    static const int sides[] = {60, 100, 140, 150, 240};
    char spec[300];
    reshift_image image = {0};
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "mixed/class%d/%d.png", i % 2, i);
        put_file(name, "", 0);
        check_ok(reshift_image_resize(&image, sides[i], sides[i] + 11 * i, &error));
        draw(image.pixels, image.height, image.width, i % 2, (uint32_t)i);
        check_ok(reshift_image_save_png(in_temporary(name), &image, true, &error));
    }
    reshift_image_destroy(&image);
    snprintf(spec, sizeof spec, "folder:%s", in_temporary("mixed"));
    check_made(spec, 64, RESHIFT_CONSTANTS_AUTO, RESHIFT_CONSTANTS_CIFAR);
    check_made(spec, 160, RESHIFT_CONSTANTS_AUTO, RESHIFT_CONSTANTS_IMAGENET);
    check_made(spec, 64, RESHIFT_CONSTANTS_IMAGENET, RESHIFT_CONSTANTS_IMAGENET);
    check_made(spec, 0, RESHIFT_CONSTANTS_AUTO, RESHIFT_CONSTANTS_IMAGENET); /* the median is 140 */
    check_made(spec, 0, RESHIFT_CONSTANTS_CIFAR, RESHIFT_CONSTANTS_CIFAR);
}

/* What a network sees of photographs corrupted on the fly is what `reshift corrupt --size` writes. */
static void test_written_and_on_the_fly(void **state)
{
    (void)state;
    char spec[300], out[300], arrays[700];
    reshift_model *model;
    const reshift_corruption *corruption;
    check_ok(reshift_corruption_find("pixelate", &corruption, &error));
    check_ok(reshift_model_load(weights, NULL, &model, &error));
    snprintf(spec, sizeof spec, "folder:%s", in_temporary("photos/test"));
    static const int sizes[] = {64, 136};
    for (int i = 0; i < 2; i++) {
        reshift_dataset *clean, *cropped, *fly = open_shifted(spec, sizes[i], RESHIFT_CONSTANTS_AUTO, "pixelate"),
                                          *array;
        const reshift_recipe recipe = reshift_recipe_at(NULL, sizes[i]);
        const reshift_forward_options forward = {.size = sizes[i], .precision = RESHIFT_PRECISION_F32};
        const reshift_corrupt_options how = {.severity_first = 5, .severity_last = 5, .overwrite = true};
        reshift_array found = {0}, expected = {0};
        check_ok(reshift_dataset_open(spec, NULL, &clean, &error));
        check_ok(reshift_dataset_cropped(clean, recipe.resize, recipe.size, &cropped, &error));
        snprintf(out, sizeof out, "%s", in_temporary("written"));
        check_ok(reshift_corrupt_write(cropped, corruption, &how, out, NULL, &error));
        snprintf(arrays, sizeof arrays, "npy:%s/pixelate.npy,%s/labels.npy", out, out);
        check_ok(reshift_dataset_open(arrays, NULL, &array, &error));
        check_ok(reshift_forward(model, fly, &forward, &found, NULL, NULL, &error));
        check_ok(reshift_forward(model, array, &forward, &expected, NULL, NULL, &error));
        check_same_features(&expected, &found, "photographs corrupted on the fly");
        reshift_array_destroy(&found);
        reshift_array_destroy(&expected);
        reshift_dataset_close(&clean);
        reshift_dataset_close(&cropped);
        reshift_dataset_close(&fly);
        reshift_dataset_close(&array);
        char command[400];
        snprintf(command, sizeof command, "rm -rf %s", out);
        assert_int_equal(system(command), 0);
    }
    reshift_model_destroy(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recipe_at),
        cmocka_unit_test(test_predictions),
        cmocka_unit_test(test_corruption_after_the_crop),
        cmocka_unit_test(test_written_and_on_the_fly),
        cmocka_unit_test(test_photographs),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_cifar),
        cmocka_unit_test(test_demo),
    };
    return cmocka_run_group_tests_name("preparation", tests, begin, remove_temporary);
}
