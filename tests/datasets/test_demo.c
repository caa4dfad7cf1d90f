/* The embedded demo: balanced, keyed, the same bytes on every machine, and no picture twice. */
#include "check.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#include <math.h>

#include "base/digest.h"
#include "datasets/demo/demo_draw.h"
#include "datasets/demo/demo_shapes.h"
#include "reshift/dataset.h"

enum { PIXELS = 32 * 32 * 3 };

static reshift_error error;

static reshift_dataset *open_set(const char *spec, const char *split, int64_t limit, uint64_t seed)
{
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.split = split;
    options.limit = limit;
    options.seed = seed;
    check_ok(reshift_dataset_open(spec, &options, &d, &error));
    return d;
}

static void test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *split;
        int64_t count;
        const char *first_class, *last_class;
    } sets[] = {{"demo", "train", 4000, "circle", "waves"},
                {"demo", "test", 2000, "circle", "waves"},
                {"demo-source", "train", 8000, "hexagon", "blobs"},
                {"demo-source", "test", 2000, "hexagon", "blobs"}};
    for (int i = 0; i < 4; i++) {
        reshift_dataset *d = open_set(sets[i].spec, sets[i].split, 0, 0);
        int counts[10] = {0}, height, width;
        assert_int_equal(reshift_dataset_count(d), sets[i].count);
        assert_int_equal(reshift_dataset_n_classes(d), 10);
        assert_string_equal(reshift_dataset_kind(d), sets[i].spec);
        assert_string_equal(reshift_dataset_class_name(d, 0), sets[i].first_class);
        assert_string_equal(reshift_dataset_class_name(d, 9), sets[i].last_class);
        assert_true(reshift_dataset_fixed_size(d, &height, &width) && height == 32 && width == 32);
        assert_false(reshift_dataset_from_file(d));
        for (int64_t row = 0; row < sets[i].count; row++) {
            counts[reshift_dataset_label(d, row)]++;
            if (row % 10 == 9) { /* balanced at every tenth picture, so for a limit too */
                for (int k = 0; k < 10; k++) {
                    assert_int_equal(counts[k], (row + 1) / 10);
                }
            }
        }
        reshift_dataset_close(&d);
    }
    for (int a = 0; a < 10; a++) { /* the target's classes are not the source's */
        for (int b = 0; b < 10; b++) {
            assert_string_not_equal(demo_class_names[DEMO_TARGET][a], demo_class_names[DEMO_SOURCE][b]);
        }
    }
}

static void hash_set(const char *spec, const char *split, uint64_t seed, char hex[DIGEST_HEX_BYTES])
{
    reshift_dataset *d = open_set(spec, split, 500, seed);
    reshift_image image = {0};
    digest *sum = digest_create(DIGEST_SHA256);
    for (int64_t row = 0; row < 500; row++) {
        uint8_t label = (uint8_t)reshift_dataset_label(d, row);
        check_ok(reshift_dataset_read(d, row, &image, &error));
        digest_add(sum, &label, 1);
        digest_add(sum, image.pixels, PIXELS);
    }
    digest_finish(sum, hex);
    digest_destroy(&sum);
    reshift_image_destroy(&image);
    reshift_dataset_close(&d);
}

/* Recorded once: gcc and clang agree, at every optimisation level and with fused multiply-add available. */
static void test_same_bytes_everywhere(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *split, *sha256;
        uint64_t seed;
    } sets[] = {
        {"demo", "train", "07d9fb2757b2c1a942c9801d1655141fc5e034cb273dc1ee8d4822f4045f003a", 0},
        {"demo", "test", "5e2ce414429747d8b85cf26f6d400740625c62cc99ec95b05513481ff0b23ddf", 0},
        {"demo-source", "train", "444a3386fb2e2da8e5a2a4f06d9a91a9d2bbbb2867d489b20b065ed4cb813660", 0},
        {"demo", "test", "89a51485118f86cea10f849b63a51ca92b31156e2b5da744c8ffb87fa76f33b0", 1},
    };
    char hex[DIGEST_HEX_BYTES];
    for (int i = 0; i < 4; i++) {
        hash_set(sets[i].spec, sets[i].split, sets[i].seed, hex);
        assert_string_equal(hex, sets[i].sha256);
    }
#ifdef _OPENMP
    int threads = omp_get_max_threads();
    omp_set_num_threads(threads == 3 ? 2 : 3);
    hash_set("demo", "test", 0, hex);
    assert_string_equal(hex, sets[1].sha256);
    omp_set_num_threads(threads);
#endif
}

/* A limit gives the first pictures of the whole set. */
static void test_limit(void **state)
{
    (void)state;
    reshift_dataset *whole = open_set("demo", "test", 0, 7), *part = open_set("demo", "test", 33, 7);
    reshift_image a = {0}, b = {0};
    assert_int_equal(reshift_dataset_count(part), 33);
    for (int64_t row = 0; row < 33; row++) {
        assert_int_equal(reshift_dataset_label(part, row), reshift_dataset_label(whole, row));
        check_ok(reshift_dataset_read(part, row, &a, &error));
        check_ok(reshift_dataset_read(whole, row, &b, &error));
        assert_memory_equal(a.pixels, b.pixels, PIXELS);
    }
    reshift_image_destroy(&a);
    reshift_image_destroy(&b);
    reshift_dataset_close(&whole);
    reshift_dataset_close(&part);
}

static int compare_hashes(const void *a, const void *b) { return strcmp(a, b); }

/* No test picture occurs in the training set, and none occurs twice. */
static void test_no_picture_twice(void **state)
{
    (void)state;
    enum { N = 6000 };
    static char hashes[N][DIGEST_HEX_BYTES];
    int n = 0;
    reshift_image image = {0};
    for (int split = 0; split < 2; split++) {
        reshift_dataset *d = open_set("demo", split ? "train" : "test", 0, 0);
        for (int64_t row = 0; row < reshift_dataset_count(d); row++) {
            check_ok(reshift_dataset_read(d, row, &image, &error));
            digest_bytes(DIGEST_MD5, image.pixels, PIXELS, hashes[n++]);
        }
        reshift_dataset_close(&d);
    }
    assert_int_equal(n, N);
    qsort(hashes, N, sizeof *hashes, compare_hashes);
    for (int i = 1; i < N; i++) {
        assert_string_not_equal(hashes[i], hashes[i - 1]);
    }
    reshift_image_destroy(&image);
}

/* Every picture has visible contrast: its pixels vary less than black on white and more than the noise. */
static void test_contrast(void **state)
{
    (void)state;
    for (int set = DEMO_TARGET; set <= DEMO_SOURCE; set++) {
        for (int64_t index = 0; index < 400; index++) {
            uint8_t rgb[PIXELS];
            demo_draw((demo_set)set, 0, 1, index, (int)(index % 10), rgb);
            double sum = 0, squares = 0;
            for (int i = 1; i < PIXELS; i += 3) {
                sum += rgb[i];
                squares += (double)rgb[i] * rgb[i];
            }
            double mean = sum / 1024, spread = sqrt(squares / 1024 - mean * mean);
            assert_true(spread > 4 && spread < 100 && mean > 5 && mean < 250);
        }
    }
}

static void test_trigonometry(void **state)
{
    (void)state;
    for (int i = -3000; i <= 3000; i++) {
        double turns = i / 1000.0, angle = 6.283185307179586 * turns;
        assert_true(fabs(turn_sin(turns) - sin(angle)) < 1e-7);
        assert_true(fabs(turn_cos(turns) - cos(angle)) < 1e-7);
        double back = turn_angle(3 * cos(angle), 3 * sin(angle)), expected = turns - floor(turns);
        double off = fabs(back - expected);
        assert_true(off < 1e-4 || fabs(off - 1) < 1e-4);
    }
}

/* The distances of shapes with known distances. */
static void test_distances(void **state)
{
    (void)state;
    shape_pose p = {.shape = SHAPE_DISC, .radius = 5, .width = 2};
    assert_true(fabs(shape_distance(&p, 3, 4) - 0) < 1e-12 && fabs(shape_distance(&p, 0, 0) + 5) < 1e-12);
    p.shape = SHAPE_RING; /* from 3 to 5 */
    assert_true(fabs(shape_distance(&p, 4, 0) + 1) < 1e-12 && fabs(shape_distance(&p, 0, 1) - 2) < 1e-12);
    p.shape = SHAPE_TRIANGLE; /* one side is on the line y = -0.58 r or its mirror image */
    assert_true(shape_distance(&p, 0, 0) < 0 && shape_distance(&p, 0, 6) > 0 && shape_distance(&p, 6, 0) > 0);
    p.shape = SHAPE_STAR; /* a tip at the top, a notch between two tips */
    assert_true(shape_distance(&p, 0, 5.6) < 0 && shape_distance(&p, 0, -5.6) > 0);
    assert_true(fabs(shape_distance(&p, 0, 7) - 1.25) < 1e-9); /* the tip is at 1.15 r */
    p.shape = SHAPE_CROSS;
    assert_true(shape_distance(&p, 4.5, 0) < 0 && shape_distance(&p, 3, 3) > 0);
    assert_true(fabs(coverage(0) - 0.5) < 1e-12 && coverage(1) == 0 && coverage(-1) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),    cmocka_unit_test(test_same_bytes_everywhere),
        cmocka_unit_test(test_limit),     cmocka_unit_test(test_no_picture_twice),
        cmocka_unit_test(test_contrast),  cmocka_unit_test(test_trigonometry),
        cmocka_unit_test(test_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
