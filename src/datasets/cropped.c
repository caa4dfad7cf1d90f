/*
 * Any set with its images brought to one size, as ImageNet-C's were before they were corrupted: shorter side resized,
 * centre cut out, in 8 bits as Pillow and torchvision do it. Made when a row is read and kept nowhere.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "datasets/dataset.h"
#include "imaging/resize.h"

typedef struct cropped {
    reshift_dataset *base;
    int size, shorter; /* of the crop, and what the shorter side is resized to */
} cropped;

/* torchvision's CenterCrop rounds half of an odd difference to the even number. */
static int crop_start(int length, int size)
{
    int half = (length - size) / 2;
    return half + ((length - size) % 2 && half % 2);
}

static reshift_status crop(const cropped *c, const reshift_image *whole, reshift_image *image, reshift_error *error)
{
    int shorter = whole->height < whole->width ? whole->height : whole->width;
    int longer = whole->height < whole->width ? whole->width : whole->height;
    int64_t resized = (int64_t)c->shorter * longer / shorter; /* torchvision's Resize truncates */
    if (resized > INT_MAX / 4) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot resize an image of %dx%d to %d at its shorter side",
                         whole->width, whole->height, c->shorter);
    }
    int height = whole->height <= whole->width ? c->shorter : (int)resized;
    int width = whole->width <= whole->height ? c->shorter : (int)resized;
    resize_window window = {crop_start(height, c->size), crop_start(width, c->size), c->size, c->size};
    reshift_status status = reshift_image_resize(image, c->size, c->size, error);
    if (status == RESHIFT_OK) {
        status = resize_window_u8(whole, height, width, RESIZE_BILINEAR, window, image->pixels, error);
    }
    return status;
}

static reshift_status cropped_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const cropped *c = state;
    reshift_image whole = {0};
    reshift_status status = reshift_dataset_read(c->base, row, &whole, error);
    if (status == RESHIFT_OK) {
        status = crop(c, &whole, image, error);
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
        digest_add(d, text, (size_t)snprintf(text, sizeof text, "%s cropped to %d", hex, c->size));
    }
    return status;
}

static void cropped_destroy(void *state)
{
    cropped *c = state;
    reshift_dataset_close(&c->base);
    free(c);
}

static void cropped_forget(const void *state)
{
    dataset_forget(((const cropped *)state)->base);
}

static const dataset_kind cropped_kind = {cropped_read, cropped_row_name, cropped_identity, cropped_destroy,
                                           cropped_original, cropped_forget};

reshift_status reshift_dataset_cropped(reshift_dataset *base, int size, reshift_dataset **dataset, reshift_error *error)
{
    *dataset = NULL;
    if (size < 1 || size > 4096) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "images cropped to %d: expected 1 to 4096", size);
    }
    cropped *c = calloc(1, sizeof *c);
    if (!c) {
        return error_memory(error, sizeof *c, "a cropped set");
    }
    *c = (cropped){dataset_share(base), size, (size * 256 + 112) / 224};
    reshift_status status = dataset_derive(&cropped_kind, c, base, base->count, dataset, error);
    if (status == RESHIFT_OK) {
        for (int64_t row = 0; row < base->count; row++) {
            (*dataset)->rows[row] = base->rows[row];
        }
        (*dataset)->fixed_size = true;
        (*dataset)->height = (*dataset)->width = size;
    }
    return status;
}
