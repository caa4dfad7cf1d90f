/* gaussian_blur against scikit-image, to the byte: pattern images, flat images of every value, the real test images. */
#include "check.h"

#include "base/digest.h"
#include "base/files.h"
#include "reshift/corruption.h"

#include "corruptions/golden/blur.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const reshift_corruption *gaussian_blur(void)
{
    const reshift_corruption *corruption = NULL;
    reshift_error error;
    check_ok(reshift_corruption_find("gaussian_blur", &corruption, &error));
    return corruption;
}

static void test_patterns(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image output = {0};
    for (size_t i = 0; i < COUNT(golden_blurs); i++) {
        const golden_blur *golden = &golden_blurs[i];
        reshift_image image = pattern_image(golden->height, golden->width, golden->seed);
        for (int severity = 1; severity <= 5; severity++) {
            check_ok(reshift_corruption_apply(gaussian_blur(), severity, golden->constants, 0, 0, NULL, &image, &output,
                                              &error));
            assert_int_equal(output.height, golden->height);
            assert_int_equal(output.width, golden->width);
            char hex[DIGEST_HEX_BYTES];
            digest_bytes(DIGEST_MD5, output.pixels, image.capacity, hex);
            if (strcmp(hex, golden->md5[severity - 1]) != 0) {
                fail_msg("%dx%d, constants %d, severity %d: expected %s, found %s", golden->width, golden->height,
                         (int)golden->constants, severity, golden->md5[severity - 1], hex);
            }
        }
        free(image.pixels);
    }
    reshift_image_destroy(&output);
}

/* Where all pixels are equal the result is the value times the sum of the weights: their last bits decide. */
static void test_flat_images(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image output = {0};
    for (int set = 0; set < 2; set++) {
        for (int severity = 1; severity <= 5; severity++) {
            for (int value = 0; value < 256; value++) {
                reshift_image image = pattern_image(3, 3, 0);
                memset(image.pixels, value, image.capacity);
                check_ok(reshift_corruption_apply(gaussian_blur(), severity,
                                                  set ? RESHIFT_CONSTANTS_IMAGENET : RESHIFT_CONSTANTS_CIFAR, 0, 0,
                                                  NULL, &image, &output, &error));
                assert_int_equal(output.pixels[4 * 3], golden_flat[set][severity - 1][value]);
                free(image.pixels);
            }
        }
    }
    reshift_image_destroy(&output);
}

/* The 10,000 test images at five severities, with .npy's header before them: the md5 of the whole file. */
static void test_real_images(void **state)
{
    (void)state;
    check_need_data();
    reshift_error error;
    char *path = path_join(check_data(), "cifar-10-batches-bin/test_batch.bin");
    if (!file_exists(path)) {
        print_message("# skipped: %s is not there\n", path);
        free(path);
        skip();
    }
    file_map map;
    check_ok(file_map_open(path, &map, &error));
    free(path);
    assert_int_equal(map.size, 10000 * 3073);
    char header[129];
    snprintf(header, sizeof header, "\x93NUMPY\x01%c\x76%c%-117s\n", 0, 0,
             "{'descr': '|u1', 'fortran_order': False, 'shape': (50000, 32, 32, 3), }");
    digest *whole = digest_create(DIGEST_MD5);
    digest_add(whole, header, 128);
    reshift_image image = {0}, output = {0};
    check_ok(reshift_image_resize(&image, 32, 32, &error));
    for (int severity = 1; severity <= 5; severity++) {
        for (size_t n = 0; n < 10000; n++) {
            const uint8_t *planes = map.data + n * 3073 + 1;
            for (size_t i = 0; i < 3072; i++) {
                image.pixels[i] = planes[i % 3 * 1024 + i / 3];
            }
            check_ok(reshift_corruption_apply(gaussian_blur(), severity, RESHIFT_CONSTANTS_AUTO, 0, (int64_t)n, NULL,
                                              &image, &output, &error));
            digest_add(whole, output.pixels, 3072);
        }
    }
    char hex[DIGEST_HEX_BYTES];
    digest_finish(whole, hex);
    digest_destroy(&whole);
    assert_string_equal(hex, "021b6750fb48bcd1dc42715dc3ae48da");
    reshift_image_destroy(&image);
    reshift_image_destroy(&output);
    file_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_flat_images),
        cmocka_unit_test(test_real_images),
    };
    return cmocka_run_group_tests_name("blur", tests, NULL, NULL);
}
