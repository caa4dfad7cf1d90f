/*
 * A growing text buffer for scripts, pictures and pages. A failed allocation is recorded and later additions are
 * ignored, so that a caller checks once, at the end (text_status()). Numbers are formatted with a decimal point
 * whatever the process' locale.
 */
#ifndef REPORTING_TEXT_H
#define REPORTING_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "reshift/status.h"

/** A zeroed struct is the empty text. `bytes` is NUL-terminated, or NULL while empty. */
typedef struct text_buffer {
    char *bytes;
    size_t length, capacity;
    bool failed;
} text_buffer;

void text_add(text_buffer *text, const char *words);
void text_add_bytes(text_buffer *text, const char *bytes, size_t count);
void text_printf(text_buffer *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** snprintf() with a decimal point whatever the locale. */
void text_format(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Adds `words` as HTML or XML text, inside or outside a quoted attribute; bytes that are not UTF-8 become U+FFFD. */
void text_add_markup(text_buffer *text, const char *words);
/**
 * Adds `words` as a gnuplot string, including its single quotes; line ends and other control characters become spaces.
 */
void text_add_quoted(text_buffer *text, const char *words);
/** Adds base64, for data: addresses. */
void text_add_base64(text_buffer *text, const void *bytes, size_t count);

/** OK, or MEMORY if an addition failed. */
reshift_status text_status(const text_buffer *text, const char *what, reshift_error *error);
/** Writes the text to a file, atomically; MEMORY if an addition failed. */
reshift_status text_write(const text_buffer *text, const char *path, bool overwrite, reshift_error *error);
void text_destroy(text_buffer *text);

#endif
