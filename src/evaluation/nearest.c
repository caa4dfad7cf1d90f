/*
 * Classifiers that only compare: with the mean of every class, and with the training rows themselves. Neighbours are
 * found by products of tiles of rows (BLAS), tile after tile, so that no more than a tile of cosines is ever in memory.
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "learning/sample.h"
#include "reshift/classifiers.h"

/* ---- class means ---- */

reshift_status reshift_nearest_mean(const reshift_array *features, const reshift_array *labels, int n_classes,
                                    reshift_array *weight, reshift_array *bias, reshift_error *error)
{
    sample s = {0};
    int largest = -1;
    double *sums = NULL;
    int64_t *counts = NULL;
    memset(weight, 0, sizeof *weight);
    memset(bias, 0, sizeof *bias);
    reshift_status status = sample_take(features, labels, "training", &s, &largest, error);
    n_classes = n_classes > 0 ? n_classes : largest + 1;
    if (status == RESHIFT_OK) {
        status = sample_check_labels(&s, "training", n_classes, error);
    }
    if (status != RESHIFT_OK) {
        goto end;
    }
    const int64_t D = s.n_features;
    size_t bytes;
    if (!memory_product((size_t)n_classes, (size_t)D * sizeof *sums, &bytes) || !(sums = memory_allocate(bytes)) ||
        !(counts = calloc((size_t)n_classes, sizeof *counts))) {
        status = error_memory(error, (size_t)D * sizeof *sums * (size_t)n_classes, "class means");
        goto end;
    }
    memset(sums, 0, bytes);
    for (int64_t i = 0; i < s.n; i++) {
        counts[s.labels[i]]++;
    }
    for (int k = 0; k < n_classes; k++) {
        if (!counts[k]) {
            status = error_set(error, RESHIFT_ERROR_SHAPE, "class %d has no training row, so it has no mean", k);
            goto end;
        }
    }
    enum { COLUMNS = 64 };
#pragma omp parallel for schedule(static)
    for (int64_t first = 0; first < D; first += COLUMNS) {
        int64_t last = first + COLUMNS < D ? first + COLUMNS : D;
        for (int64_t i = 0; i < s.n; i++) {
            double *sum = sums + s.labels[i] * D;
            for (int64_t d = first; d < last; d++) {
                sum[d] += (double)s.features[i * D + d];
            }
        }
    }
    status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n_classes, D}, weight, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 1, (int64_t[]){n_classes}, bias, error);
    }
    for (int64_t k = 0; status == RESHIFT_OK && k < n_classes; k++) {
        double square = 0;
        for (int64_t d = 0; d < D; d++) {
            double mean = sums[k * D + d] / (double)counts[k];
            ((float *)weight->data)[k * D + d] = (float)mean;
            square += mean * mean;
        }
        ((float *)bias->data)[k] = (float)(-square / 2);
    }
end:
    if (status != RESHIFT_OK) {
        reshift_array_destroy(weight);
        reshift_array_destroy(bias);
    }
    memory_free(sums);
    free(counts);
    sample_release(&s);
    return status;
}

/* ---- neighbours ---- */

enum { TILE = 512, TRAIN_TILE = 4096 }; /* 8 MiB of cosines */

typedef struct neighbour {
    float cosine;
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

/* 1 / |row|; 0 for a row of zeros, so that its cosines are 0. */
static float *inverse_norms(const float *features, int64_t n, int64_t D)
{
    float *norms = memory_allocate((size_t)n * sizeof *norms);
    if (!norms) {
        return NULL;
    }
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        double square = 0;
        for (int64_t d = 0; d < D; d++) {
            double x = (double)features[i * D + d];
            square += x * x;
        }
        norms[i] = square > 0 ? (float)(1 / sqrt(square)) : 0;
    }
    return norms;
}

typedef struct search {
    const sample *train, *test;
    float *train_norms, *test_norms, *cosines; /* cosines [TILE][TRAIN_TILE] */
    neighbour *heaps;                          /* [TILE][k] */
    int counts[TILE];
    int k, n_classes;
    double temperature;
} search;

static void look(search *s, int64_t test_first, int rows, int64_t train_first, int columns)
{
    const int64_t D = s->train->n_features;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, columns, (int)D, 1, s->test->features + test_first * D,
                (int)D, s->train->features + train_first * D, (int)D, 0, s->cosines, TRAIN_TILE);
#pragma omp parallel for schedule(static)
    for (int i = 0; i < rows; i++) {
        const float *row = s->cosines + (int64_t)i * TRAIN_TILE, scale = s->test_norms[test_first + i];
        for (int j = 0; j < columns; j++) {
            neighbour candidate = {row[j] * scale * s->train_norms[train_first + j], s->train->labels[train_first + j],
                                   train_first + j};
            meet(s->heaps + (int64_t)i * s->k, &s->counts[i], s->k, candidate);
        }
    }
}

static void vote(const search *s, int64_t test_first, int rows, float *scores)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < rows; i++) {
        neighbour *heap = s->heaps + (int64_t)i * s->k;
        float *to = scores + (test_first + i) * s->n_classes;
        qsort(heap, (size_t)s->k, sizeof *heap, nearest_first);
        double total = 0;
        for (int pass = 0; pass < 2; pass++) { /* the total first, so that shares need no memory of their own */
            for (int j = 0; j < s->k; j++) {
                double share = exp((double)(heap[j].cosine - heap[0].cosine) / s->temperature);
                if (pass == 0) {
                    total += share;
                } else {
                    float sum = to[heap[j].label] + (float)(share / total);
                    to[heap[j].label] = fminf(sum, 1); /* all of them may add up to a rounding more */
                }
            }
        }
    }
}

static reshift_status run(search *s, float *scores, const reshift_progress *progress, reshift_error *error)
{
    for (int64_t first = 0; first < s->test->n; first += TILE) {
        reshift_status status = progress_check(progress, error);
        if (status != RESHIFT_OK) {
            return status;
        }
        int rows = s->test->n - first < TILE ? (int)(s->test->n - first) : TILE;
        memset(s->counts, 0, sizeof s->counts);
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
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "neighbours: expected 1 to %lld of them, found %d",
                         (long long)s->train->n, s->k);
    }
    if (!(s->temperature > 0) || !isfinite(s->temperature)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "neighbours: expected a temperature above 0, found %g",
                         s->temperature);
    }
    return RESHIFT_OK;
}

reshift_status reshift_nearest_neighbours(const reshift_array *train, const reshift_array *train_labels,
                                          const reshift_array *features, int n_classes, int k, double temperature,
                                          reshift_array *scores, const reshift_progress *progress, reshift_error *error)
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
        status = check_sizes(&s, features, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){of_test.n, s.n_classes}, scores, error);
    }
    if (status == RESHIFT_OK) {
        of_test.n_features = of_train.n_features;
        s.train_norms = inverse_norms(of_train.features, of_train.n, of_train.n_features);
        s.test_norms = inverse_norms(of_test.features, of_test.n, of_test.n_features);
        s.cosines = memory_allocate((size_t)TILE * TRAIN_TILE * sizeof *s.cosines);
        s.heaps = memory_allocate((size_t)TILE * (size_t)k * sizeof *s.heaps);
        if (s.train_norms && s.test_norms && s.cosines && s.heaps) {
            memset(scores->data, 0, (size_t)of_test.n * (size_t)s.n_classes * sizeof(float));
            status = run(&s, scores->data, progress, error);
        } else {
            status = error_memory(error, (size_t)TILE * (size_t)k * sizeof *s.heaps, "neighbours");
        }
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(scores);
    }
    memory_free(s.train_norms);
    memory_free(s.test_norms);
    memory_free(s.cosines);
    memory_free(s.heaps);
    sample_release(&of_train);
    return status;
}
