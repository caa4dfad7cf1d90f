/*
 * Lifetimes to offsets: where the tensors of a plan lie in one block of memory, so that tensors that are in use at the
 * same step share no byte. Knows nothing of what is stored.
 */
#ifndef ENGINE_PLACEMENT_H
#define ENGINE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "reshift/status.h"

typedef struct placement {
    size_t bytes;    /* a multiple of the alignment that all offsets are to have */
    int first, last; /* steps of first and last use, both included; first -1: not used yet */
    size_t offset;   /* out */
} placement;

/** Step `step` uses it; steps come in ascending order. */
void placement_use(placement *p, int step);
/**
 * Chooses all offsets and the size of the block: sorted by size, each takes the lowest offset at which it overlaps no
 * tensor with a common step (first fit by decreasing size). Errors: MEMORY.
 */
reshift_status placement_choose(placement *const *items, int n, size_t *bytes, reshift_error *error);
/** No two that are in use at the same step share a byte. */
bool placement_is_sound(placement *const *items, int n);

#endif
