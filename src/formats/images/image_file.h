/*
 * JPEG, PNG and WebP between bytes and RGB pixels, with the results of Pillow's Image.open(...).convert("RGB"). Damaged files
 * end as errors: the libraries' long jumps stay inside jpeg_file.c and png_file.c.
 */
#ifndef FORMATS_IMAGES_IMAGE_FILE_H
#define FORMATS_IMAGES_IMAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reshift/image.h"

/** Pixels that an image may have: where Pillow, too, speaks of a decompression bomb. */
#define IMAGE_PIXELS_MAX ((uint64_t)178956970)

/** What an image file says of itself. */
typedef struct image_facts {
    const char *format; /* "jpeg", "png", "webp"; static */
    const char *colour; /* "grey", "rgb", "palette", "grey+alpha", "rgb+alpha", "cmyk"; static */
    int height, width;
    int bits; /* a channel */
    bool damaged; /* set by decoding: some data are wrong, so that pixels may be, though Pillow, too, reads the file */
} image_facts;

/** "jpeg", "png", "webp", or NULL for other bytes; `size` of 12 is enough. */
const char *image_format(const uint8_t *bytes, size_t size);

/**
 * Decodes a JPEG or PNG in memory into `image`, whose memory is reused; after an error its contents are undefined.
 * `name` is for messages. Errors: FORMAT (damaged, cut short), UNSUPPORTED (more than IMAGE_PIXELS_MAX pixels, another
 * format), MEMORY.
 */
reshift_status image_decode(const uint8_t *bytes, size_t size, const char *name, reshift_image *image,
                            reshift_error *error);
/** The same of a file; *damaged as in image_facts. Errors: also those of opening. */
reshift_status image_load(const char *path, reshift_image *image, bool *damaged, reshift_error *error);
/** Reads the header only. Errors as image_decode(). */
reshift_status image_describe(const uint8_t *bytes, size_t size, const char *name, image_facts *facts,
                              reshift_error *error);

/* One format each. `image` or `facts` may be NULL: without an image only the header is read. */
reshift_status jpeg_read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image, image_facts *facts,
                         reshift_error *error);
reshift_status png_read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image, image_facts *facts,
                        reshift_error *error);

/** reshift_image_save_png() and _jpeg(); without `sync` the caller writes many files to the disk at once (folder_sync_all()). */
reshift_status jpeg_save(const char *path, const reshift_image *image, int quality, bool overwrite, bool sync,
                         reshift_error *error);
reshift_status png_save(const char *path, const reshift_image *image, bool overwrite, bool sync, reshift_error *error);

/** The quality, 1 to 100, whose standard table for luma (T.81, annex K, scaled as libjpeg does) a JPEG was saved with; 0: a
 * table of its own, or no JPEG. */
int jpeg_quality(const uint8_t *bytes, size_t size);

reshift_status webp_read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image, image_facts *facts,
                         reshift_error *error);

/** UNSUPPORTED when an image of this size is not read. */
reshift_status image_check_size(uint64_t height, uint64_t width, const char *name, reshift_error *error);

#endif
