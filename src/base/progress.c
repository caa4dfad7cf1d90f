/* Forwards to the caller's callbacks if they are set; and the clock for measuring rates. */
#include "base/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/error.h"
#include "base/text.h"

void progress_update(const reshift_progress *progress, const char *what, int64_t done, int64_t total, const char *unit)
{
    if (progress && progress->update) {
        progress->update(progress->context, what, done, total, unit);
    }
}

void progress_message(const reshift_progress *progress, reshift_log_level level, const char *format, ...)
{
    if (progress && progress->message) {
        char text[1024];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        progress->message(progress->context, level, reshift_text_clean(text));
    }
}

reshift_status progress_check(const reshift_progress *progress, reshift_error *error)
{
    if (progress && progress->cancelled && progress->cancelled(progress->context)) {
        return error_set(error, RESHIFT_ERROR_CANCELLED, "stopped on request");
    }
    return RESHIFT_OK;
}

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
