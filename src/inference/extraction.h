/*
 * Rows of a data set through a whole network, to its features or logits: in one piece, or cut in two where fine-tuning
 * cuts it. Then what the lower part gives comes from a cache where it is there and goes into it where it is not, and
 * only the upper part is run for certain. Both ways give the same bits.
 */
#ifndef INFERENCE_EXTRACTION_H
#define INFERENCE_EXTRACTION_H

#include "base/digest.h"
#include "inference/forward.h"
#include "reshift/frozen_cache.h"

typedef struct extraction extraction;

typedef struct extraction_setup {
    forward_setup forward;       /* of the whole network: last_block is fc's */
    reshift_frozen_cache *cache; /* outlives the extraction; NULL: in one piece */
    int cut;                     /* first block of the upper part, > 0; 0: where the cache knows what lies below */
    int64_t n_rows;              /* that will be kept, of all sets; 0: many */
} extraction_setup;

/** What comes out of the lower part: rows of a pass, the shape of one, [H,W,C] or [D], and bytes of a value. */
typedef struct extraction_rows {
    int batch, n_dims, width;
    int64_t shape[3];
} extraction_rows;

/** The two parts of a network cut before block `cut` > 0, run so that together they give the bits of the whole. */
forward_setup extraction_lower(const forward_setup *whole, int cut);
plan_options extraction_upper(const forward_setup *whole, int cut, const extraction_rows *rows);
/** Says all that the lower part's output depends on: nodes, values, ranges, recipe, precision. Errors: frozen_key()'s.
 */
reshift_status extraction_key(const forward_setup *whole, int cut, char key[DIGEST_HEX_BYTES], reshift_error *error);

/** Errors: those of forward_create, of plan_create and of opening the cache. The caller destroys *out. */
reshift_status extraction_create(const extraction_setup *setup, extraction **out, const reshift_progress *progress,
                                 reshift_error *error);
void extraction_destroy(extraction **e);

/** Begins with `rows` [n] of `dataset` (NULL: 0..n-1), as forward_start does; with `keep` what is computed is kept. */
reshift_status extraction_start(extraction *e, const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                                bool keep, reshift_error *error);
/** The next pass; n == 0 at the end. Errors: those of forward_next and of the cache. */
reshift_status extraction_next(extraction *e, forward_pass *pass, reshift_error *error);
/** What was kept so far will be found by a later program. Errors: IO, MEMORY. */
reshift_status extraction_commit(extraction *e, reshift_error *error);
/** Rows whose lower part was run, where the network is cut; else -1. */
int64_t extraction_computed(const extraction *e);

#endif
