/*
 * The classifier of nearest class means, as a linear layer whose logits do not depend on the features' unit.
 *
 * x is nearest to the mean m_k with the largest x m_k - |m_k|^2 / 2. With m_k = c + w_k and c the mean of the means
 * that is z_k = (x - c) w_k - |w_k|^2 / 2 plus a term that all classes share. The differences w_k keep their digits in
 * float32 however far the features are from 0, where those of |m_k|^2 are lost.
 *
 * z_k has the square of the features' unit: its softmax would depend on the unit, and features of 1e-25 underflow. The
 * layer therefore gives t z_k, with the t that makes the training rows most likely (temperature scaling, Guo et al.
 * 2017), and at most that of the Gaussian with the rows' own variance, 1 / variance, for classes that are fully
 * separated.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"
#include "classifiers/sample.h"
#include "datasets/classes.h"
#include "kernels/softmax.h"
#include "reshift/classifiers.h"

enum {
    COLUMNS = 64,         /* of a thread's share */
    LEAST_ROWS = 1000,    /* that choose the sharpness, */
    MOST_SCORES = 1 << 20 /* and their scores at most beyond these rows */
};

typedef struct class_means {
    const sample *s;
    int K;
    int64_t D, *counts; /* [K] */
    double *means;      /* [K,D]: sums first, then m_k, then w_k = m_k - c */
    double *centre;     /* [D] c */
    double *squares;    /* [D] squared distances to the rows' own means, by column */
} class_means;

static void sum_rows(class_means *m)
{
    const sample *s = m->s;
    const int64_t D = m->D;
#pragma omp parallel for schedule(static)
    for (int64_t first = 0; first < D; first += COLUMNS) {
        const int64_t last = first + COLUMNS < D ? first + COLUMNS : D;
        for (int64_t i = 0; i < s->n; i++) {
            double *sum = m->means + s->labels[i] * D;
            for (int64_t d = first; d < last; d++) {
                sum[d] += (double)s->features[i * D + d];
            }
        }
        for (int64_t d = first; d < last; d++) {
            m->centre[d] = m->squares[d] = 0;
        }
        for (int k = 0; k < m->K; k++) {
            for (int64_t d = first; d < last; d++) {
                m->means[k * D + d] /= (double)m->counts[k];
                m->centre[d] += m->means[k * D + d] / m->K;
            }
        }
        for (int64_t i = 0; i < s->n; i++) {
            const double *own = m->means + s->labels[i] * D;
            for (int64_t d = first; d < last; d++) {
                const double off = (double)s->features[i * D + d] - own[d];
                m->squares[d] += off * off;
            }
        }
        for (int k = 0; k < m->K; k++) {
            for (int64_t d = first; d < last; d++) {
                m->means[k * D + d] -= m->centre[d];
            }
        }
    }
}

/* z [K] of a row. */
static void scores_of(const class_means *m, const float *row, double *z)
{
    for (int k = 0; k < m->K; k++) {
        const double *w = m->means + k * m->D;
        double sum = 0;
        for (int64_t d = 0; d < m->D; d++) {
            sum += w[d] * ((double)row[d] - m->centre[d] - w[d] / 2);
        }
        z[k] = sum;
    }
}

/* The derivative by t of the log-likelihood of rows with scores z [n,K] and label row[K]: falls with t. */
static double slope(const class_means *m, const double *z, const int *labels, int64_t n, double t)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double *row = z + i * m->K;
        double most;
        const double mean = softmax_mean_f64(row, m->K, t, &most);
        sum += row[labels[i]] - most - mean;
    }
    return sum;
}

/* t, see above; evenly spaced rows choose it. */
static reshift_status find_sharpness(const class_means *m, double *t, reshift_error *error)
{
    double within = 0, between = 0;
    for (int64_t d = 0; d < m->D; d++) {
        within += m->squares[d] / (double)m->s->n;
    }
    for (int64_t i = 0; i < m->K * m->D; i++) {
        between += m->means[i] * m->means[i] / m->K;
    }
    const double scatter = within > 0 ? within : between; /* every row may be its class's mean */
    *t = 1;
    if (!(scatter > 0)) {
        return RESHIFT_OK; /* all rows are equal */
    }
    const int64_t most = MOST_SCORES / m->K > LEAST_ROWS ? MOST_SCORES / m->K : LEAST_ROWS;
    const int64_t n = m->s->n < most ? m->s->n : most;
    double *z = memory_allocate((size_t)n * (size_t)m->K * sizeof *z);
    int *labels = memory_allocate((size_t)n * sizeof *labels);
    if (!z || !labels) {
        memory_free(z);
        memory_free(labels);
        return error_memory(error, (size_t)n * (size_t)m->K * sizeof *z, "scores");
    }
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = m->s->n * i / n;
        labels[i] = m->s->labels[row];
        scores_of(m, m->s->features + row * m->D, z + i * m->K);
    }
    double low = 1e-3 / scatter, high = (double)m->D / scatter;
    for (int step = 0; step < 40 && high > low * (1 + 1e-6); step++) { /* the likelihood is concave in t */
        const double middle = sqrt(low) * sqrt(high);
        *(slope(m, z, labels, n, middle) > 0 ? &low : &high) = middle;
    }
    *t = sqrt(low) * sqrt(high);
    memory_free(z);
    memory_free(labels);
    return RESHIFT_OK;
}

/* The bias follows the rounded weights. */
static void make_layer(const class_means *m, double t, float *weight, float *bias)
{
    for (int k = 0; k < m->K; k++) {
        const double *w = m->means + k * m->D;
        double offset = 0;
        for (int64_t d = 0; d < m->D; d++) {
            weight[k * m->D + d] = (float)(t * w[d]);
            offset += (double)weight[k * m->D + d] * (m->centre[d] + w[d] / 2);
        }
        bias[k] = (float)-offset;
    }
}

static reshift_status count_classes(class_means *m, reshift_error *error)
{
    for (int64_t i = 0; i < m->s->n; i++) {
        m->counts[m->s->labels[i]]++;
    }
    for (int k = 0; k < m->K; k++) {
        if (!m->counts[k]) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "class %d has no training row, so it has no mean", k);
        }
    }
    return RESHIFT_OK;
}

static reshift_status allocate(class_means *m, reshift_error *error)
{
    size_t bytes = 0;
    if (memory_product((size_t)m->K, (size_t)m->D * sizeof *m->means, &bytes)) {
        m->means = memory_allocate(bytes);
        m->centre = memory_allocate((size_t)m->D * sizeof *m->centre);
        m->squares = memory_allocate((size_t)m->D * sizeof *m->squares);
        m->counts = calloc((size_t)m->K, sizeof *m->counts);
    }
    if (!m->means || !m->centre || !m->squares || !m->counts) {
        return error_memory(error, bytes, "class means");
    }
    memset(m->means, 0, bytes);
    return RESHIFT_OK;
}

reshift_status reshift_nearest_mean_train(const reshift_array *features, const reshift_array *labels, int n_classes,
                                          reshift_array *weight, reshift_array *bias, reshift_error *error)
{
    sample s = {0};
    int largest = -1;
    double t = 1;
    memset(weight, 0, sizeof *weight);
    memset(bias, 0, sizeof *bias);
    reshift_status status = sample_take(features, labels, "training", &s, &largest, error);
    class_means m = {.s = &s, .K = n_classes > 0 ? n_classes : largest + 1, .D = s.n_features};
    if (status == RESHIFT_OK) {
        status = sample_check_labels(&s, "training", m.K, error);
    }
    if (status == RESHIFT_OK) {
        status = classes_check(s.labels, s.n, m.K, "training labels", NULL, error);
    }
    if (status == RESHIFT_OK) {
        status = allocate(&m, error);
    }
    if (status == RESHIFT_OK) {
        status = count_classes(&m, error);
    }
    if (status == RESHIFT_OK) {
        sum_rows(&m);
        status = find_sharpness(&m, &t, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){m.K, m.D}, weight, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 1, (int64_t[]){m.K}, bias, error);
    }
    if (status == RESHIFT_OK) {
        make_layer(&m, t, weight->data, bias->data);
        if (finite_first_bad(weight->data, m.K, m.D) < m.K || finite_first_bad(bias->data, 1, m.K) < 1) {
            status = error_set(error, RESHIFT_ERROR_NUMERIC, "class means: the weights overflow float32");
            error_hint(error, "scale the features to values of about 1");
        }
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(weight);
        reshift_array_destroy(bias);
    }
    memory_free(m.means);
    memory_free(m.centre);
    memory_free(m.squares);
    free(m.counts);
    sample_release(&s);
    return status;
}
