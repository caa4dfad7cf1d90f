#include "experiment/json_file.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/files.h"

reshift_status json_file_load(const char *path, json_t **value, reshift_error *error)
{
    char *text;
    size_t size;
    json_error_t place;
    *value = NULL;
    reshift_status status = file_read_all(path, &text, &size, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &place);
    free(text);
    if (*value) {
        return RESHIFT_OK;
    }
    error_set(error, RESHIFT_ERROR_FORMAT, "cannot read '%s' line %d: %s", path, place.line, place.text);
    return error_at_line(error, RESHIFT_ERROR_FORMAT, path, place.line);
}
