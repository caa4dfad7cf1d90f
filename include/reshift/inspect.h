/* What is in this file: a checkpoint, an array, an archive, a data set, an image. */
#ifndef RESHIFT_INSPECT_H
#define RESHIFT_INSPECT_H

#include "reshift/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A JSON object describing the file or folder (kind, tensors with dtype and shape, metadata, ...); free() it. */
RESHIFT_API reshift_status reshift_inspect(const char *path, char **json, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
