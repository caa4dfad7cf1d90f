/*
 * The common part of creating corrupted sets: the request, and one corrupted image. corrupt_array.c writes arrays,
 * corrupt_folder.c image folders; corrupted.c computes images when they are read.
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

/** The first failure, by position, among several threads. Zeroed except `place`, which starts as INT64_MAX. */
typedef struct corrupt_failure {
    int64_t place;
    reshift_error error;
} corrupt_failure;

/** Records a failure at `place`. Thread-safe. */
void corrupt_note(corrupt_failure *failure, int64_t place, reshift_status status, const reshift_error *error);
/** RESHIFT_OK if no failure was recorded. */
reshift_status corrupt_outcome(const corrupt_failure *failure, reshift_error *error);

/**
 * Computes `output` from `input`, the image of `row` of the clean set, including the JPEG step if the options request
 * it. Errors name the image.
 */
reshift_status corrupt_image(const reshift_dataset *clean, int64_t row, const reshift_corruption *corruption,
                             int severity, const reshift_corrupt_options *options, const reshift_image *input,
                             reshift_image *output, reshift_error *error);

/** The same without the JPEG step, for callers that store the JPEG file itself. */
reshift_status corrupt_pixels(const reshift_dataset *clean, int64_t row, const reshift_corruption *corruption,
                              int severity, const reshift_corrupt_options *options, const reshift_image *input,
                              reshift_image *output, reshift_error *error);

/** The value of reshift_dataset_jpeg() for the corrupted versions. */
int corrupt_jpeg_of(reshift_constants constants, reshift_jpeg_step jpeg);

/** Writes arrays in CIFAR-10-C's layout. The request has been checked and one image has been tried. */
reshift_status corrupt_array_write(const corrupt_work *work, const char *folder, reshift_error *error);
/** Writes an image folder in ImageNet-C's layout. The request has been checked and one image has been tried. */
reshift_status corrupt_folder_write(const corrupt_work *work, const char *folder, reshift_error *error);

#endif
