/* The vectorised zoom against SciPy's order of arithmetic, tap by tap, on random images. */
#include "check.h"

#include <math.h>

#include "imaging/zoom_image.h"

#include "corruptions/draws.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* NI_ZoomShift for one axis: source index and weights of pixel i of the trimmed result; false outside. */
static int scipy_axis(int length, double factor, int i, int *place, double weights[2])
{
    int crop = (int)ceil(length / factor), out = (int)rint(crop * factor);
    double at = (i + (out - length) / 2) * (out > 1 ? (double)(crop - 1) / (double)(out - 1) : 1.0);
    if (at > crop - 1) {
        return 0;
    }
    *place = (length - crop) / 2 + (int)floor(at);
    weights[0] = 1.0 - (at - floor(at));
    weights[1] = 1.0 - weights[0];
    return 1;
}

/*
 * Bit-identical. Products of simple weights produce exact ties of floats, so another order of additions would change
 * the result.
 */
static void test_against_scipy(void **state)
{
    (void)state;
    static const int sizes[][2] = {{32, 32}, {1, 1}, {1, 9}, {9, 1}, {2, 3}, {31, 47}, {224, 40}};
    static const double factors[] = {1, 1.01, 1.05, 1.12, 1.25, 1.3, 1.9, 3.7};
    size_t checked = 0;
    for (size_t n = 0; n < COUNT(sizes) * COUNT(factors); n++) {
        int height = sizes[n % COUNT(sizes)][0], width = sizes[n % COUNT(sizes)][1];
        double factor = factors[n / COUNT(sizes)];
        size_t stride = ZOOM_STRIDE(width), values = 3 * (size_t)height * stride;
        float *input = calloc(values, sizeof *input), *sums = calloc(values, sizeof *sums);
        double *work = malloc(ZOOM_WORK_BYTES(height, width));
        assert_true(input && sums && work);
        for (size_t i = 0; i < values; i++) {
            input[i] = (float)draw_uniform((uint32_t)i, (uint32_t)n);
        }
        zoom_image_add(input, height, width, factor, sums, work);
        for (int p = 0; p < 3 * height * width; p++) {
            int y = p / width % height, x = p % width, top = 0, left = 0;
            size_t plane = (size_t)(p / width / height) * (size_t)height * stride;
            double wy[2], wx[2], sum = 0;
            if (scipy_axis(height, factor, y, &top, wy) && scipy_axis(width, factor, x, &left, wx)) {
                for (int k = 0; k < 4; k++) {
                    double weight_y = wy[k / 2], weight_x = wx[k % 2];
                    if (weight_y != 0 && weight_x != 0) {
                        float value = input[plane + (size_t)(top + k / 2) * stride + (size_t)(left + k % 2)];
                        sum += (double)value * weight_y * weight_x;
                    }
                }
            }
            float found = sums[plane + (size_t)y * stride + (size_t)x];
            if (found != (float)sum) {
                fail_msg("%dx%d by %g, pixel %d: expected %a, found %a", width, height, factor, p, (double)(float)sum,
                         (double)found);
            }
            checked++;
        }
        free(input);
        free(sums);
        free(work);
    }
    assert_true(checked > 200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_scipy)};
    return cmocka_run_group_tests_name("zoom_image", tests, NULL, NULL);
}
