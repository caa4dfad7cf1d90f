/*
 * CIFAR-10-C (Hendrycks & Dietterich 2019): one array per corruption, uint8 [5n,32,32,3], severity by severity; row r
 * is a version of test image r mod n. Arrays are mapped from .npy files or from the official .tar, whose entries are
 * uncompressed. If there is no file, and generating is requested, versions are computed from the clean test images.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "datasets/cifar/cifar10c_published.h"
#include "datasets/cifar/cifar_parts.h"
#include "datasets/dataset.h"
#include "formats/archive.h"
#include "formats/npy.h"

enum { N_SEVERITIES = 5, MAX_NAME = 64 };
/* The largest entry unpacked from a compressed archive: five times 10,000 images and a header. */
#define MAX_ENTRY_BYTES ((size_t)N_SEVERITIES * CIFAR_PART_RECORDS * CIFAR_PIXELS + 65536)

typedef struct cifar10c {
    reshift_array images; /* [5n,32,32,3] */
    char corruption[MAX_NAME];
    int64_t n_file; /* images per severity in the file */
    int64_t n;      /* and in the set */
    int severity_first;
    reshift_dataset *clean; /* the clean test images; NULL: not available */
} cifar10c;

static int severity_of(const cifar10c *c, int64_t row) { return c->severity_first + (int)(row / c->n); }

static reshift_status cifar10c_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const cifar10c *c = state;
    return image_array_read(&c->images, (severity_of(c, row) - 1) * c->n_file + row % c->n, image, error);
}

static reshift_status cifar10c_original(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const cifar10c *c = state;
    return c->clean ? reshift_dataset_read(c->clean, row % c->n, image, error)
                    : error_set(error, RESHIFT_ERROR_NOT_FOUND, "cifar10 test image %lld is not at hand",
                                (long long)(row % c->n));
}

static void cifar10c_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const cifar10c *c = state;
    snprintf(text, size, "cifar10 test image %lld, %s %d", (long long)(row % c->n), c->corruption, severity_of(c, row));
}

static void cifar10c_destroy(void *state)
{
    cifar10c *c = state;
    reshift_array_destroy(&c->images);
    reshift_dataset_close(&c->clean);
    free(c);
}

static void cifar10c_forget(const void *state) { blob_array_forget(&((const cifar10c *)state)->images); }

static const dataset_kind cifar10c_kind = {cifar10c_read,    cifar10c_row_name, NULL,
                                           cifar10c_destroy, cifar10c_original, cifar10c_forget};

/* Reads labels [count] into *values, which the caller frees. The labels of severity 1 must repeat at every severity. */
static reshift_status read_labels(const reshift_array *labels, const char *name, int64_t count, int **values,
                                  reshift_error *error)
{
    reshift_status status = label_array_read(labels, name, count, CIFAR_CLASSES, values, NULL, error);
    for (int64_t i = 0; status == RESHIFT_OK && i < count; i++) {
        int first = (*values)[i % (count / N_SEVERITIES)];
        if ((*values)[i] != first) {
            status =
                error_set(error, RESHIFT_ERROR_FORMAT,
                          "labels '%s': row %lld: expected %d as at severity 1, found %d: not %d times the same images",
                          name, (long long)i, first, (*values)[i], N_SEVERITIES);
        }
    }
    return status;
}

static reshift_status check_images(const reshift_array *images, const char *name, reshift_error *error)
{
    reshift_status status = image_array_check(images, name, error);
    const int64_t *shape = images->shape;
    if (status == RESHIFT_OK && (shape[1] != CIFAR_SIDE || shape[2] != CIFAR_SIDE || shape[0] % N_SEVERITIES != 0)) {
        char found[256];
        reshift_array_describe(images, found, sizeof found);
        status = error_set(error, RESHIFT_ERROR_SHAPE, "images '%s': expected uint8 [%d n,%d,%d,3], found %s", name,
                           N_SEVERITIES, CIFAR_SIDE, CIFAR_SIDE, found);
    }
    return status;
}

reshift_status cifar10c_open_clean(const char *where, const reshift_dataset_options *options, int64_t limit,
                                   reshift_dataset **clean, reshift_error *error)
{
    reshift_dataset_options plain = *options;
    plain.corruption = NULL;
    plain.split = "test";
    plain.limit = limit;
    bool folder = false;
    reshift_status status = where ? path_is_folder(where, &folder, error) : RESHIFT_OK;
    if (status != RESHIFT_OK) {
        return status;
    }
    if (folder) {
        status = cifar10_open(where, &plain, clean, error);
        if (status != RESHIFT_ERROR_NOT_FOUND) {
            return status;
        }
    }
    return cifar10_open(NULL, &plain, clean, error);
}

/* Compares the labels with those of the official test images, if the clean set is available; *kept receives it then. */
static reshift_status compare_with_clean(const char *where, const reshift_dataset_options *options, const int *labels,
                                         int64_t count, const char *name, reshift_dataset **kept, reshift_error *error)
{
    reshift_dataset *clean;
    reshift_status status = cifar10c_open_clean(where, options, 0, &clean, error);
    if (status == RESHIFT_ERROR_NOT_FOUND) {
        reshift_error_clear(error);
        return RESHIFT_OK;
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    const int64_t n = count / N_SEVERITIES;
    if (n > clean->count) {
        status =
            error_set(error, RESHIFT_ERROR_SHAPE, "labels '%s': expected %d times up to %lld test images, found %lld",
                      name, N_SEVERITIES, (long long)clean->count, (long long)n);
    }
    for (int64_t i = 0; status == RESHIFT_OK && i < n; i++) {
        if (labels[i] != clean->rows[i].label) {
            status = error_set(error, RESHIFT_ERROR_FORMAT,
                               "labels '%s': row %lld: expected %d, the label of CIFAR-10 test image %lld, found %d",
                               name, (long long)i, clean->rows[i].label, (long long)i, labels[i]);
        }
    }
    *kept = clean; /* owned by the set; the set's state is destroyed on failure */
    return status;
}

static reshift_status make_set(cifar10c *c, const int *labels, const reshift_dataset_options *options,
                               reshift_dataset **dataset, reshift_error *error)
{
    c->n_file = c->images.shape[0] / N_SEVERITIES;
    c->n = dataset_limit(c->n_file, options->limit);
    c->severity_first = options->severity_first;
    const int64_t n = c->n;
    int64_t count = n * (options->severity_last - options->severity_first + 1);
    reshift_status status =
        dataset_create(&cifar10c_kind, c, "cifar10-c", count, CIFAR_CLASSES, cifar_class_names, dataset, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    reshift_dataset *d = *dataset;
    for (int64_t row = 0; row < count; row++) {
        d->rows[row] = (dataset_row){row % n, labels[row % n], options->severity_first + (int)(row / n)};
    }
    d->published = CIFAR_TEST_PUBLISHED;
    d->verified = options->verify; /* verified in read_arrays() */
    d->fixed_size = true;
    d->height = d->width = CIFAR_SIDE;
    d->corruption = strdup(options->corruption);
    if (!d->corruption) {
        reshift_dataset_close(dataset);
        return error_memory(error, MAX_NAME, "a name");
    }
    return RESHIFT_OK;
}

/* Creates the set from the bytes of its two arrays. */
static reshift_status read_arrays(blob *images_bytes, const char *images_name, blob *labels_bytes,
                                  const char *labels_name, const char *where, const reshift_dataset_options *options,
                                  reshift_dataset **dataset, reshift_error *error)
{
    reshift_array labels = {0};
    int *values = NULL;
    cifar10c *c = calloc(1, sizeof *c);
    if (!c) {
        return error_memory(error, sizeof *c, "CIFAR-10-C");
    }
    snprintf(c->corruption, sizeof c->corruption, "%s", options->corruption);
    const char *blamed = images_name;
    reshift_status status = npy_read(images_bytes, images_name, &c->images, error);
    if (status == RESHIFT_OK) {
        status = check_images(&c->images, images_name, error);
    }
    if (status == RESHIFT_OK && options->verify) {
        status = cifar10c_check_published(c->corruption, images_bytes->data, images_bytes->size, images_name, error);
    }
    if (status == RESHIFT_OK && options->verify) {
        status = cifar10c_check_published("labels", labels_bytes->data, labels_bytes->size, labels_name, error);
    }
    if (status == RESHIFT_OK) {
        blamed = labels_name;
        status = npy_read(labels_bytes, labels_name, &labels, error);
    }
    if (status == RESHIFT_OK) {
        status = read_labels(&labels, labels_name, c->images.shape[0], &values, error);
    }
    if (status == RESHIFT_OK) {
        status = compare_with_clean(where, options, values, c->images.shape[0], labels_name, &c->clean, error);
    }
    if (status == RESHIFT_OK) {
        status = make_set(c, values, options, dataset, error);
    } else {
        cifar10c_destroy(c);
        if (error && !error->path[0]) {
            error_at_offset(error, status, blamed, -1);
        }
    }
    free(values);
    reshift_array_destroy(&labels);
    return status;
}

static reshift_status read_folder(const char *folder, const char *images_path, const char *where,
                                  const reshift_dataset_options *options, reshift_dataset **dataset,
                                  reshift_error *error)
{
    char *labels_path = path_join(folder, "labels.npy");
    if (!labels_path) {
        return error_memory(error, strlen(folder), "a path");
    }
    blob *images = NULL, *labels = NULL;
    reshift_status status = blob_open(images_path, &images, error);
    if (status == RESHIFT_OK) {
        status = blob_open(labels_path, &labels, error);
        if (status == RESHIFT_ERROR_NOT_FOUND) {
            error_hint(error, "CIFAR-10-C's labels.npy belongs beside its arrays");
        }
    }
    if (status == RESHIFT_OK) {
        status = read_arrays(images, images_path, labels, labels_path, where, options, dataset, error);
    }
    blob_drop(&images);
    blob_drop(&labels);
    free(labels_path);
    return status;
}

/* *found stays false, without an error, if the archive is valid but does not contain this corruption. */
static reshift_status read_archive(const char *path, const char *file, const char *where,
                                   const reshift_dataset_options *options, bool *found, reshift_dataset **dataset,
                                   reshift_error *error)
{
    blob *archive = NULL, *bytes[2] = {NULL, NULL};
    const char *names[2] = {file, "labels.npy"};
    reshift_status status = blob_open(path, &archive, error);
    if (status == RESHIFT_OK && !archive_is(archive, NULL)) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "'%s' is no archive", path);
        error_hint(error, "expected a folder of .npy files or CIFAR-10-C's official .tar");
    }
    if (status == RESHIFT_OK) {
        status = archive_load_entries(archive, path, names, 2, MAX_ENTRY_BYTES, bytes, error);
        if (status == RESHIFT_ERROR_FORMAT && error && !error->hint[0]) {
            error_hint(error, "the archive is cut short or damaged; fetch it again with: reshift fetch cifar10-c");
        }
    }
    *found = status == RESHIFT_OK && bytes[0];
    if (*found && !bytes[1]) {
        status = error_set(error, RESHIFT_ERROR_NOT_FOUND, "'%s': the archive has no entry 'labels.npy'", path);
    } else if (*found) {
        char images_name[4200], labels_name[4200];
        snprintf(images_name, sizeof images_name, "%s:%s", path, names[0]);
        snprintf(labels_name, sizeof labels_name, "%s:%s", path, names[1]);
        status = read_arrays(bytes[0], images_name, bytes[1], labels_name, where, options, dataset, error);
    }
    blob_drop(&bytes[0]);
    blob_drop(&bytes[1]);
    blob_drop(&archive);
    return status;
}

/* Looks for the corruption's array in the places below `where`; sets *found. */
static reshift_status read_place(const char *where, const reshift_dataset_options *options, bool *found,
                                 reshift_dataset **dataset, reshift_error *error)
{
    char file[MAX_NAME + 8];
    snprintf(file, sizeof file, "%s.npy", options->corruption);
    *found = false;
    bool packed;
    reshift_status status = path_is_file(where, &packed, error);
    if (status != RESHIFT_OK || packed) {
        return status == RESHIFT_OK ? read_archive(where, file, where, options, found, dataset, error) : status;
    }
    char *inside = path_join(where, "CIFAR-10-C"), *archive = path_join(where, "CIFAR-10-C.tar");
    const char *folders[2] = {inside, where};
    if (!inside || !archive) {
        status = error_memory(error, strlen(where), "a path");
    }
    for (int i = 0; status == RESHIFT_OK && !*found && i < 2; i++) {
        char *path = path_join(folders[i], file);
        status = path ? path_is_file(path, found, error) : error_memory(error, strlen(where), "a path");
        if (*found) {
            status = read_folder(folders[i], path, where, options, dataset, error);
        }
        free(path);
    }
    if (status == RESHIFT_OK && !*found) {
        status = path_is_file(archive, &packed, error);
    }
    if (status == RESHIFT_OK && !*found && packed) {
        status = read_archive(archive, file, where, options, found, dataset, error);
    }
    free(inside);
    free(archive);
    return status;
}

static reshift_status check_wishes(const reshift_dataset_options *options, reshift_error *error)
{
    const char *name = options->corruption;
    if (!name) {
        error_set(error, RESHIFT_ERROR_ARGUMENT, "cifar10-c: no corruption named");
        error_hint(error, "name one, as in --corruption gaussian_blur");
        return RESHIFT_ERROR_ARGUMENT;
    }
    if (!*name || *name == '.' || strchr(name, '/') || strlen(name) >= MAX_NAME || strcmp(name, "labels") == 0) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cifar10-c: '%s' is no corruption", name);
    }
    if (strcmp(options->split, "test") != 0) {
        error_set(error, RESHIFT_ERROR_ARGUMENT, "cifar10-c holds versions of the test images only, found split '%s'",
                  options->split);
        error_hint(error, "for corrupted training images use --data cifar10 --split train --corruption %s", name);
        return RESHIFT_ERROR_ARGUMENT;
    }
    return RESHIFT_OK;
}

static reshift_status generate(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                               reshift_error *error)
{
    reshift_dataset *clean;
    reshift_status status = cifar10c_open_clean(where, options, options->limit, &clean, error);
    if (status != RESHIFT_OK) {
        return error_prefix(error, status, "cannot make %s, which is in no file", options->corruption);
    }
    status = corrupted_open(clean, options, dataset, error);
    if (status == RESHIFT_OK) {
        (*dataset)->kind = "cifar10-c";
    }
    reshift_dataset_close(&clean);
    return status;
}

reshift_status cifar10c_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                             reshift_error *error)
{
    *dataset = NULL;
    char data_folder[4096];
    const char *place = where;
    reshift_status status = check_wishes(options, error);
    if (status == RESHIFT_OK && !place) {
        status = reshift_data_folder_find(options->data_dir, data_folder, sizeof data_folder, error);
        place = data_folder;
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    /* Aliases of a corruption are resolved by the table; a user's own corruption need not be in it. */
    reshift_dataset_options named = *options;
    const reshift_corruption *known = NULL;
    reshift_status known_status = reshift_corruption_find(options->corruption, &known, error);
    if (known_status == RESHIFT_OK) {
        named.corruption = known->name;
    }
    reshift_error place_error;
    bool found = false;
    reshift_error_clear(&place_error);
    status = read_place(place, &named, &found, dataset, &place_error);
    if (status != RESHIFT_OK || found) {
        if (error) {
            *error = place_error;
        }
        return status;
    }
    if (known_status != RESHIFT_OK) {
        return known_status;
    }
    if (options->generate) {
        return generate(where, &named, dataset, error);
    }
    error_set(error, RESHIFT_ERROR_NOT_FOUND, "no CIFAR-10-C with %s.npy in '%s'", named.corruption, place);
    error_hint(error, "get it with: reshift fetch cifar10-c; or have it made from the test images (generate: true)");
    return RESHIFT_ERROR_NOT_FOUND;
}
