/* Files: read-only maps, and writing that is atomic: to a temporary name beside the target, then renamed. */
#ifndef BASE_FILES_H
#define BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "reshift/status.h"

typedef struct file_map {
    const uint8_t *data; /* NULL when the file is empty */
    size_t size;
} file_map;

/** Maps a whole regular file for reading. Errors: NOT_FOUND, IO (a folder, no permission). */
reshift_status file_map_open(const char *path, file_map *map, reshift_error *error);
void file_map_close(file_map *map);
/** Lets go of the pages read so far: they leave this process's memory, and come back when they are read again. */
void file_map_forget(const file_map *map);

/**
 * A file being written. It exists under a temporary name in the target's folder until file_writer_commit() renames it;
 * file_writer_abort() (also safe after commit, on NULL and on a zeroed writer) removes it. The library's own signal of
 * a full disk is RESHIFT_ERROR_IO with the system's words.
 */
typedef struct file_writer {
    FILE *stream;
    char *path;
    char *temporary;
    bool overwrite;
} file_writer;

reshift_status file_writer_open(const char *path, bool overwrite, file_writer *writer, reshift_error *error);
reshift_status file_writer_write(file_writer *writer, const void *bytes, size_t count, reshift_error *error);
reshift_status file_writer_printf(file_writer *writer, reshift_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
reshift_status file_writer_commit(file_writer *writer, reshift_error *error);
void file_writer_abort(file_writer *writer);

/** Writes all of `bytes` atomically. */
reshift_status file_write_all(const char *path, const void *bytes, size_t count, bool overwrite, reshift_error *error);
/** Reads a whole (small) file; adds a NUL behind it. The caller frees *bytes with free(). */
reshift_status file_read_all(const char *path, char **bytes, size_t *count, reshift_error *error);

bool file_exists(const char *path);
bool folder_exists(const char *path);
/** Makes the folder and those above it; no error where it is there. */
reshift_status folder_create(const char *path, reshift_error *error);
/**
 * Makes an empty folder of a temporary name beside `path`, "PATH.part.XXXXXX", to be renamed to it or removed by the
 * caller, who frees *temporary. Errors: IO, MEMORY.
 */
reshift_status folder_create_temporary(const char *path, char **temporary, reshift_error *error);
/** "a/b" in fresh memory (free()); NULL when out of memory. */
char *path_join(const char *folder, const char *name);

#endif
