/*
 * A linear layer's arithmetic for the probe and the head: logits of rows and the gradient of its weight, float32.
 * Classes lie side by side in vectors of 16 ("blocks"), padded with zeros, so one feature is multiplied into 16 classes
 * at a time and nothing is ever summed across a vector. Columns are summed in chunks of 128, the chunks in order:
 * results depend neither on threads nor on the machine's instruction set.
 */
#ifndef LEARNING_LINEAR_H
#define LEARNING_LINEAR_H

#include <stddef.h>
#include <stdint.h>

#include "reshift/status.h"

#define LINEAR_LANES 16
#define LINEAR_CHUNK 128 /* columns */
#define LINEAR_TILE 64   /* rows of linear_logits' scratch */

typedef struct linear {
    int64_t n_features; /* D */
    int n_classes;      /* K */
    int n_blocks;       /* ceil(K / 16) */
    int64_t n_chunks;   /* ceil(D / 128) */
    size_t n_weights;   /* n_blocks * D * 16, floats */
    float *weight;      /* [n_blocks][D][16] */
    float *bias;        /* [n_blocks][16] */
} linear;

/** Zeroed. Errors: MEMORY (also when sizes overflow). linear_destroy() also of a zeroed struct. */
reshift_status linear_create(int64_t n_features, int n_classes, linear *l, reshift_error *error);
void linear_destroy(linear *l);
/** From and to PyTorch's layout: weight [K,D], bias [K]. */
void linear_set(linear *l, const float *weight, const float *bias);
void linear_get(const linear *l, float *weight, float *bias);

/** Columns of a chunk: [*first, *last). */
void linear_chunk_range(const linear *l, int64_t chunk, int64_t *first, int64_t *last);

/**
 * out[b][16] = sum over columns d of [first,last) of rows[b][d] * weight[d][16], for one block (weight [D][16]).
 * rows [n] pointers to features [D]; out [n][16] 64-byte aligned.
 */
void linear_forward(const float *const *rows, int n, int64_t first, int64_t last, const float *weight, float *out);

/**
 * gradient[d-first][16] = sum over rows b of rows[b][d] * delta[b][16]; delta [n][16] and gradient 64-byte aligned.
 * While at it, asks the machine for the same columns of `next` [n_next], the rows that are read after these (0: none).
 */
void linear_gradient(const float *const *rows, int n, const float *const *next, int n_next, int64_t first, int64_t last,
                     const float *delta, float *gradient);

/**
 * Logits of n <= LINEAR_TILE rows, bias included: logits [n][K]. `scratch` [LINEAR_TILE * 16] floats, 64-byte aligned.
 * On the calling thread.
 */
void linear_logits(const linear *l, const float *const *rows, int n, float *scratch, float *logits);

/**
 * Softmax cross-entropy of one row of logits [K]: returns the loss and, where `delta` is not NULL, writes
 * (softmax - onehot) * scale there. *correct is 1 when the label has the largest logit (the first of equals).
 */
float linear_cross_entropy(const float *logits, int n_classes, int label, float scale, float *delta, int *correct);

#endif
