/*
 * Everything that 'reshift fetch' knows: data sets (a table in datasets/fetch) and the published weights of the table
 * of architectures, which keep their file names: eight hex digits in them begin the file's sha256.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "base/error.h"
#include "datasets/fetch/published_sets.h"
#include "models/architectures/architecture.h"
#include "reshift/dataset.h"

#define LARGEST_WEIGHTS ((int64_t)1 << 30)
#define ITEMS_MOST 128

/* Weights of one version: what the item's strings are stored in. */
typedef struct weights_item {
    const architecture *arch;
    int version;
    char name[48], about[96];
} weights_item;

static reshift_fetch_item items[ITEMS_MOST];
static weights_item weights[ITEMS_MOST];
static int n_items, n_sets;
static once_flag items_once = ONCE_FLAG_INIT;

static void fill_items(void)
{
    const fetch_set *sets = fetch_sets(&n_sets);
    const architecture *arch;
    for (n_items = 0; n_items < n_sets; n_items++) {
        items[n_items] = sets[n_items].item;
    }
    for (int a = 0; (arch = architecture_at(a)) != NULL; a++) {
        for (int version = 1; version <= ARCHITECTURE_VERSIONS; version++) {
            const char *accuracy = arch->published[version - 1].accuracy;
            if (!accuracy) {
                continue;
            }
            assert(n_items < ITEMS_MOST);
            weights_item *w = &weights[n_items];
            w->arch = arch;
            w->version = version;
            snprintf(w->name, sizeof w->name, "%s@v%d", arch->name, version);
            snprintf(w->about, sizeof w->about, "%s for ImageNet, %s", arch->title, accuracy);
            items[n_items++] = (reshift_fetch_item){w->name, w->about, 0};
        }
    }
}

const reshift_fetch_item *reshift_fetch_table(int *count)
{
    call_once(&items_once, fill_items);
    *count = n_items;
    return items;
}

/* Index of an item; "resnet50" means V1, as everywhere. -1: there is none. */
static int find_item(const char *name)
{
    char versioned[64];
    int count;
    const reshift_fetch_item *table = reshift_fetch_table(&count);
    snprintf(versioned, sizeof versioned, "%s@v1", name);
    for (int i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0 || strcmp(table[i].name, versioned) == 0) {
            return i;
        }
    }
    return -1;
}

static reshift_status no_such_item(const char *name, reshift_error *error)
{
    char names[500] = "";
    size_t used = 0;
    for (int i = 0; i < n_items && used < sizeof names; i++) {
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", items[i].name);
    }
    error_set(error, RESHIFT_ERROR_ARGUMENT, "there is nothing called '%.100s' to fetch", name);
    error_hint(error, "known are %s", names);
    return RESHIFT_ERROR_ARGUMENT;
}

/* The current file of these weights. */
static reshift_status fetch_weights(const weights_item *w, const char *data_folder, const char *mirror,
                                    const reshift_progress *progress, reshift_error *error)
{
    const char *name = w->arch->published[w->version - 1].files[0], *dash = strrchr(name, '-');
    char address[256], hash[16];
    snprintf(address, sizeof address, "%s%s", w->arch->family->address, name);
    snprintf(hash, sizeof hash, "%.*s", (int)strcspn(dash + 1, "."), dash + 1);
    const fetch_file file = {"weights", address, DIGEST_SHA256, hash, LARGEST_WEIGHTS};
    return fetch_file_get(&file, data_folder, mirror, progress, error);
}

reshift_status reshift_fetch(const char *name, const char *data_dir, const char *mirror,
                             const reshift_progress *progress, reshift_error *error)
{
    const int index = find_item(name);
    if (index < 0) {
        return no_such_item(name, error);
    }
    if (!mirror) {
        mirror = getenv("RESHIFT_MIRROR");
    }
    char data_folder[4096];
    reshift_status status = reshift_data_folder_find(data_dir, data_folder, sizeof data_folder, error);
    if (status == RESHIFT_OK && index >= n_sets) {
        return fetch_weights(&weights[index], data_folder, mirror, progress, error);
    }
    const fetch_set *set = status == RESHIFT_OK ? &fetch_sets(&(int){0})[index] : NULL;
    for (int f = 0; status == RESHIFT_OK && f < set->n_files; f++) {
        status = fetch_file_get(&set->files[f], data_folder, mirror, progress, error);
    }
    return status;
}
