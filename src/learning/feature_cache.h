/*
 * Rows of activations kept within a budget of bytes, in memory or in an unlinked temporary file. They come from behind
 * a ReLU, where most values are zero, so each row is packed without loss: for every 32 values a word that says which
 * are not zero, then those. What does not fit is simply not kept; the caller computes it again.
 */
#ifndef LEARNING_FEATURE_CACHE_H
#define LEARNING_FEATURE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/status.h"

typedef struct feature_cache feature_cache;

typedef enum cache_place { CACHE_NOWHERE, CACHE_IN_MEMORY, CACHE_IN_FILE } cache_place;

/**
 * A cache for `n_rows` rows of `row_count` floats each. It takes budget_bytes at most: of memory while that is no more
 * than memory_bytes, else of a file in `folder`, else (folder NULL, or not enough room there) memory_bytes of memory.
 * Errors: MEMORY, IO (the folder cannot be written to). The caller destroys *out.
 */
reshift_status feature_cache_create(uint64_t budget_bytes, uint64_t memory_bytes, int64_t n_rows, int64_t row_count,
                                    const char *folder, feature_cache **out, reshift_error *error);
void feature_cache_destroy(feature_cache **c);

/**
 * Keeps row `row` (each once), unless it does not fit: *kept is false then and for every row after it. A full disk
 * counts as not fitting. Errors: IO.
 */
reshift_status feature_cache_add(feature_cache *c, int64_t row, const float *values, bool *kept, reshift_error *error);
bool feature_cache_has(const feature_cache *c, int64_t row);
/** The row as it was added, bit for bit. By any number of threads at once. */
void feature_cache_get(const feature_cache *c, int64_t row, float *values);

cache_place feature_cache_place(const feature_cache *c);
uint64_t feature_cache_used_bytes(const feature_cache *c);
int64_t feature_cache_rows(const feature_cache *c); /* kept */

/** Memory that the system can give now without swapping, bytes: the smaller of /proc/meminfo's and the control group's.
 */
uint64_t memory_available_bytes(void);

#endif
