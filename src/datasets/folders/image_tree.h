/*
 * A folder of class folders, read like torchvision's ImageFolder: classes are the sub-folders in byte order; each class
 * contains its folder and all folders below it, sorted by path, and in each the files with image endings, sorted. Other
 * files are skipped and counted. Unlike ImageFolder, names with a leading dot and __MACOSX are skipped.
 */
#ifndef DATASETS_FOLDERS_IMAGE_TREE_H
#define DATASETS_FOLDERS_IMAGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/progress.h"
#include "reshift/status.h"

typedef struct image_names {
    char **names;
    size_t count, capacity;
} image_names;

/** Appends a copy. Returns false when out of memory. */
bool image_names_add(image_names *list, const char *name);
void image_names_free(image_names *list);

/** A zeroed tree is empty. Always call image_tree_free(). */
typedef struct image_tree {
    image_names classes;
    image_names files;  /* "class/file.jpg", "class/below/file.jpg" */
    int32_t *labels;    /* [files.count] */
    size_t passed_over; /* files without an image ending */
    char example[256];  /* one of them */
    size_t skipped;     /* images removed by image_tree_check() */
    size_t damaged;     /* images, among those decoded, that are readable although some of their data are corrupt */
} image_tree;

/** The sub-folders of `folder` that are classes, sorted. Errors: IO, NOT_FOUND, MEMORY. */
reshift_status image_tree_classes(const char *folder, image_names *classes, reshift_error *error);
/** Errors: FORMAT (no class folders; a class without images), IO, MEMORY. */
reshift_status image_tree_scan(const char *root, image_tree *tree, reshift_error *error);
/**
 * Checks every file, in parallel. Without `skip_bad`: header and end, and the whole file only if these are suspicious;
 * unreadable images are an error that names the first and counts them. With `skip_bad`: every image is decoded, and
 * those that fail are removed and listed as warnings. `progress` may be NULL. Errors: FORMAT, IO, MEMORY, CANCELLED.
 */
reshift_status image_tree_check(const char *root, image_tree *tree, bool skip_bad, const reshift_progress *progress,
                                reshift_error *error);
void image_tree_free(image_tree *tree);

#endif
