/*
 * Names the kind of a file from its first bytes, for messages: "expected a checkpoint, found a Git LFS pointer". The
 * result is used in messages only: readers perform their own, stricter checks.
 */
#ifndef FORMATS_WHAT_IS_THIS_H
#define FORMATS_WHAT_IS_THIS_H

#include <stddef.h>
#include <stdint.h>

#include "reshift/status.h"

/** The kind of a file: `words` with an article ("an HTML page"), and the next step, or NULL. Both are static. */
typedef struct file_kind {
    const char *words, *hint;
} file_kind;

/** The kind that `size` bytes (a whole file, or its beginning) look like; "other bytes" if unknown. */
file_kind what_is_this(const uint8_t *bytes, size_t size);

/**
 * Error "cannot read 'NAME': expected EXPECTED, found KIND", with the kind's own hint, else `hint` (may be NULL).
 * Returns `code`.
 */
reshift_status refuse_kind(reshift_error *error, reshift_status code, const char *name, const char *expected,
                           const uint8_t *bytes, size_t size, const char *hint);

#endif
