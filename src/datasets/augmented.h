/*
 * A view of a set for one epoch of training: images are randomly flipped, shifted and corrupted. Labels, rows and sizes
 * are those of the set; only the pixels differ.
 */
#ifndef DATASETS_AUGMENTED_H
#define DATASETS_AUGMENTED_H

#include "base/facts.h"
#include "reshift/augment.h"

/** Errors: ARGUMENT (a probability or severity out of range, an unknown corruption). */
reshift_status augment_check(const reshift_augment *how, reshift_error *error);
extern const fact_table augment_facts;
/** Adds every option that affects the images. */
void augment_add_facts(fact_list *f, const reshift_augment *how);

/**
 * A view of `base` for one epoch. Random draws depend only on (seed, epoch, image, severity), not on the position in
 * the set or on what was read before. Shares `base`; `how` must outlive the view. Errors: MEMORY.
 */
reshift_status augmented_open(reshift_dataset *base, const reshift_augment *how, uint64_t seed, int epoch,
                              reshift_dataset **dataset, reshift_error *error);

#endif
