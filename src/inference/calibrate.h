/* Ranges of activations from images, for networks that are going to run in int8. */
#ifndef INFERENCE_CALIBRATE_H
#define INFERENCE_CALIBRATE_H

#include "inference/forward.h"

/**
 * Where `setup` asks for int8 and the network does not know its ranges, finds them on images of `dataset` and says so.
 * Warns where the ranges are known to be of images prepared otherwise, once a network. Errors: those of
 * reshift_calibrate().
 */
reshift_status calibrate_if_needed(const forward_setup *setup, const reshift_dataset *dataset,
                                   const reshift_progress *progress, reshift_error *error);

#endif
