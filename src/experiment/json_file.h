/* JSON files of a run folder, read through the library's own opening of files. */
#ifndef EXPERIMENT_JSON_FILE_H
#define EXPERIMENT_JSON_FILE_H

#include <jansson.h>

#include "reshift/status.h"

/**
 * Reads a JSON file; duplicate keys are errors. The caller gives *value back with json_decref().
 * Errors: NOT_FOUND, IO, FORMAT (with the line), MEMORY; *value is NULL then.
 */
reshift_status json_file_load(const char *path, json_t **value, reshift_error *error);

#endif
