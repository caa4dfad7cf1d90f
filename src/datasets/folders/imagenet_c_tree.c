/* Lists folders once, sorted by the bytes of their names. See imagenet_c_tree.h. */
#include "datasets/folders/imagenet_c_tree.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/files.h"
#include "datasets/dataset.h"

/* The folders of the published archives; "" is for a tree without them. */
static const char *const groups[] = {"", "blur", "digital", "extra", "noise", "weather"};
enum { N_GROUPS = sizeof groups / sizeof *groups, NAMES_SHOWN = 24 };

typedef struct names {
    char **items;
    size_t n, room;
} names;

static void names_free(names *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (names){0};
}

static bool names_add(names *list, const char *name)
{
    if (list->n == list->room) {
        const size_t room = list->room ? 2 * list->room : 64;
        char **items = realloc(list->items, room * sizeof *items);
        if (!items) {
            return false;
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->n] = strdup(name);
    return list->items[list->n] && ++list->n;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool has_image_ending(const char *name)
{
    static const char *const endings[] = {".jpeg", ".jpg", ".png", ".webp"};
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t part = strlen(endings[i]);
        if (length > part && strcasecmp(name + length - part, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

typedef struct listing {
    const char *folder;
    bool folders;
    names *found;
} listing;

static reshift_status take_name(void *context, const char *name, reshift_error *error)
{
    const listing *l = context;
    bool is_folder = false;
    if (name[0] == '.' || (!l->folders && !has_image_ending(name))) {
        return RESHIFT_OK;
    }
    if (l->folders) { /* checks image names only: a stat() of 250,000 files takes long */
        char *path = path_join(l->folder, name);
        reshift_status status =
            path ? path_is_folder(path, &is_folder, error) : error_memory(error, strlen(l->folder), "a path");
        free(path);
        if (status != RESHIFT_OK || !is_folder) {
            return status;
        }
    }
    return names_add(l->found, name) ? RESHIFT_OK
                                     : error_memory(error, l->found->n * sizeof *l->found->items, "names of files");
}

/* Lists sub-folders, or files with image endings; sorted. */
static reshift_status list(const char *folder, bool folders, names *found, reshift_error *error)
{
    listing l = {folder, folders, found};
    *found = (names){0};
    reshift_status status = folder_visit(folder, take_name, &l, error);
    if (status != RESHIFT_OK) {
        names_free(found);
    } else if (found->n > 1) {
        qsort(found->items, found->n, sizeof *found->items, by_bytes);
    }
    return status;
}

/* Sets *is if `folder` contains some of "1" to "5". */
static reshift_status holds_severities(const char *folder, bool *is, reshift_error *error)
{
    char path[4096];
    reshift_status status = RESHIFT_OK;
    *is = false;
    for (int s = 1; status == RESHIFT_OK && !*is && s <= 5; s++) {
        snprintf(path, sizeof path, "%s/%d", folder, s);
        status = path_is_folder(path, is, error);
    }
    return status;
}

/* "root/group/name", or "root/name" for the group "". */
static char *corruption_path(const char *root, const char *group, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s%s", root, group, *group ? "/" : "", name) < 0 ? NULL : path;
}

/* All corruptions below root in all groups, sorted; as "group/name" if they are in a group. */
static reshift_status list_corruptions(const char *root, names *found, reshift_error *error)
{
    *found = (names){0};
    reshift_status status = RESHIFT_OK;
    for (int g = 0; status == RESHIFT_OK && g < N_GROUPS; g++) {
        names folders = {0};
        char *group = corruption_path(root, groups[g], "");
        if (!group) {
            return error_memory(error, strlen(root), "a path");
        }
        bool is = false;
        status = path_is_folder(group, &is, error);
        if (status == RESHIFT_OK && is) {
            status = list(group, true, &folders, error);
        }
        for (size_t i = 0; status == RESHIFT_OK && i < folders.n; i++) {
            char *path = corruption_path(root, groups[g], folders.items[i]);
            status = path ? holds_severities(path, &is, error) : error_memory(error, strlen(root), "a path");
            if (status == RESHIFT_OK && is && !names_add(found, path + strlen(root) + 1)) {
                status = error_memory(error, 64, "names of corruptions");
            }
            free(path);
        }
        names_free(&folders);
        free(group);
    }
    if (status == RESHIFT_OK && found->n > 1) {
        qsort(found->items, found->n, sizeof *found->items, by_bytes);
    }
    return status;
}

static const char *last_part(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

/* "blur, fog and snow", truncated to `size`. */
static void join(const names *found, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < found->n && i < NAMES_SHOWN && length < size; i++) {
        length += (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : "", last_part(found->items[i]));
    }
}

reshift_status tree_find_corruption(const char *root, const char *corruption, char **folder, reshift_error *error)
{
    *folder = NULL;
    for (int g = 0; g < N_GROUPS; g++) {
        char *path = corruption_path(root, groups[g], corruption);
        if (!path) {
            return error_memory(error, strlen(root), "a path");
        }
        bool is;
        reshift_status looked = holds_severities(path, &is, error);
        if (looked == RESHIFT_OK && is) {
            *folder = path;
            return RESHIFT_OK;
        }
        free(path);
        if (looked != RESHIFT_OK) {
            return looked;
        }
    }
    names found;
    char text[512];
    reshift_status status = list_corruptions(root, &found, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    join(&found, text, sizeof text);
    error_set(error, RESHIFT_ERROR_NOT_FOUND, "no %s in '%s': expected %s/1 to %s/5 with a folder a class, found %s%s",
              corruption, root, corruption, corruption, found.n ? "" : "no corruption", text);
    if (found.n == 0) {
        error_hint(error, "the published archives unpack to blur/, digital/, noise/, weather/ and extra/: name the "
                          "folder that holds them");
    }
    names_free(&found);
    return error_at_offset(error, RESHIFT_ERROR_NOT_FOUND, root, -1);
}

reshift_status tree_other_corruption(const char *root, const char *corruption, char **folder, reshift_error *error)
{
    names found;
    *folder = NULL;
    reshift_status status = list_corruptions(root, &found, error);
    for (size_t i = 0; status == RESHIFT_OK && i < found.n && !*folder; i++) {
        if (strcmp(last_part(found.items[i]), corruption) != 0) {
            *folder = path_join(root, found.items[i]);
            status = *folder ? RESHIFT_OK : error_memory(error, strlen(root), "a path");
        }
    }
    names_free(&found);
    return status;
}

reshift_status tree_check_severities(const char *folder, const char *corruption, int first, int last,
                                     reshift_error *error)
{
    char there[32] = "", path[4096];
    int missing = 0, n = 0;
    for (int s = 1; s <= 5; s++) {
        bool is;
        snprintf(path, sizeof path, "%s/%d", folder, s);
        reshift_status status = path_is_folder(path, &is, error);
        if (status != RESHIFT_OK) {
            return status;
        }
        if (is) {
            n += snprintf(there + n, sizeof there - (size_t)n, "%s%d", n ? ", " : "", s);
        } else if (s >= first && s <= last && !missing) {
            missing = s;
        }
    }
    if (!missing) {
        return RESHIFT_OK;
    }
    error_set(error, RESHIFT_ERROR_NOT_FOUND, "%s has no severity %d in '%s': found %s", corruption, missing, folder,
              there);
    error_hint(error, "choose among these with --severity");
    return error_at_offset(error, RESHIFT_ERROR_NOT_FOUND, folder, -1);
}

void tree_images_destroy(tree_images *images)
{
    for (int k = 0; images->classes && k < images->n_classes; k++) {
        free(images->classes[k]);
    }
    for (int64_t i = 0; images->names && i < images->n; i++) {
        free(images->names[i]);
    }
    free(images->classes);
    free(images->names);
    free(images->labels);
    *images = (tree_images){0};
}

/* Appends the images of class k to `all`. */
static reshift_status list_class(const char *folder, const char *class_name, names *all, reshift_error *error)
{
    names files = {0};
    char *class_folder = path_join(folder, class_name);
    reshift_status status =
        class_folder ? list(class_folder, false, &files, error) : error_memory(error, strlen(folder), "a path");
    if (status == RESHIFT_OK && files.n == 0) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "'%s': expected images, found none", class_folder);
        error_at_offset(error, status, class_folder, -1);
    }
    for (size_t i = 0; status == RESHIFT_OK && i < files.n; i++) {
        char *name = path_join(class_name, files.items[i]);
        if (!name || !names_add(all, name)) {
            status = error_memory(error, all->n * sizeof *all->items, "names of images");
        }
        free(name);
    }
    names_free(&files);
    free(class_folder);
    return status;
}

reshift_status tree_list(const char *folder, int severity, tree_images *images, reshift_error *error)
{
    char path[4096];
    names classes = {0}, all = {0};
    *images = (tree_images){0};
    snprintf(path, sizeof path, "%s/%d", folder, severity);
    reshift_status status = list(path, true, &classes, error);
    if (status == RESHIFT_OK && (classes.n == 0 || classes.n > DATASET_MAX_CLASSES)) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "'%s': expected 1 to %d class folders, found %zu", path,
                           DATASET_MAX_CLASSES, classes.n);
        error_at_offset(error, status, path, -1);
    }
    size_t room = 0;
    for (size_t k = 0; status == RESHIFT_OK && k < classes.n; k++) {
        const size_t before = all.n;
        status = list_class(path, classes.items[k], &all, error);
        if (status == RESHIFT_OK && all.n > room) {
            room = all.n > 2 * room ? all.n : 2 * room;
            int32_t *labels = realloc(images->labels, room * sizeof *labels);
            status = labels ? RESHIFT_OK : error_memory(error, room * sizeof *labels, "labels");
            images->labels = labels ? labels : images->labels;
        }
        for (size_t i = before; status == RESHIFT_OK && i < all.n; i++) {
            images->labels[i] = (int32_t)k;
        }
    }
    images->classes = classes.items;
    images->n_classes = (int)classes.n;
    images->names = all.items;
    images->n = (int64_t)all.n;
    if (status != RESHIFT_OK) {
        tree_images_destroy(images);
    }
    return status;
}

static reshift_status differ(const char *what, const char *name, const char *in, const char *not_in,
                             reshift_error *error)
{
    error_set(error, RESHIFT_ERROR_FORMAT, "%s '%s' is in '%s' and not in '%s'", what, name, in, not_in);
    error_hint(error,
               "all severities and corruptions of a set hold versions of the same images: unpack the archives again");
    return error_at_offset(error, RESHIFT_ERROR_FORMAT, not_in, -1);
}

/* Both are sorted: at the first difference, names the entry that one of them lacks. */
static reshift_status compare_sorted(const char *what, char *const *a, int64_t n_a, const char *here, char *const *b,
                                     int64_t n_b, const char *there, reshift_error *error)
{
    int64_t i = 0;
    while (i < n_a && i < n_b && strcmp(a[i], b[i]) == 0) {
        i++;
    }
    if (i == n_a && i == n_b) {
        return RESHIFT_OK;
    }
    const bool extra = i == n_b || (i < n_a && strcmp(a[i], b[i]) < 0);
    return extra ? differ(what, a[i], here, there, error) : differ(what, b[i], there, here, error);
}

reshift_status tree_compare(const tree_images *a, const char *here, const tree_images *b, const char *there,
                            reshift_error *error)
{
    reshift_status status =
        compare_sorted("class", a->classes, a->n_classes, here, b->classes, b->n_classes, there, error);
    return status == RESHIFT_OK ? compare_sorted("image", a->names, a->n, here, b->names, b->n, there, error) : status;
}

reshift_status tree_limit(tree_images *images, int64_t limit, reshift_error *error)
{
    int64_t *rows, n, kept = 0;
    reshift_status status =
        dataset_limit_by_class(images->labels, images->n, images->n_classes, limit, &rows, &n, error);
    for (int64_t i = 0; status == RESHIFT_OK && i < images->n; i++) {
        if (kept < n && rows[kept] == i) {
            images->labels[kept] = images->labels[i];
            images->names[kept++] = images->names[i];
        } else {
            free(images->names[i]);
        }
    }
    if (status == RESHIFT_OK) {
        images->n = kept;
    }
    free(rows);
    return status;
}
