/* Principal components: against scikit-learn's full SVD, both solvers against each other, properties at D = 600,
 * refusals. */
#include "check.h"

#include <math.h>

#include "golden/expected.h"
#include "made_up.h"
#include "reshift/evaluation.h"

/* Two backward-stable solvers differ by about eps sqrt(D) |C| / gap in a component; the smallest gap of these
 * eigenvalues is 2.3 % of the largest, which makes 1e-13; coordinates are then rounded to float32. */
static void check_against_sklearn(int64_t n, int64_t d, const double *components, const double *coordinates,
                                  const double *variance, const double *ratio)
{
    enum { k = 3 };
    reshift_array x = made_up(n, d, 4, 2463534242u);
    reshift_pca_result pca;
    reshift_error error;
    check_ok(reshift_pca(&x, k, &pca, &error));
    const double *found = pca.components.data;
    for (int64_t i = 0; i < k * d; i++) {
        assert_true(fabs(found[i] - components[i]) < 1e-12);
    }
    for (int i = 0; i < k; i++) {
        assert_true(fabs(((double *)pca.variance.data)[i] - variance[i]) < 1e-12 * variance[0]);
        assert_true(fabs(((double *)pca.ratio.data)[i] - ratio[i]) < 1e-12);
    }
    const float *points = pca.coordinates.data;
    for (int64_t i = 0; i < n * k; i++) {
        assert_true(fabs(points[i] - coordinates[i]) <= fabs(coordinates[i]) * 0x1p-23 + 1e-10);
    }
    /* the rows it was found on project to the same coordinates, bit for bit */
    reshift_array again;
    check_ok(reshift_pca_project(&pca, &x, &again, &error));
    assert_memory_equal(again.data, points, reshift_array_bytes(&again));
    reshift_array_destroy(&again);
    reshift_pca_destroy(&pca);
    reshift_array_destroy(&x);
}

static void test_more_rows_than_features(void **state)
{
    (void)state;
    check_against_sklearn(90, 12, tall_components, tall_coordinates, tall_variance, tall_ratio);
}

static void test_fewer_rows_than_features(void **state)
{
    (void)state;
    check_against_sklearn(20, 64, wide_components, wide_coordinates, wide_variance, wide_ratio);
}

/* More rows than one block: components are orthonormal, coordinates are uncorrelated and have the variances, and the
 * components of rows repeated twice are those of the rows. */
static void test_blocks(void **state)
{
    (void)state;
    enum { n = 2500, d = 300, k = 4 };
    reshift_array x = made_up(n, d, 7, 1), twice;
    reshift_error error;
    reshift_pca_result pca, doubled;
    check_ok(reshift_pca(&x, k, &pca, &error));
    const double *c = pca.components.data, *variance = pca.variance.data;
    const float *points = pca.coordinates.data;
    for (int a = 0; a < k; a++) {
        for (int b = 0; b <= a; b++) {
            double product = 0, covariance = 0;
            for (int j = 0; j < d; j++) {
                product += c[a * d + j] * c[b * d + j];
            }
            for (int i = 0; i < n; i++) {
                covariance += (double)points[i * k + a] * points[i * k + b] / (n - 1);
            }
            assert_true(fabs(product - (a == b)) < 1e-12);
            /* coordinates carry float32's rounding, 2^-24 of each factor */
            assert_true(fabs(covariance - (a == b ? variance[a] : 0)) < 0x1p-22 * variance[0]);
        }
        int largest = 0;
        for (int j = 1; j < d; j++) {
            largest = fabs(c[a * d + j]) > fabs(c[a * d + largest]) ? j : largest;
        }
        assert_true(c[a * d + largest] > 0);
        assert_true(a == 0 || variance[a] <= variance[a - 1]);
    }
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){2 * n, d}, &twice, &error));
    memcpy(twice.data, x.data, reshift_array_bytes(&x));
    memcpy((char *)twice.data + reshift_array_bytes(&x), x.data, reshift_array_bytes(&x));
    check_ok(reshift_pca(&twice, 1, &doubled, &error));
    for (int j = 0; j < d; j++) {
        assert_true(fabs(((double *)doubled.components.data)[j] - c[j]) < 1e-10);
    }
    reshift_pca_destroy(&pca);
    reshift_pca_destroy(&doubled);
    reshift_array_destroy(&x);
    reshift_array_destroy(&twice);
}

/* Constant features: no variance, ratio 0, all rows at the origin, still orthonormal axes; on both sides of N = D. */
static void test_constant(void **state)
{
    (void)state;
    reshift_error error;
    for (int64_t n = 4; n <= 12; n += 8) {
        enum { d = 6, k = 3 };
        reshift_array x;
        check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, d}, &x, &error));
        for (int64_t i = 0; i < n * d; i++) {
            ((float *)x.data)[i] = 0.3F + (float)(i % d);
        }
        reshift_pca_result pca;
        check_ok(reshift_pca(&x, k, &pca, &error));
        for (int i = 0; i < k; i++) {
            assert_true(((double *)pca.ratio.data)[i] == 0);
            assert_true(((double *)pca.variance.data)[i] < 1e-28);
            double length = 0;
            for (int j = 0; j < d; j++) {
                length += ((double *)pca.components.data)[i * d + j] * ((double *)pca.components.data)[i * d + j];
            }
            assert_true(fabs(length - 1) < 1e-12);
        }
        for (int64_t i = 0; i < n * k; i++) {
            assert_true(fabsf(((float *)pca.coordinates.data)[i]) < 1e-14F);
        }
        reshift_pca_destroy(&pca);
        reshift_array_destroy(&x);
    }
}

/* All components of fewer rows than features: the last has no variance and is completed to an orthonormal basis. */
static void test_rank(void **state)
{
    (void)state;
    enum { n = 6, d = 40 };
    reshift_array x = made_up(n, d, 3, 9);
    reshift_error error;
    reshift_pca_result pca;
    check_ok(reshift_pca(&x, n, &pca, &error));
    const double *c = pca.components.data;
    for (int a = 0; a < n; a++) {
        for (int b = 0; b <= a; b++) {
            double product = 0;
            for (int j = 0; j < d; j++) {
                product += c[a * d + j] * c[b * d + j];
            }
            assert_true(fabs(product - (a == b)) < 1e-12);
        }
    }
    assert_true(((double *)pca.variance.data)[n - 1] == 0);
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += ((double *)pca.ratio.data)[i];
    }
    assert_true(fabs(sum - 1) < 1e-12);
    reshift_pca_destroy(&pca);
    reshift_array_destroy(&x);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_array x = made_up(30, 8, 3, 5), narrow = made_up(4, 7, 3, 5), none;
    reshift_error error;
    reshift_pca_result pca;
    float *values = x.data;
    values[17 * 8 + 3] = NAN;
    values[21 * 8] = INFINITY;
    check_error(reshift_pca(&x, 2, &pca, &error), RESHIFT_ERROR_NUMERIC, "row 17");
    assert_null(pca.components.data);
    values[17 * 8 + 3] = 0;
    check_error(reshift_pca(&x, 2, &pca, &error), RESHIFT_ERROR_NUMERIC, "row 21");
    values[21 * 8] = 0;
    check_error(reshift_pca(&x, 9, &pca, &error), RESHIFT_ERROR_ARGUMENT, "1 to 8");
    check_error(reshift_pca(&x, 0, &pca, &error), RESHIFT_ERROR_ARGUMENT, "found 0");
    check_ok(reshift_pca(&x, 2, &pca, &error));
    check_error(reshift_pca_project(&pca, &narrow, &none, &error), RESHIFT_ERROR_SHAPE, "8 columns");
    reshift_pca_destroy(&pca);
    x.shape[0] = 1;
    check_error(reshift_pca(&x, 1, &pca, &error), RESHIFT_ERROR_SHAPE, "at least 2 rows");
    x.shape[0] = 30;
    x.dtype = RESHIFT_I32;
    check_error(reshift_pca(&x, 2, &pca, &error), RESHIFT_ERROR_SHAPE, "int32");
    x.dtype = RESHIFT_F32;
    reshift_array_destroy(&x);
    reshift_array_destroy(&narrow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_rows_than_features),
        cmocka_unit_test(test_fewer_rows_than_features),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("pca", tests, NULL, NULL);
}
