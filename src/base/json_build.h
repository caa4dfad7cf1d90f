/*
 * Helpers that build JSON: additions that cannot fail silently, and strings of arbitrary bytes. jansson's
 * json_object_set_new() returns -1 for a NULL value (out of memory, a string that is not UTF-8) and leaves the object
 * unchanged: unless every call is checked, a key is missing without an error.
 */
#ifndef BASE_JSON_BUILD_H
#define BASE_JSON_BUILD_H

#include <jansson.h>

/**
 * A JSON string of a path or other external text. Each byte that is not valid UTF-8 is written as \xNN, like Python's
 * "backslashreplace". NULL: out of memory.
 */
json_t *json_words(const char *text);

/**
 * Adds `value` and takes ownership of it. On failure the whole object is released and set to NULL. A NULL object is
 * left unchanged.
 */
void json_put(json_t **object, const char *key, json_t *value);
/** The same for an array. */
void json_add(json_t **array, json_t *value);

#endif
