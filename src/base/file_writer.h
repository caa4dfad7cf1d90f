/*
 * Writing files. A file is written to a temporary name in the same folder, synchronised and renamed. Readers never see
 * a partial file under the final name, not even after a power loss.
 *
 *   target                 what happens
 *   nothing                temporary, renamed; refused if another process created the file meanwhile
 *   regular file           refused; with `overwrite` replaced, keeping its mode and, if possible, its owner
 *   link                   the same for the file it points to; the link is kept
 *   character device, pipe written directly (/dev/null, /dev/stdout, a FIFO)
 *   folder, block device   refused
 *
 * The outputs of one command are renamed together (reshift/outputs.h). base/outputs_journal.h lets a command be
 * repeated if it was killed between two renames.
 *
 * The temporary of NAME is NAME.reshift-part, NAME.reshift-part2, ... The writer holds a lock on it. A temporary
 * without a lock belongs to a process that was killed; the next writer of NAME removes it. Temporaries of running
 * processes are never touched.
 */
#ifndef BASE_FILE_WRITER_H
#define BASE_FILE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "reshift/status.h"

#define PART_SUFFIX ".reshift-part"

/** An output target. A zeroed struct is the empty target. */
typedef struct file_target {
    char *path;      /* as the caller named it */
    char *final;     /* path with links resolved: the file that is created or replaced */
    char *temporary; /* renamed to `final` on commit; NULL: `path` itself is written */
    int lock;        /* descriptor open for writing, of the temporary or (without one) of `path` */
    bool overwrite;
} file_target;

/**
 * Checks and opens a target. On failure *target is empty. Errors: EXISTS (the file exists and `overwrite` is false),
 * IO, NOT_FOUND (no such folder), MEMORY.
 */
reshift_status file_target_open(const char *path, bool overwrite, file_target *target, reshift_error *error);
/** Performs the checks of file_target_open() without creating anything. Errors: EXISTS, IO, NOT_FOUND. */
reshift_status file_target_check(const char *path, bool overwrite, reshift_error *error);
/** True if `path` is written directly: a character device, a pipe, or the name of an open descriptor. */
bool file_target_is_through(const char *path);
/**
 * The path of a helper file in the folder of `final`: its name, `suffix` and, from 2 on, `i`. A name that exceeds the
 * file system's limit is truncated and gets a hash of the full name. Returns a string that the caller frees, or NULL
 * when out of memory.
 */
char *file_target_side_name(const char *final, const char *suffix, int i);
/** Renames the temporary to its final name. The lock is held until file_target_close(). Errors: EXISTS, IO. */
reshift_status file_target_rename(file_target *target, reshift_error *error);
/**
 * Removes the temporary if it was not renamed, closes the descriptor, empties the target. Accepts NULL and an empty
 * target.
 */
void file_target_close(file_target *target);

/**
 * A file being written. file_writer_abort() is also safe after commit, on NULL and on a zeroed writer. A path that ends
 * in PART_SUFFIX is a temporary created by reshift_outputs_add(): it is written in place, and messages omit the suffix.
 */
typedef struct file_writer {
    FILE *stream;
    file_target target;
    bool no_sync; /* set it after opening if the caller synchronises many files at once (folder_sync_all) */
} file_writer;

reshift_status file_writer_open(const char *path, bool overwrite, file_writer *writer, reshift_error *error);
/** The path as shown in messages. */
const char *file_writer_path(const file_writer *writer);
reshift_status file_writer_write(file_writer *writer, const void *bytes, size_t count, reshift_error *error);
reshift_status file_writer_printf(file_writer *writer, reshift_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/**
 * Synchronises the file, renames it and synchronises the folder. Errors: IO (for example a full disk, with the system's
 * message), EXISTS.
 */
reshift_status file_writer_commit(file_writer *writer, reshift_error *error);
void file_writer_abort(file_writer *writer);

/** Writes all of `bytes` atomically. */
reshift_status file_write_all(const char *path, const void *bytes, size_t count, bool overwrite, reshift_error *error);

/** Moves a complete file and replaces any file at `to`. Both are synchronised. Errors: IO. */
reshift_status file_move(const char *from, const char *to, reshift_error *error);

/** Synchronises the folder that contains `path` (the directory entries, not the contents of the files). Errors: IO. */
reshift_status folder_sync_of(const char *path, reshift_error *error);
/** Synchronises everything below a folder with one system call, for any number of files. Errors: IO. */
reshift_status folder_sync_all(const char *folder, reshift_error *error);

/**
 * Creates an empty folder under a temporary name next to `path`. The caller fills it and renames it to `path` or
 * removes it, frees *temporary and closes *lock. A leftover of a killed process is removed first. Errors: IO, MEMORY.
 */
reshift_status folder_create_temporary(const char *path, char **temporary, int *lock, reshift_error *error);

/** Removes the temporaries of killed processes at any depth below `folder`. Errors: IO (a folder cannot be read). */
reshift_status folder_remove_leftovers(const char *folder, reshift_error *error);

#endif
