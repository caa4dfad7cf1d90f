/* JPEG of quality 85 as the last step of a corruption: equal to Pillow's pixels, in memory and through a file. */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/files.h"
#include "reshift/corruption.h"

#include "imaging/golden/compress.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void md5_of(const void *bytes, size_t n, char hex[DIGEST_HEX_BYTES]) { digest_bytes(DIGEST_MD5, bytes, n, hex); }

static void test_against_pillow(void **state)
{
    (void)state;
    reshift_error error;
    char folder[] = "/tmp/reshift-compress-XXXXXX", path[64], hex[DIGEST_HEX_BYTES];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/image.JPEG", folder);
    for (size_t i = 0; i < COUNT(golden_compresses); i++) {
        const golden_compress *golden = &golden_compresses[i];
        reshift_image image = pattern_image(golden->height, golden->width, golden->seed), loaded = {0};
        const size_t bytes = 3 * (size_t)golden->height * (size_t)golden->width;
        check_ok(reshift_image_save_jpeg(path, &image, RESHIFT_JPEG_QUALITY, true, &error));
        check_ok(reshift_image_compress(&image, RESHIFT_JPEG_QUALITY, &error));
        md5_of(image.pixels, bytes, hex);
        assert_string_equal(hex, golden->pixels);
        check_ok(reshift_image_load(path, &loaded, &error));
        assert_int_equal(loaded.height, golden->height);
        assert_int_equal(loaded.width, golden->width);
        assert_memory_equal(loaded.pixels, image.pixels, bytes);
        char *file;
        size_t n;
        check_ok(file_read_all(path, &file, &n, &error));
        md5_of(file, n, hex);
        assert_string_equal(hex, golden->file);
        free(file);
        free(image.pixels);
        reshift_image_destroy(&loaded);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_when_the_step_applies(void **state)
{
    (void)state;
    const reshift_constants by_size = RESHIFT_CONSTANTS_AUTO, large = RESHIFT_CONSTANTS_IMAGENET,
                            small = RESHIFT_CONSTANTS_CIFAR;
    assert_false(reshift_corruption_has_jpeg(RESHIFT_JPEG_AUTO, by_size, 32, 32));
    assert_true(reshift_corruption_has_jpeg(RESHIFT_JPEG_AUTO, by_size, 224, 224));
    assert_true(reshift_corruption_has_jpeg(RESHIFT_JPEG_AUTO, large, 32, 32));
    assert_false(reshift_corruption_has_jpeg(RESHIFT_JPEG_AUTO, small, 224, 224));
    assert_true(reshift_corruption_has_jpeg(RESHIFT_JPEG_ON, small, 32, 32));
    assert_false(reshift_corruption_has_jpeg(RESHIFT_JPEG_OFF, large, 224, 224));
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image empty = {0}, image = pattern_image(4, 4, 0), wide = {1, 65501, image.pixels, image.capacity};
    check_error(reshift_image_compress(&image, 0, &error), RESHIFT_ERROR_ARGUMENT, "quality 0: expected 1 to 100");
    check_error(reshift_image_compress(&empty, 85, &error), RESHIFT_ERROR_ARGUMENT, "an empty image");
    check_error(reshift_image_save_jpeg("x", &image, 101, false, &error), RESHIFT_ERROR_ARGUMENT, "quality 101");
    check_error(reshift_image_save_jpeg("x", &empty, 85, false, &error), RESHIFT_ERROR_ARGUMENT, "is empty");
    check_error(reshift_image_save_jpeg("x", &wide, 85, false, &error), RESHIFT_ERROR_UNSUPPORTED,
                "at most 65500 pixels a side");
    free(image.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_pillow),
        cmocka_unit_test(test_when_the_step_applies),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("compress", tests, NULL, NULL);
}
