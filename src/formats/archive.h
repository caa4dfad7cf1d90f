/*
 * Archives: tar, tar.gz (also .bz2, .xz) and zip through libarchive. Entries are walked in the file's order; what is
 * stored plainly comes as a slice of the mapped file, without a copy, so a 3 GB tar of arrays costs no memory. Nothing
 * is ever unpacked to disk, and every unpacking says beforehand how large the result may become.
 */
#ifndef FORMATS_ARCHIVE_H
#define FORMATS_ARCHIVE_H

#include "formats/blob.h"

/** True when the bytes begin as a tar, gzip, bzip2, xz or zip file does. Text: "tar", "tar.gz", ..., "zip"; may be
 * NULL. */
bool archive_is(const blob *b, const char **kind);

/** One entry while the walk stands on it. */
typedef struct archive_item {
    const char *name; /* valid during the visit */
    int64_t size;     /* bytes, or -1 where the archive does not say beforehand */
    bool is_file;     /* a regular file: neither folder nor link */
    bool is_stored;   /* of a zip: not compressed, so that loading it takes no memory */
    struct archive_walker *walker;
} archive_item;

/** Called for every entry; set *stop to end the walk early. An error ends it too. */
typedef reshift_status (*archive_visit)(void *context, archive_item *item, bool *stop, reshift_error *error);
/** Receives the bytes of an entry from first to last, in pieces. */
typedef reshift_status (*archive_sink)(void *context, const uint8_t *bytes, size_t count, reshift_error *error);

/** Visits the entries of the archive in `b`; `name` is for messages. Errors: FORMAT, UNSUPPORTED, MEMORY, the
 * visitor's. */
reshift_status archive_walk(blob *b, const char *name, archive_visit visit, void *context, reshift_error *error);

/**
 * Inside a visit: the bytes of this entry, once. A slice of the archive's own blob where the entry is stored plainly,
 * else unpacked into memory; the caller drops it. Errors: FORMAT (damaged, checksum), UNSUPPORTED (larger than
 * `max_bytes`, encrypted), MEMORY.
 */
reshift_status archive_item_load(archive_item *item, size_t max_bytes, blob **bytes, reshift_error *error);
/** The same in pieces, for digests and copies. */
reshift_status archive_item_stream(archive_item *item, size_t max_bytes, archive_sink sink, void *context,
                                   reshift_error *error);

/**
 * Loads entries by name in one pass, which matters for a tar.gz. `names` [n]; an entry matches when its path is the
 * name or ends in "/name". bytes[i] stays NULL where there is none: that is no error here. The caller drops all
 * bytes[i] (on an error they are NULL). `max_bytes` bounds each. Errors as archive_walk() and archive_item_load().
 */
reshift_status archive_load_entries(blob *b, const char *name, const char *const *names, size_t n, size_t max_bytes,
                                    blob **bytes, reshift_error *error);
/** One entry of a file, as above. Errors: also NOT_FOUND when the archive has no such entry. */
reshift_status archive_load_entry(const char *path, const char *entry, size_t max_bytes, blob **bytes,
                                  reshift_error *error);

#endif
