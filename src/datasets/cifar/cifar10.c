/*
 * CIFAR-10 (Krizhevsky 2009): finds the set in a folder in any of its layouts, reads the files of the requested split,
 * and returns their records. Binary files stay mapped; data from an archive or a pickle is kept in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "datasets/cifar/cifar_parts.h"
#include "datasets/dataset.h"
#include "formats/archive.h"

enum { MAX_PARTS = 5 };
static const char *const train_parts[MAX_PARTS] = {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4",
                                                   "data_batch_5"};
static const char *const test_parts[1] = {"test_batch"};

typedef enum layout { LAYOUT_BINARY, LAYOUT_PICKLE } layout;

typedef struct cifar10 {
    bool train;
    int n_parts;
    const char *const *part_names; /* [n_parts] */
    cifar_part parts[MAX_PARTS];
} cifar10;

static reshift_status read_part(cifar10 *c, int i, layout l, blob *bytes, const char *path, reshift_error *error)
{
    return l == LAYOUT_BINARY ? cifar_part_read_binary(bytes, path, &c->parts[i], error)
                              : cifar_part_read_pickle(bytes, path, &c->parts[i], error);
}

static void file_name(const cifar10 *c, int i, layout l, char name[32])
{
    snprintf(name, 32, "%s%s", c->part_names[i], l == LAYOUT_BINARY ? ".bin" : "");
}

static reshift_status read_folder(cifar10 *c, const char *folder, layout l, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (int i = 0; status == RESHIFT_OK && i < c->n_parts; i++) {
        char name[32];
        file_name(c, i, l, name);
        char *path = path_join(folder, name);
        if (!path) {
            return error_memory(error, strlen(folder), "a path");
        }
        blob *bytes = NULL;
        status = blob_open(path, &bytes, error);
        if (status == RESHIFT_OK) {
            status = read_part(c, i, l, bytes, path, error);
        } else if (status == RESHIFT_ERROR_NOT_FOUND) {
            error_hint(error, "the set is incomplete; fetch it again with: reshift fetch cifar10");
        }
        blob_drop(&bytes);
        free(path);
    }
    return status;
}

/* *found stays false, without an error, if the archive is valid but contains no part in this layout. */
static reshift_status read_archive(cifar10 *c, blob *archive, const char *path, layout l, bool *found,
                                   reshift_error *error)
{
    char names[MAX_PARTS][32];
    const char *wanted[MAX_PARTS];
    blob *bytes[MAX_PARTS] = {NULL};
    for (int i = 0; i < c->n_parts; i++) {
        file_name(c, i, l, names[i]);
        wanted[i] = names[i];
    }
    reshift_status status =
        archive_load_entries(archive, path, wanted, (size_t)c->n_parts, CIFAR_PART_MAX_BYTES, bytes, error);
    *found = false;
    for (int i = 0; i < c->n_parts; i++) {
        *found = *found || bytes[i];
    }
    for (int i = 0; *found && status == RESHIFT_OK && i < c->n_parts; i++) {
        char entry[600];
        snprintf(entry, sizeof entry, "%s:%s", path, wanted[i]);
        if (!bytes[i]) {
            status = error_set(error, RESHIFT_ERROR_NOT_FOUND, "'%s': the archive has no entry '%s'", path, wanted[i]);
        } else {
            status = read_part(c, i, l, bytes[i], entry, error);
        }
    }
    for (int i = 0; i < c->n_parts; i++) {
        blob_drop(&bytes[i]);
    }
    return status;
}

static reshift_status read_archive_file(cifar10 *c, const char *path, reshift_error *error)
{
    blob *archive;
    reshift_status status = blob_open(path, &archive, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    bool found = false;
    if (!archive_is(archive, NULL)) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "'%s' is no archive", path);
        error_hint(error, "expected a folder or CIFAR-10's official .tar.gz");
    }
    for (int l = LAYOUT_BINARY; status == RESHIFT_OK && !found && l <= LAYOUT_PICKLE; l++) {
        status = read_archive(c, archive, path, (layout)l, &found, error);
        if (status == RESHIFT_ERROR_FORMAT && error && !error->hint[0]) {
            error_hint(error, "the archive is cut short or damaged; fetch it again with: reshift fetch cifar10");
        }
    }
    if (status == RESHIFT_OK && !found) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "'%s': the archive holds no %s.bin and no %s", path,
                           c->part_names[0], c->part_names[0]);
    }
    blob_drop(&archive);
    return status;
}

/* The places below the folder where the set may be, in order of preference. */
static const struct place {
    const char *folder, *archive;
    layout layout;
} places[] = {
    {"cifar-10-batches-bin", NULL, LAYOUT_BINARY}, {".", NULL, LAYOUT_BINARY},
    {"cifar-10-batches-py", NULL, LAYOUT_PICKLE},  {".", NULL, LAYOUT_PICKLE},
    {NULL, "cifar-10-binary.tar.gz", 0},           {NULL, "cifar-10-python.tar.gz", 0},
};

static reshift_status nothing_there(const cifar10 *c, const char *where, reshift_error *error)
{
    bool folder;
    path_is_folder(where, &folder, NULL);
    error_set(error, RESHIFT_ERROR_NOT_FOUND, "no CIFAR-10 %s set in '%s'%s", c->train ? "training" : "test", where,
              folder ? "" : ": there is no such folder");
    error_hint(error,
               "expected cifar-10-batches-bin/, cifar-10-batches-py/ or the official .tar.gz there; get it with: "
               "reshift fetch cifar10");
    return RESHIFT_ERROR_NOT_FOUND;
}

static reshift_status read_place(cifar10 *c, const char *where, reshift_error *error)
{
    bool archive;
    reshift_status status = path_is_file(where, &archive, error);
    if (status != RESHIFT_OK || archive) {
        return status == RESHIFT_OK ? read_archive_file(c, where, error) : status;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char name[32];
        char *folder = path_join(where, places[i].folder ? places[i].folder : places[i].archive);
        file_name(c, 0, places[i].layout, name);
        char *first = folder ? path_join(folder, name) : NULL;
        if (!first) {
            free(folder);
            return error_memory(error, strlen(where), "a path");
        }
        bool here;
        status = path_is_file(places[i].archive ? folder : first, &here, error);
        if (here) {
            const char *from = places[i].folder && strcmp(places[i].folder, ".") == 0 ? where : folder;
            status =
                places[i].archive ? read_archive_file(c, folder, error) : read_folder(c, from, places[i].layout, error);
        }
        free(first);
        free(folder);
        if (here || status != RESHIFT_OK) {
            return status;
        }
    }
    return nothing_there(c, where, error);
}

static reshift_status cifar10_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const cifar10 *c = state;
    reshift_status status = reshift_image_resize(image, CIFAR_SIDE, CIFAR_SIDE, error);
    if (status == RESHIFT_OK) {
        cifar_part_pixels(&c->parts[row / CIFAR_PART_RECORDS], (int)(row % CIFAR_PART_RECORDS), image->pixels);
    }
    return status;
}

static void cifar10_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const cifar10 *c = state;
    snprintf(text, size, "cifar10 %s image %lld", c->train ? "train" : "test", (long long)row);
}

static void cifar10_destroy(void *state)
{
    cifar10 *c = state;
    for (int i = 0; i < c->n_parts; i++) {
        cifar_part_destroy(&c->parts[i]);
    }
    free(c);
}

static void cifar10_forget(const void *state)
{
    const cifar10 *c = state;
    for (int i = 0; i < c->n_parts; i++) {
        if (c->parts[i].bytes) {
            blob_forget(c->parts[i].bytes);
        }
    }
}

static const dataset_kind cifar10_kind = {cifar10_read, cifar10_row_name, NULL, cifar10_destroy, NULL, cifar10_forget};

reshift_status cifar10_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                            reshift_error *error)
{
    *dataset = NULL;
    char data_folder[4096];
    reshift_status status = RESHIFT_OK;
    if (!where) {
        status = reshift_data_folder_find(options->data_dir, data_folder, sizeof data_folder, error);
        where = data_folder;
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    cifar10 *c = calloc(1, sizeof *c);
    if (!c) {
        return error_memory(error, sizeof *c, "CIFAR-10");
    }
    c->train = strcmp(options->split, "train") == 0;
    c->n_parts = c->train ? MAX_PARTS : 1;
    c->part_names = c->train ? train_parts : test_parts;
    status = read_place(c, where, error);
    if (status != RESHIFT_OK) {
        cifar10_destroy(c);
        return status;
    }
    int64_t count = dataset_limit((int64_t)c->n_parts * CIFAR_PART_RECORDS, options->limit);
    reshift_dataset *d;
    status = dataset_create(&cifar10_kind, c, "cifar10", count, CIFAR_CLASSES, cifar_class_names, &d, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    for (int64_t row = 0; row < count; row++) {
        d->rows[row].label = c->parts[row / CIFAR_PART_RECORDS].labels[row % CIFAR_PART_RECORDS];
    }
    d->has_parts = true;
    d->published = c->train ? NULL : CIFAR_TEST_PUBLISHED;
    dataset_forget(d); /* every label is on another page */
    d->fixed_size = true;
    d->height = d->width = CIFAR_SIDE;
    *dataset = d;
    return RESHIFT_OK;
}
