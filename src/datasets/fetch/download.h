/* Downloads one file from one address: resumes, verifies the hash, renames the complete file. */
#ifndef DATASETS_FETCH_DOWNLOAD_H
#define DATASETS_FETCH_DOWNLOAD_H

#include "base/digest.h"
#include "reshift/progress.h"

typedef struct download {
    const char *address; /* https://, http:// or file:// */
    const char *path;    /* target; its folder exists */
    digest_kind kind;    /* of `hash` */
    const char *hash;    /* lower-case hex, or its first digits */
    int64_t limit_bytes; /* larger files are refused */
} download;

/**
 * Creates `path`. An existing file is verified and left unchanged. Received bytes are stored in PATH.part until the
 * file is complete. The part is kept if the network or the disk fails or the caller cancels, and the next call requests
 * only the rest; a server without range support sends the whole file. An https address is never redirected to another
 * protocol. Errors: NOT_FOUND (404), IO (network, disk, another download of the same file), EXISTS (another file is at
 * `path`), FORMAT (the hash differs, the received bytes are deleted; or more bytes than the limit), ARGUMENT (an
 * invalid address), CANCELLED.
 */
reshift_status download_file(const download *d, const reshift_progress *progress, reshift_error *error);

#endif
