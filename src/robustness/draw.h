/* A sample of images in which every class has its share. */
#ifndef ROBUSTNESS_DRAW_H
#define ROBUSTNESS_DRAW_H

#include "reshift/status.h"

/**
 * Draws `sample` of n images with labels [n] in 0..n_classes-1, ascending in images [sample]: of every class in
 * proportion to what there is of it, largest remainders rounded up, and no class that has images goes without. The same
 * for the same seed. Errors: ARGUMENT (fewer than one a class that has images, or more than n), MEMORY.
 */
reshift_status draw_by_class(const int *labels, int64_t n, int n_classes, int64_t sample, uint64_t seed,
                             int64_t *images, reshift_error *error);

#endif
