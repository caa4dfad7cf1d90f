/* Properties of all sets: specs and options, subsets, sharing, identity, corrupted versions, the data folder. */
#include "temporary.h"

#include "datasets/dataset.h"

static reshift_error error;

static void test_specs(void **state)
{
    (void)state;
    reshift_dataset *d;
    check_error(reshift_dataset_open("mnist", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT,
                "data 'mnist' is no kind of data set");
    assert_non_null(strstr(error.hint, "cifar10[:DIR], cifar10-c[:DIR], imagenet-c[:DIR], folder:DIR, "
                                       "npy:IMAGES.npy,LABELS.npy or npy:BOTH.npz, demo"));
    check_error(reshift_dataset_open("", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT, "data '' is no kind");
    check_error(reshift_dataset_open("cifar", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT, "data 'cifar' is no kind");
    check_error(reshift_dataset_open("demo:x", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT,
                "data 'demo:x': expected demo");
    check_error(reshift_dataset_open("cifar10:", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT, "expected cifar10[:DIR]");
}

static void test_options(void **state)
{
    (void)state;
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    assert_string_equal(options.split, "test");
    assert_int_equal(options.severity_last, 5);
    options.split = "val";
    check_error(reshift_dataset_open("demo", &options, &d, &error), RESHIFT_ERROR_ARGUMENT,
                "split 'val': expected train or test");
    options.split = NULL;
    options.limit = -1;
    check_error(reshift_dataset_open("demo", &options, &d, &error), RESHIFT_ERROR_ARGUMENT, "limit -1: expected 0");
    options.limit = 5;
    options.corruption = "gaussian_blur";
    static const int ranges[4][2] = {{0, 5}, {1, 6}, {4, 3}, {-2, -1}};
    for (int i = 0; i < 4; i++) {
        options.severity_first = ranges[i][0];
        options.severity_last = ranges[i][1];
        check_error(reshift_dataset_open("demo", &options, &d, &error), RESHIFT_ERROR_ARGUMENT,
                    "expected a range within 1-5");
    }
    options.severity_first = options.severity_last = 2;
    options.corruption = "gausian_blur";
    check_error(reshift_dataset_open("demo", &options, &d, &error), RESHIFT_ERROR_ARGUMENT, "gausian_blur");
    assert_non_null(strstr(error.hint, "gaussian_blur"));
    options.corruption = "gaussian_blur";
    check_ok(reshift_dataset_open("demo", &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 5);
    reshift_dataset_close(&d);
    reshift_dataset_close(&d);
    reshift_dataset_close(NULL);
}

static reshift_dataset *open_demo(int64_t limit, const char *corruption)
{
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.limit = limit;
    options.corruption = corruption;
    check_ok(reshift_dataset_open("demo", &options, &d, &error));
    return d;
}

static void test_corrupted(void **state)
{
    (void)state;
    reshift_dataset *clean = open_demo(20, NULL), *d = open_demo(20, "gaussian_blur");
    assert_int_equal(reshift_dataset_count(d), 100);
    assert_string_equal(reshift_dataset_corruption(d), "gaussian_blur");
    assert_string_equal(reshift_dataset_kind(d), "demo");
    reshift_image before = {0}, first = {0}, last = {0};
    for (int64_t row = 0; row < 100; row++) {
        assert_int_equal(reshift_dataset_severity(d, row), 1 + row / 20);
        assert_int_equal(reshift_dataset_source(d, row), row % 20);
        assert_int_equal(reshift_dataset_label(d, row), reshift_dataset_label(clean, row % 20));
    }
    /* Severity 5 differs more from the clean image than severity 1. */
    check_ok(reshift_dataset_read(clean, 3, &before, &error));
    check_ok(reshift_dataset_read(d, 3, &first, &error));
    check_ok(reshift_dataset_read(d, 83, &last, &error));
    long distance[2] = {0, 0};
    for (int i = 0; i < 32 * 32 * 3; i++) {
        distance[0] += labs((long)before.pixels[i] - first.pixels[i]);
        distance[1] += labs((long)before.pixels[i] - last.pixels[i]);
    }
    assert_true(distance[0] > 0 && distance[1] > distance[0]);
    char name[100];
    reshift_dataset_row_name(d, 83, name, sizeof name);
    assert_string_equal(name, "demo test image 3, gaussian_blur 5");
    reshift_image_destroy(&before);
    reshift_image_destroy(&first);
    reshift_image_destroy(&last);
    reshift_dataset_close(&d);
    reshift_dataset_close(&clean);
}

/* A subset outlives the caller's reference to the base, and a subset of a subset reads the right rows. */
static void test_subset(void **state)
{
    (void)state;
    reshift_dataset *base = open_demo(10, "gaussian_blur"), *whole = open_demo(10, "gaussian_blur"), *half, *two;
    check_ok(reshift_dataset_subset(base, (const int64_t[]){40, 7, 7, 21}, 4, &half, &error));
    check_ok(reshift_dataset_subset(half, (const int64_t[]){3, 0}, 2, &two, &error));
    reshift_dataset_close(&base);
    reshift_dataset_close(&half);
    assert_int_equal(reshift_dataset_count(two), 2);
    static const int64_t expected[2] = {21, 40};
    reshift_image image = {0}, same = {0};
    for (int row = 0; row < 2; row++) {
        char a[100], b[100];
        assert_int_equal(reshift_dataset_source(two, row), expected[row] % 10);
        assert_int_equal(reshift_dataset_severity(two, row), 1 + expected[row] / 10);
        assert_int_equal(reshift_dataset_label(two, row), reshift_dataset_label(whole, expected[row]));
        check_ok(reshift_dataset_read(two, row, &image, &error));
        check_ok(reshift_dataset_read(whole, expected[row], &same, &error));
        assert_memory_equal(image.pixels, same.pixels, 32 * 32 * 3);
        reshift_dataset_row_name(two, row, a, sizeof a);
        reshift_dataset_row_name(whole, expected[row], b, sizeof b);
        assert_string_equal(a, b);
    }
    assert_string_equal(reshift_dataset_corruption(two), "gaussian_blur");
    assert_string_equal(reshift_dataset_kind(two), "demo");
    int height, width;
    assert_true(reshift_dataset_fixed_size(two, &height, &width));
    assert_int_equal(height * width, 1024);
    reshift_image_destroy(&image);
    reshift_image_destroy(&same);
    check_error(reshift_dataset_subset(whole, (const int64_t[]){50}, 1, &half, &error), RESHIFT_ERROR_ARGUMENT,
                "row 50: expected 0 to 49");
    check_error(reshift_dataset_subset(whole, (const int64_t[]){-1}, 1, &half, &error), RESHIFT_ERROR_ARGUMENT,
                "row -1");
    check_error(reshift_dataset_subset(whole, NULL, -1, &half, &error), RESHIFT_ERROR_ARGUMENT, "-1 rows");
    check_ok(reshift_dataset_subset(whole, NULL, 0, &half, &error));
    assert_int_equal(reshift_dataset_count(half), 0);
    reshift_dataset_close(&half);
    reshift_dataset_close(&two);
    reshift_dataset_close(&whole);
}

static void test_identity(void **state)
{
    (void)state;
    char seen[8][65];
    int n = 0;
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.limit = 10;
    for (; n < 7; n++) {
        options.limit = n == 1 ? 11 : 10;
        options.seed = n == 2;
        options.split = n == 3 ? "train" : "test";
        options.corruption = n >= 5 ? "gaussian_blur" : NULL;
        options.severity_last = n == 6 ? 4 : 5;
        check_ok(reshift_dataset_open(n == 4 ? "demo-source" : "demo", &options, &d, &error));
        check_ok(reshift_dataset_identity(d, seen[n], &error));
        assert_int_equal(strlen(seen[n]), 64);
        reshift_dataset_close(&d);
    }
    d = open_demo(10, NULL);
    reshift_dataset *part;
    char again[65];
    check_ok(reshift_dataset_identity(d, again, &error));
    assert_string_equal(again, seen[0]);
    check_ok(reshift_dataset_subset(d, (const int64_t[]){0, 2}, 2, &part, &error));
    check_ok(reshift_dataset_identity(part, seen[n++], &error));
    reshift_dataset_close(&part);
    reshift_dataset_close(&d);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(seen[i], seen[j]);
        }
    }
}

/* Frost overlays: drawn, with a note, if the data folder has none; otherwise loaded, or an error. */
static void test_frost(void **state)
{
    (void)state;
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.limit = 3;
    options.corruption = "frost";
    char nothing[256], data[256]; /* in_temporary() reuses its buffers */
    snprintf(nothing, sizeof nothing, "%s", in_temporary("nothing"));
    snprintf(data, sizeof data, "%s", in_temporary("data"));
    options.data_dir = nothing;
    check_ok(reshift_dataset_open("demo", &options, &d, &error));
    assert_non_null(reshift_dataset_note(d));
    assert_non_null(strstr(reshift_dataset_note(d), "frost overlays are drawn procedurally"));
    reshift_dataset *part;
    check_ok(reshift_dataset_subset(d, (const int64_t[]){0}, 1, &part, &error));
    assert_non_null(reshift_dataset_note(part));
    reshift_dataset_close(&part);
    char drawn[65], opened[65], other[65];
    check_ok(reshift_dataset_identity(d, drawn, &error));
    reshift_image image = {0}, first = {0};
    check_ok(reshift_dataset_read(d, 14, &first, &error));
    reshift_dataset_close(&d);
    reshift_frost *frost;
    check_ok(reshift_frost_find(options.data_dir, &frost, &error));
    assert_null(frost);

    put_png("data/frost/frost1.png", 200, 300, 0);
    options.data_dir = data;
    check_error(reshift_dataset_open("demo", &options, &d, &error), RESHIFT_ERROR_NOT_FOUND, "frost2.png");
    assert_non_null(strstr(error.hint, "reshift fetch frost"));
    put_png("data/frost/frost2.png", 200, 300, 0);
    put_png("data/frost/frost3.png", 210, 300, 0);
    put_png("data/frost/frost4.jpg", 200, 310, 0);
    put_png("data/frost/frost5.jpg", 200, 300, 0);
    check_ok(reshift_dataset_open("demo", &options, &d, &error));
    assert_null(reshift_dataset_note(d));
    check_ok(reshift_dataset_identity(d, opened, &error));
    assert_string_not_equal(drawn, opened);
    check_ok(reshift_dataset_read(d, 14, &image, &error));
    assert_memory_not_equal(image.pixels, first.pixels, 32 * 32 * 3);
    reshift_dataset_close(&d);
    put_png("data/frost/frost5.jpg", 200, 300, 1);
    check_ok(reshift_dataset_open("demo", &options, &d, &error));
    check_ok(reshift_dataset_identity(d, other, &error));
    assert_string_not_equal(opened, other);
    reshift_dataset_close(&d);
    put_file("data/frost/frost5.jpg", "no image", 8);
    check_error(reshift_dataset_open("demo", &options, &d, &error), RESHIFT_ERROR_UNSUPPORTED, "frost5.jpg");
    options.corruption = "gaussian_blur"; /* which asks for none */
    check_ok(reshift_dataset_open("demo", &options, &d, &error));
    assert_null(reshift_dataset_note(d));
    reshift_dataset_close(&d);
    reshift_image_destroy(&image);
    reshift_image_destroy(&first);
}

/* Explicit constants are used, and change the identity. */
static void test_constants(void **state)
{
    (void)state;
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.limit = 2;
    options.corruption = "gaussian_blur";
    reshift_image seen[3] = {{0}};
    char identities[3][65];
    for (int k = 0; k < 3; k++) {
        options.constants = (reshift_constants)k;
        check_ok(reshift_dataset_open("demo", &options, &d, &error));
        check_ok(reshift_dataset_read(d, 0, &seen[k], &error));
        check_ok(reshift_dataset_identity(d, identities[k], &error));
        reshift_dataset_close(&d);
    }
    assert_memory_equal(seen[0].pixels, seen[1].pixels, 32 * 32 * 3);
    assert_memory_not_equal(seen[0].pixels, seen[2].pixels, 32 * 32 * 3);
    assert_string_not_equal(identities[0], identities[2]);
    assert_string_not_equal(identities[1], identities[2]);
    for (int k = 0; k < 3; k++) {
        reshift_image_destroy(&seen[k]);
    }
}

static void test_data_folder(void **state)
{
    (void)state;
    char path[64], *data = getenv("RESHIFT_DATA"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *kept[3] = {data ? strdup(data) : NULL, cache ? strdup(cache) : NULL, home ? strdup(home) : NULL};
    static const char *const names[3] = {"RESHIFT_DATA", "XDG_CACHE_HOME", "HOME"};
    setenv("RESHIFT_DATA", "/data", 1);
    setenv("XDG_CACHE_HOME", "/cache", 1);
    setenv("HOME", "/home/me", 1);
    check_ok(reshift_data_folder_find("named", path, sizeof path, &error));
    assert_string_equal(path, "named");
    check_ok(reshift_data_folder_find(NULL, path, sizeof path, &error));
    assert_string_equal(path, "/data");
    setenv("RESHIFT_DATA", "", 1);
    check_ok(reshift_data_folder_find(NULL, path, sizeof path, &error));
    assert_string_equal(path, "/cache/reshift");
    unsetenv("XDG_CACHE_HOME");
    check_ok(reshift_data_folder_find(NULL, path, sizeof path, &error));
    assert_string_equal(path, "/home/me/.cache/reshift");
    check_error(reshift_data_folder_find(NULL, path, 8, &error), RESHIFT_ERROR_ARGUMENT, "too long");
    unsetenv("HOME");
    unsetenv("RESHIFT_DATA");
    check_error(reshift_data_folder_find(NULL, path, sizeof path, &error), RESHIFT_ERROR_NOT_FOUND, "no data folder");
    for (int i = 0; i < 3; i++) {
        if (kept[i]) {
            setenv(names[i], kept[i], 1);
        }
        free(kept[i]);
    }
}

/* A PNG of 16-bit grey becomes nearly white when read like Pillow: the set's note names the file. */
static void test_deep_grey(void **state)
{
    (void)state;
    char *bytes, spec[300];
    size_t count;
    reshift_dataset *d;
    check_ok(file_read_all(TEST_SOURCE_ROOT "/tests/formats/golden/image_I16.png", &bytes, &count, &error));
    put_png("scans/a/1.png", 4, 4, 1);
    snprintf(spec, sizeof spec, "folder:%s", in_temporary("scans"));
    check_ok(reshift_dataset_open(spec, NULL, &d, &error));
    assert_null(reshift_dataset_note(d));
    reshift_dataset_close(&d);
    put_file("scans/a/2.png", bytes, count);
    put_file("scans/b/1.PNG", bytes, count);
    free(bytes);
    check_ok(reshift_dataset_open(spec, NULL, &d, &error));
    assert_non_null(reshift_dataset_note(d));
    assert_non_null(
        strstr(reshift_dataset_note(d), "scans/a/2.png' (2 of 3 images): 16-bit grey: values above 255 become white"));
    reshift_dataset_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specs),  cmocka_unit_test(test_options),   cmocka_unit_test(test_corrupted),
        cmocka_unit_test(test_subset), cmocka_unit_test(test_identity),  cmocka_unit_test(test_data_folder),
        cmocka_unit_test(test_frost),  cmocka_unit_test(test_constants), cmocka_unit_test(test_deep_grey),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
