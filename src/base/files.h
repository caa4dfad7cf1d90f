/*
 * Files: path queries, read-only maps of regular files, folders. Every input of the library is opened here, so that a
 * pipe is refused and never blocks. Every output is written by base/file_writer.h.
 */
#ifndef BASE_FILES_H
#define BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/file_writer.h"
#include "reshift/status.h"

typedef enum path_kind {
    PATH_NONE, /* no such entry, or a link to a missing file */
    PATH_FILE, /* a regular file */
    PATH_FOLDER,
    PATH_OTHER /* a device, pipe or socket */
} path_kind;

/**
 * The kind of entry at `path`, following links. PATH_NONE means only "no such file" or "no such parent folder"; any
 * other failure (permission, input/output error) is reported as an error. Errors: IO, MEMORY.
 */
reshift_status path_kind_of(const char *path, path_kind *kind, reshift_error *error);
/** Set *is to whether `path` is a folder, or anything else that exists. Errors: as path_kind_of(). */
reshift_status path_is_folder(const char *path, bool *is, reshift_error *error);
reshift_status path_is_file(const char *path, bool *is, reshift_error *error);

/** "a folder", "a pipe", "a device", "a socket" or "a file", for messages. */
const char *file_type_name(mode_t mode);

/**
 * Opens a regular file for reading. Never blocks: a pipe or device is refused at once. *facts, unless NULL, receives
 * the result of fstat(). The caller closes *descriptor. Errors: NOT_FOUND, IO ("expected a file, found a pipe").
 */
reshift_status file_open(const char *path, int *descriptor, struct stat *facts, reshift_error *error);

typedef struct file_map {
    const uint8_t *data; /* NULL when the file is empty */
    size_t size;
} file_map;

/** Maps a whole regular file for reading. Errors: those of file_open(). */
reshift_status file_map_open(const char *path, file_map *map, reshift_error *error);
void file_map_close(file_map *map);
/** Releases the resident pages of the map. They are loaded again on the next access. */
void file_map_forget(const file_map *map);

/** Reads a whole (small) file and appends a NUL. The caller frees *bytes with free(). Errors: those of file_open(). */
reshift_status file_read_all(const char *path, char **bytes, size_t *count, reshift_error *error);

/**
 * Calls `visit` for each name in `folder` except "." and "..", in file system order. Stops when `visit` fails and
 * returns its status. Errors: those of opening and reading the folder (a failed read is never mistaken for its end).
 */
reshift_status folder_visit(const char *folder,
                            reshift_status (*visit)(void *context, const char *name, reshift_error *error),
                            void *context, reshift_error *error);

/**
 * The same with the path and lstat() data of each entry. An entry that disappears meanwhile is skipped. Errors: also
 * MEMORY.
 */
reshift_status folder_visit_entries(const char *folder,
                                    reshift_status (*visit)(const char *path, const struct stat *facts,
                                                            reshift_error *error),
                                    reshift_error *error);

/** Creates the folder and its parents. No error if it exists. */
reshift_status folder_create(const char *path, reshift_error *error);
/** Removes a folder and its contents. Errors: IO, naming the entry. */
reshift_status folder_remove(const char *path, reshift_error *error);
/**
 * The file part of "FILE#PART": the text before the last '#', or all of `path` if a file with that whole name exists.
 * The caller frees it; NULL when out of memory. path_part() returns the text after the '#', or NULL; it points into
 * `path`.
 */
char *path_without_part(const char *path);
const char *path_part(const char *path);
/** "FOLDER/NAME" in new memory (free()); NULL when out of memory. */
char *path_join(const char *folder, const char *name);

#endif
