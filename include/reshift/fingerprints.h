/* Which images a network was trained on, so that nobody measures it on them unawares. */
#ifndef RESHIFT_FINGERPRINTS_H
#define RESHIFT_FINGERPRINTS_H

#include "reshift/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Names of images, of 64 bits each, ascending and no two equal; a zeroed struct is the empty set. An image has up to
 * two:
 *
 *   by its pixels  the first 8 bytes (as a big-endian number) of the SHA-256 of height and width (4 bytes each, little
 *                  endian) and the R G B bytes of the original, before any corruption or crop
 *   by its place   those of the text "cifar10-test 17", for the images of a published set whose order everybody knows:
 * a row of CIFAR-10-C has it even where the clean test images are not at hand; ImageNet-C's images have those of the
 * text "imagenet n01440764/ILSVRC2012_val_00000293"
 *
 * A corrupted version has the names of the image that it was made from. Two images have a name in common by chance once
 * in 2^64 pairs.
 */
typedef struct reshift_fingerprints {
    uint64_t *values; /* [n] */
    int64_t n;
} reshift_fingerprints;

/** Frees what is in it and empties it; NULL and an empty one are accepted. */
RESHIFT_API void reshift_fingerprints_destroy(reshift_fingerprints *prints);

/**
 * The names of all images of `dataset`: every image once, however many versions of it the set holds. A set whose rows
 * come from corrupted files that tell nothing of their originals (npy) has the names of what the files hold. *prints is
 * the caller's to destroy. Errors: those of reading, MEMORY.
 */
RESHIFT_API reshift_status reshift_fingerprints_of(const reshift_dataset *dataset, reshift_fingerprints *prints,
                                                   reshift_error *error);
/** The same for one row each, seen [n]: 1 where `rows` [n] of the set (NULL: 0..n-1) show an image that has a name in
 *  `prints`. Errors: those of reading, MEMORY. */
RESHIFT_API reshift_status reshift_fingerprints_find(const reshift_fingerprints *prints, const reshift_dataset *dataset,
                                                     const int64_t *rows, int64_t n, uint8_t *seen,
                                                     reshift_error *error);
/** Puts the names `values` [n] of any order into `prints` as well. Errors: MEMORY. */
RESHIFT_API reshift_status reshift_fingerprints_add(reshift_fingerprints *prints, const uint64_t *values, int64_t n,
                                                    reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
