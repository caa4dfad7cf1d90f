/*
 * The activation store: rows of activations, found by a key that names the network's part, by a data set's identity and
 * by a row. They are packed (row_packing.h) and kept in memory, in a file without a name, or in a folder, where a later
 * program finds them again: FOLDER/rows, which only grows, and FOLDER/index, which says what of it counts and is
 * replaced as a whole. What a killed program had written but not committed is cut off when the folder is opened again.
 * Rows in a file carry a checksum that is verified whenever they are read.
 */
#ifndef INFERENCE_ROW_CACHE_H
#define INFERENCE_ROW_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "reshift/status.h"

typedef struct row_cache row_cache;

typedef enum row_place {
    ROWS_IN_MEMORY,
    ROWS_IN_TEMPORARY_FILE, /* of `folder`, without a name: it goes with the process, however that ends */
    ROWS_IN_FOLDER
} row_place;

typedef struct row_cache_setup {
    row_place place;
    const char *folder; /* made where it is not there */
    const char *key;    /* sha256 in hex; what a folder holds under another key is dropped */
    uint64_t budget_bytes;
    int64_t row_count; /* values of a row */
    int width;         /* bytes of a value: 2 or 4 */
} row_cache_setup;

/** Errors: MEMORY, IO (the folder cannot be written to), EXISTS (another program holds the folder). */
reshift_status row_cache_open(const row_cache_setup *setup, row_cache **out, reshift_error *error);
void row_cache_close(row_cache **c);
/** Whether the folder holds rows that an older version kept: nothing here uses them. */
bool row_cache_is_older(const char *folder);

/** The number of a data set of `n_rows` rows, by its identity. Errors: MEMORY. */
reshift_status row_cache_set(row_cache *c, const char *identity, int64_t n_rows, int *set, reshift_error *error);
/** Rows that go before others: these leave room for those of them that are still to come. */
void row_cache_prefer(row_cache *c, int set, const int64_t *rows, int64_t n);

/**
 * Keeps values [n, row] as rows [n] of a set where they fit; rows that are there already stay as they are. Packs with
 * all threads; one caller at a time. A full disk counts as not fitting. Errors: IO.
 */
reshift_status row_cache_add(row_cache *c, int set, const int64_t *rows, int n, const void *values,
                             reshift_error *error);
bool row_cache_has(const row_cache *c, int set, int64_t row);
/** The row as it was added, bit for bit; by the threads of one team at once. Errors: IO; FORMAT (what is in the file is
 * not what was written: forget the row and compute it again). */
reshift_status row_cache_get(const row_cache *c, int set, int64_t row, void *values, reshift_error *error);
/** The row is not kept any more; its bytes stay unused. */
void row_cache_forget(row_cache *c, int set, int64_t row);
/** Says that a row will be wanted soon. */
void row_cache_announce(const row_cache *c, int set, int64_t row);

/** In a folder: what was added so far will be found again. Errors: IO, MEMORY. */
reshift_status row_cache_commit(row_cache *c, reshift_error *error);

/** True when a row as large as the largest so far would not fit. */
bool row_cache_is_full(const row_cache *c);
row_place row_cache_place(const row_cache *c);
uint64_t row_cache_used_bytes(const row_cache *c);
int64_t row_cache_rows(const row_cache *c); /* kept, of all sets */

#endif
