/*
 * The inside of a reshift_frozen_cache: which kept rows belong to which part of which network, and where they go.
 */
#ifndef INFERENCE_FROZEN_CACHE_H
#define INFERENCE_FROZEN_CACHE_H

#include "inference/row_cache.h"
#include "reshift/frozen_cache.h"
#include "reshift/progress.h"

/** What is wanted of a part's output. */
typedef struct frozen_rows_wanted {
    char key[DIGEST_HEX_BYTES]; /* of the part of the network, and of how it is run */
    const char *up_to;          /* name of its last block, for people */
    int64_t row_count, n_rows;  /* of a row; rows that will come, about */
    int width;
} frozen_rows_wanted;

/**
 * The rows of this part, opened on first use; they belong to the cache. NULL, without an error, where nothing may be
 * kept (no budget, a folder in use by another program): that and the choice of place are said in words.
 */
reshift_status frozen_cache_rows(reshift_frozen_cache *cache, const frozen_rows_wanted *wanted, row_cache **rows,
                                 const reshift_progress *progress, reshift_error *error);
/** True where rows of this part are there, now or from an earlier program. */
bool frozen_cache_knows(const reshift_frozen_cache *cache, const char key[DIGEST_HEX_BYTES]);
/** The number of the set behind `dataset` in `rows`, with the rows that go before others. */
reshift_status frozen_cache_set(reshift_frozen_cache *cache, row_cache *rows, const reshift_dataset *origin, int *set,
                                reshift_error *error);

#endif
