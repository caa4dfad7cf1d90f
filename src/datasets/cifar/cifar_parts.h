/*
 * One file of CIFAR-10, in either layout: 10,000 labels and 10,000 planar images (1024 R, 1024 G, 1024 B), checked
 * record by record. cifar10.c obtains the bytes (from a file or an archive).
 */
#ifndef DATASETS_CIFAR_CIFAR_PARTS_H
#define DATASETS_CIFAR_CIFAR_PARTS_H

#include "formats/blob.h"

enum {
    CIFAR_SIDE = 32,
    CIFAR_PLANE = CIFAR_SIDE * CIFAR_SIDE,
    CIFAR_PIXELS = 3 * CIFAR_PLANE,
    CIFAR_RECORD = 1 + CIFAR_PIXELS,
    CIFAR_PART_RECORDS = 10000,
    CIFAR_CLASSES = 10,
    /* Limit for unpacking: official parts have 30.7 (binary) or 31.0 (pickled) million bytes. */
    CIFAR_PART_MAX_BYTES = 64 << 20
};

/* Name of the test set when images are named by their position in it (reshift/fingerprints.h). */
#define CIFAR_TEST_PUBLISHED "cifar10-test"

extern const char *const cifar_class_names[CIFAR_CLASSES];

/** A zeroed part is empty. */
typedef struct cifar_part {
    const uint8_t *pixels; /* of record 0; the next record is pixel_stride bytes later */
    size_t pixel_stride;
    uint8_t labels[CIFAR_PART_RECORDS]; /* 0..9 each */
    blob *bytes;                        /* reference that keeps `pixels` valid */
    struct pickle *pickle;              /* likewise, or NULL */
    reshift_array copy;                 /* only for data in Fortran order, else empty */
} cifar_part;

/**
 * The binary layout: records of 1 label byte and 3072 pixel bytes. `path` is for error messages only. The part holds a
 * reference to `bytes`. On error the part is empty. Errors: FORMAT (size; a label above 9, with the record and its
 * byte).
 */
reshift_status cifar_part_read_binary(blob *bytes, const char *path, cifar_part *part, reshift_error *error);

/**
 * The Python layout: a pickled dict with labels (10,000 int, or an array of any integer dtype) and data (uint8
 * [10000,3072] in either order). The part holds a reference to `bytes`. On error the part is empty. Errors: FORMAT,
 * SHAPE, UNSUPPORTED, MEMORY.
 */
reshift_status cifar_part_read_pickle(blob *bytes, const char *path, cifar_part *part, reshift_error *error);

void cifar_part_destroy(cifar_part *part);

/** Converts record `i` of the part to interleaved rgb [32,32,3]. */
void cifar_part_pixels(const cifar_part *part, int i, uint8_t *rgb);

#endif
