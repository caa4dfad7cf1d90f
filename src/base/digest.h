/*
 * MD5 and SHA-256 of bytes and files as lower-case hex, used to identify files and the inputs of a stage. Only
 * digest_create() and digest_file() can fail: no other function allocates, so a digest is never empty.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

#include "reshift/status.h"

typedef enum digest_kind { DIGEST_MD5, DIGEST_SHA256 } digest_kind;

#define DIGEST_HEX_BYTES 65

typedef struct digest digest;

__attribute__((warn_unused_result)) digest *digest_create(digest_kind kind); /* NULL: out of memory */
void digest_add(digest *d, const void *bytes, size_t count);
/** Finishes the digest and writes hex with its NUL. Call digest_destroy() afterwards. */
void digest_finish(digest *d, char hex[DIGEST_HEX_BYTES]);
void digest_destroy(digest **d);

/** Digest of bytes in memory. Cannot fail. */
void digest_bytes(digest_kind kind, const void *bytes, size_t count, char hex[DIGEST_HEX_BYTES]);
/** Errors: those of file_map_open(). */
reshift_status digest_file(digest_kind kind, const char *path, char hex[DIGEST_HEX_BYTES], reshift_error *error);

#endif
