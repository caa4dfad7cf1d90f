/* Which rows of the shifted set are trained on and which are tested on, and what the one gives away of the other. */
#ifndef RESHIFT_SPLIT_H
#define RESHIFT_SPLIT_H

#include "reshift/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum reshift_split_kind {
    RESHIFT_SPLIT_BY_IMAGE, /* whole images: no image has one version in training and another in testing */
    RESHIFT_SPLIT_BY_ROW,   /* the published protocol: rows at random, tested on all rows */
    RESHIFT_SPLIT_APART     /* training rows of another set altogether, tested on all rows of this one */
} reshift_split_kind;

typedef struct reshift_split {
    reshift_split_kind kind;
    int64_t *train_rows, n_train; /* ascending */
    int64_t *test_rows, n_test;   /* by-image: every row whose image is not in training; by-row: all rows; ascending */
    int64_t n_images, n_images_seen;           /* distinct images of the set; those with a version in training */
    int64_t n_test_rows_seen;                  /* test rows that are themselves training rows */
    int64_t n_test_rows_image_seen;            /* test rows whose image has a version in training */
    int64_t n_test_images, n_test_images_seen; /* distinct images of the test rows; those with a version in training */
    uint8_t *source_seen;                      /* [max source + 1] 1 where an image with this source is in training */
    int64_t n_sources;
} reshift_split;

/**
 * Draws `n_rows` training rows of `dataset`, the same for any thread count. By image: whole images, as many as give at
 * most n_rows rows (20,000 of 5 x 10,000: 4,000 images). Errors: ARGUMENT (n_rows < 1, or nothing left to test on),
 * MEMORY.
 */
RESHIFT_API reshift_status reshift_split_draw(const reshift_dataset *dataset, reshift_split_kind kind, int64_t n_rows,
                                              uint64_t seed, reshift_split *split, reshift_error *error);
/**
 * The same for two sets without an image in common: `n_rows` training rows are drawn from `train` as `kind` says
 * (BY_IMAGE or BY_ROW), and every row of `test` is tested on. split->kind is RESHIFT_SPLIT_APART; train_rows, n_images
 * and n_images_seen are those of `train`, all else is of `test`. That the sets share no image is the caller's to know.
 * All rows of `train` may be asked for. Errors: ARGUMENT (n_rows < 1, or more than there are), MEMORY.
 */
RESHIFT_API reshift_status reshift_split_draw_apart(const reshift_dataset *train, const reshift_dataset *test,
                                                    reshift_split_kind kind, int64_t n_rows, uint64_t seed,
                                                    reshift_split *split, reshift_error *error);
/**
 * Holds a share of `rows` [n] of `dataset` out for validation, whole images with all their versions, and of every class
 * the same share of its images, rounded (of a class with two images or more one stays at least; of a single one it
 * does). held [n] gets 1 where a row is held out, *n_held how many are. Errors: ARGUMENT (a share outside 0..1, or one
 * that holds no row out), MEMORY.
 */
RESHIFT_API reshift_status reshift_split_hold_out(const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                                                  double share, uint64_t seed, uint8_t *held, int64_t *n_held,
                                                  reshift_error *error);
/** Frees what is in it and empties it; NULL and an empty one are accepted. */
RESHIFT_API void reshift_split_destroy(reshift_split *split);

#ifdef __cplusplus
}
#endif
#endif
