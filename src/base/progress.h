/* Calls of the caller's reshift_progress callbacks. NULL callbacks are handled here, not at every call site. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include "reshift/progress.h"

void progress_update(const reshift_progress *progress, const char *what, int64_t done, int64_t total, const char *unit);
void progress_message(const reshift_progress *progress, reshift_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Returns RESHIFT_ERROR_CANCELLED with its message if the caller asked to stop, else RESHIFT_OK. */
reshift_status progress_check(const reshift_progress *progress, reshift_error *error);

/** Seconds of a monotonic clock. */
double clock_seconds(void);

#endif
