/*
 * A set's images as one epoch of training sees them: mirrored, moved, corrupted by chance. Labels, rows and sizes are
 * those of the set; only what reading gives differs.
 */
#ifndef DATASETS_AUGMENTED_H
#define DATASETS_AUGMENTED_H

#include "reshift/augment.h"

/** Errors: ARGUMENT (a share or severity out of range, a corruption unknown). */
reshift_status augment_check(const reshift_augment *how, reshift_error *error);
/** Adds to `text` (size bytes) all that the images depend on. */
void augment_describe(const reshift_augment *how, char *text, size_t size);

/**
 * A view of `base` for one epoch. Draws depend on (seed, epoch, image, severity) alone: neither on the row's place in the
 * set nor on what is read before. Shares `base`; `how` must stay until the view is closed. Errors: MEMORY.
 */
reshift_status augmented_open(reshift_dataset *base, const reshift_augment *how, uint64_t seed, int epoch,
                              reshift_dataset **dataset, reshift_error *error);

#endif
