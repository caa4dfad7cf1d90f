/*
 * The linear probe: softmax regression by Adam on features that lie in memory (or in a mapped file).
 *
 * Every thread owns a share of the feature columns for the whole epoch: their weights, both moments and their part of
 * every row stay in its own cache. A step is: partial logits of the batch over one's own columns; barrier; softmax of
 * one's own share of the rows; barrier; gradient and Adam over one's own columns. Columns are cut into fixed chunks
 * whose partial logits are added in order, so the thread count changes no bit of the result.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "learning/linear.h"
#include "learning/optimiser.h"
#include "learning/sample.h"
#include "reshift/learning.h"

void reshift_probe_options_default(reshift_probe_options *options)
{
    *options = (reshift_probe_options){.epochs = 30, .batch = 64, .learning_rate = 0.001};
}

typedef struct probe {
    const reshift_probe_options *options;
    sample train, test;
    linear layer;
    float *first_weight, *second_weight; /* Adam's moments, as layer.weight */
    float *first_bias, *second_bias;
    int n_threads;
    float *partial;     /* [n_chunks][n_blocks][batch][16] */
    float *delta;       /* [n_blocks][batch][16]: gradient of the loss by the logits */
    float *gradients;   /* [n_threads][LINEAR_CHUNK][16] */
    float *softmax;     /* [n_threads][2][n_blocks * 16] */
    float *logits;      /* [n_threads][LINEAR_TILE][K] */
    float *row_loss;    /* [batch] */
    int *row_correct;   /* [batch] */
    int64_t *order;     /* [N] */
    const float **rows; /* [N] features in the order of the epoch */
    double *tile_loss;  /* [tiles of the test set] */
    int64_t *tile_correct;
    int64_t steps; /* made so far */
} probe;

/* ---- memory ---- */

static void probe_release(probe *p)
{
    sample_release(&p->train);
    sample_release(&p->test);
    linear_destroy(&p->layer);
    memory_free(p->first_weight);
    memory_free(p->second_weight);
    memory_free(p->first_bias);
    memory_free(p->second_bias);
    memory_free(p->partial);
    memory_free(p->delta);
    memory_free(p->gradients);
    memory_free(p->softmax);
    memory_free(p->logits);
    memory_free(p->row_loss);
    memory_free(p->row_correct);
    memory_free(p->order);
    memory_free(p->rows);
    memory_free(p->tile_loss);
    memory_free(p->tile_correct);
}

static void *take(size_t a, size_t b, size_t c, size_t d)
{
    size_t bytes;
    if (!memory_product(a, b, &bytes) || !memory_product(bytes, c, &bytes) || !memory_product(bytes, d, &bytes)) {
        return NULL;
    }
    return memory_allocate(bytes);
}

static reshift_status probe_allocate(probe *p, reshift_error *error)
{
    const linear *l = &p->layer;
    size_t padded = (size_t)l->n_blocks * LINEAR_LANES, batch = (size_t)p->options->batch, n = (size_t)p->train.n;
    size_t threads = (size_t)p->n_threads, tiles = (size_t)(p->test.n / LINEAR_TILE + 1);
    p->first_weight = take(l->n_weights, sizeof(float), 1, 1);
    p->second_weight = take(l->n_weights, sizeof(float), 1, 1);
    p->first_bias = take(padded, sizeof(float), 1, 1);
    p->second_bias = take(padded, sizeof(float), 1, 1);
    p->partial = take((size_t)l->n_chunks, batch, padded, sizeof(float));
    p->delta = take(batch, padded, sizeof(float), 1);
    p->gradients = take(threads, LINEAR_CHUNK, LINEAR_LANES, sizeof(float));
    p->softmax = take(threads, 2, padded, sizeof(float));
    p->logits = take(threads, LINEAR_TILE, (size_t)l->n_classes, sizeof(float));
    p->row_loss = take(batch, sizeof(float), 1, 1);
    p->row_correct = take(batch, sizeof(int), 1, 1);
    p->order = take(n, sizeof *p->order, 1, 1);
    p->rows = take(n, sizeof *p->rows, 1, 1);
    p->tile_loss = take(tiles, sizeof *p->tile_loss, 1, 1);
    p->tile_correct = take(tiles, sizeof *p->tile_correct, 1, 1);
    if (!p->first_weight || !p->second_weight || !p->first_bias || !p->second_bias || !p->partial || !p->delta ||
        !p->gradients || !p->softmax || !p->logits || !p->row_loss || !p->row_correct || !p->order || !p->rows ||
        !p->tile_loss || !p->tile_correct) {
        return error_memory(error, l->n_weights * 3 * sizeof(float), "the probe");
    }
    return RESHIFT_OK;
}

static reshift_status set_initial(probe *p, reshift_error *error)
{
    int64_t n_classes = p->layer.n_classes, n_features = p->layer.n_features;
    if (p->options->initial_weight && p->options->initial_bias) {
        linear_set(&p->layer, p->options->initial_weight, p->options->initial_bias);
        return RESHIFT_OK;
    }
    float *weight = take((size_t)n_classes, (size_t)n_features, sizeof(float), 1);
    float *bias = take((size_t)n_classes, sizeof(float), 1, 1);
    if (!weight || !bias) {
        memory_free(weight);
        memory_free(bias);
        return error_memory(error, p->layer.n_weights * sizeof(float), "initial weights");
    }
    double bound = 1 / sqrt((double)n_features);
    for (int64_t k = 0; k < n_classes; k++) {
        random_stream stream = random_open(p->options->seed, "probe-init", 0, (uint64_t)k);
        for (int64_t d = 0; d < n_features; d++) {
            weight[k * n_features + d] = (float)((2 * random_uniform(&stream) - 1) * bound);
        }
        bias[k] = (float)((2 * random_uniform(&stream) - 1) * bound);
    }
    linear_set(&p->layer, weight, bias);
    memory_free(weight);
    memory_free(bias);
    return RESHIFT_OK;
}

/* ---- one epoch ---- */

/* What every thread of an epoch needs to know of itself: which chunks of columns it owns. */
typedef struct share {
    int thread, n_threads;
    int64_t first_chunk, last_chunk;
} share;

static share own_share(const probe *p)
{
    share s = {0, 1, 0, 0};
#ifdef _OPENMP
    s.thread = omp_get_thread_num();
    s.n_threads = omp_get_num_threads();
#endif
    s.first_chunk = p->layer.n_chunks * s.thread / s.n_threads;
    s.last_chunk = p->layer.n_chunks * (s.thread + 1) / s.n_threads;
    return s;
}

static float *partial_at(const probe *p, int64_t chunk, int block)
{
    return p->partial + (size_t)((chunk * p->layer.n_blocks + block) * p->options->batch) * LINEAR_LANES;
}

static size_t weight_at(const probe *p, int block, int64_t column)
{
    return ((size_t)block * (size_t)p->layer.n_features + (size_t)column) * LINEAR_LANES;
}

static void step_forward(probe *p, const share *s, const float *const *rows, int n)
{
    for (int64_t chunk = s->first_chunk; chunk < s->last_chunk; chunk++) {
        int64_t first, last;
        linear_chunk_range(&p->layer, chunk, &first, &last);
        for (int block = 0; block < p->layer.n_blocks; block++) {
            linear_forward(rows, n, first, last, p->layer.weight + weight_at(p, block, 0), partial_at(p, chunk, block));
        }
    }
}

static void step_softmax(probe *p, const share *s, const int64_t *order, int n)
{
    const linear *l = &p->layer;
    int padded = l->n_blocks * LINEAR_LANES;
    float *logits = p->softmax + (size_t)s->thread * 2 * (size_t)padded, *delta = logits + padded;
    for (int b = n * s->thread / s->n_threads; b < n * (s->thread + 1) / s->n_threads; b++) {
        memcpy(logits, l->bias, (size_t)padded * sizeof(float));
        for (int block = 0; block < l->n_blocks; block++) {
            float *to = logits + block * LINEAR_LANES;
            for (int64_t chunk = 0; chunk < l->n_chunks; chunk++) {
                const float *from = partial_at(p, chunk, block) + (size_t)b * LINEAR_LANES;
                for (int k = 0; k < LINEAR_LANES; k++) {
                    to[k] += from[k];
                }
            }
        }
        p->row_loss[b] = linear_cross_entropy(logits, l->n_classes, p->train.labels[order[b]], 1.0f / (float)n, delta,
                                              &p->row_correct[b]);
        for (int k = 0; k < l->n_classes; k++) {
            p->delta[((size_t)(k / LINEAR_LANES) * (size_t)p->options->batch + (size_t)b) * LINEAR_LANES +
                     (size_t)(k % LINEAR_LANES)] = delta[k];
        }
    }
}

static void step_backward(probe *p, const share *s, const adam_step *constants, const float *const *rows, int n,
                          int n_next)
{
    float *gradient = p->gradients + (size_t)s->thread * LINEAR_CHUNK * LINEAR_LANES;
    for (int64_t chunk = s->first_chunk; chunk < s->last_chunk; chunk++) {
        int64_t first, last;
        linear_chunk_range(&p->layer, chunk, &first, &last);
        for (int block = 0; block < p->layer.n_blocks; block++) {
            const float *delta = p->delta + (size_t)block * (size_t)p->options->batch * LINEAR_LANES;
            linear_gradient(rows, n, rows + n, block == 0 ? n_next : 0, first, last, delta, gradient);
            size_t at = weight_at(p, block, first);
            adam_update(constants, gradient, p->layer.weight + at, p->first_weight + at, p->second_weight + at,
                        (size_t)(last - first) * LINEAR_LANES);
        }
    }
}

static void step_bias(probe *p, const share *s, const adam_step *constants, int n)
{
    float *gradient = p->gradients + (size_t)s->thread * LINEAR_CHUNK * LINEAR_LANES; /* free again here */
    for (int block = 0; block < p->layer.n_blocks; block++) {
        const float *delta = p->delta + (size_t)block * (size_t)p->options->batch * LINEAR_LANES;
        memset(gradient, 0, LINEAR_LANES * sizeof(float));
        for (int b = 0; b < n; b++) {
            for (int k = 0; k < LINEAR_LANES; k++) {
                gradient[k] += delta[b * LINEAR_LANES + k];
            }
        }
        size_t at = (size_t)block * LINEAR_LANES;
        adam_update(constants, gradient, p->layer.bias + at, p->first_bias + at, p->second_bias + at, LINEAR_LANES);
    }
}

/* All steps of an epoch. Sums of losses and hits are gathered by thread 0 in row order. */
static void run_epoch(probe *p, const int64_t *order, double *loss, int64_t *correct)
{
    double loss_sum = 0;
    int64_t correct_sum = 0;
    int64_t n_rows = p->train.n, steps_before = p->steps;
    int batch = p->options->batch;
    for (int64_t i = 0; i < n_rows; i++) {
        p->rows[i] = p->train.features + order[i] * p->train.n_features;
    }
#pragma omp parallel num_threads(p->n_threads)
    {
        share s = own_share(p);
        int64_t step = steps_before;
        for (int64_t start = 0; start < n_rows; start += batch) {
            int n = n_rows - start < batch ? (int)(n_rows - start) : batch;
            int64_t after = n_rows - start - n;
            int n_next = after < batch ? (int)after : batch;
            const float *const *rows = p->rows + start;
            adam_step constants = adam_step_at(++step, p->options->learning_rate);
            step_forward(p, &s, rows, n);
#pragma omp barrier
            step_softmax(p, &s, order + start, n);
#pragma omp barrier
            step_backward(p, &s, &constants, rows, n, n_next);
            if (s.thread == 0) {
                step_bias(p, &s, &constants, n);
                for (int b = 0; b < n; b++) {
                    loss_sum += (double)p->row_loss[b];
                    correct_sum += p->row_correct[b];
                }
            }
        }
    }
    p->steps += (n_rows + batch - 1) / batch;
    *loss = loss_sum / (double)n_rows;
    *correct = correct_sum;
}

/* Loss and accuracy of the test set; tiles of rows in any order, their sums added in row order. */
static void measure(probe *p, double *loss, double *accuracy)
{
    const sample *t = &p->test;
    int64_t n_tiles = (t->n + LINEAR_TILE - 1) / LINEAR_TILE;
#pragma omp parallel for num_threads(p->n_threads) schedule(static)
    for (int64_t tile = 0; tile < n_tiles; tile++) {
        int thread = 0;
#ifdef _OPENMP
        thread = omp_get_thread_num();
#endif
        float *logits = p->logits + (size_t)thread * LINEAR_TILE * (size_t)p->layer.n_classes;
        _Alignas(64) float scratch[LINEAR_TILE * LINEAR_LANES];
        const float *rows[LINEAR_TILE];
        int n = 0;
        for (int64_t i = tile * LINEAR_TILE; i < t->n && n < LINEAR_TILE; i++) {
            rows[n++] = t->features + i * t->n_features;
        }
        linear_logits(&p->layer, rows, n, scratch, logits);
        double sum = 0;
        int64_t hits = 0;
        for (int b = 0; b < n; b++) {
            int correct;
            sum += (double)linear_cross_entropy(logits + (int64_t)b * p->layer.n_classes, p->layer.n_classes,
                                                t->labels[tile * LINEAR_TILE + b], 0, NULL, &correct);
            hits += correct;
        }
        p->tile_loss[tile] = sum;
        p->tile_correct[tile] = hits;
    }
    double sum = 0;
    int64_t hits = 0;
    for (int64_t tile = 0; tile < n_tiles; tile++) {
        sum += p->tile_loss[tile];
        hits += p->tile_correct[tile];
    }
    *loss = sum / (double)t->n;
    *accuracy = (double)hits / (double)t->n;
}

static reshift_status train(probe *p, reshift_history *history, const reshift_progress *progress, reshift_error *error)
{
    const reshift_probe_options *options = p->options;
    reshift_status status = RESHIFT_OK;
    progress_update(progress, "probe", 0, options->epochs, "epochs");
    for (int e = 0; status == RESHIFT_OK && e < options->epochs; e++) {
        status = progress_check(progress, error);
        if (status != RESHIFT_OK) {
            break;
        }
        double start = clock_seconds();
        const int64_t *order = options->order ? options->order + e * p->train.n : p->order;
        if (!options->order) {
            random_stream stream = random_open(options->seed, "probe-shuffle", (uint64_t)e, 0);
            random_permutation(&stream, p->order, p->train.n);
        }
        reshift_epoch *epoch = &history->epochs[e];
        *epoch = (reshift_epoch){.epoch = e + 1, .test_loss = NAN, .test_accuracy = NAN};
        int64_t correct;
        run_epoch(p, order, &epoch->train_loss, &correct);
        epoch->train_accuracy = (double)correct / (double)p->train.n;
        if (!isfinite(epoch->train_loss)) {
            status = error_set(error, RESHIFT_ERROR_NUMERIC, "the probe's loss is not finite in epoch %d", e + 1);
            error_hint(error, "use a smaller learning rate than %g", options->learning_rate);
            break;
        }
        if (p->test.n) {
            measure(p, &epoch->test_loss, &epoch->test_accuracy);
        }
        epoch->seconds = clock_seconds() - start;
        history->n_epochs = e + 1;
        progress_update(progress, "probe", e + 1, options->epochs, "epochs");
        if (options->on_epoch) {
            options->on_epoch(options->context, epoch);
        }
    }
    return status;
}

/* ---- the whole ---- */

static reshift_status check_options(const reshift_probe_options *options, reshift_error *error)
{
    if (options->epochs < 0 || options->batch < 1 || options->batch > 1 << 20) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "probe: expected epochs >= 0 and batch 1..1048576, found %d and %d", options->epochs,
                         options->batch);
    }
    if (!(options->learning_rate > 0) || !isfinite(options->learning_rate)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "probe: the learning rate must be positive, found %g",
                         options->learning_rate);
    }
    return RESHIFT_OK;
}

static reshift_status check_order(const probe *p, reshift_error *error)
{
    if (!p->options->order) {
        return RESHIFT_OK;
    }
    for (int64_t i = 0; i < p->train.n * p->options->epochs; i++) {
        if (p->options->order[i] < 0 || p->options->order[i] >= p->train.n) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "order[%lld]: there is no row %lld", (long long)i,
                             (long long)p->options->order[i]);
        }
    }
    return RESHIFT_OK;
}

static int choose_threads(const probe *p)
{
    int threads = 1;
#ifdef _OPENMP
    threads = omp_get_max_threads();
#endif
    return threads < p->layer.n_chunks ? threads : (int)p->layer.n_chunks;
}

reshift_status reshift_probe_train(const reshift_array *features, const reshift_array *labels,
                                   const reshift_array *test_features, const reshift_array *test_labels, int n_classes,
                                   const reshift_probe_options *options, reshift_array *weight, reshift_array *bias,
                                   reshift_history *history, const reshift_progress *progress, reshift_error *error)
{
    reshift_probe_options defaults;
    reshift_probe_options_default(&defaults);
    probe p = {.options = options ? options : &defaults};
    memset(weight, 0, sizeof *weight);
    memset(bias, 0, sizeof *bias);
    memset(history, 0, sizeof *history);
    int largest = -1, ignored;

    reshift_status status = check_options(p.options, error);
    if (status == RESHIFT_OK) {
        status = sample_take(features, labels, "training", &p.train, &largest, error);
    }
    if (status == RESHIFT_OK && test_features) {
        status = test_labels ? sample_take(test_features, test_labels, "test", &p.test, &ignored, error)
                             : error_set(error, RESHIFT_ERROR_ARGUMENT, "test features without test labels");
        if (status == RESHIFT_OK && p.test.n_features != p.train.n_features) {
            status =
                error_set(error, RESHIFT_ERROR_SHAPE, "test features: expected %lld columns as in training, found %lld",
                          (long long)p.train.n_features, (long long)p.test.n_features);
        }
    }
    if (status != RESHIFT_OK) {
        goto end;
    }
    if (n_classes <= 0) {
        n_classes = largest + 1;
    }
    status = sample_check_labels(&p.train, "training", n_classes, error);
    if (status == RESHIFT_OK) {
        status = sample_check_labels(&p.test, "test", n_classes, error);
    }
    if (status == RESHIFT_OK) {
        status = check_order(&p, error);
    }
    if (status == RESHIFT_OK) {
        status = linear_create(p.train.n_features, n_classes, &p.layer, error);
    }
    if (status != RESHIFT_OK) {
        goto end;
    }
    p.n_threads = choose_threads(&p);
    status = probe_allocate(&p, error);
    if (status == RESHIFT_OK) {
        status = set_initial(&p, error);
    }
    if (status == RESHIFT_OK) {
        history->epochs = calloc((size_t)p.options->epochs + 1, sizeof *history->epochs);
        if (!history->epochs) {
            status = error_memory(error, (size_t)p.options->epochs * sizeof *history->epochs, "a history");
        }
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n_classes, p.train.n_features}, weight, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 1, (int64_t[]){n_classes}, bias, error);
    }
    if (status == RESHIFT_OK) {
        status = train(&p, history, progress, error);
    }
    if (status == RESHIFT_OK) {
        linear_get(&p.layer, weight->data, bias->data);
    }
end:
    probe_release(&p);
    if (status != RESHIFT_OK) {
        reshift_array_destroy(weight);
        reshift_array_destroy(bias);
        reshift_history_destroy(history);
    }
    return status;
}
