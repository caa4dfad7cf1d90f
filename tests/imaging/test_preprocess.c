/* Preprocessing against PyTorch (float, within rounding), torchvision's recipe and Pillow's bytes (exact). */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "imaging/preprocess.h"
#include "imaging/resize.h"

#include "imaging/golden/preprocess.h"
#include "imaging/pattern.h"

static const float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static int taps_of(int in, int out) { return in <= out ? 2 : 2 * (in / out + 1) + 1; }

/*
 * Both sides interpolate in float: a product and a sum per tap, a division by 255, a weight and its normalisation, and
 * (x - mean)/std, on values below 2.7 in magnitude. PyTorch computes positions along an axis of n samples with a few
 * roundings of numbers up to n; an error in the position changes a value by at most the step between neighbours, 1/std.
 */
static double bound(int height, int width, int size)
{
    double unit = ldexp(1, -24), operations = 2.0 * (taps_of(height, size) + taps_of(width, size)) + 8;
    return unit * (2 * operations * 2.7 + 2.0 * (height + width) / 0.224);
}

static void test_arrays_as_pytorch(void **state)
{
    (void)state;
    reshift_error error;
    for (size_t i = 0; i < COUNT(golden_arrays); i++) {
        golden_array golden = golden_arrays[i];
        reshift_image image = pattern_image(golden.height, golden.width, golden.seed);
        size_t n = 3 * (size_t)golden.size * (size_t)golden.size;
        float *output = malloc(n * sizeof *output);
        check_ok(preprocess_array(&image, golden.size, mean, deviation, output, &error));
        double worst = 0;
        for (size_t k = 0; k < n; k++) {
            worst = fmax(worst, fabs((double)output[k] - golden.values[k]));
        }
        if (!(worst <= bound(golden.height, golden.width, golden.size))) {
            fail_msg("%dx%d to %d: off by %g, allowed %g", golden.height, golden.width, golden.size, worst,
                     bound(golden.height, golden.width, golden.size));
        }
        print_message("# %dx%d to %d: largest difference %.2g of %.2g allowed\n", golden.height, golden.width,
                      golden.size, worst, bound(golden.height, golden.width, golden.size));
        free(output);
        free(image.pixels);
    }
}

/*
 * A constant image stays constant at every size, because the weights sum to one. Includes sizes beyond the stack's work
 * memory.
 */
static void test_array_constant(void **state)
{
    (void)state;
    reshift_error error;
    static const int sizes[] = {1, 2, 31, 32, 33, 224, 640};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        reshift_image image = pattern_image(32, 48, 1);
        memset(image.pixels, 200, image.capacity);
        size_t n = 3 * (size_t)sizes[i] * (size_t)sizes[i];
        float *output = malloc(n * sizeof *output);
        check_ok(preprocess_array(&image, sizes[i], mean, deviation, output, &error));
        for (size_t k = 0; k < n; k++) {
            double expected = (200.0 / 255.0 - mean[k % 3]) / deviation[k % 3];
            if (!(fabs(output[k] - expected) <= bound(32, 48, sizes[i]))) {
                fail_msg("size %d, value %zu: expected %g, found %g", sizes[i], k, expected, output[k]);
            }
        }
        free(output);
        free(image.pixels);
    }
}

static void test_photos_as_torchvision(void **state)
{
    (void)state;
    reshift_error error;
    for (size_t i = 0; i < COUNT(golden_photos); i++) {
        golden_photo golden = golden_photos[i];
        reshift_image image = pattern_image(golden.height, golden.width, golden.seed);
        size_t n = 3 * (size_t)golden.size * (size_t)golden.size;
        float *output = malloc(n * sizeof *output);
        check_ok(preprocess_photo(&image, golden.resize, golden.size, mean, deviation, output, &error));
        char hex[DIGEST_HEX_BYTES];
        digest_bytes(DIGEST_MD5, output, n * sizeof *output, hex);
        if (strcmp(hex, golden.md5) != 0) {
            fail_msg("%dx%d, resize %d, crop %d: expected %s, found %s", golden.height, golden.width, golden.resize,
                     golden.size, golden.md5, hex);
        }
        free(output);
        free(image.pixels);
    }
}

static void test_resize_as_pillow(void **state)
{
    (void)state;
    reshift_error error;
    for (size_t i = 0; i < COUNT(golden_resizeds); i++) {
        golden_resized golden = golden_resizeds[i];
        reshift_image image = pattern_image(golden.height, golden.width, golden.seed);
        size_t n = 3 * (size_t)golden.out_height * (size_t)golden.out_width;
        uint8_t *output = malloc(n);
        char hex[DIGEST_HEX_BYTES];
        check_ok(resize_u8(&image, golden.out_height, golden.out_width, RESIZE_BILINEAR, output, &error));
        digest_bytes(DIGEST_MD5, output, n, hex);
        assert_string_equal(hex, golden.bilinear);
        check_ok(resize_u8(&image, golden.out_height, golden.out_width, RESIZE_BOX, output, &error));
        digest_bytes(DIGEST_MD5, output, n, hex);
        assert_string_equal(hex, golden.box);
        free(output);
        free(image.pixels);
    }
}

static void test_window_is_part_of_whole(void **state)
{
    (void)state;
    reshift_error error;
    static const int sizes[][2] = {{19, 23}, {40, 61}, {30, 61}, {19, 40}, {30, 40}};
    reshift_image image = pattern_image(30, 40, 3);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        int height = sizes[i][0], width = sizes[i][1];
        uint8_t whole[3 * 40 * 61], part[3 * 7 * 5];
        check_ok(resize_u8(&image, height, width, RESIZE_BILINEAR, whole, &error));
        resize_window window = {height - 7, width - 9, 7, 5};
        check_ok(resize_window_u8(&image, height, width, RESIZE_BILINEAR, window, part, &error));
        for (int y = 0; y < 7; y++) {
            assert_memory_equal(part + 15 * y, whole + 3 * ((window.top + y) * width + window.left), 15);
        }
    }
    free(image.pixels);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = pattern_image(4, 4, 1), empty = {0};
    float output[12];
    uint8_t bytes[48];
    check_error(preprocess_array(&empty, 2, mean, deviation, output, &error), RESHIFT_ERROR_ARGUMENT, "0x0");
    check_error(preprocess_array(&image, 0, mean, deviation, output, &error), RESHIFT_ERROR_ARGUMENT, "size 0");
    check_error(preprocess_photo(&image, 0, 2, mean, deviation, output, &error), RESHIFT_ERROR_ARGUMENT, "to 0");
    check_error(preprocess_photo(&image, 2, -1, mean, deviation, output, &error), RESHIFT_ERROR_ARGUMENT, "size -1");
    check_error(resize_u8(&image, 0, 4, RESIZE_BOX, bytes, &error), RESHIFT_ERROR_ARGUMENT, "4x4 to 4x0");
    check_error(resize_window_u8(&image, 4, 4, RESIZE_BOX, (resize_window){0, 1, 4, 4}, bytes, &error),
                RESHIFT_ERROR_ARGUMENT, "not inside");
    free(image.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_as_pytorch),       cmocka_unit_test(test_array_constant),
        cmocka_unit_test(test_photos_as_torchvision),   cmocka_unit_test(test_resize_as_pillow),
        cmocka_unit_test(test_window_is_part_of_whole), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("preprocess", tests, NULL, NULL);
}
