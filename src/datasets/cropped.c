/*
 * View of a set with every image resized and cropped to one size in 8 bits, as ImageNet-C's generator does before
 * corruption. Computed when a row is read; nothing is stored.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "datasets/dataset.h"
#include "imaging/preprocess.h"

enum { IMAGE_SIZE_MOST = 1 << 15 };

typedef struct cropped {
    reshift_dataset *base;
    int resize, size; /* of the shorter side, and of the crop */
} cropped;

static reshift_status cropped_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const cropped *c = state;
    reshift_image whole = {0};
    reshift_status status = reshift_dataset_read(c->base, row, &whole, error);
    if (status == RESHIFT_OK) {
        status = reshift_image_resize(image, c->size, c->size, error);
    }
    if (status == RESHIFT_OK) {
        status = preprocess_crop(&whole, c->resize, c->size, image->pixels, error);
    }
    reshift_image_destroy(&whole);
    return status;
}

static reshift_status cropped_original(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const cropped *c = state;
    return dataset_original(c->base, row, image, error);
}

static void cropped_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const cropped *c = state;
    reshift_dataset_row_name(c->base, row, text, size);
}

static reshift_status cropped_identity(const void *state, digest *d, reshift_error *error)
{
    const cropped *c = state;
    char hex[65], text[128];
    reshift_status status = reshift_dataset_identity(c->base, hex, error);
    if (status == RESHIFT_OK) {
        digest_add(d, text,
                   (size_t)snprintf(text, sizeof text, "%s resized to %d, cropped to %d", hex, c->resize, c->size));
    }
    return status;
}

static void cropped_destroy(void *state)
{
    cropped *c = state;
    reshift_dataset_close(&c->base);
    free(c);
}

static void cropped_forget(const void *state) { dataset_forget(((const cropped *)state)->base); }

static const dataset_kind cropped_kind = {cropped_read,    cropped_row_name, cropped_identity,
                                          cropped_destroy, cropped_original, cropped_forget};

reshift_status reshift_dataset_cropped(reshift_dataset *base, int resize, int size, reshift_dataset **dataset,
                                       reshift_error *error)
{
    *dataset = NULL;
    if (size < 1 || size > IMAGE_SIZE_MOST || resize < size) {
        return error_set(
            error, RESHIFT_ERROR_ARGUMENT,
            "images resized to %d and cropped to %d: expected a crop from 1 to %d and a resize not below it", resize,
            size, IMAGE_SIZE_MOST);
    }
    cropped *c = calloc(1, sizeof *c);
    if (!c) {
        return error_memory(error, sizeof *c, "a cropped set");
    }
    *c = (cropped){dataset_share(base), resize, size};
    reshift_status status = dataset_derive(&cropped_kind, c, base, base->count, dataset, error);
    if (status == RESHIFT_OK) {
        for (int64_t row = 0; row < base->count; row++) {
            (*dataset)->rows[row] = base->rows[row];
        }
        (*dataset)->fixed_size = true;
        (*dataset)->height = (*dataset)->width = size;
        (*dataset)->crop_resize = resize;
        (*dataset)->crop_size = size;
    }
    return status;
}
