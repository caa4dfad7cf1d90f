/*
 * Separation of classes: silhouettes against scikit-learn, the other measures against values computed by hand; threads;
 * extreme cases.
 */
#include "check.h"
#include "labels.h"

#include <math.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "metrics/golden/expected.h"
#include "metrics/made_up.h"
#include "reshift/evaluation.h"

static reshift_array wrap(float *values, int64_t n, int64_t k)
{
    reshift_array array = {.dtype = RESHIFT_F32, .n_dims = 2, .shape = {n, k}, .data = values};
    return array;
}

static void test_scale_invariance(void **state)
{
    (void)state;
    reshift_separation one, other;
    reshift_error error;
    int labels[90];
    for (int i = 0; i < 90; i++) {
        labels[i] = i % 4;
    }
    reshift_array x = made_up(90, 12, 4, 2463534242u);
    check_ok(reshift_separation_of(&x, LABELS((labels), x.shape[0]), 4, &one, &error));
    static const double units[] = {0x1p-83, 0x1p83};
    for (int u = 0; u < 2; u++) {
        reshift_array scaled = made_up(90, 12, 4, 2463534242u);
        for (int i = 0; i < 90 * 12; i++) {
            ((float *)scaled.data)[i] *= (float)units[u];
        }
        check_ok(reshift_separation_of(&scaled, LABELS((labels), scaled.shape[0]), 4, &other, &error));
        assert_true(fabs(one.silhouette - other.silhouette) < 1e-12 && fabs(one.fisher - other.fisher) < 1e-12);
        assert_true(fabs(one.overlap - other.overlap) < 1e-12);
        assert_true(fabs(one.spread - other.spread / units[u]) < 1e-12 * one.spread);
        assert_int_equal(one.widest, other.widest);
        assert_true(fabs(one.nearest_distance - other.nearest_distance) < 1e-12);
        reshift_array_destroy(&scaled);
    }
    reshift_array_destroy(&x);
}

static void test_silhouette_against_sklearn(void **state)
{
    (void)state;
    reshift_array x = made_up(90, 12, 4, 2463534242u);
    reshift_separation found;
    reshift_error error;
    int labels[90];
    float flat[180];
    for (int i = 0; i < 90; i++) {
        labels[i] = i % 4;
        flat[2 * i] = ((float *)x.data)[i * 12];
        flat[2 * i + 1] = ((float *)x.data)[i * 12 + 3];
    }
    check_ok(reshift_separation_of(&x, LABELS((labels), x.shape[0]), 4, &found, &error));
    /* scikit-learn computes distances from |x|^2 + |y|^2 - 2xy, here of size 1e4 with errors of 1e-12, under a root */
    assert_true(fabs(found.silhouette - silhouette_12) < 1e-10);
    reshift_array plane = wrap(flat, 90, 2);
    check_ok(reshift_separation_of(&plane, LABELS((labels), plane.shape[0]), 4, &found, &error));
    assert_true(fabs(found.silhouette - silhouette_2) < 1e-10);
    labels[7] = 5;
    check_ok(reshift_separation_of(&x, LABELS((labels), x.shape[0]), 6, &found, &error));
    assert_true(fabs(found.silhouette - silhouette_lone) < 1e-10);
    reshift_array_destroy(&x);
}

/*
 * Class 0: (0,0) (2,0), centroid (1,0), square 2, spread 1. Class 2: (1,1) (1,7), centroid (1,4), square 18, spread 3.
 * Class 3: (-20,0) twice, spread 0. Class 1 has no rows. Mean of all rows: (-6, 8/6). The row (1,1) has distance 1 to
 * class 0's centroid and 3 to its own: overlap 1/6.
 */
static void test_values_computed_by_hand(void **state)
{
    (void)state;
    float values[] = {0, 0, 2, 0, 1, 1, 1, 7, -20, 0, -20, 0};
    int labels[] = {0, 0, 2, 2, 3, 3};
    reshift_array x = wrap(values, 6, 2);
    reshift_separation found;
    reshift_error error;
    check_ok(reshift_separation_of(&x, LABELS((labels), x.shape[0]), 4, &found, &error));
    double mean_y = 8.0 / 6;
    double between =
        2 * (49 + mean_y * mean_y) + 2 * (49 + (4 - mean_y) * (4 - mean_y)) + 2 * (14.0 * 14 + mean_y * mean_y);
    assert_true(fabs(found.fisher - between / 20) < 1e-12);
    assert_true(fabs(found.overlap - 1.0 / 6) < 1e-15);
    assert_true(fabs(found.spread - sqrt(20.0 / 6)) < 1e-15);
    assert_int_equal(found.nearest_a, 0);
    assert_int_equal(found.nearest_b, 2);
    assert_true(fabs(found.nearest_distance - 4.0 / 2) < 1e-15);
    assert_int_equal(found.widest, 2);
    assert_true(fabs(found.widest_spread - 3) < 1e-15);
}

/* 12,000 rows in tight clusters far apart: the silhouette of the sample is near 1 and the same in every run and thread
 * count. */
static void test_sample_and_threads(void **state)
{
    (void)state;
    enum { n = 12000 };
    reshift_array x = made_up(n, 2, 5, 77);
    int *labels = malloc(n * sizeof *labels);
    for (int i = 0; i < n; i++) {
        labels[i] = i % 5;
        ((float *)x.data)[2 * i] += (float)(50 * (i % 5));
    }
    reshift_separation found[3];
    reshift_error error;
    for (int run = 0; run < 3; run++) {
#ifdef _OPENMP
        omp_set_num_threads(run + 1);
#endif
        check_ok(reshift_separation_of(&x, LABELS((labels), x.shape[0]), 5, &found[run], &error));
    }
    assert_true(found[0].silhouette > 0.97 && found[0].silhouette < 1);
    assert_true(found[0].overlap == 0);
    for (int run = 1; run < 3; run++) { /* bit-identical, except for padding after the last member */
        assert_memory_equal(&found[0], &found[run], offsetof(reshift_separation, widest) + sizeof found[0].widest);
    }
    free(labels);
    reshift_array_destroy(&x);
}

static void test_extreme_cases(void **state)
{
    (void)state;
    float values[] = {1, 1, 1, 1, 5, 5};
    int one_class[] = {0, 0, 0}, own_class[] = {0, 1, 2}, twins[] = {0, 0, 1}, wrong[] = {0, 3, 1};
    reshift_array x = wrap(values, 3, 2);
    reshift_separation found;
    reshift_error error;
    check_ok(reshift_separation_of(&x, LABELS((one_class), x.shape[0]), 1, &found, &error));
    assert_true(isnan(found.silhouette) && isnan(found.nearest_distance));
    assert_int_equal(found.nearest_a, -1);
    assert_int_equal(found.widest, 0);
    assert_true(isnan(found.overlap) && isnan(found.fisher)); /* no other class */
    assert_int_equal(found.n_classes, 1);
    check_ok(reshift_separation_of(&x, LABELS((own_class), x.shape[0]), 3, &found, &error));
    assert_true(isnan(found.silhouette) && isinf(found.fisher));
    assert_int_equal(found.nearest_b, 1);
    assert_true(found.nearest_distance == 0);
    check_ok(reshift_separation_of(&x, LABELS((twins), x.shape[0]), 2, &found, &error));
    assert_true(isinf(found.nearest_distance) && found.spread == 0);
    assert_int_equal(found.n_classes, 2);
    /* coinciding classes overlap completely: no point is nearer to its own centre */
    float same[] = {1, 1, 1, 1, 1, 1};
    reshift_array flat = wrap(same, 3, 2);
    check_ok(reshift_separation_of(&flat, LABELS((twins), flat.shape[0]), 2, &found, &error));
    assert_true(found.overlap == 1 && isnan(found.fisher));
    check_error(reshift_separation_of(&x, LABELS((wrong), x.shape[0]), 3, &found, &error), RESHIFT_ERROR_SHAPE,
                "label of row 1");
    values[4] = NAN;
    check_error(reshift_separation_of(&x, LABELS((twins), x.shape[0]), 2, &found, &error), RESHIFT_ERROR_NUMERIC,
                "row 2");
    x.shape[0] = 0;
    check_error(reshift_separation_of(&x, LABELS((twins), x.shape[0]), 2, &found, &error), RESHIFT_ERROR_SHAPE,
                "found 0");
}

/*
 * The difference of each measure is the mean of the rows' differences. An unchanged measure has an interval around 0; a
 * change of all images excludes 0; omitted images do not count.
 */
static void test_compare(void **state)
{
    (void)state;
    enum { n = 600 };
    reshift_array x = made_up(n, 2, 1, 5), y = made_up(n, 2, 1, 5), z = made_up(n, 2, 1, 6);
    int labels[n];
    int64_t images[n];
    uint8_t left_out[n];
    for (int i = 0; i < n; i++) {
        labels[i] = i % 3;
        images[i] = i % 120; /* five versions each */
        left_out[i] = images[i] >= 100;
        ((float *)x.data)[2 * i] += 0.2f * (float)(i % 3);
        ((float *)y.data)[2 * i] += 0.6f * (float)(i % 3);
        ((float *)z.data)[2 * i] += 0.2f * (float)(i % 3);
    }
    reshift_separation a, b;
    reshift_separation_change change;
    reshift_error error;
    check_ok(reshift_separation_of(&x, LABELS((labels), x.shape[0]), 3, &a, &error));
    check_ok(reshift_separation_of(&y, LABELS((labels), y.shape[0]), 3, &b, &error));
    check_ok(reshift_separation_compare(&x, &y, LABELS((labels), x.shape[0]), images, NULL, 3, 0, &change, &error));
    assert_int_equal(change.n_images, 120);
    assert_true(fabs(change.overlap.value - (b.overlap - a.overlap)) < 1e-12);
    assert_true(fabs(change.silhouette.value - (b.silhouette - a.silhouette)) < 1e-12);
    assert_true(fabs(change.fisher.value - (b.fisher - a.fisher)) < 1e-9);
    assert_true(change.overlap.high < 0 && change.silhouette.low > 0 && change.fisher.low > 0);
    check_ok(reshift_separation_compare(&x, &z, LABELS((labels), x.shape[0]), images, left_out, 3, 0, &change,
                                        &error)); /* other noise */
    assert_int_equal(change.n_images, 100);
    assert_true(change.overlap.low < 0 && change.overlap.high > 0);
    check_ok(reshift_separation_compare(&x, &x, LABELS((labels), x.shape[0]), images, NULL, 3, 0, &change, &error));
    assert_true(change.overlap.low < 0 && change.overlap.high > 0 && change.silhouette.high == 0);
    reshift_array_destroy(&x);
    reshift_array_destroy(&y);
    reshift_array_destroy(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_scale_invariance),
        cmocka_unit_test(test_silhouette_against_sklearn),
        cmocka_unit_test(test_values_computed_by_hand),
        cmocka_unit_test(test_sample_and_threads),
        cmocka_unit_test(test_extreme_cases),
    };
    return cmocka_run_group_tests_name("separation", tests, NULL, NULL);
}
