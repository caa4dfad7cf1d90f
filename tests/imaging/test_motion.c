/*
 * ImageMagick's motion blur, byte for byte: colour and grey, every quadrant and the angles at which offsets are ties.
 */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "imaging/motion.h"

#include "imaging/golden/motion.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void check_md5(const golden_motion *golden, const char *what, const uint8_t *bytes, size_t n,
                      const char *expected)
{
    char hex[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_MD5, bytes, n, hex);
    if (strcmp(hex, expected) != 0) {
        fail_msg("%dx%d in %s, %gx%g at %g degrees: expected %s, found %s", golden->width, golden->height, what,
                 golden->radius, golden->sigma, golden->angle, expected, hex);
    }
}

static void test_against_imagemagick(void **state)
{
    (void)state;
    reshift_error error;
    for (size_t i = 0; i < COUNT(golden_motions); i++) {
        const golden_motion *golden = &golden_motions[i];
        reshift_image image = pattern_image(golden->height, golden->width, golden->seed);
        size_t pixels = image.capacity / 3;
        uint8_t *grey = malloc(pixels), *output = malloc(3 * pixels);
        assert_true(grey && output);
        motion_kernel kernel;
        check_ok(motion_kernel_create(golden->radius, golden->sigma, golden->angle, &kernel, &error));
        check_ok(motion_blur_u8(image.pixels, golden->height, golden->width, 3, &kernel, output, &error));
        check_md5(golden, "colour", output, 3 * pixels, golden->colour);
        for (size_t p = 0; p < pixels; p++) {
            grey[p] = image.pixels[3 * p + 1];
        }
        check_ok(motion_blur_u8(grey, golden->height, golden->width, 1, &kernel, output, &error));
        check_md5(golden, "grey", output, pixels, golden->grey);
        free(grey);
        free(output);
        free(image.pixels);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    motion_kernel kernel;
    check_error(motion_kernel_create(0, 1, 0, &kernel, &error), RESHIFT_ERROR_ARGUMENT, "radius and sigma above 0");
    check_error(motion_kernel_create(5, -1, 0, &kernel, &error), RESHIFT_ERROR_ARGUMENT, "found 5, -1 and 0");
    check_error(motion_kernel_create(5, 1, INFINITY, &kernel, &error), RESHIFT_ERROR_ARGUMENT, "finite angle");
    check_error(motion_kernel_create(32, 1, 0, &kernel, &error), RESHIFT_ERROR_UNSUPPORTED, "more than 64 taps");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_imagemagick), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests_name("motion", tests, NULL, NULL);
}
