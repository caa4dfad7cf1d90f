/* Bounds of magnitudes hold wherever the largest value is, and what is not finite is seen there. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "kernels/magnitude.h"

static void test_largest(void **state)
{
    (void)state;
    float values[100] = {0};
    uint16_t halves[101] = {0};
    for (int i = 0; i < 101; i++) { /* wherever the largest is */
        const float value = i % 2 ? -3.3f : 3.3f;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        for (int n = i + 1; n <= 101; n++) {
            halves[i] = 0x7f80;
            assert_true(isinf(largest_magnitude_bf16(halves, n)));
            halves[i] = (uint16_t)(bits >> 16);
            const double half = (double)largest_magnitude_bf16(halves, n);
            assert_true(half >= 3.28 && half < 3.34);
            if (n <= 100) {
                values[i] = value;
                const double whole = (double)largest_magnitude_f32(values, n);
                assert_true(whole >= (double)3.3f && whole < 3.34);
                values[i] = i % 2 ? NAN : -INFINITY;
                assert_true(isinf(largest_magnitude_f32(values, n)));
                values[i] = 0;
            }
        }
        halves[i] = 0;
    }
    assert_true(largest_magnitude_f32(values, 0) < 1e-30f);
}

static void test_sums(void **state)
{
    (void)state;
    float values[67], sums[2];
    for (int n = 0; n <= 67; n++) {
        double expected[2] = {0, 0};
        for (int i = 0; i < n; i++) {
            values[i] = (i % 3 ? 1.0f : -1.0f) * (float)(i + 1) / 4;
            expected[i % 3 == 0] += (i + 1) / 4.0;
        }
        sums_by_sign(values, n, sums); /* exact: quarters */
        assert_true((double)sums[0] == expected[0] && (double)sums[1] == expected[1]);
        for (int i = 0; i < n; i++) {
            const float kept = values[i];
            values[i] = NAN;
            sums_by_sign(values, n, sums);
            assert_true(isnan(sums[0]) && isnan(sums[1]));
            values[i] = kept;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_largest), cmocka_unit_test(test_sums)};
    return cmocka_run_group_tests_name("magnitude", tests, NULL, NULL);
}
