/*
 * Fingerprints of images: those of the training images are stored with the weights, and an evaluation looks up its own
 * images in them. Names refer to originals, so a version of a training image is found for every corruption and
 * severity.
 */
#include "reshift/fingerprints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "datasets/dataset.h"

enum { CHUNK = 64, NAMES = 2 };

/* The names of a row: by pixels and by position; *n of them. */
typedef struct row_names {
    uint64_t values[NAMES];
    int n;
} row_names;

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t first_bytes(const char hex[DIGEST_HEX_BYTES])
{
    char start[17];
    memcpy(start, hex, 16);
    start[16] = '\0';
    return strtoull(start, NULL, 16);
}

static reshift_status name_pixels(const reshift_image *image, uint64_t *name, reshift_error *error)
{
    uint8_t extents[8];
    char hex[DIGEST_HEX_BYTES];
    digest *d = digest_create(DIGEST_SHA256);
    if (!d) {
        return error_memory(error, 64, "a digest");
    }
    for (int i = 0; i < 4; i++) {
        extents[i] = (uint8_t)((uint32_t)image->height >> (8 * i));
        extents[4 + i] = (uint8_t)((uint32_t)image->width >> (8 * i));
    }
    digest_add(d, extents, sizeof extents);
    digest_add(d, image->pixels, (size_t)image->height * (size_t)image->width * 3);
    digest_finish(d, hex);
    digest_destroy(&d);
    *name = first_bytes(hex);
    return RESHIFT_OK;
}

static reshift_status name_row(const reshift_dataset *dataset, int64_t row, reshift_image *scratch, row_names *names,
                               reshift_error *error)
{
    names->n = 0;
    if (dataset->published) {
        char text[96], hex[DIGEST_HEX_BYTES];
        int length = snprintf(text, sizeof text, "%s %lld", dataset->published, (long long)dataset->rows[row].source);
        digest_bytes(DIGEST_SHA256, text, (size_t)length, hex);
        names->values[names->n++] = first_bytes(hex);
    }
    int64_t at;
    const reshift_dataset *origin = dataset_origin(dataset, row, &at);
    if (origin->place) {
        char text[512], hex[DIGEST_HEX_BYTES];
        origin->place(origin->state, at, text, sizeof text);
        digest_bytes(DIGEST_SHA256, text, strlen(text), hex);
        names->values[names->n++] = first_bytes(hex);
    }
    reshift_status status = dataset_original(dataset, row, scratch, error);
    if (status == RESHIFT_ERROR_NOT_FOUND && names->n > 0) {
        reshift_error_clear(error);
        return RESHIFT_OK;
    }
    if (status == RESHIFT_OK) {
        status = name_pixels(scratch, &names->values[names->n], error);
        names->n++;
    }
    return status;
}

/* Computes the names of rows [n] with all threads. On failure, the error of the lowest row number is returned. */
static reshift_status name_rows(const reshift_dataset *dataset, const int64_t *rows, int64_t n, row_names *names,
                                reshift_error *error)
{
    int64_t n_chunks = (n + CHUNK - 1) / CHUNK, failed = INT64_MAX;
    reshift_status status = RESHIFT_OK;
    reshift_error first;
    reshift_error_clear(&first);
#pragma omp parallel
    {
        reshift_image scratch = {0};
#pragma omp for schedule(dynamic)
        for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
            int64_t end = (chunk + 1) * CHUNK < n ? (chunk + 1) * CHUNK : n;
            reshift_error own;
            for (int64_t i = chunk * CHUNK; i < end; i++) {
                reshift_status one = name_row(dataset, rows ? rows[i] : i, &scratch, &names[i], &own);
                if (one == RESHIFT_OK) {
                    continue;
                }
#pragma omp critical(fingerprints)
                if (i < failed) {
                    failed = i;
                    status = one;
                    first = own;
                }
                break;
            }
        }
        reshift_image_destroy(&scratch);
    }
    if (status != RESHIFT_OK && error) {
        *error = first;
    }
    return status;
}

void reshift_fingerprints_destroy(reshift_fingerprints *prints)
{
    if (prints) {
        memory_free(prints->values);
        *prints = (reshift_fingerprints){0};
    }
}

reshift_status reshift_fingerprints_add(reshift_fingerprints *prints, const uint64_t *values, int64_t n,
                                        reshift_error *error)
{
    size_t bytes = 0;
    uint64_t *all =
        n >= 0 && memory_product((size_t)n + (size_t)prints->n, sizeof *all, &bytes) ? memory_allocate(bytes) : NULL;
    if (!all) {
        return error_memory(error, bytes, "fingerprints of images");
    }
    int64_t count = prints->n + n, kept = 0;
    if (prints->n > 0) {
        memcpy(all, prints->values, (size_t)prints->n * sizeof *all);
    }
    if (n > 0) {
        memcpy(all + prints->n, values, (size_t)n * sizeof *all);
    }
    qsort(all, (size_t)count, sizeof *all, compare);
    for (int64_t i = 0; i < count; i++) {
        if (kept == 0 || all[i] != all[kept - 1]) {
            all[kept++] = all[i];
        }
    }
    memory_free(prints->values);
    *prints = (reshift_fingerprints){all, kept};
    return RESHIFT_OK;
}

/* One row for every distinct image, the first of those with equal sources. rows [count of the set]. */
static int64_t distinct_images(const reshift_dataset *dataset, int64_t *rows, reshift_error *error)
{
    int64_t last = 0, n = 0;
    for (int64_t row = 0; row < dataset->count; row++) {
        last = dataset->rows[row].source > last ? dataset->rows[row].source : last;
    }
    uint8_t *known = memory_allocate((size_t)last + 1);
    if (!known) {
        error_memory(error, (size_t)last + 1, "the images of a set");
        return -1;
    }
    for (int64_t row = 0; row < dataset->count; row++) {
        int64_t source = dataset->rows[row].source;
        if (!known[source]) {
            known[source] = 1;
            rows[n++] = row;
        }
    }
    memory_free(known);
    return n;
}

reshift_status reshift_fingerprints_of(const reshift_dataset *dataset, reshift_fingerprints *prints,
                                       reshift_error *error)
{
    size_t room = (size_t)dataset->count;
    reshift_status status = RESHIFT_OK;
    *prints = (reshift_fingerprints){0};
    int64_t *rows = memory_allocate(room * sizeof *rows), n = 0, count = 0;
    row_names *names = memory_allocate(room * sizeof *names);
    uint64_t *values = memory_allocate(room * NAMES * sizeof *values);
    if (!rows || !names || !values) {
        status = error_memory(error, room * sizeof *names, "fingerprints of images");
    } else if ((n = distinct_images(dataset, rows, error)) < 0) {
        status = RESHIFT_ERROR_MEMORY;
    }
    if (status == RESHIFT_OK) {
        status = name_rows(dataset, rows, n, names, error);
    }
    for (int64_t i = 0; status == RESHIFT_OK && i < n; i++) {
        for (int k = 0; k < names[i].n; k++) {
            values[count++] = names[i].values[k];
        }
    }
    if (status == RESHIFT_OK) {
        status = reshift_fingerprints_add(prints, values, count, error);
    }
    memory_free(rows);
    memory_free(names);
    memory_free(values);
    return status;
}

reshift_status reshift_fingerprints_find(const reshift_fingerprints *prints, const reshift_dataset *dataset,
                                         const int64_t *rows, int64_t n, uint8_t *seen, reshift_error *error)
{
    memset(seen, 0, (size_t)n);
    if (prints->n == 0) {
        return RESHIFT_OK;
    }
    row_names *names = memory_allocate((size_t)n * sizeof *names);
    if (!names) {
        return error_memory(error, (size_t)n * sizeof *names, "fingerprints of images");
    }
    reshift_status status = name_rows(dataset, rows, n, names, error);
    for (int64_t i = 0; status == RESHIFT_OK && i < n; i++) {
        for (int k = 0; k < names[i].n; k++) {
            seen[i] |= bsearch(&names[i].values[k], prints->values, (size_t)prints->n, sizeof *prints->values,
                               compare) != NULL;
        }
    }
    memory_free(names);
    return status;
}
