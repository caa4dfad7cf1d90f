/*
 * Writing files. A file is written under a temporary name beside its target, synchronised and renamed, so that under its
 * own name it is never seen half-written, not even after a power loss.
 *
 *   target                 what happens
 *   nothing                temporary, renamed; refused if somebody made the file meanwhile
 *   regular file           refused; with `overwrite` replaced, keeping its mode and, if possible, its owner
 *   link                   the same for what it points to: the link stays
 *   character device, pipe written through, as there is nothing to replace (/dev/null, /dev/stdout, a FIFO)
 *   folder, block device   refused
 *
 * Several outputs of one command are renamed together (reshift/outputs.h); base/outputs_journal.h makes that safe against
 * being killed in between.
 *
 * The temporary of NAME is NAME.reshift-part, NAME.reshift-part2, ... Its writer holds a lock on it. One without a lock
 * belonged to a process that was killed: the next writer of NAME removes it. Those of living processes are left alone.
 */
#ifndef BASE_FILE_WRITER_H
#define BASE_FILE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "reshift/status.h"

#define PART_SUFFIX ".reshift-part"

/** Where a file goes. A zeroed target is empty. */
typedef struct file_target {
    char *path;      /* as the caller named it */
    char *final;     /* path after links: what is made or replaced */
    char *temporary; /* written and renamed to `final`; NULL: `path` itself is written */
    int lock;        /* descriptor of the temporary, open for writing, or of `path`, where there is no temporary */
    bool overwrite;
} file_target;

/**
 * Checks and opens a target. Errors: EXISTS (a file exists and `overwrite` is false), IO, NOT_FOUND (no such folder),
 * MEMORY; the target is empty then.
 */
reshift_status file_target_open(const char *path, bool overwrite, file_target *target, reshift_error *error);
/** The checks alone: leaves nothing. Errors: EXISTS, IO, NOT_FOUND. */
reshift_status file_target_check(const char *path, bool overwrite, reshift_error *error);
/** True if `path` is written through: a character device, a pipe, or the name of an open descriptor. */
bool file_target_is_through(const char *path);
/**
 * The path of a helper file beside `final`: its name, `suffix` and, from 2 on, `i`. A name that is too long for the file
 * system is cut and gets a hash of the whole name. Fresh memory (free()); NULL when out of memory.
 */
char *file_target_side_name(const char *final, const char *suffix, int i);
/** Gives the temporary its name; the lock stays until file_target_close(). Errors: EXISTS, IO. */
reshift_status file_target_rename(file_target *target, reshift_error *error);
/** Removes the temporary if it was not renamed, closes the descriptor, empties the target. NULL and empty accepted. */
void file_target_close(file_target *target);

/**
 * A file being written. file_writer_abort() is also safe after commit, on NULL and on a zeroed writer. A path that ends
 * in PART_SUFFIX is somebody else's temporary already (reshift_outputs_add()) and is written in place; messages leave the
 * suffix out.
 */
typedef struct file_writer {
    FILE *stream;
    file_target target;
    bool no_sync; /* set after opening if the caller synchronises many files at once (folder_sync_all) */
} file_writer;

reshift_status file_writer_open(const char *path, bool overwrite, file_writer *writer, reshift_error *error);
/** The path for messages. */
const char *file_writer_path(const file_writer *writer);
reshift_status file_writer_write(file_writer *writer, const void *bytes, size_t count, reshift_error *error);
reshift_status file_writer_printf(file_writer *writer, reshift_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Synchronises, renames, synchronises the folder. Errors: IO (a full disk, in the system's words), EXISTS. */
reshift_status file_writer_commit(file_writer *writer, reshift_error *error);
void file_writer_abort(file_writer *writer);

/** Writes all of `bytes` atomically. */
reshift_status file_write_all(const char *path, const void *bytes, size_t count, bool overwrite, reshift_error *error);

/** Moves a finished file, replacing what is at `to`; both are synchronised. Errors: IO. */
reshift_status file_move(const char *from, const char *to, reshift_error *error);

/** Writes the entries of the folder that holds `path` (its names, not the files' bytes) to the disk. Errors: IO. */
reshift_status folder_sync_of(const char *path, reshift_error *error);
/** Writes everything below a folder to the disk, at the price of one call for any number of files. Errors: IO. */
reshift_status folder_sync_all(const char *folder, reshift_error *error);

/**
 * Makes an empty folder under a temporary name beside `path`, as files have them, to be filled and renamed to `path` or
 * removed by the caller, who frees *temporary and closes *lock. What a killed process left under the name is removed first.
 * Errors: IO, MEMORY.
 */
reshift_status folder_create_temporary(const char *path, char **temporary, int *lock, reshift_error *error);

/** Removes temporaries of killed processes at any depth below `folder`. Errors: IO (a folder that cannot be read). */
reshift_status folder_remove_leftovers(const char *folder, reshift_error *error);

#endif
