/* Batches for a network: a thread reads and preprocesses the rows of a data set one batch ahead. */
#ifndef DATASETS_LOADER_H
#define DATASETS_LOADER_H

#include "reshift/dataset.h"

typedef struct loader loader;

typedef struct loader_options {
    int batch;  /* rows per batch; the last batch may be smaller */
    int size;   /* images are returned as size x size */
    int resize; /* for photographs (sets without a fixed size): shorter side before the crop */
    float mean[3], std[3];
    bool as_bytes; /* for a set with a fixed size: returns unchanged images, not resized or normalised */
} loader_options;

/**
 * Starts reading `rows` [n] (NULL: 0..n-1) of `dataset`, which must stay open. Memory: two batches. Errors: ARGUMENT,
 * MEMORY, IO.
 */
reshift_status loader_open(const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                           const loader_options *options, loader **out, reshift_error *error);

/**
 * Returns the next batch: *images [n,size,size,3] float and *labels [n] belong to the loader and are valid until the
 * next call; *n is 0 at the end. Errors: those of reading, with the row's name.
 */
reshift_status loader_next(loader *l, const float **images, const int **labels, int *n, reshift_error *error);

/** The same for as_bytes: *images [n,H,W,3] uint8. */
reshift_status loader_next_bytes(loader *l, const uint8_t **images, const int **labels, int *n, reshift_error *error);

/** Stops the thread. Accepts NULL. */
void loader_close(loader **l);

#endif
