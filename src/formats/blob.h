/*
 * Bytes with a reference count: a mapped file, an entry unpacked from an archive, or memory of the caller's. Readers
 * take a blob, and the arrays they make are views that keep it alive; the last one to go unmaps the file.
 */
#ifndef FORMATS_BLOB_H
#define FORMATS_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/array.h"

typedef struct blob {
    const uint8_t *data; /* never NULL; read only */
    size_t size;
    struct blob_owner *owner;
} blob;

/** Maps a file. Errors: NOT_FOUND, IO, MEMORY. Every blob made here is given back with blob_drop(). */
reshift_status blob_open(const char *path, blob **b, reshift_error *error);
/** Takes over memory of malloc (freed with it, also when this fails). NULL: out of memory. */
blob *blob_own(void *memory, size_t size);
/** Looks at memory that outlives the blob and every array made from it. NULL: out of memory. */
blob *blob_borrow(const void *memory, size_t size);
/** Bytes of `whole`, which it keeps alive; the range lies inside. NULL: out of memory. */
blob *blob_slice(blob *whole, size_t offset, size_t size);
/** One more reader. Returns b. Safe from any thread, as blob_drop() is. */
blob *blob_keep(blob *b);
/** One reader less; nulls the pointer. NULL accepted. */
void blob_drop(blob **b);
/** Of a mapped file, lets go of the pages read so far (file_map_forget); nothing where the bytes are in memory. */
void blob_forget(const blob *b);
/** The same of an array that blob_array() made a view; nothing for any other. */
void blob_array_forget(const reshift_array *array);

/**
 * The array whose elements start at `data` inside `b`, as a read-only view that keeps `b`; a copy where the bytes are
 * not aligned for the dtype. The caller has checked that all bytes lie inside. Errors: MEMORY.
 */
reshift_status blob_array(blob *b, const uint8_t *data, reshift_dtype dtype, int n_dims, const int64_t *shape,
                          reshift_array *array, reshift_error *error);

/** Bytes of an array of this shape: false when an extent is negative or the product overflows. */
bool shape_bytes(reshift_dtype dtype, int n_dims, const int64_t *shape, size_t *bytes);

/**
 * A file that cannot be read: "cannot read 'NAME': WORDS (byte OFFSET)", without the byte where offset is negative.
 * Records name and offset in the error. Returns `code`.
 */
reshift_status refuse(reshift_error *error, reshift_status code, const char *name, int64_t offset, const char *format,
                      ...) __attribute__((format(printf, 5, 6)));

#endif
