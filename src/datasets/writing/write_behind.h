/*
 * Writing while the next piece is being computed: one thread appends to a .npy file what it was handed, the caller
 * goes on with another buffer. At most one piece is on its way, so two buffers are all the memory it takes.
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
    bool threaded; /* false where no thread could be had: pieces are written when they are handed over */
    bool quit;
    const void *bytes; /* on its way; NULL: nothing is */
    size_t count;
    reshift_status status; /* of the first piece that could not be written; the rest is not tried */
    reshift_error error;
} write_behind;

/** `writer` must outlive it. Never fails. */
void write_behind_start(write_behind *w, npy_writer *writer);
/** Waits for the piece before, then hands over `bytes`, which stay as they are until the next call. Errors: those of
 * the pieces before. */
reshift_status write_behind_append(write_behind *w, const void *bytes, size_t count, reshift_error *error);
/** Waits for the last piece and ends the thread. To be called once, also after an error. Errors: those of all pieces.
 */
reshift_status write_behind_finish(write_behind *w, reshift_error *error);

#endif
