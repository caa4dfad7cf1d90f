/*
 * A folder of class folders as torchvision's ImageFolder reads it: classes are the sub-folders in byte order; of each class
 * the folder and all folders below it, sorted by their paths, and in each the files whose names end as images' do, sorted.
 * Other files are passed over and counted. Unlike ImageFolder, names with a leading dot and __MACOSX are passed over.
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

/** Appends a copy. False: out of memory. */
bool image_names_add(image_names *list, const char *name);
void image_names_free(image_names *list);

/** A zeroed tree is empty; image_tree_free() in any case. */
typedef struct image_tree {
    image_names classes;
    image_names files;     /* "class/file.jpg", "class/below/file.jpg" */
    int32_t *labels;     /* [files.count] */
    size_t passed_over;  /* files that are no images by their names */
    char example[256];   /* one of them */
    size_t skipped;      /* images that image_tree_check() removed */
    size_t damaged;      /* images that are read though some of their data are wrong, of those that it decoded */
} image_tree;

/** The sub-folders of `folder` that are classes, sorted. Errors: IO, NOT_FOUND, MEMORY. */
reshift_status image_tree_classes(const char *folder, image_names *classes, reshift_error *error);
/** Errors: FORMAT (no class folders; a class without images), IO, MEMORY. */
reshift_status image_tree_scan(const char *root, image_tree *tree, reshift_error *error);
/**
 * Looks at every file, in parallel. Without `skip_bad`: its header and end, and the whole file only where these are
 * suspicious; unreadable images are an error that names the first and counts them. With it: every image is decoded, and those
 * that fail are removed and listed as warnings. `progress` may be NULL. Errors: FORMAT, IO, MEMORY, CANCELLED.
 */
reshift_status image_tree_check(const char *root, image_tree *tree, bool skip_bad, const reshift_progress *progress,
                                reshift_error *error);
void image_tree_free(image_tree *tree);

#endif
