/* The loader: batches in order, one ahead and no more, errors at their batch, and closing at any moment. */
#include "temporary.h"

#include <stdatomic.h>

#include "base/error.h"
#include "datasets/dataset.h"
#include "datasets/loader.h"
#include "imaging/preprocess.h"

static reshift_error error;

/* A set that counts reads, may be slow, and fails at one row. Image `row` is one pixel of that value. */
typedef struct probe_set {
    atomic_int reads;
    int64_t fails_at;
    int pause_microseconds;
} probe_set;

static reshift_status probe_read(const void *state, int64_t row, reshift_image *image, reshift_error *e)
{
    probe_set *p = (probe_set *)(uintptr_t)state;
    atomic_fetch_add(&p->reads, 1);
    if (p->pause_microseconds) {
        usleep((useconds_t)p->pause_microseconds);
    }
    if (row == p->fails_at) {
        return error_set(e, RESHIFT_ERROR_IO, "the disk is gone");
    }
    reshift_status status = reshift_image_resize(image, 1, 1, e);
    if (status == RESHIFT_OK) {
        memset(image->pixels, (int)row, 3);
    }
    return status;
}

static void probe_name(const void *state, int64_t row, char *text, size_t size)
{
    (void)state;
    snprintf(text, size, "made-up image %lld", (long long)row);
}

static void probe_destroy(void *state) { (void)state; }

static const dataset_kind probe_kind = {probe_read, probe_name, NULL, probe_destroy, NULL, NULL};

static reshift_dataset *open_probe(probe_set *p, int64_t count)
{
    reshift_dataset *d;
    check_ok(dataset_create(&probe_kind, p, "made up", count, 7, NULL, &d, &error));
    for (int64_t row = 0; row < count; row++) {
        d->rows[row].label = (int32_t)(row % 7);
    }
    d->fixed_size = true;
    d->height = d->width = 1;
    return d;
}

static const loader_options plain = {.batch = 4, .size = 2, .resize = 2, .mean = {0, 0, 0}, .std = {1, 1, 1}};

static void test_batches(void **state)
{
    (void)state;
    probe_set p = {.fails_at = -1};
    reshift_dataset *d = open_probe(&p, 200);
    int64_t rows[11];
    for (int i = 0; i < 11; i++) {
        rows[i] = 199 - 17 * i;
    }
    loader *l;
    const float *images;
    const int *labels;
    int n;
    check_ok(loader_open(d, rows, 11, &plain, &l, &error));
    rows[0] = -99; /* the loader has its own copy */
    int expected_n[4] = {4, 4, 3, 0}, done = 0;
    for (int batch = 0; batch < 4; batch++) {
        check_ok(loader_next(l, &images, &labels, &n, &error));
        assert_int_equal(n, expected_n[batch]);
        for (int i = 0; i < n; i++, done++) {
            int row = 199 - 17 * done;
            assert_int_equal(labels[i], row % 7);
            for (int v = 0; v < 12; v++) {
                assert_true(images[12 * i + v] == (float)row / 255.0f);
            }
        }
    }
    check_ok(loader_next(l, &images, &labels, &n, &error)); /* and stays at the end */
    assert_int_equal(n, 0);
    assert_null(images);
    loader_close(&l);
    assert_null(l);

    check_ok(loader_open(d, NULL, 8, &plain, &l, &error));
    for (int batch = 0; batch < 3; batch++) {
        check_ok(loader_next(l, &images, &labels, &n, &error));
        assert_int_equal(n, batch < 2 ? 4 : 0);
        assert_true(n == 0 || images[0] == (float)(4 * batch) / 255.0f);
    }
    loader_close(&l);
    check_ok(loader_open(d, NULL, 0, &plain, &l, &error));
    check_ok(loader_next(l, &images, &labels, &n, &error));
    assert_int_equal(n, 0);
    loader_close(&l);
    loader_close(&l);
    loader_close(NULL);
    reshift_dataset_close(&d);
}

static void test_unchanged_bytes(void **state)
{
    (void)state;
    probe_set p = {.fails_at = -1};
    reshift_dataset *d = open_probe(&p, 200);
    loader_options as_bytes = plain;
    as_bytes.as_bytes = true;
    as_bytes.size = 8; /* nothing is enlarged */
    loader *l;
    const uint8_t *images;
    const int *labels;
    int n, done = 0;
    check_ok(loader_open(d, NULL, 11, &as_bytes, &l, &error));
    do {
        check_ok(loader_next_bytes(l, &images, &labels, &n, &error));
        for (int i = 0; i < n; i++, done++) {
            assert_int_equal(labels[i], done % 7);
            for (int v = 0; v < 3; v++) {
                assert_int_equal(images[3 * i + v], done);
            }
        }
    } while (n > 0);
    assert_int_equal(done, 11);
    loader_close(&l);
    reshift_dataset_close(&d);
}

static void settle(const probe_set *p, int reads)
{
    for (int i = 0; i < 2000 && atomic_load(&p->reads) < reads; i++) {
        usleep(1000);
    }
    usleep(30000); /* time for the loader to read more than it should */
}

/* A batch is unchanged until the next one is requested, and no more than two are ever read ahead. */
static void test_one_ahead(void **state)
{
    (void)state;
    probe_set p = {.fails_at = -1};
    reshift_dataset *d = open_probe(&p, 100);
    loader *l;
    const float *images;
    const int *labels;
    int n;
    check_ok(loader_open(d, NULL, 100, &plain, &l, &error));
    settle(&p, 8);
    assert_int_equal(atomic_load(&p.reads), 8); /* two buffers of four */
    check_ok(loader_next(l, &images, &labels, &n, &error));
    settle(&p, 8);
    assert_int_equal(atomic_load(&p.reads), 8); /* both in use: one by us, one full */
    for (int i = 0; i < 4; i++) {
        assert_true(images[12 * i] == (float)i / 255.0f);
    }
    check_ok(loader_next(l, &images, &labels, &n, &error));
    settle(&p, 12);
    assert_int_equal(atomic_load(&p.reads), 12);
    assert_true(images[0] == 4.0f / 255.0f);
    loader_close(&l);
    reshift_dataset_close(&d);
}

/* Nothing is lost or mixed up if reading is slower than the caller. */
static void test_slow_source(void **state)
{
    (void)state;
    probe_set p = {.fails_at = -1, .pause_microseconds = 2000};
    reshift_dataset *d = open_probe(&p, 30);
    loader *l;
    const float *images;
    const int *labels;
    int n = 1, served = 0;
    check_ok(loader_open(d, NULL, 30, &plain, &l, &error));
    while (n > 0) {
        check_ok(loader_next(l, &images, &labels, &n, &error));
        for (int i = 0; i < n; i++, served++) {
            assert_true(images[12 * i] == (float)served / 255.0f);
            assert_int_equal(labels[i], served % 7);
        }
    }
    assert_int_equal(served, 30);
    loader_close(&l);
    reshift_dataset_close(&d);
}

/* The batches before the failing row are delivered; then the error with the row's name, repeatedly. */
static void test_error_at_its_batch(void **state)
{
    (void)state;
    probe_set p = {.fails_at = 9};
    reshift_dataset *d = open_probe(&p, 40);
    loader *l;
    const float *images;
    const int *labels;
    int n;
    check_ok(loader_open(d, NULL, 40, &plain, &l, &error));
    settle(&p, 8);
    for (int batch = 0; batch < 2; batch++) {
        check_ok(loader_next(l, &images, &labels, &n, &error));
        assert_int_equal(n, 4);
    }
    for (int again = 0; again < 2; again++) {
        memset(&error, 0, sizeof error);
        check_error(loader_next(l, &images, &labels, &n, &error), RESHIFT_ERROR_IO,
                    "made-up image 9: the disk is gone");
        assert_int_equal(n, 0);
        assert_null(images);
    }
    loader_close(&l);
    reshift_dataset_close(&d);
}

/* Closing while the thread reads, while it waits for a buffer, and before the first batch was requested. */
static void test_close_any_time(void **state)
{
    (void)state;
    for (int wait = 0; wait < 6; wait++) {
        probe_set p = {.fails_at = -1, .pause_microseconds = 3000};
        reshift_dataset *d = open_probe(&p, 200);
        loader_options large = plain;
        large.batch = 200;
        loader *l;
        check_ok(loader_open(d, NULL, 200, wait < 3 ? &large : &plain, &l, &error));
        usleep((useconds_t)(wait * 7000));
        loader_close(&l);
        assert_true(atomic_load(&p.reads) < 200); /* not even the current batch was read to its end */
        reshift_dataset_close(&d);
    }
}

/* Photographs follow the recipe of the weights: shorter side, centre crop. */
static void test_photos(void **state)
{
    (void)state;
    put_png("photos/a/1.png", 60, 90, 250);
    char spec[300];
    snprintf(spec, sizeof spec, "folder:%s", in_temporary("photos"));
    reshift_dataset *d;
    check_ok(reshift_dataset_open(spec, NULL, &d, &error));
    loader_options options = {.batch = 2, .size = 24, .resize = 30, .mean = {.5f, .4f, .3f}, .std = {.2f, .3f, .4f}};
    loader *l;
    const float *images;
    const int *labels;
    int n;
    check_ok(loader_open(d, NULL, 1, &options, &l, &error));
    check_ok(loader_next(l, &images, &labels, &n, &error));
    assert_int_equal(n, 1);
    reshift_image image = {0};
    float expected[24 * 24 * 3];
    check_ok(reshift_dataset_read(d, 0, &image, &error));
    check_ok(preprocess_photo(&image, 30, 24, options.mean, options.std, expected, &error));
    assert_memory_equal(images, expected, sizeof expected);
    reshift_image_destroy(&image);
    loader_close(&l);
    reshift_dataset_close(&d);
}

static void test_refusals(void **state)
{
    (void)state;
    probe_set p = {.fails_at = -1};
    reshift_dataset *d = open_probe(&p, 5);
    loader *l;
    loader_options bad = plain;
    bad.batch = 0;
    check_error(loader_open(d, NULL, 5, &bad, &l, &error), RESHIFT_ERROR_ARGUMENT, "batch 0 of size 2");
    assert_null(l);
    check_error(loader_open(d, NULL, 6, &plain, &l, &error), RESHIFT_ERROR_ARGUMENT, "6 rows to load: expected 0 to 5");
    check_error(loader_open(d, (const int64_t[]){5}, 1, &plain, &l, &error), RESHIFT_ERROR_ARGUMENT,
                "row 5 to load: expected 0 to 4");
    bad = plain;
    bad.size = 1 << 30;
    check_error(loader_open(d, NULL, 5, &bad, &l, &error), RESHIFT_ERROR_MEMORY, "two batches of images");
    assert_null(l);
    reshift_dataset_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_unchanged_bytes),
        cmocka_unit_test(test_one_ahead),
        cmocka_unit_test(test_slow_source),
        cmocka_unit_test(test_error_at_its_batch),
        cmocka_unit_test(test_close_any_time),
        cmocka_unit_test(test_photos),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
