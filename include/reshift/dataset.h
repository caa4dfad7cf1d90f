/* Sources of labelled images: CIFAR-10 and CIFAR-10-C in all their layouts, folders, .npy arrays, the embedded demo. */
#ifndef RESHIFT_DATASET_H
#define RESHIFT_DATASET_H

#include "reshift/array.h"
#include "reshift/corruption.h"
#include "reshift/image.h"
#include "reshift/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A labelled image set: rows 0..count-1, each with an image, a label, the image it is a version of (`source`: rows with
 * equal source show the same photograph, clean or corrupted) and a severity (0: clean). Immutable once open; read by
 * any number of threads at once.
 */
typedef struct reshift_dataset reshift_dataset;

typedef struct reshift_dataset_options {
    const char *data_dir; /* NULL: $RESHIFT_DATA, else $XDG_CACHE_HOME/reshift, else ~/.cache/reshift */
    const char *split;    /* "train" or "test" (default) */
    int64_t limit; /* the first N images, of folders as many of every class; 0: all. Of a corrupted set: the same N
                      of every severity */
    const char *corruption;            /* of cifar10-c, or to be made from any set; NULL: none (cifar10-c needs one) */
    int severity_first, severity_last; /* 1..5 */
    bool generate;                     /* make the corruption from the clean test images where no file is there */
    uint64_t seed;                     /* for random corruptions and the demo */
    reshift_constants constants;       /* of corruptions made here; AUTO: reshift_corrupt_constants() of the set */
    int crop_resize,
        crop_size;          /* images of many sizes are resized and cropped to this before they are corrupted here, as
                               ImageNet-C's generator does (reshift_recipe_at()); size 0: corrupted at their own size */
    bool verify;            /* the files' checksums must be the published ones (cifar10-c) */
    reshift_jpeg_step jpeg; /* last step of corruptions made here; AUTO: with ImageNet's constants */
    bool skip_bad; /* folders: leave out images that cannot be read (every one is decoded at the start) instead of
                      failing */
    const reshift_progress *progress; /* what was passed over or left out is told here; NULL: nobody is told */
    double test_share; /* of a set without a training and a test part of its own: this share of every class, drawn by
                          the seed, is the test part and the others are the training part; 0: the whole set is either */
} reshift_dataset_options;

/** Test images, all of them, uncorrupted; severities 1 to 5, seed 0. NULL instead of options means the same. */
RESHIFT_API void reshift_dataset_options_default(reshift_dataset_options *options);

/**
 * Opens "cifar10[:DIR]", "cifar10-c[:DIR]", "imagenet-c[:DIR]", "folder:DIR", "npy:IMAGES.npy,LABELS.npy",
 * "npy:BOTH.npz" or "demo" ("demo-source" is the set that the demo's network is pretrained on). With
 * options->corruption the rows are the corrupted versions: severity by severity, row r is image r mod n. Errors:
 * ARGUMENT (a spec or severity that means nothing), NOT_FOUND (with a hint how to fetch), FORMAT, SHAPE, IO, MEMORY.
 * The caller closes *dataset; `options` may go.
 */
RESHIFT_API reshift_status reshift_dataset_open(const char *spec, const reshift_dataset_options *options,
                                                reshift_dataset **dataset, reshift_error *error);
/** Checks `spec` and `options` without touching a file, as reshift_dataset_open() does first: whatever is wrong with
 * them whatever any file holds. Errors: ARGUMENT. Call it before long work on something else. */
RESHIFT_API reshift_status reshift_dataset_check(const char *spec, const reshift_dataset_options *options,
                                                 reshift_error *error);
/** True for sets of corrupted test images (cifar10-c, imagenet-c): they have no training part and need a corruption. */
RESHIFT_API bool reshift_dataset_is_shifted(const char *spec);
/** The set whose training images belong to a set of corrupted test images: "cifar10" for cifar10-c. NULL: there is
 * none. Static. Errors: none. */
RESHIFT_API const char *reshift_dataset_training_of(const char *spec);
/** A kind's name for people, "CIFAR-10" for cifar10; NULL: it has none. Static. Errors: none. */
RESHIFT_API const char *reshift_dataset_kind_title(const char *kind);
/** The images that the corrupted sets of `spec` are versions of: CIFAR-10's test images for cifar10-c, the photographs
 * of DIR/val or of the data folder's ImageNet/val for imagenet-c, else the set without a corruption. Errors: those of
 * reshift_dataset_open(). */
RESHIFT_API reshift_status reshift_dataset_open_clean(const char *spec, const reshift_dataset_options *options,
                                                      reshift_dataset **dataset, reshift_error *error);
/** A view of `rows` [n] of `base` in that order; keeps `base` open by itself. Errors: ARGUMENT (a row that is not
 * there), MEMORY. */
RESHIFT_API reshift_status reshift_dataset_subset(reshift_dataset *base, const int64_t *rows, int64_t n,
                                                  reshift_dataset **dataset, reshift_error *error);
/**
 * A view of `base` with the shorter side of every image resized to `resize` (Pillow's bilinear filter, 8 bits) and the
 * central size x size cropped, as a set of one size. For reshift_recipe_at()'s values; ImageNet-C's are 256 and 224.
 * Keeps `base` open by itself. Errors: ARGUMENT, MEMORY.
 */
RESHIFT_API reshift_status reshift_dataset_cropped(reshift_dataset *base, int resize, int size,
                                                   reshift_dataset **dataset, reshift_error *error);
/** Closes and nulls the caller's pointer; NULL accepted. */
RESHIFT_API void reshift_dataset_close(reshift_dataset **dataset);

/** Rows of the set. */
RESHIFT_API int64_t reshift_dataset_count(const reshift_dataset *dataset);
/** Classes of the set, whether or not every one has a row. */
RESHIFT_API int reshift_dataset_n_classes(const reshift_dataset *dataset);
/** The class's name, or NULL: the set has none; the set's. `label` from 0 to n_classes - 1. */
RESHIFT_API const char *reshift_dataset_class_name(const reshift_dataset *dataset, int label);
/** The class of a row, from 0. */
RESHIFT_API int reshift_dataset_label(const reshift_dataset *dataset, int64_t row);
/** The image that a row is a version of; rows with the same number show the same photograph. */
RESHIFT_API int64_t reshift_dataset_source(const reshift_dataset *dataset, int64_t row);
/** Severity of the corruption, 1 to 5; 0: clean. */
RESHIFT_API int reshift_dataset_severity(const reshift_dataset *dataset, int64_t row);
/** "cifar10", "cifar10-c", "imagenet-c", "folder", "npy", "demo". */
RESHIFT_API const char *reshift_dataset_kind(const reshift_dataset *dataset);
/** The corruption's name, or NULL. */
RESHIFT_API const char *reshift_dataset_corruption(const reshift_dataset *dataset);
/** True where rows come from a file that was there; false where they are made on the fly. */
RESHIFT_API bool reshift_dataset_from_file(const reshift_dataset *dataset);
/** True where options->verify found the files to be the published ones. */
RESHIFT_API bool reshift_dataset_is_verified(const reshift_dataset *dataset);
/** reshift_dataset_jpeg() of several sets, of which some were encoded. */
#define RESHIFT_JPEG_MIXED (-1)
/** How corrupted rows ended: RESHIFT_JPEG_QUALITY where they went through JPEG (made here, or files stored as the
 * published ImageNet-C); 0: no JPEG step, or not corrupted; RESHIFT_JPEG_MIXED: of several sets, some did. */
RESHIFT_API int reshift_dataset_jpeg(const reshift_dataset *dataset);
/** The set of constants that corrupted images were made with, the same for all: here, or by the command that wrote the
 * folder (its preparation.json). AUTO: not corrupted, or not known. */
RESHIFT_API reshift_constants reshift_dataset_constants(const reshift_dataset *dataset);
/** Photographs corrupted here: N, where the N x N crop is corrupted, with the resize before it in *resize (may be
 * NULL); 0: corrupted at their own size, or no photographs, or none were made here. */
RESHIFT_API int reshift_dataset_corrupted_crop(const reshift_dataset *dataset, int *resize);
/** Images of the folder that options->skip_bad left out, in whatever part of it this set is. */
RESHIFT_API int64_t reshift_dataset_n_skipped(const reshift_dataset *dataset);
/** Images of the folder that are used with damage, as Pillow uses them; with options->skip_bad all, else those noticed.
 */
RESHIFT_API int64_t reshift_dataset_n_damaged(const reshift_dataset *dataset);
/** What people should know of rows made on the fly ("frost overlays drawn procedurally: ..."), or NULL. */
RESHIFT_API const char *reshift_dataset_note(const reshift_dataset *dataset);
/** Array sets (all rows one size): true and the size. A folder: false, and its images follow the weights' recipe. */
RESHIFT_API bool reshift_dataset_fixed_size(const reshift_dataset *dataset, int *height, int *width);
/** A name for people: "photos/cat/3.jpg", "test image 17". Written into `text`. */
RESHIFT_API void reshift_dataset_row_name(const reshift_dataset *dataset, int64_t row, char *text, size_t size);
/** sha256 of what the set holds (pixels' files or arrays, labels, options), as 64 hex digits. Errors: those of
 *  reading, MEMORY. */
RESHIFT_API reshift_status reshift_dataset_identity(const reshift_dataset *dataset, char hex[65], reshift_error *error);

/** Reads the image of a row into `image`. Errors: IO, FORMAT (naming the file), MEMORY. */
RESHIFT_API reshift_status reshift_dataset_read(const reshift_dataset *dataset, int64_t row, reshift_image *image,
                                                reshift_error *error);

/** The data folder that options->data_dir and the environment name. Written into `path`. Errors: NOT_FOUND (no home
 * folder), ARGUMENT (a path longer than `size`). */
RESHIFT_API reshift_status reshift_data_folder_find(const char *data_dir, char *path, size_t size,
                                                    reshift_error *error);

/** What to say where frost's overlays are drawn. */
#define RESHIFT_FROST_DRAWN                                                                                            \
    "frost overlays are drawn procedurally, as the data folder has no frost/: not the published pictures "             \
    "(reshift fetch frost)"

/**
 * The frost overlays of the data folder that `data_dir` and the environment name; *frost stays NULL, without an error,
 * where it has no frost/: overlays are drawn procedurally then. Errors: those of reshift_frost_open().
 */
RESHIFT_API reshift_status reshift_frost_find(const char *data_dir, reshift_frost **frost, reshift_error *error);

typedef enum reshift_corrupt_layout {
    RESHIFT_CORRUPT_NPY,   /* CIFAR-10-C's: FOLDER/<corruption>.npy and FOLDER/labels.npy */
    RESHIFT_CORRUPT_FOLDER /* ImageNet-C's: FOLDER/<corruption>/<severity>/<class>/NAME.JPEG, or .png without JPEG step
                            */
} reshift_corrupt_layout;

typedef struct reshift_corrupt_options {
    int severity_first, severity_last; /* 1, 5 */
    reshift_constants constants;       /* AUTO */
    reshift_jpeg_step jpeg;            /* AUTO */
    uint64_t seed;                     /* 0 */
    bool overwrite;                    /* false */
    const reshift_frost *frost;        /* for the corruption frost; NULL: overlays are drawn procedurally */
    reshift_corrupt_layout layout;     /* NPY */
} reshift_corrupt_options;

/** Fills in the defaults named next to the fields. NULL instead of options means the same. */
RESHIFT_API void reshift_corrupt_options_default(reshift_corrupt_options *options);

/**
 * The one set of constants for all images of a set: the requested one, and for AUTO the nearer of 32 and 224 pixels at
 * the images' shorter side; where sizes differ, at the median of nine images spread evenly over the set. Never AUTO.
 * Errors: those of reading an image.
 */
RESHIFT_API reshift_status reshift_corrupt_constants(const reshift_dataset *clean, reshift_constants requested,
                                                     reshift_constants *used, reshift_error *error);

/**
 * What can be known before anything is written: whether the request makes sense and the set's first image can be
 * corrupted. reshift_corrupt_write() asks the same; this is for those who write several. Errors: ARGUMENT, UNSUPPORTED
 * (many sizes in one array, an image too small), those of reading, MEMORY.
 */
RESHIFT_API reshift_status reshift_corrupt_check(const reshift_dataset *clean, const reshift_corruption *corruption,
                                                 const reshift_corrupt_options *options, reshift_error *error);

/**
 * Writes the corrupted versions of a set, streamed: never more than two buffers of 1 MB (or of one image a thread,
 * where that is more) in memory.
 *
 * RESHIFT_CORRUPT_NPY     uint8 [S*N,H,W,3], severity by severity, and labels uint8 [S*N] (int64 beyond 256 classes);
 *                         a labels.npy that is there and equal is kept. Images must have one size.
 * RESHIFT_CORRUPT_FOLDER  images of any sizes; NAME is the photograph's, else the image's number. With the JPEG step
 *                         the files are the JPEGs themselves (encoded once), otherwise PNGs. The corruption's folder
 *                         appears when it is complete. Overwriting replaces images one by one (NAME.png by NAME.JPEG
 *                         too, and the other way round) and removes none.
 *
 * The same bytes for any number of threads, and for any part of a set the same images. Errors: EXISTS (without
 * overwrite), those of reading, of the corruption and of writing; nothing half-written stays.
 */
RESHIFT_API reshift_status reshift_corrupt_write(const reshift_dataset *clean, const reshift_corruption *corruption,
                                                 const reshift_corrupt_options *options, const char *folder,
                                                 const reshift_progress *progress, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
