/*
 * The nearest training rows, by cosine: products of tiles of rows (BLAS), tile after tile, so that no more than a tile
 * of cosines is ever in memory. Class means are class_means.c's.
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"
#include "base/progress.h"
#include "classifiers/sample.h"
#include "datasets/classes.h"
#include "kernels/softmax.h"
#include "reshift/classifiers.h"

enum { TILE = 512, TRAIN_TILE = 4096 }; /* 8 MiB of cosines */

typedef struct neighbour {
    double cosine;
    int label;
    int64_t row;
} neighbour;

/* Whether a is farther than b: a smaller cosine, of equal ones the later row. */
static bool farther(const neighbour *a, const neighbour *b)
{
    return a->cosine < b->cosine || (!(a->cosine > b->cosine) && a->row > b->row);
}

/* A heap with the farthest of the nearest on top. */
static void sink(neighbour *heap, int n, int at)
{
    for (;;) {
        int child = 2 * at + 1;
        if (child >= n) {
            return;
        }
        child += child + 1 < n && farther(&heap[child + 1], &heap[child]);
        if (!farther(&heap[child], &heap[at])) {
            return;
        }
        neighbour swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

static void meet(neighbour *heap, int *n, int k, neighbour candidate)
{
    if (*n == k) {
        if (farther(&heap[0], &candidate)) {
            heap[0] = candidate;
            sink(heap, k, 0);
        }
        return;
    }
    heap[(*n)++] = candidate;
    if (*n == k) {
        for (int i = k / 2 - 1; i >= 0; i--) {
            sink(heap, k, i);
        }
    }
}

static int nearest_first(const void *a, const void *b)
{
    const neighbour *x = a, *y = b;
    return farther(x, y) ? 1 : farther(y, x) ? -1 : 0;
}

/*
 * Cosines of rows far from 0 differ in their last digits only, and products of very small or large features leave
 * float32. So rows are scaled to unit vectors u in float64, and split into their mean m over the training rows and what
 * is left, which is small where it matters: u v = m m + m d_u + m d_v + d_u d_v. The first three are float64, the last
 * is a product of float32 matrices.
 */
typedef struct units {
    double *scale;  /* [n] 1 / |row|; 0 for a row of zeros, whose cosines are 0 */
    double *shared; /* [n] m d */
} units;

static bool units_create(const sample *s, units *u)
{
    u->scale = memory_allocate((size_t)s->n * sizeof *u->scale);
    u->shared = memory_allocate((size_t)s->n * sizeof *u->shared);
    return u->scale && u->shared;
}

static void units_destroy(units *u)
{
    memory_free(u->scale);
    memory_free(u->shared);
}

static void find_scales(const sample *s, units *u)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < s->n; i++) {
        const float *row = s->features + i * s->n_features;
        double square = 0;
        for (int64_t d = 0; d < s->n_features; d++) {
            square += (double)row[d] * (double)row[d]; /* at most 1e77, at least 1e-90: float64 holds both */
        }
        u->scale[i] = square > 0 ? 1 / sqrt(square) : 0;
    }
}

static void find_mean(const sample *s, const units *u, double *mean)
{
    enum { COLUMNS = 64 };
#pragma omp parallel for schedule(static)
    for (int64_t first = 0; first < s->n_features; first += COLUMNS) {
        const int64_t last = first + COLUMNS < s->n_features ? first + COLUMNS : s->n_features;
        for (int64_t d = first; d < last; d++) {
            mean[d] = 0;
        }
        for (int64_t i = 0; i < s->n; i++) {
            for (int64_t d = first; d < last; d++) {
                mean[d] += (double)s->features[i * s->n_features + d] * u->scale[i];
            }
        }
        for (int64_t d = first; d < last; d++) {
            mean[d] /= (double)s->n;
        }
    }
}

static void find_shared(const sample *s, const double *mean, units *u)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < s->n; i++) {
        const float *row = s->features + i * s->n_features;
        double sum = 0;
        for (int64_t d = 0; d < s->n_features; d++) {
            sum += mean[d] * ((double)row[d] * u->scale[i] - mean[d]);
        }
        u->shared[i] = sum;
    }
}

typedef struct search {
    const sample *train, *test;
    units of_train, of_test;
    double *mean, mean_square;               /* [D] m, and m m */
    float *train_rows, *test_rows, *cosines; /* [TRAIN_TILE][D] and [TILE][D] d; [TILE][TRAIN_TILE] d_u d_v */
    neighbour *heaps;                        /* [TILE][k] */
    int counts[TILE];
    int k, n_classes;
    double temperature;
} search;

/* What is left of `rows` unit vectors after their mean. */
static void subtract_mean(const search *s, const sample *from, const units *u, int64_t first, int rows, float *to)
{
    const int64_t D = s->train->n_features;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < rows; i++) {
        const float *row = from->features + (first + i) * D;
        for (int64_t d = 0; d < D; d++) {
            to[i * D + d] = (float)((double)row[d] * u->scale[first + i] - s->mean[d]);
        }
    }
}

static void look(search *s, int64_t test_first, int rows, int64_t train_first, int columns)
{
    const int D = (int)s->train->n_features;
    subtract_mean(s, s->train, &s->of_train, train_first, columns, s->train_rows);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, columns, D, 1, s->test_rows, D, s->train_rows, D, 0,
                s->cosines, TRAIN_TILE);
#pragma omp parallel for schedule(static)
    for (int i = 0; i < rows; i++) {
        const float *row = s->cosines + (int64_t)i * TRAIN_TILE;
        const double own = s->mean_square + s->of_test.shared[test_first + i];
        const bool zero = s->of_test.scale[test_first + i] == 0;
        for (int j = 0; j < columns; j++) {
            double cosine = own + s->of_train.shared[train_first + j] + (double)row[j];
            cosine = zero || s->of_train.scale[train_first + j] == 0 ? 0 : cosine;
            const neighbour candidate = {cosine, s->train->labels[train_first + j], train_first + j};
            meet(s->heaps + (int64_t)i * s->k, &s->counts[i], s->k, candidate);
        }
    }
}

static void vote(const search *s, int64_t test_first, int rows, double *scores)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < rows; i++) {
        neighbour *heap = s->heaps + (int64_t)i * s->k;
        double *to = scores + (test_first + i) * s->n_classes;
        qsort(heap, (size_t)s->k, sizeof *heap, nearest_first);
        double total = 0;
        for (int pass = 0; pass < 2; pass++) { /* the total first, so that shares need no memory of their own */
            for (int j = 0; j < s->k; j++) {
                double share = softmax_weight(heap[j].cosine, heap[0].cosine, s->temperature);
                if (pass == 0) {
                    total += share;
                } else {
                    const double sum = to[heap[j].label] + share / total;
                    to[heap[j].label] = fmin(sum, 1); /* all of them may add up to a rounding more */
                }
            }
        }
    }
}

static reshift_status run(search *s, double *scores, const reshift_progress *progress, reshift_error *error)
{
    for (int64_t first = 0; first < s->test->n; first += TILE) {
        reshift_status status = progress_check(progress, error);
        if (status != RESHIFT_OK) {
            return status;
        }
        int rows = s->test->n - first < TILE ? (int)(s->test->n - first) : TILE;
        memset(s->counts, 0, sizeof s->counts);
        subtract_mean(s, s->test, &s->of_test, first, rows, s->test_rows);
        for (int64_t from = 0; from < s->train->n; from += TRAIN_TILE) {
            int columns = s->train->n - from < TRAIN_TILE ? (int)(s->train->n - from) : TRAIN_TILE;
            look(s, first, rows, from, columns);
        }
        vote(s, first, rows, scores);
        progress_update(progress, "neighbours", first + rows, s->test->n, "rows");
    }
    return RESHIFT_OK;
}

static reshift_status check_sizes(const search *s, const reshift_array *features, reshift_error *error)
{
    if (features->dtype != RESHIFT_F32 || features->n_dims != 2 || features->shape[0] < 1 ||
        features->shape[1] != s->train->n_features) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "features: expected float32 [N,%lld] as in training, found %s [%lld,%lld]",
                         (long long)s->train->n_features, reshift_dtype_name(features->dtype),
                         (long long)features->shape[0], features->n_dims > 1 ? (long long)features->shape[1] : 0);
    }
    if (s->train->n_features > INT32_MAX) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "features: %lld columns are too many",
                         (long long)s->train->n_features);
    }
    if (s->k < 1 || s->k > s->train->n) {
        return error_set(error, s->k < 1 ? RESHIFT_ERROR_ARGUMENT : RESHIFT_ERROR_SHAPE,
                         "neighbours: expected 1 to %lld of them, found %d", (long long)s->train->n, s->k);
    }
    if (!(s->temperature > 0) || !isfinite(s->temperature)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "neighbours: expected a temperature above 0, found %g",
                         s->temperature);
    }
    return RESHIFT_OK;
}

/* All memory, the training rows' mean, and what every row shares with it. */
static reshift_status prepare(search *s, reshift_error *error)
{
    const size_t D = (size_t)s->train->n_features;
    const int64_t bad = finite_first_bad(s->test->features, s->test->n, s->test->n_features);
    if (bad < s->test->n) {
        return error_set(error, RESHIFT_ERROR_NUMERIC, "test features: row %lld holds a value that is not finite",
                         (long long)bad);
    }
    const size_t train_rows = s->train->n < TRAIN_TILE ? (size_t)s->train->n : TRAIN_TILE;
    const size_t test_rows = s->test->n < TILE ? (size_t)s->test->n : TILE;
    s->mean = memory_allocate(D * sizeof *s->mean);
    s->train_rows = memory_allocate(train_rows * D * sizeof *s->train_rows);
    s->test_rows = memory_allocate(test_rows * D * sizeof *s->test_rows);
    s->cosines = memory_allocate((size_t)TILE * TRAIN_TILE * sizeof *s->cosines);
    s->heaps = memory_allocate((size_t)TILE * (size_t)s->k * sizeof *s->heaps);
    if (!units_create(s->train, &s->of_train) || !units_create(s->test, &s->of_test) || !s->mean || !s->train_rows ||
        !s->test_rows || !s->cosines || !s->heaps) {
        return error_memory(error, TRAIN_TILE * D * sizeof *s->train_rows, "neighbours");
    }
    find_scales(s->train, &s->of_train);
    find_scales(s->test, &s->of_test);
    find_mean(s->train, &s->of_train, s->mean);
    for (size_t d = 0; d < D; d++) {
        s->mean_square += s->mean[d] * s->mean[d];
    }
    find_shared(s->train, s->mean, &s->of_train);
    find_shared(s->test, s->mean, &s->of_test);
    return RESHIFT_OK;
}

reshift_status reshift_nearest_neighbours_score(const reshift_array *train, const reshift_array *train_labels,
                                                const reshift_array *features, int n_classes, int k, double temperature,
                                                reshift_array *scores, const reshift_progress *progress,
                                                reshift_error *error)
{
    sample of_train = {0}, of_test = {.features = features->data, .n = features->shape[0]};
    search s = {.train = &of_train, .test = &of_test, .k = k, .temperature = temperature};
    int largest = -1;
    memset(scores, 0, sizeof *scores);
    reshift_status status = sample_take(train, train_labels, "training", &of_train, &largest, error);
    if (status == RESHIFT_OK) {
        s.n_classes = n_classes > 0 ? n_classes : largest + 1;
        status = sample_check_labels(&of_train, "training", s.n_classes, error);
    }
    if (status == RESHIFT_OK) {
        status = classes_check(of_train.labels, of_train.n, s.n_classes, "training labels", progress, error);
    }
    if (status == RESHIFT_OK) {
        status = check_sizes(&s, features, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F64, 2, (int64_t[]){of_test.n, s.n_classes}, scores, error);
    }
    if (status == RESHIFT_OK) {
        of_test.n_features = of_train.n_features;
        status = prepare(&s, error);
    }
    if (status == RESHIFT_OK) {
        status = run(&s, scores->data, progress, error);
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(scores);
    }
    units_destroy(&s.of_train);
    units_destroy(&s.of_test);
    memory_free(s.mean);
    memory_free(s.train_rows);
    memory_free(s.test_rows);
    memory_free(s.cosines);
    memory_free(s.heaps);
    sample_release(&of_train);
    return status;
}
