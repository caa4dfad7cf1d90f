/*
 * From a checkpoint as training scripts leave it to the tensors of one network under torchvision's names. The branch is
 * chosen, its prefix stripped, its last layer found, an input normalisation that is part of the checkpoint read, and
 * all other tensors dropped; what was chosen and dropped is said in notes.
 */
#ifndef MODELS_WEIGHTS_UNWRAP_H
#define MODELS_WEIGHTS_UNWRAP_H

#include <stdbool.h>

#include "models/notes.h"
#include "reshift/tensors.h"

typedef struct unwrapped {
    char branch[512];       /* where the network was, "" for the top level */
    bool has_head;          /* fc.weight is there, or it is said to be missing */
    bool has_normalisation; /* mean and deviation of x/255 are parts of the checkpoint */
    float mean[3], std[3];
} unwrapped;

/**
 * Renames and drops tensors in place. `wanted` names a branch (see branches.h), or is NULL. A checkpoint in which no
 * residual network begins is left as it is. Errors: NOT_FOUND (no such branch), UNSUPPORTED (a normalisation that is
 * not understood), SHAPE (two tensors of one name), MEMORY.
 */
reshift_status unwrap_checkpoint(reshift_tensors *tensors, const char *wanted, unwrapped *result, notes *list,
                                 reshift_error *error);

#endif
