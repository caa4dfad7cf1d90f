/* CIFAR-10-C from .npy files, from a .tar, and generated: rows, severities, limits, and the checks of its labels. */
#include "temporary.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/memory.h"
#include "datasets/cifar/cifar_parts.h"
#include "datasets/dataset.h"
#include "reshift/corruption.h"

enum { N = 30, ROWS = 5 * N, PIXELS = 32 * 32 * 3 };

static reshift_error error;

static reshift_dataset_options options_for(const char *corruption)
{
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.corruption = corruption;
    options.data_dir = in_temporary("data");
    return options;
}

/* Labels i mod 10, as for the synthetic test images of golden/make_cifar.py. */
static void make_arrays(uint8_t *labels, uint8_t *images)
{
    for (int row = 0; row < ROWS; row++) {
        labels[row] = (uint8_t)(row % N % 10);
        memset(images + (size_t)row * PIXELS, row, PIXELS);
    }
}

static void put_set(const char *folder, const char *corruption)
{
    static uint8_t labels[ROWS], images[ROWS * PIXELS];
    char name[128];
    make_arrays(labels, images);
    snprintf(name, sizeof name, "%s/labels.npy", folder);
    put_npy(name, RESHIFT_U8, 1, (const int64_t[]){ROWS}, labels);
    snprintf(name, sizeof name, "%s/%s.npy", folder, corruption);
    put_npy(name, RESHIFT_U8, 4, (const int64_t[]){ROWS, 32, 32, 3}, images);
}

static const char *spec_of(const char *name)
{
    static char spec[300];
    snprintf(spec, sizeof spec, "cifar10-c:%s", in_temporary(name));
    return spec;
}

static void check_rows(reshift_dataset *d, int64_t n, int first, int last)
{
    reshift_image image = {0};
    assert_int_equal(reshift_dataset_count(d), n * (last - first + 1));
    for (int64_t row = 0; row < reshift_dataset_count(d); row++) {
        int severity = first + (int)(row / n);
        assert_int_equal(reshift_dataset_severity(d, row), severity);
        assert_int_equal(reshift_dataset_source(d, row), row % n);
        assert_int_equal(reshift_dataset_label(d, row), row % n % 10);
        check_ok(reshift_dataset_read(d, row, &image, &error));
        assert_int_equal(image.height, 32);
        assert_int_equal(image.pixels[PIXELS - 1], (severity - 1) * N + row % n);
    }
    reshift_image_destroy(&image);
}

static void test_files(void **state)
{
    (void)state;
    put_set("set", "gaussian_blur");
    put_set("data/CIFAR-10-C", "gaussian_blur");
    put_set("set", "of_my_own");
    reshift_dataset *d;
    char first[65], second[65], name[80];
    reshift_dataset_options options = options_for("gaussian_blur");
    check_ok(reshift_dataset_open(spec_of("set"), &options, &d, &error));
    check_rows(d, N, 1, 5);
    assert_string_equal(reshift_dataset_kind(d), "cifar10-c");
    assert_string_equal(reshift_dataset_corruption(d), "gaussian_blur");
    assert_string_equal(reshift_dataset_class_name(d, 3), "cat");
    assert_true(reshift_dataset_from_file(d));
    reshift_dataset_row_name(d, N + 7, name, sizeof name);
    assert_string_equal(name, "cifar10 test image 7, gaussian_blur 2");
    check_ok(reshift_dataset_identity(d, first, &error));
    reshift_dataset_close(&d);

    check_ok(reshift_dataset_open("cifar10-c", &options, &d, &error));
    check_ok(reshift_dataset_identity(d, second, &error));
    assert_string_equal(first, second);
    reshift_dataset_close(&d);

    options.severity_first = 2;
    options.severity_last = 4;
    options.limit = 7;
    check_ok(reshift_dataset_open(spec_of("set"), &options, &d, &error));
    check_rows(d, 7, 2, 4);
    check_ok(reshift_dataset_identity(d, second, &error));
    assert_string_not_equal(first, second);
    reshift_dataset_close(&d);

    options = options_for("of_my_own"); /* a file need not be one of the nineteen corruptions */
    check_ok(reshift_dataset_open(spec_of("set"), &options, &d, &error));
    check_rows(d, N, 1, 5);
    reshift_dataset_close(&d);
}

static void add_entry(struct archive *a, const char *name, const void *bytes, size_t count)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)count);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, bytes, count), count);
    archive_entry_free(entry);
}

static void put_tar(const char *name, bool packed, const char *const *files, int n)
{
    put_file(name, "", 0);
    struct archive *a = archive_write_new();
    archive_write_set_format_ustar(a);
    if (packed) {
        archive_write_add_filter_gzip(a);
    }
    assert_int_equal(archive_write_open_filename(a, in_temporary(name)), ARCHIVE_OK);
    for (int i = 0; i < n; i++) {
        char *bytes, entry[128], path[128];
        size_t count;
        snprintf(path, sizeof path, "set/%s", files[i]);
        check_ok(file_read_all(in_temporary(path), &bytes, &count, &error));
        snprintf(entry, sizeof entry, "CIFAR-10-C/%s", files[i]);
        add_entry(a, entry, bytes, count);
        free(bytes);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static void test_tar(void **state)
{
    (void)state;
    static const char *const both[2] = {"gaussian_blur.npy", "labels.npy"};
    put_set("set", "gaussian_blur");
    put_tar("tar/CIFAR-10-C.tar", false, both, 2);
    put_tar("packed.tar.gz", true, both, 2);
    put_tar("no-labels.tar", false, both, 1);
    reshift_dataset *d;
    reshift_dataset_options options = options_for("gaussian_blur");
    static const char *const places[3] = {"tar", "tar/CIFAR-10-C.tar", "packed.tar.gz"};
    for (int i = 0; i < 3; i++) {
        check_ok(reshift_dataset_open(spec_of(places[i]), &options, &d, &error));
        check_rows(d, N, 1, 5);
        assert_true(reshift_dataset_from_file(d));
        reshift_dataset_close(&d);
    }
    check_error(reshift_dataset_open(spec_of("no-labels.tar"), &options, &d, &error), RESHIFT_ERROR_NOT_FOUND,
                "the archive has no entry 'labels.npy'");
    options.corruption = "fog";
    check_error(reshift_dataset_open(spec_of("tar"), &options, &d, &error), RESHIFT_ERROR_NOT_FOUND,
                "no CIFAR-10-C with fog.npy in");
    assert_non_null(strstr(error.hint, "reshift fetch cifar10-c"));
}

/* The rows of an uncompressed archive are read from the mapped file: opening it needs no memory for them. */
static void test_tar_is_mapped(void **state)
{
    (void)state;
    enum { LARGE = 5 * 4000 }; /* 61 MB of pixels */
    static const char *const both[2] = {"contrast.npy", "labels.npy"};
    uint8_t *labels = calloc(LARGE, 1);
    uint8_t *images = calloc(LARGE, PIXELS);
    assert_true(labels && images);
    put_npy("set/labels.npy", RESHIFT_U8, 1, (const int64_t[]){LARGE}, labels);
    put_npy("set/contrast.npy", RESHIFT_U8, 4, (const int64_t[]){LARGE, 32, 32, 3}, images);
    put_tar("large.tar", false, both, 2);
    free(labels);
    free(images);
    FILE *status = fopen("/proc/self/statm", "r");
    assert_non_null(status);
    long size, resident_before, shared_before, resident, shared;
    assert_int_equal(fscanf(status, "%ld %ld %ld", &size, &resident_before, &shared_before), 3);
    fclose(status);
    reshift_dataset *d;
    reshift_dataset_options options = options_for("contrast");
    check_ok(reshift_dataset_open(spec_of("large.tar"), &options, &d, &error));
    status = fopen("/proc/self/statm", "r");
    assert_non_null(status);
    assert_int_equal(fscanf(status, "%ld %ld %ld", &size, &resident, &shared), 3);
    fclose(status);
    /* The process's own pages, without those shared with the file. */
    long grown = (resident - shared) - (resident_before - shared_before);
    assert_true(grown * sysconf(_SC_PAGESIZE) < 8 << 20);
    reshift_dataset_close(&d);
    assert_int_equal(unlink(in_temporary("large.tar")), 0);
    assert_int_equal(unlink(in_temporary("set/contrast.npy")), 0);
}

static void check_refused(reshift_status code, const char *words)
{
    reshift_dataset *d;
    reshift_dataset_options options = options_for("gaussian_blur");
    check_error(reshift_dataset_open(spec_of("bad"), &options, &d, &error), code, words);
    assert_null(d);
}

static void test_wrong_arrays(void **state)
{
    (void)state;
    static uint8_t labels[ROWS], images[ROWS * PIXELS];
    static float floats[10 * 32 * 32 * 3];
    make_arrays(labels, images);
    put_npy("bad/gaussian_blur.npy", RESHIFT_U8, 4, (const int64_t[]){ROWS, 32, 32, 3}, images);
    check_refused(RESHIFT_ERROR_NOT_FOUND, "labels.npy");
    assert_non_null(strstr(error.hint, "belongs beside"));
    put_npy("bad/labels.npy", RESHIFT_U8, 1, (const int64_t[]){ROWS - 1}, labels);
    check_refused(RESHIFT_ERROR_SHAPE, "labels.npy': expected integers [150], one for each row, found uint8 [149]");
    put_npy("bad/labels.npy", RESHIFT_BOOL, 1, (const int64_t[]){ROWS}, labels);
    check_refused(RESHIFT_ERROR_SHAPE, "found bool [150]");
    labels[N + 4] = 5;
    put_npy("bad/labels.npy", RESHIFT_U8, 1, (const int64_t[]){ROWS}, labels);
    check_refused(RESHIFT_ERROR_FORMAT, "row 34: expected 4 as at severity 1, found 5");
    labels[N + 4] = 4;
    labels[2] = 10;
    put_npy("bad/labels.npy", RESHIFT_U8, 1, (const int64_t[]){ROWS}, labels);
    check_refused(RESHIFT_ERROR_FORMAT, "row 2: expected a label from 0 to 9, found 10");
    put_npy("bad/gaussian_blur.npy", RESHIFT_U8, 4, (const int64_t[]){ROWS - 1, 32, 32, 3}, images);
    check_refused(RESHIFT_ERROR_SHAPE, "expected uint8 [5 n,32,32,3], found uint8 [149,32,32,3]");
    put_npy("bad/gaussian_blur.npy", RESHIFT_U8, 4, (const int64_t[]){ROWS, 16, 64, 3}, images);
    check_refused(RESHIFT_ERROR_SHAPE, "found uint8 [150,16,64,3]");
    put_npy("bad/gaussian_blur.npy", RESHIFT_F32, 4, (const int64_t[]){10, 32, 32, 3}, floats);
    check_refused(RESHIFT_ERROR_SHAPE, "expected uint8 [N,H,W,3], found float32 [10,32,32,3]");
    put_file("bad/gaussian_blur.npy", "no array", 8);
    check_refused(RESHIFT_ERROR_FORMAT, "bad/gaussian_blur.npy");
    assert_non_null(strstr(error.path, "gaussian_blur.npy"));
    put_file("bad/CIFAR-10-C.tar", "no archive", 10);
    assert_int_equal(unlink(in_temporary("bad/gaussian_blur.npy")), 0);
    check_refused(RESHIFT_ERROR_FORMAT, "is no archive");
}

static void put_clean_tests(const char *folder)
{
    char *bytes, path[1024], name[128];
    size_t count;
    snprintf(path, sizeof path, "%s/tests/datasets/golden/cifar-made-up-binary.tar.gz", TEST_SOURCE_ROOT);
    check_ok(file_read_all(path, &bytes, &count, &error));
    snprintf(name, sizeof name, "%s/cifar-10-binary.tar.gz", folder);
    put_file(name, bytes, count);
    free(bytes);
}

static void test_labels_against_clean(void **state)
{
    (void)state;
    static uint8_t labels[ROWS];
    put_set("with-clean", "gaussian_blur");
    put_clean_tests("with-clean");
    reshift_dataset *d;
    reshift_dataset_options options = options_for("gaussian_blur");
    check_ok(reshift_dataset_open(spec_of("with-clean"), &options, &d, &error));
    reshift_dataset_close(&d);
    for (int row = 0; row < ROWS; row++) {
        labels[row] = row % N == 8 ? 9 : (uint8_t)(row % N % 10);
    }
    put_npy("with-clean/labels.npy", RESHIFT_U8, 1, (const int64_t[]){ROWS}, labels);
    check_error(reshift_dataset_open(spec_of("with-clean"), &options, &d, &error), RESHIFT_ERROR_FORMAT,
                "row 8: expected 8, the label of CIFAR-10 test image 8, found 9");
    options.data_dir = in_temporary("with-clean"); /* the clean set may also be in the data folder */
    put_set("elsewhere", "gaussian_blur");
    check_ok(reshift_dataset_open(spec_of("elsewhere"), &options, &d, &error));
    reshift_dataset_close(&d);
}

/* Every generated row is the corruption of its clean image, and a generated set says so. */
static void test_generated(void **state)
{
    (void)state;
    put_clean_tests("clean-only");
    reshift_dataset *d, *clean;
    reshift_dataset_options options = options_for("gaussian_blur");
    options.limit = 40;
    options.severity_first = 3;
    check_error(reshift_dataset_open(spec_of("clean-only"), &options, &d, &error), RESHIFT_ERROR_NOT_FOUND,
                "no CIFAR-10-C with gaussian_blur.npy");
    assert_non_null(strstr(error.hint, "generate: true"));
    options.generate = true;
    check_ok(reshift_dataset_open(spec_of("clean-only"), &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 120);
    assert_false(reshift_dataset_from_file(d));
    assert_string_equal(reshift_dataset_kind(d), "cifar10-c");
    assert_string_equal(reshift_dataset_corruption(d), "gaussian_blur");

    options.corruption = NULL;
    char spec[300];
    snprintf(spec, sizeof spec, "cifar10:%s", in_temporary("clean-only"));
    check_ok(reshift_dataset_open(spec, &options, &clean, &error));
    const reshift_corruption *blur;
    check_ok(reshift_corruption_find("gaussian_blur", &blur, &error));
    reshift_image image = {0}, expected = {0}, made = {0};
    for (int64_t row = 0; row < 120; row += 11) {
        assert_int_equal(reshift_dataset_severity(d, row), 3 + row / 40);
        assert_int_equal(reshift_dataset_source(d, row), row % 40);
        assert_int_equal(reshift_dataset_label(d, row), row % 40 % 10);
        check_ok(reshift_dataset_read(clean, row % 40, &image, &error));
        check_ok(reshift_corruption_apply(blur, 3 + (int)(row / 40), RESHIFT_CONSTANTS_AUTO, 0, row % 40, NULL, &image,
                                          &expected, &error));
        check_ok(reshift_dataset_read(d, row, &made, &error));
        assert_memory_equal(made.pixels, expected.pixels, PIXELS);
    }
    reshift_image_destroy(&image);
    reshift_image_destroy(&expected);
    reshift_image_destroy(&made);
    reshift_dataset_close(&clean);
    reshift_dataset_close(&d);

    options.corruption = "gaussian_blurr";
    check_error(reshift_dataset_open(spec_of("clean-only"), &options, &d, &error), RESHIFT_ERROR_ARGUMENT,
                "no corruption 'gaussian_blurr'");
    options.corruption = "gaussian_blur";
    check_error(reshift_dataset_open(spec_of("nowhere"), &options, &d, &error), RESHIFT_ERROR_NOT_FOUND,
                "cannot make gaussian_blur, which is in no file: no CIFAR-10 test set in");
}

static void test_options(void **state)
{
    (void)state;
    reshift_dataset *d;
    reshift_dataset_options options = options_for(NULL);
    check_error(reshift_dataset_open("cifar10-c", &options, &d, &error), RESHIFT_ERROR_ARGUMENT, "no corruption named");
    static const char *const bad[] = {"", "../x", ".hidden", "labels", "a/b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.corruption = bad[i];
        check_error(reshift_dataset_open("cifar10-c", &options, &d, &error), RESHIFT_ERROR_ARGUMENT,
                    "is no corruption");
    }
    options.corruption = "gaussian_blur";
    options.split = "train";
    check_error(reshift_dataset_open("cifar10-c", &options, &d, &error), RESHIFT_ERROR_ARGUMENT,
                "versions of the test images only");
}

/* On the real images: labels and order of the clean set, other pixels. */
static void test_real_blur(void **state)
{
    (void)state;
    check_need_data();
    reshift_dataset *d;
    reshift_dataset_options options = options_for("gaussian_blur");
    options.data_dir = NULL;
    options.generate = true;
    options.severity_first = options.severity_last = 3;
    check_ok(reshift_dataset_open("cifar10-c", &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 10000);
    if (!reshift_dataset_from_file(d)) {
        reshift_dataset *clean;
        reshift_image image = {0}, blurred = {0};
        options.corruption = NULL;
        check_ok(reshift_dataset_open("cifar10", &options, &clean, &error));
        for (int64_t row = 0; row < 10000; row += 997) {
            assert_int_equal(reshift_dataset_label(d, row), reshift_dataset_label(clean, row));
            check_ok(reshift_dataset_read(clean, row, &image, &error));
            check_ok(reshift_dataset_read(d, row, &blurred, &error));
            assert_memory_not_equal(image.pixels, blurred.pixels, PIXELS);
        }
        reshift_image_destroy(&image);
        reshift_image_destroy(&blurred);
        reshift_dataset_close(&clean);
    }
    reshift_dataset_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_tar),
        cmocka_unit_test(test_tar_is_mapped),
        cmocka_unit_test(test_wrong_arrays),
        cmocka_unit_test(test_labels_against_clean),
        cmocka_unit_test(test_generated),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_real_blur),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
