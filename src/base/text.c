/*
 * The only place that cleans text before it is displayed. Tensor names, class names and entry names are arbitrary bytes
 * from files. Printed raw, an escape sequence could retitle, clear or recolour a terminal, and a newline or a change of
 * writing direction could forge a line of output.
 */
#include "base/text.h"

#include <string.h>

/* Length of the UTF-8 sequence at `text`, 0 if it is invalid. */
static size_t sequence_length(const uint8_t *text, size_t left)
{
    uint8_t first = text[0];
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0 || length > left) {
        return 0;
    }
    for (size_t k = 1; k < length; k++) {
        if ((text[k] & 0xc0) != 0x80) {
            return 0;
        }
    }
    uint8_t second = length > 1 ? text[1] : 0;
    bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                 (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
    return wrong ? 0 : length;
}

bool text_is_utf8(const uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t n = sequence_length(text + i, length - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

/* Control characters (C0, DEL, C1), line and paragraph separators, and bidirectional controls (Unicode UAX 9). */
static bool is_control(const uint8_t *text, size_t length)
{
    uint32_t c = length == 1   ? text[0]
                 : length == 2 ? (uint32_t)(text[0] & 31) << 6 | (text[1] & 63)
                 : length == 3 ? (uint32_t)(text[0] & 15) << 12 | (uint32_t)(text[1] & 63) << 6 | (text[2] & 63)
                               : 0x10000;
    return c < 32 || (c >= 127 && c < 160) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

char *reshift_text_clean(char *text)
{
    uint8_t *from = (uint8_t *)text, *to = from;
    size_t left = strlen(text);
    while (left > 0) {
        size_t n = sequence_length(from, left);
        if (n == 0 || is_control(from, n)) {
            *to++ = '?';
            n = n ? n : 1;
        } else {
            memmove(to, from, n);
            to += n;
        }
        from += n;
        left -= n;
    }
    *to = '\0';
    return text;
}
