/*
 * Accuracy, likelihood, Brier score and calibration of scores against labels. Rows are worked on by all threads, each
 * into its own place; the sums run over rows in order, so the thread count changes nothing. Everything is float64 from
 * the float32 scores on: probabilities are never rounded in between.
 */
#include "reshift/evaluation.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* What one row contributes. */
typedef struct row_figures {
    double nll, brier, confidence; /* confidence is NAN where the row is no distribution */
} row_figures;

/* log of the sum of exponentials keeps its precision where the label's probability is near 0 or 1 */
static row_figures of_logits(const float *z, int64_t n_classes, int64_t best, int label)
{
    double largest = z[best], sum = 0, squares = 0;
    row_figures figures = {NAN, NAN, NAN};
    if (!isfinite(largest)) {
        return figures;
    }
    for (int64_t k = 0; k < n_classes; k++) {
        sum += exp((double)z[k] - largest);
    }
    for (int64_t k = 0; k < n_classes; k++) {
        double difference = exp((double)z[k] - largest) / sum - (k == label);
        squares += difference * difference;
    }
    figures.nll = log(sum) - ((double)z[label] - largest);
    figures.brier = squares;
    figures.confidence = 1 / sum;
    return figures;
}

static row_figures of_probabilities(const float *p, int64_t n_classes, int64_t best, int label)
{
    double sum = 0, squares = 0;
    bool good = true;
    for (int64_t k = 0; k < n_classes; k++) {
        double difference = (double)p[k] - (k == label);
        good &= p[k] >= 0 && p[k] <= 1;
        sum += p[k];
        squares += difference * difference;
    }
    if (!good || fabs(sum - 1) > 1e-3) {
        return (row_figures){NAN, NAN, NAN};
    }
    double nll = -log((double)p[label]);
    return (row_figures){nll + 0.0, squares, p[best]}; /* + 0.0: no negative zero */
}

/* A bin holds what lies above its lower bound, up to and with its upper one; 0 goes to the first. */
static double calibration_error(const row_figures *rows, const bool *right, int64_t n)
{
    double confidence[RESHIFT_CALIBRATION_BINS] = {0}, error = 0;
    int64_t correct[RESHIFT_CALIBRATION_BINS] = {0};
    for (int64_t row = 0; row < n; row++) {
        int bin = (int)ceil(rows[row].confidence * RESHIFT_CALIBRATION_BINS) - 1;
        bin = bin < 0 ? 0 : bin >= RESHIFT_CALIBRATION_BINS ? RESHIFT_CALIBRATION_BINS - 1 : bin;
        confidence[bin] += rows[row].confidence;
        correct[bin] += right[row];
    }
    for (int bin = 0; bin < RESHIFT_CALIBRATION_BINS; bin++) {
        error += fabs((double)correct[bin] - confidence[bin]) / (double)n;
    }
    return error;
}

static reshift_status check_scores(const reshift_array *scores, reshift_scores kind, const int *labels,
                                   reshift_error *error)
{
    if (scores->dtype != RESHIFT_F32 || scores->n_dims != 2 || scores->shape[1] < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "%s: expected float32 [N,K] with K > 0, found %s with %d dimensions",
                         kind == RESHIFT_SCORES_LOGITS ? "logits" : "probabilities", reshift_dtype_name(scores->dtype),
                         scores->n_dims);
    }
    for (int64_t row = 0; row < scores->shape[0]; row++) {
        if (labels[row] < 0 || labels[row] >= scores->shape[1]) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "label of row %lld: expected 0 to %lld, found %d",
                             (long long)row, (long long)scores->shape[1] - 1, labels[row]);
        }
    }
    return RESHIFT_OK;
}

/* The first row that is no distribution, or -1. */
static int64_t measure_rows(const reshift_array *scores, reshift_scores kind, const int *labels, int *predictions,
                            row_figures *rows, bool *right)
{
    int64_t n = scores->shape[0], n_classes = scores->shape[1];
    const float *values = scores->data;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < n; row++) {
        const float *x = values + row * n_classes;
        int64_t best = 0;
        bool numbers = !isnan(x[0]);
        for (int64_t k = 1; k < n_classes; k++) {
            numbers &= !isnan(x[k]);
            best = x[k] > x[best] ? k : best;
        }
        rows[row] = !numbers                        ? (row_figures){NAN, NAN, NAN}
                    : kind == RESHIFT_SCORES_LOGITS ? of_logits(x, n_classes, best, labels[row])
                                                    : of_probabilities(x, n_classes, best, labels[row]);
        right[row] = best == labels[row];
        if (predictions) {
            predictions[row] = (int)best;
        }
    }
    for (int64_t row = 0; row < n; row++) {
        if (isnan(rows[row].confidence)) {
            return row;
        }
    }
    return -1;
}

reshift_status reshift_metrics_of(const reshift_array *scores, reshift_scores kind, const int *labels, int *predictions,
                                  int64_t *confusion, reshift_metrics *metrics, reshift_error *error)
{
    *metrics = (reshift_metrics){reshift_accuracy_of(0, 0), NAN, NAN, NAN};
    reshift_status status = check_scores(scores, kind, labels, error);
    if (status != RESHIFT_OK || scores->shape[0] == 0) {
        return status;
    }
    int64_t n = scores->shape[0], n_classes = scores->shape[1], correct = 0;
    size_t bytes = 0;
    row_figures *rows = memory_product((size_t)n, sizeof *rows, &bytes) ? memory_allocate(bytes) : NULL;
    bool *right = memory_allocate((size_t)n * sizeof *right);
    int *guesses = predictions ? predictions : memory_allocate((size_t)n * sizeof *guesses);
    if (!rows || !right || !guesses) {
        status = error_memory(error, bytes, "figures of rows");
        goto done;
    }
    int64_t odd = measure_rows(scores, kind, labels, guesses, rows, right);
    if (odd >= 0) {
        status = kind == RESHIFT_SCORES_LOGITS
                     ? error_set(error, RESHIFT_ERROR_NUMERIC,
                                 "logits: row %lld holds a value that is not a finite number", (long long)odd)
                     : error_set(error, RESHIFT_ERROR_NUMERIC,
                                 "probabilities: row %lld: expected values from 0 to 1 that sum to 1", (long long)odd);
        goto done;
    }
    double nll = 0, brier = 0;
    for (int64_t row = 0; row < n; row++) {
        nll += rows[row].nll;
        brier += rows[row].brier;
        correct += right[row];
        if (confusion) {
            confusion[labels[row] * n_classes + guesses[row]]++;
        }
    }
    metrics->accuracy = reshift_accuracy_of(correct, n);
    metrics->nll = nll / (double)n;
    metrics->brier = brier / (double)n;
    metrics->ece = calibration_error(rows, right, n);
done:
    memory_free(rows);
    memory_free(right);
    if (!predictions) {
        memory_free(guesses);
    }
    return status;
}
