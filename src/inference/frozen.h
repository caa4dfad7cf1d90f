/*
 * What comes out of the blocks below the first trained one, for rows of any sets in any order: taken from a cache where
 * it is there, computed where it is not. Where nothing is frozen below, the images themselves come out.
 */
#ifndef INFERENCE_FROZEN_H
#define INFERENCE_FROZEN_H

#include "base/facts.h"
#include "inference/forward.h"
#include "reshift/frozen_cache.h"
#include "reshift/progress.h"

typedef struct frozen frozen;

typedef struct frozen_setup {
    forward_setup forward;       /* last_block: the last frozen one, or -1; what comes was said with forward_expect() */
    int64_t n_rows;              /* that will come, of all sets; 0: many */
    reshift_frozen_cache *cache; /* outlives the frozen; NULL: nothing is kept */
} frozen_setup;

/** Errors: those of forward_create and of opening the cache. The caller destroys *out. */
reshift_status frozen_create(const frozen_setup *setup, frozen **out, const reshift_progress *progress,
                             reshift_error *error);
void frozen_destroy(frozen **f);

/**
 * The key of blocks 0..last_block run as `setup` says in passes of `batch` rows: equal keys, equal outputs.
 * Errors: MEMORY.
 */
reshift_status frozen_key(const forward_setup *setup, int batch, char key[DIGEST_HEX_BYTES], reshift_error *error);

extern const fact_table forward_facts;

/** Rows of a pass, shape of one row, [H,W,C] or [D] (n_dims 1), and bytes of a value: 4, or 2 for bfloat16. */
int frozen_batch(const frozen *f);
void frozen_row_shape(const frozen *f, int *n_dims, int64_t shape[3]);
int frozen_row_width(const frozen *f);

/** Runs all rows of these sets [n_sets] (NULL: none) once and keeps what fits; says in words how it went. */
reshift_status frozen_fill(frozen *f, const reshift_dataset *const *sets, int n_sets, const reshift_progress *progress,
                           reshift_error *error);

/**
 * Begins with rows `order` [n] (NULL: 0..n-1) of a set; both must stay until the end. With `keep`, rows that are
 * computed are kept where they fit. Errors: MEMORY, those of reading.
 */
reshift_status frozen_start(frozen *f, const reshift_dataset *dataset, const int64_t *order, int64_t n, bool keep,
                            reshift_error *error);
/** The same, past what is kept: every row is computed, and none is kept. */
reshift_status frozen_start_anew(frozen *f, const reshift_dataset *dataset, const int64_t *order, int64_t n,
                                 reshift_error *error);
/** The next n rows of the order into values [n, row] and labels [n]. Together no more than were begun with. */
reshift_status frozen_next(frozen *f, int n, void *values, int *labels, reshift_error *error);
/** Ends early; what was computed and kept so far can be found by a later program, as it can after the last row. */
reshift_status frozen_commit(frozen *f, reshift_error *error);
/** Rows computed so far, the other ones were there. */
int64_t frozen_computed(const frozen *f);

#endif
