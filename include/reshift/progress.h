/* How long work tells its caller where it is, and learns that it should stop. The library itself never prints. */
#ifndef RESHIFT_PROGRESS_H
#define RESHIFT_PROGRESS_H

#include <stdbool.h>

#include "reshift/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum reshift_log_level { RESHIFT_LOG_INFO, RESHIFT_LOG_WARNING } reshift_log_level;

/**
 * Callbacks of the caller; every one may be NULL, and a NULL reshift_progress pointer is accepted everywhere.
 * All of them are called from the thread that called the library.
 *
 * update(context, what, done, total, unit)  `done` of `total` ("images", "steps"); total 0: not known. The first
 *                                           call of a piece of work has done == 0, the last done == total.
 * message(context, level, text)             one line for people, without a newline
 * cancelled(context)                        true: stop soon with RESHIFT_ERROR_CANCELLED, leaving nothing half-written
 */
typedef struct reshift_progress {
    void (*update)(void *context, const char *what, int64_t done, int64_t total, const char *unit);
    void (*message)(void *context, reshift_log_level level, const char *text);
    bool (*cancelled)(void *context);
    void *context;
} reshift_progress;

#ifdef __cplusplus
}
#endif
#endif
