/* Likelihood, Brier score, calibration and confusion against scikit-learn, SciPy and NumPy; refusals; threads. */
#include "check.h"
#include "labels.h"

#include <math.h>

#include "metrics/golden/metrics.h"
#include "metrics/made_up_scores.h"
#include "reshift/evaluation.h"
#include "reshift/machine.h"

/* A mean of n float64 terms, each right to some units in the last place, and n <= 500 additions: below 1e-13 relative
 * to the largest partial sum; the terms are all of one sign. */
#define NEAR 1e-12

static void assert_near(double found, double expected)
{
    if (!(fabs(found - expected) <= NEAR * (1 + fabs(expected)))) {
        fail_msg("expected %.17g, found %.17g", expected, found);
    }
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof golden / sizeof *golden; g++) {
        int n = golden[g].n, k = golden[g].k, labels[512], predictions[512], plain[512];
        reshift_array scores = made_up_scores(n, k, golden[g].seed, golden[g].scale, golden[g].help, labels);
        int64_t *confusion = calloc((size_t)k * (size_t)k, sizeof *confusion);
        assert_non_null(confusion);
        reshift_metrics m;
        reshift_error error;
        check_ok(reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), predictions,
                                    confusion, &m, &error));
        check_ok(reshift_predictions(&scores, plain, &error));
        assert_memory_equal(predictions, plain, (size_t)n * sizeof *plain);
        assert_int_equal(m.accuracy.n, n);
        assert_int_equal(m.accuracy.correct, golden[g].correct);
        assert_near(m.nll, golden[g].nll);
        assert_near(m.brier, golden[g].brier);
        assert_near(m.ece, golden[g].ece);
        uint64_t check = 0;
        for (int a = 0; a < k; a++) {
            for (int b = 0; b < k; b++) {
                check += (uint64_t)confusion[a * k + b] * (uint64_t)(7 * a + b + 1) * (uint64_t)(7 * a + b + 1);
            }
        }
        assert_true(check == golden[g].confusion);
        free(confusion);
        reshift_array_destroy(&scores);
    }
}

/* Float32 probabilities have a relative error of 2^-24, and so have the means; for -ln it is the absolute error. */
static void test_probabilities(void **state)
{
    (void)state;
    int labels[500];
    reshift_array scores = made_up_scores(500, 10, 1, 4, 2, labels);
    float *z = scores.data;
    for (int i = 0; i < 500; i++) {
        double sum = 0;
        for (int k = 0; k < 10; k++) {
            sum += exp((double)z[i * 10 + k]);
        }
        for (int k = 0; k < 10; k++) {
            z[i * 10 + k] = (float)(exp((double)z[i * 10 + k]) / sum);
        }
    }
    reshift_metrics m;
    reshift_error error;
    check_ok(reshift_metrics_of(&scores, RESHIFT_SCORES_PROBABILITIES, LABELS((labels), scores.shape[0]), NULL, NULL,
                                &m, &error));
    assert_int_equal(m.accuracy.correct, golden[0].correct);
    assert_true(fabs(m.nll - golden[0].nll) < 1.2e-7 && fabs(m.brier - golden[0].brier) < 4 * 1.2e-7);
    assert_true(fabs(m.ece - golden[0].ece) < 1.2e-7);

    float sure[] = {1, 0, /**/ 0, 1};
    reshift_array two = {.dtype = RESHIFT_F32, .n_dims = 2, .shape = {2, 2}, .data = sure};
    check_ok(reshift_metrics_of(&two, RESHIFT_SCORES_PROBABILITIES, LABELS(((int[]){0, 1}), two.shape[0]), NULL, NULL,
                                &m, &error));
    assert_true(m.nll == 0 && !signbit(m.nll) && m.brier == 0 && m.ece == 0);
    check_ok(reshift_metrics_of(&two, RESHIFT_SCORES_PROBABILITIES, LABELS(((int[]){1, 1}), two.shape[0]), NULL, NULL,
                                &m, &error));
    assert_true(isinf(m.nll) && m.brier == 1 && m.ece == 0.5);
    sure[0] = 0.9f;
    check_error(reshift_metrics_of(&two, RESHIFT_SCORES_PROBABILITIES, LABELS(((int[]){0, 1}), two.shape[0]), NULL,
                                   NULL, &m, &error),
                RESHIFT_ERROR_NUMERIC, "row 0: expected values from 0 to 1 that sum to 1");
    sure[0] = 1, sure[2] = -0.5f, sure[3] = 1.5f;
    check_error(reshift_metrics_of(&two, RESHIFT_SCORES_PROBABILITIES, LABELS(((int[]){0, 1}), two.shape[0]), NULL,
                                   NULL, &m, &error),
                RESHIFT_ERROR_NUMERIC, "row 1");
    reshift_array_destroy(&scores);
}

/* A bin includes its upper bound but not its lower one. */
static void test_bins(void **state)
{
    (void)state;
    float p[] = {0.25f, 0.75f, /**/ 0.75f, 0.25f, /**/ 0.5f, 0.5f};
    reshift_array scores = {.dtype = RESHIFT_F32, .n_dims = 2, .shape = {3, 2}, .data = p};
    reshift_metrics m;
    reshift_error error;
    /* two rows in the bin of 0.75, one of them right: |1/2 - 3/4| 2/3; one of 0.5, right: |1 - 1/2| 1/3 */
    check_ok(reshift_metrics_of(&scores, RESHIFT_SCORES_PROBABILITIES, LABELS(((int[]){1, 1, 0}), scores.shape[0]),
                                NULL, NULL, &m, &error));
    assert_near(m.ece, 0.25 * 2 / 3 + 0.5 / 3);
    /* uniform over fifteen classes: the confidence is the first bin's upper bound */
    float uniform[30];
    for (int k = 0; k < 15; k++) {
        uniform[k] = 0;                 /* 1/15, as a logit */
        uniform[15 + k] = k ? -200 : 0; /* 1 */
    }
    reshift_array fifteen = {.dtype = RESHIFT_F32, .n_dims = 2, .shape = {2, 15}, .data = uniform};
    check_ok(reshift_metrics_of(&fifteen, RESHIFT_SCORES_LOGITS, LABELS(((int[]){3, 0}), fifteen.shape[0]), NULL, NULL,
                                &m, &error));
    assert_near(m.ece, 1.0 / 15 / 2);
}

static void test_refusals(void **state)
{
    (void)state;
    float z[] = {0, 1, /**/ 1, 0};
    reshift_array scores = {.dtype = RESHIFT_F32, .n_dims = 2, .shape = {2, 2}, .data = z};
    int labels[] = {0, 1};
    reshift_metrics m;
    reshift_error error;
    z[2] = NAN;
    check_error(
        reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), NULL, NULL, &m, &error),
        RESHIFT_ERROR_NUMERIC, "row 1");
    z[2] = INFINITY;
    check_error(
        reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), NULL, NULL, &m, &error),
        RESHIFT_ERROR_NUMERIC, "row 1");
    z[2] = -INFINITY;
    check_ok(
        reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), NULL, NULL, &m, &error));
    z[3] = -INFINITY;
    check_error(
        reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), NULL, NULL, &m, &error),
        RESHIFT_ERROR_NUMERIC, "row 1");
    z[3] = 0;
    const int64_t wide[] = {0, 1, 5000000000};
    reshift_array of_any_type = {.dtype = RESHIFT_I64, .n_dims = 2, .shape = {2, 1}, .data = (void *)(uintptr_t)wide};
    check_ok(reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, &of_any_type, NULL, NULL, &m, &error));
    assert_true(m.accuracy.correct == 1);
    of_any_type.shape[0] = 3;
    check_error(reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, &of_any_type, NULL, NULL, &m, &error),
                RESHIFT_ERROR_SHAPE, "labels: expected integers [2]");
    of_any_type.data = (void *)(uintptr_t)(wide + 1);
    of_any_type.shape[0] = 2;
    check_error(reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, &of_any_type, NULL, NULL, &m, &error),
                RESHIFT_ERROR_FORMAT, "row 1: expected a label");
    labels[1] = 2;
    check_error(
        reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), NULL, NULL, &m, &error),
        RESHIFT_ERROR_SHAPE, "label of row 1: expected 0 to 1, found 2");
    assert_true(isnan(m.nll) && isnan(m.accuracy.accuracy));
    scores.shape[0] = 0;
    check_ok(
        reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), NULL, NULL, &m, &error));
    assert_true(m.accuracy.n == 0 && isnan(m.ece));
    scores.n_dims = 1;
    check_error(
        reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), NULL, NULL, &m, &error),
        RESHIFT_ERROR_SHAPE, "1 dimensions");
}

static void test_threads(void **state)
{
    (void)state;
    int labels[500];
    reshift_array scores = made_up_scores(500, 10, 9, 4, 2, labels);
    reshift_metrics one, three;
    reshift_error error;
    reshift_threads_set(1);
    check_ok(reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), NULL, NULL, &one,
                                &error));
    reshift_threads_set(3);
    check_ok(reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, LABELS((labels), scores.shape[0]), NULL, NULL, &three,
                                &error));
    assert_memory_equal(&one, &three, sizeof one);
    reshift_array_destroy(&scores);
}

/* Of class 0 two of three rows are right, of class 2 none of one, of class 5 one of one: (2/3 + 0 + 1) / 3. */
static void test_by_class(void **state)
{
    (void)state;
    reshift_error error;
    reshift_array scores;
    reshift_class_metrics m;
    enum { ROWS = 5, CLASSES = 6 };
    static const int labels[ROWS] = {0, 0, 0, 2, 5};
    static const float values[ROWS][CLASSES] = {{6, 5, 4, 3, 2, 1},
                                                {6, 6, 4, 3, 2, 1}, /* ties: the first class wins */
                                                {1, 2, 3, 4, 5, 6}, /* the label is the sixth */
                                                {6, 5, 2, 4, 3, 2}, /* the fifth, ahead of the equal class 5 */
                                                {1, 2, 3, 4, 5, 6}};
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){ROWS, CLASSES}, &scores, &error));
    memcpy(scores.data, values, sizeof values);
    check_ok(reshift_class_metrics_of(&scores, LABELS((labels), scores.shape[0]), &m, &error));
    assert_true(fabs(m.balanced - (2.0 / 3 + 0 + 1) / 3) < 1e-15);
    assert_true(m.top5 == 0.8);
    scores.shape[0] = 3;
    scores.shape[1] = 4;
    check_ok(reshift_class_metrics_of(&scores, LABELS((labels), scores.shape[0]), &m, &error));
    assert_true(isnan(m.top5));
    check_error(reshift_class_metrics_of(&scores, LABELS(((int[]){0, 4, 0}), scores.shape[0]), &m, &error),
                RESHIFT_ERROR_SHAPE, "label of row 1: expected 0 to 3, found 4");
    scores.shape[0] = ROWS;
    scores.shape[1] = CLASSES;
    reshift_array_destroy(&scores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_class), cmocka_unit_test(test_golden),   cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_bins),     cmocka_unit_test(test_refusals), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
