/*
 * Building JSON: additions that cannot get lost, and strings of any bytes. jansson's json_object_set_new() returns -1
 * for a value that is NULL (out of memory, a string that is not UTF-8) and leaves the object as it was: one key is
 * missing and nobody knows.
 */
#ifndef BASE_JSON_BUILD_H
#define BASE_JSON_BUILD_H

#include <jansson.h>

/**
 * A string of a path or another foreign text: each byte that is not UTF-8 is written as \xNN, as Python's
 * "backslashreplace" does. NULL: out of memory.
 */
json_t *json_words(const char *text);

/** Adds `value`, which is taken over, or drops the whole object and sets it to NULL. Does nothing more for NULL
 * objects. */
void json_put(json_t **object, const char *key, json_t *value);
/** The same of an array. */
void json_add(json_t **array, json_t *value);

#endif
