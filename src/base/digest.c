/*
 * MD5 and SHA-256 from libcrypto. The code calls the low-level functions, which work on a context owned by the caller,
 * and not the EVP interface: EVP allocates memory, so every step of a digest could fail and would have to be checked.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/files.h"

struct digest {
    digest_kind kind;
    union {
        MD5_CTX md5;
        SHA256_CTX sha256;
    } context;
};

static void start(digest *d, digest_kind kind)
{
    d->kind = kind;
    if (kind == DIGEST_MD5) {
        MD5_Init(&d->context.md5);
    } else {
        SHA256_Init(&d->context.sha256);
    }
}

digest *digest_create(digest_kind kind)
{
    digest *d = malloc(sizeof *d);
    if (d) {
        start(d, kind);
    }
    return d;
}

void digest_add(digest *d, const void *bytes, size_t count)
{
    if (d->kind == DIGEST_MD5) {
        MD5_Update(&d->context.md5, bytes, count);
    } else {
        SHA256_Update(&d->context.sha256, bytes, count);
    }
}

void digest_finish(digest *d, char hex[DIGEST_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char value[SHA256_DIGEST_LENGTH];
    const int length = d->kind == DIGEST_MD5 ? MD5_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
    if (d->kind == DIGEST_MD5) {
        MD5_Final(value, &d->context.md5);
    } else {
        SHA256_Final(value, &d->context.sha256);
    }
    for (int i = 0; i < length; i++) {
        hex[2 * i] = digits[value[i] >> 4];
        hex[2 * i + 1] = digits[value[i] & 15];
    }
    hex[2 * length] = '\0';
}

void digest_destroy(digest **d)
{
    if (d) {
        free(*d);
        *d = NULL;
    }
}

void digest_bytes(digest_kind kind, const void *bytes, size_t count, char hex[DIGEST_HEX_BYTES])
{
    digest d;
    start(&d, kind);
    digest_add(&d, bytes, count);
    digest_finish(&d, hex);
}

reshift_status digest_file(digest_kind kind, const char *path, char hex[DIGEST_HEX_BYTES], reshift_error *error)
{
    hex[0] = '\0';
    file_map map;
    reshift_status status = file_map_open(path, &map, error);
    if (status == RESHIFT_OK) {
        digest_bytes(kind, map.data ? (const void *)map.data : "", map.size, hex);
        file_map_close(&map);
    }
    return status;
}
