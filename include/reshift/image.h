/* 8-bit RGB images: what JPEG and PNG files hold, and what corruptions turn into other images. */
#ifndef RESHIFT_IMAGE_H
#define RESHIFT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "reshift/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** [H,W,3] uint8, R G B, rows from the top, without padding. A zeroed struct is the empty image. */
typedef struct reshift_image {
    int height, width;
    uint8_t *pixels;
    size_t capacity; /* bytes that `pixels` has room for: an image read into again reuses its memory */
} reshift_image;

/** Makes room for height x width; contents undefined. Errors: ARGUMENT (an extent < 1), MEMORY. */
RESHIFT_API reshift_status reshift_image_resize(reshift_image *image, int height, int width, reshift_error *error);
RESHIFT_API void reshift_image_destroy(reshift_image *image);

/** Reads a JPEG or PNG (told by its bytes); grey, palette, alpha and 16-bit are turned into RGB as Pillow's
 *  convert("RGB") does (alpha is dropped). Errors: NOT_FOUND, IO, FORMAT, UNSUPPORTED. */
RESHIFT_API reshift_status reshift_image_load(const char *path, reshift_image *image, reshift_error *error);
/** Writes a PNG atomically. */
RESHIFT_API reshift_status reshift_image_save_png(const char *path, const reshift_image *image, bool overwrite,
                                                  reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
