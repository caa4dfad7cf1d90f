/* The files of published data sets, and the download of one published file into the data folder. */
#ifndef DATASETS_FETCH_PUBLISHED_SETS_H
#define DATASETS_FETCH_PUBLISHED_SETS_H

#include "base/digest.h"
#include "reshift/fetch.h"

#define FETCH_FILES_MOST 6

typedef struct fetch_file {
    const char *folder; /* in the data folder; "": the data folder itself */
    const char *address;
    digest_kind kind;
    const char *hash; /* lower-case hex, or the first digits of it */
    int64_t limit_bytes;
} fetch_file;

typedef struct fetch_set {
    reshift_fetch_item item;
    int n_files;
    fetch_file files[FETCH_FILES_MOST];
} fetch_set;

/** The table of data sets; *count rows, static. */
const fetch_set *fetch_sets(int *count);

/**
 * Downloads `file` into the data folder, under the last component of its address. `mirror` replaces everything before
 * that component; NULL or "": none. Errors: those of reshift_fetch().
 */
reshift_status fetch_file_get(const fetch_file *file, const char *data_folder, const char *mirror,
                              const reshift_progress *progress, reshift_error *error);

#endif
