/* A thread that appends finished pieces to a file while other threads compute. */
#include "datasets/writing/write_behind.h"

#include <string.h>

static void *write_pieces(void *context)
{
    write_behind *w = context;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->bytes && !w->quit) {
            pthread_cond_wait(&w->changed, &w->lock);
        }
        if (!w->bytes) {
            break;
        }
        pthread_mutex_unlock(&w->lock);
        reshift_error error;
        reshift_status status = npy_writer_append(w->writer, w->bytes, w->count, &error);
        pthread_mutex_lock(&w->lock);
        if (status != RESHIFT_OK) {
            w->status = status;
            w->error = error;
        }
        w->bytes = NULL;
        pthread_cond_signal(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

void write_behind_start(write_behind *w, npy_writer *writer)
{
    memset(w, 0, sizeof *w);
    w->writer = writer;
    w->status = RESHIFT_OK;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->threaded = pthread_create(&w->thread, NULL, write_pieces, w) == 0;
}

/* With the lock held: waits until no piece is pending. */
static reshift_status wait_for_piece(write_behind *w, reshift_error *error)
{
    while (w->bytes) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    if (w->status != RESHIFT_OK && error) {
        *error = w->error;
    }
    return w->status;
}

reshift_status write_behind_append(write_behind *w, const void *bytes, size_t count, reshift_error *error)
{
    if (!w->threaded) {
        return npy_writer_append(w->writer, bytes, count, error);
    }
    pthread_mutex_lock(&w->lock);
    reshift_status status = wait_for_piece(w, error);
    if (status == RESHIFT_OK) {
        w->bytes = bytes;
        w->count = count;
        pthread_cond_signal(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return status;
}

reshift_status write_behind_finish(write_behind *w, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    if (w->threaded) {
        pthread_mutex_lock(&w->lock);
        status = wait_for_piece(w, error);
        w->quit = true;
        pthread_cond_signal(&w->changed);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
    }
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    return status;
}
