/*
 * Accuracies and differences over rows that contain each image several times: compared with Wilson's interval,
 * published values and exact tests; coverage on simulated images; extreme cases where all images agree; printed values
 * that add up.
 */
#include "check.h"

#include <math.h>

#include "base/random.h"
#include "metrics/by_image.h"

static reshift_error error;

static double uniform(random_stream *stream) { return (double)random_below(stream, 1u << 30) / (double)(1u << 30); }

/* One row per image: Wilson's interval, bit-identical. */
static void test_single_rows_are_wilson(void **state)
{
    (void)state;
    static const int64_t counts[][2] = {{0, 1}, {1, 1}, {0, 60}, {60, 60}, {28, 60}, {1, 300}, {299, 300}};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        uint8_t right[300];
        int64_t images[300];
        for (int64_t i = 0; i < counts[c][1]; i++) {
            right[i] = i < counts[c][0];
            images[i] = 7 * i;
        }
        reshift_accuracy expected = reshift_accuracy_of(counts[c][0], counts[c][1]), found;
        check_ok(reshift_accuracy_by_image(&(reshift_answers){right, images, counts[c][1]}, &found, &error));
        assert_memory_equal(&found, &expected, sizeof found);
        assert_int_equal(found.n_images, found.n);
    }
}

/* Five versions of each image that are all right or all wrong count as one row per image; order does not matter. */
static void test_equal_versions_are_one(void **state)
{
    (void)state;
    uint8_t right[300];
    int64_t images[300];
    for (int i = 0; i < 300; i++) {
        images[i] = i % 60;
        right[i] = images[i] < 28;
    }
    reshift_accuracy found, expected = reshift_accuracy_of(28, 60);
    check_ok(reshift_accuracy_by_image(&(reshift_answers){right, images, 300}, &found, &error));
    assert_int_equal(found.n, 300);
    assert_int_equal(found.n_images, 60);
    assert_int_equal(found.correct, 140);
    assert_true(found.accuracy == expected.accuracy && found.low == expected.low && found.high == expected.high);
    /* uncorrelated versions of an image: at most the number of rows */
    for (int i = 0; i < 300; i++) {
        images[i] = i / 5;
        right[i] = i % 5 < 3; /* every image 3 of 5 */
    }
    expected = reshift_accuracy_of(180, 300);
    check_ok(reshift_accuracy_by_image(&(reshift_answers){right, images, 300}, &found, &error));
    assert_true(fabs(found.low - expected.low) < 1e-12 && fabs(found.high - expected.high) < 1e-12);
}

/* If all images agree, the interval is that of the images, whatever the number of versions. */
static void test_extremes_keep_a_width(void **state)
{
    (void)state;
    static uint8_t right[60 * 95];
    static int64_t images[60 * 95];
    for (int versions = 1; versions <= 95; versions += 47) {
        for (int all = 0; all < 2; all++) {
            for (int n = 1; n <= 60; n += 59) {
                for (int i = 0; i < n * versions; i++) {
                    images[i] = i % n;
                    right[i] = (uint8_t)all;
                }
                reshift_accuracy found, expected = reshift_accuracy_of(all ? n : 0, n);
                check_ok(reshift_accuracy_by_image(&(reshift_answers){right, images, n * versions}, &found, &error));
                assert_true(found.low == expected.low && found.high == expected.high);
                assert_true(found.high - found.low > 0.05);
            }
        }
    }
    /* one version of 300 wrong: not narrower than with none wrong */
    for (int i = 0; i < 300; i++) {
        images[i] = i % 60;
        right[i] = i != 0;
    }
    reshift_accuracy found;
    check_ok(reshift_accuracy_by_image(&(reshift_answers){right, images, 300}, &found, &error));
    assert_true(found.low < 0.95);
    check_ok(reshift_accuracy_by_image(&(reshift_answers){right, images, 0}, &found, &error));
    assert_true(found.n == 0 && isnan(found.accuracy) && isnan(found.low));
}

/*
 * Images with different numbers of rows: the accuracy is that of the rows, the interval that of the linearised ratio.
 */
static void test_uneven_images(void **state)
{
    (void)state;
    uint8_t right[200];
    int64_t images[200];
    int n = 0;
    for (int i = 0; i < 40; i++) {
        for (int v = 0; v < 1 + i % 5; v++) {
            images[n] = i;
            right[n++] = i % 3 != 0;
        }
    }
    reshift_accuracy found;
    check_ok(reshift_accuracy_by_image(&(reshift_answers){right, images, n}, &found, &error));
    assert_int_equal(found.n, n);
    assert_int_equal(found.n_images, 40);
    assert_true(found.accuracy == (double)found.correct / n);
    reshift_accuracy rows = reshift_accuracy_of(found.correct, n),
                     single = reshift_accuracy_of(found.correct * 40 / n, 40);
    assert_true(found.high - found.low > rows.high - rows.low);
    assert_true(found.high - found.low < 1.3 * (single.high - single.low));
}

/*
 * Easy and hard images, five versions of each: 95 % intervals contain the true value in 92 to 98 of 100 cases (2,000
 * cases: one standard error is 0.5), while Wilson's interval of the rows contains it in fewer than 80.
 */
static void test_coverage(void **state)
{
    (void)state;
    enum { CASES = 2000, IMAGES = 60, VERSIONS = 5 };
    int held = 0, held_rows = 0, held_difference = 0;
    /* the second network finds fewer images easy, most of which are also easy for the first */
    const double easy = 0.95, hard = 17.0 / 60, share = 0.7, second = 0.5, mean = 0.75;
    const double difference_mean = (share - second) * (easy - hard);
    for (int k = 0; k < CASES; k++) {
        random_stream stream = random_open(11, "coverage", 0, (uint64_t)k);
        uint8_t right[2][IMAGES * VERSIONS];
        int64_t images[IMAGES * VERSIONS];
        for (int i = 0; i < IMAGES; i++) {
            const double u0 = uniform(&stream), p = u0 < share ? easy : hard, q = u0 < second ? easy : hard;
            for (int v = 0; v < VERSIONS; v++) {
                const int row = i * VERSIONS + v;
                const double u = uniform(&stream);
                images[row] = i;
                right[0][row] = u < p;
                right[1][row] = u < q;
            }
        }
        const reshift_answers a = {right[0], images, IMAGES * VERSIONS}, b = {right[1], images, IMAGES * VERSIONS};
        reshift_accuracy accuracy;
        reshift_difference difference;
        check_ok(reshift_accuracy_by_image(&a, &accuracy, &error));
        check_ok(reshift_difference_by_image(&a, &b, &difference, &error));
        const reshift_accuracy rows = reshift_accuracy_of(accuracy.correct, accuracy.n);
        held += accuracy.low <= mean && mean <= accuracy.high;
        held_rows += rows.low <= mean && mean <= rows.high;
        held_difference += difference.accuracy.low <= difference_mean && difference_mean <= difference.accuracy.high;
    }
    print_message("# coverage of 95 %%: by image %.1f %%, difference %.1f %%, rows as independent %.1f %%\n",
                  100.0 * held / CASES, 100.0 * held_difference / CASES, 100.0 * held_rows / CASES);
    assert_in_range(held, 0.92 * CASES, 0.98 * CASES);
    assert_in_range(held_difference, 0.92 * CASES, 0.98 * CASES);
    assert_true(held_rows < 0.8 * CASES);
}

/*
 * 60 images: 15 right only before, 3 only after. McNemar's p is 0.0075 (scipy.stats.binomtest(3, 18)), the paired
 * interval 6 to 33 points, though the two separate intervals (52.4 to 75.8 and 33.1 to 57.5) overlap.
 */
static void test_significant_despite_overlap(void **state)
{
    (void)state;
    reshift_difference d = reshift_difference_of(3, 15, 60);
    assert_true(d.clear);
    assert_true(fabs(d.accuracy.value + 0.2) < 1e-12);
    assert_true(fabs(d.p - 0.007537841796875) < 1e-12);
    assert_true(fabs(d.accuracy.low + 0.327) < 0.001 && fabs(d.accuracy.high + 0.060) < 0.001);
    /* the same from rows, in another order on each side */
    uint8_t before[60], after[60];
    int64_t images[2][60];
    for (int i = 0; i < 60; i++) {
        images[0][i] = i;
        images[1][59 - i] = i;
        before[i] = i < 15 || (i >= 18 && i < 42);
        after[59 - i] = i >= 15 && i < 42;
    }
    reshift_difference rows;
    check_ok(reshift_difference_by_image(&(reshift_answers){after, images[1], 60},
                                         &(reshift_answers){before, images[0], 60}, &rows, &error));
    assert_memory_equal(&rows, &d, sizeof d);
}

/* No image differs: a change of a few points is still possible. With few images nothing is significant. */
static void test_difference_keeps_a_width(void **state)
{
    (void)state;
    reshift_difference d = reshift_difference_of(0, 0, 60);
    assert_true(d.accuracy.value == 0 && d.accuracy.low < -0.03 && d.accuracy.high > 0.03 && !d.clear && d.p == 1);
    for (int n = 1; n <= 5; n++) { /* McNemar's p of 5 of 5 is 0.0625 */
        d = reshift_difference_of(n, 0, n);
        assert_false(d.clear);
        assert_true(d.accuracy.low <= 1 && d.accuracy.high == 1 && d.accuracy.value == 1);
    }
    assert_true(reshift_difference_of(8, 0, 8).clear);
    /* pooled: a few versions of one image that differ do not increase certainty */
    double some[60] = {0.2};
    reshift_interval pooled = interval_of_differences(some, 1, 60);
    assert_true(pooled.low < -0.04 && pooled.high > 0.04);
    for (int i = 0; i < 60; i++) {
        some[i] = 0.2; /* every image: the precision is limited by the number of images */
    }
    pooled = interval_of_differences(some, 1, 60);
    assert_true(fabs(pooled.low - 0.1553) < 0.001 && fabs(pooled.high - 0.2447) < 0.001);
    pooled = interval_of_differences(some, 1, 1);
    assert_true(pooled.low < 0 && pooled.high == 1);
    /* Student's: scipy.stats.t.ppf(0.975, 9) = 2.262157; values 0, 0.1, ..., 0.9: sd 0.302765 */
    for (int i = 0; i < 10; i++) {
        some[i] = 0.1 * i;
    }
    pooled = interval_of_differences(some, 1, 10);
    assert_true(fabs(pooled.high - pooled.value - fmax(2.262157 * 0.302765 / sqrt(10), 1.96 * sqrt(2) / 12)) < 0.0002);
    const double equal[40] = {0};
    reshift_interval interval = interval_of_differences(equal, 1, 40);
    assert_true(interval.low < -0.04 && interval.high > 0.04);
    assert_true(isnan(reshift_difference_of(0, 0, 0).accuracy.value) && !reshift_difference_of(0, 0, 0).clear);
}

/* The clean version of an image against its five corrupted ones. */
static void test_versions_against_one(void **state)
{
    (void)state;
    uint8_t clean[100], corrupted[500];
    int64_t images[100], versions[500];
    for (int i = 0; i < 100; i++) {
        images[i] = i;
        clean[i] = i < 80;
        for (int v = 0; v < 5; v++) {
            versions[100 * v + i] = i;
            corrupted[100 * v + i] = i < 80 - 10 * v;
        }
    }
    reshift_difference d;
    check_ok(reshift_difference_by_image(&(reshift_answers){corrupted, versions, 500},
                                         &(reshift_answers){clean, images, 100}, &d, &error));
    assert_true(fabs(d.accuracy.value + 0.2) < 1e-12 && d.clear && isnan(d.p));
    assert_int_equal(d.n, 500);
    assert_int_equal(d.n_images, 100);
    /* of different images: Newcombe 1998b, table II (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339 */
    reshift_accuracy a = reshift_accuracy_of(56, 70), b = reshift_accuracy_of(48, 80);
    d = reshift_difference_apart(&a, &b);
    assert_true(fabs(d.accuracy.value - 0.2) < 1e-12);
    assert_true(fabs(d.accuracy.low - 0.0524) < 0.00005 && fabs(d.accuracy.high - 0.3339) < 0.00005);
    assert_true(d.clear && isnan(d.p));
}

/* Printed values are rounded half up from the ratio, and printed differences are those of the printed values. */
static void test_printed_values(void **state)
{
    (void)state;
    assert_true(reshift_percent(0.4825, 1) == 48.3);
    assert_true(reshift_percent(0.55625, 2) == 55.63);
    assert_true(reshift_percent(-0.55625, 2) == -55.63);
    assert_true(reshift_percent(0.47375, 2) == 47.38);
    assert_true(reshift_percent(1, 2) == 100 && reshift_percent(0, 2) == 0);
    assert_false(signbit(reshift_percent(-0.0000001, 2)));
    assert_true(isnan(reshift_percent(NAN, 2)));
    for (int n = 1; n <= 400; n += 3) {
        for (int a = 0; a <= n; a += 7) {
            for (int b = 0; b <= n; b += 5) {
                char before[32], after[32], change[32], sum[32];
                snprintf(before, sizeof before, "%.2f", reshift_percent((double)b / n, 2));
                snprintf(after, sizeof after, "%.2f", reshift_percent((double)a / n, 2));
                snprintf(change, sizeof change, "%.2f", reshift_percent_change((double)b / n, (double)a / n, 2));
                snprintf(sum, sizeof sum, "%.2f", atof(after) - atof(before) + 0.0);
                assert_string_equal(change, sum);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_rows_are_wilson),
        cmocka_unit_test(test_equal_versions_are_one),
        cmocka_unit_test(test_extremes_keep_a_width),
        cmocka_unit_test(test_uneven_images),
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_significant_despite_overlap),
        cmocka_unit_test(test_difference_keeps_a_width),
        cmocka_unit_test(test_versions_against_one),
        cmocka_unit_test(test_printed_values),
    };
    return cmocka_run_group_tests_name("intervals by image", tests, NULL, NULL);
}
