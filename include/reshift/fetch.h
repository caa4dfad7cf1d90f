/* Downloads of the public files: resumed where they stopped, verified by their published hash, renamed when whole. */
#ifndef RESHIFT_FETCH_H
#define RESHIFT_FETCH_H

#include "reshift/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reshift_fetch_item {
    const char *name; /* "cifar10", "resnet50@v1", "frost" */
    const char *about;
    int64_t bytes;    /* 0: not known */
} reshift_fetch_item;

RESHIFT_API const reshift_fetch_item *reshift_fetch_table(int *count);

/**
 * Downloads the item called `name` into the data folder. `mirror` replaces everything before the last path component of
 * the official address (NULL: official; the variable RESHIFT_MIRROR does the same). A partial file is kept as NAME.part
 * and resumed the next time. A file that is there and right is left alone. Errors: NOT_FOUND (no such item, 404), IO
 * (network), FORMAT (hash differs: the file is removed), CANCELLED.
 */
RESHIFT_API reshift_status reshift_fetch(const char *name, const char *data_dir, const char *mirror,
                                         const reshift_progress *progress, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
