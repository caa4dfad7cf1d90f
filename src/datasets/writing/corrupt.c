/*
 * Common code for writing corrupted copies of a set: the request, one image, errors of several threads. See corrupt.h.
 */
#include "datasets/writing/corrupt.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"

void corrupt_note(corrupt_failure *failure, int64_t place, reshift_status status, const reshift_error *error)
{
#pragma omp critical(corrupt_failure)
    if (place < failure->place) {
        failure->place = place;
        failure->error = *error;
        failure->error.code = status;
    }
}

reshift_status corrupt_outcome(const corrupt_failure *failure, reshift_error *error)
{
    if (failure->place == INT64_MAX) {
        return RESHIFT_OK;
    }
    if (error) {
        *error = failure->error;
    }
    return failure->error.code;
}

static reshift_status name_image(const reshift_dataset *clean, int64_t row, reshift_status status, reshift_error *error)
{
    char name[256];
    reshift_dataset_row_name(clean, row, name, sizeof name);
    return error_prefix(error, status, "cannot corrupt %s", name);
}

reshift_status corrupt_pixels(const reshift_dataset *clean, int64_t row, const reshift_corruption *corruption,
                              int severity, const reshift_corrupt_options *options, const reshift_image *input,
                              reshift_image *output, reshift_error *error)
{
    reshift_status status =
        reshift_corruption_apply(corruption, severity, options->constants, options->seed,
                                 reshift_dataset_source(clean, row), options->frost, input, output, error);
    return status == RESHIFT_OK ? status : name_image(clean, row, status, error);
}

reshift_status corrupt_image(const reshift_dataset *clean, int64_t row, const reshift_corruption *corruption,
                             int severity, const reshift_corrupt_options *options, const reshift_image *input,
                             reshift_image *output, reshift_error *error)
{
    reshift_status status = corrupt_pixels(clean, row, corruption, severity, options, input, output, error);
    if (status == RESHIFT_OK &&
        reshift_corruption_has_jpeg(options->jpeg, options->constants, output->height, output->width)) {
        status = reshift_image_compress(output, RESHIFT_JPEG_QUALITY, error);
        status = status == RESHIFT_OK ? status : name_image(clean, row, status, error);
    }
    return status;
}

int corrupt_jpeg_of(reshift_constants constants, reshift_jpeg_step jpeg)
{
    return reshift_corruption_has_jpeg(jpeg, constants, 0, 0) ? RESHIFT_JPEG_QUALITY : 0;
}

static int by_size(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

reshift_status reshift_corrupt_constants(const reshift_dataset *clean, reshift_constants requested,
                                         reshift_constants *used, reshift_error *error)
{
    enum { LOOKED_AT = 9 };
    int height, width, shorter[LOOKED_AT], n = 0;
    const int64_t count = reshift_dataset_count(clean);
    reshift_image image = {0};
    reshift_status status = RESHIFT_OK;
    *used = requested;
    if (requested != RESHIFT_CONSTANTS_AUTO || count < 1) {
        return RESHIFT_OK;
    }
    if (reshift_dataset_fixed_size(clean, &height, &width)) {
        *used = reshift_corruption_constants(requested, height, width);
        return RESHIFT_OK;
    }
    for (int64_t i = 0; i < LOOKED_AT && i < count && status == RESHIFT_OK; i++) {
        const int64_t row = count <= LOOKED_AT ? i : i * (count - 1) / (LOOKED_AT - 1);
        status = reshift_dataset_read(clean, row, &image, error);
        shorter[n++] = image.height < image.width ? image.height : image.width;
    }
    reshift_image_destroy(&image);
    if (status == RESHIFT_OK) {
        qsort(shorter, (size_t)n, sizeof *shorter, by_size);
        *used = reshift_corruption_constants(requested, shorter[n / 2], shorter[n / 2]);
    }
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
        return error_set(error, RESHIFT_ERROR_SHAPE, "%s: the set has no images", name);
    }
    if (options->layout == RESHIFT_CORRUPT_NPY && !reshift_dataset_fixed_size(work->clean, NULL, NULL)) {
        error_set(error, RESHIFT_ERROR_UNSUPPORTED,
                  "%s: a folder's images may have many sizes and are not written into one array", name);
        error_hint(error, "write it as a folder of images: --format folder; or bring all to one size: --size 224");
        return RESHIFT_ERROR_UNSUPPORTED;
    }
    return RESHIFT_OK;
}

/* Reports which constants are used if the images do not have a published size. */
static void say_constants(const corrupt_work *work, reshift_constants requested)
{
    const int published = work->options->constants == RESHIFT_CONSTANTS_CIFAR ? 32 : 224;
    int height, width;
    if (requested != RESHIFT_CONSTANTS_AUTO) {
        return;
    }
    if (!reshift_dataset_fixed_size(work->clean, &height, &width)) {
        progress_message(work->progress, RESHIFT_LOG_INFO,
                         "photographs of a folder: the published constants for %dx%d are used for all", published,
                         published);
    } else if (!(height == 32 && width == 32) && !(height == 224 && width == 224)) {
        progress_message(work->progress, RESHIFT_LOG_INFO,
                         "images of %dx%d: the published constants for %dx%d are used", width, height, published,
                         published);
    }
}

/* Corrupts one image before any file is created, so that an impossible corruption fails here. */
static reshift_status try_one(const corrupt_work *work, reshift_error *error)
{
    reshift_image first = {0}, tried = {0};
    reshift_status status = reshift_dataset_read(work->clean, 0, &first, error);
    if (status == RESHIFT_OK) {
        status = corrupt_image(work->clean, 0, work->corruption, work->options->severity_first, work->options, &first,
                               &tried, error);
    }
    reshift_image_destroy(&first);
    reshift_image_destroy(&tried);
    return status;
}

static reshift_status check(const corrupt_work *work, reshift_error *error)
{
    reshift_status status = check_request(work, error);
    return status == RESHIFT_OK ? try_one(work, error) : status;
}

/* Resolves the options to one set of constants for the whole set. */
static reshift_status resolve(const reshift_dataset *clean, const reshift_corrupt_options *options,
                              reshift_corrupt_options *how, reshift_error *error)
{
    if (options) {
        *how = *options;
    } else {
        reshift_corrupt_options_default(how);
    }
    return reshift_corrupt_constants(clean, how->constants, &how->constants, error);
}

void reshift_corrupt_options_default(reshift_corrupt_options *options)
{
    *options = (reshift_corrupt_options){.severity_first = 1, .severity_last = RESHIFT_SEVERITIES};
}

reshift_status reshift_corrupt_check(const reshift_dataset *clean, const reshift_corruption *corruption,
                                     const reshift_corrupt_options *options, reshift_error *error)
{
    reshift_corrupt_options how;
    const corrupt_work work = {clean, corruption, &how, NULL, reshift_dataset_count(clean)};
    reshift_status status = resolve(clean, options, &how, error);
    return status == RESHIFT_OK ? check(&work, error) : status;
}

reshift_status reshift_corrupt_write(const reshift_dataset *clean, const reshift_corruption *corruption,
                                     const reshift_corrupt_options *options, const char *folder,
                                     const reshift_progress *progress, reshift_error *error)
{
    reshift_corrupt_options how;
    const corrupt_work work = {clean, corruption, &how, progress, reshift_dataset_count(clean)};
    reshift_status status = resolve(clean, options, &how, error);
    if (status == RESHIFT_OK) {
        status = check(&work, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    say_constants(&work, options ? options->constants : RESHIFT_CONSTANTS_AUTO);
    return how.layout == RESHIFT_CORRUPT_FOLDER ? corrupt_folder_write(&work, folder, error)
                                                : corrupt_array_write(&work, folder, error);
}
