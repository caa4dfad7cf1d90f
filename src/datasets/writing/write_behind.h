/*
 * Writes a piece while the next one is computed: a thread appends to a .npy file, and the caller continues with another
 * buffer. At most one piece is pending, so two buffers suffice.
 */
#ifndef DATASETS_WRITING_WRITE_BEHIND_H
#define DATASETS_WRITING_WRITE_BEHIND_H

#include <pthread.h>

#include "formats/npy.h"

typedef struct write_behind {
    npy_writer *writer;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool threaded; /* false if no thread could be created: pieces are written synchronously */
    bool quit;
    const void *bytes; /* the pending piece; NULL: none */
    size_t count;
    reshift_status status; /* of the first piece that failed; later pieces are not written */
    reshift_error error;
} write_behind;

/** `writer` must outlive `w`. Never fails. */
void write_behind_start(write_behind *w, npy_writer *writer);
/**
 * Waits for the previous piece, then queues `bytes`, which must stay unchanged until the next call. Errors: those of
 * the previous pieces.
 */
reshift_status write_behind_append(write_behind *w, const void *bytes, size_t count, reshift_error *error);
/** Waits for the last piece and ends the thread. Call once, also after an error. Errors: those of all pieces. */
reshift_status write_behind_finish(write_behind *w, reshift_error *error);

#endif
