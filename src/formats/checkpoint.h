/*
 * The container formats of checkpoints: safetensors and the two of PyTorch. Each reader fills a reshift_tensors from a
 * blob; the arrays hold references to it. reshift_tensors_load() detects the format; tests and fuzz targets call the
 * readers directly.
 */
#ifndef FORMATS_CHECKPOINT_H
#define FORMATS_CHECKPOINT_H

#include "formats/blob.h"
#include "reshift/tensors.h"

/** The container format detected from the first bytes, or RESHIFT_CONTAINER_NONE. */
reshift_container checkpoint_container(const blob *b);

/**
 * Reads any of the formats; `name` is for messages. The caller destroys *tensors. Errors: as reshift_tensors_load().
 */
reshift_status checkpoint_read(blob *b, const char *name, reshift_tensors **tensors, reshift_error *error);

/* Readers of one format each. They fill an empty set, which the caller destroys even after an error. */
reshift_status safetensors_read(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error);
reshift_status torch_zip_read(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error);
reshift_status torch_legacy_read(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error);

/** The safetensors name of a dtype ("F32"); never NULL. */
const char *safetensors_dtype_name(reshift_dtype dtype);

/** Records an object that is in the file but not loaded into the set. Errors: MEMORY. */
reshift_status tensors_add_unread(reshift_tensors *tensors, const char *name, const char *kind, reshift_error *error);
/** Adds a remark. Errors: MEMORY. */
reshift_status tensors_add_remark(reshift_tensors *tensors, const char *remark, reshift_error *error);
/**
 * Renames every tensor. new_names [count]; NULL drops the tensor; a new name may point into the old one. On error
 * nothing is changed. Errors: SHAPE (two names are equal), MEMORY.
 */
reshift_status tensors_rename(reshift_tensors *tensors, const char *const *new_names);

void tensors_set_container(reshift_tensors *tensors, reshift_container container);

#endif
