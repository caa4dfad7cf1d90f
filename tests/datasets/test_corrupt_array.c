/* Corrupted files in CIFAR-10-C's layout: correct rows, labels kept or refused, and no files left after any failure. */
#include "check.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/digest.h"
#include "base/files.h"
#include "corruptions/find.h"
#include "imaging/pattern.h"
#include "reshift/dataset.h"

enum { N = 700, SIDE = 16, IMAGE = SIDE * SIDE * 3 }; /* more than two chunks */

static char folder[] = "/tmp/reshift-corrupt-XXXXXX";
static char spec[256], many_spec[256], target[64], images_path[96], labels_path[96];

static void save(const char *name, reshift_dtype dtype, int n_dims, const int64_t *shape, const void *data)
{
    char path[96];
    reshift_error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    reshift_array array = {.dtype = dtype, .n_dims = n_dims, .data = (void *)(uintptr_t)data};
    memcpy(array.shape, shape, (size_t)n_dims * sizeof *shape);
    check_ok(reshift_array_save_npy(path, &array, true, &error));
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) {
        return -1;
    }
    reshift_image all = pattern_image(N * SIDE, SIDE, 1); /* N images, one below the other */
    int64_t shape[4] = {N, SIDE, SIDE, 3}, labels[N];
    save("images.npy", RESHIFT_U8, 4, shape, all.pixels);
    free(all.pixels);
    for (int i = 0; i < N; i++) {
        labels[i] = i * 7 % 10;
    }
    save("labels.npy", RESHIFT_I64, 1, shape, labels);
    for (int i = 0; i < N; i++) {
        labels[i] = i % 300;
    }
    save("many.npy", RESHIFT_I64, 1, shape, labels);
    snprintf(spec, sizeof spec, "npy:%s/images.npy,%s/labels.npy", folder, folder);
    snprintf(many_spec, sizeof many_spec, "npy:%s/images.npy,%s/many.npy", folder, folder);
    snprintf(target, sizeof target, "%s/out/C", folder);
    snprintf(images_path, sizeof images_path, "%s/gaussian_blur.npy", target);
    snprintf(labels_path, sizeof labels_path, "%s/labels.npy", target);
    return 0;
}

static int end(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static int clean_target(void **state)
{
    (void)state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s/out", folder);
    return system(command);
}

static reshift_dataset *open_set(const char *from)
{
    reshift_error error;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    reshift_dataset *set = NULL;
    check_ok(reshift_dataset_open(from, &options, &set, &error));
    return set;
}

static int entries(void)
{
    char command[96];
    snprintf(command, sizeof command, "ls -A %s 2>/dev/null | wc -l", target);
    FILE *pipe = popen(command, "r");
    int n = -1;
    assert_int_equal(fscanf(pipe, "%d", &n), 1);
    pclose(pipe);
    return n;
}

static ino_t inode(const char *path)
{
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    return facts.st_ino;
}

static void test_rows_and_labels(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *set = open_set(spec);
    reshift_corrupt_options options = {
        .severity_first = 2, .severity_last = 4, .constants = RESHIFT_CONSTANTS_IMAGENET};
    check_ok(reshift_corrupt_write(set, find("gaussian_blur"), &options, target, NULL, &error));
    assert_int_equal(entries(), 2);
    reshift_array images = {0}, labels = {0};
    check_ok(reshift_array_load_npy(images_path, &images, &error));
    check_ok(reshift_array_load_npy(labels_path, &labels, &error));
    assert_int_equal(images.dtype, RESHIFT_U8);
    assert_int_equal(images.n_dims, 4);
    assert_int_equal(images.shape[0], 3 * N);
    assert_int_equal(images.shape[1], SIDE);
    assert_int_equal(images.shape[3], 3);
    assert_int_equal(labels.dtype, RESHIFT_U8);
    assert_int_equal(labels.shape[0], 3 * N);
    reshift_image image = {0}, blurred = {0};
    for (int64_t row = 0; row < 3 * N; row++) {
        check_ok(reshift_dataset_read(set, row % N, &image, &error));
        check_ok(reshift_corruption_apply(find("gaussian_blur"), 2 + (int)(row / N), RESHIFT_CONSTANTS_IMAGENET, 0,
                                          row % N, NULL, &image, &blurred, &error));
        check_ok(reshift_image_compress(&blurred, RESHIFT_JPEG_QUALITY, &error)); /* with ImageNet's constants */
        assert_memory_equal((uint8_t *)images.data + row * IMAGE, blurred.pixels, IMAGE);
        assert_int_equal(((uint8_t *)labels.data)[row], row % N * 7 % 10);
    }
    reshift_image_destroy(&image);
    reshift_image_destroy(&blurred);
    reshift_array_destroy(&images);
    reshift_array_destroy(&labels);
    reshift_dataset_close(&set);
}

static void test_thread_count_does_not_matter(void **state)
{
    (void)state;
#ifdef _OPENMP
    reshift_error error;
    reshift_dataset *set = open_set(spec);
    reshift_corrupt_options options = {.severity_first = 1, .severity_last = 2, .overwrite = true};
    char first[DIGEST_HEX_BYTES], again[DIGEST_HEX_BYTES];
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    check_ok(reshift_corrupt_write(set, find("gaussian_blur"), &options, target, NULL, &error));
    check_ok(digest_file(DIGEST_MD5, images_path, first, &error));
    omp_set_num_threads(3);
    check_ok(reshift_corrupt_write(set, find("gaussian_blur"), &options, target, NULL, &error));
    check_ok(digest_file(DIGEST_MD5, images_path, again, &error));
    omp_set_num_threads(threads);
    assert_string_equal(first, again);
    reshift_dataset_close(&set);
#else
    print_message("# skipped: built without OpenMP\n");
    skip();
#endif
}

/*
 * For every corruption: the same bytes with one thread and with two, in one file and computed when a row is read, of
 * the whole set and of its first few images. SIDE is small, so a corruption may refuse, but then in every case.
 */
static void test_same_images_by_every_route(void **state)
{
    (void)state;
    enum { FEW = 9 };
    reshift_error error;
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    reshift_dataset *set = open_set(spec), *few = NULL;
    int64_t order[FEW], made = 0;
    reshift_frost *frost = NULL; /* the overlays that a set computed on the fly finds by itself */
    check_ok(reshift_frost_find(NULL, &frost, &error));
    for (int64_t i = 0; i < FEW; i++) {
        order[i] = (i * 5 + 3) % FEW; /* in another order than the set's, too */
    }
    check_ok(reshift_dataset_subset(set, order, FEW, &few, &error));
    for (int i = 0; i < count; i++) {
        reshift_corrupt_options options = {
            .severity_first = 4, .severity_last = 5, .seed = 11, .overwrite = true, .frost = frost};
        char path[128];
        snprintf(path, sizeof path, "%s/%s.npy", target, table[i].name);
        reshift_array whole = {0}, part = {0};
#ifdef _OPENMP
        int threads = omp_get_max_threads();
        omp_set_num_threads(1);
#endif
        check_ok(reshift_corrupt_write(few, &table[i], &options, target, NULL, &error));
        check_ok(reshift_array_load_npy(path, &part, &error));
#ifdef _OPENMP
        omp_set_num_threads(2);
#endif
        check_ok(reshift_corrupt_write(set, &table[i], &options, target, NULL, &error));
#ifdef _OPENMP
        omp_set_num_threads(threads);
#endif
        check_ok(reshift_array_load_npy(path, &whole, &error));
        reshift_dataset_options from;
        reshift_dataset_options_default(&from);
        from.corruption = table[i].name;
        from.severity_first = 4;
        from.seed = 11;
        from.limit = FEW;
        reshift_dataset *fly = NULL;
        check_ok(reshift_dataset_open(spec, &from, &fly, &error));
        assert_int_equal(reshift_dataset_count(fly), 2 * FEW);
        reshift_image image = {0};
        for (int64_t row = 0; row < 2 * FEW; row++) {
            const uint8_t *expected = (const uint8_t *)whole.data + (row / FEW * N + row % FEW) * IMAGE;
            check_ok(reshift_dataset_read(fly, row, &image, &error));
            assert_memory_equal(image.pixels, expected, IMAGE);
            expected = (const uint8_t *)whole.data + (row / FEW * N + order[row % FEW]) * IMAGE;
            assert_memory_equal((const uint8_t *)part.data + row * IMAGE, expected, IMAGE);
        }
        made++;
        reshift_image_destroy(&image);
        reshift_dataset_close(&fly);
        reshift_array_destroy(&whole);
        reshift_array_destroy(&part);
    }
    assert_true(made > 0);
    reshift_frost_close(&frost);
    reshift_dataset_close(&few);
    reshift_dataset_close(&set);
}

static void test_existing_files(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *set = open_set(spec), *many = open_set(many_spec);
    const reshift_corruption *blur = find("gaussian_blur");
    reshift_corrupt_options options = {.severity_first = 1, .severity_last = 1};
    check_ok(reshift_corrupt_write(set, blur, &options, target, NULL, &error));
    ino_t images = inode(images_path), labels = inode(labels_path);
    check_error(reshift_corrupt_write(set, blur, &options, target, NULL, &error), RESHIFT_ERROR_EXISTS,
                "gaussian_blur.npy' exists already");
    assert_int_equal(inode(images_path), images);
    /* another corruption's file with equal labels: both are kept */
    assert_int_equal(unlink(images_path), 0);
    check_ok(reshift_corrupt_write(set, blur, &options, target, NULL, &error));
    assert_int_equal(inode(labels_path), labels);
    /* equal labels of another integer type */
    assert_int_equal(unlink(images_path), 0);
    char command[256];
    snprintf(command, sizeof command, "cp %s/labels.npy %s", folder, labels_path);
    assert_int_equal(system(command), 0);
    check_ok(reshift_corrupt_write(set, blur, &options, target, NULL, &error));
    /* labels of another set or another number of severities are refused */
    assert_int_equal(unlink(images_path), 0);
    check_error(reshift_corrupt_write(many, blur, &options, target, NULL, &error), RESHIFT_ERROR_EXISTS,
                "holds other labels: expected those of 700 rows, found 700");
    options.severity_last = 2;
    check_error(reshift_corrupt_write(set, blur, &options, target, NULL, &error), RESHIFT_ERROR_EXISTS,
                "expected those of 1400 rows, found 700");
    assert_int_equal(entries(), 1);
    options.overwrite = true;
    check_ok(reshift_corrupt_write(set, blur, &options, target, NULL, &error));
    assert_int_equal(entries(), 2);
    reshift_dataset_close(&set);
    reshift_dataset_close(&many);
}

static void test_many_classes(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *set = open_set(many_spec);
    reshift_corrupt_options options = {.severity_first = 5, .severity_last = 5};
    check_ok(reshift_corrupt_write(set, find("gaussian_blur"), &options, target, NULL, &error));
    reshift_array labels = {0};
    check_ok(reshift_array_load_npy(labels_path, &labels, &error));
    assert_int_equal(labels.dtype, RESHIFT_I64);
    assert_int_equal(((int64_t *)labels.data)[299], 299);
    reshift_array_destroy(&labels);
    reshift_dataset_close(&set);
}

typedef struct watcher {
    int64_t last, total, stop_after;
    int calls, messages;
    char text[128];
} watcher;

static void watch(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    watcher *w = context;
    assert_string_equal(what, "making gaussian_blur");
    assert_string_equal(unit, "images");
    assert_true(w->calls++ == 0 ? done == 0 : done > w->last);
    w->last = done;
    w->total = total;
}

static void hear(void *context, reshift_log_level level, const char *text)
{
    watcher *w = context;
    (void)level;
    w->messages++;
    snprintf(w->text, sizeof w->text, "%s", text);
}

static bool stop(void *context)
{
    const watcher *w = context;
    return w->stop_after > 0 && w->last >= w->stop_after;
}

static void test_progress_and_cancellation(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *set = open_set(spec);
    reshift_corrupt_options options = {.severity_first = 1, .severity_last = 5};
    watcher w = {.stop_after = 1};
    reshift_progress progress = {watch, hear, stop, &w};
    check_error(reshift_corrupt_write(set, find("gaussian_blur"), &options, target, &progress, &error),
                RESHIFT_ERROR_CANCELLED, "stopped on request");
    assert_true(w.last > 0 && w.last < 5 * N);
    assert_false(folder_exists(target));
    w = (watcher){0};
    check_ok(reshift_corrupt_write(set, find("gaussian_blur"), &options, target, &progress, &error));
    assert_int_equal(w.last, 5 * N);
    assert_int_equal(w.total, 5 * N);
    assert_int_equal(w.messages, 1);
    assert_string_equal(w.text, "images of 16x16: the published constants for 32x32 are used");
    reshift_dataset_close(&set);
}

/* A limit on the file size simulates a full disk. The folder existed before, so it is kept. */
static void test_full_disk(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *set = open_set(spec);
    reshift_corrupt_options options = {.severity_first = 1, .severity_last = 5};
    check_ok(folder_create(target, &error));
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 2000 * IMAGE;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    reshift_status status = reshift_corrupt_write(set, find("gaussian_blur"), &options, target, NULL, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    check_error(status, RESHIFT_ERROR_IO, "File too large");
    assert_int_equal(entries(), 0);
    assert_true(folder_exists(target));
    reshift_dataset_close(&set);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *set = open_set(spec);
    const reshift_corruption *blur = find("gaussian_blur");
    static const int ranges[][2] = {{0, 5}, {1, 6}, {3, 2}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        reshift_corrupt_options options = {.severity_first = ranges[i][0], .severity_last = ranges[i][1]};
        check_error(reshift_corrupt_write(set, blur, &options, target, NULL, &error), RESHIFT_ERROR_ARGUMENT,
                    "severities are within 1 to 5");
    }
    reshift_corrupt_options options = {.severity_first = 1, .severity_last = 5};
    reshift_dataset_options shifted;
    reshift_dataset_options_default(&shifted);
    shifted.corruption = "gaussian_blur";
    shifted.severity_first = 1;
    shifted.severity_last = 1;
    shifted.generate = true;
    reshift_dataset *corrupted = NULL;
    check_ok(reshift_dataset_open(spec, &shifted, &corrupted, &error));
    check_error(reshift_corrupt_write(corrupted, blur, &options, target, NULL, &error), RESHIFT_ERROR_ARGUMENT,
                "needs clean images, found a set with gaussian_blur");
    assert_false(folder_exists(target));
    reshift_dataset_close(&corrupted);
    reshift_dataset_close(&set);
}

/* Complete files with real data: labels.npy is the published one; the images equal scikit-image's. */
static void test_real_set(void **state)
{
    (void)state;
    check_need_data();
    reshift_error error;
    reshift_dataset *set = NULL;
    reshift_dataset_options from;
    reshift_dataset_options_default(&from);
    from.data_dir = check_data();
    if (reshift_dataset_open("cifar10", &from, &set, &error) == RESHIFT_ERROR_NOT_FOUND) {
        print_message("# skipped: %s\n", error.message);
        skip();
    }
    assert_non_null(set);
    reshift_corrupt_options options = {.severity_first = 1, .severity_last = 5};
    check_ok(reshift_corrupt_write(set, find("gaussian_blur"), &options, target, NULL, &error));
    char hex[DIGEST_HEX_BYTES];
    check_ok(digest_file(DIGEST_MD5, images_path, hex, &error));
    assert_string_equal(hex, "021b6750fb48bcd1dc42715dc3ae48da");
    check_ok(digest_file(DIGEST_MD5, labels_path, hex, &error));
    assert_string_equal(hex, "c439b113295ed5254878798ffe28fd54");
    /* contrast has the published bytes, gaussian_blur does not: verification distinguishes them */
    check_ok(reshift_corrupt_write(set, find("contrast"), &options, target, NULL, &error));
    reshift_dataset_close(&set);
    char there[400];
    snprintf(there, sizeof there, "cifar10-c:%s", target);
    from.verify = true;
    from.corruption = "contrast";
    check_ok(reshift_dataset_open(there, &from, &set, &error));
    assert_true(reshift_dataset_is_verified(set));
    reshift_dataset_close(&set);
    from.verify = false;
    check_ok(reshift_dataset_open(there, &from, &set, &error));
    assert_false(reshift_dataset_is_verified(set));
    reshift_dataset_close(&set);
    from.verify = true;
    from.corruption = "gaussian_blur";
    check_error(reshift_dataset_open(there, &from, &set, &error), RESHIFT_ERROR_FORMAT,
                "gaussian_blur.npy' is not the published file: expected md5 c33370155bc9b055fb4a89113d3c559d, found "
                "021b6750fb48bcd1dc42715dc3ae48da");
    from.corruption = "fog";
    from.generate = true;
    check_error(reshift_dataset_open(there, &from, &set, &error), RESHIFT_ERROR_NOT_FOUND,
                "no file holds fog, so there is nothing to verify");
    check_error(reshift_dataset_open("demo", &from, &set, &error), RESHIFT_ERROR_ARGUMENT,
                "'demo': no checksums of its files are published");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rows_and_labels, clean_target),
        cmocka_unit_test_setup(test_thread_count_does_not_matter, clean_target),
        cmocka_unit_test_setup(test_same_images_by_every_route, clean_target),
        cmocka_unit_test_setup(test_existing_files, clean_target),
        cmocka_unit_test_setup(test_many_classes, clean_target),
        cmocka_unit_test_setup(test_progress_and_cancellation, clean_target),
        cmocka_unit_test_setup(test_full_disk, clean_target),
        cmocka_unit_test_setup(test_refusals, clean_target),
        cmocka_unit_test_setup(test_real_set, clean_target),
    };
    return cmocka_run_group_tests_name("corrupt_write", tests, begin, end);
}
