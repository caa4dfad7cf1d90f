/*
 * Principal components: against scikit-learn's full SVD, both methods against each other, properties at D = 600,
 * refusals.
 */
#include "check.h"

#include <math.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/error.h"
#include "base/random.h"
#include "analysis/pca_inside.h"
#include "kernels/products_f64.h"
#include "kernels/tiles.h"
#include "metrics/golden/expected.h"
#include "metrics/made_up.h"
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
    check_ok(reshift_pca_fit(&x, k, &pca, &error));
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
    /* the rows of the fit project to the same coordinates, bit-identical */
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

/*
 * More rows than one block: components are orthonormal, coordinates are uncorrelated and have the variances, and
 * duplicating every row gives the same components.
 */
static void test_blocks(void **state)
{
    (void)state;
    enum { n = 2500, d = 300, k = 4 };
    reshift_array x = made_up(n, d, 7, 1), twice;
    reshift_error error;
    reshift_pca_result pca, doubled;
    check_ok(reshift_pca_fit(&x, k, &pca, &error));
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
            /* coordinates have float32's rounding, 2^-24 of each factor */
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
    check_ok(reshift_pca_fit(&twice, 1, &doubled, &error));
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
        check_ok(reshift_pca_fit(&x, k, &pca, &error));
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
    check_ok(reshift_pca_fit(&x, n, &pca, &error));
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

/* ---- block Krylov ---- */

/* Random factors of decreasing strength (by `ratio` each), noise, and means of `offset`. */
static reshift_array factors(int64_t n, int64_t d, int n_factors, double ratio, double noise, double offset)
{
    reshift_array array;
    reshift_error error;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, d}, &array, &error));
    double *axes = malloc((size_t)(n_factors * d) * sizeof *axes);
    random_stream stream = random_open(1, "axes", 0, 0);
    for (int64_t i = 0; i < n_factors * d; i++) {
        axes[i] = random_gaussian(&stream);
    }
    float *x = array.data;
    for (int64_t row = 0; row < n; row++) {
        stream = random_open(1, "row", 0, (uint64_t)row);
        double *points = malloc((size_t)d * sizeof *points), strength = 1;
        for (int64_t j = 0; j < d; j++) {
            points[j] = offset * (1 + 0.01 * (double)(j % 7)) + noise * random_gaussian(&stream);
        }
        for (int f = 0; f < n_factors; f++, strength *= ratio) {
            double weight = strength * random_gaussian(&stream);
            for (int64_t j = 0; j < d; j++) {
                points[j] += weight * axes[f * d + j];
            }
        }
        for (int64_t j = 0; j < d; j++) {
            x[row * d + j] = (float)points[j];
        }
        free(points);
    }
    free(axes);
    return array;
}

typedef struct solution {
    double *mean, *variance, *components, total;
    float *coordinates;
} solution;

static void solution_destroy(solution *s)
{
    free(s->mean);
    free(s->variance);
    free(s->components);
    free(s->coordinates);
}

/* Solves by Krylov (`found`) or exactly (NULL), with one component more than k in the latter case. */
static solution solve(const reshift_array *x, int k, bool tiles, bool *found)
{
    int64_t n = x->shape[0], d = x->shape[1];
    int wide = found ? k : k + 1;
    solution s = {.mean = malloc((size_t)d * sizeof(double)),
                  .variance = malloc((size_t)wide * sizeof(double)),
                  .components = malloc((size_t)(wide * d) * sizeof(double)),
                  .coordinates = malloc((size_t)(wide * n) * sizeof(float))};
    reshift_error error;
    check_ok(pca_statistics(x->data, n, d, s.mean, &s.total, &error));
    const centred_rows rows = {x->data, s.mean, n, d};
    if (found) {
        assert_true(pca_krylov_suits(n, d, k));
        check_ok(pca_krylov(&rows, s.total, k, tiles, s.variance, s.components, s.coordinates, found, &error));
    } else {
        double total;
        check_ok(pca_exact(&rows, wide, s.variance, s.components, &total, &error));
        assert_true(fabs(total - s.total) < 1e-12 * total);
        pca_project(&rows, s.components, wide, s.coordinates);
    }
    return s;
}

/*
 * The residual r = |C v - s v| <= 6e-6 of the largest variance rotates the vector by at most sqrt(2) r divided by the
 * gap to the nearest other eigenvalue (Davis & Kahan), and changes the variance by r^2 divided by the gap; coordinates
 * change by that times the length of a row.
 */
static void check_near(const solution *krylov, const solution *exact, int64_t n, int64_t d, int k)
{
    const double *v = exact->variance, residual = 6e-6 * v[0];
    for (int i = 0; i < k; i++) {
        double gap = v[i] - v[i + 1], off = 0, farthest = 0;
        gap = i > 0 && v[i - 1] - v[i] < gap ? v[i - 1] - v[i] : gap;
        assert_true(fabs(krylov->variance[i] - v[i]) <= residual * residual / gap + 1e-12 * v[0]);
        for (int64_t j = 0; j < d; j++) {
            off += pow(krylov->components[i * d + j] - exact->components[i * d + j], 2);
        }
        assert_true(sqrt(off) <= 1.4143 * residual / gap + 1e-12);
        for (int64_t row = 0; row < n; row++) {
            double here = krylov->coordinates[row * k + i], there = exact->coordinates[row * (k + 1) + i], length = 0;
            for (int c = 0; c <= k; c++) {
                length += pow((double)exact->coordinates[row * (k + 1) + c], 2);
            }
            farthest = fmax(farthest, fabs(here - there) / sqrt(length));
        }
        /* the rows' length is almost that of their first k + 1 coordinates here; twice that is a safe bound */
        assert_true(farthest <= 2 * 1.4143 * residual / gap + 0x1p-23);
        for (int a = 0; a <= i; a++) {
            double product = dot_f64(krylov->components + i * d, krylov->components + a * d, d);
            assert_true(fabs(product - (a == i)) < 1e-12);
        }
    }
}

/*
 * One block of ten, of twenty, of thirty; on AMX if available and the width allows it; a width that is not a multiple
 * of 16, and more features than rows.
 */
static void test_krylov_against_the_covariance(void **state)
{
    (void)state;
    const struct {
        int64_t n, d;
        int k;
    } cases[] = {{2500, 768, 1},  {2500, 768, 2},  {2500, 768, 7}, {1500, 531, 12},
                 {1501, 544, 12}, {1100, 777, 27}, {600, 1030, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n = cases[i].n, d = cases[i].d;
        int k = cases[i].k;
        reshift_array x = factors(n, d, 40, 0.85, 0.05, 3);
        bool found;
        solution exact = solve(&x, k, false, NULL);
        for (int tiles = 0; tiles <= tiles_suit(d); tiles++) {
            solution krylov = solve(&x, k, tiles, &found);
            assert_true(found);
            check_near(&krylov, &exact, n, d, k);
            solution_destroy(&krylov);
        }
        solution_destroy(&exact);
        reshift_array_destroy(&x);
    }
}

/* Every method, at any scale: a power of two changes no digit of axes and ratios. */
static void test_scale_invariance(void **state)
{
    (void)state;
    static const double units[] = {0x1p-83, 0x1p83}; /* 1e-25 and 1e25 */
    const struct {
        int64_t n, d;
        bool krylov;
    } cases[] = {{1300, 544, true}, {700, 40, false}, {40, 90, false}};
    enum { k = 3 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t n = cases[i].n, d = cases[i].d;
        for (int tiles = 0; tiles <= (cases[i].krylov && tiles_suit(d)); tiles++) {
            reshift_array x = factors(n, d, 30, 0.85, 0.05, 3);
            bool found = true, *how = cases[i].krylov ? &found : NULL;
            solution one = solve(&x, k, tiles, how);
            assert_true(found);
            for (int u = 0; u < 2; u++) {
                reshift_array scaled = factors(n, d, 30, 0.85, 0.05, 3);
                for (int64_t j = 0; j < n * d; j++) {
                    ((float *)scaled.data)[j] *= (float)units[u];
                }
                solution other = solve(&scaled, k, tiles, how);
                assert_true(found);
                for (int64_t j = 0; j < k * d; j++) {
                    assert_true(fabs(one.components[j] - other.components[j]) < 1e-9);
                }
                for (int j = 0; j < k; j++) {
                    const double share = one.variance[j] / one.total;
                    assert_true(fabs(share - other.variance[j] / other.total) < 1e-9 * share);
                }
                solution_destroy(&other);
                reshift_array_destroy(&scaled);
            }
            solution_destroy(&one);
            reshift_array_destroy(&x);
        }
    }
}

/* The public function uses this method, and every thread count gives the same bytes; rows project onto themselves. */
static void test_krylov_threads(void **state)
{
    (void)state;
    enum { n = 1300, d = 608, k = 3 };
    reshift_array x = factors(n, d, 30, 0.8, 0.05, 1);
    reshift_error error;
    reshift_pca_result first = {0};
    for (int threads = 1; threads <= 4; threads++) {
#ifdef _OPENMP
        int before = omp_get_max_threads();
        omp_set_num_threads(threads);
#endif
        reshift_pca_result pca;
        check_ok(reshift_pca_fit(&x, k, &pca, &error));
#ifdef _OPENMP
        assert_int_equal(omp_get_max_threads(), threads);
        omp_set_num_threads(before);
#endif
        if (threads == 1) {
            bool found;
            solution krylov = solve(&x, k, tiles_suit(x.shape[1]), &found);
            assert_true(found);
            assert_memory_equal(pca.components.data, krylov.components, sizeof(double) * k * d);
            solution_destroy(&krylov);
            reshift_array again;
            check_ok(reshift_pca_project(&pca, &x, &again, &error));
            assert_memory_equal(again.data, pca.coordinates.data, reshift_array_bytes(&again));
            reshift_array_destroy(&again);
            first = pca;
            continue;
        }
        assert_memory_equal(pca.components.data, first.components.data, reshift_array_bytes(&first.components));
        assert_memory_equal(pca.coordinates.data, first.coordinates.data, reshift_array_bytes(&first.coordinates));
        assert_memory_equal(pca.variance.data, first.variance.data, reshift_array_bytes(&first.variance));
        assert_memory_equal(pca.ratio.data, first.ratio.data, reshift_array_bytes(&first.ratio));
        reshift_pca_destroy(&pca);
    }
    reshift_pca_destroy(&first);
    reshift_array_destroy(&x);
}

/* Pure noise has no gaps: twelve passes are not enough, and the covariance method is used. */
static void test_krylov_falls_back(void **state)
{
    (void)state;
    enum { n = 1200, d = 520, k = 2 };
    reshift_array x = factors(n, d, 0, 1, 1, 0);
    bool found;
    solution krylov = solve(&x, k, tiles_suit(x.shape[1]), &found), exact = solve(&x, k, false, NULL);
    assert_false(found);
    reshift_error error;
    reshift_pca_result pca;
    check_ok(reshift_pca_fit(&x, k, &pca, &error));
    for (int64_t j = 0; j < k * d; j++) {
        assert_true(fabs(((double *)pca.components.data)[j] - exact.components[j]) < 1e-9);
    }
    reshift_pca_destroy(&pca);
    solution_destroy(&krylov);
    solution_destroy(&exact);
    reshift_array_destroy(&x);
}

/* ---- from tiles to float32 kernels to the covariance ---- */

/* The solver's calls, "t" for tiles and "k" for kernels; with tiles it never succeeds here. */
static char asked[8];

static reshift_status kernels_alone(const centred_rows *rows, double total, int k, bool tiles, double *variance,
                                    double *components, float *coordinates, bool *found, reshift_error *error)
{
    strcat(asked, tiles ? "t" : "k");
    if (tiles) { /* a result rejected by its residual */
        for (int64_t j = 0; j < k * rows->d; j++) {
            components[j] = 7;
        }
        variance[0] = coordinates[0] = 7;
        *found = false;
        return RESHIFT_OK;
    }
    return pca_krylov(rows, total, k, false, variance, components, coordinates, found, error);
}

static reshift_status fails(const centred_rows *rows, double total, int k, bool tiles, double *variance,
                            double *components, float *coordinates, bool *found, reshift_error *error)
{
    (void)rows, (void)total, (void)k, (void)variance, (void)components, (void)coordinates;
    strcat(asked, tiles ? "t" : "k");
    *found = false;
    return error_memory(error, 1, "a test");
}

/* pca_find() with this solver: its result has the bytes of `expected`, after the calls in `ways`. */
static void check_way(const reshift_array *x, int k, bool tiles, const char *ways, const solution *expected)
{
    int64_t n = x->shape[0], d = x->shape[1];
    reshift_error error;
    solution s = {.mean = expected->mean,
                  .total = expected->total,
                  .variance = malloc((size_t)k * sizeof(double)),
                  .components = malloc((size_t)(k * d) * sizeof(double)),
                  .coordinates = malloc((size_t)(k * n) * sizeof(float))};
    const centred_rows rows = {x->data, s.mean, n, d};
    asked[0] = '\0';
    check_ok(pca_find(&rows, &s.total, k, tiles, kernels_alone, s.variance, s.components, s.coordinates, &error));
    assert_string_equal(asked, ways);
    assert_memory_equal(s.variance, expected->variance, (size_t)k * sizeof(double));
    assert_memory_equal(s.components, expected->components, (size_t)(k * d) * sizeof(double));
    assert_memory_equal(s.coordinates, expected->coordinates, (size_t)(k * n) * sizeof(float));
    s.mean = NULL;
    solution_destroy(&s);
}

static solution solve_exactly(const reshift_array *x, int k)
{
    solution s = solve(x, k, false, NULL); /* with one component more: the eigensolver is called again for k */
    const centred_rows rows = {x->data, s.mean, x->shape[0], x->shape[1]};
    reshift_error error;
    check_ok(pca_exact(&rows, k, s.variance, s.components, &s.total, &error));
    pca_project(&rows, s.components, k, s.coordinates);
    return s;
}

static void test_fallbacks(void **state)
{
    (void)state;
    enum { n = 1200, d = 544, k = 2 };
    reshift_error error;
    reshift_array clear = factors(n, d, 20, 0.8, 0.05, 1), noise = factors(n, d, 0, 1, 1, 0);
    reshift_array narrow = factors(n, 40, 5, 0.8, 0.05, 1);
    bool found;
    solution by_kernels = solve(&clear, k, false, &found);
    assert_true(found);
    check_way(&clear, k, true, "tk", &by_kernels);
    check_way(&clear, k, false, "k", &by_kernels);
    solution of_noise = solve_exactly(&noise, k), of_narrow = solve_exactly(&narrow, k);
    check_way(&noise, k, true, "tk", &of_noise);
    check_way(&noise, k, false, "k", &of_noise);
    check_way(&narrow, k, true, "", &of_narrow); /* 40 features: the covariance method directly */
    const centred_rows rows = {clear.data, by_kernels.mean, n, d};
    asked[0] = '\0';
    check_error(pca_find(&rows, &by_kernels.total, k, true, fails, by_kernels.variance, by_kernels.components,
                         by_kernels.coordinates, &error),
                RESHIFT_ERROR_MEMORY, "a test");
    assert_string_equal(asked, "t"); /* an error is returned without trying another method */
    solution_destroy(&by_kernels);
    solution_destroy(&of_noise);
    solution_destroy(&of_narrow);
    reshift_array_destroy(&clear);
    reshift_array_destroy(&noise);
    reshift_array_destroy(&narrow);
}

/* Means of 30,000 standard deviations: float32 products lose the signal. Any returned result must be correct. */
static void test_krylov_far_from_the_origin(void **state)
{
    (void)state;
    enum { n = 1200, d = 520, k = 2 };
    reshift_array x = factors(n, d, 10, 0.6, 0.05, 30000);
    reshift_error error;
    reshift_pca_result pca;
    solution exact = solve(&x, k, false, NULL);
    check_ok(reshift_pca_fit(&x, k, &pca, &error));
    for (int i = 0; i < k; i++) {
        double gap = exact.variance[1] - exact.variance[2], off = 0;
        for (int64_t j = 0; j < d; j++) {
            off += pow(((double *)pca.components.data)[i * d + j] - exact.components[i * d + j], 2);
        }
        assert_true(sqrt(off) <= 1.4143 * 6e-6 * exact.variance[0] / gap);
    }
    reshift_pca_destroy(&pca);
    solution_destroy(&exact);
    reshift_array_destroy(&x);
}

/* Only five directions, up to float32's rounding of the features; eight components are requested. */
static void test_krylov_of_low_rank(void **state)
{
    (void)state;
    enum { n = 1100, d = 700, k = 8, rank = 5 };
    reshift_array x = factors(n, d, rank, 0.7, 0, 0);
    reshift_error error;
    reshift_pca_result pca;
    solution exact = solve(&x, k, false, NULL);
    check_ok(reshift_pca_fit(&x, k, &pca, &error));
    const double *variance = pca.variance.data, *components = pca.components.data;
    for (int i = 0; i < k; i++) {
        assert_true(fabs(variance[i] - exact.variance[i]) <= 1e-9 * exact.variance[0]);
        assert_true(i < rank ? variance[i] > 0.01 * variance[0] : variance[i] < 1e-13 * variance[0]);
        for (int a = 0; a <= i; a++) {
            assert_true(fabs(dot_f64(components + i * d, components + a * d, d) - (a == i)) < 1e-12);
        }
    }
    reshift_pca_destroy(&pca);
    solution_destroy(&exact);
    reshift_array_destroy(&x);
}

/* No variance: 0 everywhere, by the covariance; a single row that differs: one axis. */
static void test_krylov_of_constants(void **state)
{
    (void)state;
    enum { n = 700, d = 513, k = 2 };
    reshift_array x;
    reshift_error error;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, d}, &x, &error));
    for (int64_t i = 0; i < n * d; i++) {
        ((float *)x.data)[i] = 0.3F + (float)(i % d);
    }
    reshift_pca_result pca;
    check_ok(reshift_pca_fit(&x, k, &pca, &error));
    assert_true(((double *)pca.variance.data)[0] == 0 && ((double *)pca.ratio.data)[1] == 0);
    for (int64_t i = 0; i < n * k; i++) {
        assert_true(((float *)pca.coordinates.data)[i] == 0);
    }
    reshift_pca_destroy(&pca);
    ((float *)x.data)[5 * d + 100] += 2;
    check_ok(reshift_pca_fit(&x, k, &pca, &error));
    const double *c = pca.components.data;
    assert_true(fabs(c[100] - 1) < 1e-10 && fabs(((double *)pca.ratio.data)[0] - 1) < 1e-10);
    /* 2 in one row of n: 4 (1 - 1/n) / (n - 1) = 4 / n */
    assert_true(fabs(((double *)pca.variance.data)[0] - 4.0 / n) < 1e-9);
    assert_true(fabs(dot_f64(c, c + d, d)) < 1e-12 && fabs(dot_f64(c + d, c + d, d) - 1) < 1e-12);
    reshift_pca_destroy(&pca);
    ((float *)x.data)[699 * d + 512] = NAN;
    check_error(reshift_pca_fit(&x, k, &pca, &error), RESHIFT_ERROR_NUMERIC, "row 699");
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
    check_error(reshift_pca_fit(&x, 2, &pca, &error), RESHIFT_ERROR_NUMERIC, "row 17");
    assert_null(pca.components.data);
    values[17 * 8 + 3] = 0;
    check_error(reshift_pca_fit(&x, 2, &pca, &error), RESHIFT_ERROR_NUMERIC, "row 21");
    values[21 * 8] = 0;
    check_error(reshift_pca_fit(&x, 9, &pca, &error), RESHIFT_ERROR_SHAPE, "1 to 8");
    check_error(reshift_pca_fit(&x, 0, &pca, &error), RESHIFT_ERROR_ARGUMENT, "found 0");
    check_ok(reshift_pca_fit(&x, 2, &pca, &error));
    check_error(reshift_pca_project(&pca, &narrow, &none, &error), RESHIFT_ERROR_SHAPE, "8 columns");
    reshift_pca_destroy(&pca);
    x.shape[0] = 1;
    check_error(reshift_pca_fit(&x, 1, &pca, &error), RESHIFT_ERROR_SHAPE, "at least 2 rows");
    x.shape[0] = 30;
    x.dtype = RESHIFT_I32;
    check_error(reshift_pca_fit(&x, 2, &pca, &error), RESHIFT_ERROR_SHAPE, "int32");
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
        cmocka_unit_test(test_krylov_against_the_covariance),
        cmocka_unit_test(test_scale_invariance),
        cmocka_unit_test(test_krylov_threads),
        cmocka_unit_test(test_krylov_falls_back),
        cmocka_unit_test(test_fallbacks),
        cmocka_unit_test(test_krylov_far_from_the_origin),
        cmocka_unit_test(test_krylov_of_low_rank),
        cmocka_unit_test(test_krylov_of_constants),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("pca", tests, NULL, NULL);
}
