/*
 * Corrupted copies of a set as arrays in CIFAR-10-C's layout. Images are read, corrupted and written in chunks. Threads
 * share a chunk and each image is written to its own place, so the bytes depend neither on the chunk size nor on the
 * number of threads. The previous chunk is written to disk meanwhile. Both files are written under temporary names and
 * renamed at the very end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/threads.h"
#include "datasets/writing/corrupt.h"
#include "datasets/writing/write_behind.h"
#include "reshift/words.h"

#define CHUNK_BYTES ((size_t)1 << 20)

typedef struct array_work {
    const corrupt_work *work;
    int height, width;
    size_t image_bytes;
    int64_t n_rows;
} array_work;

/* Computes row `row` of the file into `pixels`. */
static reshift_status corrupt_row(const array_work *a, int64_t row, reshift_image *image, uint8_t *pixels,
                                  reshift_error *error)
{
    const corrupt_work *work = a->work;
    int64_t clean_row = row % work->n;
    reshift_status status = reshift_dataset_read(work->clean, clean_row, image, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (image->height != a->height || image->width != a->width) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "expected an image of %dx%d, found %dx%d", a->width, a->height,
                         image->width, image->height);
    }
    /* a corruption keeps the size of its input, so this memory is never reallocated */
    reshift_image place = {a->height, a->width, pixels, a->image_bytes};
    int severity = work->options->severity_first + (int)(row / work->n);
    return corrupt_image(work->clean, clean_row, work->corruption, severity, work->options, image, &place, error);
}

/* Computes rows first..first+count-1 into `pixels`. If several rows fail, the error of the first row is returned. */
static reshift_status corrupt_chunk(const array_work *a, int64_t first, int64_t count, uint8_t *pixels,
                                    reshift_error *error)
{
    corrupt_failure failure = {.place = INT64_MAX};
#pragma omp parallel
    {
        reshift_image image = {0};
#pragma omp for schedule(dynamic, 4)
        for (int64_t i = 0; i < count; i++) {
            reshift_error trouble;
            reshift_status status = corrupt_row(a, first + i, &image, pixels + (size_t)i * a->image_bytes, &trouble);
            if (status != RESHIFT_OK) {
                corrupt_note(&failure, i, status, &trouble);
            }
        }
        reshift_image_destroy(&image);
    }
    return corrupt_outcome(&failure, error);
}

static int64_t rows_a_chunk(const array_work *a)
{
    int64_t rows = (int64_t)(CHUNK_BYTES / a->image_bytes), threads = 1;
    threads = threads_most();
    rows = rows < threads ? threads : rows;
    return rows > a->n_rows ? a->n_rows : rows;
}

static reshift_status write_images(const array_work *a, npy_writer *writer, reshift_error *error)
{
    const reshift_progress *progress = a->work->progress;
    int64_t per_chunk = rows_a_chunk(a);
    size_t chunk_bytes, bytes;
    uint8_t *pixels = NULL;
    if (!memory_product((size_t)per_chunk, a->image_bytes, &chunk_bytes) || !memory_product(chunk_bytes, 2, &bytes) ||
        !(pixels = memory_allocate(bytes))) {
        return error_memory(error, a->image_bytes, "corrupted images");
    }
    char title[64];
    snprintf(title, sizeof title, "making %s", a->work->corruption->name);
    write_behind behind;
    write_behind_start(&behind, writer);
    reshift_status status = RESHIFT_OK;
    progress_update(progress, title, 0, a->n_rows, "images");
    for (int64_t first = 0, chunk = 0; status == RESHIFT_OK && first < a->n_rows; chunk++) {
        int64_t count = a->n_rows - first < per_chunk ? a->n_rows - first : per_chunk;
        uint8_t *place = pixels + (size_t)(chunk % 2) * chunk_bytes;
        status = progress_check(progress, error);
        if (status == RESHIFT_OK) {
            status = corrupt_chunk(a, first, count, place, error);
        }
        if (status == RESHIFT_OK) {
            status = write_behind_append(&behind, place, (size_t)count * a->image_bytes, error);
        }
        first += count;
        if (status == RESHIFT_OK) {
            progress_update(progress, title, first, a->n_rows, "images");
        }
    }
    reshift_status written = write_behind_finish(&behind, status == RESHIFT_OK ? error : NULL);
    memory_free(pixels);
    return status == RESHIFT_OK ? written : status;
}

/* The labels of all rows: uint8, or int64 for more than 256 classes. */
static reshift_status make_labels(const array_work *a, reshift_array *labels, reshift_error *error)
{
    const corrupt_work *work = a->work;
    int64_t rows = a->n_rows;
    bool narrow = reshift_dataset_n_classes(work->clean) <= 256;
    reshift_status status = reshift_array_create(narrow ? RESHIFT_U8 : RESHIFT_I64, 1, &rows, labels, error);
    for (int64_t row = 0; status == RESHIFT_OK && row < rows; row++) {
        int label = reshift_dataset_label(work->clean, row % work->n);
        if (narrow) {
            ((uint8_t *)labels->data)[row] = (uint8_t)label;
        } else {
            ((int64_t *)labels->data)[row] = label;
        }
    }
    return status;
}

/* Compares two label arrays; integer types and [N] against [N,1] do not matter. Errors: MEMORY. */
static reshift_status compare_labels(const reshift_array *ours, const reshift_array *there, bool *equal,
                                     reshift_error *error)
{
    const int64_t n = ours->shape[0];
    int *mine = NULL, *theirs = NULL;
    reshift_status status = label_array_read(ours, "labels.npy", n, 0, &mine, NULL, error);
    if (status == RESHIFT_OK) {
        status = label_array_read(there, "labels.npy", n, 0, &theirs, NULL, error);
        *equal = status == RESHIFT_OK && memcmp(mine, theirs, (size_t)n * sizeof *mine) == 0;
        if (status == RESHIFT_ERROR_SHAPE || status == RESHIFT_ERROR_FORMAT) {
            reshift_error_clear(error); /* the file does not contain valid labels */
            status = RESHIFT_OK;
        }
    }
    free(mine);
    free(theirs);
    return status;
}

/*
 * Compares with an existing labels.npy. *keep is set if it is equal; if it differs and must not be replaced, an error
 * is returned.
 */
static reshift_status check_labels(const reshift_array *labels, const char *path, bool overwrite, bool *keep,
                                   reshift_error *error)
{
    *keep = false;
    bool present;
    reshift_status status = path_is_file(path, &present, error);
    if (status != RESHIFT_OK || !present) {
        return status;
    }
    reshift_array there = {0};
    status = reshift_array_load_npy(path, &there, error);
    if (status == RESHIFT_OK) {
        status = compare_labels(labels, &there, keep, error);
    }
    if (overwrite) {
        status = RESHIFT_OK; /* any content is replaced */
    } else if (status == RESHIFT_OK && !*keep) {
        char shape[64] = "another shape";
        if (there.n_dims == 1) {
            snprintf(shape, sizeof shape, "%lld", (long long)there.shape[0]);
        }
        status = error_set(error, RESHIFT_ERROR_EXISTS, "'%s' holds other labels: expected those of %lld %s, found %s",
                           path, (long long)labels->shape[0], reshift_noun_for(labels->shape[0], "row", "rows"), shape);
        error_hint(error,
                   "it belongs to corruptions of another set, split or range of severities: choose another folder");
    }
    reshift_array_destroy(&there);
    return status;
}

/*
 * Renames both files, labels first. Another process may have written the same labels meanwhile (one process per
 * corruption, all into one folder): these are kept. After a failure, labels may remain without images: the next
 * corruption finds them equal.
 */
static reshift_status commit_both(const reshift_array *labels, npy_writer *labels_file, bool keep_labels,
                                  const char *labels_path, npy_writer *images, reshift_error *error)
{
    reshift_status status = keep_labels ? RESHIFT_OK : npy_writer_commit(labels_file, error);
    if (status == RESHIFT_ERROR_EXISTS) {
        bool equal;
        status = check_labels(labels, labels_path, false, &equal, error);
    }
    return status == RESHIFT_OK ? npy_writer_commit(images, error) : status;
}

/* Writes both files into `folder`, which exists. */
static reshift_status write_array(const array_work *a, const char *folder, reshift_error *error)
{
    const corrupt_work *work = a->work;
    bool overwrite = work->options->overwrite, keep_labels = false;
    npy_writer images = {0}, labels_file = {0};
    reshift_array labels = {0};
    char *images_path = NULL, *labels_path = path_join(folder, "labels.npy");
    reshift_status status = make_labels(a, &labels, error);
    if (!labels_path || asprintf(&images_path, "%s/%s.npy", folder, work->corruption->name) < 0) {
        images_path = NULL;
        status = error_memory(error, strlen(folder), "a path");
    }
    if (status == RESHIFT_OK) {
        status = check_labels(&labels, labels_path, overwrite, &keep_labels, error);
    }
    if (status == RESHIFT_OK) {
        int64_t shape[4] = {a->n_rows, a->height, a->width, 3};
        status = npy_writer_open(images_path, RESHIFT_U8, 4, shape, overwrite, &images, error);
    }
    if (status == RESHIFT_OK && !keep_labels) {
        status = npy_writer_open(labels_path, labels.dtype, 1, labels.shape, overwrite, &labels_file, error);
        if (status == RESHIFT_OK) {
            status = npy_writer_append(&labels_file, labels.data, reshift_array_bytes(&labels), error);
        }
    }
    if (status == RESHIFT_OK) {
        status = write_images(a, &images, error);
    }
    if (status == RESHIFT_OK) {
        status = commit_both(&labels, &labels_file, keep_labels, labels_path, &images, error);
    }
    npy_writer_abort(&images);
    npy_writer_abort(&labels_file);
    reshift_array_destroy(&labels);
    free(images_path);
    free(labels_path);
    return status;
}

reshift_status corrupt_array_write(const corrupt_work *work, const char *folder, reshift_error *error)
{
    array_work a = {.work = work,
                    .n_rows = work->n * (work->options->severity_last - work->options->severity_first + 1)};
    reshift_dataset_fixed_size(work->clean, &a.height, &a.width);
    if (!memory_product((size_t)a.height * 3, (size_t)a.width, &a.image_bytes)) {
        return error_memory(error, SIZE_MAX, "an image");
    }
    bool had_folder = true;
    reshift_status status = path_is_folder(folder, &had_folder, error);
    if (status == RESHIFT_OK) {
        status = folder_create(folder, error);
    }
    if (status == RESHIFT_OK) {
        status = write_array(&a, folder, error);
    }
    if (status != RESHIFT_OK && !had_folder) {
        rmdir(folder); /* fails if the folder is not empty */
    }
    return status;
}
