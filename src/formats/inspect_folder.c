/*
 * Describes a folder by the names in it, for the layouts of the data folder: CIFAR-10 in its layouts, CIFAR-10-C,
 * weights, one folder of images per class, a finished run. Files are listed, not opened.
 */
#include "formats/inspect_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_build.h"

/* The names in a folder, sorted by bytes. Names that begin with a dot are omitted. */
typedef struct listing {
    struct dirent **entries;
    int n;
} listing;

static int visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static bool list(const char *path, listing *l)
{
    l->n = scandir(path, &l->entries, visible, by_bytes);
    return l->n >= 0;
}

static void free_listing(listing *l)
{
    for (int i = 0; i < l->n; i++) {
        free(l->entries[i]);
    }
    if (l->n >= 0) {
        free(l->entries);
    }
}

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name), n = strlen(ending);
    return length > n && strcasecmp(name + length - n, ending) == 0;
}

static bool is_image(const char *name)
{
    return ends_with(name, ".jpg") || ends_with(name, ".jpeg") || ends_with(name, ".png");
}

static const char *const binary_parts[] = {"data_batch_1.bin",
                                           "data_batch_2.bin",
                                           "data_batch_3.bin",
                                           "data_batch_4.bin",
                                           "data_batch_5.bin",
                                           "test_batch.bin",
                                           NULL};
static const char *const python_parts[] = {
    "data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch", NULL};

static bool has(const listing *l, const char *name)
{
    for (int i = 0; i < l->n; i++) {
        if (strcmp(l->entries[i]->d_name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int describe_cifar(const listing *l, const char *layout, const char *const *parts, json_t *json)
{
    json_t *missing = json_array();
    int failed = json_object_set_new(json, "kind", json_string("cifar10")) |
                 json_object_set_new(json, "layout", json_string(layout));
    for (; *parts; parts++) {
        if (!has(l, *parts)) {
            failed |= json_array_append_new(missing, json_string(*parts));
        }
    }
    failed |= json_object_set_new(json, "complete", json_boolean(json_array_size(missing) == 0));
    return json_object_set_new(json, "missing", missing) | failed;
}

/* The names with this ending; with `cut` the ending is removed. */
static json_t *names_ending(const listing *l, const char *ending, bool cut, const char *except)
{
    json_t *names = json_array();
    for (int i = 0; i < l->n; i++) {
        const char *name = l->entries[i]->d_name;
        if (ends_with(name, ending) && strcmp(name, except) != 0) {
            char *text = strndup(name, strlen(name) - (cut ? strlen(ending) : 0));
            int failed = !text || json_array_append_new(names, json_words(text));
            free(text);
            if (failed) {
                json_decref(names);
                return NULL;
            }
        }
    }
    return names;
}

static int count_images(const listing *l)
{
    int n = 0;
    for (int i = 0; i < l->n; i++) {
        n += is_image(l->entries[i]->d_name);
    }
    return n;
}

/* Kind and properties of one folder, from the names in it. Returns 1 if the kind is unknown or memory ran out. */
static int describe(const listing *l, const char *name, json_t *json, bool *known)
{
    *known = true;
    if (has(l, "manifest.json")) {
        return json_object_set_new(json, "kind", json_string("run"));
    }
    if (has(l, "test_batch.bin") || has(l, "data_batch_1.bin")) {
        return describe_cifar(l, "binary", binary_parts, json);
    }
    if (has(l, "test_batch") || has(l, "data_batch_1")) {
        return describe_cifar(l, "python", python_parts, json);
    }
    json_t *arrays = names_ending(l, ".npy", true, "labels.npy");
    if (has(l, "labels.npy") && json_array_size(arrays) > 0) {
        return json_object_set_new(json, "kind", json_string("cifar10-c")) |
               json_object_set_new(json, "corruptions", arrays);
    }
    json_decref(arrays);
    if (strcmp(name, "weights") == 0) {
        json_t *files = json_array();
        int failed = json_object_set_new(json, "kind", json_string("weights"));
        for (int i = 0; i < l->n; i++) {
            failed |= json_array_append_new(files, json_words(l->entries[i]->d_name));
        }
        return json_object_set_new(json, "files", files) | failed;
    }
    int images = count_images(l);
    *known = images > 0;
    return images == 0 ? 0
                       : json_object_set_new(json, "kind", json_string("images")) |
                             json_object_set_new(json, "images", json_integer(images));
}

/* True for the names of folders that hold one part of an image set (train, test, ...). */
static bool is_part(const char *name)
{
    return strcmp(name, "train") == 0 || strcmp(name, "test") == 0 || strcmp(name, "val") == 0;
}

/* Stops the description if an entry cannot be examined: otherwise its contents would be missing without an error. */
typedef struct outcome {
    reshift_status status;
    reshift_error *error;
} outcome;

static int describe_children(const char *path, const listing *l, bool parts, json_t *json, outcome *o);

/* One entry: a folder with its kind, or a file with its size. */
static int describe_child(const char *folder, const char *name, bool parts, json_t *holds, int *classes,
                          json_int_t *images, outcome *o)
{
    char *path = path_join(folder, name);
    json_t *json = json_object();
    struct stat facts;
    int failed = !path || json_object_set_new(json, "name", json_words(name));
    if (!failed && stat(path, &facts) != 0) {
        if (errno != ENOENT) { /* a dangling link has only its name */
            o->status = error_from_errno(o->error, errno, "cannot look at '%s'", path);
        }
    } else if (!failed) {
        listing l = {NULL, -1};
        if (S_ISDIR(facts.st_mode) && !list(path, &l)) {
            o->status = error_from_errno(o->error, errno, "cannot read folder '%s'", path);
        } else if (S_ISDIR(facts.st_mode)) {
            bool known;
            failed |= describe(&l, name, json, &known);
            json_int_t n = json_integer_value(json_object_get(json, "images"));
            *classes += n > 0;
            *images += n;
            if (!known && parts && is_part(name)) { /* describe its contents, without the list of classes */
                failed |= describe_children(path, &l, false, json, o);
                json_object_del(json, "holds");
            } else if (!known) {
                failed |= json_object_set_new(json, "kind", json_string("folder")) |
                          json_object_set_new(json, "entries", json_integer(l.n));
            }
            free_listing(&l);
        } else {
            failed |= json_object_set_new(json, "kind", json_string("file")) |
                      json_object_set_new(json, "bytes", json_integer(facts.st_size));
        }
    }
    free(path);
    return json_array_append_new(holds, json) | failed;
}

/* Describes a folder through its entries. With `parts`, train and test parts among them are examined one level down. */
static int describe_children(const char *path, const listing *l, bool parts, json_t *json, outcome *o)
{
    json_t *holds = json_array();
    json_int_t images = 0;
    int classes = 0, failed = 0;
    for (int i = 0; i < l->n && !failed && o->status == RESHIFT_OK; i++) {
        failed = describe_child(path, l->entries[i]->d_name, parts, holds, &classes, &images, o);
    }
    bool is_set = classes > 0 && classes == l->n;
    failed |= json_object_set_new(json, "kind", json_string(is_set ? "image-folder" : "folder"));
    if (is_set) {
        failed |= json_object_set_new(json, "classes", json_integer(classes)) |
                  json_object_set_new(json, "images", json_integer(images));
    }
    return json_object_set_new(json, "holds", holds) | failed;
}

reshift_status inspect_folder(const char *path, json_t *json, reshift_error *error)
{
    listing l;
    if (!list(path, &l)) {
        return error_from_errno(error, errno, "cannot read '%s'", path);
    }
    char *plain = strdup(path);
    for (size_t n = plain ? strlen(plain) : 0; n > 1 && plain[n - 1] == '/'; n--) {
        plain[n - 1] = '\0';
    }
    const char *slash = plain ? strrchr(plain, '/') : NULL, *name = slash ? slash + 1 : plain;
    bool known = false;
    outcome o = {RESHIFT_OK, error};
    int failed = !plain || describe(&l, name, json, &known);
    if (!failed && !known) {
        failed = describe_children(path, &l, true, json, &o);
    }
    free(plain);
    free_listing(&l);
    return failed ? error_memory(error, 0, "the description of a folder") : o.status;
}
