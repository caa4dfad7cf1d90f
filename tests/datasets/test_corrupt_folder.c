/* Corrupted sets as image folders: correct images and names, complete or not at all, and images resized to one size. */
#include "temporary.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/digest.h"
#include "corruptions/find.h"
#include "imaging/pattern.h"
#include "reshift/dataset.h"

static reshift_error error;
static char spec[300], out[300];

static void put_pattern(const char *name, int height, int width, uint32_t seed)
{
    put_file(name, "", 0);
    reshift_image image = pattern_image(height, width, seed);
    check_ok(reshift_image_save_png(in_temporary(name), &image, true, &error));
    free(image.pixels);
}

/* Five photographs of four sizes; two names differ only in their ending. */
static int begin(void **state)
{
    if (make_temporary(state) != 0) {
        return -1;
    }
    put_pattern("pets/cat/a.png", 40, 33, 1);
    put_pattern("pets/cat/b.png", 64, 50, 2);
    put_pattern("pets/dog/a.png", 33, 70, 3);
    put_pattern("pets/dog/c.png", 48, 48, 4);
    put_pattern("pets/dog/c.jpeg", 48, 49, 5);
    snprintf(spec, sizeof spec, "folder:%s", in_temporary("pets"));
    snprintf(out, sizeof out, "%s", in_temporary("out"));
    return 0;
}

static int clean_out(void **state)
{
    (void)state;
    char command[400];
    snprintf(command, sizeof command, "rm -rf %s", out);
    return system(command);
}

static reshift_dataset *open_set(const char *from)
{
    reshift_dataset *set = NULL;
    check_ok(reshift_dataset_open(from, NULL, &set, &error));
    return set;
}

static reshift_corrupt_options options_of(int first, int last)
{
    return (reshift_corrupt_options){
        .severity_first = first, .severity_last = last, .seed = 3, .layout = RESHIFT_CORRUPT_FOLDER};
}

/* The number of lines that a shell command prints, or the md5 of its output. */
static int count_of(const char *what)
{
    char command[500];
    int n = -1;
    snprintf(command, sizeof command, "find %s %s 2>/dev/null | wc -l", out, what);
    FILE *pipe = popen(command, "r");
    assert_int_equal(fscanf(pipe, "%d", &n), 1);
    pclose(pipe);
    return n;
}

static void sum_of(char hex[33])
{
    char command[500];
    snprintf(command, sizeof command, "cd %s && find . -type f | LC_ALL=C sort | xargs md5sum | md5sum", out);
    FILE *pipe = popen(command, "r");
    assert_int_equal(fscanf(pipe, "%32s", hex), 1);
    pclose(pipe);
}

static void test_images_and_names(void **state)
{
    (void)state;
    static const char *const names[5] = {"cat/a", "cat/b", "dog/a", "dog/c.jpeg", "dog/c.png"};
    reshift_dataset *set = open_set(spec);
    reshift_corrupt_options options = options_of(2, 3);
    check_ok(reshift_corrupt_write(set, find("gaussian_noise"), &options, out, NULL, &error));
    assert_int_equal(count_of("-type f ! -name preparation.json"), 10);
    assert_int_equal(count_of("-name preparation.json"), 2); /* one a severity */
    reshift_image clean = {0}, expected = {0}, found = {0};
    for (int64_t row = 0; row < 5; row++) {
        check_ok(reshift_dataset_read(set, row, &clean, &error));
        for (int s = 2; s <= 3; s++) {
            char path[400];
            snprintf(path, sizeof path, "%s/gaussian_noise/%d/%s.png", out, s, names[row]);
            check_ok(reshift_image_load(path, &found, &error));
            check_ok(reshift_corruption_apply(find("gaussian_noise"), s, RESHIFT_CONSTANTS_AUTO, 3, row, NULL, &clean,
                                              &expected, &error));
            assert_int_equal(found.height, clean.height);
            assert_int_equal(found.width, clean.width);
            assert_memory_equal(found.pixels, expected.pixels, 3 * (size_t)found.height * (size_t)found.width);
        }
    }
    /* the written folder is a set with the same labels */
    char again[400];
    snprintf(again, sizeof again, "folder:%s/gaussian_noise/3", out);
    reshift_dataset *shifted = open_set(again);
    assert_int_equal(reshift_dataset_count(shifted), 5);
    for (int64_t row = 0; row < 5; row++) {
        assert_int_equal(reshift_dataset_label(shifted, row), reshift_dataset_label(set, row));
    }
    reshift_dataset_close(&shifted);
    reshift_dataset_close(&set);
    reshift_image_destroy(&clean);
    reshift_image_destroy(&expected);
    reshift_image_destroy(&found);
}

/* With the JPEG step the files are the JPEGs: they decode to the pixels of a set computed on the fly. */
static void test_jpeg_files(void **state)
{
    (void)state;
    static const char *const names[5] = {"cat/a", "cat/b", "dog/a", "dog/c.jpeg", "dog/c.png"};
    reshift_dataset *set = open_set(spec), *made;
    reshift_corrupt_options options = options_of(3, 4);
    options.constants = RESHIFT_CONSTANTS_IMAGENET;
    reshift_dataset_options fly;
    reshift_dataset_options_default(&fly);
    fly.corruption = "contrast";
    fly.severity_first = 3;
    fly.severity_last = 4;
    fly.constants = RESHIFT_CONSTANTS_IMAGENET;
    check_ok(reshift_dataset_open(spec, &fly, &made, &error));
    assert_int_equal(reshift_dataset_jpeg(made), RESHIFT_JPEG_QUALITY);
    check_ok(reshift_corrupt_write(set, find("contrast"), &options, out, NULL, &error));
    assert_int_equal(count_of("-type f -name '*.JPEG'"), 10);
    assert_int_equal(count_of("-type f ! -name preparation.json"), 10);
    reshift_image expected = {0}, found = {0}, plain = {0}, clean = {0};
    for (int64_t row = 0; row < 10; row++) {
        char path[400];
        snprintf(path, sizeof path, "%s/contrast/%d/%s.JPEG", out, 3 + (int)(row / 5), names[row % 5]);
        check_ok(reshift_image_load(path, &found, &error));
        check_ok(reshift_dataset_read(made, row, &expected, &error));
        assert_memory_equal(found.pixels, expected.pixels, 3 * (size_t)found.height * (size_t)found.width);
    }
    /* without the step: other pixels under another identity, stored losslessly in place of the JPEGs */
    char identities[2][65];
    check_ok(reshift_dataset_identity(made, identities[0], &error));
    reshift_dataset_close(&made);
    fly.jpeg = RESHIFT_JPEG_OFF;
    check_ok(reshift_dataset_open(spec, &fly, &made, &error));
    assert_int_equal(reshift_dataset_jpeg(made), 0);
    check_ok(reshift_dataset_identity(made, identities[1], &error));
    assert_string_not_equal(identities[0], identities[1]);
    check_ok(reshift_dataset_read(made, 9, &plain, &error));
    assert_memory_not_equal(plain.pixels, expected.pixels, 3 * (size_t)plain.height * (size_t)plain.width);
    check_ok(reshift_dataset_read(set, 4, &clean, &error));
    check_ok(reshift_corruption_apply(find("contrast"), 4, RESHIFT_CONSTANTS_IMAGENET, 0, 4, NULL, &clean, &expected,
                                      &error));
    assert_memory_equal(plain.pixels, expected.pixels, 3 * (size_t)plain.height * (size_t)plain.width);
    options.jpeg = RESHIFT_JPEG_OFF;
    options.overwrite = true;
    check_ok(reshift_corrupt_write(set, find("contrast"), &options, out, NULL, &error));
    assert_int_equal(count_of("-type f -name '*.png'"), 10);
    assert_int_equal(count_of("-type f ! -name preparation.json"), 10);
    reshift_dataset_close(&made);
    reshift_dataset_close(&set);
    reshift_image_destroy(&expected);
    reshift_image_destroy(&found);
    reshift_image_destroy(&plain);
    reshift_image_destroy(&clean);
}

/* The order before a network: crop, then corruption, then JPEG. */
static void test_jpeg_comes_last(void **state)
{
    (void)state;
    enum { SIZE = 24, RESIZE = 27 };
    reshift_dataset_options fly;
    reshift_dataset_options_default(&fly);
    fly.corruption = "contrast";
    fly.severity_first = fly.severity_last = 2;
    fly.constants = RESHIFT_CONSTANTS_IMAGENET;
    fly.crop_resize = RESIZE;
    fly.crop_size = SIZE;
    reshift_dataset *set = open_set(spec), *cropped, *made;
    check_ok(reshift_dataset_cropped(set, RESIZE, SIZE, &cropped, &error));
    check_ok(reshift_dataset_open(spec, &fly, &made, &error));
    assert_int_equal(reshift_dataset_jpeg(made), RESHIFT_JPEG_QUALITY);
    reshift_image clean = {0}, expected = {0}, found = {0};
    for (int64_t row = 0; row < 5; row++) {
        check_ok(reshift_dataset_read(cropped, row, &clean, &error));
        check_ok(reshift_corruption_apply(find("contrast"), 2, RESHIFT_CONSTANTS_IMAGENET, 0, row, NULL, &clean,
                                          &expected, &error));
        check_ok(reshift_image_compress(&expected, RESHIFT_JPEG_QUALITY, &error));
        check_ok(reshift_dataset_read(made, row, &found, &error));
        assert_int_equal(found.height, SIZE);
        assert_memory_equal(found.pixels, expected.pixels, 3 * SIZE * SIZE);
    }
    reshift_image_destroy(&clean);
    reshift_image_destroy(&expected);
    reshift_image_destroy(&found);
    reshift_dataset_close(&made);
    reshift_dataset_close(&cropped);
    reshift_dataset_close(&set);
}

static void test_existing_files(void **state)
{
    (void)state;
    reshift_dataset *set = open_set(spec);
    reshift_corrupt_options options = options_of(1, 1);
    const reshift_corruption *noise = find("shot_noise");
    char kept[400], other[400], first[33], again[33];
    check_ok(reshift_corrupt_write(set, noise, &options, out, NULL, &error));
    check_error(reshift_corrupt_write(set, noise, &options, out, NULL, &error), RESHIFT_ERROR_EXISTS,
                "shot_noise' exists already");
    sum_of(first);
    /* with --force: images are replaced, other files are kept, and no severity is removed */
    snprintf(kept, sizeof kept, "%s/shot_noise/1/cat/mine.png", out);
    snprintf(other, sizeof other, "%s/shot_noise/1/cat/a.png", out);
    check_ok(file_write_all(kept, "mine", 4, false, &error));
    check_ok(file_write_all(other, "torn", 4, true, &error));
    options.overwrite = true;
    check_ok(reshift_corrupt_write(set, noise, &options, out, NULL, &error));
    assert_true(file_exists(kept));
    assert_int_equal(unlink(kept), 0);
    sum_of(again);
    assert_string_equal(first, again);
    options.severity_first = options.severity_last = 4;
    check_ok(reshift_corrupt_write(set, noise, &options, out, NULL, &error));
    assert_int_equal(count_of("-type f ! -name preparation.json"), 10);
    /* a file in place of the folder is never replaced, even with --force */
    snprintf(other, sizeof other, "%s/fog", out);
    check_ok(file_write_all(other, "file", 4, false, &error));
    assert_int_not_equal(reshift_corrupt_write(set, find("fog"), &options, out, NULL, &error), RESHIFT_OK);
    assert_true(file_exists(other));
    assert_int_equal(count_of("-name '?*.reshift-part*'"), 0);
    reshift_dataset_close(&set);
}

static void test_thread_count_does_not_matter(void **state)
{
#ifdef _OPENMP
    reshift_dataset *set = open_set(spec);
    reshift_corrupt_options options = options_of(1, 5);
    char first[33], again[33];
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    check_ok(reshift_corrupt_write(set, find("impulse_noise"), &options, out, NULL, &error));
    sum_of(first);
    assert_int_equal(clean_out(state), 0);
    omp_set_num_threads(3);
    check_ok(reshift_corrupt_write(set, find("impulse_noise"), &options, out, NULL, &error));
    sum_of(again);
    omp_set_num_threads(threads);
    assert_string_equal(first, again);
    reshift_dataset_close(&set);
#else
    (void)state;
    print_message("# skipped: built without OpenMP\n");
    skip();
#endif
}

static int n_updates;
static void count_update(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    (void)context;
    (void)what;
    (void)unit;
    assert_true(done <= total);
    n_updates++;
}
static bool stop(void *context)
{
    (void)context;
    return n_updates > 1;
}

static void test_no_partial_output(void **state)
{
    reshift_dataset *set = open_set(spec);
    const reshift_corruption *noise = find("gaussian_noise");
    reshift_corrupt_options options = options_of(1, 5);
    const reshift_progress progress = {count_update, NULL, stop, NULL};
#ifdef _OPENMP /* with two threads, the other one may have finished before the first checks again */
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
#endif
    check_error(reshift_corrupt_write(set, noise, &options, out, &progress, &error), RESHIFT_ERROR_CANCELLED,
                "stopped on request");
#ifdef _OPENMP
    omp_set_num_threads(threads);
#endif
    assert_false(folder_exists(out));
    /* a limit on the file size simulates a full disk */
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 6000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    reshift_status status = reshift_corrupt_write(set, noise, &options, out, NULL, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    check_error(status, RESHIFT_ERROR_IO, "cannot write '");
    assert_false(folder_exists(out));
    /* an image that turns out to be truncated after others were written */
    char *bytes;
    size_t count;
    check_ok(file_read_all(in_temporary("pets/dog/c.png"), &bytes, &count, &error));
    put_file("torn/cat/a.png", bytes, count);
    put_file("torn/dog/a.png", bytes, count);
    char torn[300];
    snprintf(torn, sizeof torn, "folder:%s", in_temporary("torn"));
    reshift_dataset *bad = open_set(torn);
    put_file("torn/dog/a.png", bytes, count / 2); /* after the check at the start */
    free(bytes);
    check_error(reshift_corrupt_write(bad, noise, &options, out, NULL, &error), RESHIFT_ERROR_FORMAT, "dog/a.png");
    assert_false(folder_exists(out));
    reshift_dataset_close(&bad);
    reshift_dataset_close(&set);
    (void)state;
}

/* Eleven classes named by number would be read in another order than written. */
static void test_order_of_classes(void **state)
{
    (void)state;
    enum { N = 11, SIDE = 16 };
    uint8_t labels[N], pixels[N * SIDE * SIDE * 3];
    for (int i = 0; i < N; i++) {
        labels[i] = (uint8_t)(N - 1 - i);
        memset(pixels + i * SIDE * SIDE * 3, 20 * i, SIDE * SIDE * 3);
    }
    put_npy("eleven/images.npy", RESHIFT_U8, 4, (const int64_t[]){N, SIDE, SIDE, 3}, pixels);
    put_npy("eleven/labels.npy", RESHIFT_U8, 1, (const int64_t[]){N}, labels);
    char from[600];
    snprintf(from, sizeof from, "npy:%s,%s", in_temporary("eleven/images.npy"), in_temporary("eleven/labels.npy"));
    reshift_dataset *set = open_set(from);
    reshift_corrupt_options options = options_of(5, 5);
    check_ok(reshift_corrupt_write(set, find("gaussian_blur"), &options, out, NULL, &error));
    assert_int_equal(count_of("-path '*/gaussian_blur/5/10/000000.png'"), 1);
    assert_int_equal(count_of("-path '*/gaussian_blur/5/00/000010.png'"), 1);
    snprintf(from, sizeof from, "folder:%s/gaussian_blur/5", out);
    reshift_dataset *shifted = open_set(from);
    reshift_image image = {0};
    for (int64_t row = 0; row < N; row++) {
        check_ok(reshift_dataset_read(shifted, row, &image, &error));
        int label = reshift_dataset_label(shifted, row);
        assert_in_range(image.pixels[0], label == N - 1 ? 0 : 20 * (N - 1 - label) - 1, 20 * (N - 1 - label));
    }
    reshift_image_destroy(&image);
    reshift_dataset_close(&shifted);
    reshift_dataset_close(&set);
}

/* Compared with torchvision: golden/make_cropped.py. */
static void test_cropped(void **state)
{
    (void)state;
    static const struct {
        int height, width, size;
        const char *md5;
    } golden[] = {
        {50, 37, 20, "4ee3b52188d6199fb2055d67f4ff6355"},
        {37, 50, 21, "0cfb4856dbf0f06074fa0b29c2c2edc2"},
        {300, 401, 224, "67cfe6b3ccfef30404183b0e8c9e3ec9"},
        {16, 16, 32, "5f8908718dd70f1bb2275ed315c72ae5"},
    };
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        put_pattern("large/one/1.png", golden[i].height, golden[i].width, 1);
        char from[300];
        snprintf(from, sizeof from, "folder:%s", in_temporary("large"));
        reshift_dataset *whole = open_set(from), *cropped;
        check_ok(reshift_dataset_cropped(whole, golden[i].size * 256 / 224, golden[i].size, &cropped, &error));
        char identities[2][65], hex[DIGEST_HEX_BYTES];
        check_ok(reshift_dataset_identity(whole, identities[0], &error));
        check_ok(reshift_dataset_identity(cropped, identities[1], &error));
        assert_string_not_equal(identities[0], identities[1]);
        reshift_dataset_close(&whole);
        int height, width;
        assert_true(reshift_dataset_fixed_size(cropped, &height, &width));
        assert_int_equal(height, golden[i].size);
        assert_int_equal(width, golden[i].size);
        reshift_image image = {0};
        check_ok(reshift_dataset_read(cropped, 0, &image, &error));
        digest *d = digest_create(DIGEST_MD5);
        digest_add(d, image.pixels, 3 * (size_t)height * (size_t)width);
        digest_finish(d, hex);
        digest_destroy(&d);
        assert_string_equal(hex, golden[i].md5);
        reshift_image_destroy(&image);
        check_error(reshift_dataset_cropped(cropped, 0, 0, &whole, &error), RESHIFT_ERROR_ARGUMENT, "cropped to 0");
        check_error(reshift_dataset_cropped(cropped, 9, 10, &whole, &error), RESHIFT_ERROR_ARGUMENT,
                    "resized to 9 and cropped to 10");
        reshift_dataset_close(&cropped);
    }
}

/* Images of several sizes do not fit into one array; resized to one size they do. */
static void test_array_of_a_folder(void **state)
{
    (void)state;
    reshift_dataset *set = open_set(spec), *cropped;
    reshift_corrupt_options options = options_of(1, 2);
    options.layout = RESHIFT_CORRUPT_NPY;
    check_error(reshift_corrupt_write(set, find("gaussian_blur"), &options, out, NULL, &error),
                RESHIFT_ERROR_UNSUPPORTED, "a folder's images may have many sizes");
    check_ok(reshift_dataset_cropped(set, 27, 24, &cropped, &error));
    check_ok(reshift_corrupt_write(cropped, find("gaussian_blur"), &options, out, NULL, &error));
    assert_int_equal(count_of("-type f ! -name preparation.json"), 2);
    reshift_dataset_close(&cropped);
    reshift_dataset_close(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_images_and_names, clean_out),
        cmocka_unit_test_setup(test_jpeg_files, clean_out),
        cmocka_unit_test_setup(test_jpeg_comes_last, clean_out),
        cmocka_unit_test_setup(test_existing_files, clean_out),
        cmocka_unit_test_setup(test_thread_count_does_not_matter, clean_out),
        cmocka_unit_test_setup(test_no_partial_output, clean_out),
        cmocka_unit_test_setup(test_order_of_classes, clean_out),
        cmocka_unit_test_setup(test_cropped, clean_out),
        cmocka_unit_test_setup(test_array_of_a_folder, clean_out),
    };
    return cmocka_run_group_tests_name("corrupt_folder", tests, begin, remove_temporary);
}
