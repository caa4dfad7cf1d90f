/* The part of reshift_inspect() that describes folders. */
#ifndef FORMATS_INSPECT_FOLDER_H
#define FORMATS_INSPECT_FOLDER_H

#include <jansson.h>

#include "reshift/status.h"

/** Describes the folder at `path` in `json`: kind and contents. Errors: IO, NOT_FOUND, MEMORY. */
reshift_status inspect_folder(const char *path, json_t *json, reshift_error *error);

#endif
