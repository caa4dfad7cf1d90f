/* Names of classes out of a text file, one a line. */
#ifndef MODELS_CLASSES_CLASS_NAMES_H
#define MODELS_CLASSES_CLASS_NAMES_H

#include <stddef.h>

#include "reshift/status.h"

#define CLASS_NAME_BYTES_MAX 254

/**
 * *names [n_classes] out of the lines of `text`, freed with recipe_class_names_destroy(); NULL after an error. Lines
 * end in \n or \r\n, the last one may end without; a byte order mark is skipped. Errors: FORMAT (an empty or long line,
 * a zero byte, text that is not UTF-8, with its line), SHAPE (another number of lines), MEMORY. `path` is for messages.
 */
reshift_status class_names_parse(const char *text, size_t size, const char *path, int n_classes, char ***names,
                                 reshift_error *error);

#endif
