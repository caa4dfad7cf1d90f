/* The round trip in memory against libjpeg itself, byte for byte: many sizes, qualities and kinds of pictures. */
#include "check.h"

#include <jpeglib.h>

#include "imaging/jpeg_loss.h"

#include "imaging/pattern.h"

/* Saves and loads with the library's defaults; an error of libjpeg ends the program and fails the test. */
static void save_and_load(const reshift_image *image, int quality, uint8_t *output)
{
    struct jpeg_compress_struct encoder;
    struct jpeg_decompress_struct decoder;
    struct jpeg_error_mgr manager;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    encoder.err = jpeg_std_error(&manager);
    jpeg_create_compress(&encoder);
    jpeg_mem_dest(&encoder, &bytes, &size);
    encoder.image_width = (JDIMENSION)image->width;
    encoder.image_height = (JDIMENSION)image->height;
    encoder.input_components = 3;
    encoder.in_color_space = JCS_RGB;
    jpeg_set_defaults(&encoder);
    jpeg_set_quality(&encoder, quality, TRUE);
    jpeg_start_compress(&encoder, TRUE);
    while (encoder.next_scanline < encoder.image_height) {
        JSAMPROW row = image->pixels + 3 * (size_t)encoder.next_scanline * (size_t)image->width;
        jpeg_write_scanlines(&encoder, &row, 1);
    }
    jpeg_finish_compress(&encoder);
    jpeg_destroy_compress(&encoder);
    decoder.err = jpeg_std_error(&manager);
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, bytes, size);
    jpeg_read_header(&decoder, TRUE);
    jpeg_start_decompress(&decoder);
    while (decoder.output_scanline < decoder.output_height) {
        JSAMPROW row = output + 3 * (size_t)decoder.output_scanline * (size_t)image->width;
        jpeg_read_scanlines(&decoder, &row, 1);
    }
    jpeg_finish_decompress(&decoder);
    jpeg_destroy_decompress(&decoder);
    free(bytes);
}

static void check_image(const reshift_image *image, int quality)
{
    reshift_error error;
    size_t n = 3 * (size_t)image->height * (size_t)image->width;
    uint8_t *expected = malloc(n), *found = malloc(n);
    assert_true(expected && found);
    save_and_load(image, quality, expected);
    check_ok(jpeg_loss(image, quality, found, &error));
    for (size_t i = 0; i < n; i++) {
        if (found[i] != expected[i]) {
            fail_msg("%dx%d at quality %d: expected %d at row %zu, column %zu, channel %zu, found %d", image->width,
                     image->height, quality, expected[i], i / 3 / (size_t)image->width, i / 3 % (size_t)image->width,
                     i % 3, found[i]);
        }
    }
    free(expected);
    free(found);
}

/* Every width and height up to a little more than two blocks, to cover edges and padding. */
static void test_sizes(void **state)
{
    (void)state;
    for (int height = 1; height <= 35; height++) {
        for (int width = 1; width <= 35; width++) {
            reshift_image image = pattern_image(height, width, (uint32_t)(height + width) % 3);
            check_image(&image, 1 + (height * 37 + width * 11) % 100);
            free(image.pixels);
        }
    }
}

static void test_qualities(void **state)
{
    (void)state;
    for (int quality = 1; quality <= 100; quality++) {
        for (uint32_t seed = 0; seed < 3; seed++) {
            reshift_image image = pattern_image(80, 112, seed);
            check_image(&image, quality);
            free(image.pixels);
        }
    }
}

/* Black and white at full contrast: the largest coefficients, and results far outside 0..255 before clipping. */
static void test_hard_edges(void **state)
{
    (void)state;
    reshift_image image = pattern_image(64, 64, 0);
    for (uint32_t kind = 0; kind < 40; kind++) {
        for (uint32_t i = 0; i < 64 * 64 * 3; i++) {
            uint32_t x = i / 3 % 64, y = i / 192, c = i % 3, period = 1 + kind % 8;
            uint32_t on = kind < 8    ? x / period
                          : kind < 16 ? y / period
                          : kind < 24 ? x / period + y / period
                          : kind < 32 ? (x * y + c) / period
                                      : (x * 2654435761u + y * 40503u + c * kind) >> 13;
            image.pixels[i] = on & 1 ? 255 : 0;
        }
        static const int qualities[] = {1, 7, 10, 25, 50, 80, 95, 100};
        for (size_t q = 0; q < sizeof qualities / sizeof qualities[0]; q++) {
            check_image(&image, qualities[q]);
        }
    }
    free(image.pixels);
}

static void test_too_large(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = {1, JPEG_EXTENT_MAX + 1, NULL, 0};
    check_error(jpeg_loss(&image, 50, NULL, &error), RESHIFT_ERROR_UNSUPPORTED,
                "a JPEG has at most 65500 pixels a side, not 65501x1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_qualities),
        cmocka_unit_test(test_hard_edges),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests_name("jpeg_loss", tests, NULL, NULL);
}
