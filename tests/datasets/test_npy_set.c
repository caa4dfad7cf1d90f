/* Sets of two .npy files: what is read, and every array that is not a valid set. */
#include "temporary.h"

#include "reshift/dataset.h"

static reshift_error error;

static const char *spec_of(const char *images, const char *labels)
{
    static char spec[600];
    snprintf(spec, sizeof spec, "npy:%s,%s", in_temporary(images), in_temporary(labels));
    return spec;
}

static void test_reads(void **state)
{
    (void)state;
    uint8_t pixels[4 * 2 * 3 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = (uint8_t)i;
    }
    put_npy("x.npy", RESHIFT_U8, 4, (const int64_t[]){4, 2, 3, 3}, pixels);
    put_npy("y8.npy", RESHIFT_U8, 1, (const int64_t[]){4}, (const uint8_t[]){3, 0, 1, 3});
    put_npy("y64.npy", RESHIFT_I64, 1, (const int64_t[]){4}, (const int64_t[]){3, 0, 1, 3});
    put_npy("column.npy", RESHIFT_U16, 2, (const int64_t[]){4, 1}, (const uint16_t[]){3, 0, 1, 3});
    static const char *const labels[3] = {"y8.npy", "y64.npy", "column.npy"};
    static const int expected[4] = {3, 0, 1, 3};
    char identity[3][65], name[300];
    for (int i = 0; i < 3; i++) {
        reshift_dataset *d;
        check_ok(reshift_dataset_open(spec_of("x.npy", labels[i]), NULL, &d, &error));
        assert_int_equal(reshift_dataset_count(d), 4);
        assert_int_equal(reshift_dataset_n_classes(d), 4);
        assert_string_equal(reshift_dataset_class_name(d, 2), "2");
        assert_string_equal(reshift_dataset_class_name(d, 4), "(no such class)");
        assert_string_equal(reshift_dataset_kind(d), "npy");
        int height, width;
        assert_true(reshift_dataset_fixed_size(d, &height, &width));
        assert_int_equal(height, 2);
        assert_int_equal(width, 3);
        reshift_image image = {0};
        for (int row = 0; row < 4; row++) {
            assert_int_equal(reshift_dataset_label(d, row), expected[row]);
            check_ok(reshift_dataset_read(d, row, &image, &error));
            assert_memory_equal(image.pixels, pixels + 18 * row, 18);
        }
        reshift_image_destroy(&image);
        reshift_dataset_row_name(d, 2, name, sizeof name);
        assert_non_null(strstr(name, "/x.npy[2]"));
        check_ok(reshift_dataset_identity(d, identity[i], &error));
        reshift_dataset_close(&d);
    }
    assert_string_equal(identity[0], identity[1]);
    assert_string_equal(identity[0], identity[2]);
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.limit = 2;
    reshift_dataset *d;
    check_ok(reshift_dataset_open(spec_of("x.npy", "y8.npy"), &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 2);
    assert_int_equal(reshift_dataset_n_classes(d), 4); /* of the whole set */
    reshift_dataset_close(&d);
}

static void check_refused(const char *images, const char *labels, reshift_status code, const char *words)
{
    reshift_dataset *d;
    check_error(reshift_dataset_open(spec_of(images, labels), NULL, &d, &error), code, words);
    assert_null(d);
}

static void test_refusals(void **state)
{
    (void)state;
    static float zeros[2 * 4 * 4 * 3];
    put_npy("good.npy", RESHIFT_U8, 4, (const int64_t[]){2, 4, 4, 3}, zeros);
    put_npy("labels.npy", RESHIFT_U8, 1, (const int64_t[]){2}, zeros);
    put_npy("float.npy", RESHIFT_F32, 4, (const int64_t[]){2, 4, 4, 3}, zeros);
    check_refused("float.npy", "labels.npy", RESHIFT_ERROR_SHAPE,
                  "float.npy': expected uint8 [N,H,W,3], found float32 [2,4,4,3]");
    assert_non_null(strstr(error.hint, "(x * 255).round().astype('uint8')"));
    put_npy("first.npy", RESHIFT_U8, 4, (const int64_t[]){2, 3, 4, 4}, zeros);
    check_refused("first.npy", "labels.npy", RESHIFT_ERROR_SHAPE, "found uint8 [2,3,4,4]");
    assert_non_null(strstr(error.hint, "transpose(0, 2, 3, 1)"));
    put_npy("flat.npy", RESHIFT_U8, 2, (const int64_t[]){2, 48}, zeros);
    check_refused("flat.npy", "labels.npy", RESHIFT_ERROR_SHAPE, "found uint8 [2,48]");
    put_npy("grey.npy", RESHIFT_U8, 4, (const int64_t[]){2, 4, 4, 1}, zeros);
    check_refused("grey.npy", "labels.npy", RESHIFT_ERROR_SHAPE, "found uint8 [2,4,4,1]");
    put_npy("none.npy", RESHIFT_U8, 4, (const int64_t[]){0, 4, 4, 3}, zeros);
    check_refused("none.npy", "labels.npy", RESHIFT_ERROR_SHAPE, "found uint8 [0,4,4,3]");
    put_npy("line.npy", RESHIFT_U8, 4, (const int64_t[]){2, 0, 4, 3}, zeros);
    check_refused("line.npy", "labels.npy", RESHIFT_ERROR_SHAPE, "found uint8 [2,0,4,3]");

    static const struct {
        reshift_dtype dtype;
        int n_dims;
        int64_t shape[4];
        const char *hint;
    } hints[] = {
        {RESHIFT_I64, 4, {2, 4, 4, 3}, "save x.astype('uint8')"},
        {RESHIFT_BOOL, 4, {2, 4, 4, 3}, "x.astype('uint8') * 255"},
        {RESHIFT_U8, 4, {2, 4, 4, 4}, "x[..., :3]"},
        {RESHIFT_U8, 4, {2, 4, 4, 1}, "x.repeat(3, axis=3)"},
        {RESHIFT_U8, 3, {2, 4, 4}, "x[..., None].repeat(3, axis=3)"},
        {RESHIFT_U8, 3, {4, 4, 3}, "x[None]"},
        {RESHIFT_U8, 2, {2, 48}, "x.reshape(-1, H, W, 3)"},
    };
    static uint8_t much[2 * 4 * 4 * 4 * 8];
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        put_npy("hint.npy", hints[i].dtype, hints[i].n_dims, hints[i].shape, much);
        check_refused("hint.npy", "labels.npy", RESHIFT_ERROR_SHAPE, "expected uint8 [N,H,W,3], found ");
        if (!strstr(error.hint, hints[i].hint)) {
            fail_msg("expected a hint with '%s', found '%s'", hints[i].hint, error.hint);
        }
    }
    put_npy("few.npy", RESHIFT_I32, 1, (const int64_t[]){1}, zeros);
    check_refused("good.npy", "few.npy", RESHIFT_ERROR_SHAPE,
                  "few.npy': expected integers [2], one for each row, found int32 [1]");
    put_npy("real.npy", RESHIFT_F32, 1, (const int64_t[]){2}, zeros);
    check_refused("good.npy", "real.npy", RESHIFT_ERROR_SHAPE, "found float32 [2]");
    put_npy("hot.npy", RESHIFT_U8, 2, (const int64_t[]){2, 10}, zeros);
    check_refused("good.npy", "hot.npy", RESHIFT_ERROR_SHAPE, "found uint8 [2,10]");
    put_npy("minus.npy", RESHIFT_I16, 1, (const int64_t[]){2}, (const int16_t[]){0, -1});
    check_refused("good.npy", "minus.npy", RESHIFT_ERROR_FORMAT, "row 1: expected a label from 0 to 999999, found -1");
    put_npy("huge.npy", RESHIFT_U64, 1, (const int64_t[]){2}, (const uint64_t[]){1, 1000000});
    check_refused("good.npy", "huge.npy", RESHIFT_ERROR_FORMAT,
                  "row 1: expected a label from 0 to 999999, found 1000000");
    put_npy("beyond.npy", RESHIFT_U64, 1, (const int64_t[]){2}, (const uint64_t[]){UINT64_MAX, 0});
    check_refused("good.npy", "beyond.npy", RESHIFT_ERROR_FORMAT,
                  "row 0: expected a label from 0 to 999999, found 18446744073709551615");
    put_file("text.npy", "hello", 5);
    check_refused("text.npy", "labels.npy", RESHIFT_ERROR_FORMAT, "text.npy");
    check_refused("good.npy", "text.npy", RESHIFT_ERROR_FORMAT, "text.npy");
    check_refused("nowhere.npy", "labels.npy", RESHIFT_ERROR_NOT_FOUND, "nowhere.npy");

    reshift_dataset *d;
    check_error(reshift_dataset_open("npy:x.npy", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT,
                "data 'npy:x.npy': expected npy:IMAGES.npy,LABELS.npy");
    check_error(reshift_dataset_open("npy:x.npy,", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT,
                "expected npy:IMAGES.npy");
    check_error(reshift_dataset_open("npy:,y.npy", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT,
                "expected npy:IMAGES.npy");
}

static const char *archive(const char *name)
{
    static char spec[600];
    snprintf(spec, sizeof spec, "npy:%s/tests/datasets/golden/npz-%s.npz", TEST_SOURCE_ROOT, name);
    return spec;
}

/* One .npz with images and labels under common names: the test part is part 1 of golden/make_npz.py. */
static void test_archives(void **state)
{
    (void)state;
    static const char *const names[] = {"xy",      "sklearn",    "images", "data",
                                        "unnamed", "test-alone", "keras",  "medmnist"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (int train = 0; train < 2; train++) {
            const bool parts = i >= 6;
            reshift_dataset_options options;
            reshift_dataset_options_default(&options);
            options.split = train ? "train" : "test";
            reshift_dataset *d;
            check_ok(reshift_dataset_open(archive(names[i]), &options, &d, &error));
            assert_int_equal(reshift_dataset_count(d), parts && train ? 4 : 3);
            assert_int_equal(reshift_dataset_n_classes(d), 2);
            reshift_image image = {0};
            for (int row = 0; row < reshift_dataset_count(d); row++) {
                check_ok(reshift_dataset_read(d, row, &image, &error));
                assert_int_equal(image.pixels[0], (parts && train ? 20 : 10) + row);
                assert_int_equal(reshift_dataset_label(d, row), (row + 1) % 2);
            }
            reshift_image_destroy(&image);
            reshift_dataset_close(&d);
        }
    }
    reshift_dataset_options halved;
    reshift_dataset_options_default(&halved);
    halved.test_share = 0.5; /* used only if there are no parts */
    reshift_dataset *d;
    check_ok(reshift_dataset_open(archive("keras"), &halved, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 3);
    reshift_dataset_close(&d);
}

static void test_refused_archives(void **state)
{
    (void)state;
    reshift_dataset *d;
    check_error(reshift_dataset_open(archive("two"), NULL, &d, &error), RESHIFT_ERROR_NOT_FOUND,
                "which arrays are images and labels? it holds x, y, images, labels");
    assert_non_null(strstr(error.hint, "#IMAGES,"));
    check_error(reshift_dataset_open(archive("others"), NULL, &d, &error), RESHIFT_ERROR_NOT_FOUND,
                "it holds pictures, classes");
    check_error(reshift_dataset_open(archive("none-such"), NULL, &d, &error), RESHIFT_ERROR_NOT_FOUND, "none-such.npz");
    put_file("no.npz", "hello", 5);
    char spec[600];
    snprintf(spec, sizeof spec, "npy:%s", in_temporary("no.npz"));
    check_error(reshift_dataset_open(spec, NULL, &d, &error), RESHIFT_ERROR_FORMAT, "expected a .npz archive, found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_archives), cmocka_unit_test(test_refused_archives)};
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
