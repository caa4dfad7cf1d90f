/* Output files of one command: written under temporary names, then renamed together. */
#ifndef RESHIFT_OUTPUTS_H
#define RESHIFT_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "reshift/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Whether a file could be written at `path` now; leaves nothing. NULL: OK. Errors: EXISTS (a regular file and no
 * `overwrite`), IO (a folder, a block device or a socket; no permission), NOT_FOUND (no such folder, with a hint).
 * Devices and pipes are written through and need no `overwrite`.
 */
RESHIFT_API reshift_status reshift_output_check(const char *path, bool overwrite, reshift_error *error);

/** True if `path` is a device, a pipe or an open descriptor (/dev/stdout): what is written there cannot be read back.
 */
RESHIFT_API bool reshift_output_is_through(const char *path);

/** Writes all of `text` under a temporary name, then renames it. Errors: as above. */
RESHIFT_API reshift_status reshift_output_write(const char *path, const void *text, size_t size, bool overwrite,
                                                reshift_error *error);

typedef struct reshift_outputs reshift_outputs;

/** Errors: MEMORY. */
RESHIFT_API reshift_status reshift_outputs_create(reshift_outputs **outputs, reshift_error *error);
/**
 * Adds an output. *write_to is the path to give to whatever function writes the file (with or without `overwrite`): its
 * temporary name, or `path` itself for a device or pipe; NULL if `path` is NULL. It is the group's. Errors: as above.
 */
RESHIFT_API reshift_status reshift_outputs_add(reshift_outputs *outputs, const char *path, bool overwrite,
                                               const char **write_to, reshift_error *error);
/**
 * Gives all files their names, once all are written. If one cannot have its name, those that replaced nothing are
 * removed again. If the process is killed in between, the files renamed so far count as absent for the next command
 * that writes them, which needs no `overwrite`: marks NAME.reshift-commit say which they are. Errors: EXISTS, IO,
 * MEMORY.
 */
RESHIFT_API reshift_status reshift_outputs_commit(reshift_outputs *outputs, reshift_error *error);
/** Removes what was not committed; NULLs the pointer. NULL accepted. */
RESHIFT_API void reshift_outputs_destroy(reshift_outputs **outputs);

#ifdef __cplusplus
}
#endif

#endif
