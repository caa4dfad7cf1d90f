/*
 * A growing text: what scripts, pictures and pages are put together in before they are written. A failed allocation is
 * remembered and everything after it ignored, so that a caller asks once, at the end (text_status). Numbers are written
 * with a decimal point whatever the process' locale.
 */
#ifndef REPORTING_TEXT_H
#define REPORTING_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "reshift/status.h"

/** A zeroed struct is the empty text; `bytes` has a NUL behind it, or is NULL while empty. */
typedef struct text_buffer {
    char *bytes;
    size_t length, capacity;
    bool failed;
} text_buffer;

void text_add(text_buffer *text, const char *words);
void text_add_bytes(text_buffer *text, const char *bytes, size_t count);
void text_printf(text_buffer *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** snprintf with a decimal point whatever the locale. */
void text_format(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** `words` as text of HTML or XML, in or outside of a quoted attribute; bytes that are not UTF-8 become U+FFFD. */
void text_add_markup(text_buffer *text, const char *words);
/** `words` as a gnuplot string, its single quotes included; line ends and other control characters become spaces. */
void text_add_quoted(text_buffer *text, const char *words);
/** Base64, for data: addresses. */
void text_add_base64(text_buffer *text, const void *bytes, size_t count);

/** OK, or MEMORY where an addition failed. */
reshift_status text_status(const text_buffer *text, const char *what, reshift_error *error);
/** Writes the text to a file, atomically; MEMORY where an addition failed. */
reshift_status text_write(const text_buffer *text, const char *path, bool overwrite, reshift_error *error);
void text_destroy(text_buffer *text);

#endif
