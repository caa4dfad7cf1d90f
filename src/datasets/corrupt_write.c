/*
 * Corrupted copies of a set as files in CIFAR-10-C's layout. Images are read, corrupted and written a chunk at a time:
 * the threads share a chunk, each image going straight to its place, so the bytes depend neither on the chunk's size
 * nor on the number of threads. Both files are written under temporary names and renamed at the very end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/progress.h"
#include "formats/npy.h"
#include "reshift/dataset.h"

#define CHUNK_BYTES ((size_t)1 << 20)
#define CHUNK_LEAST 8 /* images: work for the threads even where one image is larger than a chunk */

typedef struct corrupt_work {
    const reshift_dataset *clean;
    const reshift_corruption *corruption;
    const reshift_corrupt_options *options;
    int64_t n; /* clean images */
    int height, width;
    size_t image_bytes;
} corrupt_work;

static int64_t count_rows(const corrupt_work *work)
{
    return work->n * (work->options->severity_last - work->options->severity_first + 1);
}

/* Row `row` of the file to be, into `pixels`. */
static reshift_status corrupt_row(const corrupt_work *work, int64_t row, reshift_image *image, uint8_t *pixels,
                                  reshift_error *error)
{
    int64_t clean_row = row % work->n;
    int severity = work->options->severity_first + (int)(row / work->n);
    reshift_status status = reshift_dataset_read(work->clean, clean_row, image, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (image->height != work->height || image->width != work->width) {
        status = error_set(error, RESHIFT_ERROR_SHAPE, "expected an image of %dx%d, found %dx%d", work->width,
                           work->height, image->width, image->height);
    } else {
        /* a corruption makes an image of its input's size, so this one is never given other memory */
        reshift_image place = {work->height, work->width, pixels, work->image_bytes};
        status = reshift_corruption_apply(work->corruption, severity, work->options->constants, work->options->seed,
                                          reshift_dataset_source(work->clean, clean_row), NULL, image, &place, error);
    }
    if (status != RESHIFT_OK) {
        char name[256];
        reshift_dataset_row_name(work->clean, clean_row, name, sizeof name);
        status = error_prefix(error, status, "cannot make %s of %s", work->corruption->name, name);
    }
    return status;
}

/* Rows first..first+count-1 into `pixels`; of several failures the first row's is reported. */
static reshift_status corrupt_chunk(const corrupt_work *work, int64_t first, int64_t count, uint8_t *pixels,
                                    reshift_error *error)
{
    int64_t failed_row = INT64_MAX;
    reshift_error failure;
    reshift_error_clear(&failure);
#pragma omp parallel
    {
        reshift_image image = {0};
#pragma omp for schedule(dynamic, 4)
        for (int64_t i = 0; i < count; i++) {
            reshift_error trouble;
            reshift_status status =
                corrupt_row(work, first + i, &image, pixels + (size_t)i * work->image_bytes, &trouble);
            if (status != RESHIFT_OK) {
#pragma omp critical(corrupt_failure)
                if (i < failed_row) {
                    failed_row = i;
                    failure = trouble;
                    failure.code = status;
                }
            }
        }
        reshift_image_destroy(&image);
    }
    if (failed_row != INT64_MAX && error) {
        *error = failure;
    }
    return failed_row != INT64_MAX ? failure.code : RESHIFT_OK;
}

static reshift_status write_images(const corrupt_work *work, npy_writer *writer, const reshift_progress *progress,
                                   reshift_error *error)
{
    int64_t rows = count_rows(work), per_chunk = (int64_t)(CHUNK_BYTES / work->image_bytes);
    per_chunk = per_chunk < CHUNK_LEAST ? CHUNK_LEAST : per_chunk;
    per_chunk = per_chunk > rows ? rows : per_chunk;
    size_t bytes;
    uint8_t *pixels = NULL;
    if (!memory_product((size_t)per_chunk, work->image_bytes, &bytes) || !(pixels = memory_allocate(bytes))) {
        return error_memory(error, work->image_bytes, "corrupted images");
    }
    char title[64];
    snprintf(title, sizeof title, "making %s", work->corruption->name);
    reshift_status status = RESHIFT_OK;
    progress_update(progress, title, 0, rows, "images");
    for (int64_t first = 0; status == RESHIFT_OK && first < rows;) {
        int64_t count = rows - first < per_chunk ? rows - first : per_chunk;
        status = progress_check(progress, error);
        if (status == RESHIFT_OK) {
            status = corrupt_chunk(work, first, count, pixels, error);
        }
        if (status == RESHIFT_OK) {
            status = npy_writer_append(writer, pixels, (size_t)count * work->image_bytes, error);
        }
        first += count;
        if (status == RESHIFT_OK) {
            progress_update(progress, title, first, rows, "images");
        }
    }
    memory_free(pixels);
    return status;
}

/* The labels of all rows: uint8, or int64 where there are more than 256 classes. */
static reshift_status make_labels(const corrupt_work *work, reshift_array *labels, reshift_error *error)
{
    int64_t rows = count_rows(work);
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

/* Are these the labels that are there? Other integer types than ours count by value. */
static bool labels_equal(const reshift_array *ours, const reshift_array *there)
{
    if (there->n_dims != 1 || there->shape[0] != ours->shape[0]) {
        return false;
    }
    for (int64_t i = 0; i < ours->shape[0]; i++) {
        int64_t expected =
            ours->dtype == RESHIFT_U8 ? ((const uint8_t *)ours->data)[i] : ((const int64_t *)ours->data)[i];
        int64_t found;
        switch (there->dtype) {
        case RESHIFT_U8: found = ((const uint8_t *)there->data)[i]; break;
        case RESHIFT_U16: found = ((const uint16_t *)there->data)[i]; break;
        case RESHIFT_I32: found = ((const int32_t *)there->data)[i]; break;
        case RESHIFT_I64: found = ((const int64_t *)there->data)[i]; break;
        default: return false;
        }
        if (found != expected) {
            return false;
        }
    }
    return true;
}

/* Compares with the labels.npy that is there: *keep where it is equal, an error where it is not and must stay. */
static reshift_status check_labels(const reshift_array *labels, const char *path, bool overwrite, bool *keep,
                                   reshift_error *error)
{
    *keep = false;
    if (!file_exists(path)) {
        return RESHIFT_OK;
    }
    reshift_array there = {0};
    reshift_status status = reshift_array_load_npy(path, &there, error);
    *keep = status == RESHIFT_OK && labels_equal(labels, &there);
    if (overwrite) {
        status = RESHIFT_OK; /* whatever it is, it is replaced */
    } else if (status == RESHIFT_OK && !*keep) {
        char shape[64] = "another shape";
        if (there.n_dims == 1) {
            snprintf(shape, sizeof shape, "%lld", (long long)there.shape[0]);
        }
        status =
            error_set(error, RESHIFT_ERROR_EXISTS, "'%s' holds other labels: expected those of %lld rows, found %s",
                      path, (long long)labels->shape[0], shape);
        error_hint(error,
                   "it belongs to corruptions of another set, split or range of severities: choose another folder");
    }
    reshift_array_destroy(&there);
    return status;
}

static reshift_status check_request(const corrupt_work *work, reshift_error *error)
{
    const reshift_corrupt_options *options = work->options;
    const char *name = work->corruption->name, *there = reshift_dataset_corruption(work->clean);
    if (options->severity_first < 1 || options->severity_last > 5 || options->severity_first > options->severity_last) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: severities are within 1 to 5, found %d to %d", name,
                         options->severity_first, options->severity_last);
    }
    if (there) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s needs clean images, found a set with %s", name, there);
    }
    if (work->n < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: the set has no images", name);
    }
    int height, width;
    if (!reshift_dataset_fixed_size(work->clean, &height, &width)) {
        error_set(error, RESHIFT_ERROR_UNSUPPORTED, "%s: a set of images of many sizes does not fit into one array",
                  name);
        error_hint(error,
                   "a folder's images can be corrupted while they are read: eval --data folder:DIR --corruption %s",
                   name);
        return RESHIFT_ERROR_UNSUPPORTED;
    }
    return RESHIFT_OK;
}

static void say_constants(const corrupt_work *work, const reshift_progress *progress)
{
    if (work->options->constants == RESHIFT_CONSTANTS_AUTO && !(work->height == 32 && work->width == 32) &&
        !(work->height == 224 && work->width == 224)) {
        reshift_constants used = reshift_corruption_constants(RESHIFT_CONSTANTS_AUTO, work->height, work->width);
        int published = used == RESHIFT_CONSTANTS_CIFAR ? 32 : 224;
        progress_message(progress, RESHIFT_LOG_INFO, "images of %dx%d: the published constants for %dx%d are used",
                         work->width, work->height, published, published);
    }
}

/* Renames both files, labels first; neither stays without the other. */
static reshift_status commit_both(npy_writer *labels, bool keep_labels, const char *labels_path, npy_writer *images,
                                  reshift_error *error)
{
    bool replaced = file_exists(labels_path);
    reshift_status status = keep_labels ? RESHIFT_OK : npy_writer_commit(labels, error);
    if (status == RESHIFT_OK) {
        status = npy_writer_commit(images, error);
        if (status != RESHIFT_OK && !keep_labels && !replaced) {
            unlink(labels_path);
        }
    }
    return status;
}

reshift_status reshift_corrupt_write(const reshift_dataset *clean, const reshift_corruption *corruption,
                                     const reshift_corrupt_options *options, const char *folder,
                                     const reshift_progress *progress, reshift_error *error)
{
    corrupt_work work = {
        .clean = clean, .corruption = corruption, .options = options, .n = reshift_dataset_count(clean)};
    npy_writer images = {0}, labels_file = {0};
    reshift_array labels = {0};
    reshift_image first = {0}, tried = {0};
    char *images_path = NULL, *labels_path = NULL, *file_name = NULL;
    bool made_folder = false, keep_labels = false;
    reshift_status status = check_request(&work, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    /* One image before anything is created: a corruption that cannot be made fails here. */
    status = reshift_dataset_read(clean, 0, &first, error);
    if (status == RESHIFT_OK) {
        status = reshift_corruption_apply(corruption, options->severity_first, options->constants, options->seed,
                                          reshift_dataset_source(clean, 0), NULL, &first, &tried, error);
    }
    if (status != RESHIFT_OK) {
        goto done;
    }
    reshift_dataset_fixed_size(clean, &work.height, &work.width);
    if (!memory_product((size_t)work.height * 3, (size_t)work.width, &work.image_bytes)) {
        status = error_memory(error, SIZE_MAX, "an image");
        goto done;
    }
    if (asprintf(&file_name, "%s.npy", corruption->name) < 0) {
        file_name = NULL;
    }
    images_path = file_name ? path_join(folder, file_name) : NULL;
    labels_path = path_join(folder, "labels.npy");
    if (!images_path || !labels_path) {
        status = error_memory(error, strlen(folder), "a path");
        goto done;
    }
    made_folder = !folder_exists(folder);
    status = folder_create(folder, error);
    if (status == RESHIFT_OK) {
        status = make_labels(&work, &labels, error);
    }
    if (status == RESHIFT_OK) {
        status = check_labels(&labels, labels_path, options->overwrite, &keep_labels, error);
    }
    if (status == RESHIFT_OK) {
        int64_t shape[4] = {count_rows(&work), work.height, work.width, 3};
        status = npy_writer_open(images_path, RESHIFT_U8, 4, shape, options->overwrite, &images, error);
    }
    if (status == RESHIFT_OK && !keep_labels) {
        status = npy_writer_open(labels_path, labels.dtype, 1, labels.shape, options->overwrite, &labels_file, error);
        if (status == RESHIFT_OK) {
            status = npy_writer_append(&labels_file, labels.data, reshift_array_bytes(&labels), error);
        }
    }
    if (status == RESHIFT_OK) {
        say_constants(&work, progress);
        status = write_images(&work, &images, progress, error);
    }
    if (status == RESHIFT_OK) {
        status = commit_both(&labels_file, keep_labels, labels_path, &images, error);
    }
done:
    npy_writer_abort(&images);
    npy_writer_abort(&labels_file);
    if (status != RESHIFT_OK && made_folder) {
        rmdir(folder); /* stays where something is in it */
    }
    reshift_array_destroy(&labels);
    reshift_image_destroy(&first);
    reshift_image_destroy(&tried);
    free(file_name);
    free(images_path);
    free(labels_path);
    return status;
}
