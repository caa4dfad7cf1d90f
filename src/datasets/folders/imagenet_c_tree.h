/*
 * The folder tree of ImageNet-C on disk: CORRUPTION/SEVERITY/CLASS/IMAGE, optionally below the published archives'
 * folders blur/, digital/, extra/, noise/ and weather/. Finds and lists folders; does not read images.
 */
#ifndef DATASETS_FOLDERS_IMAGENET_C_TREE_H
#define DATASETS_FOLDERS_IMAGENET_C_TREE_H

#include <stdint.h>

#include "reshift/status.h"

/** Images of one severity, sorted by class, then by name. */
typedef struct tree_images {
    char **classes;  /* [n_classes] folder names, sorted by their bytes */
    char **names;    /* [n] "class/IMAGE.JPEG" */
    int32_t *labels; /* [n] */
    int64_t n;
    int n_classes;
} tree_images;

/** Frees the contents; a zeroed struct is the empty list. */
void tree_images_destroy(tree_images *images);

/**
 * The folder of `corruption` below `root`; the caller frees it. Errors: NOT_FOUND (listing the existing corruptions),
 * IO, MEMORY.
 */
reshift_status tree_find_corruption(const char *root, const char *corruption, char **folder, reshift_error *error);

/** The folder of the first corruption (by name) below `root` other than `corruption`; NULL if there is none. */
reshift_status tree_other_corruption(const char *root, const char *corruption, char **folder, reshift_error *error);

/** NOT_FOUND, listing the existing severities, if one of first..last has no folder in `folder`. */
reshift_status tree_check_severities(const char *folder, const char *corruption, int first, int last,
                                     reshift_error *error);

/**
 * Lists FOLDER/SEVERITY. Hidden names and files without an image ending are skipped. Errors: FORMAT (no class folders,
 * a class without images), IO, MEMORY.
 */
reshift_status tree_list(const char *folder, int severity, tree_images *images, reshift_error *error);

/** Keeps `limit` images (0: all), balanced by class: see dataset_limit_by_class(). Errors: MEMORY. */
reshift_status tree_limit(tree_images *images, int64_t limit, reshift_error *error);

/**
 * Compares two lists. FORMAT, naming the first image or class that only one list has, unless they are equal. `here` and
 * `there` name the lists in messages.
 */
reshift_status tree_compare(const tree_images *a, const char *here, const tree_images *b, const char *there,
                            reshift_error *error);

#endif
