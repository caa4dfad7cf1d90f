/*
 * ImageNet-C (Hendrycks & Dietterich 2019) as published: a tree CORRUPTION/SEVERITY/CLASS/IMAGE.JPEG, read as one set
 * with labels. Severity by severity, row r is a version of image r mod n, as in CIFAR-10-C; classes are the sorted
 * folder names. The files are already crops of one size (224x224), so the set has a fixed size: images are used
 * unchanged by a network of that size and scaled for others, but never resized and cropped again.
 *
 * A set has up to 250,000 files, so its identity is computed from their names, sizes and modification times instead of
 * reading 19 GB.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"
#include "datasets/dataset.h"
#include "datasets/folders/imagenet_c_tree.h"
#include "datasets/preparation_file.h"
#include "formats/blob.h"
#include "formats/images/image_file.h"

typedef struct imagenet_c {
    char *folder; /* of the corruption */
    char corruption[64];
    tree_images images; /* the same for every severity */
    int64_t n;          /* of them in the set */
    int severity_first, severity_last;
    int height, width;
} imagenet_c;

static char *row_path(const imagenet_c *c, int64_t row)
{
    char *path = NULL;
    const int severity = c->severity_first + (int)(row / c->n);
    return asprintf(&path, "%s/%d/%s", c->folder, severity, c->images.names[row % c->n]) < 0 ? NULL : path;
}

static reshift_status imagenet_c_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const imagenet_c *c = state;
    char *path = row_path(c, row);
    if (!path) {
        return error_memory(error, strlen(c->folder), "a path");
    }
    reshift_status status = reshift_image_load(path, image, error);
    if (status == RESHIFT_OK && (image->height != c->height || image->width != c->width)) {
        error_set(error, RESHIFT_ERROR_SHAPE, "'%s': expected %dx%d as the set's first image, found %dx%d", path,
                  c->width, c->height, image->width, image->height);
        error_hint(error, "images of many sizes are read severity by severity, as folder:%s/%d", c->folder,
                   c->severity_first + (int)(row / c->n));
        status = error_at_offset(error, RESHIFT_ERROR_SHAPE, path, -1);
    }
    free(path);
    return status;
}

static void imagenet_c_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const imagenet_c *c = state;
    snprintf(text, size, "%s/%d/%s", c->folder, c->severity_first + (int)(row / c->n), c->images.names[row % c->n]);
}

/* The name of a row's photograph: the path below the severity, equal for all corruptions. */
static void imagenet_c_place(const void *state, int64_t row, char *text, size_t size)
{
    const imagenet_c *c = state;
    const char *name = c->images.names[row % c->n], *dot = strrchr(name, '.');
    snprintf(text, size, "imagenet %.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
}

static reshift_status imagenet_c_identity(const void *state, digest *d, reshift_error *error)
{
    const imagenet_c *c = state;
    const int64_t rows = c->n * (c->severity_last - c->severity_first + 1);
    reshift_status status = RESHIFT_OK;
    char text[128];
    for (int64_t row = 0; row < rows; row++) {
        struct stat facts;
        char *path = row_path(c, row);
        if (!path) {
            return error_memory(error, strlen(c->folder), "a path");
        }
        if (stat(path, &facts) != 0) {
            status = error_from_errno(error, errno, "cannot read '%s'", path);
            free(path);
            return status;
        }
        const int length = snprintf(text, sizeof text, " %lld %lld.%09ld ", (long long)facts.st_size,
                                    (long long)facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
        digest_add(d, c->images.names[row % c->n], strlen(c->images.names[row % c->n]));
        digest_add(d, text, (size_t)length);
        free(path);
    }
    return status;
}

static reshift_status imagenet_c_original(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    char name[512];
    (void)image;
    imagenet_c_place(state, row, name, sizeof name);
    return error_set(error, RESHIFT_ERROR_NOT_FOUND, "%s: only corrupted versions are at hand", name);
}

static void imagenet_c_destroy(void *state)
{
    imagenet_c *c = state;
    tree_images_destroy(&c->images);
    free(c->folder);
    free(c);
}

static const dataset_kind imagenet_c_kind = {.read = imagenet_c_read,
                                             .row_name = imagenet_c_row_name,
                                             .identity = imagenet_c_identity,
                                             .destroy = imagenet_c_destroy,
                                             .original = imagenet_c_original,
                                             .forget = NULL};

/* ---- opening ---- */

static reshift_status check_request(const reshift_dataset_options *options, reshift_error *error)
{
    const char *name = options->corruption;
    if (!name) {
        error_set(error, RESHIFT_ERROR_ARGUMENT, "imagenet-c: no corruption named");
        error_hint(error, "name one, as in --corruption gaussian_blur");
        return RESHIFT_ERROR_ARGUMENT;
    }
    if (!*name || *name == '.' || strchr(name, '/') || strlen(name) >= sizeof((imagenet_c *)0)->corruption) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "imagenet-c: '%s' is no corruption", name);
    }
    if (strcmp(options->split, "test") != 0) {
        error_set(error, RESHIFT_ERROR_ARGUMENT, "imagenet-c holds versions of test images only, found split '%s'",
                  options->split);
        error_hint(error, "for corrupted training images use --data folder:DIR --split train --corruption %s", name);
        return RESHIFT_ERROR_ARGUMENT;
    }
    return RESHIFT_OK;
}

/* DIR, or ImageNet-C in the data folder. The caller frees it. */
static reshift_status find_root(const char *where, const reshift_dataset_options *options, char **root,
                                reshift_error *error)
{
    char data_folder[4096];
    *root = NULL;
    if (where) {
        *root = strdup(where);
    } else {
        reshift_status found = reshift_data_folder_find(options->data_dir, data_folder, sizeof data_folder, error);
        if (found != RESHIFT_OK) {
            return found;
        }
        *root = path_join(data_folder, "ImageNet-C");
    }
    if (!*root) {
        return error_memory(error, 64, "a path");
    }
    bool is;
    reshift_status status = path_is_folder(*root, &is, error);
    if (status != RESHIFT_OK) {
        free(*root);
        *root = NULL;
        return status;
    }
    if (!is) {
        error_set(error, RESHIFT_ERROR_NOT_FOUND, "no ImageNet-C: '%s' is no folder", *root);
        error_hint(error, "name the folder that holds its archives unpacked, as in imagenet-c:DIR");
        error_at_offset(error, RESHIFT_ERROR_NOT_FOUND, *root, -1);
        free(*root);
        *root = NULL;
        return RESHIFT_ERROR_NOT_FOUND;
    }
    return RESHIFT_OK;
}

/* Checks that all severities, and one other corruption, contain the same images. */
static reshift_status check_same_images(const imagenet_c *c, const char *root, reshift_error *error)
{
    char here[4200], there[4200], *other = NULL;
    tree_images images = {0};
    reshift_status status = RESHIFT_OK;
    snprintf(here, sizeof here, "%s/%d", c->folder, c->severity_first);
    for (int s = c->severity_first + 1; status == RESHIFT_OK && s <= c->severity_last; s++) {
        status = tree_list(c->folder, s, &images, error);
        if (status == RESHIFT_OK) {
            snprintf(there, sizeof there, "%s/%d", c->folder, s);
            status = tree_compare(&c->images, here, &images, there, error);
        }
        tree_images_destroy(&images);
    }
    if (status == RESHIFT_OK) {
        status = tree_other_corruption(root, c->corruption, &other, error);
    }
    if (status == RESHIFT_OK && other) {
        snprintf(there, sizeof there, "%s/%d", other, c->severity_first);
        bool is = false;
        status = path_is_folder(there, &is, error);
        if (status == RESHIFT_OK && is) {
            status = tree_list(other, c->severity_first, &images, error);
            status = status == RESHIFT_OK ? tree_compare(&images, there, &c->images, here, error) : status;
        }
    }
    tree_images_destroy(&images);
    free(other);
    return status;
}

/* Size of the first image, and the quality if it is a JPEG. */
static reshift_status look_at_first(imagenet_c *c, int *quality, reshift_error *error)
{
    image_facts facts;
    blob *bytes = NULL;
    char *path = row_path(c, 0);
    reshift_status status = path ? blob_open(path, &bytes, error) : error_memory(error, 64, "a path");
    if (status == RESHIFT_OK) {
        status = image_describe(bytes->data, bytes->size, path, &facts, error);
    }
    if (status == RESHIFT_OK) {
        c->height = facts.height;
        c->width = facts.width;
        *quality = strcmp(facts.format, "jpeg") == 0 ? jpeg_quality(bytes->data, bytes->size) : 0;
    }
    blob_drop(&bytes);
    free(path);
    return status;
}

static reshift_status find_images(imagenet_c *c, const char *root, int64_t limit, int *quality, reshift_error *error)
{
    reshift_status status = tree_find_corruption(root, c->corruption, &c->folder, error);
    if (status == RESHIFT_OK) {
        status = tree_check_severities(c->folder, c->corruption, c->severity_first, c->severity_last, error);
    }
    if (status == RESHIFT_OK) {
        status = tree_list(c->folder, c->severity_first, &c->images, error);
    }
    if (status == RESHIFT_OK) {
        status = check_same_images(c, root, error);
    }
    if (status == RESHIFT_OK) {
        status = tree_limit(&c->images, limit, error);
    }
    if (status == RESHIFT_OK) {
        c->n = c->images.n; /* row_path() divides by it */
        status = look_at_first(c, quality, error);
    }
    return status;
}

/*
 * How `reshift corrupt` created the images, if its description exists and is equal at every severity. The published
 * files have none.
 */
static reshift_status find_preparation(const imagenet_c *c, reshift_dataset *set, reshift_error *error)
{
    reshift_image_facts all = {0};
    reshift_status status = RESHIFT_OK;
    bool known = true;
    for (int s = c->severity_first; s <= c->severity_last && known && status == RESHIFT_OK; s++) {
        reshift_image_facts one;
        char folder[4200];
        snprintf(folder, sizeof folder, "%s/%d", c->folder, s);
        status = preparation_file_read(folder, &one, &known, error);
        all = s == c->severity_first ? one : reshift_image_facts_merge(&all, &one);
    }
    if (status == RESHIFT_OK && known && all.constants > RESHIFT_CONSTANTS_AUTO && all.crop > 0 &&
        all.crop_resize > 0 && all.crop == c->height && all.crop == c->width) {
        set->constants = (reshift_constants)all.constants;
        set->crop_resize = all.crop_resize;
        set->crop_size = all.crop;
    }
    return status;
}

reshift_status imagenet_c_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                               reshift_error *error)
{
    *dataset = NULL;
    char *root = NULL;
    int quality = 0;
    const reshift_corruption *known = NULL;
    reshift_status status = check_request(options, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    imagenet_c *c = calloc(1, sizeof *c);
    if (!c) {
        return error_memory(error, sizeof *c, "ImageNet-C");
    }
    reshift_error unknown; /* aliases are resolved by the table; a user's own corruption need not be in it */
    const bool is_known = reshift_corruption_find(options->corruption, &known, &unknown) == RESHIFT_OK;
    snprintf(c->corruption, sizeof c->corruption, "%s", is_known ? known->name : options->corruption);
    c->severity_first = options->severity_first;
    c->severity_last = options->severity_last;
    status = find_root(where, options, &root, error);
    if (status == RESHIFT_OK) {
        status = find_images(c, root, options->limit, &quality, error);
    }
    free(root);
    if (status != RESHIFT_OK) {
        imagenet_c_destroy(c);
        return status;
    }
    const int64_t n = c->n;
    const int64_t count = n * (c->severity_last - c->severity_first + 1);
    status = dataset_create(&imagenet_c_kind, c, "imagenet-c", count, c->images.n_classes,
                            (const char *const *)c->images.classes, dataset, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    reshift_dataset *d = *dataset;
    for (int64_t row = 0; row < count; row++) {
        d->rows[row] = (dataset_row){row % n, c->images.labels[row % n], c->severity_first + (int)(row / n)};
    }
    d->fixed_size = true;
    d->height = c->height;
    d->width = c->width;
    d->jpeg = quality;
    d->place = imagenet_c_place;
    status = find_preparation(c, d, error);
    if (status != RESHIFT_OK) {
        reshift_dataset_close(dataset);
        return status;
    }
    return dataset_name_corruption(dataset, c->corruption, error);
}

/* ---- the clean photographs ---- */

/* "class/NAME" of a folder's row: the last two components of the path without the ending. */
static void photo_name(const reshift_dataset *set, int64_t row, char *text, size_t size)
{
    reshift_dataset_row_name(set, row, text, size);
    char *slash = strrchr(text, '/'), *begin = text, *dot;
    while (slash && slash > text && slash[-1] != '/') {
        slash--;
    }
    begin = slash ? slash : text;
    memmove(text, begin, strlen(begin) + 1);
    if ((dot = strrchr(text, '.'))) {
        *dot = '\0';
    }
}

/* The rows of `photos` that the set's images are versions of, in the set's order; both lists are sorted alike. */
static reshift_status match(const tree_images *images, int64_t n, const reshift_dataset *photos, int64_t *rows,
                            reshift_error *error)
{
    char name[4096], wanted[4096];
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        const char *dot = strrchr(images->names[i], '.');
        snprintf(wanted, sizeof wanted, "%.*s", (int)(dot - images->names[i]), images->names[i]);
        for (;; at++) {
            if (at == photos->count) {
                return error_set(error, RESHIFT_ERROR_SHAPE, "no clean photograph '%s': other images", wanted);
            }
            photo_name(photos, at, name, sizeof name);
            if (strcmp(name, wanted) == 0) {
                break;
            }
        }
        rows[i] = at++;
    }
    return RESHIFT_OK;
}

/* ROOT/val, ROOT/clean, or ImageNet/val of the data folder; NULL if none exists. */
static reshift_status find_photos(const char *root, const reshift_dataset_options *options, char **photos,
                                  reshift_error *error)
{
    char data_folder[4096];
    reshift_error unused;
    const bool has_data =
        reshift_data_folder_find(options->data_dir, data_folder, sizeof data_folder, &unused) == RESHIFT_OK;
    char *const places[3] = {path_join(root, "val"), path_join(root, "clean"),
                             has_data ? path_join(data_folder, "ImageNet/val") : NULL};
    reshift_status status = RESHIFT_OK;
    *photos = NULL;
    for (int i = 0; i < 3; i++) {
        bool is = false;
        if (status == RESHIFT_OK && places[i] && !*photos) {
            status = path_is_folder(places[i], &is, error);
        }
        if (is) {
            *photos = places[i];
        } else {
            free(places[i]);
        }
    }
    if (status != RESHIFT_OK || *photos) {
        return status;
    }
    error_set(error, RESHIFT_ERROR_NOT_FOUND,
              "no clean photographs of ImageNet-C: neither '%s/val' nor ImageNet/val in "
              "the data folder is there",
              root);
    error_hint(error, "a link to ImageNet's validation folder, one folder a class, serves");
    return RESHIFT_ERROR_NOT_FOUND;
}

reshift_status imagenet_c_open_clean(const char *where, const reshift_dataset_options *options, reshift_dataset **clean,
                                     reshift_error *error)
{
    char *root = NULL, *photos = NULL, *folder = NULL;
    reshift_dataset *all = NULL;
    tree_images images = {0};
    int64_t *rows = NULL, n = 0;
    *clean = NULL;
    reshift_dataset_options plain = *options;
    plain.corruption = NULL;
    reshift_status status = find_root(where, options, &root, error);
    if (status == RESHIFT_OK) {
        status = find_photos(root, options, &photos, error);
    }
    if (status == RESHIFT_OK) {
        status = tree_other_corruption(root, "", &folder, error);
    }
    if (status == RESHIFT_OK && folder) {
        for (int s = 1; s <= 5 && status == RESHIFT_OK && images.n == 0; s++) {
            char path[4200];
            snprintf(path, sizeof path, "%s/%d", folder, s);
            bool is = false;
            status = path_is_folder(path, &is, error);
            status = status == RESHIFT_OK && is ? tree_list(folder, s, &images, error) : status;
        }
    }
    if (status == RESHIFT_OK && folder) {
        status = tree_limit(&images, options->limit, error);
        plain.limit = 0; /* the limit applies to the corrupted images */
    }
    if (status == RESHIFT_OK) {
        status = folder_open(photos, &plain, &all, error);
    }
    if (status == RESHIFT_OK) {
        n = folder ? images.n : all->count;
        rows = malloc((size_t)n * sizeof *rows + 1);
        status = rows ? RESHIFT_OK : error_memory(error, (size_t)n * sizeof *rows, "rows");
    }
    for (int64_t i = 0; status == RESHIFT_OK && !folder && i < n; i++) {
        rows[i] = i;
    }
    if (status == RESHIFT_OK && folder) {
        status = match(&images, n, all, rows, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_dataset_subset(all, rows, n, clean, error);
    }
    tree_images_destroy(&images);
    reshift_dataset_close(&all);
    free(rows);
    free(folder);
    free(photos);
    free(root);
    return status;
}
