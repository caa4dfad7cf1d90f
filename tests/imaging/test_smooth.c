/*
 * The Gaussian with mirrored edges against its definition, tap by tap over the mirrored plane, for short and long
 * kernels.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>

#include "imaging/smooth.h"

static int mirrored(int index, int extent)
{
    while (index < 0 || index >= extent) {
        index = index < 0 ? -1 - index : 2 * extent - 1 - index;
    }
    return index;
}

/* One pass along rows (step 1) or columns, directly from the definition. */
static void reference_pass(const double *in, int height, int width, int down, double sigma, double truncate,
                           double *out)
{
    int radius = (int)(truncate * sigma + 0.5);
    double total = 0;
    for (int k = -radius; k <= radius; k++) {
        total += exp(-0.5 * k * k / (sigma * sigma));
    }
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double sum = 0;
            for (int k = -radius; k <= radius; k++) {
                int from = down ? mirrored(y + k, height) * width + x : y * width + mirrored(x + k, width);
                sum += in[from] * exp(-0.5 * k * k / (sigma * sigma));
            }
            out[y * width + x] = sum / total;
        }
    }
}

static void test_definition(void **state)
{
    (void)state;
    static const struct {
        int height, width;
        double sigma;
    } cases[] = {{32, 32, .96}, {32, 32, 6.4}, {12, 31, 3.9}, {12, 12, 40},
                 {7, 5, 11.7},  {1, 1, 2},     {1, 9, 5},     {20, 3, .1}};
    enum { MOST = 32 * 32 };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        int height = cases[c].height, width = cases[c].width;
        double plane[MOST], between[MOST], expected[MOST], row[MOST], down[33], across[33], work[96];
        for (int i = 0; i < height * width; i++) {
            plane[i] = (double)((uint32_t)i * 2654435761u >> 8) / 8388608.0 - 1;
        }
        reference_pass(plane, height, width, 1, cases[c].sigma, 3, between);
        reference_pass(between, height, width, 0, cases[c].sigma, 3, expected);
        smooth_axis a = smooth_axis_fill(cases[c].sigma, 3, height, down);
        smooth_axis b = smooth_axis_fill(cases[c].sigma, 3, width, across);
        for (int y = 0; y < height; y++) {
            smooth_row(plane, height, width, &a, &b, y, work, row);
            for (int x = 0; x < width; x++) {
                /* values of at most 1; two sums of up to 241 products on each side, and 241 weights summed */
                if (fabs(row[x] - expected[y * width + x]) > 6 * 241 * 0x1p-53) {
                    fail_msg("%dx%d, sigma %g, (%d,%d): expected %.17g, found %.17g", width, height, cases[c].sigma, x,
                             y, expected[y * width + x], row[x]);
                }
            }
        }
    }
}

/* A constant plane stays constant for every kernel. */
static void test_constant(void **state)
{
    (void)state;
    double plane[6 * 8], row[8], work[24], down[7], across[9];
    for (int i = 0; i < 48; i++) {
        plane[i] = 0.75;
    }
    static const double sigmas[] = {.2, 1, 3, 100};
    for (size_t s = 0; s < sizeof sigmas / sizeof sigmas[0]; s++) {
        smooth_axis a = smooth_axis_fill(sigmas[s], 3, 6, down), b = smooth_axis_fill(sigmas[s], 3, 8, across);
        for (int y = 0; y < 6; y++) {
            smooth_row(plane, 6, 8, &a, &b, y, work, row);
            for (int x = 0; x < 8; x++) {
                assert_true(fabs(row[x] - 0.75) < 601 * 0x1p-52);
            }
        }
    }
}

/* The method for long kernels against the taps of smooth_row(), within the bound stated in smooth.h. */
static void test_long_kernels(void **state)
{
    (void)state;
    static const struct {
        int height, width;
        double sigma;
    } cases[] = {{600, 513, 420}, {40, 1300, 30}, {1300, 40, 400}, {333, 17, 60.4}, {1, 1100, 350}, {35, 35, 9}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const int height = cases[c].height, width = cases[c].width;
        const size_t n = (size_t)width, values = (size_t)height * n;
        double *plane = malloc(values * sizeof *plane), *smooth = malloc(values * sizeof *smooth);
        double *down = malloc(SMOOTH_WEIGHTS(height) * sizeof *down), *row = malloc(n * sizeof *row);
        double *across = malloc(SMOOTH_WEIGHTS(width) * sizeof *across);
        double *work = malloc((SMOOTH_PLANE_WORK(height, width) + SMOOTH_ROW_WORK(width)) * sizeof *work);
        assert_true(plane && smooth && down && row && across && work);
        for (size_t i = 0; i < values; i++) {
            plane[i] = smooth[i] = (double)((uint32_t)i * 2654435761u >> 8) / 8388608.0 - 1;
        }
        smooth_plane(smooth, height, width, cases[c].sigma, 3, work);
        smooth_axis a = smooth_axis_fill(cases[c].sigma, 3, height, down);
        smooth_axis b = smooth_axis_fill(cases[c].sigma, 3, width, across);
        const double bound = (height + width + 4 * (int)(3 * cases[c].sigma + 0.5)) * 0x1p-50;
        double worst = 0;
        for (int y = 0; y<height; y += height> 100 ? 37 : 1) {
            smooth_row(plane, height, width, &a, &b, y, work, row);
            for (int x = 0; x < width; x++) {
                const double apart = fabs(row[x] - smooth[(size_t)y * n + (size_t)x]);
                worst = apart > worst ? apart : worst;
                if (apart > bound) {
                    fail_msg("%dx%d, sigma %g, (%d,%d): expected %.17g, found %.17g", width, height, cases[c].sigma, x,
                             y, row[x], smooth[(size_t)y * n + (size_t)x]);
                }
            }
        }
        print_message("# %dx%d, sigma %g: within %.2g, bound %.2g\n", width, height, cases[c].sigma, worst, bound);
        free(plane);
        free(smooth);
        free(down);
        free(across);
        free(row);
        free(work);
    }
}

/* Sizes with published results use the exact method for every sigma; photographs do not. */
static void test_choice_of_method(void **state)
{
    (void)state;
    assert_false(smooth_is_long(22, 3, 32, 32));
    assert_false(smooth_is_long(171, 3, 224, 224));
    assert_false(smooth_is_long(1000, 3, 512, 512));
    assert_true(smooth_is_long(585, 3, 768, 1024));
    assert_false(smooth_is_long(20, 3, 3000, 2000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_definition), cmocka_unit_test(test_constant),
                                       cmocka_unit_test(test_long_kernels), cmocka_unit_test(test_choice_of_method)};
    return cmocka_run_group_tests_name("smooth", tests, NULL, NULL);
}
