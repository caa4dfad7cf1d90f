/*
 * Classifiers of features: softmax regression by L-BFGS against scikit-learn's minimum, neighbours and class means
 * against NumPy and scikit-learn, the choice of a penalty, and what they refuse. golden/make_classifiers.py is the
 * other side.
 */
#include "check.h"

#include <math.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "evaluation/golden/classifiers.h"
#include "learning/made_up.h"
#include "reshift/classifiers.h"

enum { N = 330, TEST = 12, D = 37, K = 12 };
#define L2 0.02

static void make(uint32_t stream, int n, reshift_array *features, reshift_array *labels)
{
    reshift_error error;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, D}, features, &error));
    check_ok(reshift_array_create(RESHIFT_I32, 1, (int64_t[]){n}, labels, &error));
    for (int i = 0; i < n; i++) {
        int32_t label = (int32_t)(made_up_hash(stream, (uint32_t)i) % K);
        ((int32_t *)labels->data)[i] = label;
        for (int d = 0; d < D; d++) {
            float x = made_up_uniform(stream + 1, (uint32_t)(i * D + d)) +
                      made_up_uniform(30, (uint32_t)(label * D + d)) * 0.5f + 1;
            ((float *)features->data)[i * D + d] = x > 0 ? x : 0;
        }
    }
}

typedef struct state {
    reshift_array features, labels, test, test_labels;
} state;

static int begin(void **context)
{
    static state s;
    make(20, N, &s.features, &s.labels);
    make(22, TEST, &s.test, &s.test_labels);
    *context = &s;
    return 0;
}

static int end(void **context)
{
    state *s = *context;
    reshift_array_destroy(&s->features);
    reshift_array_destroy(&s->labels);
    reshift_array_destroy(&s->test);
    reshift_array_destroy(&s->test_labels);
    return 0;
}

/*
 * The penalised loss has a curvature of L2 at least in every weight, so a gradient whose entries are within 1e-5 leaves a weight
 * within 1e-5 / L2 = 5e-4 of the minimum along its own axis; in the loss that is the square of it, and what float32 logits
 * leave. Biases have the mean of theirs to lose, which changes nothing, and more curvature than L2.
 */
static void test_logistic_is_scikit_learns(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_array weight, bias;
    reshift_logistic_fit fit;
    reshift_logistic_options options;
    reshift_logistic_options_default(&options);
    options.l2 = L2;
    check_ok(reshift_logistic_train(&s->features, &s->labels, 0, &options, &weight, &bias, &fit, NULL, &error));
    assert_true(fit.converged);
    assert_true(fit.gradient <= 1e-5);
    assert_true(fit.iterations > 3);
    assert_true(fabs(fit.loss - GOLDEN_LOSS) < 1e-5);
    assert_int_equal(weight.shape[0], K);
    double mean = 0;
    for (int k = 0; k < K; k++) {
        mean += (double)((float *)bias.data)[k] / K;
    }
    for (int i = 0; i < K * D; i++) {
        assert_true(fabs((double)((float *)weight.data)[i] - golden_weight[i]) < 5e-4);
    }
    for (int k = 0; k < K; k++) {
        assert_true(fabs((double)((float *)bias.data)[k] - mean - golden_bias[k]) < 5e-4);
    }
    /* from the minimum there is nothing left to do */
    reshift_array weight2, bias2;
    options.initial_weight = weight.data;
    options.initial_bias = bias.data;
    check_ok(reshift_logistic_train(&s->features, &s->labels, K, &options, &weight2, &bias2, &fit, NULL, &error));
    assert_true(fit.iterations <= 3);
    reshift_array_destroy(&weight2);
    reshift_array_destroy(&bias2);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
}

static void test_thread_count_does_not_matter(void **context)
{
#ifdef _OPENMP
    const state *s = *context;
    reshift_error error;
    reshift_array weight[2], bias[2];
    int threads = omp_get_max_threads();
    for (int i = 0; i < 2; i++) {
        reshift_logistic_fit fit;
        omp_set_num_threads(i + 1);
        check_ok(reshift_logistic_train(&s->features, &s->labels, K, NULL, &weight[i], &bias[i], &fit, NULL, &error));
    }
    omp_set_num_threads(threads);
    assert_memory_equal(weight[0].data, weight[1].data, K * D * sizeof(float));
    assert_memory_equal(bias[0].data, bias[1].data, K * sizeof(float));
    for (int i = 0; i < 2; i++) {
        reshift_array_destroy(&weight[i]);
        reshift_array_destroy(&bias[i]);
    }
#else
    (void)context;
    skip();
#endif
}

static void test_path(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_logistic_point points[RESHIFT_LOGISTIC_POINTS];
    int n, best;
    reshift_logistic_path_options options;
    reshift_logistic_path_options_default(&options);
    options.low = 1e-4;
    options.high = 10;
    options.held_out = 0.2;
    check_ok(reshift_logistic_path(&s->features, &s->labels, K, &options, points, &n, &best, NULL, &error));
    assert_int_equal(n, 11);
    assert_true(fabs(points[0].l2 - 10) < 1e-9 && fabs(points[10].l2 - 1e-4) < 1e-9);
    for (int i = 0; i < n; i++) {
        assert_true(points[i].held_out_loss >= points[best].held_out_loss);
        assert_true(points[i].held_out_accuracy > 0);
        assert_true(i == 0 || points[i].fit.loss < points[i - 1].fit.loss); /* a weaker penalty fits its rows better */
    }
    assert_true(best > 0); /* l2 = 10 knows next to nothing */
}

/* Every row twice, as versions of one image are: held out alone, its twin in training gives it away. */
static void test_groups_are_held_out_whole(void **context)
{
    const state *s = *context;
    enum { FEW = 60 };
    reshift_error error;
    reshift_array features, labels;
    int64_t groups[2 * FEW];
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){2 * FEW, D}, &features, &error));
    check_ok(reshift_array_create(RESHIFT_I32, 1, (int64_t[]){2 * FEW}, &labels, &error));
    for (int i = 0; i < 2 * FEW; i++) {
        groups[i] = i % FEW;
        memcpy((float *)features.data + i * D, (const float *)s->features.data + i % FEW * D, D * sizeof(float));
        ((int32_t *)labels.data)[i] =
            (int32_t)(made_up_hash(77, (uint32_t)(i % FEW)) % K); /* nothing to learn but by heart */
    }
    reshift_logistic_point points[RESHIFT_LOGISTIC_POINTS];
    int n, best;
    reshift_logistic_path_options options;
    reshift_logistic_path_options_default(&options);
    options.low = options.high = 1e-4;
    options.held_out = 0.3;
    check_ok(reshift_logistic_path(&features, &labels, K, &options, points, &n, &best, NULL, &error));
    assert_int_equal(n, 1);
    double alone = points[0].held_out_accuracy;
    options.groups = groups;
    check_ok(reshift_logistic_path(&features, &labels, K, &options, points, &n, &best, NULL, &error));
    assert_true(alone > 0.6);
    assert_true(points[0].held_out_accuracy < 0.3);
    reshift_array_destroy(&features);
    reshift_array_destroy(&labels);
}

/* float32 cosines, each off by some 37 * 6e-8 at most, over a temperature of 0.07: votes off by 3e-5 of themselves. */
static void test_neighbours(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_array scores;
    check_ok(reshift_nearest_neighbours(&s->features, &s->labels, &s->test, 0, 20, 0.07, &scores, NULL, &error));
    assert_int_equal(scores.shape[0], TEST);
    assert_int_equal(scores.shape[1], K);
    for (int i = 0; i < TEST * K; i++) {
        assert_true(fabs((double)((float *)scores.data)[i] - golden_votes[i]) < 3e-5);
    }
    for (int i = 0; i < TEST * K; i++) {
        assert_true(((float *)scores.data)[i] >= 0 && ((float *)scores.data)[i] <= 1);
    }
    reshift_array_destroy(&scores);
    /* one neighbour of a training row is the row itself */
    check_ok(reshift_nearest_neighbours(&s->features, &s->labels, &s->features, K, 1, 0.07, &scores, NULL, &error));
    for (int i = 0; i < N; i++) {
        assert_true(((float *)scores.data)[i * K + ((int32_t *)s->labels.data)[i]] > 0.999f);
    }
    reshift_array_destroy(&scores);
}

static void test_nearest_mean(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_array weight, bias;
    check_ok(reshift_nearest_mean(&s->features, &s->labels, K, &weight, &bias, &error));
    for (int i = 0; i < TEST; i++) {
        double best = -INFINITY;
        int nearest = -1;
        for (int k = 0; k < K; k++) {
            double score = (double)((float *)bias.data)[k];
            for (int d = 0; d < D; d++) {
                score += (double)((float *)weight.data)[k * D + d] * (double)((float *)s->test.data)[i * D + d];
            }
            nearest = score > best ? k : nearest;
            best = fmax(best, score);
        }
        assert_int_equal(nearest, golden_nearest_mean[i]);
    }
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    check_error(reshift_nearest_mean(&s->features, &s->labels, K + 1, &weight, &bias, &error), RESHIFT_ERROR_SHAPE,
                "class 12 has no training row");
}

static void test_refusals(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_array a, b, narrow;
    reshift_logistic_fit fit;
    reshift_logistic_options options;
    reshift_logistic_options_default(&options);
    options.l2 = -1;
    check_error(reshift_logistic_train(&s->features, &s->labels, 0, &options, &a, &b, &fit, NULL, &error),
                RESHIFT_ERROR_ARGUMENT, "expected an l2 of 0 or more, found -1");
    check_error(reshift_logistic_train(&s->features, &s->labels, 5, NULL, &a, &b, &fit, NULL, &error),
                RESHIFT_ERROR_SHAPE, "label");
    reshift_logistic_point points[RESHIFT_LOGISTIC_POINTS];
    int n, best;
    reshift_logistic_path_options path;
    reshift_logistic_path_options_default(&path);
    path.per_decade = 50;
    check_error(reshift_logistic_path(&s->features, &s->labels, 0, &path, points, &n, &best, NULL, &error),
                RESHIFT_ERROR_ARGUMENT, "expected a path of 1 to 128 penalties");
    reshift_logistic_path_options_default(&path);
    int64_t one[N] = {0};
    path.groups = one;
    check_error(reshift_logistic_path(&s->features, &s->labels, 0, &path, points, &n, &best, NULL, &error),
                RESHIFT_ERROR_ARGUMENT, "330 rows in 1 groups cannot be held out");
    check_error(reshift_nearest_neighbours(&s->features, &s->labels, &s->test, 0, N + 1, 0.07, &a, NULL, &error),
                RESHIFT_ERROR_ARGUMENT, "expected 1 to 330 of them, found 331");
    check_error(reshift_nearest_neighbours(&s->features, &s->labels, &s->test, 0, 1, 0, &a, NULL, &error),
                RESHIFT_ERROR_ARGUMENT, "temperature above 0");
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){3, D - 1}, &narrow, &error));
    check_error(reshift_nearest_neighbours(&s->features, &s->labels, &narrow, 0, 1, 1, &a, NULL, &error),
                RESHIFT_ERROR_SHAPE, "expected float32 [N,37] as in training, found float32 [3,36]");
    reshift_array_destroy(&narrow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logistic_is_scikit_learns),
        cmocka_unit_test(test_thread_count_does_not_matter),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_groups_are_held_out_whole),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_nearest_mean),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("classifiers", tests, begin, end);
}
