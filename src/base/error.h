/*
 * Functions that fill a reshift_error. All return the status code, so that callers can write `return error_set(...)`.
 * All accept NULL.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>

#include "reshift/status.h"

/** Sets code and message and clears hint, path, offset and line. */
reshift_status error_set(reshift_error *error, reshift_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Sets the hint: the next step the user can take. */
void error_hint(reshift_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Puts "PREFIX: " before the message, as in "cannot read weights 'x.pth': <message>". Returns the code already set. */
reshift_status error_prefix(reshift_error *error, reshift_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Records the location: path and byte offset (-1: none), or path and line. Returns the error's code, or `code` if error
 * is NULL.
 */
reshift_status error_at_offset(reshift_error *error, reshift_status code, const char *path, int64_t offset);
reshift_status error_at_line(reshift_error *error, reshift_status code, const char *path, int64_t line);

/**
 * Sets a FORMAT error "SUBJECT 'PATH' line N: ..." with its location, for readers of text files. `subject` names the
 * kind of file or the failed operation ("class map", "cannot read baseline").
 */
reshift_status error_in_line(reshift_error *error, const char *subject, const char *path, int64_t line,
                             const char *format, ...) __attribute__((format(printf, 5, 6)));

/** "WHAT: <strerror(errno)>" with code IO, NOT_FOUND or EXISTS according to errno. */
reshift_status error_from_errno(reshift_error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Sets a MEMORY error: `what` needed `bytes` bytes. */
reshift_status error_memory(reshift_error *error, size_t bytes, const char *what);

#endif
