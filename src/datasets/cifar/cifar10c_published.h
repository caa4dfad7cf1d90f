/* Verifies files of CIFAR-10-C against the published ones. */
#ifndef DATASETS_CIFAR_CIFAR10C_PUBLISHED_H
#define DATASETS_CIFAR_CIFAR10C_PUBLISHED_H

#include <stddef.h>

#include "reshift/status.h"

/** Compares the bytes of NAME.npy ("labels", or a corruption) with the published md5; `path` is for messages. Errors:
 * FORMAT (another file, with both md5), UNSUPPORTED (no such file was published). */
reshift_status cifar10c_check_published(const char *name, const void *bytes, size_t size, const char *path,
                                        reshift_error *error);

#endif
