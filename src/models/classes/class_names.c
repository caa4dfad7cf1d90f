/* Lines of a text file as names. What is no text is refused here, so that nothing written later fails or changes a
 * name. */
#include "models/classes/class_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "models/recipe.h"
#include "reshift/model.h"

static reshift_status check_line(const char *line, size_t length, const char *path, int number, reshift_error *error)
{
    if (length == 0 || length > CLASS_NAME_BYTES_MAX) {
        return error_in_line(error, "class names", path, number, "expected 1 to %d bytes, found %s",
                             CLASS_NAME_BYTES_MAX, length ? "more" : "none");
    }
    if (memchr(line, 0, length)) {
        return error_in_line(error, "class names", path, number, "a zero byte, which is no text");
    }
    if (!text_is_utf8((const uint8_t *)line, length)) {
        error_in_line(error, "class names", path, number, "expected UTF-8, found '%.*s'", (int)length, line);
        error_hint(error, "iconv -f LATIN1 -t UTF-8 converts a file of Western European text");
        return RESHIFT_ERROR_FORMAT;
    }
    return RESHIFT_OK;
}

reshift_status class_names_parse(const char *text, size_t size, const char *path, int n_classes, char ***names,
                                 reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    size_t at = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    int found = 0;
    *names = calloc((size_t)n_classes + 1, sizeof **names);
    if (!*names) {
        return error_memory(error, (size_t)n_classes * sizeof **names, "the names of the classes");
    }
    while (status == RESHIFT_OK && at < size) {
        const char *line = text + at, *newline = memchr(line, '\n', size - at);
        size_t length = newline ? (size_t)(newline - line) : size - at;
        at += length + (newline != NULL);
        length -= length > 0 && line[length - 1] == '\r';
        status = check_line(line, length, path, found + 1, error);
        if (status == RESHIFT_OK && found < n_classes && !((*names)[found] = strndup(line, length))) {
            status = error_memory(error, length, "the name of a class");
        }
        found += status == RESHIFT_OK;
    }
    if (status == RESHIFT_OK && found != n_classes) {
        status = error_set(error, RESHIFT_ERROR_SHAPE, "class names '%s': expected %d lines, one a class, found %d",
                           path, n_classes, found);
    }
    if (status != RESHIFT_OK) {
        recipe_class_names_destroy(names, n_classes);
    }
    return status;
}

reshift_status reshift_model_load_class_names(reshift_model *model, const char *path, reshift_error *error)
{
    char *text = NULL, **names = NULL;
    size_t size = 0;
    const int n = reshift_model_n_classes(model);
    reshift_status status = file_read_all(path, &text, &size, error);
    if (status == RESHIFT_OK) {
        status = class_names_parse(text, size, path, n, &names, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_set_class_names(model, (const char *const *)names, n, error);
    }
    recipe_class_names_destroy(&names, n);
    free(text);
    return status;
}
