/* One file from one address: resumed where it stopped, verified by its hash, renamed when whole. Knows no names. */
#ifndef DATASETS_FETCH_DOWNLOAD_H
#define DATASETS_FETCH_DOWNLOAD_H

#include "base/digest.h"
#include "reshift/progress.h"

typedef struct download {
    const char *address; /* https://, http:// or file:// */
    const char *path;    /* where it goes; its folder exists */
    digest_kind kind;    /* of `hash` */
    const char *hash;    /* lower-case hex, or the first digits of it */
    int64_t limit_bytes; /* more than this is refused */
} download;

/**
 * Makes `path`. A file that is there is verified and left alone. What has arrived stands in PATH.part until it is
 * whole: it is kept when the network or the disk fails or the caller cancels, and the next call asks only for the rest;
 * a server that cannot give the rest sends all of it. An address of https is never followed to another protocol.
 * Errors: NOT_FOUND (404), IO (network, disk, another download of the same file), EXISTS (another file is at `path`),
 * FORMAT (the hash differs: what arrived is removed; more bytes than the limit), ARGUMENT (an address that is none),
 * CANCELLED.
 */
reshift_status download_file(const download *d, const reshift_progress *progress, reshift_error *error);

#endif
