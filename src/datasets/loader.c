/*
 * The loader: one thread fills one of two buffers while the caller uses the other. A mutex protects the ownership of
 * buffers. An error that occurs ahead of time is returned when its batch is requested, so that earlier batches are
 * still delivered.
 */
#include "datasets/loader.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/dataset.h"
#include "imaging/preprocess.h"

enum {
    N_BUFFERS = 2,
    ROWS_KEPT = 2048, /* approximate number of mapped rows kept in memory */
};

typedef struct batch_buffer {
    void *images; /* [batch,size,size,3] float, or [batch,H,W,3] bytes */
    int *labels;  /* [batch] */
    int n;
    bool full; /* filled and not yet returned by the caller */
} batch_buffer;

struct loader {
    const reshift_dataset *dataset;
    int64_t *rows; /* [n_rows], or NULL: 0, 1, ... */
    int64_t n_rows;
    loader_options options;
    int height, width; /* of every image, if images are returned as bytes */
    size_t image_bytes;
    batch_buffer buffers[N_BUFFERS];
    pthread_t thread;
    bool thread_runs;
    int64_t served;        /* batches delivered; used only by the caller */
    pthread_mutex_t mutex; /* protects `full` of the buffers and the following fields */
    pthread_cond_t changed;
    bool stop;
    int64_t read;          /* batches completed by the thread */
    bool finished;         /* no batches follow: the end, or an error */
    reshift_status status; /* why, once finished */
    reshift_error error;
};

static bool must_stop(loader *l)
{
    pthread_mutex_lock(&l->mutex);
    bool stop = l->stop;
    pthread_mutex_unlock(&l->mutex);
    return stop;
}

static reshift_status read_row(const loader *l, int64_t row, reshift_image *image, void *output, reshift_error *error)
{
    const loader_options *o = &l->options;
    reshift_status status = reshift_dataset_read(l->dataset, row, image, error);
    if (status == RESHIFT_OK && o->as_bytes) {
        if (image->height == l->height && image->width == l->width) {
            memcpy(output, image->pixels, l->image_bytes);
        } else {
            status = error_set(error, RESHIFT_ERROR_SHAPE, "expected an image of %dx%d, found %dx%d", l->width,
                               l->height, image->width, image->height);
        }
    } else if (status == RESHIFT_OK) {
        status = reshift_dataset_fixed_size(l->dataset, NULL, NULL)
                     ? preprocess_array(image, o->size, o->mean, o->std, output, error)
                     : preprocess_photo(image, o->resize, o->size, o->mean, o->std, output, error);
    }
    if (status != RESHIFT_OK) {
        char name[512];
        reshift_dataset_row_name(l->dataset, row, name, sizeof name);
        if (error && !strstr(error->message, name)) { /* file readers have already added the name */
            error_prefix(error, status, "%s", name);
        }
    }
    return status;
}

/* Fills a buffer with the rows from `first` on. Stops early, with RESHIFT_OK, when the loader is being closed. */
static reshift_status read_batch(loader *l, int64_t first, batch_buffer *buffer, reshift_image *image,
                                 reshift_error *error)
{
    int64_t left = l->n_rows - first;
    int n = left < l->options.batch ? (int)left : l->options.batch;
    reshift_status status = RESHIFT_OK;
    for (int i = 0; i < n && status == RESHIFT_OK && !must_stop(l); i++) {
        int64_t row = l->rows ? l->rows[first + i] : first + i;
        buffer->labels[i] = reshift_dataset_label(l->dataset, row);
        status = read_row(l, row, image, (char *)buffer->images + (size_t)i * l->image_bytes, error);
    }
    buffer->n = n;
    return status;
}

static void *run(void *context)
{
    loader *l = context;
    reshift_image image = {0};
    reshift_error error;
    reshift_error_clear(&error);
    reshift_status status = RESHIFT_OK;
    bool stop = false;
    for (int64_t first = 0; first < l->n_rows && status == RESHIFT_OK && !stop; first += l->options.batch) {
        batch_buffer *buffer = &l->buffers[l->read % N_BUFFERS];
        pthread_mutex_lock(&l->mutex);
        while (buffer->full && !l->stop) {
            pthread_cond_wait(&l->changed, &l->mutex);
        }
        stop = l->stop;
        pthread_mutex_unlock(&l->mutex);
        if (stop) {
            break;
        }
        status = read_batch(l, first, buffer, &image, &error);
        if ((first + l->options.batch) / ROWS_KEPT > first / ROWS_KEPT) {
            dataset_forget(l->dataset);
        }
        if (status == RESHIFT_OK) {
            pthread_mutex_lock(&l->mutex);
            buffer->full = true;
            l->read++;
            pthread_cond_broadcast(&l->changed);
            pthread_mutex_unlock(&l->mutex);
        }
    }
    reshift_image_destroy(&image);
    pthread_mutex_lock(&l->mutex);
    l->finished = true;
    l->status = status;
    l->error = error;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

static reshift_status check(const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                            const loader_options *options, reshift_error *error)
{
    if (options->as_bytes && !reshift_dataset_fixed_size(dataset, NULL, NULL)) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "images of many sizes cannot be loaded as they are");
    }
    if (options->batch < 1 || options->size < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "batch %d of size %d: expected 1 or more", options->batch,
                         options->size);
    }
    for (int64_t i = 0; rows && i < n; i++) {
        if (rows[i] < 0 || rows[i] >= reshift_dataset_count(dataset)) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "row %lld to load: expected 0 to %lld", (long long)rows[i],
                             (long long)reshift_dataset_count(dataset) - 1);
        }
    }
    if (n < 0 || (!rows && n > reshift_dataset_count(dataset))) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%lld rows to load: expected 0 to %lld", (long long)n,
                         (long long)reshift_dataset_count(dataset));
    }
    return RESHIFT_OK;
}

static reshift_status make_buffers(loader *l, const int64_t *rows, reshift_error *error)
{
    size_t bytes = 0, row_bytes = 0;
    bool as_bytes = l->options.as_bytes;
    size_t size = (size_t)l->options.size, pixels = as_bytes ? (size_t)l->height * (size_t)l->width : size * size;
    bool fits = memory_product(pixels, 3 * (as_bytes ? 1 : sizeof(float)), &l->image_bytes) &&
                memory_product(l->image_bytes, (size_t)l->options.batch, &bytes) &&
                memory_product((size_t)l->n_rows, sizeof *rows, &row_bytes);
    if (fits && rows) {
        l->rows = memory_allocate(row_bytes);
        fits = l->rows != NULL;
        if (fits && l->n_rows > 0) {
            memcpy(l->rows, rows, row_bytes);
        }
    }
    for (int i = 0; fits && i < N_BUFFERS; i++) {
        l->buffers[i].images = memory_allocate(bytes);
        l->buffers[i].labels = memory_allocate((size_t)l->options.batch * sizeof(int));
        fits = l->buffers[i].images && l->buffers[i].labels;
    }
    return fits ? RESHIFT_OK : error_memory(error, N_BUFFERS * bytes, "two batches of images");
}

reshift_status loader_open(const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                           const loader_options *options, loader **out, reshift_error *error)
{
    *out = NULL;
    reshift_status status = check(dataset, rows, n, options, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    loader *l = calloc(1, sizeof *l);
    if (!l) {
        return error_memory(error, sizeof *l, "a loader");
    }
    l->dataset = dataset;
    l->n_rows = n;
    l->options = *options;
    reshift_dataset_fixed_size(dataset, &l->height, &l->width);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    status = make_buffers(l, rows, error);
    if (status == RESHIFT_OK) {
        int number = pthread_create(&l->thread, NULL, run, l);
        l->thread_runs = number == 0;
        if (number != 0) {
            status = error_from_errno(error, number, "cannot start the thread that reads images");
        }
    }
    if (status != RESHIFT_OK) {
        loader_close(&l);
    }
    *out = l;
    return status;
}

static reshift_status next(loader *l, const void **images, const int **labels, int *n, reshift_error *error)
{
    *images = NULL;
    *labels = NULL;
    *n = 0;
    pthread_mutex_lock(&l->mutex);
    if (l->served > 0) {
        l->buffers[(l->served - 1) % N_BUFFERS].full = false; /* the caller has finished with the previous batch */
        pthread_cond_broadcast(&l->changed);
    }
    while (l->read == l->served && !l->finished) {
        pthread_cond_wait(&l->changed, &l->mutex);
    }
    bool ready = l->read > l->served;
    reshift_status status = ready ? RESHIFT_OK : l->status;
    if (status != RESHIFT_OK && error) {
        *error = l->error;
    }
    pthread_mutex_unlock(&l->mutex);
    if (ready) {
        const batch_buffer *buffer = &l->buffers[l->served % N_BUFFERS];
        *images = buffer->images;
        *labels = buffer->labels;
        *n = buffer->n;
        l->served++;
    }
    return status;
}

reshift_status loader_next(loader *l, const float **images, const int **labels, int *n, reshift_error *error)
{
    const void *there;
    reshift_status status = next(l, &there, labels, n, error);
    *images = there;
    return status;
}

reshift_status loader_next_bytes(loader *l, const uint8_t **images, const int **labels, int *n, reshift_error *error)
{
    const void *there;
    reshift_status status = next(l, &there, labels, n, error);
    *images = there;
    return status;
}

void loader_close(loader **out)
{
    if (!out || !*out) {
        return;
    }
    loader *l = *out;
    *out = NULL;
    if (l->thread_runs) {
        pthread_mutex_lock(&l->mutex);
        l->stop = true;
        pthread_cond_broadcast(&l->changed);
        pthread_mutex_unlock(&l->mutex);
        pthread_join(l->thread, NULL);
    }
    for (int i = 0; i < N_BUFFERS; i++) {
        memory_free(l->buffers[i].images);
        memory_free(l->buffers[i].labels);
    }
    memory_free(l->rows);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}
