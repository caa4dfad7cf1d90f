/* Softmax cross-entropy with a row in each lane: maxima, exponentials and sums of 16 rows are element-wise. */
#include "kernels/softmax.h"

#include <math.h>
#include <string.h>

#include "kernels/vector.h"

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

RESHIFT_VECTOR(void, softmax_rows, (const softmax_pieces *pieces, int first, int n, const int *labels, float scale,
                                    const float *weights, float *scratch, float *delta, float *loss, uint8_t *correct),
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
