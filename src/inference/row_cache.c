/*
 * Packed rows lie one behind another: in slabs of memory, or in a file that is written with pwrite (so that a full disk
 * is an answer and not a signal) and read with pread, which the system's own cache makes as fast as memory while there
 * is room. The index of a folder names the start of the machine it was written in: after a crash of the machine a file
 * may have its length but not its bytes, so what was written before is not trusted then.
 */
#include "inference/row_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/threads.h"
#include "inference/row_packing.h"

#define SLAB_BYTES ((uint64_t)64 << 20)
#define SETS_MOST 16
#define ADD_ROWS 64 /* packed at a time */

typedef struct row_entry {
    uint64_t offset;
    uint32_t bytes; /* 0: not there */
    uint32_t preferred;
    uint64_t sum; /* checksum of the packed bytes; in files only, this process's memory is trusted */
} row_entry;

typedef struct row_set {
    char identity[DIGEST_HEX_BYTES];
    int64_t n_rows;
    row_entry *entries;  /* [n_rows]; NULL: nobody has asked for the set since the index was read */
    const char *pending; /* then its entries in the index, n_pending of index_entry */
    uint64_t n_pending;
} row_set;

struct row_cache {
    row_place place;
    char key[DIGEST_HEX_BYTES];
    uint64_t budget;
    int64_t row_count;
    int width;
    row_set sets[SETS_MOST];
    int n_sets;
    /* where rows lie */
    char **slabs;
    int n_slabs;
    uint64_t slab_bytes, slab_used;
    int descriptor;           /* -1: none; a lock on it keeps others out of the folder */
    char *index_path, *index; /* the index as it was read; NULL: there was none */
    uint64_t end;             /* of the file */
    uint64_t used;            /* bytes of rows */
    int64_t kept, preferred_missing;
    uint64_t largest; /* packed row so far */
    /* work */
    size_t most; /* a packed row with its slack */
    int n_threads;
    char *reading; /* [n_threads][most] */
    char *packing; /* [ADD_ROWS][most] */
};

/* ---- the index ---- */

typedef struct index_head {
    char magic[16], key[72], start[48];
    uint64_t row_count, width, n_sets, n_entries, end;
    uint64_t sum; /* checksum of all that follows */
} index_head;

typedef struct index_set {
    char identity[72];
    uint64_t n_rows;
} index_set;

typedef struct index_entry {
    uint64_t offset, row;
    uint32_t bytes, set;
    uint64_t sum;
} index_entry;

/* Raised with the layout, and when the keys of what is kept change. 1 had no checksums, 2 other keys. */
static const char index_magic[16] = "reshift rows 3", index_start[] = "reshift rows ";

/* Changes whenever the machine starts; "" where the system does not say. */
static void machine_start(char text[48])
{
    memset(text, 0, 48);
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file) {
        if (fscanf(file, "%40s", text) != 1) {
            text[0] = '\0';
        }
        fclose(file);
    }
}

static index_head make_head(const row_cache *c)
{
    index_head head = {.row_count = (uint64_t)c->row_count,
                       .width = (uint64_t)c->width,
                       .n_sets = (uint64_t)c->n_sets,
                       .n_entries = (uint64_t)c->kept,
                       .end = c->end};
    memcpy(head.magic, index_magic, sizeof head.magic);
    memcpy(head.key, c->key, sizeof c->key);
    machine_start(head.start);
    return head;
}

reshift_status row_cache_commit(row_cache *c, reshift_error *error)
{
    if (c->place != ROWS_IN_FOLDER) {
        return RESHIFT_OK;
    }
    index_head head = make_head(c);
    size_t bytes = sizeof head + (size_t)c->n_sets * sizeof(index_set) + (size_t)c->kept * sizeof(index_entry);
    char *index = calloc(1, bytes);
    if (!index) {
        return error_memory(error, bytes, "the index of kept activations");
    }
    char *at = index + sizeof head;
    for (int s = 0; s < c->n_sets; s++, at += sizeof(index_set)) {
        index_set set = {.n_rows = (uint64_t)c->sets[s].n_rows};
        memcpy(set.identity, c->sets[s].identity, sizeof c->sets[s].identity);
        memcpy(at, &set, sizeof set);
    }
    for (int s = 0; s < c->n_sets; s++) {
        if (!c->sets[s].entries && c->sets[s].n_pending > 0) {
            const size_t pending = (size_t)c->sets[s].n_pending * sizeof(index_entry);
            memcpy(at, c->sets[s].pending, pending);
            at += pending;
        }
        for (int64_t row = 0; row < c->sets[s].n_rows && c->sets[s].entries; row++) {
            const row_entry *e = &c->sets[s].entries[row];
            if (e->bytes) {
                const index_entry entry = {e->offset, (uint64_t)row, e->bytes, (uint32_t)s, e->sum};
                memcpy(at, &entry, sizeof entry);
                at += sizeof entry;
            }
        }
    }
    head.sum = checksum_bytes(index + sizeof head, bytes - sizeof head, 0);
    memcpy(index, &head, sizeof head);
    reshift_status status = file_write_all(c->index_path, index, bytes, true, error);
    free(index);
    return status;
}

/*
 * Entries stay where they are until somebody asks for their set with its number of rows: what a file says of that
 * number allocates nothing. Entries come in the order of sets and rows, each once.
 */
static bool take_entries(row_cache *c, const index_head *head, const char *entries)
{
    index_entry before = {0};
    for (uint64_t i = 0; i < head->n_entries; i++) {
        index_entry e;
        memcpy(&e, entries + i * sizeof e, sizeof e);
        if (e.set >= head->n_sets || e.row >= (uint64_t)c->sets[e.set].n_rows || e.bytes < 4 || e.bytes > c->most ||
            e.offset > head->end || e.bytes > head->end - e.offset ||
            (i > 0 && (e.set < before.set || (e.set == before.set && e.row <= before.row)))) {
            return false;
        }
        row_set *set = &c->sets[e.set];
        set->pending = set->pending ? set->pending : entries + i * sizeof e;
        set->n_pending++;
        c->kept++;
        c->used += e.bytes;
        c->largest = e.bytes > c->largest ? e.bytes : c->largest;
        before = e;
    }
    return true;
}

/* What an index says, where it is this key's, of this start of the machine, and fits the file. */
static bool take_index(row_cache *c, const char *index, size_t size, uint64_t file_bytes)
{
    index_head head;
    const index_head expected = make_head(c);
    if (size < sizeof head) {
        return false;
    }
    memcpy(&head, index, sizeof head);
    if (memcmp(head.magic, expected.magic, sizeof head.magic) != 0 || memcmp(head.key, expected.key, 72) != 0 ||
        !expected.start[0] || memcmp(head.start, expected.start, sizeof head.start) != 0 ||
        head.row_count != expected.row_count || head.width != expected.width || head.n_sets > SETS_MOST ||
        head.end > file_bytes || head.n_entries > size / sizeof(index_entry) ||
        size != sizeof head + head.n_sets * sizeof(index_set) + head.n_entries * sizeof(index_entry) ||
        head.sum != checksum_bytes(index + sizeof head, size - sizeof head, 0)) {
        return false;
    }
    for (uint64_t s = 0; s < head.n_sets; s++) {
        index_set set;
        memcpy(&set, index + sizeof head + s * sizeof set, sizeof set);
        row_set *own = &c->sets[c->n_sets++];
        *own = (row_set){.n_rows = (int64_t)set.n_rows};
        memcpy(own->identity, set.identity, sizeof own->identity - 1);
        if (set.n_rows > (uint64_t)1 << 40) {
            return false;
        }
    }
    c->end = head.end;
    return take_entries(c, &head, index + sizeof head + head.n_sets * sizeof(index_set));
}

static void forget_all(row_cache *c)
{
    for (int s = 0; s < c->n_sets; s++) {
        free(c->sets[s].entries);
    }
    free(c->index);
    c->index = NULL;
    c->n_sets = 0;
    c->kept = 0;
    c->used = c->end = c->largest = 0;
}

bool row_cache_is_older(const char *folder)
{
    char *path = path_join(folder, "index"), magic[sizeof index_magic + 1] = "";
    int descriptor = -1;
    if (path && file_open(path, &descriptor, NULL, NULL) == RESHIFT_OK) {
        const ssize_t n = read(descriptor, magic, sizeof index_magic);
        magic[n < 0 ? 0 : n] = '\0';
        close(descriptor);
    }
    free(path);
    const size_t start = sizeof index_start - 1;
    return strncmp(magic, index_start, start) == 0 && atoi(magic + start) < atoi(index_magic + start);
}

/* ---- opening ---- */

static reshift_status open_folder(row_cache *c, const char *folder, reshift_error *error)
{
    char *rows = path_join(folder, "rows");
    c->index_path = path_join(folder, "index");
    size_t size = 0;
    struct stat facts;
    reshift_status status = rows && c->index_path ? RESHIFT_OK : error_memory(error, strlen(folder), "a path");
    if (status == RESHIFT_OK) {
        c->descriptor = open(rows, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (c->descriptor < 0 || fstat(c->descriptor, &facts) != 0) {
            status = error_from_errno(error, errno, "cannot keep activations in '%s'", rows);
        } else if (flock(c->descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            status = error_set(error, RESHIFT_ERROR_EXISTS, "another program keeps activations in '%s'", folder);
        }
    }
    bool indexed = false;
    if (status == RESHIFT_OK) {
        status = path_is_file(c->index_path, &indexed, error);
    }
    if (status == RESHIFT_OK && indexed) {
        if (file_read_all(c->index_path, &c->index, &size, NULL) != RESHIFT_OK ||
            !take_index(c, c->index, size, (uint64_t)facts.st_size)) {
            forget_all(c);
        }
    }
    if (status == RESHIFT_OK && ftruncate(c->descriptor, (off_t)c->end) != 0) {
        status = error_from_errno(error, errno, "cannot keep activations in '%s'", rows);
    }
    free(rows);
    return status;
}

static reshift_status open_temporary(row_cache *c, const char *folder, reshift_error *error)
{
    char *name = path_join(folder, "reshift-cache.XXXXXX");
    if (!name) {
        return error_memory(error, strlen(folder), "a path");
    }
    c->descriptor = mkostemp(name, O_CLOEXEC);
    reshift_status status = RESHIFT_OK;
    if (c->descriptor < 0) {
        status = error_from_errno(error, errno, "cannot keep activations in '%s'", folder);
    } else {
        unlink(name);
    }
    free(name);
    return status;
}

reshift_status row_cache_open(const row_cache_setup *setup, row_cache **out, reshift_error *error)
{
    *out = NULL;
    row_cache *c = calloc(1, sizeof *c);
    if (!c) {
        return error_memory(error, sizeof *c, "kept activations");
    }
    c->place = setup->place;
    snprintf(c->key, sizeof c->key, "%s", setup->key);
    c->budget = setup->budget_bytes;
    c->row_count = setup->row_count;
    c->width = setup->width;
    c->descriptor = -1;
    c->most = memory_align(packing_most_bytes(setup->row_count, setup->width) + PACKING_SLACK);
    c->n_threads = threads_most();
    c->slab_bytes = c->budget < SLAB_BYTES ? c->budget + PACKING_SLACK : SLAB_BYTES;
    c->slab_bytes = c->slab_bytes < c->most ? c->most : c->slab_bytes;
    size_t bytes = ((size_t)c->n_threads + ADD_ROWS) * c->most;
    c->reading = c->most > UINT32_MAX ? NULL : memory_allocate(bytes);
    reshift_status status = c->reading ? RESHIFT_OK : error_memory(error, bytes, "kept activations");
    if (status == RESHIFT_OK) {
        c->packing = c->reading + (size_t)c->n_threads * c->most;
    }
    if (status == RESHIFT_OK && setup->place != ROWS_IN_MEMORY) {
        status = folder_create(setup->folder, error);
        if (status == RESHIFT_OK) {
            status = setup->place == ROWS_IN_FOLDER ? open_folder(c, setup->folder, error)
                                                    : open_temporary(c, setup->folder, error);
        }
    }
    if (status != RESHIFT_OK) {
        row_cache_close(&c);
    }
    *out = c;
    return status;
}

void row_cache_close(row_cache **pointer)
{
    row_cache *c = pointer ? *pointer : NULL;
    if (!c) {
        return;
    }
    forget_all(c);
    for (int i = 0; i < c->n_slabs; i++) {
        memory_free(c->slabs[i]);
    }
    free(c->slabs);
    if (c->descriptor >= 0) {
        close(c->descriptor);
    }
    free(c->index_path);
    memory_free(c->reading);
    free(c);
    *pointer = NULL;
}

/* ---- sets ---- */

reshift_status row_cache_set(row_cache *c, const char *identity, int64_t n_rows, int *set, reshift_error *error)
{
    for (*set = 0; *set < c->n_sets; ++*set) {
        if (strcmp(c->sets[*set].identity, identity) == 0 && c->sets[*set].n_rows == n_rows) {
            break;
        }
    }
    if (*set < c->n_sets && c->sets[*set].entries) {
        return RESHIFT_OK;
    }
    row_entry *entries = *set < SETS_MOST ? calloc((size_t)n_rows + 1, sizeof *entries) : NULL;
    if (!entries) {
        return error_memory(error, (size_t)n_rows * sizeof *entries, "the index of kept activations");
    }
    row_set *s = &c->sets[*set];
    if (*set == c->n_sets) {
        c->n_sets++;
        *s = (row_set){.n_rows = n_rows};
        snprintf(s->identity, sizeof s->identity, "%s", identity);
    }
    for (uint64_t i = 0; i < s->n_pending; i++) {
        index_entry e;
        memcpy(&e, s->pending + i * sizeof e, sizeof e);
        entries[e.row] = (row_entry){.offset = e.offset, .bytes = e.bytes, .sum = e.sum};
    }
    s->entries = entries;
    return RESHIFT_OK;
}

void row_cache_prefer(row_cache *c, int set, const int64_t *rows, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        row_entry *e = &c->sets[set].entries[rows[i]];
        c->preferred_missing += !e->preferred && !e->bytes;
        e->preferred = 1;
    }
}

/* ---- rows in ---- */

static bool fits(const row_cache *c, const row_entry *e, uint64_t bytes)
{
    uint64_t largest = bytes > c->largest ? bytes : c->largest;
    uint64_t room = c->budget > c->used ? c->budget - c->used : 0;
    uint64_t reserved = e->preferred ? 0 : (uint64_t)c->preferred_missing * largest;
    return bytes <= room && reserved <= room - bytes;
}

static reshift_status write_memory(row_cache *c, const char *packed, uint64_t bytes, uint64_t *offset,
                                   reshift_error *error)
{
    if (c->n_slabs == 0 || c->slab_used + bytes + PACKING_SLACK > c->slab_bytes) {
        char **larger = realloc(c->slabs, ((size_t)c->n_slabs + 1) * sizeof *larger);
        c->slabs = larger ? larger : c->slabs;
        char *slab = larger ? memory_allocate((size_t)c->slab_bytes) : NULL;
        if (!slab) {
            return error_memory(error, (size_t)c->slab_bytes, "kept activations");
        }
        c->slabs[c->n_slabs++] = slab;
        c->slab_used = 0;
    }
    memcpy(c->slabs[c->n_slabs - 1] + c->slab_used, packed, (size_t)bytes);
    *offset = (uint64_t)(c->n_slabs - 1) * c->slab_bytes + c->slab_used;
    c->slab_used += bytes;
    return RESHIFT_OK;
}

static reshift_status write_file(row_cache *c, const char *packed, uint64_t bytes, uint64_t *offset, bool *no_room,
                                 reshift_error *error)
{
    uint64_t done = 0;
    while (done < bytes) {
        ssize_t written = pwrite(c->descriptor, packed + done, (size_t)(bytes - done), (off_t)(c->end + done));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
            *no_room = true;
            return RESHIFT_OK;
        }
        if (written <= 0) {
            return error_from_errno(error, errno, "cannot keep activations in a file");
        }
        done += (uint64_t)written;
    }
    *offset = c->end;
    c->end += bytes;
    return RESHIFT_OK;
}

static reshift_status add_packed(row_cache *c, row_entry *e, const char *packed, uint64_t bytes, reshift_error *error)
{
    if (!fits(c, e, bytes)) {
        c->largest = bytes > c->largest ? bytes : c->largest;
        return RESHIFT_OK;
    }
    bool no_room = false;
    uint64_t offset = 0;
    reshift_status status = c->place == ROWS_IN_MEMORY ? write_memory(c, packed, bytes, &offset, error)
                                                       : write_file(c, packed, bytes, &offset, &no_room, error);
    if (no_room || status == RESHIFT_ERROR_MEMORY) { /* what follows is computed anew: no reason to end */
        c->largest = bytes > c->largest ? bytes : c->largest;
        c->budget = c->used;
        return RESHIFT_OK;
    }
    if (status == RESHIFT_OK) {
        c->preferred_missing -= e->preferred;
        e->offset = offset;
        e->bytes = (uint32_t)bytes;
        e->sum = c->place == ROWS_IN_MEMORY ? 0 : checksum_bytes(packed, (size_t)bytes, 0);
        c->used += bytes;
        c->largest = bytes > c->largest ? bytes : c->largest;
        c->kept++;
    }
    return status;
}

reshift_status row_cache_add(row_cache *c, int set, const int64_t *rows, int n, const void *values,
                             reshift_error *error)
{
    row_entry *entries = c->sets[set].entries;
    size_t row_bytes = (size_t)c->row_count * (size_t)c->width;
    reshift_status status = RESHIFT_OK;
    for (int first = 0; first < n && status == RESHIFT_OK; first += ADD_ROWS) {
        int count = n - first < ADD_ROWS ? n - first : ADD_ROWS;
        size_t bytes[ADD_ROWS];
        /* a cache that is full takes no trouble */
        bool hopeless = row_cache_is_full(c);
#pragma omp parallel for schedule(static, 1)
        for (int i = 0; i < count; i++) {
            bytes[i] = hopeless || entries[rows[first + i]].bytes
                           ? 0
                           : packing_pack((const char *)values + (size_t)(first + i) * row_bytes, c->row_count,
                                          c->width, c->packing + (size_t)i * c->most);
        }
        for (int i = 0; i < count && status == RESHIFT_OK; i++) {
            row_entry *e = &entries[rows[first + i]];
            if (bytes[i] && !e->bytes) {
                status = add_packed(c, e, c->packing + (size_t)i * c->most, bytes[i], error);
            }
        }
    }
    return status;
}

/* ---- rows out ---- */

bool row_cache_has(const row_cache *c, int set, int64_t row) { return c->sets[set].entries[row].bytes != 0; }

reshift_status row_cache_get(const row_cache *c, int set, int64_t row, void *values, reshift_error *error)
{
    const row_entry *e = &c->sets[set].entries[row];
    if (c->place == ROWS_IN_MEMORY) {
        packing_unpack(c->slabs[e->offset / c->slab_bytes] + e->offset % c->slab_bytes, c->row_count, c->width, values);
        return RESHIFT_OK;
    }
    char *packed = c->reading + (size_t)threads_index() * c->most;
    uint64_t done = 0;
    while (done < e->bytes) {
        ssize_t got = pread(c->descriptor, packed + done, (size_t)(e->bytes - done), (off_t)(e->offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return error_from_errno(error, got < 0 ? errno : EIO, "cannot read kept activations");
        }
        done += (uint64_t)got;
    }
    if (checksum_bytes(packed, e->bytes, 0) != e->sum) {
        return error_set(error, RESHIFT_ERROR_FORMAT, "kept activations of row %lld are damaged", (long long)row);
    }
    packing_unpack(packed, c->row_count, c->width, values);
    return RESHIFT_OK;
}

void row_cache_forget(row_cache *c, int set, int64_t row)
{
    row_entry *e = &c->sets[set].entries[row];
    if (e->bytes) {
        c->kept--;
        c->used -= e->bytes;
        c->preferred_missing += e->preferred;
        e->bytes = 0;
    }
}

void row_cache_announce(const row_cache *c, int set, int64_t row)
{
    const row_entry *e = &c->sets[set].entries[row];
    if (c->place != ROWS_IN_MEMORY && e->bytes) {
        posix_fadvise(c->descriptor, (off_t)e->offset, (off_t)e->bytes, POSIX_FADV_WILLNEED);
    }
}

bool row_cache_is_full(const row_cache *c) { return c->largest > 0 && c->used + c->largest > c->budget; }
row_place row_cache_place(const row_cache *c) { return c->place; }
uint64_t row_cache_used_bytes(const row_cache *c) { return c->used; }
int64_t row_cache_rows(const row_cache *c) { return c->kept; }
