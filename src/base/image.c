/*
 * Memory of an 8-bit image. It grows on demand and is kept otherwise, so that reading into the same image again is
 * cheap.
 */
#include "reshift/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

reshift_status reshift_image_resize(reshift_image *image, int height, int width, reshift_error *error)
{
    if (height < 1 || width < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "an image cannot be %d pixels wide and %d high", width, height);
    }
    size_t bytes;
    if (!memory_product((size_t)height * 3, (size_t)width, &bytes) || bytes > PTRDIFF_MAX) {
        return error_memory(error, SIZE_MAX, "an image");
    }
    if (bytes > image->capacity) {
        uint8_t *pixels = malloc(bytes);
        if (!pixels) {
            return error_memory(error, bytes, "an image");
        }
        free(image->pixels);
        image->pixels = pixels;
        image->capacity = bytes;
    }
    image->height = height;
    image->width = width;
    return RESHIFT_OK;
}

void reshift_image_destroy(reshift_image *image)
{
    if (image) {
        free(image->pixels);
        memset(image, 0, sizeof *image);
    }
}
