/* HSV and back against scikit-image, bit-identical, on a grid of colours. */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "imaging/colour.h"

#include "imaging/golden/colour.h"

enum { LEVELS = 18, COLOURS = LEVELS * LEVELS * LEVELS };

typedef double planes[3][COLOURS];

static void grid(planes rgb)
{
    for (int i = 0; i < COLOURS; i++) {
        rgb[0][i] = i / (LEVELS * LEVELS) * 15 / 255.0;
        rgb[1][i] = i / LEVELS % LEVELS * 15 / 255.0;
        rgb[2][i] = i % LEVELS * 15 / 255.0;
    }
}

static colour_planes of(planes p) { return (colour_planes){p[0], p[1], p[2]}; }

static void check_md5(planes p, const char *expected)
{
    char hex[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_MD5, p, sizeof(planes), hex);
    assert_string_equal(hex, expected);
}

static void test_against_scikit_image(void **state)
{
    (void)state;
    static planes rgb, hsv;
    grid(rgb);
    colour_rgb_to_hsv(of(rgb), COLOURS, of(hsv));
    check_md5(hsv, golden_hsv);
    for (int i = 0; i < COLOURS; i++) {
        hsv[1][i] = fmin(fmax(hsv[1][i] * 2.5 + 0.2, 0), 1);
    }
    colour_hsv_to_rgb(of(hsv), COLOURS, of(rgb));
    check_md5(rgb, golden_rgb);
}

/* RGB to HSV and back: a handful of roundings, each half a unit of at most 6 (the turns of the hue). */
static void test_round_trip(void **state)
{
    (void)state;
    static planes rgb, hsv, back;
    grid(rgb);
    colour_rgb_to_hsv(of(rgb), COLOURS, of(hsv));
    colour_hsv_to_rgb(of(hsv), COLOURS, of(back));
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < COLOURS; i++) {
            assert_true(fabs(back[c][i] - rgb[c][i]) <= 8 * 6 * 0x1p-53);
        }
    }
}

static void test_named_colours(void **state)
{
    (void)state;
    static const double rgb[8][3] = {{1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 1, 1}, {0, 0, 1}, {1, 0, 1}, {.5, .5, .5}};
    static const double hsv[8][3] = {{0, 1, 1},       {1 / 6.0, 1, 1}, {2 / 6.0, 1, 1}, {3 / 6.0, 1, 1},
                                     {4 / 6.0, 1, 1}, {5 / 6.0, 1, 1}, {0, 0, .5}};
    for (int i = 0; i < 8; i++) {
        double in[3][1] = {{rgb[i][0]}, {rgb[i][1]}, {rgb[i][2]}}, out[3][1];
        colour_rgb_to_hsv((colour_planes){in[0], in[1], in[2]}, 1, (colour_planes){out[0], out[1], out[2]});
        for (int c = 0; c < 3; c++) {
            assert_true(out[c][0] == hsv[i][c]);
        }
    }
    double whole[3][1] = {{1}, {1}, {1}}, red[3][1];
    colour_hsv_to_rgb((colour_planes){whole[0], whole[1], whole[2]}, 1, (colour_planes){red[0], red[1], red[2]});
    assert_true(red[0][0] == 1 && red[1][0] == 0 && red[2][0] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_scikit_image),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_named_colours),
    };
    return cmocka_run_group_tests_name("colour", tests, NULL, NULL);
}
