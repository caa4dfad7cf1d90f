/* How large activations get, in the metadata of the weights: what int8 was calibrated with goes with them. */
#ifndef MODELS_RANGES_H
#define MODELS_RANGES_H

#include "network/network.h"
#include "models/notes.h"
#include "reshift/tensors.h"

/**
 * activation_ranges and activation_ranges_of (docs/formats.md) to n->range and n->calibration; nothing where the key is
 * absent, the file is PyTorch's own, or the plain key holds something else (a warning in `list`). Errors: FORMAT (no
 * JSON object, a name that the network does not keep in 8 bits, a value that is no positive number), MEMORY.
 */
reshift_status ranges_from_tensors(const reshift_tensors *tensors, network *n, notes *list, reshift_error *error);
/** The ranges that are known, and activation_ranges_of: the preparation, the number and the kind of the images that
 * they were measured on. No keys where none is known. */
reshift_status ranges_to_tensors(const network *n, reshift_tensors *tensors, reshift_error *error);

#endif
