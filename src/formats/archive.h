/*
 * Archives: tar, tar.gz (also .bz2, .xz) and zip, through libarchive. Entries are visited in file order. An
 * uncompressed entry is a slice of the mapped file, without a copy, so a 3 GB tar of arrays needs no memory. Nothing is
 * unpacked to disk, and every caller that unpacks gives a limit for the result.
 */
#ifndef FORMATS_ARCHIVE_H
#define FORMATS_ARCHIVE_H

#include "formats/blob.h"

/**
 * True if the bytes begin like a tar, gzip, bzip2, xz or zip file. *kind, unless NULL, becomes "tar", "tar.gz", ...,
 * "zip".
 */
bool archive_is(const blob *b, const char **kind);

/** The current entry of a walk. */
typedef struct archive_item {
    const char *name; /* valid during the visit */
    int64_t size;     /* bytes, or -1 if the archive does not give the size in advance */
    bool is_file;     /* a regular file, not a folder or link */
    bool is_stored;   /* in a zip: not compressed, so loading it needs no memory */
    struct archive_walker *walker;
} archive_item;

/** Called for every entry. Set *stop to end the walk early; an error also ends it. */
typedef reshift_status (*archive_visit)(void *context, archive_item *item, bool *stop, reshift_error *error);
/** Receives the bytes of an entry in order, in pieces. */
typedef reshift_status (*archive_sink)(void *context, const uint8_t *bytes, size_t count, reshift_error *error);

/** Visits the entries of the archive in `b`; `name` is for messages. Errors: FORMAT, UNSUPPORTED, MEMORY, the
 * visitor's. */
reshift_status archive_walk(blob *b, const char *name, archive_visit visit, void *context, reshift_error *error);

/**
 * Loads this entry's bytes; call once, inside a visit. An uncompressed entry is a slice of the archive's blob, others
 * are unpacked into memory. The caller drops the blob. Errors: FORMAT (damaged, checksum), UNSUPPORTED (larger than
 * `max_bytes`, encrypted), MEMORY.
 */
reshift_status archive_item_load(archive_item *item, size_t max_bytes, blob **bytes, reshift_error *error);
/** The same in pieces, for digests and copies. */
reshift_status archive_item_stream(archive_item *item, size_t max_bytes, archive_sink sink, void *context,
                                   reshift_error *error);

/**
 * Loads entries by name in one pass, which matters for a tar.gz. `names` [n]; an entry matches if its path is the name
 * or ends in "/name". bytes[i] stays NULL if there is no such entry; this is not an error here. The caller drops all
 * bytes[i] (on an error they are NULL). `max_bytes` limits each entry. Errors: as archive_walk() and
 * archive_item_load().
 */
reshift_status archive_load_entries(blob *b, const char *name, const char *const *names, size_t n, size_t max_bytes,
                                    blob **bytes, reshift_error *error);
/** Loads one entry of a file, as archive_load_entries(). Errors: also NOT_FOUND if the archive has no such entry. */
reshift_status archive_load_entry(const char *path, const char *entry, size_t max_bytes, blob **bytes,
                                  reshift_error *error);

#endif
