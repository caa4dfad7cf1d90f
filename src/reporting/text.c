/* The growing text, and the three encodings of external text: markup, gnuplot strings, base64. */
#include "reporting/text.h"

#include <locale.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"

static bool make_room(text_buffer *text, size_t count)
{
    if (text->failed || count > SIZE_MAX / 4 - text->length) {
        text->failed = true;
        return false;
    }
    if (text->length + count + 1 > text->capacity) {
        size_t capacity = (text->length + count + 1) * 2;
        char *bytes = realloc(text->bytes, capacity);
        if (!bytes) {
            text->failed = true;
            return false;
        }
        text->bytes = bytes;
        text->capacity = capacity;
    }
    return true;
}

void text_add_bytes(text_buffer *text, const char *bytes, size_t count)
{
    if (make_room(text, count)) {
        memcpy(text->bytes + text->length, bytes, count);
        text->length += count;
        text->bytes[text->length] = '\0';
    }
}

void text_add(text_buffer *text, const char *words) { text_add_bytes(text, words, strlen(words)); }

void text_printf(text_buffer *text, const char *format, ...)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t kept = plain ? uselocale(plain) : (locale_t)0;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (!plain || length < 0) {
        text->failed = true;
    } else if (make_room(text, (size_t)length)) {
        va_start(arguments, format);
        vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
        va_end(arguments);
        text->length += (size_t)length;
    }
    if (plain) {
        uselocale(kept);
        freelocale(plain);
    }
}

void text_format(char *out, size_t size, const char *format, ...)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t kept = plain ? uselocale(plain) : (locale_t)0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out, size, format, arguments);
    va_end(arguments);
    if (plain) {
        uselocale(kept);
        freelocale(plain);
    }
}

/* Length of the UTF-8 character at `c`, 0 if it is invalid (also for surrogates, overlong forms, beyond U+10FFFF). */
static int utf8_length(const unsigned char *c)
{
    static const struct {
        unsigned char first, last, second_low, second_high;
        int length;
    } forms[] = {{0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                 {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (c[0] < forms[i].first || c[0] > forms[i].last) {
            continue;
        }
        if (forms[i].length > 1 && (c[1] < forms[i].second_low || c[1] > forms[i].second_high)) {
            return 0;
        }
        for (int j = 2; j < forms[i].length; j++) {
            if (c[j] < 0x80 || c[j] > 0xbf) {
                return 0;
            }
        }
        return forms[i].length;
    }
    return 0;
}

/* Common to both escapers: valid characters are kept, invalid bytes become U+FFFD, control characters a space. */
static void add_escaped(text_buffer *text, const char *words, const char *(*escape)(unsigned char))
{
    for (const unsigned char *c = (const unsigned char *)words; *c;) {
        int length = utf8_length(c);
        const char *instead = length == 0               ? "\xef\xbf\xbd"
                              : length > 1              ? NULL
                              : *c < 0x20 || *c == 0x7f ? " "
                                                        : escape(*c);
        if (instead) {
            text_add(text, instead);
        } else {
            text_add_bytes(text, (const char *)c, (size_t)length);
        }
        c += length > 0 ? length : 1;
    }
}

static const char *escape_markup(unsigned char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/*
 * Within gnuplot's single quotes nothing is special, but a doubled quote at the start ends the string (5.4). Within
 * double quotes an octal escape represents any character, also those that would start a command or a macro.
 */
static const char *escape_single(unsigned char c)
{
    (void)c;
    return NULL;
}

static const char *escape_double(unsigned char c)
{
    switch (c) {
    case '"': return "\\042";
    case '\\': return "\\134";
    case '`': return "\\140";
    case '@': return "\\100";
    default: return NULL;
    }
}

void text_add_markup(text_buffer *text, const char *words) { add_escaped(text, words, escape_markup); }

void text_add_quoted(text_buffer *text, const char *words)
{
    bool plain = strchr(words, '\'') == NULL;
    text_add(text, plain ? "'" : "\"");
    add_escaped(text, words, plain ? escape_single : escape_double);
    text_add(text, plain ? "'" : "\"");
}

void text_add_base64(text_buffer *text, const void *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = bytes;
    if (count > SIZE_MAX / 8 || !make_room(text, (count + 2) / 3 * 4)) {
        text->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i += 3) {
        uint32_t group =
            (uint32_t)in[i] << 16 | (uint32_t)(i + 1 < count ? in[i + 1] : 0) << 8 | (i + 2 < count ? in[i + 2] : 0);
        char *out = text->bytes + text->length;
        out[0] = digits[group >> 18];
        out[1] = digits[group >> 12 & 63];
        out[2] = '=';
        out[3] = '=';
        if (i + 1 < count) {
            out[2] = digits[group >> 6 & 63];
        }
        if (i + 2 < count) {
            out[3] = digits[group & 63];
        }
        text->length += 4;
    }
    text->bytes[text->length] = '\0';
}

reshift_status text_status(const text_buffer *text, const char *what, reshift_error *error)
{
    return text->failed ? error_memory(error, text->length, what) : RESHIFT_OK;
}

reshift_status text_write(const text_buffer *text, const char *path, bool overwrite, reshift_error *error)
{
    reshift_status status = text_status(text, path, error);
    return status == RESHIFT_OK ? file_write_all(path, text->bytes, text->length, overwrite, error) : status;
}

void text_destroy(text_buffer *text)
{
    if (text) {
        free(text->bytes);
        *text = (text_buffer){0};
    }
}
