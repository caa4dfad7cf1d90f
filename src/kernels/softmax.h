/*
 * Softmax cross-entropy of a batch, 16 rows side by side: what stands between the probe's forward and backward half.
 * All in float32 and without sums across a vector, so every processor and thread gives the same bits.
 */
#ifndef KERNELS_SOFTMAX_H
#define KERNELS_SOFTMAX_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/linear.h"

/** The logits of a batch in pieces: what linear_forward() gave for each part and block, and the biases. */
typedef struct softmax_pieces {
    const float *partial; /* [n_parts][n_blocks][batch][16] */
    const float *bias;    /* [n_blocks][16] */
    int64_t n_parts;
    int n_blocks, n_classes, batch;
} softmax_pieces;

/** Floats of the scratch that softmax_rows() needs. */
size_t softmax_scratch(int n_classes);

/**
 * Rows first..first+n-1 of the batch, n <= 16: writes delta[row][n_blocks * 16] = (softmax - onehot) * scale (0 where
 * there is no class), times weights[label] where there are class weights [K] (else NULL), and where `loss` is not NULL loss[row] and correct[row] (1 when the label has the largest logit,
 * the first of equals). labels, delta, loss and correct are indexed by the row of the batch.
 */
void softmax_rows(const softmax_pieces *pieces, int first, int n, const int *labels, float scale, const float *weights,
                  float *scratch, float *delta, float *loss, uint8_t *correct);

#endif
