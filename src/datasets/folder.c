/*
 * A folder of photographs, one sub-folder a class, sorted by name (byte order); JPEG and PNG of any size. DIR/train and
 * DIR/test (or DIR/val) serve as the splits where they are there; without them DIR is the set, whatever split is asked.
 * Every file is opened once when the set is: a wrong one shows at the start and not after an hour.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "datasets/dataset.h"
#include "formats/image_file.h"

typedef struct name_list {
    char **names;
    size_t count, capacity;
} name_list;

typedef struct image_folder {
    char *root;
    name_list classes;
    name_list files; /* "class/file.jpg" */
    int32_t *labels; /* [files.count] */
} image_folder;

static bool names_add(name_list *list, const char *name)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        char **names = realloc(list->names, capacity * sizeof *names);
        if (!names) {
            return false;
        }
        list->names = names;
        list->capacity = capacity;
    }
    list->names[list->count] = strdup(name);
    return list->names[list->count] && ++list->count;
}

static void names_free(name_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->names[i]);
    }
    free(list->names);
    memset(list, 0, sizeof *list);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

typedef struct listing {
    const char *folder;
    bool folders;
    name_list *list;
} listing;

static reshift_status add_entry(void *context, const char *name, reshift_error *error)
{
    listing *l = context;
    char *path = path_join(l->folder, name);
    bool is;
    reshift_status status =
        path ? path_is_folder(path, &is, error) : error_memory(error, strlen(l->folder), "a path");
    free(path);
    if (status == RESHIFT_OK && name[0] != '.' && is == l->folders && !names_add(l->list, name)) {
        status = error_memory(error, l->list->count * sizeof(char *), "file names");
    }
    return status;
}

/* What is in a folder, sorted, without hidden names: either its sub-folders or everything else. */
static reshift_status list_folder(const char *folder, bool folders, name_list *list, reshift_error *error)
{
    memset(list, 0, sizeof *list);
    listing l = {folder, folders, list};
    reshift_status status = folder_visit(folder, add_entry, &l, error);
    if (status != RESHIFT_OK) {
        names_free(list);
    } else if (list->count) {
        qsort(list->names, list->count, sizeof *list->names, by_name);
    }
    return status;
}

/* Its first bytes say what a file is. */
static reshift_status check_image(const char *path, reshift_error *error)
{
    uint8_t bytes[8] = {0};
    int descriptor;
    reshift_status status = file_open(path, &descriptor, NULL, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    ssize_t count = read(descriptor, bytes, sizeof bytes);
    int failed = count < 0 ? errno : 0;
    close(descriptor);
    if (failed) {
        return error_from_errno(error, failed, "cannot read '%s'", path);
    }
    if (image_format(bytes, (size_t)count)) {
        return RESHIFT_OK;
    }
    error_set(error, RESHIFT_ERROR_FORMAT, "'%s' is no JPEG or PNG image%s", path, count ? "" : ": it is empty");
    error_hint(error, "a class folder holds images only; move other files out or hide them with a leading dot");
    return error_at_offset(error, RESHIFT_ERROR_FORMAT, path, 0);
}

static reshift_status add_file(image_folder *f, const char *class_folder, const char *class_name, const char *file,
                               reshift_error *error)
{
    char *path = path_join(class_folder, file), *below = path_join(class_name, file);
    reshift_status status = RESHIFT_OK;
    if (!path || !below) {
        status = error_memory(error, strlen(class_folder), "a path");
    }
    if (status == RESHIFT_OK) {
        status = check_image(path, error);
    }
    if (status == RESHIFT_OK && !names_add(&f->files, below)) {
        status = error_memory(error, f->files.count * sizeof(char *), "file names");
    }
    free(path);
    free(below);
    return status;
}

static reshift_status scan_class(image_folder *f, const char *class_name, reshift_error *error)
{
    char *class_folder = path_join(f->root, class_name);
    if (!class_folder) {
        return error_memory(error, strlen(f->root), "a path");
    }
    name_list folders = {0}, files = {0};
    reshift_status status = list_folder(class_folder, true, &folders, error);
    if (status == RESHIFT_OK && folders.count) {
        error_set(error, RESHIFT_ERROR_FORMAT, "'%s': expected images, found the folder '%s'", class_folder,
                  folders.names[0]);
        error_hint(error, "a set is one folder a class, with the images directly inside");
        status = error_at_offset(error, RESHIFT_ERROR_FORMAT, class_folder, -1);
    }
    if (status == RESHIFT_OK) {
        status = list_folder(class_folder, false, &files, error);
    }
    if (status == RESHIFT_OK && files.count == 0) {
        error_set(error, RESHIFT_ERROR_FORMAT, "class '%s' has no images: '%s' is empty", class_name, class_folder);
        error_hint(error, "every sub-folder is a class; remove it or fill it");
        status = error_at_offset(error, RESHIFT_ERROR_FORMAT, class_folder, -1);
    }
    for (size_t i = 0; status == RESHIFT_OK && i < files.count; i++) {
        status = add_file(f, class_folder, class_name, files.names[i], error);
    }
    names_free(&folders);
    names_free(&files);
    free(class_folder);
    return status;
}

static reshift_status scan(image_folder *f, reshift_error *error)
{
    reshift_status status = list_folder(f->root, true, &f->classes, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (f->classes.count == 0) {
        name_list files;
        status = list_folder(f->root, false, &files, error);
        if (status == RESHIFT_OK) {
            status = error_set(error, RESHIFT_ERROR_FORMAT,
                               "no class folders in '%s': found %zu files and no sub-folder", f->root, files.count);
            error_hint(error, "expected one sub-folder a class with its images, as in %s/cat/1.jpg", f->root);
            names_free(&files);
        }
        return error_at_offset(error, status, f->root, -1);
    }
    if (f->classes.count > DATASET_MAX_CLASSES) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "'%s': expected up to %d class folders, found %zu", f->root,
                         DATASET_MAX_CLASSES, f->classes.count);
    }
    for (size_t k = 0; status == RESHIFT_OK && k < f->classes.count; k++) {
        size_t before = f->files.count;
        status = scan_class(f, f->classes.names[k], error);
        if (status == RESHIFT_OK) {
            int32_t *labels = realloc(f->labels, f->files.count * sizeof *labels);
            if (!labels) {
                return error_memory(error, f->files.count * sizeof *labels, "labels");
            }
            f->labels = labels;
            for (size_t i = before; i < f->files.count; i++) {
                labels[i] = (int32_t)k;
            }
        }
    }
    return status;
}

static reshift_status folder_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const image_folder *f = state;
    char *path = path_join(f->root, f->files.names[row]);
    if (!path) {
        return error_memory(error, strlen(f->root), "a path");
    }
    reshift_status status = reshift_image_load(path, image, error);
    free(path);
    return status;
}

static void folder_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const image_folder *f = state;
    snprintf(text, size, "%s/%s", f->root, f->files.names[row]);
}

/* The files' names below the folder and their bytes, not the folder's own name: a copy elsewhere is the same set. */
static reshift_status folder_identity(const void *state, digest *d, reshift_error *error)
{
    const image_folder *f = state;
    reshift_status status = RESHIFT_OK;
    for (size_t i = 0; status == RESHIFT_OK && i < f->files.count; i++) {
        char hex[DIGEST_HEX_BYTES];
        char *path = path_join(f->root, f->files.names[i]);
        status = path ? digest_file(DIGEST_SHA256, path, hex, error) : error_memory(error, strlen(f->root), "a path");
        if (status == RESHIFT_OK) {
            digest_add(d, f->files.names[i], strlen(f->files.names[i]) + 1);
            digest_add(d, hex, 64);
        }
        free(path);
    }
    return status;
}

static void folder_destroy(void *state)
{
    image_folder *f = state;
    names_free(&f->classes);
    names_free(&f->files);
    free(f->labels);
    free(f->root);
    free(f);
}

static const dataset_kind folder_kind = {folder_read, folder_row_name, folder_identity, folder_destroy, NULL, NULL};

/* DIR/name is a split when class folders are in it; a class that happens to be called "train" holds images only. */
static reshift_status is_split(const char *folder, const char *name, bool *is, reshift_error *error)
{
    char *path = path_join(folder, name);
    name_list inside = {0};
    reshift_status status = path ? path_is_folder(path, is, error) : error_memory(error, strlen(folder), "a path");
    if (status == RESHIFT_OK && *is) {
        status = list_folder(path, true, &inside, error);
        *is = inside.count > 0;
    }
    names_free(&inside);
    free(path);
    return status;
}

static reshift_status find_root(const char *where, const char *split, char **root, reshift_error *error)
{
    static const char *const names[] = {"train", "test", "val"};
    bool is[3] = {false};
    for (int i = 0; i < 3; i++) {
        reshift_status status = is_split(where, names[i], &is[i], error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    bool train = is[0], test = is[1], val = is[2];
    bool want_train = strcmp(split, "train") == 0;
    const char *name = want_train && train ? "train" : !want_train && test ? "test" : !want_train && val ? "val" : NULL;
    if (!name && (train || test || val)) {
        return error_set(error, RESHIFT_ERROR_NOT_FOUND, "no %s in '%s', which has %s",
                         want_train ? "train/" : "test/ or val/", where,
                         train  ? "train/"
                         : test ? "test/"
                                : "val/");
    }
    *root = name ? path_join(where, name) : strdup(where);
    return *root ? RESHIFT_OK : error_memory(error, strlen(where), "a path");
}

/* Labels are places in the sorted list of classes, so both splits must have the same list. */
static reshift_status compare_splits(const image_folder *f, const char *where, const char *split, reshift_error *error)
{
    char *other = NULL;
    reshift_error unused;
    if (find_root(where, strcmp(split, "train") == 0 ? "test" : "train", &other, &unused) != RESHIFT_OK) {
        return RESHIFT_OK;
    }
    name_list classes = {0};
    reshift_status status = list_folder(other, true, &classes, error);
    const name_list *here = &f->classes, *there = &classes;
    size_t k = 0; /* both sorted: the first name that differs is missing on the side whose name comes later */
    while (k < here->count && k < there->count && strcmp(here->names[k], there->names[k]) == 0) {
        k++;
    }
    if (status == RESHIFT_OK && (k < here->count || k < there->count)) {
        bool extra = k == there->count || (k < here->count && strcmp(here->names[k], there->names[k]) < 0);
        status = error_set(error, RESHIFT_ERROR_FORMAT, "class '%s' is in '%s' and not in '%s'",
                           extra ? here->names[k] : there->names[k], extra ? f->root : other, extra ? other : f->root);
    }
    if (status == RESHIFT_ERROR_FORMAT) {
        error_hint(error, "both splits need the same class folders");
    }
    names_free(&classes);
    free(other);
    return status;
}

reshift_status folder_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                           reshift_error *error)
{
    *dataset = NULL;
    image_folder *f = calloc(1, sizeof *f);
    if (!f) {
        return error_memory(error, sizeof *f, "a data set");
    }
    reshift_status status = find_root(where, options->split, &f->root, error);
    if (status == RESHIFT_OK) {
        status = scan(f, error);
    }
    if (status == RESHIFT_OK) {
        status = compare_splits(f, where, options->split, error);
    }
    if (status != RESHIFT_OK) {
        folder_destroy(f);
        return status;
    }
    int64_t count = dataset_limit((int64_t)f->files.count, options->limit);
    while (f->files.count > (size_t)count) { /* what is not in the set is not in its identity either */
        free(f->files.names[--f->files.count]);
    }
    const bool has_parts = strcmp(f->root, where) != 0;
    status = dataset_create(&folder_kind, f, "folder", count, (int)f->classes.count,
                            (const char *const *)f->classes.names, dataset, error);
    for (int64_t row = 0; status == RESHIFT_OK && row < count; row++) {
        (*dataset)->rows[row].label = f->labels[row];
    }
    if (status == RESHIFT_OK) {
        (*dataset)->has_parts = has_parts;
    }
    return status;
}
