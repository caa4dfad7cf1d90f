/*
 * What stands behind a reshift_dataset: a table of rows that is the same for every kind (label, image, severity), and a
 * few functions by which a kind of set differs (reading pixels, naming a row). Every kind fills one of these and is
 * done.
 */
#ifndef DATASETS_DATASET_H
#define DATASETS_DATASET_H

#include <stdatomic.h>

#include "base/digest.h"
#include "reshift/dataset.h"
#include "reshift/labels.h"

#define DATASET_MAX_CLASSES RESHIFT_MAX_CLASSES

typedef struct dataset_row {
    int64_t source; /* the image this row is a version of */
    int32_t label;
    int32_t severity; /* 0: clean */
} dataset_row;

/** The functions of one kind of set; `state` is its own memory. All but destroy are called by many threads at once. */
typedef struct dataset_kind {
    reshift_status (*read)(const void *state, int64_t row, reshift_image *image, reshift_error *error);
    void (*row_name)(const void *state, int64_t row, char *text, size_t size);
    /** Adds to the identity what the pixels are; NULL: every row is read and its pixels are added. */
    reshift_status (*identity)(const void *state, digest *d, reshift_error *error);
    void (*destroy)(void *state);
    /** The image that a row is a version of, before corruption and crop; NULL: the row itself. Errors: NOT_FOUND where it
     *  is not at hand, those of reading. */
    reshift_status (*original)(const void *state, int64_t row, reshift_image *image, reshift_error *error);
    /** Lets go of the pages of mapped files that reading left in memory; NULL: there are none. */
    void (*forget)(const void *state);
} dataset_kind;

struct reshift_dataset {
    const dataset_kind *functions;
    void *state;
    atomic_int references;
    const char *kind; /* what reshift_dataset_kind() says; static */
    int64_t count;
    dataset_row *rows; /* [count] */
    int n_classes;
    char **class_names; /* [n_classes] */
    bool fixed_size;
    int height, width; /* where fixed_size */
    char *corruption;  /* or NULL */
    bool from_file;
    int jpeg; /* what reshift_dataset_jpeg() returns */
    reshift_constants constants; /* of corruptions made here, never AUTO then */
    int crop_resize, crop_size;  /* of photographs cropped before they are corrupted; 0: none */
    int64_t n_skipped; /* images left out because they cannot be read */
    int64_t n_damaged; /* images read with damage */
    bool verified; /* its files have the published checksums */
    bool has_parts; /* its training and test part are its own */
    /* names the photograph behind a row, the same for all its versions ("imagenet n01440764/..."); NULL: nothing does */
    void (*place)(const void *state, int64_t row, char *text, size_t size);
    const char *published; /* the published set whose order `source` counts in ("cifar10-test"); static, or NULL */
    char *own_note;   /* memory of `note` where that is not static; NULL: it is */
    const char *note; /* what people should know of rows made on the fly; static, or NULL */
};

/**
 * Makes a set of `count` clean rows (source = row, label 0), from_file, without a fixed size. `state` belongs to the
 * set from here on, and is destroyed when this fails. class_names may be NULL (they are called "0", "1", ... then) and
 * are copied. Errors: MEMORY.
 */
reshift_status dataset_create(const dataset_kind *functions, void *state, const char *kind, int64_t count,
                              int n_classes, const char *const *class_names, reshift_dataset **dataset,
                              reshift_error *error);

/** The set that a row of a subset (of a subset, ...) was taken from, the same for all its rows, and its row there. */
const reshift_dataset *dataset_origin(const reshift_dataset *dataset, int64_t row, int64_t *origin_row);

/**
 * Makes a set of `count` rows from another one: its kind's name, classes, size of images, corruption and note; the rows
 * are for the caller to fill. `state` as above. Errors: MEMORY.
 */
reshift_status dataset_derive(const dataset_kind *functions, void *state, const reshift_dataset *base, int64_t count,
                              reshift_dataset **dataset, reshift_error *error);

/** Says what corruption the set has, where none has been said. Errors: MEMORY, with the set closed. */
reshift_status dataset_name_corruption(reshift_dataset **dataset, const char *name, reshift_error *error);

/** Lets go of what reading left in memory of mapped files, so that it does not grow with the rows that were read. */
void dataset_forget(const reshift_dataset *dataset);

/** Marks held [n] of rows [n] as reshift_split_hold_out() does; `purpose` names the draw. */
reshift_status split_hold_out(const reshift_dataset *dataset, const int64_t *rows, int64_t n, double share,
                              const char *purpose, uint64_t seed, uint8_t *held, int64_t *n_held,
                              reshift_error *error);

/** One more owner of the set; reshift_dataset_close() gives it up. */
reshift_dataset *dataset_share(reshift_dataset *dataset);

/** The kinds. `where` is what follows the colon of the spec, or NULL; `options` are checked already. */
reshift_status cifar10_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                            reshift_error *error);
reshift_status cifar10c_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                             reshift_error *error);
/** The clean test images: in `where`, else in the data folder. */
reshift_status cifar10c_open_clean(const char *where, const reshift_dataset_options *options, int64_t limit,
                                   reshift_dataset **clean, reshift_error *error);
/** ImageNet-C's tree; `limit` of open_clean is in the options. */
reshift_status imagenet_c_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                               reshift_error *error);
reshift_status imagenet_c_open_clean(const char *where, const reshift_dataset_options *options,
                                     reshift_dataset **clean, reshift_error *error);
reshift_status folder_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                           reshift_error *error);
/** Whether the text after "npy:" names two files, or one .npz. Errors: ARGUMENT. */
reshift_status npy_set_check(const char *where, reshift_error *error);
reshift_status npy_set_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                            reshift_error *error);
reshift_status demo_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                         reshift_error *error);
reshift_status demo_source_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                                reshift_error *error);

/**
 * The corrupted versions of `clean` at the severities of `options`, made when they are read. Takes no ownership of
 * `clean` but shares it. Errors: ARGUMENT, NOT_FOUND (no such corruption), UNSUPPORTED, MEMORY.
 */
reshift_status corrupted_open(reshift_dataset *clean, const reshift_dataset_options *options, reshift_dataset **dataset,
                              reshift_error *error);
/**
 * The same of a set that is open already, with the crop of `options` first: what reshift_dataset_open() does with the clean
 * set of a kind that has no corrupted files. Errors: those of corrupted_open().
 */
reshift_status dataset_corrupt(reshift_dataset *clean, const reshift_dataset_options *options,
                               reshift_dataset **dataset, reshift_error *error);

/**
 * The overlays of the data folder's frost/ and that folder's path; both stay NULL, without an error, where it is not
 * there. The caller closes one and frees the other. Errors: those of reshift_frost_open().
 */
reshift_status frost_find(const char *data_dir, char **folder, reshift_frost **frost, reshift_error *error);

/** Reads the image that a row is a version of, before corruption and crop. Errors: NOT_FOUND where only the version is at
 *  hand, those of reading. */
reshift_status dataset_original(const reshift_dataset *dataset, int64_t row, reshift_image *image,
                                reshift_error *error);

/** count cut to the limit of the options (0: all). */
int64_t dataset_limit(int64_t count, int64_t limit);
/**
 * Rows within the limit of a set that is sorted by class: as many of every class as can be, the first of each, and one more
 * of the first classes where they do not divide. labels [count], 0..n_classes-1; *rows [*n] ascends, the caller frees it, on
 * errors too. Errors: MEMORY.
 */
reshift_status dataset_limit_by_class(const int32_t *labels, int64_t count, int n_classes, int64_t limit, int64_t **rows,
                                      int64_t *n, reshift_error *error);

/**
 * What .npy files must be to serve as images, uint8 [N,H,W,3] with N >= 1; `name` is for messages.
 * Errors: SHAPE, with a hint for floats and for channels first.
 */
reshift_status image_array_check(const reshift_array *images, const char *name, reshift_error *error);
/**
 * Reads the labels of a set of files into *values [n] (malloc; the caller frees it, also after an error), named
 * "labels 'NAME'" in messages. Errors: those of reshift_labels_read(), MEMORY.
 */
reshift_status label_array_read(const reshift_array *labels, const char *name, int64_t n, int below, int **values,
                                int *n_classes, reshift_error *error);
/** Copies image `row` of such an array. Errors: MEMORY. */
reshift_status image_array_read(const reshift_array *images, int64_t row, reshift_image *image, reshift_error *error);

#endif
