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
    int64_t bytes; /* 0: not known */
} reshift_fetch_item;

/** What reshift_fetch() knows: *count rows, static. */
RESHIFT_API const reshift_fetch_item *reshift_fetch_table(int *count);

/**
 * Downloads the item called `name` ("resnet50" is "resnet50@v1") into the data folder: archives into the folder itself,
 * weights under torchvision's file names into weights/, overlays into frost/. `mirror` (https://, http://, file:// or a
 * folder's full path) replaces everything before the last path component of the official address; NULL: the variable
 * RESHIFT_MIRROR, else the official address. A partial file is kept as NAME.part, also when cancelled, and resumed the
 * next time. A file that is there and right is left alone. Errors: NOT_FOUND (no such item, 404), EXISTS (another file
 * is there under that name), IO (network, disk), FORMAT (hash differs: the file is removed), ARGUMENT (the mirror),
 * CANCELLED.
 */
RESHIFT_API reshift_status reshift_fetch(const char *name, const char *data_dir, const char *mirror,
                                         const reshift_progress *progress, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
