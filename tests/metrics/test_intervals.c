/*
 * Bootstrap intervals against SciPy's and against simple loops; versions of an image resampled together; threads;
 * refusals.
 */
#include "check.h"

#include <math.h>

#include "base/random.h"
#include "metrics/golden/metrics.h"
#include "metrics/made_up_scores.h"
#include "reshift/evaluation.h"
#include "reshift/machine.h"

#define IMAGES 400
#define VERSIONS 5

/* clean, mean over five versions, difference of the two: [IMAGES,3]; versions [IMAGES,VERSIONS] of 0s and 1s */
static void made_up_answers(double *figures, double *versions)
{
    uint32_t word = 77;
    double hard[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
        hard[i] = made_up_word(&word) / 4294967296.0;
    }
    for (int i = 0; i < IMAGES; i++) {
        double clean = hard[i] < 0.9, sum = 0;
        for (int s = 0; s < VERSIONS; s++) {
            versions[i * VERSIONS + s] = hard[i] + 0.1 * s + 0.2 * (made_up_word(&word) / 4294967296.0) < 1.0;
            sum += versions[i * VERSIONS + s];
        }
        figures[i * 3] = clean;
        figures[i * 3 + 1] = sum / VERSIONS;
        figures[i * 3 + 2] = clean - sum / VERSIONS;
    }
}

/*
 * The end of a bootstrap interval is a quantile of B draws: its standard error is sqrt(0.025 * 0.975 / B) divided by
 * the density there, 0.0584 / sd for a mean of many images: 0.0120 sd with our B = 50,000 and 0.0085 sd with SciPy's
 * 100,000. The bound is five standard errors of the difference (0.0147 sd), and a step of the lattice of means of 0s
 * and 1s.
 */
static void test_against_scipy(void **state)
{
    (void)state;
    double figures[IMAGES * 3], versions[IMAGES * VERSIONS];
    made_up_answers(figures, versions);
    reshift_interval found[3];
    reshift_error error;
    check_ok(reshift_bootstrap_means(figures, IMAGES, 3, 50000, 1, found, &error));
    for (int j = 0; j < 3; j++) {
        const double *g = golden_intervals[j];
        double bound = 5 * 0.0147 * g[3] + 1.0 / IMAGES / (j ? VERSIONS : 1);
        assert_true(fabs(found[j].value - g[0]) < 1e-12);
        if (!(fabs(found[j].low - g[1]) <= bound && fabs(found[j].high - g[2]) <= bound)) {
            fail_msg("%d: expected %.5f - %.5f within %.5f, found %.5f - %.5f", j, g[1], g[2], bound, found[j].low,
                     found[j].high);
        }
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/*
 * The definition, step by step, for a small number of resamples: with 41 the quantiles are order statistics 1 and 39.
 */
static void test_definition(void **state)
{
    (void)state;
    double figures[IMAGES * 3], versions[IMAGES * VERSIONS], means[41];
    made_up_answers(figures, versions);
    reshift_interval found[3];
    reshift_error error;
    check_ok(reshift_bootstrap_means(figures, IMAGES, 3, 41, 12, found, &error));
    for (int j = 0; j < 3; j++) {
        for (int r = 0; r < 41; r++) {
            random_stream stream = random_open(12, "bootstrap", 0, (uint64_t)r);
            means[r] = 0;
            for (int i = 0; i < IMAGES; i++) {
                means[r] += figures[random_below(&stream, IMAGES) * 3 + (uint64_t)j] / IMAGES;
            }
        }
        qsort(means, 41, sizeof *means, ascending);
        assert_true(fabs(found[j].low - means[1]) < 1e-12 && fabs(found[j].high - means[39]) < 1e-12);
    }
    check_ok(reshift_bootstrap_means(figures, IMAGES, 3, 2, 12, found, &error)); /* between the two: 2.5 % of the way */
    assert_true(found[0].low <= found[0].high);
}

/* Versions of an image fail together, so an interval that treats them as independent rows is far too narrow. */
static void test_versions_move_together(void **state)
{
    (void)state;
    double figures[IMAGES * 3], versions[IMAGES * VERSIONS];
    made_up_answers(figures, versions);
    reshift_interval by_image[3], by_row;
    reshift_error error;
    check_ok(reshift_bootstrap_means(figures, IMAGES, 3, 2000, 0, by_image, &error));
    check_ok(reshift_bootstrap_means(versions, IMAGES * VERSIONS, 1, 2000, 0, &by_row, &error));
    assert_true(fabs(by_image[1].value - by_row.value) < 1e-12);
    assert_true(by_image[1].high - by_image[1].low > 1.5 * (by_row.high - by_row.low));
    /* and a paired difference is narrower than the two separate intervals */
    double apart = hypot(by_image[0].high - by_image[0].low, by_image[1].high - by_image[1].low);
    assert_true(by_image[2].high - by_image[2].low < 0.9 * apart);
}

static void test_threads(void **state)
{
    (void)state;
    double figures[IMAGES * 3], versions[IMAGES * VERSIONS];
    made_up_answers(figures, versions);
    reshift_interval one[3], three[3], other[3];
    reshift_error error;
    reshift_threads_set(1);
    check_ok(reshift_bootstrap_means(figures, IMAGES, 3, 203, 5, one, &error));
    reshift_threads_set(3);
    check_ok(reshift_bootstrap_means(figures, IMAGES, 3, 203, 5, three, &error));
    assert_memory_equal(one, three, sizeof one);
    check_ok(reshift_bootstrap_means(figures, IMAGES, 3, 203, 6, other, &error));
    assert_memory_not_equal(one, other, sizeof one);
}

static void test_extreme_cases(void **state)
{
    (void)state;
    reshift_interval found;
    reshift_error error;
    check_ok(reshift_bootstrap_means((double[]){0.25}, 1, 1, 100, 0, &found, &error));
    assert_true(found.value == 0.25 && found.low == 0.25 && found.high == 0.25);
    check_ok(reshift_bootstrap_means((double[]){1, 1, 1, 1}, 4, 1, 100, 0, &found, &error));
    assert_true(found.low == 1 && found.high == 1);
    check_error(reshift_bootstrap_means(NULL, 0, 1, 100, 0, &found, &error), RESHIFT_ERROR_ARGUMENT, "found 0, 1");
    check_error(reshift_bootstrap_means((double[]){1}, 1, 1, 1, 0, &found, &error), RESHIFT_ERROR_ARGUMENT, "and 1");
    check_error(reshift_bootstrap_means((double[]){0, 1, NAN, 1}, 2, 2, 9, 0, &found, &error), RESHIFT_ERROR_NUMERIC,
                "image 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_scipy),          cmocka_unit_test(test_definition),
        cmocka_unit_test(test_versions_move_together), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_extreme_cases),
    };
    return cmocka_run_group_tests_name("intervals", tests, NULL, NULL);
}
