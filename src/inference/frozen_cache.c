/* Where kept rows go and how many they may be: decided when the first one comes, and said in one line. */
#include "inference/frozen_cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/progress.h"
#include "datasets/dataset.h"
#include "inference/available_memory.h"
#include "inference/row_packing.h"
#include "reshift/words.h"

#define PARTS_MOST 8
#define SETS_MOST 8

typedef struct preferred_set {
    char identity[DIGEST_HEX_BYTES];
    int64_t *rows, n;
} preferred_set;

/* An origin's identity is worked out once: reading a large set for it takes a while. */
typedef struct known_set {
    reshift_dataset *origin; /* shared, so that its address stays its own */
    char identity[DIGEST_HEX_BYTES];
} known_set;

struct reshift_frozen_cache {
    char *folder;
    reshift_frozen_cache_options options;
    struct {
        char key[DIGEST_HEX_BYTES];
        row_cache *rows;
    } parts[PARTS_MOST];
    int n_parts;
    preferred_set preferred[SETS_MOST];
    int n_preferred;
    known_set known[SETS_MOST];
    int n_known;
};

void reshift_frozen_cache_options_default(reshift_frozen_cache_options *options)
{
    *options = (reshift_frozen_cache_options){.budget_bytes = RESHIFT_CACHE_BUDGET_AUTO};
}

reshift_status reshift_frozen_cache_open(const reshift_frozen_cache_options *options, reshift_frozen_cache **cache,
                                         reshift_error *error)
{
    reshift_frozen_cache *c = *cache = calloc(1, sizeof *c);
    reshift_frozen_cache_options defaults;
    reshift_frozen_cache_options_default(&defaults);
    options = options ? options : &defaults;
    if (c) {
        c->options = *options;
        c->folder = options->folder ? strdup(options->folder) : NULL;
        c->options.folder = c->folder;
    }
    if (!c || (options->folder && !c->folder)) {
        reshift_frozen_cache_close(cache);
        return error_memory(error, sizeof *c, "kept activations");
    }
    return RESHIFT_OK;
}

void reshift_frozen_cache_close(reshift_frozen_cache **cache)
{
    reshift_frozen_cache *c = cache ? *cache : NULL;
    if (!c) {
        return;
    }
    for (int i = 0; i < c->n_parts; i++) {
        row_cache_close(&c->parts[i].rows);
    }
    for (int i = 0; i < c->n_preferred; i++) {
        free(c->preferred[i].rows);
    }
    for (int i = 0; i < c->n_known; i++) {
        reshift_dataset_close(&c->known[i].origin);
    }
    free(c->folder);
    free(c);
    *cache = NULL;
}

/* ---- sets ---- */

static reshift_status identity_of(reshift_frozen_cache *c, const reshift_dataset *origin, char identity[65],
                                  reshift_error *error)
{
    for (int i = 0; i < c->n_known; i++) {
        if (c->known[i].origin == origin) {
            memcpy(identity, c->known[i].identity, DIGEST_HEX_BYTES);
            return RESHIFT_OK;
        }
    }
    reshift_status status = reshift_dataset_identity(origin, identity, error);
    if (status == RESHIFT_OK && c->n_known < SETS_MOST) {
        known_set *k = &c->known[c->n_known++];
        k->origin = dataset_share((reshift_dataset *)(uintptr_t)origin);
        memcpy(k->identity, identity, DIGEST_HEX_BYTES);
    }
    return status;
}

reshift_status reshift_frozen_cache_prefer(reshift_frozen_cache *cache, const reshift_dataset *dataset,
                                           const int64_t *rows, int64_t n, reshift_error *error)
{
    if (cache->n_preferred == SETS_MOST || n < 1) {
        return RESHIFT_OK;
    }
    preferred_set *p = &cache->preferred[cache->n_preferred];
    int64_t row;
    const reshift_dataset *origin = dataset_origin(dataset, rows[0], &row);
    reshift_status status = identity_of(cache, origin, p->identity, error);
    if (status == RESHIFT_OK && !(p->rows = malloc((size_t)n * sizeof *p->rows))) {
        status = error_memory(error, (size_t)n * sizeof *p->rows, "rows to keep");
    }
    if (status == RESHIFT_OK) {
        for (int64_t i = 0; i < n; i++) {
            dataset_origin(dataset, rows[i], &p->rows[i]);
        }
        p->n = n;
        cache->n_preferred++;
    }
    return status;
}

reshift_status frozen_cache_set(reshift_frozen_cache *cache, row_cache *rows, const reshift_dataset *origin, int *set,
                                reshift_error *error)
{
    char identity[DIGEST_HEX_BYTES];
    reshift_status status = identity_of(cache, origin, identity, error);
    if (status == RESHIFT_OK) {
        status = row_cache_set(rows, identity, reshift_dataset_count(origin), set, error);
    }
    for (int i = 0; i < cache->n_preferred && status == RESHIFT_OK; i++) {
        if (strcmp(cache->preferred[i].identity, identity) == 0) {
            row_cache_prefer(rows, *set, cache->preferred[i].rows, cache->preferred[i].n);
        }
    }
    return status;
}

/* ---- parts ---- */

static bool part_folder(const reshift_frozen_cache *c, const char *key, char **path)
{
    char name[40];
    snprintf(name, sizeof name, "frozen-%.32s", key);
    *path = path_join(c->folder, name);
    return *path != NULL;
}

bool frozen_cache_knows(const reshift_frozen_cache *c, const char key[DIGEST_HEX_BYTES])
{
    for (int i = 0; i < c->n_parts; i++) {
        if (strcmp(c->parts[i].key, key) == 0) {
            return true;
        }
    }
    char *path = NULL;
    bool there = false; /* also where it cannot be looked at: opening it tells why */
    if (c->folder && !c->options.temporary && part_folder(c, key, &path)) {
        path_is_folder(path, &there, NULL);
    }
    free(path);
    return there;
}

/* Free bytes of the file system that the folder is on or will be on. */
static uint64_t disk_available_bytes(const char *folder)
{
    struct statvfs facts;
    char *walk = strdup(folder);
    uint64_t bytes = 0;
    while (walk) {
        if (statvfs(*walk ? walk : ".", &facts) == 0) {
            bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
            break;
        }
        char *slash = strrchr(walk, '/');
        if (!*walk || errno != ENOENT) {
            break;
        }
        if (slash) {
            slash[slash == walk && slash[1]] = '\0'; /* the root keeps its slash */
        } else {
            *walk = '\0';
        }
    }
    free(walk);
    return bytes;
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

typedef struct choice {
    row_place place;
    uint64_t budget;
} choice;

static choice choose(const reshift_frozen_cache *c, uint64_t all_bytes)
{
    const bool automatic = c->options.budget_bytes == RESHIFT_CACHE_BUDGET_AUTO;
    const uint64_t memory = memory_available_bytes(), disk = c->folder ? disk_available_bytes(c->folder) : 0;
    const uint64_t wanted = least(all_bytes, c->options.budget_bytes);
    /* a budget that is named is the caller's word, as far as there is room at all */
    const uint64_t in_memory = least(wanted, automatic ? memory / 2 : memory / 4 * 3);
    const uint64_t on_disk = least(wanted, automatic ? disk / 2 : disk);
    const row_place file = c->options.temporary ? ROWS_IN_TEMPORARY_FILE : ROWS_IN_FOLDER;
    bool use_disk =
        c->folder && (c->options.temporary ? wanted > in_memory && on_disk > in_memory : on_disk >= in_memory);
    if (c->options.place != RESHIFT_CACHE_AUTO) {
        use_disk = c->folder && c->options.place == RESHIFT_CACHE_DISK;
    }
    return use_disk ? (choice){file, on_disk} : (choice){ROWS_IN_MEMORY, in_memory};
}

static void say_choice(const frozen_rows_wanted *w, const row_cache *rows, const choice *chosen, bool automatic,
                       const reshift_progress *progress)
{
    char found[64] = "";
    if (row_cache_rows(rows) > 0) {
        snprintf(found, sizeof found, "; %lld %s there already", (long long)row_cache_rows(rows),
                 reshift_noun_for(row_cache_rows(rows), "image is", "images are"));
    }
    const bool memory = chosen->place == ROWS_IN_MEMORY;
    progress_message(progress, RESHIFT_LOG_INFO, "frozen blocks: what '%s' gives is kept %s in %s, %.2f GB at most%s%s",
                     w->up_to, w->width == 2 ? "in bfloat16" : "in float32", memory ? "memory" : "a file",
                     (double)chosen->budget * 1e-9,
                     !automatic ? ""
                     : memory   ? " (half of the free memory)"
                                : " (half of the free disk)",
                     found);
}

typedef struct older_parts {
    const char *folder;
    int n;
} older_parts;

static reshift_status count_older(void *context, const char *name, reshift_error *error)
{
    older_parts *o = context;
    (void)error;
    char *path = strncmp(name, "frozen-", 7) == 0 ? path_join(o->folder, name) : NULL;
    o->n += path && row_cache_is_older(path);
    free(path);
    return RESHIFT_OK;
}

/* What an older version kept has other keys: it is never used again, and takes room. */
static void say_older(const reshift_frozen_cache *c, const reshift_progress *progress)
{
    older_parts o = {.folder = c->folder};
    if (folder_visit(c->folder, count_older, &o, NULL) == RESHIFT_OK && o.n > 0) {
        progress_message(
            progress, RESHIFT_LOG_INFO,
            "'%s' holds activations of an older version of reshift in %d %s, which %s not used and can be removed",
            c->folder, o.n, reshift_noun_for(o.n, "folder", "folders"), reshift_noun_for(o.n, "is", "are"));
    }
}

reshift_status frozen_cache_rows(reshift_frozen_cache *cache, const frozen_rows_wanted *wanted, row_cache **rows,
                                 const reshift_progress *progress, reshift_error *error)
{
    *rows = NULL;
    for (int i = 0; i < cache->n_parts; i++) {
        if (strcmp(cache->parts[i].key, wanted->key) == 0) {
            *rows = cache->parts[i].rows;
            return RESHIFT_OK;
        }
    }
    if (cache->n_parts == PARTS_MOST || cache->options.budget_bytes == 0) {
        return RESHIFT_OK;
    }
    uint64_t all = (uint64_t)packing_most_bytes(wanted->row_count, wanted->width) + PACKING_SLACK;
    if (__builtin_mul_overflow(all, (uint64_t)wanted->n_rows, &all)) {
        all = UINT64_MAX;
    }
    const choice chosen = choose(cache, all);
    char *path = NULL;
    if (chosen.place == ROWS_IN_FOLDER && !part_folder(cache, wanted->key, &path)) {
        return error_memory(error, 64, "a path");
    }
    const row_cache_setup setup = {.place = chosen.place,
                                   .folder = path ? path : cache->folder,
                                   .key = wanted->key,
                                   .budget_bytes = chosen.budget,
                                   .row_count = wanted->row_count,
                                   .width = wanted->width};
    reshift_status status = row_cache_open(&setup, rows, error);
    free(path);
    if (status == RESHIFT_ERROR_EXISTS) {
        progress_message(progress, RESHIFT_LOG_WARNING, "%s: nothing is kept here", error->message);
        reshift_error_clear(error);
        return RESHIFT_OK;
    }
    if (status == RESHIFT_OK && chosen.place == ROWS_IN_FOLDER && cache->n_parts == 0) {
        say_older(cache, progress);
    }
    if (status == RESHIFT_OK) {
        memcpy(cache->parts[cache->n_parts].key, wanted->key, DIGEST_HEX_BYTES);
        cache->parts[cache->n_parts++].rows = *rows;
        if (!cache->options.temporary) {
            bool automatic = cache->options.budget_bytes == RESHIFT_CACHE_BUDGET_AUTO && chosen.budget < all;
            say_choice(wanted, *rows, &chosen, automatic, progress);
        }
    }
    return status;
}
