/* Batches for a network: rows of a data set read and preprocessed one batch ahead by one thread. */
#ifndef DATASETS_LOADER_H
#define DATASETS_LOADER_H

#include "reshift/dataset.h"

typedef struct loader loader;

typedef struct loader_options {
    int batch;  /* rows a batch; the last one may be smaller */
    int size;   /* images come out as size x size */
    int resize; /* photographs (sets without a fixed size): shorter side before the crop */
    float mean[3], std[3];
    bool as_bytes; /* of a set with a fixed size: its images as they are, nothing resized or normalised */
} loader_options;

/**
 * Starts reading `rows` [n] (NULL: 0..n-1) of `dataset`, which must stay open. Memory: two batches. Errors: ARGUMENT,
 * MEMORY, IO.
 */
reshift_status loader_open(const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                           const loader_options *options, loader **out, reshift_error *error);

/**
 * The next batch: *images [n,size,size,3] float and *labels [n] belong to the loader and hold until the next call;
 * *n is 0 at the end. Errors: those of reading, with the row's name.
 */
reshift_status loader_next(loader *l, const float **images, const int **labels, int *n, reshift_error *error);

/** The same where the options say as_bytes: *images [n,H,W,3] uint8. */
reshift_status loader_next_bytes(loader *l, const uint8_t **images, const int **labels, int *n, reshift_error *error);

/** Stops the thread; NULL accepted. */
void loader_close(loader **l);

#endif
