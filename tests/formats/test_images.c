/* JPEG and PNG against Pillow's convert("RGB"), byte for byte; writing; limits; damaged files. */
#include "golden.h"

#include <sys/resource.h>

#include "base/digest.h"
#include "formats/images/image_file.h"
#include "formats/npy.h"

static const char *const files[] = {
    "1.png",
    "L.png",
    "LA.png",
    "P.png",
    "RGB.png",
    "RGBA.png",
    "P2.png",
    "P4.png",
    "I16.png",
    "LA16.png",
    "RGB16.png",
    "RGBA16.png",
    "I16_interlaced.png",
    "RGB_interlaced.png",
    "L2.png",
    "L4.png",
    "P_beyond.png",
    "95.jpg",
    "30.jpg",
    "444.jpg",
    "progressive.jpg",
    "L.jpg",
    "CMYK.jpg",
};

static void test_as_pillow(void **state)
{
    (void)state;
    reshift_image image = {0};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        reshift_error error;
        char name[64];
        reshift_array expected;
        snprintf(name, sizeof name, "image_%s", files[f]);
        check_ok(reshift_image_load(golden(name), &image, &error));
        snprintf(name, sizeof name, "image_%s.npy", files[f]);
        check_ok(reshift_array_load_npy(golden(name), &expected, &error));
        assert_int_equal(image.height, expected.shape[0]);
        assert_int_equal(image.width, expected.shape[1]);
        if (memcmp(image.pixels, expected.data, reshift_array_bytes(&expected)) != 0) {
            fail_msg("%s differs from Pillow's", files[f]);
        }
        reshift_array_destroy(&expected);
    }
    reshift_image_destroy(&image);
}

static void test_header_properties(void **state)
{
    (void)state;
    static const struct {
        const char *name, *format, *colour;
        int bits;
    } cases[] = {{"image_1.png", "png", "grey", 1},           {"image_LA16.png", "png", "grey+alpha", 16},
                 {"image_P4.png", "png", "palette", 4},       {"image_RGBA.png", "png", "rgb+alpha", 8},
                 {"image_RGB.png", "png", "rgb", 8},          {"image_L.jpg", "jpeg", "grey", 8},
                 {"image_progressive.jpg", "jpeg", "rgb", 8}, {"image_CMYK.jpg", "jpeg", "cmyk", 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reshift_error error;
        size_t size;
        uint8_t *bytes = golden_bytes(cases[i].name, &size);
        image_facts facts;
        check_ok(image_describe(bytes, size, "x", &facts, &error));
        assert_string_equal(facts.format, cases[i].format);
        assert_string_equal(facts.colour, cases[i].colour);
        assert_int_equal(facts.bits, cases[i].bits);
        assert_int_equal(facts.width, strcmp(facts.format, "png") == 0 ? 17 : 37);
        assert_int_equal(facts.height, strcmp(facts.format, "png") == 0 ? 13 : 29);
        free(bytes);
    }
}

static void test_writing(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = {0}, again = {0};
    char path[64];
    fresh_path(path);
    check_error(reshift_image_save_png(path, &image, false, &error), RESHIFT_ERROR_ARGUMENT, "the image is empty");
    check_ok(reshift_image_load(golden("image_95.jpg"), &image, &error));
    check_ok(reshift_image_save_png(path, &image, false, &error));
    check_error(reshift_image_save_png(path, &image, false, &error), RESHIFT_ERROR_EXISTS, "exists already");
    check_ok(reshift_image_save_png(path, &image, true, &error));
    check_ok(reshift_image_load(path, &again, &error));
    assert_int_equal(again.width, image.width);
    assert_int_equal(again.height, image.height);
    assert_memory_equal(again.pixels, image.pixels, (size_t)image.width * (size_t)image.height * 3);
    check_error(reshift_image_save_png("/nowhere/x.png", &image, true, &error), RESHIFT_ERROR_NOT_FOUND,
                "/nowhere/x.png");
    reshift_image_destroy(&image);
    reshift_image_destroy(&again);
    unlink(path);
}

static reshift_status decode(const uint8_t *bytes, size_t size, reshift_error *error)
{
    uint8_t *exact = calloc(size + 1, 1);
    memcpy(exact, bytes, size);
    reshift_image image = {0};
    reshift_status status = image_decode(exact, size, "x", &image, error);
    reshift_image_destroy(&image);
    free(exact);
    return status;
}

static void test_invalid_files(void **state)
{
    (void)state;
    reshift_error error;
    check_error(decode((const uint8_t *)"", 0, &error), RESHIFT_ERROR_UNSUPPORTED, "found an empty file");
    check_error(decode((const uint8_t *)"GIF89a", 6, &error), RESHIFT_ERROR_UNSUPPORTED,
                "expected a JPEG, PNG or WebP image");
    check_error(decode((const uint8_t *)"\xff\xd8\xff\xd9", 4, &error), RESHIFT_ERROR_FORMAT, "JPEG: ");
    reshift_image image = {0};
    check_error(reshift_image_load("/nowhere/x.png", &image, &error), RESHIFT_ERROR_NOT_FOUND, "/nowhere/x.png");

    size_t size;
    uint8_t *png = golden_bytes("image_RGB.png", &size);
    png[40] ^= 1; /* first chunk after IHDR: its checksum is now wrong */
    check_error(decode(png, size, &error), RESHIFT_ERROR_FORMAT, "PNG: ");
    png[40] ^= 1;
    png[20] ^= 1; /* the height, in IHDR */
    check_error(decode(png, size, &error), RESHIFT_ERROR_FORMAT, "PNG: IHDR: CRC error");
    png[20] ^= 1;
    check_ok(decode(png, size, &error));
    free(png);

    uint8_t *jpeg = golden_bytes("image_95.jpg", &size);
    uint8_t *frame = memmem(jpeg, size, "\xff\xc0", 2);
    assert_non_null(frame);
    frame[5] = frame[7] = 0xff; /* height and width above 65,280 */
    check_error(decode(jpeg, size, &error), RESHIFT_ERROR_UNSUPPORTED, "expected 1 to 178956970");
    frame[5] = frame[7] = 0;
    frame[4] = 12;
    check_error(decode(jpeg, size, &error), RESHIFT_ERROR_FORMAT, "Unsupported JPEG data precision 12");
    free(jpeg);
}

/* An image truncated anywhere is an error, never a partial picture. The last 16 bytes of a PNG hold no pixels. */
static void test_truncated(void **state)
{
    (void)state;
    static const char *const cut[] = {"image_RGB.png", "image_RGB_interlaced.png", "image_P.png", "image_95.jpg",
                                      "image_progressive.jpg"};
    for (size_t f = 0; f < sizeof cut / sizeof *cut; f++) {
        size_t size;
        uint8_t *bytes = golden_bytes(cut[f], &size);
        bool is_png = strstr(cut[f], "png") != NULL;
        for (size_t length = 0; length + 2 < size; length++) {
            reshift_error error;
            if (is_png && length + 16 >= size) {
                check_ok(decode(bytes, length, &error));
                continue;
            }
            check_error(decode(bytes, length, &error),
                        length < (is_png ? 8 : 3) ? RESHIFT_ERROR_UNSUPPORTED : RESHIFT_ERROR_FORMAT,
                        "cannot read 'x'");
        }
        free(bytes);
    }
}

static void test_real_photos(void **state)
{
    (void)state;
    check_need_data();
    static const struct {
        const char *name;
        int height, width;
        const char *sha256; /* of Pillow's convert("RGB") */
    } photos[] = {
        {"photos/chelsea.png", 300, 451, "416b729128bfb2c3d1eb69bf9b1734a796293abc17939267b2dc94f8a5784031"},
        {"photos/brick.png", 512, 512, "3501e216fb0968c378803347d3a13e3cc04021eaecc44b64c6528088c7ea0f64"},
        {"photos/rocket.jpg", 427, 640, "3d4435cc745752b7f9724df88c6e18817de3ce7e3d2d71c55f85f7831e68f197"},
        {"photos/hubble_deep_field.jpg", 872, 1000, "9a3ea9548188f81e63435188456e74de45a981ebeb791e265abe79a26d3b528b"},
        {"frost/frost1.png", 600, 900, "d425da47a6c26b225cbbb9855be0f40b42fbfc04a82d5ababdd9dee401fc0586"},
        {"frost/frost4.jpg", 350, 527, "7513e57763358ea3ace8aad8c437dfbbcefe18a1db454cf80f70d151b83477f3"},
    };
    reshift_image image = {0};
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++) {
        reshift_error error;
        char hex[DIGEST_HEX_BYTES];
        check_ok(reshift_image_load(real(photos[i].name), &image, &error));
        assert_int_equal(image.height, photos[i].height);
        assert_int_equal(image.width, photos[i].width);
        digest_bytes(DIGEST_SHA256, image.pixels, (size_t)image.height * (size_t)image.width * 3, hex);
        assert_string_equal(hex, photos[i].sha256);
    }
    reshift_image_destroy(&image);
}

/* PNG's checksum (its specification, annex D). */
static uint32_t png_checksum(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        }
    }
    return ~crc;
}

/*
 * A PNG with a text chunk that declares nearly 2 GiB, or unpacks to a large size: it is skipped without memory, and
 * refused if the file does not contain it.
 */
static void test_unused_png_chunks(void **state)
{
    (void)state;
    static const uint8_t claim[] = {0x7f, 0xff, 0xff, 0xff, 't', 'E', 'X', 't', 'a', 0};
    size_t size;
    reshift_error error;
    reshift_image image = {0}, plain = {0};
    uint8_t *bytes = golden_bytes("image_RGB.png", &size), *longer = malloc(size + (3 << 20));
    check_ok(image_decode(bytes, size, "x.png", &plain, &error));
    memcpy(longer, bytes, 33); /* signature and IHDR */
    memcpy(longer + 33, claim, sizeof claim);
    memcpy(longer + 33 + sizeof claim, bytes + 33, size - 33);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    check_error(image_decode(longer, size + sizeof claim, "x.png", &image, &error), RESHIFT_ERROR_FORMAT, "PNG: ");
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* KiB */
    /* a chunk of 2 MiB with a valid checksum; its content is ignored */
    const uint32_t length = 2 << 20;
    uint8_t *chunk = longer + 33;
    for (int i = 0; i < 4; i++) {
        chunk[i] = (uint8_t)(length >> (24 - 8 * i));
    }
    memcpy(chunk + 4, "tEXt", 4);
    memset(chunk + 8, 'a', length);
    chunk[8 + 4] = 0; /* after the keyword */
    uint32_t crc = png_checksum(chunk + 4, length + 4);
    for (int i = 0; i < 4; i++) {
        chunk[8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    memcpy(chunk + 12 + length, bytes + 33, size - 33);
    check_ok(image_decode(longer, size + 12 + length, "x.png", &image, &error));
    assert_memory_equal(image.pixels, plain.pixels, (size_t)image.width * (size_t)image.height * 3);
    reshift_image_destroy(&image);
    reshift_image_destroy(&plain);
    free(longer);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_pillow),         cmocka_unit_test(test_header_properties),
        cmocka_unit_test(test_writing),           cmocka_unit_test(test_invalid_files),
        cmocka_unit_test(test_truncated),         cmocka_unit_test(test_real_photos),
        cmocka_unit_test(test_unused_png_chunks),
    };
    return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}
