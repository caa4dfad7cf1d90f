/*
 * Rows of a data set through the first blocks of a network: read one micro-batch ahead by the loader's thread, run by
 * an inference plan that is made once, handed out in order. Extraction, measuring and the frozen part of fine-tuning
 * all go this way.
 */
#ifndef INFERENCE_FORWARD_H
#define INFERENCE_FORWARD_H

#include "network/network.h"
#include "engine/plan.h"
#include "reshift/dataset.h"
#include "reshift/model.h"
#include "reshift/precision.h"
#include "reshift/progress.h"

typedef struct forward forward;

typedef struct forward_setup {
    network *net;                 /* outlives the forward; read only */
    const reshift_recipe *recipe; /* mean, deviation, resize; needed only here */
    int size;                     /* of the input; 0: the recipe's */
    int batch;                    /* rows a pass at most; 0: chosen */
    int64_t n_rows;               /* rows that will come at most, so that few rows make a small plan; 0: many */
    int height, width;            /* of all images that will come (forward_expect), 0: any sizes */
    reshift_precision precision;
    int last_block;        /* runs blocks 0..last_block; -1: none, the images themselves come out */
    bool stop_at_features; /* the output is the global average pool (last_block: the one of fc) */
    bool bf16;             /* rows of activations may come out in bfloat16, where that is what they are computed in */
    plan_watcher watcher;  /* NULL; else is shown what passes (float32 only) */
    void *watcher_context;
} forward_setup;

/**
 * Says that images of `dataset` will come; for each set in turn, before forward_create. While all that comes has one
 * size, small images take the short way through the first convolution (engine/stem.h).
 */
void forward_expect(forward_setup *setup, const reshift_dataset *dataset);

/**
 * Plans. The rows of a pass do not depend on setup->batch where that is larger than what serves the machine best.
 * Errors: ARGUMENT (size), those of plan_create. The caller destroys *out.
 */
reshift_status forward_create(const forward_setup *setup, forward **out, reshift_error *error);
void forward_destroy(forward **f);

/** Rows of a pass of the forward that forward_create() would make. */
int forward_batch_of(const forward_setup *setup);

/** What `wanted` becomes on this processor, said in words where that is something else. */
reshift_precision forward_precision(reshift_precision wanted, bool training, const reshift_progress *progress);

/** Input size, rows of a pass, and the shape of one row of output: [H,W,C] or [D] (n_dims 1). */
int forward_size(const forward *f);
int forward_batch(const forward *f);
void forward_row_shape(const forward *f, int *n_dims, int64_t shape[3]);
int64_t forward_row_count(const forward *f); /* product of the shape: floats */

int forward_row_width(const forward *f); /* bytes of each: 4, or 2 in bfloat16 */

/** Begins with `rows` [n] of `dataset` (NULL: 0..n-1); rows must stay until the end. Ends what was begun before.
 * Errors: ARGUMENT (images of another size than was expected), those of the loader. */
reshift_status forward_start(forward *f, const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                             reshift_error *error);

/** A pass: n rows; n == 0 at the end. All belongs to the forward and holds until the next call. */
typedef struct forward_pass {
    int n;
    const float *output;         /* [n, row]; NULL if output_bf16 is not */
    const uint16_t *output_bf16; /* [n, row] bfloat16, else NULL */
    const float *features;       /* [n,D] where the network ran on to fc, else NULL */
    const int *labels;           /* [n] */
} forward_pass;

/** Errors: those of reading, with the row's name; of the engine; NUMERIC (features or logits that are not finite, with
 * the row's name). */
reshift_status forward_next(forward *f, forward_pass *pass, reshift_error *error);
/** Ends reading early; the next forward_start begins anew. */
void forward_stop(forward *f);

#endif
