/* What is in this file: a checkpoint, an array, an archive, a data set, an image. */
#ifndef RESHIFT_INSPECT_H
#define RESHIFT_INSPECT_H

#include "reshift/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A JSON object describing the file or folder; free() it. Always: "path", "kind". A file: "bytes". By kind:
 * safetensors, torch-zip, torch-legacy  n_tensors, elements, metadata, tensors [{name, dtype, shape}], n_unread; where
 * there are any: unread [{name, what}] (objects and tensors that are passed over, the first 1000), remarks [text] npy
 * dtype, shape, elements, min, max, mean, not_finite (up to 256 MiB) jpeg, png                             width,
 * height, colour, bits tar, tar.gz, tar.bz2, tar.xz, zip     n_entries, unpacked_bytes, entries [{name, bytes}] (the
 * first 1000) cifar10-binary                        images, images_of_class [10] pickle value {kind, ...} folder,
 * image-folder                  holds [{name, kind, ...}] (and classes, images); a folder that is a data set itself:
 * cifar10 (layout, complete, missing), cifar10-c (corruptions), images, run Errors: NOT_FOUND, IO, UNSUPPORTED (none of
 * these), those of the reader, MEMORY.
 */
RESHIFT_API reshift_status reshift_inspect(const char *path, char **json, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
