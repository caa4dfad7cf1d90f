/* The affine map against OpenCV and displacements against SciPy, bit-identical; the inverse of a map. */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "imaging/warp.h"

#include "imaging/golden/warp.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* [H,W,4] float of a pattern. The fourth channel is filled too, to check that it does not leak into the others. */
static float *float_pattern(int height, int width, uint32_t seed)
{
    reshift_image image = pattern_image(height, width, seed);
    size_t pixels = image.capacity / 3;
    float *values = malloc(4 * pixels * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < pixels; i++) {
        for (size_t c = 0; c < 4; c++) {
            values[4 * i + c] = c < 3 ? (float)image.pixels[3 * i + c] / 255.0f : 1e6f;
        }
    }
    free(image.pixels);
    return values;
}

static void check_md5(const float *values, size_t pixels, const char *expected, const char *what)
{
    float *packed = malloc(3 * pixels * sizeof *packed);
    assert_non_null(packed);
    for (size_t i = 0; i < 3 * pixels; i++) {
        packed[i] = values[i / 3 * 4 + i % 3];
    }
    char hex[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_MD5, packed, 3 * pixels * sizeof *packed, hex);
    if (strcmp(hex, expected) != 0) {
        fail_msg("%s, %zu pixels: expected %s, found %s", what, pixels, expected, hex);
    }
    free(packed);
}

static void test_affine(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(golden_sizes); s++) {
        int height = golden_sizes[s][0], width = golden_sizes[s][1];
        size_t pixels = (size_t)height * (size_t)width;
        float *input = float_pattern(height, width, 1), *output = malloc(4 * pixels * sizeof *output);
        assert_non_null(output);
        for (size_t m = 0; m < COUNT(golden_maps); m++) {
            double map[2][3];
            memcpy(map, golden_maps[m], sizeof map);
            warp_affine(input, height, width, map, output);
            check_md5(output, pixels, golden_affine[s][m], "affine");
        }
        free(input);
        free(output);
    }
}

static void test_displacement(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(golden_sizes); s++) {
        int height = golden_sizes[s][0], width = golden_sizes[s][1];
        size_t pixels = (size_t)height * (size_t)width;
        float *input = float_pattern(height, width, 2), *output = malloc(4 * pixels * sizeof *output);
        float *dx = malloc((size_t)width * sizeof *dx), *dy = malloc((size_t)width * sizeof *dy);
        assert_true(output && dx && dy);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int i = y * width + x;
                dx[x] = (float)((i * 37 % 101 - 50) * (3 * width)) / 64;
                dy[x] = (float)((i * 53 % 97 - 48) * (3 * height)) / 64;
            }
            warp_displace_row(input, height, width, dx, dy, y, output + 4 * (size_t)y * (size_t)width);
        }
        check_md5(output, pixels, golden_displaced[s], "displaced");
        free(input);
        free(output);
        free(dx);
        free(dy);
    }
}

static void test_inverse(void **state)
{
    (void)state;
    double map[2][3] = {{.9, .2, 1.7}, {-.15, 1.1, 2.3}}, inverse[2][3];
    warp_invert(map, inverse);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            double product = inverse[i][0] * map[0][j] + inverse[i][1] * map[1][j] + (j == 2 ? inverse[i][2] : 0);
            assert_true(fabs(product - (i == j)) < 1e-14);
        }
    }
    double flat[2][3] = {{1, 2, 3}, {2, 4, 5}};
    warp_invert(flat, inverse);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            assert_true(inverse[i][j] == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_affine),
        cmocka_unit_test(test_displacement),
        cmocka_unit_test(test_inverse),
    };
    return cmocka_run_group_tests_name("warp", tests, NULL, NULL);
}
