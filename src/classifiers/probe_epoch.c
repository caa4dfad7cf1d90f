/*
 * One epoch of the linear probe.
 *
 * Every thread owns a share of the feature columns for the whole epoch: their weights, both moments and their part of
 * every row stay in its own cache. A step is: partial logits of the batch over one's own columns; barrier; softmax of
 * the whole batch (each thread for itself: cheaper than to wait once more); gradient and Adam over one's own columns,
 * which the first part left in the second level of cache. Columns are cut into fixed parts whose partial logits are
 * added in order, so the thread count changes no bit of the result.
 */
#include "classifiers/probe_epoch.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/threads.h"
#include "kernels/optimiser.h"
#include "kernels/softmax.h"

/* ---- memory ---- */

void probe_release(probe *p)
{
    sample_release(&p->train);
    sample_release(&p->test);
    linear_destroy(&p->layer);
    memory_free(p->first_weight);
    memory_free(p->second_weight);
    memory_free(p->features_bf16);
    memory_free(p->rounded_weight);
    memory_free(p->partial);
    for (int i = 0; p->desks && i < p->n_threads; i++) {
        memory_free(p->desks[i].delta); /* the first piece of the thread's block */
    }
    free(p->desks);
    memory_free(p->logits);
    memory_free(p->row_loss);
    memory_free(p->correct);
    memory_free(p->labels);
    memory_free(p->class_weights);
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

/* One block a thread, so that no two threads write to the same page. */
static bool desk_set(probe_desk *d, const linear *l, size_t batch, bool rounded)
{
    const size_t padded = (size_t)l->n_blocks * LINEAR_LANES, scratch = softmax_scratch(l->n_classes);
    size_t deltas;
    if (!memory_product(batch, padded, &deltas)) {
        return false;
    }
    const size_t pairs = rounded ? (batch + 1) / 2 * padded : 0;
    d->delta = take(deltas + pairs + 4 * padded + scratch + 1024, sizeof(float), 1, 1);
    d->bias = d->delta + deltas;
    d->first = d->bias + padded;
    d->second = d->first + padded;
    d->sum = d->second + padded;
    d->scratch = d->sum + padded;
    d->rounded_delta = rounded ? (uint32_t *)(d->scratch + scratch) : NULL;
    return d->delta != NULL;
}

static void round_features(probe *p)
{
    const int64_t n_features = p->train.n_features, rounded = linear_rounded(n_features);
#pragma omp parallel for num_threads(p->n_threads) schedule(static)
    for (int64_t i = 0; i < p->train.n; i++) {
        p->bf16->round_row(p->train.features + i * n_features, n_features, p->features_bf16 + i * rounded);
    }
}

reshift_status probe_allocate(probe *p, reshift_error *error)
{
    const linear *l = &p->layer;
    size_t padded = (size_t)l->n_blocks * LINEAR_LANES, batch = (size_t)p->options->batch, n = (size_t)p->train.n;
    const int64_t measured = p->test.n > p->train.n ? p->test.n : p->train.n;
    size_t threads = (size_t)p->n_threads, tiles = (size_t)(measured / LINEAR_TILE + 1);
    p->first_weight = take(l->n_weights, sizeof(float), 1, 1);
    p->second_weight = take(l->n_weights, sizeof(float), 1, 1);
    p->partial = take(2 * (size_t)l->n_parts, batch, padded, sizeof(float));
    p->desks = calloc(threads, sizeof *p->desks);
    p->logits = take(threads, LINEAR_TILE, (size_t)l->n_classes, sizeof(float));
    p->row_loss = take(n, sizeof(float), 1, 1);
    p->correct = take(n, sizeof *p->correct, 1, 1);
    p->labels = take(n, sizeof *p->labels, 1, 1);
    p->order = take(n, sizeof *p->order, 1, 1);
    p->rows = take(n, sizeof *p->rows, 1, 1);
    p->tile_loss = take(tiles, sizeof *p->tile_loss, 1, 1);
    p->class_weights = p->options->class_weights ? take((size_t)l->n_classes, sizeof(float), 1, 1) : NULL;
    for (int k = 0; p->class_weights && k < l->n_classes; k++) {
        p->class_weights[k] = (float)p->options->class_weights[k];
    }
    p->tile_correct = take(tiles, sizeof *p->tile_correct, 1, 1);
    bool enough = p->first_weight && p->second_weight && p->partial && p->desks && p->logits && p->row_loss &&
                  p->correct && p->labels && p->order && p->rows && p->tile_loss && p->tile_correct &&
                  !p->class_weights == !p->options->class_weights;
    for (int i = 0; enough && i < p->n_threads; i++) {
        enough = desk_set(&p->desks[i], l, batch, p->bf16);
    }
    if (enough && p->bf16) {
        p->rounded_weight = take((size_t)linear_pair(l, l->n_blocks, 0), sizeof *p->rounded_weight, 1, 1);
        p->features_bf16 = take(n, (size_t)linear_rounded(l->n_features), sizeof *p->features_bf16, 1);
        enough = p->rounded_weight && p->features_bf16;
    }
    if (enough && p->bf16) {
        round_features(p);
    }
    const size_t rounded_bytes = p->bf16 ? n * (size_t)linear_rounded(l->n_features) * sizeof *p->features_bf16 : 0;
    return enough ? RESHIFT_OK : error_memory(error, l->n_weights * 3 * sizeof(float) + rounded_bytes, "the probe");
}

/* ---- one epoch ---- */

enum { PAIR = 2 }; /* rows that the kernels take at once */

/* What every thread of an epoch needs to know of itself: which parts of the columns it owns. */
typedef struct share {
    int thread, n_threads;
    int64_t first_part, last_part;
} share;

static share own_share(const probe *p)
{
    share s = {threads_index(), threads_count(), 0, 0};
    s.first_part = p->layer.n_parts * s.thread / s.n_threads;
    s.last_part = p->layer.n_parts * (s.thread + 1) / s.n_threads;
    return s;
}

/* Partial logits of one's own columns. Two steps take turns in `partial`: who is ahead does not write what another
 * still reads. */
static float *partial_at(const probe *p, int64_t step, int64_t part, int block)
{
    const linear *l = &p->layer;
    return p->partial + (((step & 1) * l->n_parts + part) * l->n_blocks + block) * p->options->batch * LINEAR_LANES;
}

static void step_forward(const probe *p, const share *s, int64_t step, linear_rows *r)
{
    int64_t ignored;
    linear_part_range(&p->layer, s->first_part, &r->begin, &ignored);
    linear_part_range(&p->layer, s->last_part - 1, &ignored, &r->end);
    const int rows = r->n;
    for (int b = 0; b < rows; b += PAIR, r->rows += PAIR) { /* along the rows, as memory is read best */
        r->n = rows - b < PAIR ? rows - b : PAIR;
        r->more = rows - b - r->n;
        for (int64_t part = s->first_part; part < s->last_part; part++) {
            linear_part_range(&p->layer, part, &r->first, &r->last);
            for (int block = 0; block < p->layer.n_blocks; block++) {
                const float *weight = linear_weight(&p->layer, block, r->first);
                float *out = partial_at(p, step, part, block) + b * LINEAR_LANES;
                if (p->bf16) {
                    p->bf16->forward(r, p->rounded_weight + linear_pair(&p->layer, block, r->first), out);
                } else {
                    linear_forward(r, weight, out);
                }
            }
        }
    }
    r->rows -= (rows + PAIR - 1) / PAIR * PAIR;
    r->n = rows;
}

/* What the losses of a batch are divided by: its rows, or the sum of their weights, as PyTorch's
 * CrossEntropyLoss(weight). */
static float batch_weight(const probe *p, int64_t start, int n)
{
    double sum = 0;
    for (int b = 0; b < n && p->class_weights; b++) {
        sum += (double)p->class_weights[p->labels[start + b]];
    }
    return p->class_weights ? (float)sum : (float)n;
}

/* Gradients by the logits of the whole batch; losses are left by the thread whose turn the rows are. */
static void step_softmax(const probe *p, const share *s, const probe_desk *d, int64_t step, int64_t start, int n)
{
    const softmax_pieces pieces = {.partial = partial_at(p, step, 0, 0),
                                   .bias = d->bias,
                                   .n_parts = p->layer.n_parts,
                                   .n_blocks = p->layer.n_blocks,
                                   .n_classes = p->layer.n_classes,
                                   .batch = p->options->batch};
    const float whole = batch_weight(p, start, n), scale = whole > 0 ? 1.0f / whole : 0; /* 0: no row of it counts */
    for (int first = 0, tile = 0; first < n; first += 16, tile++) {
        float *loss = tile % s->n_threads == s->thread ? p->row_loss + start : NULL;
        softmax_rows(&pieces, first, n - first < 16 ? n - first : 16, p->labels + start, scale, p->class_weights,
                     d->scratch, d->delta, loss, p->correct + start);
    }
}

static void step_backward(const probe *p, const share *s, const probe_desk *d, const adam_step *constants,
                          linear_rows *r)
{
    const linear *l = &p->layer;
    const int64_t padded = (int64_t)l->n_blocks * LINEAR_LANES;
    if (p->bf16) {
        p->bf16->round_deltas(d->delta, r->n, padded, d->rounded_delta);
    }
    for (int64_t part = s->first_part; part < s->last_part; part++) {
        linear_part_range(l, part, &r->first, &r->last);
        for (int block = 0; block < l->n_blocks; block++) {
            const int64_t at = linear_weight(l, block, r->first) - l->weight, column = block * LINEAR_LANES;
            float *weight = l->weight + at, *first = p->first_weight + at, *second = p->second_weight + at;
            if (p->bf16) {
                p->bf16->descend(r, d->rounded_delta + column, padded, constants, weight, first, second,
                                 p->rounded_weight + linear_pair(l, block, r->first));
            } else {
                linear_descend(r, d->delta + column, padded, constants, weight, first, second);
            }
        }
    }
    memset(d->sum, 0, (size_t)padded * sizeof(float));
    for (int b = 0; b < r->n; b++) {
        for (int64_t k = 0; k < padded; k++) {
            d->sum[k] += d->delta[b * padded + k];
        }
    }
    adam_update(constants, d->sum, d->bias, d->first, d->second, (size_t)padded);
}

static void gather_rows(probe *p, const int64_t *order)
{
    int64_t n = p->train.n;
    for (int64_t i = 0; i < n; i++) {
        if (p->bf16) {
            p->rows_bf16[i] = p->features_bf16 + order[i] * linear_rounded(p->train.n_features);
        } else {
            p->rows[i] = p->train.features + order[i] * p->train.n_features;
        }
        p->labels[i] = p->train.labels[order[i]];
    }
}

/*
 * Memory can be asked for the next batch's rows while this one's gradients are summed. Some processors gain by it what
 * reading costs, others wait behind full buffers; no bit of the result depends on it. So it is tried.
 */
static bool asks_ahead(const probe *p, int64_t epochs_before)
{
    return epochs_before < 2 ? epochs_before == 1 : p->seconds[1] < p->seconds[0];
}

/* All steps of an epoch. */
void probe_run_epoch(probe *p, const int64_t *order, double *loss, int64_t *correct)
{
    const linear *l = &p->layer;
    const size_t bias_bytes = (size_t)l->n_blocks * LINEAR_LANES * sizeof(float);
    const int64_t n_rows = p->train.n, steps_before = p->steps;
    const int batch = p->options->batch;
    const int64_t n_steps = (n_rows + batch - 1) / batch, epochs_before = steps_before / n_steps;
    const bool asking = asks_ahead(p, epochs_before);
    const double began = clock_seconds();
    gather_rows(p, order);
    if (p->bf16) {
        p->bf16->round_weights(l, p->rounded_weight); /* steps keep them up from here on */
    }
#pragma omp parallel num_threads(p->n_threads)
    {
        share s = own_share(p);
        const probe_desk *d = &p->desks[s.thread];
        memcpy(d->bias, l->bias, bias_bytes);
        int64_t step = steps_before;
        for (int64_t start = 0; start < n_rows; start += batch) {
            int n = n_rows - start < batch ? (int)(n_rows - start) : batch;
            adam_step constants = adam_step_at(++step, p->options->learning_rate);
            linear_rows r = {.rows = p->rows + start, .n = n, .n_features = p->train.n_features};
            step_forward(p, &s, step, &r);
#pragma omp barrier
            step_softmax(p, &s, d, step, start, n);
            r.coming = asking && start + 2 * n <= n_rows ? p->rows + start + n : NULL;
            step_backward(p, &s, d, &constants, &r);
        }
    }
    memcpy(l->bias, p->desks[0].bias, bias_bytes);
    if (epochs_before < 2) {
        p->seconds[epochs_before] = clock_seconds() - began;
    }
    p->steps += n_steps;
    double loss_sum = 0, weight_sum = 0;
    *correct = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        const double weight = p->class_weights ? (double)p->class_weights[p->labels[i]] : 1;
        loss_sum += weight * (double)p->row_loss[i];
        weight_sum += weight;
        *correct += p->correct[i];
    }
    *loss = loss_sum / weight_sum;
}

/* Tiles of rows in any order, their sums added in row order. */
void probe_measure(probe *p, const sample *t, double *loss, double *accuracy)
{
    int64_t n_tiles = (t->n + LINEAR_TILE - 1) / LINEAR_TILE;
#pragma omp parallel for num_threads(p->n_threads) schedule(static)
    for (int64_t tile = 0; tile < n_tiles; tile++) {
        int thread = threads_index();
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
            sum += (double)softmax_cross_entropy_f32(logits + (int64_t)b * p->layer.n_classes, p->layer.n_classes,
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
