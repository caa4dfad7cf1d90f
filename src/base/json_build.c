#include "base/json_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

json_t *json_words(const char *text)
{
    const size_t length = strlen(text);
    if (text_is_utf8((const uint8_t *)text, length)) {
        return json_string(text);
    }
    char *escaped = malloc(4 * length + 1), *to = escaped;
    for (size_t i = 0; escaped && i < length;) {
        size_t n = 1; /* bytes of the current character */
        while (n < 4 && i + n < length && !text_is_utf8((const uint8_t *)text + i, n)) {
            n++;
        }
        if (text_is_utf8((const uint8_t *)text + i, n)) {
            memcpy(to, text + i, n);
            to += n;
            i += n;
        } else {
            to += snprintf(to, 5, "\\x%02x", (unsigned char)text[i++]);
        }
    }
    json_t *string = escaped ? json_stringn(escaped, (size_t)(to - escaped)) : NULL;
    free(escaped);
    return string;
}

void json_put(json_t **object, const char *key, json_t *value)
{
    if (!*object) {
        json_decref(value);
    } else if (json_object_set_new(*object, key, value) != 0) {
        json_decref(*object);
        *object = NULL;
    }
}

void json_add(json_t **array, json_t *value)
{
    if (!*array) {
        json_decref(value);
    } else if (json_array_append_new(*array, value) != 0) {
        json_decref(*array);
        *array = NULL;
    }
}
