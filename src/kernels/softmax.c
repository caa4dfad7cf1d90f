/*
 * The forms of softmax.h. softmax_rows() has a row in each lane: maxima, exponentials and sums of 16 rows are
 * element-wise. The others are plain loops over one row with the C library's exponential.
 */
#include "kernels/softmax.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

/* ---- one row, float64 ---- */

softmax_row softmax_of(const float *z, int64_t n)
{
    int64_t best = 0;
    for (int64_t k = 1; k < n; k++) {
        best = z[k] > z[best] ? k : best;
    }
    softmax_row row = {best, (double)z[best], 0};
    for (int64_t k = 0; k < n; k++) {
        row.sum += exp((double)z[k] - row.largest);
    }
    return row;
}

double softmax_probability(const softmax_row *row, float z) { return exp((double)z - row->largest) / row->sum; }

void softmax_probabilities(const float *z, int64_t n, float *probabilities)
{
    const softmax_row row = softmax_of(z, n);
    for (int64_t k = 0; k < n; k++) {
        probabilities[k] = (float)softmax_probability(&row, z[k]);
    }
}

void softmax_probabilities_rounded(const float *z, int64_t n, float *probabilities)
{
    float largest = z[0];
    double sum = 0;
    for (int64_t k = 1; k < n; k++) {
        largest = z[k] > largest ? z[k] : largest;
    }
    for (int64_t k = 0; k < n; k++) {
        sum += exp((double)(z[k] - largest));
    }
    for (int64_t k = 0; k < n; k++) {
        probabilities[k] = (float)(exp((double)(z[k] - largest)) / sum);
    }
}

double softmax_cross_entropy(const float *z, int n, int label, double smoothing, double rows, float *gradient,
                             int *correct)
{
    const softmax_row row = softmax_of(z, n);
    const double own = (double)z[label] - row.largest;
    double mean = 0;
    for (int k = 0; k < n; k++) {
        mean += ((double)z[k] - row.largest) / n;
    }
    for (int k = 0; gradient && k < n; k++) {
        const double target = (k == label) * (1 - smoothing) + smoothing / n;
        gradient[k] = (float)((softmax_probability(&row, z[k]) - target) / rows);
    }
    *correct = row.best == label;
    return log(row.sum) - own - smoothing * (mean - own);
}

double softmax_entropy(const float *z, int n, double rows, float *gradient)
{
    const softmax_row row = softmax_of(z, n);
    const double log_sum = log(row.sum);
    double entropy = 0;
    for (int k = 0; k < n; k++) {
        const double log_p = (double)z[k] - row.largest - log_sum;
        entropy -= exp(log_p) * log_p;
    }
    for (int k = 0; gradient && k < n; k++) {
        const double log_p = (double)z[k] - row.largest - log_sum;
        gradient[k] = (float)(-exp(log_p) * (log_p + entropy) / rows);
    }
    return entropy;
}

double softmax_exponentials_f64(double *z, int64_t n, double *sum)
{
    double largest = z[0];
    for (int64_t k = 1; k < n; k++) {
        largest = z[k] > largest ? z[k] : largest;
    }
    *sum = 0;
    for (int64_t k = 0; k < n; k++) {
        z[k] = exp(z[k] - largest);
        *sum += z[k];
    }
    return largest;
}

double softmax_mean_f64(const double *z, int64_t n, double t, double *largest)
{
    double total = 0, mean = 0;
    *largest = z[0];
    for (int64_t k = 1; k < n; k++) {
        *largest = fmax(*largest, z[k]);
    }
    for (int64_t k = 0; k < n; k++) {
        const double e = exp(t * (z[k] - *largest));
        total += e;
        mean += e * (z[k] - *largest);
    }
    return mean / total;
}

double softmax_weight(double z, double largest, double temperature) { return exp((z - largest) / temperature); }

/* ---- one row, float32 ---- */

float softmax_cross_entropy_f32(const float *logits, int n_classes, int label, float scale, float *delta, int *correct)
{
    int best = 0;
    for (int k = 1; k < n_classes; k++) {
        if (logits[k] > logits[best]) {
            best = k;
        }
    }
    float largest = logits[best], sum = 0;
    for (int k = 0; k < n_classes; k++) {
        float e = expf(logits[k] - largest);
        sum += e;
        if (delta) {
            delta[k] = e;
        }
    }
    if (delta) {
        for (int k = 0; k < n_classes; k++) {
            delta[k] = (delta[k] / sum - (k == label ? 1.0f : 0.0f)) * scale;
        }
    }
    *correct = best == label;
    return logf(sum) - (logits[label] - largest);
}

/* ---- 16 rows, float32 ---- */

enum { ROWS = 16 };

size_t softmax_scratch(int n_classes) { return (size_t)n_classes * ROWS; }

/*
 * exp(x) for x <= 0: 2^n e^r with n the nearest whole number to x / ln 2, ln 2 in two parts, and a polynomial for e^r
 * (Cephes, expf; one unit in the last place). Below -87 it is 0.
 */
static inline __attribute__((always_inline)) float exponential(float x)
{
    const float whole = 12582912.0f; /* 1.5 * 2^23: adding it leaves the nearest whole number in the low bits */
    float t = x * 1.44269504088896341f + whole, n = t - whole;
    float r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    float y = p * (r * r) + r + 1.0f;
    uint32_t bits, power;
    memcpy(&power, &t, sizeof power);
    memcpy(&bits, &y, sizeof bits);
    bits += power << 23; /* n in the low bits of t */
    memcpy(&y, &bits, sizeof y);
    return x < -87.0f ? 0.0f : x != x ? x : y;
}

/* logits[k][row] out of the pieces: bias first, then the parts in order */
static void gather(const softmax_pieces *p, int first, int n, float (*logits)[ROWS])
{
    const int64_t piece = (int64_t)p->batch * LINEAR_LANES;
    for (int block = 0; block < p->n_blocks; block++) {
        int first_class = block * LINEAR_CLASSES;
        int classes = p->n_classes - first_class < LINEAR_CLASSES ? p->n_classes - first_class : LINEAR_CLASSES;
        for (int row = 0; row < n; row++) {
            float sum[LINEAR_LANES];
            memcpy(sum, p->bias + block * LINEAR_LANES, sizeof sum);
            for (int64_t part = 0; part < p->n_parts; part++) {
                const float *from =
                    p->partial + (part * p->n_blocks + block) * piece + (int64_t)(first + row) * LINEAR_LANES;
                for (int c = 0; c < LINEAR_LANES; c++) {
                    sum[c] += from[c];
                }
            }
            for (int c = 0; c < classes; c++) {
                logits[first_class + c][row] = sum[c];
            }
        }
        for (int c = 0; c < classes; c++) {
            for (int row = n; row < ROWS; row++) {
                logits[first_class + c][row] = 0;
            }
        }
    }
}

RESHIFT_KERNEL(void, softmax_rows,
               (const softmax_pieces *pieces, int first, int n, const int *labels, float scale, const float *weights,
                float *scratch, float *delta, float *loss, uint8_t *correct),
               (pieces, first, n, labels, scale, weights, scratch, delta, loss, correct))
{
    const int n_classes = pieces->n_classes;
    float(*logits)[ROWS] = (float(*)[ROWS])scratch;
    float largest[ROWS], sum[ROWS] = {0}, of_label[ROWS] = {0}, scale_by[ROWS], own_scale[ROWS];
    int32_t label[ROWS] = {0}, best[ROWS];
    gather(pieces, first, n, logits);
    for (int row = 0; row < n; row++) {
        label[row] = labels[first + row];
        of_label[row] = logits[label[row]][row];
    }
    for (int row = 0; row < ROWS; row++) {
        largest[row] = logits[0][row];
        best[row] = 1;
    }
    for (int k = 1; k < n_classes; k++) {
        for (int row = 0; row < ROWS; row++) {
            largest[row] = logits[k][row] > largest[row] ? logits[k][row] : largest[row];
        }
    }
    if (loss) {
        for (int k = 0; k < n_classes; k++) { /* no class before the label reaches it, none after it is above */
            for (int row = 0; row < ROWS; row++) {
                int beaten = k < label[row] ? logits[k][row] < of_label[row] : logits[k][row] <= of_label[row];
                best[row] &= beaten;
            }
        }
    }
    for (int k = 0; k < n_classes; k++) {
        for (int row = 0; row < ROWS; row++) {
            float e = exponential(logits[k][row] - largest[row]);
            sum[row] += e;
            logits[k][row] = e;
        }
    }
    for (int row = 0; row < ROWS; row++) {
        own_scale[row] = weights ? scale * weights[label[row]] : scale;
        scale_by[row] = own_scale[row] / sum[row];
    }
    for (int k = 0; k < n_classes; k++) {
        for (int row = 0; row < ROWS; row++) {
            logits[k][row] = logits[k][row] * scale_by[row] - (k == label[row] ? own_scale[row] : 0.0f);
        }
    }
    const int64_t padded = (int64_t)pieces->n_blocks * LINEAR_LANES;
    for (int row = 0; row < n; row++) {
        float *to = delta + (first + row) * padded;
        for (int k = 0; k < n_classes; k++) {
            to[k / LINEAR_CLASSES * LINEAR_LANES + k % LINEAR_CLASSES] = logits[k][row];
        }
    }
    if (loss) {
        for (int row = 0; row < n; row++) {
            loss[first + row] = logf(sum[row]) - (of_label[row] - largest[row]);
            correct[first + row] = (uint8_t)best[row];
        }
    }
}
