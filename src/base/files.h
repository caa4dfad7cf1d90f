/*
 * Files: what is at a path, read-only maps of regular files, folders. Every input of the library is opened here, so that
 * pipes are refused instead of waited for, and every output is written by base/file_writer.h.
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
    PATH_NONE,   /* no entry of this name, or a link to nothing */
    PATH_FILE,   /* a regular file */
    PATH_FOLDER,
    PATH_OTHER   /* a device, pipe or socket */
} path_kind;

/**
 * What is at `path`, following links. Only "no such file" and "no such folder above it" mean PATH_NONE: any other failure to
 * look (permission, input/output error) is an error, never an answer. Errors: IO, MEMORY.
 */
reshift_status path_kind_of(const char *path, path_kind *kind, reshift_error *error);
/** Sets *is to whether a folder is at `path`; and the same for anything else that exists. Errors: as path_kind_of(). */
reshift_status path_is_folder(const char *path, bool *is, reshift_error *error);
reshift_status path_is_file(const char *path, bool *is, reshift_error *error);

/** "a folder", "a pipe", "a device", "a socket" or "a file", for messages. */
const char *file_type_name(mode_t mode);

/**
 * Opens a regular file for reading, without waiting: a pipe or device is refused at once. *facts unless NULL gets fstat().
 * The caller closes *descriptor. Errors: NOT_FOUND, IO ("expected a file, found a pipe").
 */
reshift_status file_open(const char *path, int *descriptor, struct stat *facts, reshift_error *error);

typedef struct file_map {
    const uint8_t *data; /* NULL when the file is empty */
    size_t size;
} file_map;

/** Maps a whole regular file for reading. Errors: those of file_open(). */
reshift_status file_map_open(const char *path, file_map *map, reshift_error *error);
void file_map_close(file_map *map);
/** Releases the pages read so far; they are loaded again when they are next read. */
void file_map_forget(const file_map *map);

/** Reads a whole (small) file; adds a NUL after it. The caller frees *bytes with free(). Errors: those of file_open(). */
reshift_status file_read_all(const char *path, char **bytes, size_t *count, reshift_error *error);

/**
 * For each name in `folder` except "." and "..", in the order of the file system. Stops early when `visit` fails and
 * returns its status. Errors: those of opening and of reading the folder (a failed read is never taken for its end).
 */
reshift_status folder_visit(const char *folder,
                            reshift_status (*visit)(void *context, const char *name, reshift_error *error),
                            void *context, reshift_error *error);

/** The same with the path and lstat() facts of each entry; one that disappears meanwhile is left out. Errors: also MEMORY. */
reshift_status folder_visit_entries(const char *folder,
                                    reshift_status (*visit)(const char *path, const struct stat *facts,
                                                            reshift_error *error),
                                    reshift_error *error);

/** Makes the folder and those above it; no error if it exists. */
reshift_status folder_create(const char *path, reshift_error *error);
/** Removes a folder with all it holds. Errors: IO, naming the entry. */
reshift_status folder_remove(const char *path, reshift_error *error);
/**
 * The file of "FILE#PART", in fresh memory (free()): what stands in front of the last '#', or all of `path` where a file has
 * that whole name. path_part() is the rest, or NULL; it points into `path`. NULL when out of memory.
 */
char *path_without_part(const char *path);
const char *path_part(const char *path);
/** "a/b" in fresh memory (free()); NULL when out of memory. */
char *path_join(const char *folder, const char *name);

#endif
