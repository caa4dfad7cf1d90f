/*
 * Softmax, p_k = exp(z_k) / sum exp(z), and what is made of it: probabilities, cross-entropy, entropy, with gradients.
 * Every exponential is of z - max z, which cannot overflow. This file has all the forms that the library needs:
 *
 *   float64 arithmetic on float32 logits   losses of training, metrics, probabilities of a set of images. The default.
 *   the same, differences in float32       probabilities of one image (reshift_predict): kept so that its results stay
 *                                          the same to the last bit; it differs from the default in the seventh digit
 *   float64 logits                         L-BFGS, whose line search needs an exact objective; class means
 *   float32, the C library's expf()        the loss that the probe and the cached trained part report on a test set
 *   float32, 16 rows at a time             the probe's training step, where softmax takes a large share of the time
 *
 * Each form's results are recorded in users' files, so none is replaced by another. Only the last form has vector code;
 * it gives the same bits on every processor. The others are as exact as the C library's exp(), expf(), log() and
 * logf().
 */
#ifndef KERNELS_SOFTMAX_H
#define KERNELS_SOFTMAX_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/linear.h"

/* ---- one row of float32 logits in float64 ---- */

/** What the probabilities of a row [n] need: the index and value of its largest logit (the first of equals) and the sum
 * of exp(z - largest). */
typedef struct softmax_row {
    int64_t best;
    double largest, sum;
} softmax_row;

softmax_row softmax_of(const float *z, int64_t n);
/** The probability of a class with logit z. */
double softmax_probability(const softmax_row *row, float z);

/** Probabilities [n], rounded once; may be z itself. */
void softmax_probabilities(const float *z, int64_t n, float *probabilities);
/** The same with z - largest rounded to float32 first. */
void softmax_probabilities_rounded(const float *z, int64_t n, float *probabilities);

/**
 * -sum target ln p, with target = (1 - s) onehot(label) + s / n and s the label smoothing, 0 to 1. *correct is 1 if the
 * label has the largest logit (the first of equals). gradient [n] = (p - target) / rows, or NULL.
 */
double softmax_cross_entropy(const float *z, int n, int label, double smoothing, double rows, float *gradient,
                             int *correct);
/** -sum p ln p; gradient [n] = -p (ln p + entropy) / rows, or NULL. */
double softmax_entropy(const float *z, int n, double rows, float *gradient);

/* ---- float64 ---- */

/** z [n] becomes exp(z - largest), *sum their sum; returns the largest. */
double softmax_exponentials_f64(double *z, int64_t n, double *sum);
/** The mean of z - largest under the probabilities softmax(t z), z [n], t > 0. */
double softmax_mean_f64(const double *z, int64_t n, double t, double *largest);
/** exp((z - largest) / temperature): one term of a softmax whose logits are not in an array. */
double softmax_weight(double z, double largest, double temperature);

/* ---- float32 ---- */

/**
 * Cross-entropy of one row of logits [K]: returns the loss and, where `delta` is not NULL, writes (p - onehot) * scale
 * there. *correct is 1 if the label has the largest logit (the first of equals).
 */
float softmax_cross_entropy_f32(const float *logits, int n_classes, int label, float scale, float *delta, int *correct);

/** The logits of a batch in pieces: the results of linear_forward() for each part and block, and the biases. */
typedef struct softmax_pieces {
    const float *partial; /* [n_parts][n_blocks][batch][16] */
    const float *bias;    /* [n_blocks][16] */
    int64_t n_parts;
    int n_blocks, n_classes, batch;
} softmax_pieces;

/** Floats of the scratch that softmax_rows() needs. */
size_t softmax_scratch(int n_classes);

/**
 * Rows first..first+n-1 of the batch, n <= 16: writes delta[row][n_blocks * 16] = (p - onehot) * scale (0 where there
 * is no class), times weights[label] where there are class weights [K] (else NULL). Where `loss` is not NULL, also
 * writes loss[row] and correct[row] (1 if the label has the largest logit, the first of equals). labels, delta, loss
 * and correct are indexed by the row of the batch. In float32 without sums across a vector: the same bits on every
 * processor and thread.
 */
void softmax_rows(const softmax_pieces *pieces, int first, int n, const int *labels, float scale, const float *weights,
                  float *scratch, float *delta, float *loss, uint8_t *correct);

#endif
