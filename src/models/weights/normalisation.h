/*
 * A normalisation of the input that is part of a checkpoint: (x/255 - mean) / deviation as a module in front of the
 * network, as robustness benchmarks save it ("mu" and "sigma", "normalizer.new_mean" and "normalizer.new_std",
 * "normalize.mean" ...).
 */
#ifndef MODELS_WEIGHTS_NORMALISATION_H
#define MODELS_WEIGHTS_NORMALISATION_H

#include "models/weights/branches.h"

typedef struct normalisation {
    bool found;
    int64_t mean_index, std_index; /* of the tensors */
    float mean[3], std[3];
} normalisation;

/**
 * Looks beside and above the branch `own`: in each dict or module around it, and in a module beside it there. Errors:
 * UNSUPPORTED (one of the pair is missing, another shape than a number or one a channel, values that cannot be).
 */
reshift_status normalisation_find(const reshift_tensors *tensors, const branches *all, int own, normalisation *result,
                                  reshift_error *error);

#endif
