/*
 * Corrupted versions of any set, computed when a row is read and not stored: severity by severity, row r is image r mod
 * n, like the files of CIFAR-10-C. Random draws are keyed by the image, so a row always has the same pixels.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "corruptions/frost.h"
#include "datasets/writing/corrupt.h"

typedef struct corrupted {
    reshift_dataset *clean;
    const reshift_corruption *corruption;
    reshift_corrupt_options how; /* constants: never AUTO */
    bool by_size;                /* the constants are determined by the common size of the images */
    int64_t n;                   /* images a severity */
    reshift_frost *frost;        /* NULL: another corruption, or procedurally drawn overlays */
    char *frost_folder;          /* the folder `frost` was loaded from */
} corrupted;

static int severity_of(const corrupted *c, int64_t row) { return c->how.severity_first + (int)(row / c->n); }

static reshift_status corrupted_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const corrupted *c = state;
    int64_t clean_row = row % c->n;
    reshift_image clean = {0};
    reshift_status status = reshift_dataset_read(c->clean, clean_row, &clean, error);
    if (status == RESHIFT_OK) {
        status = corrupt_image(c->clean, clean_row, c->corruption, severity_of(c, row), &c->how, &clean, image, error);
    }
    reshift_image_destroy(&clean);
    return status;
}

static reshift_status corrupted_original(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const corrupted *c = state;
    return dataset_original(c->clean, row % c->n, image, error);
}

static void corrupted_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const corrupted *c = state;
    char name[512];
    reshift_dataset_row_name(c->clean, row % c->n, name, sizeof name);
    snprintf(text, size, "%s, %s %d", name, c->corruption->name, severity_of(c, row));
}

/*
 * Hashes the inputs that determine the pixels, not the pixels: computing all of them would cost as much as the study.
 */
static reshift_status corrupted_identity(const void *state, digest *d, reshift_error *error)
{
    const corrupted *c = state;
    char hex[65], text[320];
    reshift_status status = reshift_dataset_identity(c->clean, hex, error);
    if (status == RESHIFT_OK) {
        int length =
            snprintf(text, sizeof text, "%s made: %s %d-%d seed %llu", hex, c->corruption->name, c->how.severity_first,
                     c->how.severity_last, c->corruption->random ? (unsigned long long)c->how.seed : 0ull);
        digest_add(d, text, (size_t)length);
        if (!c->by_size) { /* otherwise determined by the size of the images, which is part of their identity */
            length = snprintf(text, sizeof text, " constants %d", (int)c->how.constants);
            digest_add(d, text, (size_t)length);
        }
        int jpeg = corrupt_jpeg_of(c->how.constants, c->how.jpeg);
        if (jpeg != 0) { /* hashed only with the step, so that sets of 32x32 keep their earlier identity */
            length = snprintf(text, sizeof text, " jpeg %d", jpeg);
            digest_add(d, text, (size_t)length);
        }
    }
    for (int i = 0; status == RESHIFT_OK && c->frost && i < FROST_OVERLAYS; i++) {
        char *path = path_join(c->frost_folder, frost_files[i]);
        status = path ? digest_file(DIGEST_SHA256, path, hex, error) : error_memory(error, 64, "a path");
        if (status == RESHIFT_OK) {
            digest_add(d, hex, 64);
        }
        free(path);
    }
    return status;
}

static void corrupted_destroy(void *state)
{
    corrupted *c = state;
    reshift_dataset_close(&c->clean);
    reshift_frost_close(&c->frost);
    free(c->frost_folder);
    free(c);
}

static void corrupted_forget(const void *state) { dataset_forget(((const corrupted *)state)->clean); }

static const dataset_kind corrupted_kind = {corrupted_read,    corrupted_row_name, corrupted_identity,
                                            corrupted_destroy, corrupted_original, corrupted_forget};

reshift_status corrupted_open(reshift_dataset *clean, const reshift_dataset_options *options, reshift_dataset **dataset,
                              reshift_error *error)
{
    *dataset = NULL;
    const reshift_corruption *corruption;
    reshift_status status = reshift_corruption_find(options->corruption, &corruption, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    corrupted *c = calloc(1, sizeof *c);
    if (!c) {
        return error_memory(error, sizeof *c, "a corrupted set");
    }
    *c = (corrupted){.clean = dataset_share(clean),
                     .corruption = corruption,
                     .how = {.severity_first = options->severity_first,
                             .severity_last = options->severity_last,
                             .constants = options->constants,
                             .jpeg = options->jpeg,
                             .seed = options->seed},
                     .n = clean->count};
    c->by_size = options->constants == RESHIFT_CONSTANTS_AUTO && clean->fixed_size;
    status = reshift_corrupt_constants(clean, options->constants, &c->how.constants, error);
    bool frosted = strcmp(corruption->name, "frost") == 0;
    if (status == RESHIFT_OK && frosted) {
        status = frost_find(options->data_dir, &c->frost_folder, &c->frost, error);
        c->how.frost = c->frost;
    }
    if (status != RESHIFT_OK) {
        corrupted_destroy(c);
        return status;
    }
    int64_t n_severities = options->severity_last - options->severity_first + 1;
    status = dataset_derive(&corrupted_kind, c, clean, n_severities * clean->count, dataset, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    reshift_dataset *d = *dataset;
    for (int64_t row = 0; row < d->count; row++) {
        d->rows[row] = clean->rows[row % clean->count];
        d->rows[row].severity = severity_of(c, row);
    }
    d->from_file = false;
    d->constants = c->how.constants;
    d->jpeg = corrupt_jpeg_of(d->constants, options->jpeg);
    d->note = frosted && !c->frost ? RESHIFT_FROST_DRAWN : NULL;
    free(d->corruption); /* a set that is already corrupted may be corrupted again */
    return dataset_name_corruption(dataset, corruption->name, error);
}
