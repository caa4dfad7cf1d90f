/* The Gaussian kernel and a filtered row against the definition; bit-exactness is tested by gaussian_blur. */
#include "check.h"

#include <math.h>

#include "imaging/gaussian.h"

static void test_kernel(void **state)
{
    (void)state;
    reshift_error error;
    gaussian_kernel kernel;
    static const struct {
        double sigma;
        int radius;
    } known[] = {{0.05, 0}, {0.4, 2}, {0.6, 2}, {0.7, 3}, {1, 4}, {6, 24}, {15.8, 63}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        check_ok(gaussian_kernel_create(known[i].sigma, 4, &kernel, &error));
        assert_int_equal(kernel.radius, known[i].radius);
        gaussian_kernel_normalise(&kernel);
        double sum = kernel.weights[0];
        for (int k = 1; k <= kernel.radius; k++) {
            sum += 2 * kernel.weights[k];
            double ratio = exp(-0.5 * k * k / (known[i].sigma * known[i].sigma));
            assert_true(fabs(kernel.weights[k] / kernel.weights[0] - ratio) <= 4 * ldexp(1, -53));
        }
        /* 127 weights, each within half a unit, and as many additions of at most one */
        assert_true(fabs(sum - 1) <= 3 * 127 * ldexp(1, -53));
    }
    check_error(gaussian_kernel_create(16, 4, &kernel, &error), RESHIFT_ERROR_UNSUPPORTED,
                "sigma 16 needs more than 63");
    check_error(gaussian_kernel_create(0, 4, &kernel, &error), RESHIFT_ERROR_UNSUPPORTED, "sigma 0");
    check_error(gaussian_kernel_create(NAN, 4, &kernel, &error), RESHIFT_ERROR_UNSUPPORTED, "sigma nan");
}

/*
 * Every size down to one pixel, kernels much wider than the image: each output against the double sum over both axes.
 */
static void test_rows(void **state)
{
    (void)state;
    reshift_error error;
    enum { channels = 2, most = 9 };
    static const int sizes[][2] = {{1, 1}, {1, 5}, {4, 1}, {3, 2}, {9, 7}};
    double input[most * most * channels], output[most * channels];
    double work[GAUSSIAN_ROW_WORK(most, channels, 12)];
    for (int i = 0; i < most * most * channels; i++) {
        input[i] = (i * 37 % 101) / 100.0;
    }
    gaussian_kernel kernel;
    check_ok(gaussian_kernel_create(3, 4, &kernel, &error));
    gaussian_kernel_normalise(&kernel);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        int height = sizes[s][0], width = sizes[s][1];
        for (int y = 0; y < height; y++) {
            gaussian_row(input, height, width, channels, &kernel, y, work, output);
            for (int i = 0; i < width * channels; i++) {
                double sum = 0;
                for (int a = -12; a <= 12; a++) {
                    for (int b = -12; b <= 12; b++) {
                        int row = y + a < 0 ? 0 : y + a >= height ? height - 1 : y + a;
                        int column = i / channels + b;
                        column = column < 0 ? 0 : column >= width ? width - 1 : column;
                        sum += kernel.weights[abs(a)] * kernel.weights[abs(b)] *
                               input[(row * width + column) * channels + i % channels];
                    }
                }
                /* two passes of 25 products and sums of numbers below one here, 625 in the reference */
                assert_true(fabs(output[i] - sum) <= (2 * 2 * 25 + 3 * 625) * ldexp(1, -53));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests_name("gaussian", tests, NULL, NULL);
}
