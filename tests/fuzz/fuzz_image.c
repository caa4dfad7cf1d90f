/* JPEG and PNG: any bytes, the checksums of PNG's chunks put right so that mutations get past them. */
#include "fuzz.h"

#include <zlib.h>

#include "formats/images/image_file.h"

#define PIXELS_MAX (1 << 20) /* larger images are read as well, but not thousands a second */

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void mend_checksums(uint8_t *png, size_t size)
{
    for (size_t at = 8; size - at >= 12;) {
        size_t length = big_endian(png + at);
        if (length > size - at - 12) {
            return;
        }
        uint32_t sum = (uint32_t)crc32(0, png + at + 4, (unsigned)length + 4);
        for (int i = 0; i < 4; i++) {
            png[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        }
        at += length + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, bytes, size);
    const char *format = image_format(copy, size);
    if (format && strcmp(format, "png") == 0) {
        mend_checksums(copy, size);
    }
    reshift_error error;
    image_facts facts;
    reshift_status status = image_describe(copy, size, "x", &facts, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK && (int64_t)facts.height * facts.width <= PIXELS_MAX) {
        reshift_image image = {0};
        status = image_decode(copy, size, "x", &image, &error);
        must_explain(status, &error);
        if (status == RESHIFT_OK) {
            must(image.height == facts.height && image.width == facts.width);
            touch(image.pixels, (size_t)image.height * (size_t)image.width * 3);
        }
        reshift_image_destroy(&image);
    }
    free(copy);
    return 0;
}
