/* Typed arrays in C order: what .npy files, tensors of a checkpoint and feature sets are in memory. */
#ifndef RESHIFT_ARRAY_H
#define RESHIFT_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "reshift/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum reshift_dtype {
    RESHIFT_BOOL,
    RESHIFT_U8,
    RESHIFT_I8,
    RESHIFT_U16,
    RESHIFT_I16,
    RESHIFT_U32,
    RESHIFT_I32,
    RESHIFT_U64,
    RESHIFT_I64,
    RESHIFT_F16,
    RESHIFT_BF16,
    RESHIFT_F32,
    RESHIFT_F64
} reshift_dtype;

#define RESHIFT_MAX_DIMS 8

/**
 * An N-dimensional array, dense, C order, native (little) endian. A zeroed struct is the empty array, and
 * reshift_array_destroy() of it does nothing. `data` may be memory of the array's own or a read-only view of a
 * mapped file (`read_only`); `release` knows how to give it back.
 */
typedef struct reshift_array {
    reshift_dtype dtype;
    int n_dims; /* 0: a scalar */
    int64_t shape[RESHIFT_MAX_DIMS];
    void *data;
    bool read_only;
    void (*release)(struct reshift_array *array); /* NULL: data is borrowed */
    void *owner;                                  /* for release */
} reshift_array;

/** Bytes of one element. */
RESHIFT_API size_t reshift_dtype_size(reshift_dtype dtype);
/** The name that NumPy gives the type ("uint8", "float32", "bfloat16"); static. */
RESHIFT_API const char *reshift_dtype_name(reshift_dtype dtype);

/**
 * Allocates a zeroed array, 64-byte aligned. Errors: ARGUMENT (n_dims outside 0..8, a negative extent),
 * MEMORY (also when the product overflows); *array is the empty array then. The caller destroys it.
 */
RESHIFT_API reshift_status reshift_array_create(reshift_dtype dtype, int n_dims, const int64_t *shape,
                                                reshift_array *array, reshift_error *error);

/** Gives the memory back and leaves the empty array. NULL is accepted. */
RESHIFT_API void reshift_array_destroy(reshift_array *array);

/** Elements of the array: 1 for a scalar, 0 for the empty array. */
RESHIFT_API int64_t reshift_array_count(const reshift_array *array);
/** Bytes of the elements. */
RESHIFT_API size_t reshift_array_bytes(const reshift_array *array);

/** What an array is, for people: "float32 [10,128]". */
RESHIFT_API void reshift_array_describe(const reshift_array *array, char *text, size_t size);

/**
 * Opens a .npy file (versions 1 to 3) as a read-only memory map. Fortran order is turned into C order and big-endian
 * into little-endian (copies). The file holds the array and nothing behind it. Errors: NOT_FOUND, IO, FORMAT (with the
 * byte), UNSUPPORTED (a dtype outside the list above).
 */
RESHIFT_API reshift_status reshift_array_load_npy(const char *path, reshift_array *array, reshift_error *error);

/**
 * Writes a .npy file (version 1, data at a multiple of 64) to a temporary name, then renames it.
 * Errors: EXISTS (a file is there and `overwrite` is false), IO (nothing is left behind).
 */
RESHIFT_API reshift_status reshift_array_save_npy(const char *path, const reshift_array *array, bool overwrite,
                                                  reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
