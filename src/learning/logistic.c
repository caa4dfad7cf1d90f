/*
 * Softmax regression by L-BFGS. The minimiser is liblbfgs; here is what it minimises: one read of the features gives
 * loss and gradient, since a tile of rows is used for both while it is in the cache.
 *
 * Features are centred in effect, not in memory: with z = x - mean, W x + b = W z + (b + W mean), so the minimiser sees
 * the bias of z. The minimum is the same one and is reached in far fewer steps, as features behind a ReLU have
 * large means.
 */
#include <lbfgs.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "learning/linear.h"
#include "learning/logistic.h"

#define MOST_CHUNKS 32
#define CHUNK_BYTES ((size_t)64 << 20) /* of all sums */

void reshift_logistic_options_default(reshift_logistic_options *options)
{
    *options = (reshift_logistic_options){.max_iterations = 1000, .tolerance = 1e-5};
}

/* ---- the objective ---- */

/* What one thread needs for a tile of rows. */
typedef struct desk {
    float *scratch;  /* [LINEAR_TILE * 16] */
    float *logits;   /* [LINEAR_TILE][K] */
    float *row;      /* [K]: softmax - onehot of one row */
    float *delta;    /* [LINEAR_TILE][n_blocks * 16] */
    float *gradient; /* [part_groups][10][16] */
} desk;

/* Sums over a fixed run of rows, whoever adds them up. */
typedef struct chunk {
    double loss;
    double *gradient; /* as the layer's weights */
    double *bias;     /* [n_blocks * 16] */
} chunk;

typedef struct objective {
    const logistic_rows *rows;
    const reshift_logistic_options *options;
    const reshift_progress *progress;
    linear layer;
    double *mean;  /* [D] */
    float *weight; /* [K,D], [K]: what the minimiser asks about, in the layer's precision */
    float *bias;
    chunk *chunks;
    int n_chunks;
    double loss;    /* of the last question, without the penalty */
    double largest; /* entry of the gradient where the minimiser stands */
    int iterations;
    bool cancelled;
} objective;

static void desk_destroy(desk *d)
{
    memory_free(d->scratch);
    memory_free(d->logits);
    memory_free(d->row);
    memory_free(d->delta);
    memory_free(d->gradient);
}

static bool desk_create(const linear *l, desk *d)
{
    size_t classes = (size_t)l->n_classes, padded = (size_t)l->n_blocks * LINEAR_LANES;
    d->scratch = memory_allocate(LINEAR_TILE * LINEAR_LANES * sizeof(float));
    d->logits = memory_allocate(LINEAR_TILE * classes * sizeof(float));
    d->row = memory_allocate(classes * sizeof(float));
    d->delta = memory_allocate(LINEAR_TILE * padded * sizeof(float));
    d->gradient = memory_allocate((size_t)l->part_groups * LINEAR_GROUP * sizeof(float));
    if (!d->scratch || !d->logits || !d->row || !d->delta || !d->gradient) {
        desk_destroy(d);
        return false;
    }
    memset(d->delta, 0, LINEAR_TILE * padded * sizeof(float));
    return true;
}

static void add_tile(const objective *o, const float *const *rows, const int *labels, int n, desk *d, chunk *sum)
{
    const linear *l = &o->layer;
    const int padded = l->n_blocks * LINEAR_LANES;
    linear_logits(l, rows, n, d->scratch, d->logits);
    for (int b = 0; b < n; b++) {
        int correct;
        sum->loss += (double)linear_cross_entropy(d->logits + (int64_t)b * l->n_classes, l->n_classes, labels[b], 1,
                                                  d->row, &correct);
        for (int k = 0; k < l->n_classes; k++) {
            int place = k / LINEAR_CLASSES * LINEAR_LANES + k % LINEAR_CLASSES;
            d->delta[(int64_t)b * padded + place] = d->row[k];
            sum->bias[place] += (double)d->row[k];
        }
    }
    linear_rows r = {.rows = rows, .n = n, .n_features = l->n_features};
    for (int block = 0; block < l->n_blocks; block++) {
        for (int64_t part = 0; part < l->n_parts; part++) {
            linear_part_range(l, part, &r.first, &r.last);
            linear_gradient(&r, d->delta + block * LINEAR_LANES, padded, d->gradient);
            double *to = sum->gradient + ((int64_t)block * l->n_groups + r.first) * LINEAR_GROUP;
            for (int64_t i = 0; i < (r.last - r.first) * LINEAR_GROUP; i++) {
                to[i] += (double)d->gradient[i];
            }
        }
    }
}

/* Rows first..last-1 of the sample, a tile at a time. */
static void add_rows(const objective *o, int64_t first, int64_t last, desk *d, chunk *sum)
{
    const logistic_rows *all = o->rows;
    const float *rows[LINEAR_TILE];
    int labels[LINEAR_TILE];
    sum->loss = 0;
    memset(sum->gradient, 0, o->layer.n_weights * sizeof(double));
    memset(sum->bias, 0, (size_t)o->layer.n_blocks * LINEAR_LANES * sizeof(double));
    for (int64_t i = first; i < last; i += LINEAR_TILE) {
        int n = last - i < LINEAR_TILE ? (int)(last - i) : LINEAR_TILE;
        for (int b = 0; b < n; b++) {
            int64_t row = all->rows ? all->rows[i + b] : i + b;
            rows[b] = all->sample->features + row * all->sample->n_features;
            labels[b] = all->sample->labels[row];
        }
        add_tile(o, rows, labels, n, d, sum);
    }
}

/* Sums of every chunk into the first one's, in order. False: no memory for a desk. */
static bool add_all(objective *o)
{
    int missing = 0;
#pragma omp parallel reduction(+ : missing)
    {
        desk d = {0};
        bool there = desk_create(&o->layer, &d);
        missing += !there;
#pragma omp for schedule(dynamic)
        for (int c = 0; c < o->n_chunks; c++) {
            if (there) {
                add_rows(o, o->rows->n * c / o->n_chunks, o->rows->n * (c + 1) / o->n_chunks, &d, &o->chunks[c]);
            }
        }
        desk_destroy(&d);
    }
    const int64_t weights = (int64_t)o->layer.n_weights, biases = (int64_t)o->layer.n_blocks * LINEAR_LANES;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < weights; i++) {
        for (int c = 1; c < o->n_chunks; c++) {
            o->chunks[0].gradient[i] += o->chunks[c].gradient[i];
        }
    }
    for (int c = 1; c < o->n_chunks; c++) {
        o->chunks[0].loss += o->chunks[c].loss;
        for (int64_t i = 0; i < biases; i++) {
            o->chunks[0].bias[i] += o->chunks[c].bias[i];
        }
    }
    return missing == 0;
}

/* x: weight [K,D] and the bias of centred features [K]; gives the value and the gradient g. */
static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *x, lbfgsfloatval_t *g, const int n,
                                const lbfgsfloatval_t step)
{
    (void)n;
    (void)step;
    objective *o = instance;
    const int64_t D = o->layer.n_features, K = o->layer.n_classes;
    for (int64_t k = 0; k < K; k++) {
        double offset = x[K * D + k];
        for (int64_t d = 0; d < D; d++) {
            o->weight[k * D + d] = (float)x[k * D + d];
            offset -= x[k * D + d] * o->mean[d];
        }
        o->bias[k] = (float)offset;
    }
    linear_set(&o->layer, o->weight, o->bias);
    if (!add_all(o)) {
        o->cancelled = true; /* the caller finds no memory either and says so */
    }
    const double scale = 1 / (double)o->rows->n;
    const chunk *sum = &o->chunks[0];
    o->loss = sum->loss * scale;
    double squares = 0;
    for (int64_t k = 0; k < K; k++) {
        double bias = sum->bias[k / LINEAR_CLASSES * LINEAR_LANES + k % LINEAR_CLASSES];
        const double *row =
            sum->gradient + k / LINEAR_CLASSES * o->layer.n_groups * LINEAR_GROUP + k % LINEAR_CLASSES * LINEAR_LANES;
        for (int64_t d = 0; d < D; d++) {
            double w = x[k * D + d], from = row[d / LINEAR_LANES * LINEAR_GROUP + d % LINEAR_LANES];
            squares += w * w;
            g[k * D + d] = (from - bias * o->mean[d]) * scale + o->options->l2 * w;
        }
        g[K * D + k] = bias * scale;
    }
    return o->loss + o->options->l2 / 2 * squares;
}

static double largest_of(const lbfgsfloatval_t *g, int64_t n)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(g[i]));
    }
    return largest;
}

/* After every step: not 0 ends the search. */
static int watch(void *instance, const lbfgsfloatval_t *x, const lbfgsfloatval_t *g, const lbfgsfloatval_t value,
                 const lbfgsfloatval_t x_norm, const lbfgsfloatval_t g_norm, const lbfgsfloatval_t step, int n, int k,
                 int evaluations)
{
    (void)x, (void)value, (void)x_norm, (void)g_norm, (void)step, (void)evaluations;
    objective *o = instance;
    o->iterations = k;
    o->largest = largest_of(g, n);
    reshift_error ignored;
    progress_update(o->progress, "L-BFGS", k, o->options->max_iterations, "steps");
    o->cancelled |= progress_check(o->progress, &ignored) != RESHIFT_OK;
    return o->cancelled || o->largest <= o->options->tolerance;
}

/* ---- making and keeping ---- */

static void find_mean(const logistic_rows *rows, double *mean)
{
    const sample *s = rows->sample;
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < s->n_features; group += LINEAR_LANES) {
        int64_t end = group + LINEAR_LANES < s->n_features ? group + LINEAR_LANES : s->n_features;
        for (int64_t d = group; d < end; d++) {
            mean[d] = 0;
        }
        for (int64_t i = 0; i < rows->n; i++) {
            const float *row = s->features + (rows->rows ? rows->rows[i] : i) * s->n_features;
            for (int64_t d = group; d < end; d++) {
                mean[d] += (double)row[d];
            }
        }
        for (int64_t d = group; d < end; d++) {
            mean[d] /= (double)rows->n;
        }
    }
}

static void objective_destroy(objective *o)
{
    for (int c = 0; o->chunks && c < o->n_chunks; c++) {
        memory_free(o->chunks[c].gradient);
        memory_free(o->chunks[c].bias);
    }
    free(o->chunks);
    memory_free(o->mean);
    memory_free(o->weight);
    memory_free(o->bias);
    linear_destroy(&o->layer);
}

static reshift_status objective_create(int n_classes, objective *o, reshift_error *error)
{
    const int64_t D = o->rows->sample->n_features;
    reshift_status status = linear_create(D, n_classes, &o->layer, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    size_t bytes = o->layer.n_weights * sizeof(double), chunks = CHUNK_BYTES / bytes;
    o->n_chunks = chunks < 1 ? 1 : chunks > MOST_CHUNKS ? MOST_CHUNKS : (int)chunks;
    o->chunks = calloc((size_t)o->n_chunks, sizeof *o->chunks);
    o->mean = memory_allocate((size_t)D * sizeof(double));
    o->weight = memory_allocate(o->layer.n_weights * sizeof(float));
    o->bias = memory_allocate((size_t)n_classes * sizeof(float));
    bool there = o->chunks && o->mean && o->weight && o->bias;
    for (int c = 0; there && c < o->n_chunks; c++) {
        o->chunks[c].gradient = memory_allocate(bytes);
        o->chunks[c].bias = memory_allocate((size_t)o->layer.n_blocks * LINEAR_LANES * sizeof(double));
        there = o->chunks[c].gradient && o->chunks[c].bias;
    }
    return there ? RESHIFT_OK : error_memory(error, bytes, "the gradient of a linear layer");
}

/* Where the search ended, for the caller: W and b = (bias of centred features) - W mean, and what was reached. */
static reshift_status finish(objective *o, const lbfgsfloatval_t *x, int ended, float *weight, float *bias,
                             reshift_logistic_fit *fit, reshift_error *error)
{
    const int64_t D = o->layer.n_features, K = o->layer.n_classes;
    if (o->cancelled) {
        reshift_status status = progress_check(o->progress, error);
        return status != RESHIFT_OK ? status : error_memory(error, CHUNK_BYTES, "the gradient of a linear layer");
    }
    if (ended == LBFGSERR_OUTOFMEMORY) {
        return error_memory(error, (size_t)(K * (D + 1)) * 20 * sizeof(double), "the steps of L-BFGS");
    }
    for (int64_t k = 0; k < K; k++) {
        double offset = x[K * D + k];
        for (int64_t d = 0; d < D; d++) {
            weight[k * D + d] = (float)x[k * D + d];
            offset -= x[k * D + d] * o->mean[d];
        }
        bias[k] = (float)offset;
    }
    *fit = (reshift_logistic_fit){o->loss, o->largest, o->iterations, o->largest <= o->options->tolerance};
    return isfinite(o->loss) ? RESHIFT_OK
                             : error_set(error, RESHIFT_ERROR_NUMERIC, "the loss of the regression is not finite");
}

reshift_status logistic_fit(const logistic_rows *rows, int n_classes, const reshift_logistic_options *options,
                            float *weight, float *bias, reshift_logistic_fit *fit, const reshift_progress *progress,
                            reshift_error *error)
{
    objective o = {.rows = rows, .options = options, .progress = progress};
    const int64_t D = rows->sample->n_features, K = n_classes;
    lbfgsfloatval_t *x = NULL, *g = NULL;
    if (K * (D + 1) > INT32_MAX) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "L-BFGS: %d classes of %lld features are too many weights",
                         n_classes, (long long)D);
    }
    reshift_status status = objective_create(n_classes, &o, error);
    if (status == RESHIFT_OK && (!(x = lbfgs_malloc((int)(K * (D + 1)))) || !(g = lbfgs_malloc((int)(K * (D + 1)))))) {
        status = error_memory(error, (size_t)(K * (D + 1)) * sizeof *x, "weights");
    }
    if (status == RESHIFT_OK) {
        find_mean(rows, o.mean);
        for (int64_t k = 0; k < K; k++) {
            double offset = options->initial_bias ? (double)options->initial_bias[k] : 0;
            for (int64_t d = 0; d < D; d++) {
                x[k * D + d] = options->initial_weight ? (double)options->initial_weight[k * D + d] : 0;
                offset += x[k * D + d] * o.mean[d];
            }
            x[K * D + k] = offset;
        }
        lbfgs_parameter_t parameters;
        lbfgs_parameter_init(&parameters);
        parameters.m = 10;
        parameters.epsilon = 0; /* watch() decides */
        parameters.max_iterations = options->max_iterations;
        /* Errors of the line search mean that float32 shows no way further down: the gradient says how near that is. */
        int ended = lbfgs((int)(K * (D + 1)), x, NULL, evaluate, watch, &o, &parameters);
        if (!o.cancelled) { /* a search that failed has gone back to where it began */
            evaluate(&o, x, g, 0, 0);
            o.largest = largest_of(g, K * (D + 1));
        }
        status = finish(&o, x, ended, weight, bias, fit, error);
    }
    lbfgs_free(x);
    lbfgs_free(g);
    objective_destroy(&o);
    return status;
}
