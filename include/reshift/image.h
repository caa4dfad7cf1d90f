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
/** Frees the pixels and leaves the empty image; NULL accepted. */
RESHIFT_API void reshift_image_destroy(reshift_image *image);

/** Reads a JPEG or PNG (told by its bytes); grey, palette, alpha and 16-bit are turned into RGB as Pillow's
 *  convert("RGB") does (alpha is dropped). Errors: NOT_FOUND, IO, FORMAT, UNSUPPORTED. */
RESHIFT_API reshift_status reshift_image_load(const char *path, reshift_image *image, reshift_error *error);
/** Sets *is where the file is a PNG of 16-bit grey: of such images all values above 255 become white, as in Pillow, so
 * that most are nearly blank. Errors: NOT_FOUND, IO. */
RESHIFT_API reshift_status reshift_image_is_deep_grey(const char *path, bool *is, reshift_error *error);
/** What to say then. */
#define RESHIFT_DEEP_GREY                                                                                              \
    "16-bit grey: values above 255 become white, as in Pillow; save it with 8 bits, scaled as it is meant"
/** Writes a PNG atomically. Errors: EXISTS (without overwrite), NOT_FOUND, IO, MEMORY. */
RESHIFT_API reshift_status reshift_image_save_png(const char *path, const reshift_image *image, bool overwrite,
                                                  reshift_error *error);
/**
 * Replaces the pixels by those of the image saved as JPEG of `quality` (1 to 100, chroma 4:2:0) and loaded again, byte
 * for byte as libjpeg-turbo and Pillow do it with their defaults. Errors: ARGUMENT (quality, an empty image),
 * UNSUPPORTED (more than 65,500 pixels a side), MEMORY. Same result on every machine.
 */
RESHIFT_API reshift_status reshift_image_compress(reshift_image *image, int quality, reshift_error *error);
/**
 * Writes a JPEG of `quality` (1 to 100, chroma 4:2:0, optimised Huffman tables) atomically: Pillow's bytes for
 * save(path, quality=quality, optimize=True) with the same libjpeg-turbo. Loading it gives the pixels of
 * reshift_image_compress(). Errors: as there, those of writing.
 */
RESHIFT_API reshift_status reshift_image_save_jpeg(const char *path, const reshift_image *image, int quality,
                                                   bool overwrite, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
