/* The clipped zoom's indices and weights against SciPy's doubles; the plasma against its definition. */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "imaging/plasma.h"
#include "imaging/zoom.h"

#include "imaging/golden/grey.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void test_against_scipy(void **state)
{
    (void)state;
    enum { MOST = 256 };
    for (size_t i = 0; i < COUNT(golden_zooms); i++) {
        int n = golden_zooms[i].length, lower[MOST], upper[MOST];
        double weight_lower[MOST], weight_upper[MOST], zoomed[MOST];
        assert_true(n <= MOST);
        zoom_clipped_axis(n, golden_zooms[i].factor, lower, upper, weight_lower, weight_upper);
        for (int k = 0; k < n; k++) {
            assert_true(lower[k] >= 0 && lower[k] <= upper[k] && upper[k] < n);
            zoomed[k] = lower[k] * 37 % 101 / 7.0 * weight_lower[k] + upper[k] * 37 % 101 / 7.0 * weight_upper[k];
        }
        char hex[DIGEST_HEX_BYTES];
        digest_bytes(DIGEST_MD5, zoomed, (size_t)n * sizeof *zoomed, hex);
        if (strcmp(hex, golden_zooms[i].md5) != 0) {
            fail_msg("%d by %g: expected %s, found %s", n, golden_zooms[i].factor, golden_zooms[i].md5, hex);
        }
    }
}

/* Every point is the mean of its four neighbours plus noise; tested without noise, and scaled to 0..1. */
static void test_plasma(void **state)
{
    (void)state;
    enum { SIDE = 16, POINTS = SIDE * SIDE };
    static double uniforms[POINTS], work[POINTS], map[POINTS];
    for (int i = 0; i < POINTS; i++) {
        uniforms[i] = 0.5;
    }
    uniforms[0] = 1; /* the centre is 100 * 100 above the corner, everything else is smooth */
    plasma_draw(SIDE, 2, uniforms, work, map);
    assert_true(map[0] == 0);
    assert_true(map[SIDE / 2 * SIDE + SIDE / 2] == 1);
    for (int step = SIDE / 2; step >= 1; step /= 2) {
        for (int y = 0; y < SIDE; y += step) {
            for (int x = 0; x < SIDE; x += step) {
                int odd_y = y / step % 2, odd_x = x / step % 2;
                if ((odd_y == 0 && odd_x == 0) || (step == SIDE / 2 && odd_y && odd_x)) {
                    continue; /* of an earlier level, or the one with the noise */
                }
                double sum = 0;
                for (int k = 0; k < 4; k++) {
                    int away = k < 2 ? -step : step, other = k % 2 ? step : -step;
                    int dy = odd_y && odd_x ? away : k < 2 ? other : 0, dx = odd_y && odd_x ? other : k < 2 ? 0 : other;
                    sum += map[(y + dy + SIDE) % SIDE * SIDE + (x + dx + SIDE) % SIDE];
                }
                /* sums of exact halves: the whole map is exact */
                assert_true(map[y * SIDE + x] == sum / 4);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_scipy),
        cmocka_unit_test(test_plasma),
    };
    return cmocka_run_group_tests_name("zoom", tests, NULL, NULL);
}
