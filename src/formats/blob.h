/*
 * Bytes with a reference count: a mapped file, an entry unpacked from an archive, or memory of the caller. Readers take
 * a blob and create arrays that are views and hold a reference. Dropping the last reference unmaps the file.
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

/** Maps a file. Release every blob with blob_drop(). Errors: NOT_FOUND, IO, MEMORY. */
reshift_status blob_open(const char *path, blob **b, reshift_error *error);
/** Takes ownership of memory from malloc (freed with the blob, and also if this call fails). NULL: out of memory. */
blob *blob_own(void *memory, size_t size);
/** Refers to memory that outlives the blob and every array made from it. NULL: out of memory. */
blob *blob_borrow(const void *memory, size_t size);
/** A range of `whole`, which must contain it. Holds a reference to `whole`. NULL: out of memory. */
blob *blob_slice(blob *whole, size_t offset, size_t size);
/** Adds a reference and returns b. Thread-safe, like blob_drop(). */
blob *blob_keep(blob *b);
/** Drops a reference and sets the pointer to NULL. Accepts NULL. */
void blob_drop(blob **b);
/** For a mapped file, releases the resident pages (file_map_forget()). Does nothing for bytes in memory. */
void blob_forget(const blob *b);
/** The same for an array that blob_array() made as a view. Does nothing for other arrays. */
void blob_array_forget(const reshift_array *array);

/**
 * The array whose elements start at `data` inside `b`: a read-only view that holds a reference to `b`, or a copy if the
 * bytes are not aligned for the dtype. The caller has checked that all elements are inside `b`. Errors: MEMORY.
 */
reshift_status blob_array(blob *b, const uint8_t *data, reshift_dtype dtype, int n_dims, const int64_t *shape,
                          reshift_array *array, reshift_error *error);

/** Size in bytes of an array of this shape. Returns false if an extent is negative or the product overflows. */
bool shape_bytes(reshift_dtype dtype, int n_dims, const int64_t *shape, size_t *bytes);

/**
 * Error for a file that cannot be read: "cannot read 'NAME': WORDS (byte OFFSET)"; a negative offset is omitted.
 * Records name and offset in the error. Returns `code`.
 */
reshift_status refuse(reshift_error *error, reshift_status code, const char *name, int64_t offset, const char *format,
                      ...) __attribute__((format(printf, 5, 6)));

#endif
