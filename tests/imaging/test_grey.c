/*
 * Grey operations against OpenCV, byte for byte; and on planes of every kind against direct implementations of the
 * definitions.
 */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "base/memory.h"
#include "imaging/grey.h"

#include "imaging/golden/grey.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const int emboss[9] = {-2, -1, 0, -1, 1, 1, 0, 1, 2};

/* Identical to plane() of make_grey.py. */
static uint8_t *plane(int height, int width, int coarse)
{
    uint8_t *pixels = malloc((size_t)height * (size_t)width);
    assert_non_null(pixels);
    for (uint32_t y = 0; y < (uint32_t)height; y++) {
        for (uint32_t x = 0; x < (uint32_t)width; x++) {
            uint32_t word = y / (uint32_t)coarse * 2654435761u + x / (uint32_t)coarse * 40503u + (uint32_t)coarse;
            word = (word ^ word >> 16) * 0x85ebca6bu;
            word = (word ^ word >> 13) * 0xc2b2ae35u;
            word = word ^ word >> 16;
            uint32_t value = (word >> 24) + ((x * 3 + y) & 31);
            pixels[y * (uint32_t)width + x] = (uint8_t)(word & 1 ? value < 255 ? value : 255 : 0);
        }
    }
    return pixels;
}

static void check_md5(const char *what, size_t which, const uint8_t *pixels, size_t n, const char *expected)
{
    char hex[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_MD5, pixels, n, hex);
    if (strcmp(hex, expected) != 0) {
        fail_msg("%s of %dx%d, blocks of %d: expected %s, found %s", what, golden_grey[which].width,
                 golden_grey[which].height, golden_grey[which].coarse, expected, hex);
    }
}

static void test_against_opencv(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden_grey); i++) {
        int height = golden_grey[i].height, width = golden_grey[i].width;
        size_t n = (size_t)height * (size_t)width;
        uint8_t *image = plane(height, width, golden_grey[i].coarse), *result = malloc(n), *edges = malloc(n);
        void *work = memory_allocate(grey_work_bytes(height, width));
        assert_true(result && edges && work);
        grey_canny_inverse(image, height, width, 50, 150, work, edges);
        check_md5("Canny edges", i, edges, n, golden_grey[i].canny);
        grey_distance_blurred(edges, height, width, 20, work, result);
        check_md5("distance", i, result, n, golden_grey[i].distance);
        memcpy(result, image, n);
        grey_equalise(result, n);
        check_md5("equalised", i, result, n, golden_grey[i].equalised);
        grey_filter3(image, height, width, emboss, work, result);
        check_md5("filter", i, result, n, golden_grey[i].filtered);
        grey_blur3(image, height, width, work, result);
        check_md5("blur", i, result, n, golden_grey[i].blurred);
        memory_free(work);
        free(image);
        free(result);
        free(edges);
    }
}

/*
 * One black pixel: the chamfer distance is close to the Euclidean one (2 % according to Borgefors for 5x5, and one for
 * truncation).
 */
static void test_distance(void **state)
{
    (void)state;
    enum { SIDE = 61, CENTRE = 30, FARTHEST = 40 };
    static uint8_t image[SIDE * SIDE], distance[SIDE * SIDE];
    void *work = memory_allocate(grey_work_bytes(SIDE, SIDE));
    assert_non_null(work);
    memset(image, 1, sizeof image);
    grey_distance_blurred(image, SIDE, SIDE, FARTHEST, work, distance);
    for (size_t i = 0; i < sizeof distance; i++) {
        assert_int_equal(distance[i], FARTHEST);
    }
    image[CENTRE * SIDE + CENTRE] = 0;
    grey_distance_blurred(image, SIDE, SIDE, FARTHEST, work, distance);
    for (int y = 1; y < SIDE - 1; y++) {
        for (int x = 1; x < SIDE - 1; x++) {
            double mean = 0; /* over 3x3, like the function's smoothing */
            for (int k = 0; k < 9; k++) {
                double exact = hypot(y + k / 3 - 1 - CENTRE, x + k % 3 - 1 - CENTRE);
                mean += (exact < FARTHEST ? exact : FARTHEST) / 9;
            }
            int found = distance[y * SIDE + x];
            if (found > mean * 1.02 || found + 1 < mean * 0.98) {
                fail_msg("distance at (%d,%d): expected %.2f, found %d", y - CENTRE, x - CENTRE, mean, found);
            }
        }
    }
    memory_free(work);
}

static void test_equalise(void **state)
{
    (void)state;
    uint8_t flat[100], ramp[256];
    memset(flat, 37, sizeof flat);
    grey_equalise(flat, sizeof flat);
    for (size_t i = 0; i < sizeof flat; i++) {
        assert_int_equal(flat[i], 37);
    }
    for (int i = 0; i < 256; i++) {
        ramp[i] = (uint8_t)(255 - i);
    }
    grey_equalise(ramp, sizeof ramp);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(ramp[i], 255 - i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_opencv),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_equalise),
    };
    return cmocka_run_group_tests_name("grey", tests, NULL, NULL);
}
