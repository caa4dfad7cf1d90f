/*
 * Parameters of a network <-> tensors of a checkpoint, by torchvision's names. Reading is strict: every tensor must be
 * there in its shape, and nothing else may be; only num_batches_tracked, which older files lack, may be absent.
 */
#ifndef MODELS_WEIGHTS_WEIGHTS_H
#define MODELS_WEIGHTS_WEIGHTS_H

#include "network/network.h"
#include "reshift/tensors.h"

/**
 * Fills every parameter of `n` from float32, float16, bfloat16 or float64 tensors (float64 is rounded to the nearest
 * float32). Errors: SHAPE, listing the first few tensors that are wrong, missing or unexpected and how many more there
 * are, and those that the file has in a form that is not read; NUMERIC (a value that is not finite, or a negative
 * running variance); MEMORY. `n` is half filled then. Without `with_head` the head is neither expected nor filled.
 */
reshift_status weights_from_tensors(network *n, const reshift_tensors *tensors, bool with_head, reshift_error *error);

/**
 * Adds every parameter as float32 and num_batches_tracked as int64 scalars, in the order of torchvision's state_dict().
 * Without `with_head` the head is left out. Errors: MEMORY.
 */
reshift_status weights_to_tensors(const network *n, bool with_head, reshift_tensors *tensors, reshift_error *error);

/** Copies a tensor of floating-point numbers to float32 [count of the tensor]. False: another dtype. */
bool weights_convert(const reshift_array *array, float *values);

/** "[64,3,7,7]", "[]" for a scalar. */
void weights_shape_text(int n_dims, const int64_t *shape, char *text, size_t size);

#endif
