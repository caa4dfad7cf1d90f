/* What the frozen part of a network gives, kept so that it is run once for all epochs and all uses. */
#ifndef RESHIFT_FROZEN_CACHE_H
#define RESHIFT_FROZEN_CACHE_H

#include "reshift/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Outputs of the blocks below the first trained one, by image: what extraction, fine-tuning and measuring share when
 * they are given the same cache. Rows are kept as they are, packed without loss, so that results do not depend on it by
 * a bit. They are found again by what they came from: the weights of those blocks, the recipe, the size, the precision,
 * the threads and the processor's instructions, and the images. Used by one thread at a time.
 */
typedef struct reshift_frozen_cache reshift_frozen_cache;

typedef enum reshift_cache_place {
    RESHIFT_CACHE_AUTO, /* a folder where there is one with more room than memory, else memory */
    RESHIFT_CACHE_MEMORY,
    RESHIFT_CACHE_DISK
} reshift_cache_place;

/** Half of what the disk or the memory has to give when the first row comes. */
#define RESHIFT_CACHE_BUDGET_AUTO UINT64_MAX

typedef struct reshift_frozen_cache_options {
    const char *folder; /* NULL: memory only. A later program finds there what was kept, while the machine runs on */
    uint64_t budget_bytes;
    reshift_cache_place place;
    bool temporary; /* the folder is only for what memory cannot hold, and nothing of it stays */
} reshift_frozen_cache_options;

/** In memory, within RESHIFT_CACHE_BUDGET_AUTO. NULL instead of options means the same. */
RESHIFT_API void reshift_frozen_cache_options_default(reshift_frozen_cache_options *options);
/** Opens nothing yet: that is for the first row. Errors: MEMORY. The caller closes *cache. */
RESHIFT_API reshift_status reshift_frozen_cache_open(const reshift_frozen_cache_options *options,
                                                     reshift_frozen_cache **cache, reshift_error *error);
/** Nulls the caller's pointer; NULL accepted. */
RESHIFT_API void reshift_frozen_cache_close(reshift_frozen_cache **cache);
/**
 * Rows [n] of `dataset` go before others: these leave room for them. To be said before the first use. Errors: MEMORY,
 * those of reading the set's identity.
 */
RESHIFT_API reshift_status reshift_frozen_cache_prefer(reshift_frozen_cache *cache, const reshift_dataset *dataset,
                                                       const int64_t *rows, int64_t n, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
