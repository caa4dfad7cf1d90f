/*
 * NumPy's .npy format: one array per file. Reading returns a view of the mapped bytes if they are in C order and
 * little-endian, else a converted copy. Writing is in one call (reshift_array_save_npy()) or row by row, for arrays
 * larger than memory.
 */
#ifndef FORMATS_NPY_H
#define FORMATS_NPY_H

#include "base/files.h"
#include "formats/blob.h"

/** True if the bytes begin like a .npy file. */
bool npy_is(const blob *b);

/**
 * Reads the array in `b`, a file or an entry of an archive; `name` is for messages. The array holds a reference to `b`.
 * Errors: FORMAT (with the byte), UNSUPPORTED (a dtype that array.h does not list, more than 8 dimensions), MEMORY.
 */
reshift_status npy_read(blob *b, const char *name, reshift_array *array, reshift_error *error);

/**
 * Reads one array of a NumPy archive (.npz), compressed or not: the member `wanted` ("NAME" or "NAME.npy"), or the only
 * member if NULL. Errors: NOT_FOUND (no such member, or several members and no name given; lists the names),
 * UNSUPPORTED (unpacked size above 1 GiB plus 16 times the file), those of npy_read().
 */
reshift_status npz_read(blob *b, const char *name, const char *wanted, reshift_array *array, reshift_error *error);

/**
 * Tests which of `names` [n_names] a NumPy archive contains: there[i]. `list` receives the names of all its arrays, "a,
 * b", truncated to its size. Errors: NOT_FOUND, IO, FORMAT (not an archive of arrays), MEMORY.
 */
reshift_status npz_look(const char *path, const char *const *names, int n_names, bool *there, char *list,
                        size_t list_bytes, reshift_error *error);

/** Parses NumPy's name of a dtype ("<f4", "|u1", ">i8", "?"). Returns false for dtypes that array.h does not list. */
bool npy_dtype(const char *text, reshift_dtype *dtype, bool *big_endian);

/** A .npy file that is written sequentially. It appears under its name on npy_writer_commit(). */
typedef struct npy_writer {
    file_writer file;
    size_t expected_bytes;
    size_t written_bytes;
} npy_writer;

/**
 * Begins a file (version 1, data at a multiple of 64, the same bytes as NumPy). Errors: EXISTS, IO, NOT_FOUND (no such
 * folder), ARGUMENT (an invalid shape), UNSUPPORTED (bfloat16: .npy has no name for it).
 */
reshift_status npy_writer_open(const char *path, reshift_dtype dtype, int n_dims, const int64_t *shape, bool overwrite,
                               npy_writer *writer, reshift_error *error);
/** Appends `count` bytes of elements in C order. Errors: IO, SHAPE (more than the shape holds). */
reshift_status npy_writer_append(npy_writer *writer, const void *bytes, size_t count, reshift_error *error);
/**
 * Completes and renames the file. On error no file remains. Errors: SHAPE (fewer elements than the shape holds), IO,
 * EXISTS.
 */
reshift_status npy_writer_commit(npy_writer *writer, reshift_error *error);
/** Removes the unfinished file. Safe after a commit, on NULL and on a zeroed writer. */
void npy_writer_abort(npy_writer *writer);

#endif
