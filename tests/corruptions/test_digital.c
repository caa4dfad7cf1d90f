/*
 * The digital corruptions without random draws, and brightness: byte for byte equal to the reference implementation, on
 * patterns and on the real images.
 */
#include "check.h"

#include "base/digest.h"
#include "reshift/corruption.h"

#include "corruptions/find.h"
#include "corruptions/golden/digital.h"
#include "corruptions/real.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void test_patterns(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image output = {0};
    for (size_t i = 0; i < COUNT(golden_digitals); i++) {
        const golden_digital *golden = &golden_digitals[i];
        reshift_image image = pattern_image(golden->height, golden->width, golden->seed);
        for (int severity = 1; severity <= 5; severity++) {
            check_ok(reshift_corruption_apply(find(golden->name), severity, golden->constants, 0, 0, NULL, &image,
                                              &output, &error));
            assert_int_equal(output.height, golden->height);
            assert_int_equal(output.width, golden->width);
            char hex[DIGEST_HEX_BYTES];
            digest_bytes(DIGEST_MD5, output.pixels, image.capacity, hex);
            if (strcmp(hex, golden->md5[severity - 1]) != 0) {
                fail_msg("%s, %dx%d, constants %d, severity %d: expected %s, found %s", golden->name, golden->width,
                         golden->height, (int)golden->constants, severity, golden->md5[severity - 1], hex);
            }
        }
        free(image.pixels);
    }
    reshift_image_destroy(&output);
}

static void test_too_small(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = pattern_image(3, 40, 0), output = {0};
    check_error(
        reshift_corruption_apply(find("pixelate"), 5, RESHIFT_CONSTANTS_IMAGENET, 0, 0, NULL, &image, &output, &error),
        RESHIFT_ERROR_UNSUPPORTED, "pixelate: an image of 40x3 is too small: 0.25 of it");
    free(image.pixels);
    reshift_image_destroy(&output);
}

static void check_real(const char *name, const char *expected)
{
    char hex[DIGEST_HEX_BYTES];
    real_md5(name, hex);
    assert_string_equal(hex, expected);
}

/*
 * The md5 of the published files; for jpeg_compression, which depends on the library version of 2018, the md5 with
 * current libraries.
 */
static void test_real_contrast(void **state)
{
    (void)state;
    check_real("contrast", "3c8262171c51307f916c30a3308235a8");
}

static void test_real_brightness(void **state)
{
    (void)state;
    check_real("brightness", "0a81ef75e0b523c3383219c330a85d48");
}

static void test_real_saturate(void **state)
{
    (void)state;
    check_real("saturate", "1cfae0964219c5102abbb883e538cc56");
}

static void test_real_pixelate(void **state)
{
    (void)state;
    check_real("pixelate", "0f14f7e2db14288304e1de10df16832f");
}

static void test_real_jpeg(void **state)
{
    (void)state;
    check_real("jpeg_compression", "b59326bf95455417c259800e78412012");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),      cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_real_contrast), cmocka_unit_test(test_real_brightness),
        cmocka_unit_test(test_real_saturate), cmocka_unit_test(test_real_pixelate),
        cmocka_unit_test(test_real_jpeg),
    };
    return cmocka_run_group_tests_name("digital", tests, NULL, NULL);
}
