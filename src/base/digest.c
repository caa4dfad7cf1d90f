/* md5 and sha256 through libcrypto's EVP interface. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/files.h"

struct digest {
    EVP_MD_CTX *context;
};

digest *digest_create(digest_kind kind)
{
    digest *d = malloc(sizeof *d);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!d || !context || !EVP_DigestInit_ex(context, kind == DIGEST_MD5 ? EVP_md5() : EVP_sha256(), NULL)) {
        EVP_MD_CTX_free(context);
        free(d);
        return NULL;
    }
    d->context = context;
    return d;
}

void digest_add(digest *d, const void *bytes, size_t count)
{
    if (d) {
        EVP_DigestUpdate(d->context, bytes, count);
    }
}

void digest_finish(digest *d, char hex[DIGEST_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (d) {
        EVP_DigestFinal_ex(d->context, value, &length);
    }
    for (unsigned int i = 0; i < length; i++) {
        hex[2 * i] = digits[value[i] >> 4];
        hex[2 * i + 1] = digits[value[i] & 15];
    }
    hex[2 * length] = '\0';
}

void digest_destroy(digest **d)
{
    if (d && *d) {
        EVP_MD_CTX_free((*d)->context);
        free(*d);
        *d = NULL;
    }
}

void digest_bytes(digest_kind kind, const void *bytes, size_t count, char hex[DIGEST_HEX_BYTES])
{
    digest *d = digest_create(kind);
    digest_add(d, bytes, count);
    digest_finish(d, hex);
    digest_destroy(&d);
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
