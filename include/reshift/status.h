/* How every fallible call of reshift answers: a status, and the words for people in a caller-owned error. */
#ifndef RESHIFT_STATUS_H
#define RESHIFT_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RESHIFT_API __attribute__((visibility("default")))

typedef enum reshift_status {
    RESHIFT_OK = 0,
    RESHIFT_ERROR_ARGUMENT,    /* a value the caller passed is wrong whatever any file holds (the program exits 2) */
    RESHIFT_ERROR_NOT_FOUND,   /* a file, name or key that is not there */
    RESHIFT_ERROR_EXISTS,      /* something is there already and may not be overwritten */
    RESHIFT_ERROR_IO,          /* the system refused to read or write */
    RESHIFT_ERROR_FORMAT,      /* bytes that are not what the format says */
    RESHIFT_ERROR_SHAPE,       /* wrong shape, type, size or count, or values that do not fit what the files hold */
    RESHIFT_ERROR_UNSUPPORTED, /* well formed, but reshift cannot do it */
    RESHIFT_ERROR_MEMORY,      /* out of memory */
    RESHIFT_ERROR_NUMERIC,     /* arithmetic left the finite numbers or did not converge */
    RESHIFT_ERROR_CANCELLED,   /* the caller asked to stop (the program exits 130) */
    RESHIFT_ERROR_INTERNAL     /* a library underneath failed in a way that should not happen */
} reshift_status;

/**
 * What went wrong, in words. Owned by the caller, never allocated; a NULL pointer is accepted everywhere.
 * `message` is lower case, the problem first, without a full stop: "tensor 'fc.weight': expected [1000,2048],
 * found [10,512]". `hint` says what to do next, or is empty.
 */
typedef struct reshift_error {
    reshift_status code;
    char message[1024];
    char hint[512];
    char path[512]; /* the file concerned, or empty */
    int64_t offset; /* byte in that file, or -1 */
    int64_t line;   /* line in that file counted from 1, or 0 */
} reshift_error;

/** Makes `error` empty (RESHIFT_OK, no words). NULL is accepted. */
RESHIFT_API void reshift_error_clear(reshift_error *error);

/** The status in words ("out of memory"); never NULL, static. */
RESHIFT_API const char *reshift_status_text(reshift_status status);

/** The version of the library, "MAJOR.MINOR.PATCH"; static. */
RESHIFT_API const char *reshift_version(void);

#ifdef __cplusplus
}
#endif
#endif
