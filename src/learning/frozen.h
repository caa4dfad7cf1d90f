/*
 * What comes out of the blocks below the first trained one, for rows in any order: kept from the first time where it
 * fits the cache, computed again where it does not. Where nothing is frozen below, the images themselves come out.
 */
#ifndef LEARNING_FROZEN_H
#define LEARNING_FROZEN_H

#include "learning/forward.h"
#include "reshift/progress.h"

typedef struct frozen frozen;

enum { FROZEN_TRAIN, FROZEN_TEST, FROZEN_SETS };

typedef struct frozen_setup {
    forward_setup forward;                    /* last_block: the last frozen one, or -1 */
    const reshift_dataset *sets[FROZEN_SETS]; /* the second may be NULL */
    uint64_t budget_bytes;                    /* 0: keep nothing */
    const char *folder;                       /* for what memory cannot hold; NULL: memory only */
} frozen_setup;

/** Errors: those of forward_create and feature_cache_create. The caller destroys *out. */
reshift_status frozen_create(const frozen_setup *setup, frozen **out, reshift_error *error);
void frozen_destroy(frozen **f);

/** Shape of one row, [H,W,C] or [D] (n_dims 1). */
void frozen_row_shape(const frozen *f, int *n_dims, int64_t shape[3]);

/** Runs the rows of both sets once and keeps what fits; says in words how it went. Nothing to do without a budget. */
reshift_status frozen_fill(frozen *f, const reshift_progress *progress, reshift_error *error);

/** Begins with rows `order` [n] of a set; `order` must stay until the end. */
reshift_status frozen_start(frozen *f, int set, const int64_t *order, int64_t n, reshift_error *error);
/** The next n rows of the order into values [n, row] and labels [n]. Together no more than were begun with. */
reshift_status frozen_next(frozen *f, int n, float *values, int *labels, reshift_error *error);

#endif
