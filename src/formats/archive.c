/*
 * Reads archives with libarchive. The mapped file is handed to libarchive as one block, so that an uncompressed entry
 * comes back as a pointer into the map and becomes a slice of it. Compressed entries are collected in memory.
 */
#include "formats/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct archive_walker {
    struct archive *reader;
    struct archive_entry *entry;
    blob *whole;
    const char *name; /* of the archive */
    locale_t utf8;    /* for entry names; (locale_t)0: not available */
};

bool archive_is(const blob *b, const char **kind)
{
    static const struct {
        const char *bytes, *kind;
        size_t count, offset;
    } magics[] = {
        {"PK\x03\x04", "zip", 4, 0}, {"PK\x05\x06", "zip", 4, 0},         {"\x1f\x8b", "tar.gz", 2, 0},
        {"BZh", "tar.bz2", 3, 0},    {"\xfd\x37zXZ\x00", "tar.xz", 6, 0}, {"ustar", "tar", 5, 257},
    };
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        if (b->size >= magics[i].offset + magics[i].count &&
            memcmp(b->data + magics[i].offset, magics[i].bytes, magics[i].count) == 0) {
            if (kind) {
                *kind = magics[i].kind;
            }
            return true;
        }
    }
    return false;
}

static reshift_status damaged(const struct archive_walker *w, const char *entry, reshift_error *error)
{
    const char *words = archive_error_string(w->reader);
    if (entry) {
        return refuse(error, RESHIFT_ERROR_FORMAT, w->name, -1, "entry '%s': %s", entry, words ? words : "damaged");
    }
    const char *kind = NULL;
    if (archive_format(w->reader) == 0 && archive_is(w->whole, &kind) && strcmp(kind, "zip") == 0) {
        refuse(error, RESHIFT_ERROR_FORMAT, w->name, -1,
               "a zip archive without the directory at its end: it is cut short after %zu bytes", w->whole->size);
        error_hint(error, "download or copy it again");
        return RESHIFT_ERROR_FORMAT;
    }
    return refuse(error, RESHIFT_ERROR_FORMAT, w->name, -1, "%s", words ? words : "a damaged archive");
}

static reshift_status open_reader(struct archive_walker *w, reshift_error *error)
{
    w->reader = archive_read_new();
    if (!w->reader) {
        return error_memory(error, 0, "an archive reader");
    }
    archive_read_support_filter_gzip(w->reader);
    archive_read_support_filter_bzip2(w->reader);
    archive_read_support_filter_xz(w->reader);
    archive_read_support_format_tar(w->reader);
    archive_read_support_format_zip_seekable(w->reader); /* uses the central directory: local headers may be stale */
    if (archive_read_open_memory(w->reader, w->whole->data, w->whole->size) != ARCHIVE_OK) {
        return damaged(w, NULL, error);
    }
    return RESHIFT_OK;
}

/*
 * Reads the next header and its name. libarchive converts names marked as UTF-8 to the thread's locale and drops names
 * that the locale cannot represent. In the C locale, which programs without setlocale() use, these are all names that
 * are not ASCII. The thread therefore uses a UTF-8 locale for this call. Names without the mark keep their bytes.
 */
static int next_header(struct archive_walker *w, const char **name)
{
    locale_t before = w->utf8 ? uselocale(w->utf8) : (locale_t)0;
    int answer = archive_read_next_header(w->reader, &w->entry);
    *name = NULL;
    if (answer == ARCHIVE_OK || answer == ARCHIVE_WARN) {
        *name = archive_entry_pathname(w->entry);
        *name = *name ? *name : archive_entry_pathname_utf8(w->entry);
    }
    if (w->utf8) {
        uselocale(before);
    }
    return answer;
}

static void describe(const struct archive_walker *w, const char *name, archive_item *item)
{
    item->name = name ? name : "(a name that is not UTF-8)";
    const char *format = archive_format_name(w->reader); /* for a zip: the format of this entry */
    item->is_stored = format && strstr(format, "(uncompressed)");
    item->size = archive_entry_size_is_set(w->entry) ? archive_entry_size(w->entry) : -1;
    item->is_file = archive_entry_filetype(w->entry) == AE_IFREG && !archive_entry_hardlink(w->entry);
}

reshift_status archive_walk(blob *b, const char *name, archive_visit visit, void *context, reshift_error *error)
{
    struct archive_walker w = {NULL, NULL, b, name, newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};
    reshift_status status = open_reader(&w, error);
    bool stop = false;
    while (status == RESHIFT_OK && !stop) {
        const char *entry;
        int answer = next_header(&w, &entry);
        if (answer == ARCHIVE_EOF) {
            break;
        }
        if (answer != ARCHIVE_OK && answer != ARCHIVE_WARN) {
            status = damaged(&w, NULL, error);
            break;
        }
        archive_item item = {.walker = &w};
        describe(&w, entry, &item);
        status = visit(context, &item, &stop, error);
    }
    archive_read_free(w.reader);
    if (w.utf8) {
        freelocale(w.utf8);
    }
    return status;
}

static reshift_status too_large(const archive_item *item, size_t max_bytes, reshift_error *error)
{
    return refuse(error, RESHIFT_ERROR_UNSUPPORTED, item->walker->name, -1,
                  "entry '%s' unpacks to more than the %zu bytes expected of it", item->name, max_bytes);
}

/* Emits the zeros between the parts of a sparse entry. */
static reshift_status stream_zeros(size_t count, archive_sink sink, void *context, reshift_error *error)
{
    static const uint8_t zeros[4096];
    reshift_status status = RESHIFT_OK;
    while (status == RESHIFT_OK && count > 0) {
        size_t piece = count < sizeof zeros ? count : sizeof zeros;
        status = sink(context, zeros, piece, error);
        count -= piece;
    }
    return status;
}

reshift_status archive_item_stream(archive_item *item, size_t max_bytes, archive_sink sink, void *context,
                                   reshift_error *error)
{
    struct archive_walker *w = item->walker;
    if (archive_entry_is_encrypted(w->entry)) {
        return refuse(error, RESHIFT_ERROR_UNSUPPORTED, w->name, -1, "entry '%s' is encrypted", item->name);
    }
    if (item->size > 0 && (uint64_t)item->size > max_bytes) {
        return too_large(item, max_bytes, error);
    }
    size_t done = 0;
    reshift_status status = RESHIFT_OK;
    while (status == RESHIFT_OK) {
        const void *bytes;
        size_t count;
        la_int64_t offset;
        int answer = archive_read_data_block(w->reader, &bytes, &count, &offset);
        if (answer == ARCHIVE_EOF) {
            break;
        }
        if (answer != ARCHIVE_OK) { /* warnings too: a wrong checksum is a warning */
            return damaged(w, item->name, error);
        }
        if (offset < 0 || (uint64_t)offset < done || (uint64_t)offset > max_bytes ||
            count > max_bytes - (size_t)offset) {
            return too_large(item, max_bytes, error);
        }
        status = stream_zeros((size_t)offset - done, sink, context, error);
        if (status == RESHIFT_OK && count > 0) {
            status = sink(context, bytes, count, error);
        }
        done = (size_t)offset + count;
    }
    if (status == RESHIFT_OK && item->size >= 0 && done < (uint64_t)item->size) {
        if ((uint64_t)item->size > max_bytes) {
            return too_large(item, max_bytes, error);
        }
        status = stream_zeros((size_t)item->size - done, sink, context, error);
    }
    return status;
}

/* The bytes of an entry read so far: one slice of the archive as long as that suffices, else growing memory. */
typedef struct gathering {
    blob *whole;
    const uint8_t *slice;
    uint8_t *memory;
    size_t size, capacity, max_bytes;
} gathering;

static reshift_status reserve(gathering *g, size_t size, reshift_error *error)
{
    if (size <= g->capacity) {
        return RESHIFT_OK;
    }
    size_t capacity = g->capacity < 65536 ? 65536 : g->capacity > g->max_bytes / 2 ? g->max_bytes : 2 * g->capacity;
    capacity = capacity < size ? size : capacity;
    uint8_t *memory = realloc(g->memory, capacity);
    if (!memory) {
        return error_memory(error, capacity, "an entry of an archive");
    }
    g->memory = memory;
    g->capacity = capacity;
    return RESHIFT_OK;
}

static reshift_status gather(void *context, const uint8_t *bytes, size_t count, reshift_error *error)
{
    gathering *g = context;
    uintptr_t begin = (uintptr_t)g->whole->data, at = (uintptr_t)bytes;
    bool inside = at >= begin && at - begin <= g->whole->size && count <= g->whole->size - (at - begin);
    if (!g->memory && inside && (g->size == 0 || bytes == g->slice + g->size)) {
        g->slice = g->size == 0 ? bytes : g->slice;
        g->size += count;
        return RESHIFT_OK;
    }
    bool from_slice = !g->memory && g->size > 0;
    reshift_status status = reserve(g, g->size + count, error);
    if (status == RESHIFT_OK) {
        if (from_slice) {
            memcpy(g->memory, g->slice, g->size);
        }
        memcpy(g->memory + g->size, bytes, count);
        g->size += count;
    }
    return status;
}

reshift_status archive_item_load(archive_item *item, size_t max_bytes, blob **bytes, reshift_error *error)
{
    *bytes = NULL;
    gathering g = {.whole = item->walker->whole, .max_bytes = max_bytes};
    reshift_status status = archive_item_stream(item, max_bytes, gather, &g, error);
    if (status != RESHIFT_OK) {
        free(g.memory);
        return status;
    }
    if (g.memory) {
        *bytes = blob_own(g.memory, g.size);
    } else if (g.size > 0) {
        *bytes = blob_slice(g.whole, (size_t)(g.slice - g.whole->data), g.size);
    } else {
        *bytes = blob_borrow("", 0);
    }
    return *bytes ? RESHIFT_OK : error_memory(error, g.size, "an entry of an archive");
}

typedef struct search {
    const char *const *names;
    size_t n, found, max_bytes;
    blob **bytes;
} search;

static bool matches(const char *path, const char *name)
{
    size_t path_length = strlen(path), length = strlen(name);
    if (path_length < length || strcmp(path + path_length - length, name) != 0) {
        return false;
    }
    return path_length == length || path[path_length - length - 1] == '/';
}

static reshift_status visit_search(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    search *s = context;
    reshift_status status = RESHIFT_OK;
    for (size_t i = 0; i < s->n && item->is_file; i++) {
        if (!s->bytes[i] && matches(item->name, s->names[i])) {
            status = archive_item_load(item, s->max_bytes, &s->bytes[i], error);
            s->found += status == RESHIFT_OK;
            break;
        }
    }
    *stop = s->found == s->n;
    return status;
}

reshift_status archive_load_entries(blob *b, const char *name, const char *const *names, size_t n, size_t max_bytes,
                                    blob **bytes, reshift_error *error)
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = NULL;
    }
    search s = {names, n, 0, max_bytes, bytes};
    reshift_status status = archive_walk(b, name, visit_search, &s, error);
    for (size_t i = 0; status != RESHIFT_OK && i < n; i++) {
        blob_drop(&bytes[i]);
    }
    return status;
}

reshift_status archive_load_entry(const char *path, const char *entry, size_t max_bytes, blob **bytes,
                                  reshift_error *error)
{
    *bytes = NULL;
    blob *b;
    reshift_status status = blob_open(path, &b, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    status = archive_load_entries(b, path, &entry, 1, max_bytes, bytes, error);
    blob_drop(&b);
    if (status == RESHIFT_OK && !*bytes) {
        status = refuse(error, RESHIFT_ERROR_NOT_FOUND, path, -1, "the archive has no entry '%s'", entry);
    }
    return status;
}
