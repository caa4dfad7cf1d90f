/*
 * One file of CIFAR-10, in either layout, as a part: 10,000 labels and 10,000 planar images (1024 R, 1024 G, 1024 B),
 * checked record by record. Where the bytes come from (a file, an archive) is the business of cifar10.c.
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
    /* No part is larger, pickled or not (an official one has 30.7 or 31.0 million bytes): the bound of unpacking. */
    CIFAR_PART_MAX_BYTES = 64 << 20
};

/* The test set's name where images are named by their place in it (reshift/fingerprints.h). */
#define CIFAR_TEST_PUBLISHED "cifar10-test"

extern const char *const cifar_class_names[CIFAR_CLASSES];

/** A zeroed part is empty. */
typedef struct cifar_part {
    const uint8_t *pixels; /* of record 0; the next record's are pixel_stride bytes on */
    size_t pixel_stride;
    uint8_t labels[CIFAR_PART_RECORDS]; /* 0..9 each */
    blob *bytes;                        /* kept alive for `pixels` */
    struct pickle *pickle;              /* likewise, or NULL */
    reshift_array copy;                 /* of data in Fortran order; otherwise empty */
} cifar_part;

/**
 * The binary layout: records of 1 label byte and 3072 pixel bytes. `path` is for the words of an error only. The part
 * keeps `bytes`. Errors: FORMAT (size; a label above 9, with the record and its byte). The part is empty then.
 */
reshift_status cifar_part_read_binary(blob *bytes, const char *path, cifar_part *part, reshift_error *error);

/**
 * The Python layout: a pickled dict with labels (10,000 int, or an array of any integer dtype) and data
 * (uint8 [10000,3072] in either order). The part keeps `bytes`.
 * Errors: FORMAT, SHAPE, UNSUPPORTED, MEMORY. The part is empty then.
 */
reshift_status cifar_part_read_pickle(blob *bytes, const char *path, cifar_part *part, reshift_error *error);

void cifar_part_destroy(cifar_part *part);

/** Interleaves record `i` of the part into rgb [32,32,3]. */
void cifar_part_pixels(const cifar_part *part, int i, uint8_t *rgb);

#endif
