/*
 * Our keys in a file's metadata. They are written as "reshift.NAME". Files of earlier versions have the NAME alone, and
 * other programs use the same words for other things: under its plain name a value is read where it can be, and
 * otherwise ignored with a warning; under our own name a wrong value is an error.
 */
#ifndef MODELS_METADATA_H
#define MODELS_METADATA_H

#include <stdbool.h>

#include "models/notes.h"
#include "reshift/tensors.h"

#define METADATA_PREFIX "reshift."

/** A value found under one of its two keys; text is NULL where there is neither. */
typedef struct metadata {
    const char *text;
    char key[64]; /* the key that it was found under */
    bool own;     /* with the prefix */
} metadata;

/** The value of `name`. Nothing in a PyTorch file: what it says beside its tensors is its training script's own. */
metadata metadata_find(const reshift_tensors *tensors, const char *name);
/** Sets "reshift.NAME". Errors: MEMORY. */
reshift_status metadata_set(reshift_tensors *tensors, const char *name, const char *text, reshift_error *error);
/**
 * Passes `status` on, but for a value under its plain name that is not understood: then the error becomes a warning in
 * `list` (may be NULL), and the answer is OK. *ignored, unless NULL, says so.
 */
reshift_status metadata_tolerate(const metadata *m, reshift_status status, notes *list, bool *ignored,
                                 reshift_error *error);

#endif
