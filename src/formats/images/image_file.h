/*
 * JPEG, PNG and WebP: from bytes to RGB pixels and back, with the results of Pillow's Image.open(...).convert("RGB").
 * Damaged files return errors: the longjmp() of libjpeg and libpng stays inside jpeg_file.c and png_file.c.
 */
#ifndef FORMATS_IMAGES_IMAGE_FILE_H
#define FORMATS_IMAGES_IMAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/image.h"

/** Maximum number of pixels of an image: the size at which Pillow reports a decompression bomb. */
#define IMAGE_PIXELS_MAX ((uint64_t)178956970)

/** Properties from the header of an image file. */
typedef struct image_facts {
    const char *format; /* "jpeg", "png", "webp"; static */
    const char *colour; /* "grey", "rgb", "palette", "grey+alpha", "rgb+alpha", "cmyk"; static */
    int height, width;
    int bits;     /* a channel */
    bool damaged; /* set by decoding: some data are corrupt, so pixels may be wrong; Pillow reads the file, too */
} image_facts;

/** "jpeg", "png", "webp", or NULL for other bytes. The first 12 bytes are enough. */
const char *image_format(const uint8_t *bytes, size_t size);

/**
 * Decodes an image in memory into `image`, whose memory is reused. After an error the contents of `image` are
 * undefined. `name` is for messages. Errors: FORMAT (damaged, truncated), UNSUPPORTED (more than IMAGE_PIXELS_MAX
 * pixels, another format), MEMORY.
 */
reshift_status image_decode(const uint8_t *bytes, size_t size, const char *name, reshift_image *image,
                            reshift_error *error);
/** The same for a file; *damaged as in image_facts. Errors: also those of opening. */
reshift_status image_load(const char *path, reshift_image *image, bool *damaged, reshift_error *error);
/** Reads only the header. Errors: as image_decode(). */
reshift_status image_describe(const uint8_t *bytes, size_t size, const char *name, image_facts *facts,
                              reshift_error *error);

/* Readers of one format each. `image` or `facts` may be NULL; without an image only the header is read. */
reshift_status jpeg_read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image, image_facts *facts,
                         reshift_error *error);
reshift_status png_read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image, image_facts *facts,
                        reshift_error *error);

/**
 * Implement reshift_image_save_png() and _jpeg(). Without `sync` the caller synchronises many files at once
 * (folder_sync_all()).
 */
reshift_status jpeg_save(const char *path, const reshift_image *image, int quality, bool overwrite, bool sync,
                         reshift_error *error);
reshift_status png_save(const char *path, const reshift_image *image, bool overwrite, bool sync, reshift_error *error);

/**
 * The quality (1 to 100) a JPEG was saved with: the one whose scaled standard luma table (T.81, annex K, scaled as in
 * libjpeg) the file contains. 0: a custom table, or not a JPEG.
 */
int jpeg_quality(const uint8_t *bytes, size_t size);

reshift_status webp_read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image, image_facts *facts,
                         reshift_error *error);

/** Returns UNSUPPORTED if an image of this size is too large to be read. */
reshift_status image_check_size(uint64_t height, uint64_t width, const char *name, reshift_error *error);

#endif
