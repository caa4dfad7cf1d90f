/*
 * The private structure of a reshift_dataset: a table of rows that is the same for every kind of set (label, image,
 * severity), and a few functions that differ by kind (read pixels, name a row). Every kind of set creates one of these.
 */
#ifndef DATASETS_DATASET_H
#define DATASETS_DATASET_H

#include <stdatomic.h>

#include "base/digest.h"
#include "reshift/dataset.h"
#include "reshift/labels.h"

#define DATASET_MAX_CLASSES RESHIFT_MAX_CLASSES

typedef struct dataset_row {
    int64_t source; /* number of the image that this row is a version of */
    int32_t label;
    int32_t severity; /* 0: clean */
} dataset_row;

/** The functions of one kind of set; `state` is its own memory. All but destroy may be called from several threads. */
typedef struct dataset_kind {
    reshift_status (*read)(const void *state, int64_t row, reshift_image *image, reshift_error *error);
    void (*row_name)(const void *state, int64_t row, char *text, size_t size);
    /** Adds the identity of the pixels; NULL: every row is read and its pixels are hashed. */
    reshift_status (*identity)(const void *state, digest *d, reshift_error *error);
    void (*destroy)(void *state);
    /**
     * The image that a row is a version of, before corruption and crop; NULL: the row itself. Errors: NOT_FOUND if it
     * is not available, those of reading.
     */
    reshift_status (*original)(const void *state, int64_t row, reshift_image *image, reshift_error *error);
    /** Releases the resident pages of mapped files; NULL: no mapped files. */
    void (*forget)(const void *state);
} dataset_kind;

struct reshift_dataset {
    const dataset_kind *functions;
    void *state;
    atomic_int references;
    const char *kind; /* returned by reshift_dataset_kind(); static */
    int64_t count;
    dataset_row *rows; /* [count] */
    int n_classes;
    char **class_names; /* [n_classes] */
    bool fixed_size;
    int height, width; /* where fixed_size */
    char *corruption;  /* or NULL */
    bool from_file;
    int jpeg;                    /* returned by reshift_dataset_jpeg() */
    reshift_constants constants; /* of corruptions computed here; never AUTO in that case */
    int crop_resize, crop_size;  /* for photographs that are cropped before corruption; 0: none */
    int64_t n_skipped;           /* unreadable images that were skipped */
    int64_t n_damaged;           /* images read with damage */
    bool verified;               /* its files match the published checksums */
    bool has_parts;              /* training and test part are defined by the set */
    /* writes the name of a row's photograph, equal for all its versions ("imagenet n01440764/..."); NULL: no names */
    void (*place)(const void *state, int64_t row, char *text, size_t size);
    const char *published; /* the published set whose order `source` refers to ("cifar10-test"); static, or NULL */
    char *own_note;        /* allocated memory of `note`; NULL: `note` is static */
    const char *note;      /* remark on rows computed when they are read, or NULL */
};

/**
 * Creates a set of `count` clean rows (source = row, label 0), from_file, without a fixed size. Takes ownership of
 * `state`, which is destroyed on failure. class_names are copied; NULL means "0", "1", ... Errors: MEMORY.
 */
reshift_status dataset_create(const dataset_kind *functions, void *state, const char *kind, int64_t count,
                              int n_classes, const char *const *class_names, reshift_dataset **dataset,
                              reshift_error *error);

/**
 * The set that a row of a subset (of a subset, ...) was taken from, the same for all its rows, and the row's number
 * there.
 */
const reshift_dataset *dataset_origin(const reshift_dataset *dataset, int64_t row, int64_t *origin_row);

/**
 * Creates a set of `count` rows based on another one: same kind name, classes, image size, corruption and note. The
 * caller fills the rows. `state` as in dataset_create(). Errors: MEMORY.
 */
reshift_status dataset_derive(const dataset_kind *functions, void *state, const reshift_dataset *base, int64_t count,
                              reshift_dataset **dataset, reshift_error *error);

/** Sets the name of the set's corruption if it has none. On error the set is closed. Errors: MEMORY. */
reshift_status dataset_name_corruption(reshift_dataset **dataset, const char *name, reshift_error *error);

/** Releases resident pages of mapped files, so that memory does not grow with the number of rows read. */
void dataset_forget(const reshift_dataset *dataset);

/** Marks held [n] of rows [n] like reshift_split_hold_out(); `purpose` identifies the random stream. */
reshift_status split_hold_out(const reshift_dataset *dataset, const int64_t *rows, int64_t n, double share,
                              const char *purpose, uint64_t seed, uint8_t *held, int64_t *n_held, reshift_error *error);

/** Adds a reference to the set; released by reshift_dataset_close(). */
reshift_dataset *dataset_share(reshift_dataset *dataset);

/** The kinds of sets. `where` is the text after the colon of the spec, or NULL; `options` have been checked. */
reshift_status cifar10_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                            reshift_error *error);
reshift_status cifar10c_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                             reshift_error *error);
/** The clean test images: in `where`, else in the data folder. */
reshift_status cifar10c_open_clean(const char *where, const reshift_dataset_options *options, int64_t limit,
                                   reshift_dataset **clean, reshift_error *error);
/** ImageNet-C's folder tree; open_clean takes `limit` from the options. */
reshift_status imagenet_c_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                               reshift_error *error);
reshift_status imagenet_c_open_clean(const char *where, const reshift_dataset_options *options, reshift_dataset **clean,
                                     reshift_error *error);
reshift_status folder_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                           reshift_error *error);
/** Checks that the text after "npy:" names two files, or one .npz. Errors: ARGUMENT. */
reshift_status npy_set_check(const char *where, reshift_error *error);
reshift_status npy_set_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                            reshift_error *error);
reshift_status demo_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                         reshift_error *error);
reshift_status demo_source_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                                reshift_error *error);

/**
 * The corrupted versions of `clean` at the severities of `options`, computed when they are read. Shares `clean` without
 * taking ownership. Errors: ARGUMENT, NOT_FOUND (no such corruption), UNSUPPORTED, MEMORY.
 */
reshift_status corrupted_open(reshift_dataset *clean, const reshift_dataset_options *options, reshift_dataset **dataset,
                              reshift_error *error);
/**
 * The same for a set that is already open, after the crop of `options`. reshift_dataset_open() calls it for kinds
 * without corrupted files. Errors: those of corrupted_open().
 */
reshift_status dataset_corrupt(reshift_dataset *clean, const reshift_dataset_options *options,
                               reshift_dataset **dataset, reshift_error *error);

/**
 * The overlays in the data folder's frost/ and the path of that folder; both stay NULL, without an error, if it does
 * not exist. The caller closes one and frees the other. Errors: those of reshift_frost_open().
 */
reshift_status frost_find(const char *data_dir, char **folder, reshift_frost **frost, reshift_error *error);

/**
 * Reads the image that a row is a version of, before corruption and crop. Errors: NOT_FOUND if only the version is
 * available, those of reading.
 */
reshift_status dataset_original(const reshift_dataset *dataset, int64_t row, reshift_image *image,
                                reshift_error *error);

/** min(count, limit); limit 0 means all. */
int64_t dataset_limit(int64_t count, int64_t limit);
/**
 * Applies the limit to a set sorted by class: the same number of rows from every class as far as possible, the first of
 * each, and one more of the first classes if the limit is not divisible. labels [count], 0..n_classes-1; *rows [*n] is
 * ascending; the caller frees it, also on errors. Errors: MEMORY.
 */
reshift_status dataset_limit_by_class(const int32_t *labels, int64_t count, int n_classes, int64_t limit,
                                      int64_t **rows, int64_t *n, reshift_error *error);

/**
 * Checks that an array can serve as images: uint8 [N,H,W,3] with N >= 1; `name` is for messages. Errors: SHAPE, with a
 * hint for floats and for channels first.
 */
reshift_status image_array_check(const reshift_array *images, const char *name, reshift_error *error);
/**
 * Reads the labels of a set of files into *values [n] (malloc; the caller frees it, also after an error); they are
 * named "labels 'NAME'" in messages. Errors: those of reshift_labels_read(), MEMORY.
 */
reshift_status label_array_read(const reshift_array *labels, const char *name, int64_t n, int below, int **values,
                                int *n_classes, reshift_error *error);
/** Copies image `row` of such an array. Errors: MEMORY. */
reshift_status image_array_read(const reshift_array *images, int64_t row, reshift_image *image, reshift_error *error);

#endif
