/*
 * Packed rows lie one behind another in one stretch: a lazily touched allocation, or a file that is written with pwrite
 * (so that a full disk is an answer and not a signal) and read through a map.
 */
#include "learning/feature_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"

#define GROUP 32 /* values that share a word of marks */
#define NOT_KEPT (-1)

struct feature_cache {
    int64_t n_rows, row_count;
    int64_t *offsets; /* [n_rows] words from the start, or NOT_KEPT */
    cache_place place;
    uint64_t capacity, used; /* words of 4 bytes */
    const uint32_t *words;
    void *block;       /* in memory */
    int descriptor;    /* in a file */
    uint32_t *staging; /* one packed row */
    int64_t kept;
    bool full;
};

/* ---- packing ---- */

/* Words that a row can take at most: all marks and all values, and the one that unpacking reads ahead. */
static uint64_t largest_row(int64_t count) { return (uint64_t)count + (uint64_t)((count + GROUP - 1) / GROUP) + 1; }

/* A negative zero counts as a value: bits are compared, not numbers. */
static uint64_t pack(const float *values, int64_t count, uint32_t *words)
{
    uint64_t at = 0;
    for (int64_t start = 0; start < count; start += GROUP) {
        int n = count - start < GROUP ? (int)(count - start) : GROUP;
        uint32_t marks = 0;
        uint64_t mark_at = at++;
        for (int i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, values + start + i, sizeof bits);
            words[at] = bits;
            uint32_t there = bits != 0;
            marks |= there << i;
            at += there;
        }
        words[mark_at] = marks;
    }
    words[at++] = 0;
    return at;
}

static void unpack(const uint32_t *words, int64_t count, float *values)
{
    for (int64_t start = 0; start < count; start += GROUP) {
        int n = count - start < GROUP ? (int)(count - start) : GROUP;
        uint32_t marks = *words++;
        for (int i = 0; i < n; i++) {
            uint32_t there = marks >> i & 1;
            uint32_t bits = *words & (0u - there); /* reads one word past the last value at most */
            memcpy(values + start + i, &bits, sizeof bits);
            words += there;
        }
    }
}

/* ---- where it goes ---- */

static bool read_number(const char *path, const char *key, uint64_t *number)
{
    char line[256];
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        if (!strncmp(line, key, strlen(key))) {
            char *end;
            const char *digits = line + strlen(key);
            errno = 0;
            *number = strtoull(digits, &end, 10);
            found = end != digits && !errno;
        }
    }
    if (file) {
        fclose(file);
    }
    return found;
}

uint64_t memory_available_bytes(void)
{
    uint64_t kibibytes, available = UINT64_MAX, limit, current;
    if (read_number("/proc/meminfo", "MemAvailable:", &kibibytes)) {
        available = kibibytes * 1024;
    }
    if (read_number("/sys/fs/cgroup/memory.max", "", &limit) &&
        read_number("/sys/fs/cgroup/memory.current", "", &current)) {
        uint64_t left = limit > current ? limit - current : 0;
        available = left < available ? left : available;
    }
    return available;
}

/* Opens the file and maps it whole; what was never written is never read. */
static reshift_status open_file(feature_cache *c, const char *folder, reshift_error *error)
{
    char *name = path_join(folder, "reshift-cache.XXXXXX");
    if (!name) {
        return error_memory(error, strlen(folder), "a path");
    }
    reshift_status status = folder_create(folder, error);
    if (status == RESHIFT_OK) {
        c->descriptor = mkostemp(name, O_CLOEXEC);
        if (c->descriptor < 0) {
            status = error_from_errno(error, errno, "cannot keep activations in '%s'", folder);
        }
    }
    if (status == RESHIFT_OK) {
        unlink(name); /* it goes with this process, however that ends */
        size_t bytes = (size_t)c->capacity * sizeof *c->words;
        void *map = MAP_FAILED;
        if (ftruncate(c->descriptor, (off_t)bytes) == 0) {
            map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, c->descriptor, 0);
        }
        if (map == MAP_FAILED) {
            status = error_from_errno(error, errno, "cannot keep activations in '%s'", folder);
        } else {
            c->words = map;
            c->place = CACHE_IN_FILE;
        }
    }
    free(name);
    return status;
}

static bool folder_has_room(const char *folder, uint64_t bytes)
{
    struct statvfs facts;
    return statvfs(folder, &facts) != 0 || (uint64_t)facts.f_bavail * facts.f_frsize >= bytes;
}

reshift_status feature_cache_create(uint64_t budget_bytes, uint64_t memory_bytes, int64_t n_rows, int64_t row_count,
                                    const char *folder, feature_cache **out, reshift_error *error)
{
    *out = NULL;
    feature_cache *c = calloc(1, sizeof *c);
    uint64_t row_words = largest_row(row_count), wanted = UINT64_MAX;
    if (c) {
        c->descriptor = -1;
        c->n_rows = n_rows;
        c->row_count = row_count;
        c->offsets = malloc(((size_t)n_rows + 1) * sizeof *c->offsets);
        c->staging = memory_allocate((size_t)row_words * sizeof *c->staging);
    }
    if (!c || !c->offsets || !c->staging) {
        feature_cache_destroy(&c);
        return error_memory(error, (size_t)row_words * sizeof(float), "the cache of activations");
    }
    for (int64_t i = 0; i < n_rows; i++) {
        c->offsets[i] = NOT_KEPT;
    }
    if (__builtin_mul_overflow((uint64_t)n_rows, row_words * sizeof(uint32_t), &wanted)) {
        wanted = UINT64_MAX;
    }
    wanted = wanted < budget_bytes ? wanted : budget_bytes;
    reshift_status status = RESHIFT_OK;
    if (wanted > memory_bytes && folder && folder_has_room(folder, wanted)) {
        c->capacity = wanted / sizeof(uint32_t);
        status = c->capacity ? open_file(c, folder, error) : RESHIFT_OK;
    } else if (wanted > 0) {
        c->capacity = (wanted < memory_bytes ? wanted : memory_bytes) / sizeof(uint32_t);
        c->block = memory_allocate((size_t)c->capacity * sizeof(uint32_t));
        c->words = c->block;
        c->place = CACHE_IN_MEMORY;
        if (!c->block) {
            status = error_memory(error, (size_t)c->capacity * sizeof(uint32_t), "the cache of activations");
        }
    }
    if (status != RESHIFT_OK) {
        feature_cache_destroy(&c);
        return status;
    }
    *out = c;
    return RESHIFT_OK;
}

void feature_cache_destroy(feature_cache **c)
{
    if (!c || !*c) {
        return;
    }
    if ((*c)->place == CACHE_IN_FILE) {
        munmap((void *)(uintptr_t)(*c)->words, (size_t)(*c)->capacity * sizeof(uint32_t));
    }
    if ((*c)->descriptor >= 0) {
        close((*c)->descriptor);
    }
    memory_free((*c)->block);
    memory_free((*c)->staging);
    free((*c)->offsets);
    free(*c);
    *c = NULL;
}

/* ---- rows in and out ---- */

static reshift_status write_file(feature_cache *c, uint64_t count, bool *kept, reshift_error *error)
{
    const char *bytes = (const char *)c->staging;
    size_t left = (size_t)count * sizeof(uint32_t);
    off_t at = (off_t)(c->used * sizeof(uint32_t));
    while (left > 0) {
        ssize_t written = pwrite(c->descriptor, bytes, left, at);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0 && (errno == ENOSPC || errno == EDQUOT)) {
            return RESHIFT_OK;
        }
        if (written <= 0) {
            return error_from_errno(error, errno, "cannot keep activations in a temporary file");
        }
        bytes += written;
        left -= (size_t)written;
        at += written;
    }
    *kept = true;
    return RESHIFT_OK;
}

reshift_status feature_cache_add(feature_cache *c, int64_t row, const float *values, bool *kept, reshift_error *error)
{
    *kept = false;
    if (c->full || !c->words) {
        return RESHIFT_OK;
    }
    uint64_t count = pack(values, c->row_count, c->staging);
    reshift_status status = RESHIFT_OK;
    if (c->used + count <= c->capacity) {
        if (c->place == CACHE_IN_MEMORY) {
            memcpy((uint32_t *)c->block + c->used, c->staging, (size_t)count * sizeof(uint32_t));
            *kept = true;
        } else {
            status = write_file(c, count, kept, error);
        }
    }
    if (*kept) {
        c->offsets[row] = (int64_t)c->used;
        c->used += count;
        c->kept++;
    } else {
        c->full = true;
    }
    return status;
}

bool feature_cache_has(const feature_cache *c, int64_t row) { return c->offsets[row] != NOT_KEPT; }

void feature_cache_get(const feature_cache *c, int64_t row, float *values)
{
    unpack(c->words + c->offsets[row], c->row_count, values);
}

cache_place feature_cache_place(const feature_cache *c) { return c->place; }
uint64_t feature_cache_used_bytes(const feature_cache *c) { return c->used * sizeof(uint32_t); }
int64_t feature_cache_rows(const feature_cache *c) { return c->kept; }
