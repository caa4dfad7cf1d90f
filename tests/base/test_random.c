/* The random streams: the published vectors of Philox 4x32-10, independence of order, and the shape of the draws. */
#include "check.h"

#include <math.h>

#include "base/random.h"

/* Random123's known answer (kat_vectors): counter and key all zero. The stream's layout puts the block number in word 0. */
static void test_known_answer(void **state)
{
    (void)state;
    random_stream stream = {0};
    stream.used = 4;
    static const uint32_t expected[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(random_u32(&stream), expected[i]);
    }
}

static void test_streams_are_named_not_ordered(void **state)
{
    (void)state;
    random_stream a = random_open(1, "shuffle", 2, 3), b = random_open(1, "shuffle", 2, 4);
    uint64_t first = random_u64(&a);
    assert_int_not_equal(first, random_u64(&b));
    a = random_open(1, "shuffle", 2, 3);
    assert_int_equal(first, random_u64(&a));
    a = random_open(1, "split", 2, 3);
    assert_int_not_equal(first, random_u64(&a));
    a = random_open(2, "shuffle", 2, 3);
    assert_int_not_equal(first, random_u64(&a));
    a = random_open(1, "shuffle", 3, 3);
    assert_int_not_equal(first, random_u64(&a));
}

static void test_gaussian_moments(void **state)
{
    (void)state;
    enum { n = 200000 };
    random_stream stream = random_open(7, "moments", 0, 0);
    double sum = 0, squares = 0, fourth = 0;
    for (int i = 0; i < n; i++) {
        double x = random_gaussian(&stream);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    /* five standard errors of each estimate: sqrt(1/n), sqrt(2/n), sqrt(96/n) */
    assert_true(fabs(sum / n) < 5 * sqrt(1.0 / n));
    assert_true(fabs(squares / n - 1) < 5 * sqrt(2.0 / n));
    assert_true(fabs(fourth / n - 3) < 5 * sqrt(96.0 / n));
}

static void test_permutation(void **state)
{
    (void)state;
    enum { n = 1000 };
    int64_t order[n];
    int seen[n] = {0}, moved = 0;
    random_stream stream = random_open(7, "permutation", 0, 0);
    random_permutation(&stream, order, n);
    for (int i = 0; i < n; i++) {
        assert_in_range(order[i], 0, n - 1);
        seen[order[i]]++;
        moved += order[i] != i;
    }
    for (int i = 0; i < n; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_true(moved > n - 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_streams_are_named_not_ordered),
        cmocka_unit_test(test_gaussian_moments),
        cmocka_unit_test(test_permutation),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
