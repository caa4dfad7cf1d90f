/*
 * The blurs against the published generator's formulas, byte for byte: pattern images with the reference draws, flat
 * images of every value, the real test images; and the distribution of our own draws.
 */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "corruptions/blur.h"
#include "reshift/corruption.h"

#include "corruptions/draws.h"
#include "corruptions/find.h"
#include "corruptions/golden/blur.h"
#include "corruptions/real.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Identical to make_blur.py: a word selects a pair of offsets. */
static glass_offset *make_offsets(size_t count, int delta, int severity)
{
    glass_offset *offsets = malloc((count + 1) * sizeof *offsets);
    assert_non_null(offsets);
    for (size_t i = 0; i < count; i++) {
        uint64_t pair = ((uint64_t)draw_word((uint32_t)i, (uint32_t)severity) * (uint64_t)(4 * delta * delta)) >> 32;
        offsets[i].dx = (int8_t)((int)pair % (2 * delta) - delta);
        offsets[i].dy = (int8_t)((int)pair / (2 * delta) - delta);
    }
    return offsets;
}

/* The table's constants for this set and severity. */
static const double *constants_of(const golden_blur *golden, int severity)
{
    const reshift_corruption *row = find(golden->name);
    return (golden->constants == RESHIFT_CONSTANTS_IMAGENET ? row->imagenet : row->cifar)[severity - 1];
}

static void apply_golden(const golden_blur *golden, int severity, const reshift_image *image, reshift_image *output)
{
    reshift_error error;
    int height = image->height, width = image->width;
    check_ok(reshift_image_resize(output, height, width, &error));
    memset(output->pixels, 0xaa, 3 * (size_t)height * (size_t)width);
    if (strcmp(golden->name, "glass_blur") == 0) {
        glass_constants constants = glass_constants_of(constants_of(golden, severity));
        glass_offset *offsets = make_offsets(glass_offset_count(height, width, &constants), constants.reach, severity);
        check_ok(blur_glass_with(image, &constants, offsets, output, &error));
        free(offsets);
    } else if (strcmp(golden->name, "motion_blur") == 0) {
        double angle = 90 * draw_uniform(0, (uint32_t)(severity + height)) - 45;
        const double *constants = constants_of(golden, severity);
        check_ok(blur_motion_with(image, constants[0], constants[1], angle, output, &error));
    } else {
        check_ok(reshift_corruption_apply(find(golden->name), severity, golden->constants, 0, 0, NULL, image, output,
                                          &error));
    }
}

static void test_patterns(void **state)
{
    (void)state;
    reshift_image output = {0};
    for (size_t i = 0; i < COUNT(golden_blurs); i++) {
        const golden_blur *golden = &golden_blurs[i];
        reshift_image image = pattern_image(golden->height, golden->width, golden->seed);
        for (int severity = 1; severity <= 5; severity++) {
            apply_golden(golden, severity, &image, &output);
            assert_int_equal(output.height, golden->height);
            assert_int_equal(output.width, golden->width);
            char hex[DIGEST_HEX_BYTES];
            digest_bytes(DIGEST_MD5, output.pixels, image.capacity, hex);
            if (strcmp(hex, golden->md5[severity - 1]) != 0) {
                fail_msg("%s of %dx%d, constants %d, severity %d: expected %s, found %s", golden->name, golden->width,
                         golden->height, (int)golden->constants, severity, golden->md5[severity - 1], hex);
            }
        }
        free(image.pixels);
    }
    reshift_image_destroy(&output);
}

/*
 * If all pixels are equal, the result is the value times the sum of the weights: the last bits of the weights decide.
 */
static void test_flat_images(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const unsigned char (*golden)[5][256];
    } flat[] = {{"gaussian_blur", golden_flat_gaussian_blur},
                {"defocus_blur", golden_flat_defocus_blur},
                {"zoom_blur", golden_flat_zoom_blur}};
    reshift_error error;
    reshift_image output = {0};
    for (int i = 0; i < 3 * 2 * 5 * 256; i++) {
        int value = i % 256, severity = i / 256 % 5 + 1, set = i / 1280 % 2, which = i / 2560;
        reshift_image image = pattern_image(3, 3, 0);
        memset(image.pixels, value, image.capacity);
        check_ok(reshift_corruption_apply(find(flat[which].name), severity,
                                          set ? RESHIFT_CONSTANTS_IMAGENET : RESHIFT_CONSTANTS_CIFAR, 0, 0, NULL,
                                          &image, &output, &error));
        if (output.pixels[4 * 3] != flat[which].golden[set][severity - 1][value]) {
            fail_msg("%s %d, set %d: %d became %d, expected %d", flat[which].name, severity, set, value,
                     output.pixels[4 * 3], flat[which].golden[set][severity - 1][value]);
        }
        free(image.pixels);
    }
    reshift_image_destroy(&output);
}

/*
 * The 10,000 test images at five severities: the md5 of CIFAR-10-C's files; for gaussian_blur the md5 with current
 * libraries.
 */
static void test_real_images(void **state)
{
    (void)state;
    char hex[DIGEST_HEX_BYTES];
    real_md5("gaussian_blur", hex);
    assert_string_equal(hex, "021b6750fb48bcd1dc42715dc3ae48da");
    real_md5("defocus_blur", hex);
    assert_string_equal(hex, "7d1322666342a0702b1957e92f6254bc");
    real_md5("zoom_blur", hex);
    assert_string_equal(hex, "6ea8e63f1c5cdee1517533840641641b");
}

/*
 * Each pixel of the picture encodes its position, and sigma is too small to blur, so the output shows where pixels came
 * from. All four offsets of delta 1 are equally likely. 200 pictures of 30x30 inner pixels give n = 180,000 draws; 5
 * standard deviations of a count are 5 sqrt(n 1/4 3/4) = 919. Another severity, seed or image gives other draws.
 */
static void test_glass_draws(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = pattern_image(32, 32, 0), output = {0}, again = {0};
    for (int i = 0; i < 1024; i++) {
        image.pixels[3 * i] = (uint8_t)(8 * (i / 32));
        image.pixels[3 * i + 1] = (uint8_t)(8 * (i % 32));
        image.pixels[3 * i + 2] = 255;
    }
    int counts[2][2] = {{0}}, n = 0;
    for (int index = 0; index < 200; index++) {
        check_ok(reshift_corruption_apply(find("glass_blur"), 1, RESHIFT_CONSTANTS_CIFAR, 7, index, NULL, &image,
                                          &output, &error));
        for (int y = 2; y <= 31; y++) {
            for (int x = 2; x <= 31; x++) {
                const uint8_t *pixel = output.pixels + 3 * (y * 32 + x);
                int dy = y - (pixel[0] + 4) / 8, dx = x - (pixel[1] + 4) / 8;
                assert_true(dy >= 0 && dy <= 1 && dx >= 0 && dx <= 1);
                counts[dy][dx]++;
                n++;
            }
        }
    }
    assert_int_equal(n, 180000);
    for (int i = 0; i < 4; i++) {
        assert_in_range(counts[i / 2][i % 2], 45000 - 919, 45000 + 919);
    }
    check_ok(
        reshift_corruption_apply(find("glass_blur"), 1, RESHIFT_CONSTANTS_CIFAR, 7, 199, NULL, &image, &again, &error));
    assert_memory_equal(again.pixels, output.pixels, 3072);
    check_ok(
        reshift_corruption_apply(find("glass_blur"), 1, RESHIFT_CONSTANTS_CIFAR, 8, 199, NULL, &image, &again, &error));
    assert_memory_not_equal(again.pixels, output.pixels, 3072);
    free(image.pixels);
    reshift_image_destroy(&output);
    reshift_image_destroy(&again);
}

/*
 * The tail of one bright pixel shows the angle: over 400 images its far end is uniform in -45..45 degrees. The mean of
 * sin(a) is 0 with a standard deviation of sqrt((1/2 - 1/pi) / 400) = 0.0213. The bound is 5 of these; half a pixel in
 * 18 (offsets round up as often as down) is below that.
 */
static void test_motion_draws(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = pattern_image(64, 64, 0), output = {0};
    memset(image.pixels, 0, image.capacity);
    memset(image.pixels + 3 * (32 * 64 + 40), 255, 3);
    double sum = 0;
    int lowest = 64, highest = 0;
    for (int index = 0; index < 400; index++) {
        check_ok(reshift_corruption_apply(find("motion_blur"), 5, RESHIFT_CONSTANTS_IMAGENET, 3, index, NULL, &image,
                                          &output, &error));
        int reached = 0, row = 32;
        for (int i = 0; i < 4096; i++) {
            if (output.pixels[3 * i] && 40 - i % 64 > reached) {
                reached = 40 - i % 64;
                row = i / 64;
            }
        }
        assert_true(reached >= 20); /* 40 steps at 45 degrees are 28 columns, fewer if the weight falls below 1/255 */
        double dy = row - 32, length = sqrt(dy * dy + (double)reached * reached);
        sum -= dy / length;
        lowest = row < lowest ? row : lowest;
        highest = row > highest ? row : highest;
    }
    assert_true(fabs(sum / 400) < 5 * 0.0213);
    assert_true(lowest < 32 - 20 && highest > 32 + 20);
    free(image.pixels);
    reshift_image_destroy(&output);
}

/* Fixed for good: sets made by earlier versions must be reproducible on every processor. */
static void test_own_draws_golden(void **state)
{
    (void)state;
    static const struct {
        const char *name, *md5[2]; /* with CIFAR's constants and with ImageNet's */
    } expected[] = {
        {"glass_blur", {"06f929bb398a2e149040d8a57599db7d", "2d81994deed4c69ba0368d71201a2e78"}},
        {"motion_blur", {"1cfe02f4e7fefc66513140ace8c958f2", "15ccb39a07254765aa3dde88a46ad822"}},
    };
    reshift_error error;
    reshift_image image = pattern_image(32, 32, 0), output = {0};
    for (size_t i = 0; i < 2 * COUNT(expected); i++) {
        check_ok(reshift_corruption_apply(find(expected[i / 2].name), 5,
                                          i % 2 ? RESHIFT_CONSTANTS_IMAGENET : RESHIFT_CONSTANTS_CIFAR, 2019, 7, NULL,
                                          &image, &output, &error));
        char hex[DIGEST_HEX_BYTES];
        digest_bytes(DIGEST_MD5, output.pixels, image.capacity, hex);
        if (strcmp(hex, expected[i / 2].md5[i % 2]) != 0) {
            fail_msg("%s, set %d: expected %s, found %s", expected[i / 2].name, (int)(i % 2),
                     expected[i / 2].md5[i % 2], hex);
        }
    }
    free(image.pixels);
    reshift_image_destroy(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),         cmocka_unit_test(test_flat_images),
        cmocka_unit_test(test_glass_draws),      cmocka_unit_test(test_motion_draws),
        cmocka_unit_test(test_own_draws_golden), cmocka_unit_test(test_real_images),
    };
    return cmocka_run_group_tests_name("blur", tests, NULL, NULL);
}
