/*
 * Classifiers of features: softmax regression by L-BFGS against scikit-learn's minimum, neighbours and class means
 * against NumPy and scikit-learn, the choice of a penalty, and what they refuse. golden/make_classifiers.py is the
 * other side.
 */
#include "check.h"
#include "labels.h"

#include <math.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "classifiers/golden/classifiers.h"
#include "training/made_up.h"
#include "reshift/classifiers.h"
#include "reshift/evaluation.h"
#include "reshift/learning.h"

enum { N = 330, TEST = 12, D = 37, K = 12 };
#define L2 0.02
#define WEAK_L2 1e-4

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

/* Weights within `bound` of the golden ones, biases with their mean taken away, which changes nothing. */
static void check_layer(const reshift_array *weight, const reshift_array *bias, const double *golden_w,
                        const double *golden_b, double bound)
{
    double mean = 0;
    for (int k = 0; k < K; k++) {
        mean += (double)((float *)bias->data)[k] / K;
    }
    for (int i = 0; i < K * D; i++) {
        assert_true(fabs((double)((float *)weight->data)[i] - golden_w[i]) < bound);
    }
    for (int k = 0; k < K; k++) {
        assert_true(fabs((double)((float *)bias->data)[k] - mean - golden_b[k]) < bound * 10);
    }
}

/*
 * The search stops where no entry of the gradient, in units of 1 / sqrt(h var + l2) of a weight, is above 1e-7. The
 * penalised loss curves by l2 (h var + l2)^-1 at least there: a weight is within 1e-7 (h var + l2)^(1/2) / l2 of the
 * minimum along its own axis, some 1e-6 at l2 = 0.02 and 3e-4 at 1e-4. A bias moves by D times as much of a mean of 1.
 */
static void test_logistic_is_scikit_learns(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_array weight, bias;
    reshift_logistic_fit fit;
    reshift_logistic_options options;
    reshift_logistic_options_default(&options);
    options.l2 = WEAK_L2;
    check_ok(reshift_logistic_train(&s->features, &s->labels, 0, &options, &weight, &bias, &fit, NULL, &error));
    assert_true(fit.converged);
    assert_true(fabs(fit.loss - GOLDEN_WEAK_LOSS) <
                1e-6); /* l2 |W| |dW|: of first order, as the penalty is not in it */
    check_layer(&weight, &bias, golden_weak_weight, golden_weak_bias, 3e-4);
    check_layer(&weight, &bias, golden_weak_weight, golden_weak_bias,
                GOLDEN_WEAK_DEFAULT); /* scikit-learn's own stop */
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    options.l2 = L2;
    check_ok(reshift_logistic_train(&s->features, &s->labels, 0, &options, &weight, &bias, &fit, NULL, &error));
    assert_true(fit.converged && !fit.at_limit);
    assert_true(fit.gradient <= 1e-7);
    assert_true(fit.iterations > 3);
    assert_true(fabs(fit.loss - GOLDEN_LOSS) < 1e-7);
    assert_int_equal(weight.shape[0], K);
    check_layer(&weight, &bias, golden_weight, golden_bias, 2e-6);
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

/* x a + c: the penalty l2 a^2 leaves the same loss and the weights over a. float32 features keep 24 bits of x a + c. */
static void change(const reshift_array *from, double factor, double offset, reshift_array *to)
{
    reshift_error error;
    check_ok(reshift_array_create(RESHIFT_F32, 2, from->shape, to, &error));
    for (int64_t i = 0; i < reshift_array_count(from); i++) {
        ((float *)to->data)[i] = (float)((double)((float *)from->data)[i] * factor + offset);
    }
}

static void test_unit_and_offset_do_not_matter(void **context)
{
    const state *s = *context;
    static const struct {
        double factor, offset, bound;
    } cases[] = {{1e12, 0, 1e-5}, {1e18, 0, 1e-5}, {1e-25, 0, 1e-5}, {1, 1e4, 2e-3}, {1e-3, -50, 2e-3}};
    reshift_error error;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const double factor = cases[c].factor;
        reshift_array features, weight, bias;
        reshift_logistic_fit fit;
        reshift_logistic_options options;
        reshift_logistic_options_default(&options);
        options.l2 = L2 * factor * factor;
        change(&s->features, factor, cases[c].offset, &features);
        check_ok(reshift_logistic_train(&features, &s->labels, 0, &options, &weight, &bias, &fit, NULL, &error));
        assert_true(fit.converged);
        assert_true(fit.iterations > 3);
        for (int i = 0; i < K * D; i++) {
            assert_true(fabs((double)((float *)weight.data)[i] * factor - golden_weight[i]) < cases[c].bound);
        }
        reshift_array_destroy(&weight);
        reshift_array_destroy(&bias);
        /* too few steps allowed is said */
        options.max_iterations = 2;
        check_ok(reshift_logistic_train(&features, &s->labels, 0, &options, &weight, &bias, &fit, NULL, &error));
        assert_true(!fit.converged && fit.at_limit && fit.iterations == 2);
        reshift_array_destroy(&weight);
        reshift_array_destroy(&bias);
        reshift_array_destroy(&features);
    }
    /* weights that float32 cannot hold */
    reshift_array features, weight, bias;
    reshift_logistic_fit fit;
    change(&s->features, 1e-40, 0, &features);
    check_error(reshift_logistic_train(&features, &s->labels, 0, NULL, &weight, &bias, &fit, NULL, &error),
                RESHIFT_ERROR_NUMERIC, "L-BFGS: the weights overflow float32");
    assert_non_null(strstr(error.hint, "scale the features"));
    reshift_array_destroy(&features);
}

/* Twice the weight of a class is every row of it twice, at N rows. */
static void test_class_weights(void **context)
{
    const state *s = *context;
    reshift_error error;
    double weights[K];
    int64_t rows = 0;
    reshift_array features, labels, weight[2], bias[2];
    reshift_logistic_fit fit;
    reshift_logistic_options options;
    reshift_logistic_options_default(&options);
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){2 * N, D}, &features, &error));
    check_ok(reshift_array_create(RESHIFT_I32, 1, (int64_t[]){2 * N}, &labels, &error));
    for (int k = 0; k < K; k++) {
        weights[k] = k < 3 ? 2 : 1;
    }
    for (int i = 0; i < N; i++) {
        for (int copy = 0; copy < (int)weights[((int32_t *)s->labels.data)[i]]; copy++, rows++) {
            memcpy((float *)features.data + rows * D, (float *)s->features.data + i * D, D * sizeof(float));
            ((int32_t *)labels.data)[rows] = ((int32_t *)s->labels.data)[i];
        }
    }
    features.shape[0] = labels.shape[0] = rows;
    options.l2 = L2 * N / (double)rows;
    check_ok(reshift_logistic_train(&features, &labels, 0, &options, &weight[0], &bias[0], &fit, NULL, &error));
    options.l2 = L2;
    options.class_weights = weights;
    check_ok(reshift_logistic_train(&s->features, &s->labels, 0, &options, &weight[1], &bias[1], &fit, NULL, &error));
    for (int i = 0; i < K * D; i++) {
        assert_true(fabs((double)((float *)weight[0].data)[i] - (double)((float *)weight[1].data)[i]) < 1e-5);
    }
    weights[4] = -1;
    reshift_array a, b;
    check_error(reshift_logistic_train(&s->features, &s->labels, 0, &options, &a, &b, &fit, NULL, &error),
                RESHIFT_ERROR_NUMERIC, "class weight 4: expected 0 or more, found -1");
    for (int i = 0; i < 2; i++) {
        reshift_array_destroy(&weight[i]);
        reshift_array_destroy(&bias[i]);
    }
    reshift_array_destroy(&features);
    reshift_array_destroy(&labels);
}

static char said[512];

static void hear(void *context, reshift_log_level level, const char *text)
{
    (void)context;
    if (level == RESHIFT_LOG_WARNING) {
        snprintf(said, sizeof said, "%s", text);
    }
}

/* Where a penalty or a learning rate is in no proportion to the features, a warning names both; else none. */
static void test_tiny_features_are_named(void **context)
{
    const state *s = *context;
    reshift_error error;
    const reshift_progress progress = {.message = hear};
    for (int tiny = 0; tiny < 2; tiny++) {
        reshift_array features, a, b;
        reshift_logistic_fit fit;
        reshift_logistic_options options;
        reshift_history history;
        reshift_logistic_options_default(&options);
        options.l2 = 0.001;
        change(&s->features, tiny ? 1e-25 : 1, 0, &features);
        said[0] = '\0';
        check_ok(reshift_logistic_train(&features, &s->labels, K, &options, &a, &b, &fit, &progress, &error));
        assert_true(tiny == (strstr(said, "penalty l2 = 0.001 keeps the weights at 0") != NULL));
        assert_true(tiny == (strstr(said, "e-25 (all columns together)") != NULL));
        reshift_array_destroy(&a);
        reshift_array_destroy(&b);
        said[0] = '\0';
        check_ok(reshift_probe_train(&features, &s->labels, NULL, NULL, K, NULL, &a, &b, &history, &progress, &error));
        assert_true(tiny == (strstr(said, "steps of Adam at a learning rate of 0.001 change no logit") != NULL));
        reshift_history_destroy(&history);
        reshift_array_destroy(&a);
        reshift_array_destroy(&b);
        reshift_array_destroy(&features);
    }
}

static void test_degenerate_labels(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_array labels, a, b;
    reshift_logistic_fit fit;
    const reshift_progress progress = {.message = hear};
    check_ok(reshift_array_create(RESHIFT_I32, 1, (int64_t[]){N}, &labels, &error));
    int32_t *label = labels.data;
    for (int i = 0; i < N; i++) {
        label[i] = 3;
    }
    static const char one[] = "training labels: expected at least two classes, found class 3 alone in all 330 rows";
    check_error(reshift_logistic_train(&s->features, &labels, 0, NULL, &a, &b, &fit, NULL, &error), RESHIFT_ERROR_SHAPE,
                one);
    check_error(reshift_nearest_mean_train(&s->features, &labels, 0, &a, &b, &error), RESHIFT_ERROR_SHAPE, one);
    check_error(reshift_nearest_neighbours_score(&s->features, &labels, &s->test, 0, 1, 1, &a, NULL, &error),
                RESHIFT_ERROR_SHAPE, one);
    reshift_history history;
    check_error(reshift_probe_train(&s->features, &labels, NULL, NULL, 0, NULL, &a, &b, &history, NULL, &error),
                RESHIFT_ERROR_SHAPE, one);
    for (int i = 0; i < N; i++) { /* 1..K */
        label[i] = ((int32_t *)s->labels.data)[i] + 1;
    }
    said[0] = '\0';
    check_ok(reshift_logistic_train(&s->features, &labels, 0, NULL, &a, &b, &fit, &progress, &error));
    assert_non_null(strstr(said, "no row of 1 of 13 classes: 0; labels count from 0, these seem to count from 1"));
    reshift_array_destroy(&a);
    reshift_array_destroy(&b);
    label[0] = 40;
    check_ok(reshift_logistic_train(&s->features, &labels, 0, NULL, &a, &b, &fit, &progress, &error));
    assert_non_null(strstr(said, "no row of 28 of 41 classes: 0, 13, 14, 15, 16, 17, 18, 19, 20, 21, ..."));
    reshift_array_destroy(&a);
    reshift_array_destroy(&b);
    for (int i = 0; i < N; i++) { /* one row a class: nothing held out has anything to be learnt from */
        label[i] = i;
    }
    reshift_logistic_point points[RESHIFT_LOGISTIC_POINTS];
    int n, best;
    check_error(reshift_logistic_path(&s->features, &labels, 0, NULL, points, &n, &best, NULL, &error),
                RESHIFT_ERROR_SHAPE, "33 of 33 rows held out to choose l2 are of a class without another row");
    reshift_array_destroy(&labels);
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
    check_ok(reshift_nearest_neighbours_score(&s->features, &s->labels, &s->test, 0, 20, 0.07, &scores, NULL, &error));
    assert_int_equal(scores.shape[0], TEST);
    assert_int_equal(scores.shape[1], K);
    for (int i = 0; i < TEST * K; i++) {
        assert_true(fabs(((double *)scores.data)[i] - golden_votes[i]) < 3e-5);
    }
    for (int i = 0; i < TEST * K; i++) {
        assert_true(((double *)scores.data)[i] >= 0 && ((double *)scores.data)[i] <= 1);
    }
    reshift_array_destroy(&scores);
    /* one neighbour of a training row is the row itself */
    check_ok(
        reshift_nearest_neighbours_score(&s->features, &s->labels, &s->features, K, 1, 0.07, &scores, NULL, &error));
    for (int i = 0; i < N; i++) {
        assert_true(((double *)scores.data)[i * K + ((int32_t *)s->labels.data)[i]] > 0.999);
    }
    reshift_array_destroy(&scores);
}

/* Cosines in float64 of what the classifier reads. */
static double cosine_of(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (int d = 0; d < D; d++) {
        ab += (double)a[d] * (double)b[d];
        aa += (double)a[d] * (double)a[d];
        bb += (double)b[d] * (double)b[d];
    }
    return ab / sqrt(aa) / sqrt(bb);
}

/* Features of any unit and offset: the nearest row is the one with the largest cosine in float64. */
static void test_neighbours_of_any_features(void **context)
{
    const state *s = *context;
    static const double changes[][2] = {{1, 0}, {1e-25, 0}, {1e-38, 0}, {1e20, 0}, {1e30, 0}, {1, 1e4}, {1, -300}};
    reshift_error error;
    for (size_t c = 0; c < sizeof changes / sizeof *changes; c++) {
        reshift_array train, test, scores;
        change(&s->features, changes[c][0], changes[c][1], &train);
        change(&s->test, changes[c][0], changes[c][1], &test);
        check_ok(reshift_nearest_neighbours_score(&train, &s->labels, &test, K, 1, 0.07, &scores, NULL, &error));
        for (int i = 0; i < TEST; i++) {
            int nearest = 0;
            double best = -2, second = -2;
            for (int j = 0; j < N; j++) {
                double cosine = cosine_of((float *)test.data + i * D, (float *)train.data + j * D);
                if (cosine > best) {
                    second = best;
                    best = cosine;
                    nearest = j;
                } else {
                    second = fmax(second, cosine);
                }
            }
            const int label = ((int32_t *)s->labels.data)[nearest];
            assert_true(((double *)scores.data)[i * K + label] == 1 || best - second < 1e-14);
        }
        reshift_array_destroy(&scores);
        /* votes of a small temperature: far below what float32 holds, and not 0 */
        check_ok(reshift_nearest_neighbours_score(&train, &s->labels, &test, K, N, 0.001, &scores, NULL, &error));
        for (int i = 0; i < TEST * K; i++) {
            assert_true(((double *)scores.data)[i] > 0);
        }
        reshift_metrics m;
        check_ok(reshift_metrics_of(&scores, RESHIFT_SCORES_PROBABILITIES,
                                    LABELS((s->test_labels.data), scores.shape[0]), NULL, NULL, &m, &error));
        assert_true(isfinite(m.nll));
        reshift_array_destroy(&scores);
        reshift_array_destroy(&train);
        reshift_array_destroy(&test);
    }
    reshift_array bad, scores;
    change(&s->test, 1, 0, &bad);
    ((float *)bad.data)[5 * D + 2] = NAN;
    check_error(reshift_nearest_neighbours_score(&s->features, &s->labels, &bad, K, 1, 1, &scores, NULL, &error),
                RESHIFT_ERROR_NUMERIC, "test features: row 5 holds a value that is not finite");
    reshift_array_destroy(&bad);
}

/* As the program applies it: float32 scores. */
static void test_nearest_mean_far_from_zero(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_array train, test, weight, bias, scores;
    change(&s->features, 1, 1e4, &train);
    change(&s->test, 1, 1e4, &test);
    check_ok(reshift_nearest_mean_train(&train, &s->labels, K, &weight, &bias, &error));
    check_ok(reshift_linear_scores(&weight, &bias, &test, &scores, &error));
    for (int i = 0; i < TEST; i++) {
        int nearest = 0;
        for (int k = 1; k < K; k++) {
            nearest = ((float *)scores.data)[i * K + k] > ((float *)scores.data)[i * K + nearest] ? k : nearest;
        }
        assert_int_equal(nearest, golden_nearest_mean[i]);
    }
    reshift_array_destroy(&scores);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_array_destroy(&train);
    reshift_array_destroy(&test);
}

/* What NumPy saves by default, and what a pooling layer leaves. */
static void test_feature_files(void **context)
{
    const state *s = *context;
    reshift_error error;
    char path[300];
    snprintf(path, sizeof path, "%s/reshift-features-%ld.npy", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
             (long)getpid());
    reshift_array wide, half, read;
    check_ok(reshift_array_create(RESHIFT_F64, 4, (int64_t[]){N, D, 1, 1}, &wide, &error));
    check_ok(reshift_array_create(RESHIFT_F16, 2, (int64_t[]){2, 2}, &half, &error));
    for (int i = 0; i < N * D; i++) {
        ((double *)wide.data)[i] = (double)((float *)s->features.data)[i];
    }
    check_ok(reshift_array_save_npy(path, &wide, true, &error));
    check_ok(reshift_features_load_npy(path, &read, &error));
    assert_int_equal(read.n_dims, 2);
    assert_int_equal(read.dtype, RESHIFT_F32);
    assert_memory_equal(read.data, s->features.data, N * D * sizeof(float));
    reshift_array_destroy(&read);
    memcpy(half.data, (uint16_t[]){0x3c00, 0xc000, 0x0001, 0x7bff}, 8);
    check_ok(reshift_array_save_npy(path, &half, true, &error));
    check_ok(reshift_features_load_npy(path, &read, &error));
    assert_memory_equal(read.data, ((float[]){1, -2, 0x1p-24f, 65504}), 16);
    reshift_array_destroy(&read);
    ((double *)wide.data)[7 * D + 1] = 1e300;
    check_ok(reshift_array_save_npy(path, &wide, true, &error));
    check_error(reshift_features_load_npy(path, &read, &error), RESHIFT_ERROR_NUMERIC,
                "row 7: 1e+300 is beyond float32");
    check_ok(reshift_array_save_npy(path, &s->labels, true, &error));
    check_error(reshift_features_load_npy(path, &read, &error), RESHIFT_ERROR_SHAPE,
                "features: expected float32 [N,D], found int32 [330]");
    unlink(path);
    reshift_array_destroy(&wide);
    reshift_array_destroy(&half);
}

/* Every method gives the same scores whatever the unit. Powers of two change no digit of the features. */
static void test_scores_in_any_unit(void **context)
{
    const state *s = *context;
    static const double factors[] = {1, 0x1p-83, 0x1p83}; /* 1, 1e-25, 1e25 */
    reshift_error error;
    reshift_array scores[3][3];
    for (int f = 0; f < 3; f++) {
        reshift_array train, test, weight, bias;
        reshift_logistic_fit fit;
        reshift_logistic_options options;
        reshift_logistic_options_default(&options);
        options.l2 = L2 * factors[f] * factors[f];
        change(&s->features, factors[f], 0, &train);
        change(&s->test, factors[f], 0, &test);
        check_ok(reshift_nearest_mean_train(&train, &s->labels, K, &weight, &bias, &error));
        check_ok(reshift_linear_scores(&weight, &bias, &test, &scores[f][0], &error));
        reshift_array_destroy(&weight);
        reshift_array_destroy(&bias);
        check_ok(reshift_logistic_train(&train, &s->labels, K, &options, &weight, &bias, &fit, NULL, &error));
        check_ok(reshift_linear_scores(&weight, &bias, &test, &scores[f][1], &error));
        reshift_array_destroy(&weight);
        reshift_array_destroy(&bias);
        check_ok(reshift_nearest_neighbours_score(&train, &s->labels, &test, K, 20, 0.07, &scores[f][2], NULL, &error));
        reshift_array_destroy(&train);
        reshift_array_destroy(&test);
    }
    for (int method = 0; method < 3; method++) {
        for (int f = 1; f < 3; f++) {
            for (int i = 0; i < TEST * K; i++) {
                const reshift_array *one = &scores[0][method], *other = &scores[f][method];
                const double a = method == 2 ? ((double *)one->data)[i] : (double)((float *)one->data)[i];
                const double b = method == 2 ? ((double *)other->data)[i] : (double)((float *)other->data)[i];
                assert_true(fabs(a - b) < 1e-5);
            }
        }
    }
    for (int i = 0; i < TEST; i++) { /* and they are scores, not zeros */
        const float *row = (float *)scores[1][0].data + i * K;
        for (int k = 0; k < K; k++) {
            assert_true(row[k] <= row[golden_nearest_mean[i]]);
            assert_true(k == golden_nearest_mean[i] || row[k] < row[golden_nearest_mean[i]]);
        }
    }
    for (int f = 0; f < 3; f++) {
        for (int method = 0; method < 3; method++) {
            reshift_array_destroy(&scores[f][method]);
        }
    }
}

/* The factor of the nearest mean's logits is the one that makes the training rows most likely. Every column is there
 * twice: the Gaussian's variance alone would give twice that factor. */
static void test_nearest_mean_fits_its_rows(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_array twice, weight, bias, scores;
    double nll[3] = {0};
    static const double factors[] = {1, 0.98, 1.02};
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){N, 2 * D}, &twice, &error));
    for (int i = 0; i < N * 2 * D; i++) {
        ((float *)twice.data)[i] = ((float *)s->features.data)[i / 2];
    }
    check_ok(reshift_nearest_mean_train(&twice, &s->labels, K, &weight, &bias, &error));
    check_ok(reshift_linear_scores(&weight, &bias, &twice, &scores, &error));
    for (int f = 0; f < 3; f++) {
        for (int i = 0; i < N; i++) {
            const float *row = (float *)scores.data + i * K;
            double sum = 0;
            for (int k = 0; k < K; k++) {
                sum += exp(factors[f] * (double)row[k]);
            }
            nll[f] += log(sum) - factors[f] * (double)row[((int32_t *)s->labels.data)[i]];
        }
    }
    assert_true(nll[0] < nll[1] && nll[0] < nll[2]);
    reshift_array_destroy(&scores);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_array_destroy(&twice);
}

static void test_nearest_mean(void **context)
{
    const state *s = *context;
    reshift_error error;
    reshift_array weight, bias;
    check_ok(reshift_nearest_mean_train(&s->features, &s->labels, K, &weight, &bias, &error));
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
    check_error(reshift_nearest_mean_train(&s->features, &s->labels, K + 1, &weight, &bias, &error),
                RESHIFT_ERROR_SHAPE, "class 12 has no training row");
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
                RESHIFT_ERROR_SHAPE, "330 rows in 1 group cannot be held out");
    check_error(reshift_nearest_neighbours_score(&s->features, &s->labels, &s->test, 0, N + 1, 0.07, &a, NULL, &error),
                RESHIFT_ERROR_SHAPE, "expected 1 to 330 of them, found 331");
    check_error(reshift_nearest_neighbours_score(&s->features, &s->labels, &s->test, 0, 1, 0, &a, NULL, &error),
                RESHIFT_ERROR_ARGUMENT, "temperature above 0");
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){3, D - 1}, &narrow, &error));
    check_error(reshift_nearest_neighbours_score(&s->features, &s->labels, &narrow, 0, 1, 1, &a, NULL, &error),
                RESHIFT_ERROR_SHAPE, "expected float32 [N,37] as in training, found float32 [3,36]");
    reshift_array_destroy(&narrow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logistic_is_scikit_learns),
        cmocka_unit_test(test_unit_and_offset_do_not_matter),
        cmocka_unit_test(test_class_weights),
        cmocka_unit_test(test_degenerate_labels),
        cmocka_unit_test(test_neighbours_of_any_features),
        cmocka_unit_test(test_nearest_mean_far_from_zero),
        cmocka_unit_test(test_feature_files),
        cmocka_unit_test(test_thread_count_does_not_matter),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_groups_are_held_out_whole),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_nearest_mean),
        cmocka_unit_test(test_scores_in_any_unit),
        cmocka_unit_test(test_nearest_mean_fits_its_rows),
        cmocka_unit_test(test_tiny_features_are_named),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("classifiers", tests, begin, end);
}
