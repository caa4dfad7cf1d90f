/*
 * Softmax regression by L-BFGS. The minimiser is liblbfgs; this file is the objective, in double precision.
 *
 * The search runs in other variables than the layer's weights: z = (x - mean) t with one factor t a feature, so that
 * W x + b = V z + c with W = V t. Every feature then has about the same curvature,
 *
 *     t_d = 1 / sqrt(h var_d + l2),   h = (K - 1) / K^2: the curvature of the loss by a logit where all classes are
 * alike,
 *
 * so that neither the size nor the offset of features matters, and weak penalties need fewer steps. The minimum is the
 * same one: the penalty stays that of W.
 */
#include <cblas.h>
#include <lbfgs.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"
#include "base/progress.h"
#include "classifiers/logistic.h"
#include "kernels/softmax.h"

#define MOST_CHUNKS 32
#define CHUNK_BYTES ((size_t)64 << 20) /* of all sums */
#define BLOCK 64                       /* rows of a product */

void reshift_logistic_options_default(reshift_logistic_options *options)
{
    *options = (reshift_logistic_options){.max_iterations = 2000, .tolerance = 1e-7};
}

/* ---- the objective ---- */

/* What one thread needs for a block of rows. */
typedef struct scratch {
    double *z;      /* [BLOCK][D] */
    double *logits; /* [BLOCK][K], then the loss's gradient by them */
} scratch;

/* Sums over a fixed range of rows, whichever thread adds them. */
typedef struct chunk {
    double loss;
    double *gradient; /* [K,D] */
    double *bias;     /* [K] */
} chunk;

typedef struct objective {
    const logistic_rows *rows;
    const reshift_logistic_options *options;
    const reshift_progress *progress;
    int64_t D, K;
    double *mean, *factor; /* [D], see above */
    chunk *chunks;
    int n_chunks;
    double loss;    /* of the last evaluation, without the penalty */
    double largest; /* entry of the gradient by V at the minimiser's place */
    int iterations;
    bool cancelled, no_memory;
} objective;

static const float *row_of(const logistic_rows *rows, int64_t i, int *label)
{
    const sample *s = rows->sample;
    const int64_t row = rows->rows ? rows->rows[i] : i;
    *label = s->labels[row];
    return s->features + row * s->n_features;
}

/* Logits [n][K] of a block become the gradient of its loss, which is returned. */
static double softmax_block(const objective *o, const int *labels, int n, double *logits, double *bias)
{
    double loss = 0;
    for (int b = 0; b < n; b++) {
        double *row = logits + b * o->K, of_label = row[labels[b]], sum;
        const double most = softmax_exponentials_f64(row, o->K, &sum), own = of_label - most;
        const double weight = o->options->class_weights ? o->options->class_weights[labels[b]] : 1;
        loss += weight * (log(sum) - own);
        for (int64_t k = 0; k < o->K; k++) {
            row[k] = weight * (row[k] / sum - (k == labels[b]));
            bias[k] += row[k];
        }
    }
    return loss;
}

/* Rows first..last-1 of the sample at V, c = x. */
static void add_rows(const objective *o, const double *x, int64_t first, int64_t last, const scratch *s, chunk *sum)
{
    const int D = (int)o->D, K = (int)o->K;
    sum->loss = 0;
    memset(sum->gradient, 0, (size_t)(o->K * o->D) * sizeof(double));
    memset(sum->bias, 0, (size_t)o->K * sizeof(double));
    for (int64_t i = first; i < last; i += BLOCK) {
        const int n = last - i < BLOCK ? (int)(last - i) : BLOCK;
        int labels[BLOCK];
        for (int b = 0; b < n; b++) {
            const float *row = row_of(o->rows, i + b, &labels[b]);
            double *z = s->z + b * o->D;
            for (int64_t d = 0; d < o->D; d++) {
                z[d] = ((double)row[d] - o->mean[d]) * o->factor[d];
            }
            memcpy(s->logits + b * o->K, x + o->K * o->D, (size_t)o->K * sizeof(double));
        }
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, K, D, 1, s->z, D, x, D, 1, s->logits, K);
        sum->loss += softmax_block(o, labels, n, s->logits, sum->bias);
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, K, D, n, 1, s->logits, K, s->z, D, 1, sum->gradient, D);
    }
}

/* Sums of every chunk into the first one's, in order. False: out of memory. */
static bool add_all(objective *o, const double *x)
{
    int missing = 0;
#pragma omp parallel reduction(+ : missing)
    {
        scratch s = {.z = memory_allocate((size_t)(BLOCK * o->D) * sizeof(double)),
                     .logits = memory_allocate((size_t)(BLOCK * o->K) * sizeof(double))};
        const bool enough = s.z && s.logits;
        missing += !enough;
#pragma omp for schedule(dynamic)
        for (int c = 0; c < o->n_chunks; c++) {
            if (enough) {
                add_rows(o, x, o->rows->n * c / o->n_chunks, o->rows->n * (c + 1) / o->n_chunks, &s, &o->chunks[c]);
            }
        }
        memory_free(s.z);
        memory_free(s.logits);
    }
    if (missing) {
        return false;
    }
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < o->K * o->D; i++) {
        for (int c = 1; c < o->n_chunks; c++) {
            o->chunks[0].gradient[i] += o->chunks[c].gradient[i];
        }
    }
    for (int c = 1; c < o->n_chunks; c++) {
        o->chunks[0].loss += o->chunks[c].loss;
        for (int64_t k = 0; k < o->K; k++) {
            o->chunks[0].bias[k] += o->chunks[c].bias[k];
        }
    }
    return true;
}

/* x: V [K,D] and c [K]; returns the value and writes the gradient g. */
static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *x, lbfgsfloatval_t *g, const int n,
                                const lbfgsfloatval_t step)
{
    (void)step;
    objective *o = instance;
    if (!add_all(o, x)) {
        o->no_memory = true; /* watch() ends the search */
        memset(g, 0, (size_t)n * sizeof *g);
        return 0;
    }
    const double scale = 1 / (double)o->rows->n, l2 = o->options->l2;
    const chunk *sum = &o->chunks[0];
    double squares = 0;
    o->loss = sum->loss * scale;
    for (int64_t k = 0; k < o->K; k++) {
        for (int64_t d = 0; d < o->D; d++) {
            const int64_t i = k * o->D + d;
            const double w = x[i] * o->factor[d];
            squares += w * w;
            g[i] = sum->gradient[i] * scale + l2 * w * o->factor[d];
        }
        g[o->K * o->D + k] = sum->bias[k] * scale;
    }
    return o->loss + l2 / 2 * squares;
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
    return o->cancelled || o->no_memory || o->largest <= o->options->tolerance;
}

/* ---- making and keeping ---- */

/* Means and factors of the features; a feature that does not vary but by rounding gets no curvature from it. */
static void find_factors(objective *o)
{
    enum { COLUMNS = 16 };
    const logistic_rows *rows = o->rows;
    const double curvature = (double)(o->K - 1) / (double)(o->K * o->K);
#pragma omp parallel for schedule(static)
    for (int64_t from = 0; from < o->D; from += COLUMNS) {
        const int64_t end = from + COLUMNS < o->D ? from + COLUMNS : o->D;
        double squares[COLUMNS] = {0};
        for (int64_t d = from; d < end; d++) {
            o->mean[d] = 0;
        }
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t i = 0; i < rows->n; i++) {
                int label;
                const float *row = row_of(rows, i, &label);
                for (int64_t d = from; d < end; d++) {
                    const double off = (double)row[d] - o->mean[d];
                    if (pass) {
                        squares[d - from] += off * off;
                    } else {
                        squares[d - from] += (double)row[d];
                    }
                }
            }
            for (int64_t d = from; d < end && !pass; d++) {
                o->mean[d] = squares[d - from] / (double)rows->n;
                squares[d - from] = 0;
            }
        }
        for (int64_t d = from; d < end; d++) {
            double variance = squares[d - from] / (double)rows->n;
            variance = sqrt(variance) > 1e-9 * fabs(o->mean[d]) ? variance : 0;
            const double total = curvature * variance + o->options->l2;
            o->factor[d] = total > 0 ? 1 / sqrt(total) : 1;
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
    memory_free(o->factor);
}

static reshift_status objective_create(objective *o, reshift_error *error)
{
    const size_t bytes = (size_t)(o->K * o->D) * sizeof(double), chunks = CHUNK_BYTES / bytes;
    o->n_chunks = chunks < 1 ? 1 : chunks > MOST_CHUNKS ? MOST_CHUNKS : (int)chunks;
    o->chunks = calloc((size_t)o->n_chunks, sizeof *o->chunks);
    o->mean = memory_allocate((size_t)o->D * sizeof(double));
    o->factor = memory_allocate((size_t)o->D * sizeof(double));
    bool enough = o->chunks && o->mean && o->factor;
    for (int c = 0; enough && c < o->n_chunks; c++) {
        o->chunks[c].gradient = memory_allocate(bytes);
        o->chunks[c].bias = memory_allocate((size_t)o->K * sizeof(double));
        enough = o->chunks[c].gradient && o->chunks[c].bias;
    }
    return enough ? RESHIFT_OK : error_memory(error, bytes, "the gradient of a linear layer");
}

/* From W and b to V and c, and back. The bias follows the rounded weights, so that large means do not magnify rounding.
 */
static void set_start(const objective *o, double *x)
{
    const float *weight = o->options->initial_weight, *bias = o->options->initial_bias;
    for (int64_t k = 0; k < o->K; k++) {
        double offset = weight ? (double)bias[k] : 0;
        for (int64_t d = 0; d < o->D; d++) {
            const double w = weight ? (double)weight[k * o->D + d] : 0;
            x[k * o->D + d] = w / o->factor[d];
            offset += w * o->mean[d];
        }
        x[o->K * o->D + k] = offset;
    }
}

static void get_layer(const objective *o, const double *x, float *weight, float *bias)
{
    for (int64_t k = 0; k < o->K; k++) {
        double offset = x[o->K * o->D + k];
        for (int64_t d = 0; d < o->D; d++) {
            weight[k * o->D + d] = (float)(x[k * o->D + d] * o->factor[d]);
            offset -= (double)weight[k * o->D + d] * o->mean[d];
        }
        bias[k] = (float)offset;
    }
}

static reshift_status refuse(reshift_error *error, const char *what)
{
    error_set(error, RESHIFT_ERROR_NUMERIC, "L-BFGS: %s", what);
    error_hint(error, "scale the features to values of about 1, for example (x - mean) / standard deviation");
    return RESHIFT_ERROR_NUMERIC;
}

/* What the search reached, for the caller. */
static reshift_status finish(objective *o, const double *x, int ended, float *weight, float *bias,
                             reshift_logistic_fit *fit, reshift_error *error)
{
    if (o->no_memory) {
        return error_memory(error, (size_t)(BLOCK * (o->D + o->K)) * sizeof(double), "a block of rows");
    }
    if (o->cancelled) {
        return progress_check(o->progress, error);
    }
    if (ended == LBFGSERR_OUTOFMEMORY) {
        return error_memory(error, (size_t)(o->K * (o->D + 1)) * 20 * sizeof(double), "the steps of L-BFGS");
    }
    get_layer(o, x, weight, bias);
    *fit = (reshift_logistic_fit){.loss = o->loss,
                                  .gradient = o->largest,
                                  .iterations = o->iterations,
                                  .converged = o->largest <= o->options->tolerance,
                                  .at_limit = ended == LBFGSERR_MAXIMUMITERATION};
    if (!isfinite(o->loss) || !isfinite(o->largest)) {
        return refuse(error, "the loss is not finite");
    }
    if (finite_first_bad(weight, o->K, o->D) < o->K || finite_first_bad(bias, 1, o->K) < 1) {
        return refuse(error, "the weights overflow float32");
    }
    if (o->iterations == 0 && !fit->converged && !o->options->initial_weight) {
        return refuse(error, "the search did not start: no step from zero weights lowers the loss");
    }
    return RESHIFT_OK;
}

reshift_status logistic_fit(const logistic_rows *rows, int n_classes, const reshift_logistic_options *options,
                            float *weight, float *bias, reshift_logistic_fit *fit, const reshift_progress *progress,
                            reshift_error *error)
{
    objective o = {
        .rows = rows, .options = options, .progress = progress, .D = rows->sample->n_features, .K = n_classes};
    lbfgsfloatval_t *x = NULL, *g = NULL;
    if (o.D >= INT32_MAX || o.K * (o.D + 1) > INT32_MAX) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "L-BFGS: %d classes of %lld features are too many weights",
                         n_classes, (long long)o.D);
    }
    const int n = (int)(o.K * (o.D + 1));
    reshift_status status = objective_create(&o, error);
    if (status == RESHIFT_OK && (!(x = lbfgs_malloc(n)) || !(g = lbfgs_malloc(n)))) {
        status = error_memory(error, (size_t)n * sizeof *x, "weights");
    }
    if (status == RESHIFT_OK) {
        find_factors(&o);
        set_start(&o, x);
        lbfgs_parameter_t parameters;
        lbfgs_parameter_init(&parameters);
        parameters.m = 20;
        parameters.epsilon = 0; /* watch() decides */
        parameters.max_iterations = options->max_iterations;
        int ended = LBFGS_ALREADY_MINIMIZED;
        evaluate(&o, x, g, n, 0);
        o.largest = largest_of(g, n);
        if (!o.no_memory && !(o.largest <= options->tolerance)) {
            /* an error of the line search: rounding hides any lower point; the gradient shows how near the minimum is
             */
            ended = lbfgs(n, x, NULL, evaluate, watch, &o, &parameters);
        }
        if (!o.cancelled && !o.no_memory) { /* a search that failed has gone back to where it began */
            evaluate(&o, x, g, n, 0);
            o.largest = largest_of(g, n);
        }
        status = finish(&o, x, ended, weight, bias, fit, error);
    }
    lbfgs_free(x);
    lbfgs_free(g);
    objective_destroy(&o);
    return status;
}
