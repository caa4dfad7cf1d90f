/*
 * elastic_transform: with the reference draws byte for byte equal to the reference images; the results of our own draws
 * are fixed.
 */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "corruptions/elastic.h"
#include "reshift/corruption.h"

#include "corruptions/draws.h"
#include "corruptions/find.h"
#include "corruptions/golden/elastic.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void test_against_reference(void **state)
{
    (void)state;
    reshift_error error;
    for (size_t i = 0; i < COUNT(golden_elastics); i++) {
        const golden_elastic *golden = &golden_elastics[i];
        reshift_image image = pattern_image(golden->height, golden->width, golden->seed), output = {0};
        check_ok(reshift_image_resize(&output, golden->height, golden->width, &error));
        size_t pixels = image.capacity / 3;
        double *fields = malloc(2 * pixels * sizeof *fields);
        assert_non_null(fields);
        for (int severity = 1; severity <= 5; severity++) {
            bool imagenet = golden->constants == RESHIFT_CONSTANTS_IMAGENET;
            elastic_constants constants = elastic_constants_of(
                (imagenet ? find("elastic_transform")->imagenet : find("elastic_transform")->cifar)[severity - 1],
                imagenet, golden->height, golden->width);
            double moves[3][2];
            for (uint32_t k = 0; k < 6; k++) {
                moves[k / 2][k % 2] = (2 * draw_uniform(k, (uint32_t)severity) - 1) * constants.move_px;
            }
            for (uint32_t k = 0; k < 2 * pixels; k++) {
                fields[k] = 2 * draw_uniform(6 + k, (uint32_t)severity) - 1;
            }
            check_ok(elastic_with(&image, constants, moves, fields, fields + pixels, &output, &error));
            char hex[DIGEST_HEX_BYTES];
            digest_bytes(DIGEST_MD5, output.pixels, image.capacity, hex);
            if (strcmp(hex, golden->md5[severity - 1]) != 0) {
                fail_msg("%dx%d, constants %d, severity %d: expected %s, found %s", golden->width, golden->height,
                         (int)golden->constants, severity, golden->md5[severity - 1], hex);
            }
        }
        free(fields);
        free(image.pixels);
        reshift_image_destroy(&output);
    }
}

/* Fixed for good: sets made by earlier versions must be reproducible on every processor. */
static void test_own_draws_golden(void **state)
{
    (void)state;
    static const char *const expected[2] = {"7dcfaaa367e9c430a01cfeba290f0b0a", "0e8cbea43a07758b17eb13b299abdd21"};
    reshift_error error;
    reshift_image image = pattern_image(32, 32, 0), output = {0};
    for (int set = 0; set < 2; set++) {
        check_ok(reshift_corruption_apply(find("elastic_transform"), 4,
                                          set ? RESHIFT_CONSTANTS_IMAGENET : RESHIFT_CONSTANTS_CIFAR, 2019, 7, NULL,
                                          &image, &output, &error));
        char hex[DIGEST_HEX_BYTES];
        digest_bytes(DIGEST_MD5, output.pixels, image.capacity, hex);
        assert_string_equal(hex, expected[set]);
    }
    free(image.pixels);
    reshift_image_destroy(&output);
}

/*
 * Severity 1 only moves the three points. On ramps that stay far from the edges the change of a pixel reveals the
 * draws: their mean is 0 and their spread that of U(-2.56, 2.56) at the point itself.
 */
static void test_own_moves(void **state)
{
    (void)state;
    enum { images = 2000, side = 32 };
    reshift_error error;
    reshift_image image = {0}, output = {0};
    check_ok(reshift_image_resize(&image, side, side, &error));
    for (int i = 0; i < side * side; i++) {
        image.pixels[3 * i] = (uint8_t)(8 * (i % side));
        image.pixels[3 * i + 1] = (uint8_t)(8 * (i / side));
        image.pixels[3 * i + 2] = 0;
    }
    double sums[2] = {0}, squares[2] = {0};
    for (int n = 0; n < images; n++) {
        check_ok(reshift_corruption_apply(find("elastic_transform"), 1, RESHIFT_CONSTANTS_CIFAR, 3, n, NULL, &image,
                                          &output, &error));
        /* the third point, (16 - 10, 16 - 10); half a level for truncation to integers */
        const uint8_t *pixel = output.pixels + 3 * (6 * side + 6);
        for (int axis = 0; axis < 2; axis++) {
            double move = (pixel[axis] + 0.5) / 8 - 6;
            sums[axis] += move;
            squares[axis] += move * move;
        }
    }
    /* second-order terms of the inverse map: moves of 2.56 at points 20 apart, a hundredth of the variance */
    double variance = 2.56 * 2.56 / 3;
    for (int axis = 0; axis < 2; axis++) {
        assert_true(fabs(sums[axis] / images) < 5 * sqrt(variance / images) + 0.05);
        assert_true(fabs(squares[axis] / images / variance - 1) < 5 * sqrt(0.8 / images) + 0.06);
    }
    reshift_image_destroy(&image);
    reshift_image_destroy(&output);
}

static void test_too_small(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = pattern_image(2, 9, 0), output = {0};
    check_error(reshift_corruption_apply(find("elastic_transform"), 3, RESHIFT_CONSTANTS_AUTO, 0, 0, NULL, &image,
                                         &output, &error),
                RESHIFT_ERROR_UNSUPPORTED, "elastic_transform: an image of 9x2 is too small: it needs 3 pixels a side");
    free(image.pixels);
    reshift_image_destroy(&output);
}

/* Long kernels use the method whose time does not depend on sigma: the same bytes on every processor. */
static void test_large_golden(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = pattern_image(700, 600, 0), output = {0};
    check_ok(reshift_corruption_apply(find("elastic_transform"), 1, RESHIFT_CONSTANTS_IMAGENET, 2019, 7, NULL, &image,
                                      &output, &error));
    char hex[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_MD5, output.pixels, image.capacity, hex);
    assert_string_equal(hex, "e7c370ed539ce72756fdf00d3d7d0c82");
    free(image.pixels);
    reshift_image_destroy(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_reference), cmocka_unit_test(test_own_draws_golden),
        cmocka_unit_test(test_own_moves),         cmocka_unit_test(test_large_golden),
        cmocka_unit_test(test_too_small),
    };
    return cmocka_run_group_tests_name("elastic", tests, NULL, NULL);
}
