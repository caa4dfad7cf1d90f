/* Corrupted copies of a set: the request, one image, and what went wrong among threads. See corrupt.h. */
#include "datasets/corrupt.h"

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

static reshift_status name_image(const reshift_dataset *clean, int64_t row, reshift_status status,
                                 reshift_error *error)
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

int corrupt_jpeg_of(const reshift_dataset *clean, reshift_constants constants, reshift_jpeg_step jpeg)
{
    int height, width;
    bool by_size = jpeg == RESHIFT_JPEG_AUTO && constants == RESHIFT_CONSTANTS_AUTO;
    if (!reshift_dataset_fixed_size(clean, &height, &width) && by_size) {
        return RESHIFT_JPEG_MIXED;
    }
    return reshift_corruption_has_jpeg(jpeg, constants, height, width) ? RESHIFT_JPEG_QUALITY : 0;
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
    if (options->layout == RESHIFT_CORRUPT_NPY && !reshift_dataset_fixed_size(work->clean, NULL, NULL)) {
        error_set(error, RESHIFT_ERROR_UNSUPPORTED, "%s: a set of images of many sizes does not fit into one array",
                  name);
        error_hint(error, "write it as a folder of images: --format folder; or bring all to one size: --size 224");
        return RESHIFT_ERROR_UNSUPPORTED;
    }
    return RESHIFT_OK;
}

static void say_constants(const corrupt_work *work)
{
    reshift_constants asked = work->options->constants;
    int height, width;
    if (asked != RESHIFT_CONSTANTS_AUTO) {
        return;
    }
    if (!reshift_dataset_fixed_size(work->clean, &height, &width)) {
        progress_message(work->progress, RESHIFT_LOG_INFO,
                         "each image gets the published constants for the nearer of 32x32 and 224x224");
    } else if (!(height == 32 && width == 32) && !(height == 224 && width == 224)) {
        reshift_constants used = reshift_corruption_constants(asked, height, width);
        int published = used == RESHIFT_CONSTANTS_CIFAR ? 32 : 224;
        progress_message(work->progress, RESHIFT_LOG_INFO,
                         "images of %dx%d: the published constants for %dx%d are used", width, height, published,
                         published);
    }
}

/* One image before anything is created: a corruption that cannot be made fails here. */
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

reshift_status reshift_corrupt_check(const reshift_dataset *clean, const reshift_corruption *corruption,
                                     const reshift_corrupt_options *options, reshift_error *error)
{
    const corrupt_work work = {clean, corruption, options, NULL, reshift_dataset_count(clean)};
    return check(&work, error);
}

reshift_status reshift_corrupt_write(const reshift_dataset *clean, const reshift_corruption *corruption,
                                     const reshift_corrupt_options *options, const char *folder,
                                     const reshift_progress *progress, reshift_error *error)
{
    const corrupt_work work = {clean, corruption, options, progress, reshift_dataset_count(clean)};
    reshift_status status = check(&work, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    say_constants(&work);
    return options->layout == RESHIFT_CORRUPT_FOLDER ? corrupt_folder_write(&work, folder, error)
                                                     : corrupt_array_write(&work, folder, error);
}
