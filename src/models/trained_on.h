/* Fingerprints of training images in the metadata of weights: "reshift.trained_on", base64 of little-endian 64-bit
 * numbers. */
#ifndef MODELS_TRAINED_ON_H
#define MODELS_TRAINED_ON_H

#include <stdbool.h>

#include "models/notes.h"
#include "reshift/fingerprints.h"
#include "reshift/tensors.h"

/** *known is false, and *prints empty, where the metadata has no such key, or another program's words (a warning in
 * `list`). Errors: FORMAT, MEMORY. */
reshift_status trained_on_read(const reshift_tensors *tensors, reshift_fingerprints *prints, bool *known, notes *list,
                               reshift_error *error);

#endif
