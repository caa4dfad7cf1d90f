/*
 * Corrupted versions of any set, made when a row is read and kept nowhere: severity by severity, row r is image r mod
 * n, as CIFAR-10-C lays out its files. Draws are keyed by the image, so a row always comes out the same.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "datasets/dataset.h"

typedef struct corrupted {
    reshift_dataset *clean;
    const reshift_corruption *corruption;
    int64_t n; /* images a severity */
    int severity_first, severity_last;
    uint64_t seed;
} corrupted;

static int severity_of(const corrupted *c, int64_t row) { return c->severity_first + (int)(row / c->n); }

static reshift_status corrupted_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const corrupted *c = state;
    int64_t clean_row = row % c->n;
    reshift_image clean = {0};
    reshift_status status = reshift_dataset_read(c->clean, clean_row, &clean, error);
    if (status == RESHIFT_OK) {
        status = reshift_corruption_apply(c->corruption, severity_of(c, row), RESHIFT_CONSTANTS_AUTO, c->seed,
                                          reshift_dataset_source(c->clean, clean_row), NULL, &clean, image, error);
        if (status != RESHIFT_OK) {
            char name[256];
            reshift_dataset_row_name(c->clean, clean_row, name, sizeof name);
            status = error_prefix(error, status, "cannot make %s of %s", c->corruption->name, name);
        }
    }
    reshift_image_destroy(&clean);
    return status;
}

static void corrupted_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const corrupted *c = state;
    char name[512];
    reshift_dataset_row_name(c->clean, row % c->n, name, sizeof name);
    snprintf(text, size, "%s, %s %d", name, c->corruption->name, severity_of(c, row));
}

/* What the pixels follow from, not the pixels: making them all just to hash them would cost as much as the study. */
static reshift_status corrupted_identity(const void *state, digest *d, reshift_error *error)
{
    const corrupted *c = state;
    char hex[65], text[320];
    reshift_status status = reshift_dataset_identity(c->clean, hex, error);
    if (status == RESHIFT_OK) {
        int length =
            snprintf(text, sizeof text, "%s made: %s %d-%d seed %llu", hex, c->corruption->name, c->severity_first,
                     c->severity_last, c->corruption->random ? (unsigned long long)c->seed : 0ull);
        digest_add(d, text, (size_t)length);
    }
    return status;
}

static void corrupted_destroy(void *state)
{
    corrupted *c = state;
    reshift_dataset_close(&c->clean);
    free(c);
}

static const dataset_kind corrupted_kind = {corrupted_read, corrupted_row_name, corrupted_identity, corrupted_destroy};

reshift_status corrupted_open(reshift_dataset *clean, const reshift_dataset_options *options, reshift_dataset **dataset,
                              reshift_error *error)
{
    *dataset = NULL;
    const reshift_corruption *corruption;
    reshift_status status = reshift_corruption_find(options->corruption, &corruption, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (!corruption->available) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "this build cannot make corruption '%s'", corruption->name);
    }
    corrupted *c = calloc(1, sizeof *c);
    if (!c) {
        return error_memory(error, sizeof *c, "a corrupted set");
    }
    *c = (corrupted){dataset_share(clean),   corruption,   clean->count, options->severity_first,
                     options->severity_last, options->seed};
    int64_t n_severities = options->severity_last - options->severity_first + 1;
    reshift_dataset *d;
    status = dataset_create(&corrupted_kind, c, clean->kind, n_severities * clean->count, clean->n_classes,
                            (const char *const *)clean->class_names, &d, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    for (int64_t row = 0; row < d->count; row++) {
        d->rows[row] = clean->rows[row % clean->count];
        d->rows[row].severity = severity_of(c, row);
    }
    d->fixed_size = clean->fixed_size;
    d->height = clean->height;
    d->width = clean->width;
    d->from_file = false;
    d->corruption = strdup(corruption->name);
    if (!d->corruption) {
        reshift_dataset_close(&d);
        return error_memory(error, 32, "a name");
    }
    *dataset = d;
    return RESHIFT_OK;
}
