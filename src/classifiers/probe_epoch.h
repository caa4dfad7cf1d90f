/*
 * The inside of the probe's training: what it keeps in memory, one epoch over all threads, and the loss and accuracy of
 * the test set. probe.c decides what is trained and how often.
 */
#ifndef CLASSIFIERS_PROBE_EPOCH_H
#define CLASSIFIERS_PROBE_EPOCH_H

#include <stdint.h>

#include "base/facts.h"
#include "kernels/linear.h"
#include "classifiers/sample.h"
#include "reshift/learning.h"

extern const fact_table probe_facts;

/* What a thread has for itself. The bias is small: each thread trains a copy, and all copies stay equal. */
typedef struct probe_desk {
    float *delta;            /* [batch][n_blocks * 16]: gradient of the loss by the logits */
    float *bias;             /* [n_blocks * 16] */
    float *first;            /* Adam's moments, as bias */
    float *second;           /* as bias */
    float *sum;              /* gradient, as bias */
    float *scratch;          /* of softmax_rows() */
    uint32_t *rounded_delta; /* bf16: [(batch + 1) / 2][n_blocks * 16] */
} probe_desk;

typedef struct probe {
    const reshift_probe_options *options;
    sample train, test;
    linear layer;
    float *first_weight, *second_weight; /* Adam's moments, as layer.weight */
    const linear_bf16 *bf16;             /* arithmetic of the training; NULL: float32 */
    uint16_t *features_bf16;             /* bf16: [N][linear_rounded(D)], the training features */
    uint16_t *rounded_weight;            /* bf16: layer.weight, see linear_pair() */
    float *class_weights;                /* [K], or NULL: 1 */
    int n_threads;
    float *partial;    /* [2][n_parts][n_blocks][batch][16]: of this step and of the one before */
    probe_desk *desks; /* [n_threads] */
    float *logits;     /* [n_threads][LINEAR_TILE][K] */
    float *row_loss;   /* [N], in the order of the epoch */
    uint8_t *correct;  /* [N] */
    int *labels;       /* [N] */
    int64_t *order;    /* [N] */
    union {
        const float **rows; /* [N] features in the order of the epoch */
        const uint16_t **rows_bf16;
    };
    double *tile_loss; /* [tiles of the larger set] */
    int64_t *tile_correct;
    int64_t steps;     /* made so far */
    double seconds[2]; /* of the first, which did not ask for rows a batch ahead, and the second epoch, which did */
} probe;

/**
 * Memory for training as p->options, samples, layer, bf16 and n_threads stand; with bf16 the features are rounded into
 * it. Errors: MEMORY; probe_release() then too, which gives back samples and layer with the rest.
 */
reshift_status probe_allocate(probe *p, reshift_error *error);
void probe_release(probe *p);

/** All steps of an epoch over the rows in `order` [N]; *loss is their mean while training, *correct how many were
 * right. */
void probe_run_epoch(probe *p, const int64_t *order, double *loss, int64_t *correct);

/** Mean loss and accuracy of `t`, which is p->train or p->test and not empty. */
void probe_measure(probe *p, const sample *t, double *loss, double *accuracy);

#endif
