/* Filling a reshift_error. All return the code, so that `return error_set(...)` reads well; all accept NULL. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>

#include "reshift/status.h"

/** Replaces what `error` holds by this code and message; clears hint, path, offset and line. */
reshift_status error_set(reshift_error *error, reshift_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Adds the next step a person can take. */
void error_hint(reshift_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Puts "PREFIX: " before the message, as in "cannot read weights 'x.pth': <message>"; returns the code kept. */
reshift_status error_prefix(reshift_error *error, reshift_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Records the place: file and byte (or -1), file and line. Returns error's code or `code` when error is NULL. */
reshift_status error_at_offset(reshift_error *error, reshift_status code, const char *path, int64_t offset);
reshift_status error_at_line(reshift_error *error, reshift_status code, const char *path, int64_t line);

/**
 * FORMAT with "SUBJECT 'PATH' line N: ..." and the place, for readers of text files; `subject` says what the file is
 * ("class map", "cannot read baseline").
 */
reshift_status error_in_line(reshift_error *error, const char *subject, const char *path, int64_t line, const char *format,
                             ...) __attribute__((format(printf, 5, 6)));

/** "WHAT: <strerror(errno)>" with code IO, NOT_FOUND or EXISTS according to errno. */
reshift_status error_from_errno(reshift_error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Out of memory while making WHAT of so many bytes. */
reshift_status error_memory(reshift_error *error, size_t bytes, const char *what);

#endif
