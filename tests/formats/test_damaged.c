/* Damaged images: read with Pillow's pixels if Pillow reads them, and refused if Pillow refuses them. */
#include "golden.h"

#include <unistd.h>

#include "base/digest.h"
#include "formats/archive.h"
#include "formats/images/image_file.h"

static reshift_error error;

static void test_as_pillow(void **state)
{
    (void)state;
    /* table printed by make_damaged.py: file, rows (0: refused), md5 of the pixels */
    static const struct {
        const char *file;
        int height;
        const char *md5;
    } cases[] = {
        {"whole.jpg", 40, "079072f2fc185be983483640c29326b4"},
        {"no-end.jpg", 0, ""},
        {"half-end.jpg", 0, ""},
        {"cut-20.jpg", 0, ""},
        {"cut-half.jpg", 0, ""},
        {"early-end.jpg", 40, "ec17a1e69bffb92d181589e8dbfdf136"},
        {"early-marker.jpg", 40, "ec17a1e69bffb92d181589e8dbfdf136"},
        {"wrong-marker.jpg", 40, "ec17a1e69bffb92d181589e8dbfdf136"},
        {"zeros.jpg", 40, "66e8cb91bcb71dafba4b1487db5801d1"},
        {"noise.jpg", 40, "b725993049371a868b527af88af6e631"},
        {"junk-after.jpg", 40, "079072f2fc185be983483640c29326b4"},
        {"more-rows.jpg", 80, "2a83a820cee10d98f2590e91ba5343c2"},
        {"header.jpg", 0, ""},
        {"progressive-cut.jpg", 0, ""},
        {"progressive-no-end.jpg", 0, ""},
        {"whole.png", 40, "5be2de0761763c420da448a7cce486d4"},
        {"no-end.png", 40, "5be2de0761763c420da448a7cce486d4"},
        {"no-sum.png", 40, "5be2de0761763c420da448a7cce486d4"},
        {"half-end.png", 40, "5be2de0761763c420da448a7cce486d4"},
        {"wrong-sum.png", 40, "5be2de0761763c420da448a7cce486d4"},
        {"junk-after.png", 40, "5be2de0761763c420da448a7cce486d4"},
        {"cut.png", 0, ""},
        {"half.png", 0, ""},
        {"zeros-no-end.jpg", 40, "66e8cb91bcb71dafba4b1487db5801d1"},
        {"zeros-long.jpg", 40, "66e8cb91bcb71dafba4b1487db5801d1"},
        {"zeros-few.jpg", 0, ""},
        {"zero-after.jpg", 0, ""},
        {"zeros-8-after.jpg", 40, "079072f2fc185be983483640c29326b4"},
        {"zeros-after.jpg", 40, "079072f2fc185be983483640c29326b4"},
        {"progressive-zeros.jpg", 0, ""},
        {"lossy.webp", 40, "be7818a8cbac21b2afaabb29afff6854"},
        {"lossless-alpha.webp", 40, "422adc5bc62971da20b13b9b6e045cfc"},
        {"cut.webp", 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        blob *b;
        reshift_image image = {0};
        char hex[DIGEST_HEX_BYTES] = "";
        check_ok(archive_load_entry(golden("damaged-images.tar.gz"), cases[i].file, 1 << 20, &b, &error));
        reshift_status status = image_decode(b->data, b->size, cases[i].file, &image, &error);
        if (status == RESHIFT_OK) {
            digest_bytes(DIGEST_MD5, image.pixels, (size_t)image.height * (size_t)image.width * 3, hex);
        }
        if ((status == RESHIFT_OK) != (cases[i].height > 0)) {
            fail_msg("%s: expected it %s, found '%s'", cases[i].file, cases[i].height ? "read" : "refused",
                     status == RESHIFT_OK ? "read" : error.message);
        }
        if (status != RESHIFT_OK) {
            assert_non_null(strstr(error.message, cases[i].file));
        } else if (image.height != cases[i].height || strcmp(hex, cases[i].md5) != 0) {
            fail_msg("%s: expected %d rows, %s, found %d, %s", cases[i].file, cases[i].height, cases[i].md5,
                     image.height, hex);
        }
        reshift_image_destroy(&image);
        blob_drop(&b);
    }
}

/* Decoding reports which images contain corrupt data. */
static void test_damage_is_reported(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        bool damaged;
    } cases[] = {
        {"whole.jpg", false},     {"junk-after.jpg", false}, {"early-end.jpg", true}, {"early-marker.jpg", true},
        {"noise.jpg", true},      {"more-rows.jpg", true},   {"zeros.jpg", true},     {"zeros-no-end.jpg", true},
        {"zeros-long.jpg", true}, {"zeros-after.jpg", true}, {"whole.png", false},    {"no-end.png", false},
        {"wrong-sum.png", true},  {"lossy.webp", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        blob *b;
        reshift_image image = {0};
        bool damaged;
        char path[] = "/tmp/reshift-damaged-XXXXXX";
        check_ok(archive_load_entry(golden("damaged-images.tar.gz"), cases[i].file, 1 << 20, &b, &error));
        int file = mkstemp(path);
        assert_int_equal(write(file, b->data, b->size), b->size);
        close(file);
        check_ok(image_load(path, &image, &damaged, &error));
        if (damaged != cases[i].damaged) {
            fail_msg("%s: expected it %s", cases[i].file, cases[i].damaged ? "damaged" : "whole");
        }
        unlink(path);
        reshift_image_destroy(&image);
        blob_drop(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_pillow),
        cmocka_unit_test(test_damage_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
