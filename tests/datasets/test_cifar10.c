/* CIFAR-10 in its four layouts: the real files if available, synthetic ones for every possible error. */
#include "temporary.h"

#include "base/digest.h"
#include "datasets/cifar/cifar_parts.h"
#include "datasets/dataset.h"
#include "formats/archive.h"

enum { PART_BYTES = CIFAR_PART_RECORDS * CIFAR_RECORD };

static reshift_error error;

static reshift_dataset_options options_for(const char *split)
{
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.split = split;
    return options;
}

static void test_real_set(void **state)
{
    (void)state;
    check_need_data();
    reshift_dataset_options options = options_for("test");
    reshift_dataset *d;
    check_ok(reshift_dataset_open("cifar10", &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 10000);
    assert_int_equal(reshift_dataset_n_classes(d), 10);
    int counts[10] = {0}, height, width;
    for (int64_t row = 0; row < 10000; row++) {
        counts[reshift_dataset_label(d, row)]++;
        assert_int_equal(reshift_dataset_source(d, row), row);
        assert_int_equal(reshift_dataset_severity(d, row), 0);
    }
    for (int k = 0; k < 10; k++) {
        assert_int_equal(counts[k], 1000);
    }
    assert_true(reshift_dataset_fixed_size(d, &height, &width));
    assert_int_equal(height, 32);
    assert_int_equal(width, 32);
    assert_string_equal(reshift_dataset_class_name(d, reshift_dataset_label(d, 0)), "cat");
    assert_string_equal(reshift_dataset_class_name(d, 9), "truck");
    assert_string_equal(reshift_dataset_kind(d), "cifar10");
    assert_null(reshift_dataset_corruption(d));
    assert_true(reshift_dataset_from_file(d));
    /* The known first pixels of the first test image. */
    reshift_image image = {0};
    check_ok(reshift_dataset_read(d, 0, &image, &error));
    static const uint8_t first[6] = {158, 112, 49, 159, 111, 47};
    assert_memory_equal(image.pixels, first, 6);
    char name[64];
    reshift_dataset_row_name(d, 17, name, sizeof name);
    assert_string_equal(name, "cifar10 test image 17");
    reshift_image_destroy(&image);
    reshift_dataset_close(&d);
    assert_null(d);
}

/* Records rebuilt from the set's rows have the md5 of the official files. */
static void check_parts(const char *split, const char *const *md5, int n_parts)
{
    reshift_dataset_options options = options_for(split);
    reshift_dataset *d;
    reshift_image image = {0};
    check_ok(reshift_dataset_open("cifar10", &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), n_parts * 10000);
    for (int part = 0; part < n_parts; part++) {
        digest *sum = digest_create(DIGEST_MD5);
        for (int64_t row = part * 10000; row < (part + 1) * 10000; row++) {
            uint8_t record[CIFAR_RECORD] = {(uint8_t)reshift_dataset_label(d, row)};
            check_ok(reshift_dataset_read(d, row, &image, &error));
            for (int p = 0; p < 1024; p++) {
                for (int c = 0; c < 3; c++) {
                    record[1 + 1024 * c + p] = image.pixels[3 * p + c];
                }
            }
            digest_add(sum, record, sizeof record);
        }
        char hex[DIGEST_HEX_BYTES];
        digest_finish(sum, hex);
        digest_destroy(&sum);
        assert_string_equal(hex, md5[part]);
    }
    reshift_image_destroy(&image);
    reshift_dataset_close(&d);
}

static void test_real_records(void **state)
{
    (void)state;
    check_need_data();
    static const char *const train[5] = {"5dd7e06a14cb22eb9f671a540d1b7c25", "5ea93a67294ea407fff1d09f752e9692",
                                         "942cd6a4bcdd0dd3c604fbe906cb4421", "ae636b3ba5c66a11e91e8cb52e771fcb",
                                         "53f37980c15c3d472c316c40844f3f0d"};
    static const char *const test[1] = {"803d5f7f4d78ea53de84dbe85f74fb6d"};
    check_parts("test", test, 1);
    check_parts("train", train, 5);
}

/* Synthetic parts: record i has the label i mod 10 and three planes, each of one byte that encodes i. */
static uint8_t *made_up_part(void)
{
    uint8_t *part = malloc(PART_BYTES);
    assert_non_null(part);
    for (int i = 0; i < CIFAR_PART_RECORDS; i++) {
        uint8_t *record = part + (size_t)i * CIFAR_RECORD;
        record[0] = (uint8_t)(i % 10);
        memset(record + 1, i & 255, 1024);
        memset(record + 1025, i >> 8, 1024);
        memset(record + 2049, 7, 1024);
    }
    return part;
}

static void check_made_up(const char *spec, const char *split, int64_t count, char identity[65])
{
    reshift_dataset_options options = options_for(split);
    reshift_dataset *d;
    reshift_image image = {0};
    check_ok(reshift_dataset_open(spec, &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), count);
    for (int64_t row = 0; row < count; row += 337) {
        int i = (int)(row % 10000);
        assert_int_equal(reshift_dataset_label(d, row), i % 10);
        check_ok(reshift_dataset_read(d, row, &image, &error));
        uint8_t expected[3] = {(uint8_t)(i & 255), (uint8_t)(i >> 8), 7};
        assert_memory_equal(image.pixels, expected, 3);
        assert_memory_equal(image.pixels + 3 * 1023, expected, 3);
    }
    check_ok(reshift_dataset_identity(d, identity, &error));
    reshift_image_destroy(&image);
    reshift_dataset_close(&d);
}

static char *golden(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/tests/datasets/golden/%s", TEST_SOURCE_ROOT, name);
    return path;
}

static char *spec_of(const char *path)
{
    static char spec[1100];
    snprintf(spec, sizeof spec, "cifar10:%s", path);
    return spec;
}

/* The same pictures in any layout have the same identity. */
static void test_layouts(void **state)
{
    (void)state;
    char unpacked[65], inner[65], pickled[65], archived[65];
    uint8_t *part = made_up_part();
    put_file("bin/cifar-10-batches-bin/test_batch.bin", part, PART_BYTES);
    free(part);
    check_made_up(spec_of(in_temporary("bin")), "test", 10000, unpacked);
    check_made_up(spec_of(in_temporary("bin/cifar-10-batches-bin")), "test", 10000, inner);
    assert_string_equal(inner, unpacked);

    check_made_up(spec_of(golden("cifar-made-up-binary.tar.gz")), "test", 10000, archived);
    assert_string_equal(archived, unpacked);
    check_made_up(spec_of(golden("cifar-made-up-python.tar.gz")), "test", 10000, archived);
    assert_string_equal(archived, unpacked);

    check_made_up(spec_of(golden("cifar-made-up-arrays.tar.gz")), "test", 10000, archived);
    assert_string_equal(archived, unpacked);

    blob *bytes;
    check_ok(
        archive_load_entry(golden("cifar-made-up-python.tar.gz"), "test_batch", CIFAR_PART_MAX_BYTES, &bytes, &error));
    put_file("py/cifar-10-batches-py/test_batch", bytes->data, bytes->size);
    for (int i = 1; i <= 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "py/cifar-10-batches-py/data_batch_%d", i);
        put_file(name, bytes->data, bytes->size);
    }
    blob_drop(&bytes);
    check_made_up(spec_of(in_temporary("py")), "test", 10000, pickled);
    assert_string_equal(pickled, unpacked);
    check_made_up(spec_of(in_temporary("py/cifar-10-batches-py")), "train", 50000, inner);
    assert_string_not_equal(inner, unpacked);
}

/* An official archive in the folder under its original name. */
static void test_archive_in_folder(void **state)
{
    (void)state;
    static const char *const names[2] = {"cifar-made-up-binary.tar.gz", "cifar-made-up-python.tar.gz"};
    static const char *const official[2] = {"gz0/cifar-10-binary.tar.gz", "gz1/cifar-10-python.tar.gz"};
    for (int i = 0; i < 2; i++) {
        char *bytes, folder[8], identity[65];
        size_t count;
        check_ok(file_read_all(golden(names[i]), &bytes, &count, &error));
        put_file(official[i], bytes, count);
        free(bytes);
        snprintf(folder, sizeof folder, "gz%d", i);
        check_made_up(spec_of(in_temporary(folder)), "test", 10000, identity);
        reshift_dataset *d;
        reshift_dataset_options options = options_for("train");
        check_error(reshift_dataset_open(spec_of(in_temporary(folder)), &options, &d, &error), RESHIFT_ERROR_FORMAT,
                    "the archive holds no data_batch_1.bin and no data_batch_1");
        assert_null(d);
    }
}

static void test_limit(void **state)
{
    (void)state;
    char identity[65];
    reshift_dataset *d;
    reshift_dataset_options options = options_for("test");
    options.limit = 123;
    check_ok(reshift_dataset_open(spec_of(golden("cifar-made-up-binary.tar.gz")), &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 123);
    check_ok(reshift_dataset_identity(d, identity, &error));
    reshift_image image = {0};
    check_error(reshift_dataset_read(d, 123, &image, &error), RESHIFT_ERROR_SHAPE, "row 123: expected 0 to 122");
    reshift_dataset_close(&d);
}

static void check_part_refused(const uint8_t *bytes, size_t size, bool pickled, reshift_status code, const char *words)
{
    cifar_part part;
    blob *b = blob_borrow(bytes, size);
    assert_non_null(b);
    check_error(pickled ? cifar_part_read_pickle(b, "some/part", &part, &error)
                        : cifar_part_read_binary(b, "some/part", &part, &error),
                code, words);
    assert_non_null(strstr(error.message, "some/part"));
    assert_null(part.bytes);
    blob_drop(&b);
}

static void test_damaged_binary(void **state)
{
    (void)state;
    uint8_t *part = made_up_part();
    check_part_refused(part, PART_BYTES - 1, false, RESHIFT_ERROR_FORMAT,
                       "expected 30730000 bytes (10000 records of 3073), found 30729999 (9999 records and 3072 bytes)");
    check_part_refused(part, PART_BYTES - CIFAR_RECORD, false, RESHIFT_ERROR_FORMAT, "(9999 records and 0 bytes)");
    check_part_refused(part, 0, false, RESHIFT_ERROR_FORMAT, "found 0");
    part[(size_t)4321 * CIFAR_RECORD] = 10;
    check_part_refused(part, PART_BYTES, false, RESHIFT_ERROR_FORMAT,
                       "record 4321: expected a label from 0 to 9, found 10");
    assert_int_equal(error.offset, 4321 * CIFAR_RECORD);
    free(part);
}

/* Pickles that are valid but not a part of CIFAR-10, one per kind of error. */
static void test_damaged_pickle(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        reshift_status code;
        const char *words;
    } cases[] = {
        {"no-dict", RESHIFT_ERROR_FORMAT, "expected a dict with 'labels' and 'data'"},
        {"no-labels", RESHIFT_ERROR_FORMAT, "expected a list 'labels', found none"},
        {"labels-text", RESHIFT_ERROR_FORMAT, "expected a list 'labels', found something else"},
        {"labels-short", RESHIFT_ERROR_SHAPE, "labels: expected 10000, found 3"},
        {"labels-high", RESHIFT_ERROR_FORMAT, "record 9999: expected a label from 0 to 9, found 10"},
        {"labels-negative", RESHIFT_ERROR_FORMAT, "record 5: expected a label from 0 to 9, found -1"},
        {"labels-words", RESHIFT_ERROR_FORMAT, "record 0: expected a label from 0 to 9, found no number"},
        {"no-data", RESHIFT_ERROR_FORMAT, "expected an array 'data', found none"},
        {"data-list", RESHIFT_ERROR_FORMAT, "expected an array 'data', found something else"},
        {"data-shape", RESHIFT_ERROR_SHAPE, "data: expected uint8 [10000,3072], found uint8"},
        {"data-float", RESHIFT_ERROR_SHAPE, "data: expected uint8 [10000,3072], found float32"},
        {"labels-array-high", RESHIFT_ERROR_FORMAT, "labels: row 9999: expected a label from 0 to 9, found 10"},
        {"labels-array-float", RESHIFT_ERROR_SHAPE,
         "labels: expected integers [10000], one for each row, found float32"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        blob *bytes;
        check_ok(archive_load_entry(golden("cifar-damaged-pickles.tar.gz"), cases[i].file, CIFAR_PART_MAX_BYTES, &bytes,
                                    &error));
        check_part_refused(bytes->data, bytes->size, true, cases[i].code, cases[i].words);
        blob_drop(&bytes);
    }
    check_part_refused((const uint8_t *)"\x80\x02}", 3, true, RESHIFT_ERROR_FORMAT, "some/part");
}

static void test_missing(void **state)
{
    (void)state;
    reshift_dataset *d;
    reshift_dataset_options options = options_for("test");
    check_error(reshift_dataset_open("cifar10:/no/such/folder", &options, &d, &error), RESHIFT_ERROR_NOT_FOUND,
                "no CIFAR-10 test set in '/no/such/folder'");
    assert_non_null(strstr(error.hint, "reshift fetch cifar10"));
    options.data_dir = temporary_folder;
    options.split = "train";
    check_error(reshift_dataset_open("cifar10", &options, &d, &error), RESHIFT_ERROR_NOT_FOUND,
                "no CIFAR-10 training set in '/tmp/reshift-");

    uint8_t *part = made_up_part();
    put_file("incomplete/data_batch_1.bin", part, PART_BYTES);
    put_file("short/test_batch.bin", part, 5000);
    free(part);
    check_error(reshift_dataset_open(spec_of(in_temporary("incomplete")), &options, &d, &error),
                RESHIFT_ERROR_NOT_FOUND, "data_batch_2.bin");
    assert_non_null(strstr(error.hint, "incomplete"));
    options.split = "test";
    check_error(reshift_dataset_open(spec_of(in_temporary("short")), &options, &d, &error), RESHIFT_ERROR_FORMAT,
                "test_batch.bin': expected 30730000 bytes");
    check_error(reshift_dataset_open(spec_of(in_temporary("short/test_batch.bin")), &options, &d, &error),
                RESHIFT_ERROR_FORMAT, "is no archive");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_set),       cmocka_unit_test(test_real_records),
        cmocka_unit_test(test_layouts),        cmocka_unit_test(test_archive_in_folder),
        cmocka_unit_test(test_limit),          cmocka_unit_test(test_damaged_binary),
        cmocka_unit_test(test_damaged_pickle), cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
