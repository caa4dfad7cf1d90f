/*
 * Accuracy, likelihood, Brier score and calibration of scores against labels. Threads process rows independently, each
 * row's results in its own place. Sums run over rows in order, so the thread count does not change results. All
 * arithmetic is float64 from the float32 scores on; probabilities are never rounded in between.
 */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "formats/labels.h"
#include "kernels/softmax.h"
#include "metrics/figures.h"

/* log-sum-exp keeps its precision if the label's probability is near 0 or 1 */
static row_figures of_logits(const float *z, int64_t n_classes, int64_t best, int label)
{
    double squares = 0;
    row_figures figures = {(double)best, NAN, NAN, NAN, NAN};
    if (!isfinite(z[best])) {
        return figures;
    }
    const softmax_row row = softmax_of(z, n_classes);
    for (int64_t k = 0; k < n_classes; k++) {
        double difference = softmax_probability(&row, z[k]) - (k == label);
        squares += difference * difference;
    }
    figures.nll = log(row.sum) - ((double)z[label] - row.largest);
    figures.brier = squares;
    figures.confidence = 1 / row.sum;
    figures.rank = 0;
    for (int64_t k = 0; k < n_classes; k++) {
        figures.rank += z[k] > z[label] || (z[k] == z[label] && k < label);
    }
    return figures;
}

/* Element i of float32 or float64 scores. */
static inline double score_at(const reshift_array *scores, int64_t i)
{
    return scores->dtype == RESHIFT_F64 ? ((const double *)scores->data)[i] : (double)((const float *)scores->data)[i];
}

/* float64 keeps votes that float32 would round to 0, whose log is minus infinity. */
static row_figures of_probabilities(const reshift_array *scores, int64_t row, int label)
{
    const int64_t n_classes = scores->shape[1], first = row * n_classes;
    double sum = 0, squares = 0;
    int64_t best = 0;
    bool good = true;
    for (int64_t k = 0; k < n_classes; k++) {
        const double p = score_at(scores, first + k), difference = p - (k == label);
        good &= p >= 0 && p <= 1;
        best = p > score_at(scores, first + best) ? k : best;
        sum += p;
        squares += difference * difference;
    }
    if (!good || fabs(sum - 1) > 1e-3) {
        return (row_figures){(double)best, NAN, NAN, NAN, NAN};
    }
    const double own = score_at(scores, first + label), nll = -log(own);
    double rank = 0;
    for (int64_t k = 0; k < n_classes; k++) {
        const double other = score_at(scores, first + k);
        rank += other > own || (other == own && k < label);
    }
    return (row_figures){(double)best, nll + 0.0, squares, score_at(scores, first + best),
                         rank}; /* + 0.0: no negative zero */
}

static reshift_status check_scores(const reshift_array *scores, reshift_scores kind, const int *labels, int64_t first,
                                   reshift_error *error)
{
    const bool wide = scores->dtype == RESHIFT_F64 && kind == RESHIFT_SCORES_PROBABILITIES;
    if ((scores->dtype != RESHIFT_F32 && !wide) || scores->n_dims != 2 || scores->shape[1] < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "%s: expected float32 [N,K] with K > 0, found %s with %d dimensions",
                         kind == RESHIFT_SCORES_LOGITS ? "logits" : "probabilities", reshift_dtype_name(scores->dtype),
                         scores->n_dims);
    }
    for (int64_t row = 0; row < scores->shape[0]; row++) {
        if (labels[row] < 0 || labels[row] >= scores->shape[1]) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "label of row %lld: expected 0 to %lld, found %d",
                             (long long)(first + row), (long long)scores->shape[1] - 1, labels[row]);
        }
    }
    return RESHIFT_OK;
}

reshift_status figures_of_scores(const reshift_array *scores, reshift_scores kind, const int *labels, int64_t first,
                                 row_figures *rows, reshift_error *error)
{
    reshift_status status = check_scores(scores, kind, labels, first, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int64_t n = scores->shape[0], n_classes = scores->shape[1];
    const float *values = scores->data;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < n; row++) {
        if (kind == RESHIFT_SCORES_PROBABILITIES) {
            rows[row] = of_probabilities(scores, row, labels[row]);
            continue;
        }
        const float *x = values + row * n_classes;
        int64_t best = 0;
        bool numbers = !isnan(x[0]);
        for (int64_t k = 1; k < n_classes; k++) {
            numbers &= !isnan(x[k]);
            best = x[k] > x[best] ? k : best;
        }
        rows[row] = numbers ? of_logits(x, n_classes, best, labels[row]) : (row_figures){0, NAN, NAN, NAN, NAN};
    }
    for (int64_t row = 0; row < n; row++) {
        if (isnan(rows[row].confidence)) {
            return kind == RESHIFT_SCORES_LOGITS
                       ? error_set(error, RESHIFT_ERROR_NUMERIC,
                                   "logits: row %lld holds a value that is not a finite number",
                                   (long long)(first + row))
                       : error_set(error, RESHIFT_ERROR_NUMERIC,
                                   "probabilities: row %lld: expected values from 0 to 1 that sum to 1",
                                   (long long)(first + row));
        }
    }
    return RESHIFT_OK;
}

reshift_metrics figures_metrics(const row_figures *rows, const int *labels, const uint8_t *left_out, int64_t n)
{
    double nll = 0, brier = 0, error = 0, confidence[RESHIFT_CALIBRATION_BINS] = {0};
    int64_t count = 0, right = 0, correct[RESHIFT_CALIBRATION_BINS] = {0};
    for (int64_t row = 0; row < n; row++) {
        if (left_out && left_out[row]) {
            continue;
        }
        /* a bin includes its upper bound but not its lower one; 0 belongs to the first bin */
        int bin = (int)ceil(rows[row].confidence * RESHIFT_CALIBRATION_BINS) - 1;
        bin = bin < 0 ? 0 : bin >= RESHIFT_CALIBRATION_BINS ? RESHIFT_CALIBRATION_BINS - 1 : bin;
        bool good = rows[row].prediction == labels[row];
        confidence[bin] += rows[row].confidence;
        correct[bin] += good;
        right += good;
        nll += rows[row].nll;
        brier += rows[row].brier;
        count++;
    }
    if (count == 0) {
        return (reshift_metrics){reshift_accuracy_of(0, 0), NAN, NAN, NAN};
    }
    for (int bin = 0; bin < RESHIFT_CALIBRATION_BINS; bin++) {
        error += fabs((double)correct[bin] - confidence[bin]) / (double)count;
    }
    return (reshift_metrics){reshift_accuracy_of(right, count), nll / (double)count, brier / (double)count, error};
}

reshift_status figures_class_metrics(const row_figures *rows, const int *labels, const uint8_t *left_out, int64_t n,
                                     int n_classes, int n_scored, reshift_class_metrics *metrics, reshift_error *error)
{
    const size_t bytes = 2 * (size_t)n_classes * sizeof(int64_t);
    int64_t *count = memory_allocate(bytes), among_five = 0, all = 0, present = 0;
    *metrics = (reshift_class_metrics){NAN, NAN};
    if (!count) {
        return error_memory(error, bytes, "counts of classes");
    }
    int64_t *right = count + n_classes;
    for (int k = 0; k < 2 * n_classes; k++) {
        count[k] = 0;
    }
    for (int64_t row = 0; row < n; row++) {
        if (!left_out || !left_out[row]) {
            count[labels[row]]++;
            right[labels[row]] += rows[row].rank == 0;
            among_five += rows[row].rank < 5;
            all++;
        }
    }
    double sum = 0;
    for (int k = 0; k < n_classes; k++) {
        sum += count[k] ? (double)right[k] / (double)count[k] : 0;
        present += count[k] > 0;
    }
    if (all > 0) {
        *metrics =
            (reshift_class_metrics){sum / (double)present, n_scored < 5 ? NAN : (double)among_five / (double)all};
    }
    memory_free(count);
    return RESHIFT_OK;
}

reshift_status reshift_metrics_of(const reshift_array *scores, reshift_scores kind, const reshift_array *label_array,
                                  int *predictions, int64_t *confusion, reshift_metrics *metrics, reshift_error *error)
{
    *metrics = (reshift_metrics){reshift_accuracy_of(0, 0), NAN, NAN, NAN};
    int64_t n = scores->n_dims == 2 ? scores->shape[0] : 0;
    size_t bytes = 0;
    row_figures *rows = memory_product((size_t)n, sizeof *rows, &bytes) ? memory_allocate(bytes) : NULL;
    if (!rows) {
        return error_memory(error, bytes, "figures of rows");
    }
    const int *labels = NULL;
    int *copy = NULL;
    reshift_status status =
        scores->n_dims == 2 ? labels_as_int(label_array, "labels", n, &labels, &copy, error) : RESHIFT_OK;
    if (status == RESHIFT_OK) {
        status = figures_of_scores(scores, kind, labels, 0, rows, error);
    }
    if (status == RESHIFT_OK) {
        *metrics = figures_metrics(rows, labels, NULL, n);
    }
    for (int64_t row = 0; status == RESHIFT_OK && row < n; row++) {
        int guess = (int)rows[row].prediction;
        if (predictions) {
            predictions[row] = guess;
        }
        if (confusion) {
            confusion[labels[row] * scores->shape[1] + guess]++;
        }
    }
    memory_free(copy);
    memory_free(rows);
    return status;
}

static reshift_status class_metrics(const reshift_array *scores, const int *labels, reshift_class_metrics *metrics,
                                    reshift_error *error)
{
    const int64_t n = scores->shape[0], K = scores->shape[1];
    int64_t *rows = memory_allocate(2 * (size_t)K * sizeof *rows), among_five = 0;
    if (!rows) {
        return error_memory(error, 2 * (size_t)K * sizeof *rows, "counts of classes");
    }
    int64_t *right = rows + K;
    for (int64_t k = 0; k < 2 * K; k++) {
        rows[k] = 0;
    }
    for (int64_t i = 0; i < n; i++) {
        const int label = labels[i];
        if (label < 0 || label >= K) {
            memory_free(rows);
            return error_set(error, RESHIFT_ERROR_SHAPE, "label of row %lld: expected 0 to %lld, found %d",
                             (long long)i, (long long)K - 1, label);
        }
        const double own = score_at(scores, i * K + label);
        int64_t before = 0; /* classes ahead of the label when sorted by score */
        for (int64_t k = 0; k < K; k++) {
            const double other = score_at(scores, i * K + k);
            before += other > own || (other == own && k < label);
        }
        rows[label]++;
        right[label] += before == 0;
        among_five += before < 5;
    }
    double sum = 0;
    int64_t present = 0;
    for (int64_t k = 0; k < K; k++) {
        if (rows[k]) {
            sum += (double)right[k] / (double)rows[k];
            present++;
        }
    }
    metrics->balanced = sum / (double)present;
    metrics->top5 = K < 5 ? NAN : (double)among_five / (double)n;
    memory_free(rows);
    return RESHIFT_OK;
}

reshift_status reshift_class_metrics_of(const reshift_array *scores, const reshift_array *labels,
                                        reshift_class_metrics *metrics, reshift_error *error)
{
    *metrics = (reshift_class_metrics){NAN, NAN};
    if ((scores->dtype != RESHIFT_F32 && scores->dtype != RESHIFT_F64) || scores->n_dims != 2 || scores->shape[0] < 1 ||
        scores->shape[1] < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "scores: expected floats [N,K], found %s with %d dimensions",
                         reshift_dtype_name(scores->dtype), scores->n_dims);
    }
    const int *values;
    int *copy;
    reshift_status status = labels_as_int(labels, "labels", scores->shape[0], &values, &copy, error);
    if (status == RESHIFT_OK) {
        status = class_metrics(scores, values, metrics, error);
    }
    memory_free(copy);
    return status;
}
