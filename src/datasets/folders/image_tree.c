/* Walks class folders. image_check.c examines the files. */
#include "datasets/folders/image_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/files.h"
#include "reshift/labels.h"
#include "reshift/words.h"

enum { DEPTH_MOST = 32 }; /* a link to a parent folder would recurse forever */

bool image_names_add(image_names *list, const char *name)
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

void image_names_free(image_names *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->names[i]);
    }
    free(list->names);
    memset(list, 0, sizeof *list);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void names_sort(image_names *list)
{
    if (list->count) {
        qsort(list->names, list->count, sizeof *list->names, by_name);
    }
}

/* The file name endings of ImageFolder (torchvision.datasets.folder.IMG_EXTENSIONS), case-insensitive. */
static bool is_image_name(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++) {
        if (strcasecmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The entries of one folder, by kind. */
typedef struct listing {
    const char *folder;
    image_names folders, files;
    size_t others;
    char example[256];
} listing;

static reshift_status add_entry(void *context, const char *name, reshift_error *error)
{
    listing *l = context;
    if (name[0] == '.' || strcmp(name, "__MACOSX") == 0) {
        return RESHIFT_OK;
    }
    char *path = path_join(l->folder, name);
    bool folder = false, kept = true;
    reshift_status status =
        path ? path_is_folder(path, &folder, error) : error_memory(error, strlen(l->folder), "a path");
    if (status == RESHIFT_OK && folder) {
        kept = image_names_add(&l->folders, name);
    } else if (status == RESHIFT_OK && is_image_name(name)) {
        kept = image_names_add(&l->files, name);
    } else if (status == RESHIFT_OK && l->others++ == 0) {
        snprintf(l->example, sizeof l->example, "%s", name);
    }
    free(path);
    return kept ? status : error_memory(error, strlen(name), "file names");
}

static void listing_free(listing *l)
{
    image_names_free(&l->folders);
    image_names_free(&l->files);
}

static reshift_status list(const char *folder, listing *l, reshift_error *error)
{
    *l = (listing){.folder = folder};
    reshift_status status = folder_visit(folder, add_entry, l, error);
    names_sort(&l->folders);
    names_sort(&l->files);
    return status;
}

reshift_status image_tree_classes(const char *folder, image_names *classes, reshift_error *error)
{
    listing l;
    reshift_status status = list(folder, &l, error);
    *classes = l.folders;
    image_names_free(&l.files);
    if (status != RESHIFT_OK) {
        image_names_free(classes);
    }
    return status;
}

/* All folders from root/relative downwards, as paths relative to the root. */
static reshift_status collect(const char *root, const char *relative, int depth, image_tree *tree, image_names *folders,
                              reshift_error *error)
{
    listing l = {0};
    char *path = path_join(root, relative);
    reshift_status status = !path || !image_names_add(folders, relative) ? error_memory(error, strlen(root), "a path")
                                                                         : list(path, &l, error);
    if (status == RESHIFT_OK && depth > DEPTH_MOST) {
        status =
            error_set(error, RESHIFT_ERROR_FORMAT, "'%s': folders within folders, more than %d deep", path, DEPTH_MOST);
        error_hint(error, "does a link lead back to a folder above it?");
    }
    if (status == RESHIFT_OK && l.others > 0) {
        if (tree->passed_over == 0) {
            snprintf(tree->example, sizeof tree->example, "%s/%s", relative, l.example);
        }
        tree->passed_over += l.others;
    }
    for (size_t i = 0; status == RESHIFT_OK && i < l.folders.count; i++) {
        char *below = path_join(relative, l.folders.names[i]);
        status = below ? collect(root, below, depth + 1, tree, folders, error)
                       : error_memory(error, strlen(relative), "a path");
        free(below);
    }
    listing_free(&l);
    free(path);
    return status;
}

static reshift_status add_files(const char *root, const char *relative, image_tree *tree, reshift_error *error)
{
    listing l = {0};
    char *path = path_join(root, relative);
    reshift_status status = path ? list(path, &l, error) : error_memory(error, strlen(root), "a path");
    for (size_t i = 0; status == RESHIFT_OK && i < l.files.count; i++) {
        char *below = path_join(relative, l.files.names[i]);
        if (!below || !image_names_add(&tree->files, below)) {
            status = error_memory(error, strlen(relative), "a path");
        }
        free(below);
    }
    listing_free(&l);
    free(path);
    return status;
}

static reshift_status scan_class(const char *root, const char *class_name, image_tree *tree, reshift_error *error)
{
    image_names folders = {0};
    const size_t files_before = tree->files.count, others_before = tree->passed_over;
    reshift_status status = collect(root, class_name, 0, tree, &folders, error);
    names_sort(&folders);
    for (size_t i = 0; status == RESHIFT_OK && i < folders.count; i++) {
        status = add_files(root, folders.names[i], tree, error);
    }
    image_names_free(&folders);
    if (status == RESHIFT_OK && tree->files.count == files_before) {
        const size_t others = tree->passed_over - others_before;
        char held[64] = "is empty";
        if (others > 0) {
            snprintf(held, sizeof held, "holds %zu %s of other kinds", others,
                     reshift_noun_for((int64_t)others, "file", "files"));
        }
        error_set(error, RESHIFT_ERROR_FORMAT, "class '%s' has no images: '%s/%s' %s", class_name, root, class_name,
                  held);
        error_hint(error, "every sub-folder is a class; images are files ending in .jpg, .jpeg, .png or .webp");
        status = error_at_offset(error, RESHIFT_ERROR_FORMAT, root, -1);
    }
    return status;
}

static reshift_status no_classes(const char *root, reshift_error *error)
{
    listing l;
    reshift_status status = list(root, &l, error);
    if (status == RESHIFT_OK) {
        error_set(error, RESHIFT_ERROR_FORMAT, "no class folders in '%s': found %zu image%s and no sub-folder", root,
                  l.files.count, reshift_noun_for((int64_t)l.files.count, "", "s"));
        error_hint(error, "expected one sub-folder a class with its images, as in %s/cat/1.jpg", root);
        status = error_at_offset(error, RESHIFT_ERROR_FORMAT, root, -1);
    }
    listing_free(&l);
    return status;
}

reshift_status image_tree_scan(const char *root, image_tree *tree, reshift_error *error)
{
    reshift_status status = image_tree_classes(root, &tree->classes, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (tree->classes.count == 0) {
        return no_classes(root, error);
    }
    if (tree->classes.count > RESHIFT_MAX_CLASSES) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "'%s': expected up to %d class folders, found %zu", root,
                         RESHIFT_MAX_CLASSES, tree->classes.count);
    }
    for (size_t k = 0; status == RESHIFT_OK && k < tree->classes.count; k++) {
        size_t before = tree->files.count;
        status = scan_class(root, tree->classes.names[k], tree, error);
        if (status == RESHIFT_OK) {
            int32_t *labels = realloc(tree->labels, tree->files.count * sizeof *labels);
            if (!labels) {
                return error_memory(error, tree->files.count * sizeof *labels, "labels");
            }
            tree->labels = labels;
            for (size_t i = before; i < tree->files.count; i++) {
                labels[i] = (int32_t)k;
            }
        }
    }
    return status;
}

void image_tree_free(image_tree *tree)
{
    image_names_free(&tree->classes);
    image_names_free(&tree->files);
    free(tree->labels);
    memset(tree, 0, sizeof *tree);
}
