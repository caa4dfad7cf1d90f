/* The antialiased disk: its kernel against OpenCV's floats, the filter against a direct sum over all taps. */
#include "check.h"

#include <math.h>

#include "imaging/disk.h"

#include "imaging/golden/disk.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void spread_out(const disk_kernel *kernel, double quadrant[11][11])
{
    memset(quadrant, 0, 121 * sizeof(double));
    for (int c = 0; c < kernel->n_classes; c++) {
        for (int t = kernel->classes[c].first; t < kernel->classes[c].first + kernel->classes[c].count; t++) {
            assert_true(kernel->dy[t] < 11 && kernel->dx[t] < 11);
            assert_true(quadrant[kernel->dy[t]][kernel->dx[t]] == 0);
            quadrant[kernel->dy[t]][kernel->dx[t]] = kernel->classes[c].weight;
        }
    }
}

static void test_kernels(void **state)
{
    (void)state;
    reshift_error error;
    for (size_t i = 0; i < COUNT(golden_disks); i++) {
        disk_kernel kernel;
        double quadrant[11][11];
        check_ok(disk_kernel_create(golden_disks[i].radius, golden_disks[i].alias, &kernel, &error));
        spread_out(&kernel, quadrant);
        for (int y = 0; y < 11; y++) {
            for (int x = 0; x < 11; x++) {
                double expected = (double)golden_disks[i].quadrant[y][x];
                expected = expected <= 0x1p-52 ? 0 : expected;
                if (quadrant[y][x] != expected) {
                    fail_msg("radius %g, row %d, column %d: expected %a, found %a", golden_disks[i].radius, y, x,
                             expected, quadrant[y][x]);
                }
            }
        }
    }
}

static int reflect(int i, int n)
{
    while (n > 1 && (i < 0 || i >= n)) {
        i = i < 0 ? -i : 2 * n - 2 - i;
    }
    return n > 1 ? i : 0;
}

/*
 * The direct sum has at most 441 products: its error is below 441 2^-52 255 < 2^-35. If it is closer than that to an
 * integer, either byte is accepted.
 */
static void test_filter(void **state)
{
    (void)state;
    static const int sizes[][2] = {{32, 32}, {1, 1}, {1, 9}, {6, 1}, {2, 3}, {21, 40}};
    reshift_error error;
    size_t checked = 0;
    for (size_t i = 0; i < COUNT(golden_disks) * COUNT(sizes); i++) {
        const golden_disk *golden = &golden_disks[i % COUNT(golden_disks)];
        int height = sizes[i / COUNT(golden_disks)][0], width = sizes[i / COUNT(golden_disks)][1];
        reshift_image image = pattern_image(height, width, (uint32_t)i % 3);
        uint8_t *output = malloc(image.capacity);
        assert_non_null(output);
        disk_kernel kernel;
        check_ok(disk_kernel_create(golden->radius, golden->alias, &kernel, &error));
        check_ok(disk_filter_u8(image.pixels, height, width, &kernel, output, &error));
        for (int p = 0; p < 3 * height * width; p++) {
            double sum = 0;
            for (int dy = -golden->half; dy <= golden->half; dy++) {
                for (int dx = -golden->half; dx <= golden->half; dx++) {
                    int y = reflect(p / 3 / width + dy, height), x = reflect(p / 3 % width + dx, width);
                    sum += (double)golden->quadrant[abs(dy)][abs(dx)] * image.pixels[3 * (y * width + x) + p % 3];
                }
            }
            if (sum < 255 && fabs(sum - rint(sum)) < 0x1p-35) {
                continue;
            }
            assert_int_equal(output[p], sum < 255 ? (int)sum : 255);
            checked++;
        }
        free(output);
        free(image.pixels);
    }
    assert_true(checked > 10000);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    disk_kernel kernel;
    check_error(disk_kernel_create(0, 1, &kernel, &error), RESHIFT_ERROR_ARGUMENT, "a radius and a sigma above 0");
    check_error(disk_kernel_create(1, NAN, &kernel, &error), RESHIFT_ERROR_ARGUMENT, "found 1 and nan");
    check_error(disk_kernel_create(11, 1, &kernel, &error), RESHIFT_ERROR_UNSUPPORTED, "more than 12 taps a side");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernels), cmocka_unit_test(test_filter),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
