/*
 * What is computed from finished cells: means and their intervals against a plain second computation, mCE of a network
 * that errs as AlexNet does, what is left when seen images go, McNemar's test against SciPy, samples by class.
 */
#include "check.h"

#include <math.h>

#include "robustness/draw.h"
#include "metrics/figures.h"
#include "reshift/corruption.h"
#include "reshift/robustness.h"

enum { N = 2000, K = 10, CELLS = 1 + 19 * 5 };

static reshift_error error;

/* First N wrong answers, then N right ones: a cell with k errors begins k before the middle. */
static row_figures ramp[2 * N];
static int labels[N];
static int64_t images[N];
static uint8_t seen[N];
static reshift_cell cells[CELLS];

static void make_ramp(void)
{
    for (int i = 0; i < 2 * N; i++) {
        ramp[i] = (row_figures){.prediction = i < N ? 1 : 0,
                                .nll = i < N ? 2 : 0.5,
                                .brier = 0.25,
                                .confidence = 0.6,
                                .rank = i < N ? 1 + i % 9 : 0};
    }
    for (int i = 0; i < N; i++) {
        images[i] = i;
        seen[i] = i % 4 == 0;
    }
}

static void fill_cell(reshift_cell *cell, const reshift_corruption *corruption, int severity, int64_t errors)
{
    *cell = (reshift_cell){.corruption = corruption, .severity = severity};
    cell->rows = (reshift_array){
        .dtype = RESHIFT_F64, .n_dims = 2, .shape = {N, ROW_FIGURES}, .data = ramp + N - errors, .read_only = true};
    cell->all = figures_metrics(cell->rows.data, labels, NULL, N);
    cell->unseen = figures_metrics(cell->rows.data, labels, seen, N);
}

/* A table of the first n corruptions at severities 1 to 5 with these errors each (a share of all rows), and clean ones.
 */
static reshift_robustness make_table(const double *share, int n, double clean)
{
    int count;
    const reshift_corruption *known = reshift_corruption_table(&count);
    reshift_robustness t = {.n_classes = K,
                            .n_images = N,
                            .n_available = N,
                            .images = images,
                            .labels = labels,
                            .seen = seen,
                            .n_seen = N / 4,
                            .training_known = true,
                            .n_corruptions = n,
                            .has_clean = true,
                            .severity_first = 1,
                            .severity_last = 5,
                            .cells = cells,
                            .n_cells = 1 + 5 * n};
    make_ramp();
    fill_cell(&cells[0], NULL, 0, llround(clean * N));
    for (int c = 0; c < n; c++) {
        int64_t total = llround(share[c] * N * 5), given = 0;
        t.corruptions[c] = &known[c];
        for (int s = 1; s <= 5; s++) {
            int64_t errors = total * s / 5 - given;
            given += errors;
            fill_cell(&cells[1 + 5 * c + s - 1], &known[c], s, errors);
        }
    }
    return t;
}

static void stored_as_jpeg(reshift_robustness *t, int quality)
{
    for (int i = 0; i < t->n_cells; i++) {
        t->cells[i].prepared.jpeg = t->cells[i].corruption ? quality : 0;
    }
}

/* AlexNet's errors have six digits, ours are whole rows of 10,000: each is off by at most half a row. */
static void test_alexnet_is_one(void **state)
{
    (void)state;
    reshift_baseline alexnet;
    reshift_robust_summary s;
    double share[15], bound = 0, clean_bound = 0;
    check_ok(reshift_baseline_find("alexnet", &alexnet, &error));
    assert_true(alexnet.clean_error == 0.435);
    for (int c = 0; c < 15; c++) {
        share[c] = alexnet.error[c][0];
        bound += 0.5e-4 / share[c] / 15;
        clean_bound += 0.5e-4 / (share[c] - 0.435) / 15;
    }
    reshift_robustness t = make_table(share, 15, 0.435);
    check_ok(reshift_robustness_summarise(&t, false, &alexnet, &s, &error)); /* images that were never JPEGs */
    assert_int_equal(s.leaderboard.n_corruptions, 15);
    assert_true(isnan(s.leaderboard.relative.value) && isnan(s.relative_mce.value));
    stored_as_jpeg(&t, 85);
    check_ok(reshift_robustness_summarise(&t, false, &alexnet, &s, &error));
    assert_true(fabs(s.leaderboard.relative.value - 1) <= bound);
    assert_true(fabs(s.relative_mce.value - 1) <= clean_bound);
    assert_true(isnan(s.all.relative.value) && isnan(s.clean.lost.value));
    assert_true(s.leaderboard.relative.low < 1 && s.leaderboard.relative.high > 1);

    share[3] = 0.3; /* one corruption mended: its error over AlexNet's, a fifteenth of the mean */
    t = make_table(share, 15, 0.435);
    stored_as_jpeg(&t, 85);
    check_ok(reshift_robustness_summarise(&t, false, &alexnet, &s, &error));
    double expected = (14 + 0.3 / alexnet.error[3][0]) / 15;
    assert_true(fabs(s.leaderboard.relative.value - expected) <= bound);
    assert_true(fabs(s.corruption[3].relative.value - 0.3 / alexnet.error[3][0]) < 1e-12);

    alexnet.error[5][0] = NAN; /* not known: that corruption has no figure, and neither has the mean */
    check_ok(reshift_robustness_summarise(&t, false, &alexnet, &s, &error));
    assert_true(isnan(s.corruption[5].relative.value) && isnan(s.leaderboard.relative.value));
    assert_true(isnan(s.relative_mce.value) && !isnan(s.corruption[4].relative.value));

    t.cells[1].prepared.jpeg = 0; /* one corruption that was not stored so */
    check_ok(reshift_robustness_summarise(&t, false, &alexnet, &s, &error));
    assert_true(isnan(s.corruption[0].relative.value) && !isnan(s.corruption[4].relative.value));
}

static double right(const reshift_robustness *t, int c, int64_t i)
{
    double sum = 0;
    for (int s = 0; s < 5; s++) {
        sum += ((const row_figures *)t->cells[1 + 5 * c + s].rows.data)[i].prediction == t->labels[i];
    }
    return sum / 5;
}

/* The bootstrap by image, another method: ends within a tenth of its half-width (of 2,000 resamples an end is known to
 * about a fifteenth). */
static void assert_interval(reshift_interval found, reshift_interval expected)
{
    const double near = 0.1 * (expected.high - expected.low) / 2;
    assert_true(fabs(found.value - expected.value) < 1e-12 && fabs(found.low - expected.low) < near &&
                fabs(found.high - expected.high) < near);
}

/* 19 corruptions: the means over 15 and 19, and what was lost, against the bootstrap by image, all and unseen. */
static void test_means(void **state)
{
    (void)state;
    double share[19];
    for (int c = 0; c < 19; c++) {
        share[c] = 0.1 + 0.04 * c;
    }
    reshift_robustness t = make_table(share, 19, 0.05);
    for (int unseen = 0; unseen < 2; unseen++) {
        static double values[N * 3];
        int64_t n = 0;
        reshift_robust_summary s;
        reshift_interval expected[3];
        for (int64_t i = 0; i < N; i++) {
            if (unseen && seen[i]) {
                continue;
            }
            double *v = values + 3 * n++;
            v[0] = v[1] = 0;
            for (int c = 0; c < 19; c++) {
                v[0] += right(&t, c, i) / 19;
                v[1] += c < 15 ? right(&t, c, i) / 15 : 0;
            }
            v[2] = (((const row_figures *)cells[0].rows.data)[i].prediction == 0) - v[0];
        }
        check_ok(reshift_bootstrap_means(values, n, 3, RESHIFT_BOOTSTRAP_RESAMPLES, 7, expected, &error));
        check_ok(reshift_robustness_summarise(&t, unseen, NULL, &s, &error));
        assert_int_equal(s.n_images, n);
        assert_interval(s.all.accuracy, expected[0]);
        assert_interval(s.leaderboard.accuracy, expected[1]);
        assert_interval(s.all.lost, expected[2]);
        assert_int_equal(s.all.n_corruptions, 19);
        /* of one cell: Wilson's interval */
        assert_true(s.clean.accuracy.low == (unseen ? cells[0].unseen : cells[0].all).accuracy.low);
    }
    for (int i = 0; i < N; i++) {
        seen[i] = 1;
    }
    t.n_seen = N;
    reshift_robust_summary s;
    check_error(reshift_robustness_summarise(&t, true, NULL, &s, &error), RESHIFT_ERROR_SHAPE, "every image");
}

static void test_comparison(void **state)
{
    (void)state;
    static reshift_cell others[CELLS];
    double share[3] = {0.2, 0.3, 0.4}, better[3] = {0.1, 0.3, 0.35};
    reshift_robustness a = make_table(better, 3, 0.1), b;
    memcpy(others, cells, sizeof others);
    a.cells = others;
    b = make_table(share, 3, 0.1);
    reshift_comparison d;
    check_ok(reshift_robustness_compare(&a, &b, false, &d, &error));
    assert_true(fabs(d.corruption[0].accuracy.value - 0.1) < 1e-12);
    /* no image differs: nothing is clear, and the interval keeps a width */
    assert_true(d.corruption[1].accuracy.value == 0 && d.corruption[1].accuracy.low < 0);
    assert_true(d.corruption[0].clear && !d.corruption[1].clear);
    assert_true(fabs(d.all.accuracy.value - (0.1 + 0.05) / 3) < 1e-12);
    assert_true(d.all.accuracy.low > 0 && d.all.accuracy.low < d.all.accuracy.value);
    assert_int_equal(d.leaderboard.n, 0);
    assert_int_equal(d.cells[0].only_a, 0);
    assert_true(d.cells[0].p == 1 && isnan(d.all.p));
    /* severity 1 of the first: errors 200 and 400 of 2,000, nested */
    assert_int_equal(d.cells[1].only_a, 200);
    assert_int_equal(d.cells[1].only_b, 0);
    assert_int_equal(d.cells[1].n, N);
    reshift_comparison_destroy(&d);
    check_ok(reshift_robustness_compare(&a, &b, true, &d, &error));
    assert_int_equal(d.cells[1].n, N - N / 4);
    assert_int_equal(d.cells[1].only_a, 150);
    reshift_comparison_destroy(&d);
    b.severity_last = 4;
    check_error(reshift_robustness_compare(&a, &b, false, &d, &error), RESHIFT_ERROR_SHAPE, "the same images");
}

/* Nothing right, or everything: a mean over many cells is no surer than one cell. */
static void test_ends(void **state)
{
    (void)state;
    double share[15];
    for (int all = 0; all < 2; all++) {
        for (int c = 0; c < 15; c++) {
            share[c] = all; /* of errors */
        }
        reshift_robustness t = make_table(share, 15, all);
        reshift_robust_summary s;
        check_ok(reshift_robustness_summarise(&t, false, NULL, &s, &error));
        const reshift_accuracy cell = reshift_accuracy_of(all ? 0 : N, N);
        const reshift_interval *const means[] = {&s.clean.accuracy, &s.corruption[3].accuracy, &s.leaderboard.accuracy,
                                                 &s.all.accuracy};
        for (int i = 0; i < 4; i++) {
            assert_true(fabs(means[i]->low - cell.low) < 1e-9 && fabs(means[i]->high - cell.high) < 1e-9);
        }
        assert_true(fabs(s.all.lost.value) < 1e-12 && s.all.lost.low < 0 && s.all.lost.high > 0);
    }
}

/* scipy.stats.binomtest (SciPy 1.10): 100 of 240, 3 of 13, 900 of 1900 */
static void test_mcnemar(void **state)
{
    (void)state;
    assert_true(reshift_mcnemar_test(0, 0) == 1 && reshift_mcnemar_test(5, 5) == 1);
    assert_true(fabs(reshift_mcnemar_test(10, 3) - 0.09228515625) < 1e-12);
    assert_true(fabs(reshift_mcnemar_test(0, 6) - 0.03125) < 1e-12);
    assert_true(fabs(reshift_mcnemar_test(100, 140) - 0.01166409231767769) < 1e-10);
    assert_true(fabs(reshift_mcnemar_test(1000, 900) - 0.0231088451089012) < 1e-9);
}

static void test_draw(void **state)
{
    (void)state;
    static int some[1000];
    static int64_t drawn[1000], again[1000];
    int of_class[5] = {0};
    for (int i = 0; i < 1000; i++) { /* 600, 300, 90, 10, 0 */
        some[i] = i % 10 < 6 ? 0 : i % 10 < 9 ? 1 : i % 100 == 9 ? 3 : 2;
    }
    check_ok(draw_by_class(some, 1000, 5, 100, 3, drawn, &error));
    check_ok(draw_by_class(some, 1000, 5, 100, 3, again, &error));
    assert_memory_equal(drawn, again, 100 * sizeof *drawn);
    for (int i = 0; i < 100; i++) {
        assert_true(i == 0 || drawn[i] > drawn[i - 1]);
        of_class[some[drawn[i]]]++;
    }
    assert_true(of_class[0] == 60 && of_class[1] == 30 && of_class[2] == 9 && of_class[3] == 1 && of_class[4] == 0);
    check_ok(draw_by_class(some, 1000, 5, 100, 4, again, &error));
    assert_true(memcmp(drawn, again, 100 * sizeof *drawn) != 0);
    check_ok(draw_by_class(some, 1000, 5, 4, 3, drawn, &error)); /* one each, whatever their shares */
    assert_true(some[drawn[0]] + some[drawn[1]] + some[drawn[2]] + some[drawn[3]] == 0 + 1 + 2 + 3);
    check_ok(draw_by_class(some, 1000, 5, 1000, 3, drawn, &error));
    assert_true(drawn[0] == 0 && drawn[999] == 999);
    check_error(draw_by_class(some, 1000, 5, 3, 3, drawn, &error), RESHIFT_ERROR_SHAPE, "each of 4 classes");
    check_error(draw_by_class(some, 1000, 5, 1001, 3, drawn, &error), RESHIFT_ERROR_SHAPE, "at most all 1000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alexnet_is_one), cmocka_unit_test(test_means), cmocka_unit_test(test_comparison),
        cmocka_unit_test(test_mcnemar),        cmocka_unit_test(test_ends),  cmocka_unit_test(test_draw),
    };
    return cmocka_run_group_tests_name("robustness", tests, NULL, NULL);
}
