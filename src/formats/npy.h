/*
 * NumPy's .npy: one array a file. Reading is a view of mapped bytes where the file's order is ours, and a copy where it
 * is Fortran's or big-endian. Writing comes whole (reshift_array_save_npy) or row by row, for arrays larger than
 * memory.
 */
#ifndef FORMATS_NPY_H
#define FORMATS_NPY_H

#include "base/files.h"
#include "formats/blob.h"

/** True when the bytes begin as a .npy file does. */
bool npy_is(const blob *b);

/**
 * Reads the array in `b`, which may be a file or an entry of an archive; `name` is for messages. The array keeps `b`.
 * Errors: FORMAT (with the byte), UNSUPPORTED (a dtype that array.h does not list, more than 8 dimensions), MEMORY.
 */
reshift_status npy_read(blob *b, const char *name, reshift_array *array, reshift_error *error);

/**
 * Reads one array of a NumPy archive (.npz), compressed or not: the member `wanted` ("NAME" or "NAME.npy"), or with NULL the
 * only one. Errors: NOT_FOUND (no such member, or several and none named; lists those there are), UNSUPPORTED
 * (larger unpacked than 1 GiB and 16 times the file), those of npy_read().
 */
reshift_status npz_read(blob *b, const char *name, const char *wanted, reshift_array *array, reshift_error *error);

/**
 * Which of `names` [n_names] a NumPy archive holds: there[i]; `list` becomes the names of all its arrays, "a, b", cut at its
 * end. Errors: NOT_FOUND, IO, FORMAT (no archive of arrays), MEMORY.
 */
reshift_status npz_look(const char *path, const char *const *names, int n_names, bool *there, char *list,
                        size_t list_bytes, reshift_error *error);

/** NumPy's name of a dtype ("<f4", "|u1", ">i8", "?"): false for those that array.h does not list. */
bool npy_dtype(const char *text, reshift_dtype *dtype, bool *big_endian);

/** A .npy file being written from first element to last; it appears under its name at npy_writer_commit(). */
typedef struct npy_writer {
    file_writer file;
    size_t expected_bytes;
    size_t written_bytes;
} npy_writer;

/**
 * Begins a file (version 1, data at a multiple of 64, the bytes NumPy itself writes). Errors: EXISTS, IO, NOT_FOUND (no
 * such folder), ARGUMENT (a shape that does not fit), UNSUPPORTED (bfloat16: .npy has no name for it).
 */
reshift_status npy_writer_open(const char *path, reshift_dtype dtype, int n_dims, const int64_t *shape, bool overwrite,
                               npy_writer *writer, reshift_error *error);
/** Adds `count` bytes of elements in C order. Errors: IO, SHAPE (more than the shape holds). */
reshift_status npy_writer_append(npy_writer *writer, const void *bytes, size_t count, reshift_error *error);
/** Ends and renames. Errors: SHAPE (fewer than the shape holds), IO, EXISTS; nothing is left behind then. */
reshift_status npy_writer_commit(npy_writer *writer, reshift_error *error);
/** Removes what was written; also safe after a commit, on NULL and on a zeroed writer. */
void npy_writer_abort(npy_writer *writer);

#endif
