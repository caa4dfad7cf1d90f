/* Accuracies: Wilson's interval against published values and its defining equation; predictions, ties and refusals. */
#include "check.h"

#include <math.h>

#include "reshift/evaluation.h"

static void test_wilson_published_values(void **state)
{
    (void)state;
    /* Newcombe 1998, table I, method 3 (score without continuity correction), four printed decimals. */
    static const struct {
        int64_t correct, n;
        double low, high;
    } known[] = {
        {81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0000, 0.1611}, {1, 29, 0.0061, 0.1718}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        reshift_accuracy a = reshift_accuracy_of(known[i].correct, known[i].n);
        assert_int_equal(a.n, known[i].n);
        assert_int_equal(a.correct, known[i].correct);
        assert_true(a.accuracy == (double)known[i].correct / (double)known[i].n);
        assert_true(fabs(a.low - known[i].low) <= 0.00005);
        assert_true(fabs(a.high - known[i].high) <= 0.00005);
    }
}

/* Both ends solve |share - p| = z sqrt(p (1 - p) / n). */
static void test_wilson_equation(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 100000; n *= 10) {
        for (int64_t correct = 0; correct <= n; correct += n / 10 + 1) {
            reshift_accuracy a = reshift_accuracy_of(correct, n);
            double ends[2] = {a.low, a.high};
            assert_true(0 <= a.low && a.low <= a.accuracy && a.accuracy <= a.high && a.high <= 1);
            for (int end = 0; end < 2; end++) {
                double p = ends[end], z = 1.959963984540054;
                assert_true(fabs(fabs(a.accuracy - p) - z * sqrt(p * (1 - p) / (double)n)) < 1e-8);
            }
        }
    }
    assert_true(reshift_accuracy_of(0, 50).low == 0);
    assert_true(reshift_accuracy_of(50, 50).high == 1);
}

static void test_no_rows(void **state)
{
    (void)state;
    reshift_accuracy a = reshift_accuracy_of(0, 0);
    assert_int_equal(a.n, 0);
    assert_true(isnan(a.accuracy) && isnan(a.low) && isnan(a.high));
    assert_true(isnan(reshift_accuracy_of(3, 2).accuracy));
}

static void test_predictions(void **state)
{
    (void)state;
    float values[] = {0, 1, 2, /**/ 5, 5, 1, /**/ -3, -2, -2, /**/ -INFINITY, -INFINITY, -INFINITY};
    reshift_array logits = {.dtype = RESHIFT_F32, .n_dims = 2, .shape = {4, 3}, .data = values};
    int predictions[4];
    reshift_error error;
    check_ok(reshift_predictions(&logits, predictions, &error));
    assert_int_equal(predictions[0], 2);
    assert_int_equal(predictions[1], 0);
    assert_int_equal(predictions[2], 1);
    assert_int_equal(predictions[3], 0);
    values[7] = NAN;
    check_error(reshift_predictions(&logits, predictions, &error), RESHIFT_ERROR_NUMERIC, "row 2");
    logits.n_dims = 1;
    check_error(reshift_predictions(&logits, predictions, &error), RESHIFT_ERROR_SHAPE, "1 dimensions");
    logits.n_dims = 2;
    logits.dtype = RESHIFT_F64;
    check_error(reshift_predictions(&logits, predictions, &error), RESHIFT_ERROR_SHAPE, "float64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wilson_published_values),
        cmocka_unit_test(test_wilson_equation),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_predictions),
    };
    return cmocka_run_group_tests_name("accuracy", tests, NULL, NULL);
}
