/*
 * What the ways of making corrupted sets share: the request, and one corrupted image. corrupt_array.c writes arrays,
 * corrupt_folder.c image folders; corrupted.c makes images when they are read.
 */
#ifndef DATASETS_WRITING_CORRUPT_H
#define DATASETS_WRITING_CORRUPT_H

#include "datasets/dataset.h"

typedef struct corrupt_work {
    const reshift_dataset *clean;
    const reshift_corruption *corruption;
    const reshift_corrupt_options *options;
    const reshift_progress *progress;
    int64_t n; /* clean images */
} corrupt_work;

/** What went wrong first, by place, among threads. Zeroed but for `place`, which begins as INT64_MAX. */
typedef struct corrupt_failure {
    int64_t place;
    reshift_error error;
} corrupt_failure;

/** Notes a failure at `place`; called by many threads at once. */
void corrupt_note(corrupt_failure *failure, int64_t place, reshift_status status, const reshift_error *error);
/** RESHIFT_OK where nothing was noted. */
reshift_status corrupt_outcome(const corrupt_failure *failure, reshift_error *error);

/** `output` from `input`, the image of `row` of the clean set, with the JPEG step where the options ask for it. Errors name
 * the image. */
reshift_status corrupt_image(const reshift_dataset *clean, int64_t row, const reshift_corruption *corruption,
                             int severity, const reshift_corrupt_options *options, const reshift_image *input,
                             reshift_image *output, reshift_error *error);

/** The same without the JPEG step, for those who store the JPEG itself. */
reshift_status corrupt_pixels(const reshift_dataset *clean, int64_t row, const reshift_corruption *corruption,
                              int severity, const reshift_corrupt_options *options, const reshift_image *input,
                              reshift_image *output, reshift_error *error);

/** What reshift_dataset_jpeg() says of the corrupted versions of `clean`. */
int corrupt_jpeg_of(reshift_constants constants, reshift_jpeg_step jpeg);

/** Arrays in CIFAR-10-C's layout; the request is checked and one image has been tried. */
reshift_status corrupt_array_write(const corrupt_work *work, const char *folder, reshift_error *error);
/** An image folder in ImageNet-C's layout; the request is checked and one image has been tried. */
reshift_status corrupt_folder_write(const corrupt_work *work, const char *folder, reshift_error *error);

#endif
