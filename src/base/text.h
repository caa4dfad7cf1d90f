/* Sanitises text from files and command lines for terminals and logs. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/words.h"

/** True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing beyond U+10FFFF). */
bool text_is_utf8(const uint8_t *text, size_t length);

/** The shortest decimal that reads back as `value`, in the C locale's notation whatever the program's locale is. */
const char *text_shortest(double value, char text[40]);

#endif
