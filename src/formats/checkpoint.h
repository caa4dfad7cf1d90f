/*
 * The containers of checkpoints: safetensors, and PyTorch's two. Each reader fills a reshift_tensors from a blob that
 * its arrays keep. reshift_tensors_load() tells them apart; tests and fuzzers call them one by one.
 */
#ifndef FORMATS_CHECKPOINT_H
#define FORMATS_CHECKPOINT_H

#include "formats/blob.h"
#include "reshift/tensors.h"

/** The container that the bytes begin as, or RESHIFT_CONTAINER_NONE. */
reshift_container checkpoint_container(const blob *b);

/** Reads any of them; `name` is for messages. Errors as reshift_tensors_load(). The caller destroys *tensors. */
reshift_status checkpoint_read(blob *b, const char *name, reshift_tensors **tensors, reshift_error *error);

/* One container each: they fill an empty set, which the caller destroys also after an error. */
reshift_status safetensors_read(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error);
reshift_status torch_zip_read(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error);
reshift_status torch_legacy_read(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error);

/** safetensors' name of a dtype ("F32"); never NULL. */
const char *safetensors_dtype_name(reshift_dtype dtype);

/** Records something that is in the file and not in the set. Errors: MEMORY. */
reshift_status tensors_add_unread(reshift_tensors *tensors, const char *name, const char *kind, reshift_error *error);
/** Adds a remark. Errors: MEMORY. */
reshift_status tensors_add_remark(reshift_tensors *tensors, const char *remark, reshift_error *error);
/**
 * Renames every tensor: new_names [count], NULL drops the tensor; a name may be a part of the old one. Nothing is
 * changed after an error: SHAPE (two names are equal), MEMORY.
 */
reshift_status tensors_rename(reshift_tensors *tensors, const char *const *new_names);

void tensors_set_container(reshift_tensors *tensors, reshift_container container);

#endif
