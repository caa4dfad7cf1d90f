/* Named tensors: what a checkpoint holds, read from safetensors and PyTorch files, written as safetensors. */
#ifndef RESHIFT_TENSORS_H
#define RESHIFT_TENSORS_H

#include "reshift/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A checkpoint in memory: tensors by name in file order, and text by key (safetensors' __metadata__). */
typedef struct reshift_tensors reshift_tensors;

typedef enum reshift_container {
    RESHIFT_CONTAINER_NONE, /* made in memory */
    RESHIFT_CONTAINER_SAFETENSORS,
    RESHIFT_CONTAINER_TORCH_ZIP,
    RESHIFT_CONTAINER_TORCH_LEGACY
} reshift_container;

/**
 * Reads a checkpoint; the container is told by the bytes, not by the name. Nested dictionaries are flattened with dots
 * ("state_dict.module.conv1.weight"); see reshift_tensors_unwrap(). Numbers and strings of a PyTorch file beside its
 * tensors become metadata. A PyTorch file is read by a restricted unpickler: it constructs tensors, dicts, lists,
 * numbers and strings and calls nothing; whatever else is in the file is passed over, see
 * reshift_tensors_unread_count(). "PATH#BRANCH" is PATH, unless a file has that whole name. Errors: NOT_FOUND, IO,
 * FORMAT (byte and what was expected), UNSUPPORTED, MEMORY. The caller destroys *tensors.
 */
RESHIFT_API reshift_status reshift_tensors_load(const char *path, reshift_tensors **tensors, reshift_error *error);

/**
 * How much the file holds that the set does not: objects of classes that are never constructed, tensors of a dtype or
 * layout that is not read (complex, sparse, quantised, 8-bit floats, more than 8 dimensions). By index, from 0: the
 * path, and what it is
 * ("argparse.Namespace", "a tensor of ComplexFloatStorage").
 */
RESHIFT_API int64_t reshift_tensors_unread_count(const reshift_tensors *tensors);
/** The path of what was not read: "args.schedule"; the set's memory. */
RESHIFT_API const char *reshift_tensors_unread_name(const reshift_tensors *tensors, int64_t index);
/** What it is: "argparse.Namespace"; the set's memory. */
RESHIFT_API const char *reshift_tensors_unread_kind(const reshift_tensors *tensors, int64_t index);
/** Remarks of the reader, a sentence each, such as bytes at the file's end that it passed over. NULL past the last. */
RESHIFT_API const char *reshift_tensors_remark(const reshift_tensors *tensors, int64_t index);

/** An empty set. NULL when out of memory. */
RESHIFT_API reshift_tensors *reshift_tensors_create(void);
/** Frees the set and its arrays and nulls the caller's pointer; NULL accepted. */
RESHIFT_API void reshift_tensors_destroy(reshift_tensors **tensors);

/** Takes `array` over (it becomes the empty array). Errors: ARGUMENT (the name is there already), MEMORY. */
RESHIFT_API reshift_status reshift_tensors_add(reshift_tensors *tensors, const char *name, reshift_array *array,
                                               reshift_error *error);
/** Sets or replaces a text of the metadata. Errors: MEMORY. */
RESHIFT_API reshift_status reshift_tensors_set_text(reshift_tensors *tensors, const char *key, const char *value,
                                                    reshift_error *error);

/** Tensors of the set. */
RESHIFT_API int64_t reshift_tensors_count(const reshift_tensors *tensors);
/** The name of a tensor, from 0 in the file's order; the set's memory. */
RESHIFT_API const char *reshift_tensors_name(const reshift_tensors *tensors, int64_t index);
/** A tensor, from 0 in the file's order; the set's memory. */
RESHIFT_API const reshift_array *reshift_tensors_at(const reshift_tensors *tensors, int64_t index);
/** NULL where there is no such name. */
RESHIFT_API const reshift_array *reshift_tensors_find(const reshift_tensors *tensors, const char *name);
/** NULL where there is no such key. */
RESHIFT_API const char *reshift_tensors_text(const reshift_tensors *tensors, const char *key);
/** Texts of the metadata. */
RESHIFT_API int64_t reshift_tensors_text_count(const reshift_tensors *tensors);
/** The key of a text of the metadata, from 0; the set's memory. */
RESHIFT_API const char *reshift_tensors_text_key(const reshift_tensors *tensors, int64_t index);
/** What kind of file the set was read from. */
RESHIFT_API reshift_container reshift_tensors_container(const reshift_tensors *tensors);

/**
 * Strips what training scripts wrap around a network: a leading "state_dict." or "model." (other branches of the file
 * are dropped then) and "module." on every name. Returns false when names would collide (nothing is changed).
 */
RESHIFT_API bool reshift_tensors_unwrap(reshift_tensors *tensors);

/**
 * Writes safetensors, atomically: tensors listed in the order of the set (their bytes follow largest element first, so
 * that all are aligned), keys of the metadata sorted, header padded to 8 bytes. Errors: EXISTS, IO, ARGUMENT (a name or
 * text that is not UTF-8).
 */
RESHIFT_API reshift_status reshift_tensors_save(const char *path, const reshift_tensors *tensors, bool overwrite,
                                                reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
