/*
 * The folder tree of ImageNet-C on disk: CORRUPTION/SEVERITY/CLASS/IMAGE, possibly below the published archives' folders
 * blur/, digital/, extra/, noise/ and weather/. Finds and lists it; reads no image.
 */
#ifndef DATASETS_FOLDERS_IMAGENET_C_TREE_H
#define DATASETS_FOLDERS_IMAGENET_C_TREE_H

#include <stdint.h>

#include "reshift/status.h"

/** Images of one severity, ascending by class, then by name. */
typedef struct tree_images {
    char **classes; /* [n_classes] folder names, sorted by their bytes */
    char **names;   /* [n] "class/IMAGE.JPEG" */
    int32_t *labels; /* [n] */
    int64_t n;
    int n_classes;
} tree_images;

/** Frees what is in it; a zeroed struct is the empty list. */
void tree_images_destroy(tree_images *images);

/**
 * The folder of `corruption` below `root`, in fresh memory. Errors: NOT_FOUND (naming the corruptions that are there),
 * IO, MEMORY.
 */
reshift_status tree_find_corruption(const char *root, const char *corruption, char **folder, reshift_error *error);

/** The folder of another corruption below `root` than `corruption`, the first by name; NULL where there is none. */
reshift_status tree_other_corruption(const char *root, const char *corruption, char **folder, reshift_error *error);

/** NOT_FOUND, naming the severities that are there, where one of first..last has no folder in `folder`. */
reshift_status tree_check_severities(const char *folder, const char *corruption, int first, int last,
                                     reshift_error *error);

/** Lists FOLDER/SEVERITY. Hidden names and files without an image's ending are passed over. Errors: FORMAT (no class
 * folders, a class without images), IO, MEMORY. */
reshift_status tree_list(const char *folder, int severity, tree_images *images, reshift_error *error);

/** Keeps `limit` images (0: all), as many of every class as can be: dataset_limit_by_class(). Errors: MEMORY. */
reshift_status tree_limit(tree_images *images, int64_t limit, reshift_error *error);

/** FORMAT, naming the first image or class that is on one side only, unless both lists are the same. `here` and `there`
 * name the lists in messages. */
reshift_status tree_compare(const tree_images *a, const char *here, const tree_images *b, const char *there,
                            reshift_error *error);

#endif
