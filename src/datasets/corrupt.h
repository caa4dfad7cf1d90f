/*
 * What both ways of writing corrupted sets share: the request, its checks, and one corrupted image. corrupt_write.c
 * writes arrays, corrupt_folder.c image folders.
 */
#ifndef DATASETS_CORRUPT_H
#define DATASETS_CORRUPT_H

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

/** `output` from `input`, the image of `clean_row`. Errors name the image. */
reshift_status corrupt_image(const corrupt_work *work, int64_t clean_row, int severity, const reshift_image *input,
                             reshift_image *output, reshift_error *error);

/** An image folder in ImageNet-C's layout; the request is checked and one image has been tried. */
reshift_status corrupt_folder_write(const corrupt_work *work, const char *folder, reshift_error *error);

#endif
