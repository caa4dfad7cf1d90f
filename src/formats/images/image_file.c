/* Detects the image format and calls its reader; checks common to all formats. */
#include "formats/images/image_file.h"

#include <string.h>

#include "formats/blob.h"
#include "formats/what_is_this.h"

const char *image_format(const uint8_t *bytes, size_t size)
{
    if (size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) {
        return "jpeg";
    }
    if (size >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0) {
        return "webp";
    }
    return size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0 ? "png" : NULL;
}

reshift_status image_check_size(uint64_t height, uint64_t width, const char *name, reshift_error *error)
{
    if (height == 0 || width == 0 || height > INT32_MAX || width > INT32_MAX || height * width > IMAGE_PIXELS_MAX) {
        return refuse(error, RESHIFT_ERROR_UNSUPPORTED, name, -1, "an image of %llu x %llu pixels: expected 1 to %llu",
                      (unsigned long long)height, (unsigned long long)width, (unsigned long long)IMAGE_PIXELS_MAX);
    }
    return RESHIFT_OK;
}

static reshift_status read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image,
                           image_facts *facts, reshift_error *error)
{
    const char *format = image_format(bytes, size);
    if (!format) {
        return refuse_kind(error, RESHIFT_ERROR_UNSUPPORTED, name, "a JPEG, PNG or WebP image", bytes, size, NULL);
    }
    return strcmp(format, "png") == 0    ? png_read(bytes, size, name, image, facts, error)
           : strcmp(format, "webp") == 0 ? webp_read(bytes, size, name, image, facts, error)
                                         : jpeg_read(bytes, size, name, image, facts, error);
}

reshift_status image_decode(const uint8_t *bytes, size_t size, const char *name, reshift_image *image,
                            reshift_error *error)
{
    return read(bytes, size, name, image, NULL, error);
}

reshift_status image_describe(const uint8_t *bytes, size_t size, const char *name, image_facts *facts,
                              reshift_error *error)
{
    return read(bytes, size, name, NULL, facts, error);
}

reshift_status image_load(const char *path, reshift_image *image, bool *damaged, reshift_error *error)
{
    blob *b;
    image_facts facts = {.damaged = false};
    reshift_status status = blob_open(path, &b, error);
    if (status == RESHIFT_OK) {
        status = read(b->data, b->size, path, image, &facts, error);
        blob_drop(&b);
    }
    *damaged = facts.damaged;
    return status;
}

reshift_status reshift_image_load(const char *path, reshift_image *image, reshift_error *error)
{
    bool damaged;
    return image_load(path, image, &damaged, error);
}
