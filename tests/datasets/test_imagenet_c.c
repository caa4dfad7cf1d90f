/*
 * ImageNet-C's tree as one set: rows in CIFAR-10-C's order, the published archives' folders, messages that name missing
 * parts, and crops that reach a network unchanged.
 */
#include "temporary.h"

#include <math.h>
#include <sys/stat.h>

#include "datasets/loader.h"
#include "imaging/pattern.h"
#include "reshift/dataset.h"
#include "reshift/fingerprints.h"

enum { N = 5, SIDE = 24 };

static reshift_error error;
static const char *const names[N] = {"n01440764/ILSVRC2012_val_00000293", "n01440764/ILSVRC2012_val_00002138",
                                     "n01443537/ILSVRC2012_val_00000236", "n01443537/ILSVRC2012_val_00000262",
                                     "n02124075/ILSVRC2012_val_00000567"};
static const int labels[N] = {0, 0, 1, 1, 2};
static char spec[300];

static void put_jpeg(const char *name, int height, int width, uint32_t seed, int quality)
{
    char path[256];
    put_file(name, "", 0);
    snprintf(path, sizeof path, "%s", in_temporary(name));
    reshift_image image = pattern_image(height, width, seed);
    check_ok(reshift_image_save_jpeg(path, &image, quality, true, &error));
    free(image.pixels);
}

static uint32_t seed_of(int corruption, int severity, int i)
{
    return (uint32_t)(1 + corruption * 100 + severity * 10 + i);
}

/*
 * noise/gaussian_noise and weather/fog as unpacked from the archives, contrast without such a folder; severities 1 to
 * 5.
 */
static int begin(void **state)
{
    static const char *const places[] = {"C/noise/gaussian_noise", "C/weather/fog", "C/contrast"};
    if (make_temporary(state) != 0) {
        return -1;
    }
    for (int c = 0; c < 3; c++) {
        for (int s = 1; s <= 5; s++) {
            for (int i = 0; i < N; i++) {
                char name[200];
                snprintf(name, sizeof name, "%s/%d/%s.JPEG", places[c], s, names[i]);
                put_jpeg(name, SIDE, SIDE, seed_of(c, s, i), 85);
            }
        }
    }
    put_file("C/noise/gaussian_noise/1/n01440764/.DS_Store", "x", 1);
    put_file("C/noise/gaussian_noise/1/n01440764/Thumbs.db", "x", 1);
    snprintf(spec, sizeof spec, "imagenet-c:%s", in_temporary("C"));
    return 0;
}

static reshift_status open_as(const char *corruption, int first, int last, int64_t limit, reshift_dataset **set)
{
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.corruption = corruption;
    options.severity_first = first;
    options.severity_last = last;
    options.limit = limit;
    options.data_dir = in_temporary("");
    return reshift_dataset_open(spec, &options, set, &error);
}

static void test_rows(void **state)
{
    (void)state;
    static const char *const corruptions[] = {"gaussian_noise", "fog", "contrast"};
    for (int c = 0; c < 3; c++) {
        reshift_dataset *set;
        check_ok(open_as(corruptions[c], 2, 4, 0, &set));
        assert_int_equal(reshift_dataset_count(set), 3 * N);
        assert_int_equal(reshift_dataset_n_classes(set), 3);
        assert_string_equal(reshift_dataset_class_name(set, 2), "n02124075");
        assert_string_equal(reshift_dataset_kind(set), "imagenet-c");
        assert_string_equal(reshift_dataset_corruption(set), corruptions[c]);
        assert_true(reshift_dataset_from_file(set));
        assert_int_equal(reshift_dataset_jpeg(set), 85);
        reshift_image found = {0};
        for (int64_t row = 0; row < 3 * N; row++) {
            const int i = (int)(row % N), severity = 2 + (int)(row / N);
            assert_int_equal(reshift_dataset_label(set, row), labels[i]);
            assert_int_equal(reshift_dataset_source(set, row), i);
            assert_int_equal(reshift_dataset_severity(set, row), severity);
            reshift_image expected = pattern_image(SIDE, SIDE, seed_of(c, severity, i));
            check_ok(reshift_image_compress(&expected, 85, &error));
            check_ok(reshift_dataset_read(set, row, &found, &error));
            assert_memory_equal(found.pixels, expected.pixels, 3 * SIDE * SIDE);
            free(expected.pixels);
            char text[400], end[100];
            reshift_dataset_row_name(set, row, text, sizeof text);
            snprintf(end, sizeof end, "/%d/%s.JPEG", severity, names[i]);
            assert_string_equal(text + strlen(text) - strlen(end), end);
        }
        reshift_image_destroy(&found);
        reshift_dataset_close(&set);
        check_ok(open_as(corruptions[c], 1, 5, 2, &set)); /* the first two of every severity */
        assert_int_equal(reshift_dataset_count(set), 10);
        assert_int_equal(reshift_dataset_source(set, 3), 1);
        reshift_dataset_close(&set);
    }
}

/* A crop of 24 is used unchanged by a network of size 24: it is not resized to 27 and cropped again. */
static void test_crops_are_not_resized(void **state)
{
    (void)state;
    reshift_dataset *set;
    loader *l;
    int height, width, n;
    const float *images;
    const int *found;
    check_ok(open_as("fog", 3, 3, 0, &set));
    assert_true(reshift_dataset_fixed_size(set, &height, &width));
    assert_int_equal(height, SIDE);
    assert_int_equal(width, SIDE);
    const loader_options options = {
        .batch = N, .size = SIDE, .resize = 27, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}};
    check_ok(loader_open(set, NULL, N, &options, &l, &error));
    check_ok(loader_next(l, &images, &found, &n, &error));
    assert_int_equal(n, N);
    reshift_image image = {0};
    for (int i = 0; i < N; i++) {
        check_ok(reshift_dataset_read(set, i, &image, &error));
        for (int k = 0; k < 3 * SIDE * SIDE; k++) {
            const float expected = ((float)image.pixels[k] / 255.0f - options.mean[k % 3]) / options.std[k % 3];
            assert_true(images[i * 3 * SIDE * SIDE + k] == expected);
        }
    }
    reshift_image_destroy(&image);
    loader_close(&l);
    reshift_dataset_close(&set);
}

static void test_missing(void **state)
{
    (void)state;
    reshift_dataset *set;
    check_error(open_as("snow", 1, 5, 0, &set), RESHIFT_ERROR_NOT_FOUND,
                "expected snow/1 to snow/5 with a folder a class, found contrast, gaussian_noise, fog");
    check_error(open_as(NULL, 1, 5, 0, &set), RESHIFT_ERROR_ARGUMENT, "imagenet-c: no corruption named");
    check_error(open_as("../fog", 1, 5, 0, &set), RESHIFT_ERROR_ARGUMENT, "is no corruption");
    put_jpeg("C/contrast/6/n01440764/x.JPEG", SIDE, SIDE, 1, 85); /* not a severity: ignored */
    char from[400], to[400];
    snprintf(from, sizeof from, "%s", in_temporary("C/contrast/4"));
    snprintf(to, sizeof to, "%s", in_temporary("away"));
    assert_int_equal(rename(from, to), 0);
    check_error(open_as("contrast", 1, 5, 0, &set), RESHIFT_ERROR_NOT_FOUND, "contrast has no severity 4 in '");
    assert_non_null(strstr(error.message, "found 1, 2, 3, 5"));
    check_ok(open_as("contrast", 5, 5, 0, &set));
    reshift_dataset_close(&set);
    assert_int_equal(rename(to, from), 0);
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.corruption = "fog";
    options.data_dir = in_temporary("nowhere");
    check_error(reshift_dataset_open("imagenet-c", &options, &set, &error), RESHIFT_ERROR_NOT_FOUND,
                "no ImageNet-C: '");
    options.split = "train";
    check_error(reshift_dataset_open("imagenet-c", &options, &set, &error), RESHIFT_ERROR_ARGUMENT,
                "versions of test images only");
}

/* If a tree lacked one image, all later rows would be shifted. */
static void test_different_images(void **state)
{
    (void)state;
    reshift_dataset *set;
    char path[400], away[400];
    snprintf(path, sizeof path, "%s/%s.JPEG", in_temporary("C/weather/fog/3"), names[3]);
    snprintf(away, sizeof away, "%s", in_temporary("away.JPEG"));
    assert_int_equal(rename(path, away), 0);
    check_error(open_as("fog", 1, 5, 0, &set), RESHIFT_ERROR_FORMAT,
                "image 'n01443537/ILSVRC2012_val_00000262.JPEG' is in");
    /* a single severity is compared with another corruption's */
    check_error(open_as("fog", 3, 3, 0, &set), RESHIFT_ERROR_FORMAT,
                "image 'n01443537/ILSVRC2012_val_00000262.JPEG' is in");
    check_ok(open_as("fog", 1, 2, 0, &set));
    reshift_dataset_close(&set);
    assert_int_equal(rename(away, path), 0);
    put_jpeg("C/weather/fog/5/n09999999/x.JPEG", SIDE, SIDE, 1, 85);
    check_error(open_as("fog", 1, 5, 0, &set), RESHIFT_ERROR_FORMAT, "class 'n09999999' is in '");
    assert_int_equal(unlink(in_temporary("C/weather/fog/5/n09999999/x.JPEG")), 0);
    assert_int_equal(rmdir(in_temporary("C/weather/fog/5/n09999999")), 0);
    /* another size is reported with its name when the image is read */
    put_jpeg("C/weather/fog/5/n02124075/ILSVRC2012_val_00000567.JPEG", SIDE, SIDE + 1, 1, 85);
    check_ok(open_as("fog", 5, 5, 0, &set));
    reshift_image image = {0};
    check_error(reshift_dataset_read(set, 4, &image, &error), RESHIFT_ERROR_SHAPE,
                "567.JPEG': expected 24x24 as the set's first image, found 25x24");
    reshift_image_destroy(&image);
    reshift_dataset_close(&set);
    put_jpeg("C/weather/fog/5/n02124075/ILSVRC2012_val_00000567.JPEG", SIDE, SIDE, seed_of(1, 5, 4), 85);
}

/*
 * Finished cells are found by the identity: it changes with a file, the severities and the limit, and with nothing
 * else.
 */
static void test_identity(void **state)
{
    (void)state;
    char first[65], other[65];
    reshift_dataset *set;
    check_ok(open_as("gaussian_noise", 1, 5, 0, &set));
    check_ok(reshift_dataset_identity(set, first, &error));
    reshift_dataset_close(&set);
    check_ok(open_as("gaussian_noise", 1, 5, 0, &set));
    check_ok(reshift_dataset_identity(set, other, &error));
    assert_string_equal(first, other);
    put_jpeg("C/noise/gaussian_noise/4/n02124075/ILSVRC2012_val_00000567.JPEG", SIDE, SIDE, 77, 85);
    check_ok(reshift_dataset_identity(set, other, &error));
    assert_string_not_equal(first, other);
    reshift_dataset_close(&set);
    check_ok(open_as("gaussian_noise", 1, 4, 0, &set));
    check_ok(reshift_dataset_identity(set, first, &error));
    assert_string_not_equal(first, other);
    reshift_dataset_close(&set);
    put_jpeg("C/noise/gaussian_noise/4/n02124075/ILSVRC2012_val_00000567.JPEG", SIDE, SIDE, seed_of(0, 4, 4), 85);
}

/* A network trained on one corruption has seen the photographs of all others. */
static void test_fingerprints(void **state)
{
    (void)state;
    reshift_dataset *trained, *tested, *part;
    reshift_fingerprints prints;
    uint8_t seen[N];
    check_ok(open_as("contrast", 1, 1, 0, &trained));
    const int64_t rows[2] = {1, 4};
    check_ok(reshift_dataset_subset(trained, rows, 2, &part, &error));
    check_ok(reshift_fingerprints_of(part, &prints, &error));
    assert_int_equal(prints.n, 2);
    check_ok(open_as("fog", 5, 5, 0, &tested));
    check_ok(reshift_fingerprints_find(&prints, tested, NULL, N, seen, &error));
    for (int i = 0; i < N; i++) {
        assert_int_equal(seen[i], i == 1 || i == 4);
    }
    reshift_fingerprints_destroy(&prints);
    reshift_dataset_close(&part);
    reshift_dataset_close(&trained);
    reshift_dataset_close(&tested);
}

/* Clean photographs come from val/, matched by name; other files are ignored. */
static void test_clean_photographs(void **state)
{
    (void)state;
    reshift_dataset *clean;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.data_dir = in_temporary("nowhere");
    check_error(reshift_dataset_open_clean(spec, &options, &clean, &error), RESHIFT_ERROR_NOT_FOUND,
                "no clean photographs of ImageNet-C");
    for (int i = 0; i < N; i++) {
        char name[200];
        snprintf(name, sizeof name, "C/val/%s.JPEG", names[i]);
        put_jpeg(name, 40 + i, 50, (uint32_t)i + 1, 95);
    }
    put_jpeg("C/val/n01440764/ILSVRC2012_val_00000001.JPEG", 30, 30, 9, 95);
    check_ok(reshift_dataset_open_clean(spec, &options, &clean, &error));
    assert_int_equal(reshift_dataset_count(clean), N);
    reshift_image image = {0};
    for (int i = 0; i < N; i++) {
        check_ok(reshift_dataset_read(clean, i, &image, &error));
        assert_int_equal(image.height, 40 + i);
        assert_int_equal(reshift_dataset_label(clean, i), labels[i]);
    }
    reshift_image_destroy(&image);
    reshift_dataset_close(&clean);
    char path[400];
    snprintf(path, sizeof path, "%s/%s.JPEG", in_temporary("C/val"), names[2]);
    assert_int_equal(unlink(path), 0);
    check_error(reshift_dataset_open_clean(spec, &options, &clean, &error), RESHIFT_ERROR_SHAPE,
                "no clean photograph 'n01443537/ILSVRC2012_val_00000236'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_crops_are_not_resized),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_different_images),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_fingerprints),
        cmocka_unit_test(test_clean_photographs),
    };
    return cmocka_run_group_tests_name("imagenet_c", tests, begin, remove_temporary);
}
