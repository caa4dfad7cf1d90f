/* Golden files, temporary files, and patching of bytes. */
#ifndef TESTS_FORMATS_GOLDEN_H
#define TESTS_FORMATS_GOLDEN_H

#include "check.h"

#include <unistd.h>

#include "base/files.h"
#include "formats/blob.h"

/** The path of a golden file, valid until the next call with the same slot (0 to 3). */
static inline const char *golden(const char *name)
{
    static char paths[4][512];
    static int slot;
    slot = (slot + 1) % 4;
    snprintf(paths[slot], sizeof paths[slot], "%s/tests/formats/golden/%s", TEST_SOURCE_ROOT, name);
    return paths[slot];
}

/** The path of a file of the real data folder. */
static inline const char *real(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", check_data(), name);
    return path;
}

/** A new path for a file to write; the caller removes it. */
static inline void fresh_path(char path[64])
{
    strcpy(path, "/tmp/reshift-formats-XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    unlink(path);
}

/** Reads a whole golden file. The caller frees it. */
static inline uint8_t *golden_bytes(const char *name, size_t *size)
{
    reshift_error error;
    char *bytes;
    check_ok(file_read_all(golden(name), &bytes, size, &error));
    return (uint8_t *)bytes;
}

/** Replaces `from`, which must occur once in `bytes`, by `to` of the same length. */
static inline void patch(uint8_t *bytes, size_t size, const char *from, const char *to, size_t length)
{
    uint8_t *at = memmem(bytes, size, from, length);
    assert_non_null(at);
    memcpy(at, to, length);
}

#endif
