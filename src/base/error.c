/*
 * Error messages: set, prefix, add the location. Every function accepts a NULL error and returns a status. Messages and
 * hints are cleaned here because they can contain file names and text from files.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reshift/version.h"

const char *reshift_version(void) { return RESHIFT_VERSION_TEXT; }

void reshift_error_clear(reshift_error *error)
{
    if (error) {
        memset(error, 0, sizeof *error);
        error->offset = -1;
    }
}

const char *reshift_status_text(reshift_status status)
{
    switch (status) {
    case RESHIFT_OK: return "ok";
    case RESHIFT_ERROR_ARGUMENT: return "a value cannot be used";
    case RESHIFT_ERROR_NOT_FOUND: return "not found";
    case RESHIFT_ERROR_EXISTS: return "exists already";
    case RESHIFT_ERROR_IO: return "input or output failed";
    case RESHIFT_ERROR_FORMAT: return "not in the expected format";
    case RESHIFT_ERROR_SHAPE: return "wrong shape";
    case RESHIFT_ERROR_UNSUPPORTED: return "not supported";
    case RESHIFT_ERROR_MEMORY: return "out of memory";
    case RESHIFT_ERROR_NUMERIC: return "numerical failure";
    case RESHIFT_ERROR_CANCELLED: return "cancelled";
    case RESHIFT_ERROR_INTERNAL: return "internal failure";
    }
    return "unknown status";
}

reshift_status error_set(reshift_error *error, reshift_status code, const char *format, ...)
{
    if (error) {
        char text[sizeof error->message]; /* the arguments may point into error itself */
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        reshift_error_clear(error);
        error->code = code;
        memcpy(error->message, reshift_text_clean(text), sizeof text);
    }
    return code;
}

void error_hint(reshift_error *error, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->hint, sizeof error->hint, format, arguments);
        va_end(arguments);
        reshift_text_clean(error->hint);
    }
}

reshift_status error_prefix(reshift_error *error, reshift_status code, const char *format, ...)
{
    if (error) {
        char text[sizeof error->message];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, ": %s", error->message);
        memcpy(error->message, reshift_text_clean(text), sizeof text);
        error->code = code;
    }
    return code;
}

static void place(reshift_error *error, const char *path)
{
    if (path) {
        snprintf(error->path, sizeof error->path, "%s", path);
    }
}

reshift_status error_at_offset(reshift_error *error, reshift_status code, const char *path, int64_t offset)
{
    if (error) {
        place(error, path);
        error->offset = offset;
    }
    return code;
}

reshift_status error_at_line(reshift_error *error, reshift_status code, const char *path, int64_t line)
{
    if (error) {
        place(error, path);
        error->line = line;
    }
    return code;
}

reshift_status error_in_line(reshift_error *error, const char *subject, const char *path, int64_t line,
                             const char *format, ...)
{
    if (error) {
        char text[sizeof error->message];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        error_set(error, RESHIFT_ERROR_FORMAT, "%s '%s' line %lld: %s", subject, path, (long long)line, text);
    }
    return error_at_line(error, RESHIFT_ERROR_FORMAT, path, line);
}

reshift_status error_from_errno(reshift_error *error, int number, const char *format, ...)
{
    reshift_status code = number == ENOENT || number == ENOTDIR ? RESHIFT_ERROR_NOT_FOUND
                          : number == EEXIST                    ? RESHIFT_ERROR_EXISTS
                          : number == ENOMEM                    ? RESHIFT_ERROR_MEMORY
                                                                : RESHIFT_ERROR_IO;
    if (error) {
        char text[sizeof error->message];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        error_set(error, code, "%s: %s", text, strerror(number));
    }
    return code;
}

reshift_status error_memory(reshift_error *error, size_t bytes, const char *what)
{
    return error_set(error, RESHIFT_ERROR_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}
