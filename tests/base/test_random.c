/* Random streams: the published vectors of Philox 4x32-10, independence of order, and the distributions. */
#include "check.h"

#include <math.h>

#include "base/random.h"
#include "kernels/random_fill.h"

/* Random123's known answer (kat_vectors): counter and key all zero. The stream's layout puts the block number in word
 * 0. */
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

static void test_streams_are_independent_of_order(void **state)
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

/* A group is 16 blocks of the stream: word j of block b at 16 j + 2 (b mod 8) + b / 8. */
static void test_fill_is_philox(void **state)
{
    (void)state;
    enum { groups = 37, n = 64 * groups };
    static uint32_t words[n];
    random_stream single = random_open(11, "fill", 5, 6), field = single;
    random_u32(&field); /* the rest of the block is dropped */
    for (int j = 0; j < 4; j++) {
        random_u32(&single);
    }
    random_fill_u32(&field, words, n);
    for (int block = 0; block < 16 * groups; block++) {
        for (int j = 0; j < 4; j++) {
            int b = block % 16;
            assert_int_equal(words[block / 16 * 64 + 16 * j + 2 * (b % 8) + b / 8], random_u32(&single));
        }
    }
    assert_int_equal(random_u32(&field), random_u32(&single));
}

/* Fixed for good: data sets made by earlier versions must be reproducible. */
static void test_fill_golden(void **state)
{
    (void)state;
    random_stream stream = random_open(2019, "golden", 1, 2);
    uint32_t words[5];
    double uniform[5];
    float gaussian[70];
    random_fill_u32(&stream, words, 5);
    random_fill_uniform(&stream, uniform, 5);
    random_fill_gaussian(&stream, gaussian, 70);
    static const uint32_t expected_words[5] = {0x41d7c84c, 0x033f6577, 0xe0a15d0e, 0x20eba83c, 0x13269b75};
    static const double expected_uniform[5] = {0x1.ac393c1b8a0f8p-3, 0x1.d3e06b4b56b96p-2, 0x1.11ab4fbea1e2fp-1,
                                               0x1.14c067419511cp-1, 0x1.9ca6f11dfd5d2p-2};
    static const float expected_gaussian[5] = {-0x1.fcd64ap-1f, 0x1.c8c4b6p-1f, 0x1.83c382p+0f, -0x1.782d5p+0f,
                                               0x1.810becp-2f};
    static const int at[5] = {0, 15, 16, 63, 69};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(words[i], expected_words[i]);
        assert_true(uniform[i] == expected_uniform[i]);
        assert_true(gaussian[at[i]] == expected_gaussian[i]);
    }
}

static void test_fill_prefixes(void **state)
{
    (void)state;
    enum { n = 5000 };
    static double uniform[n], uniform_part[n];
    static float gaussian[n], gaussian_part[n];
    static uint32_t words[n], words_part[n];
    random_stream stream = random_open(3, "prefix", 0, 0), start = stream;
    random_fill_u32(&stream, words, n);
    stream = start;
    random_fill_uniform(&stream, uniform, n);
    stream = start;
    random_fill_gaussian(&stream, gaussian, n);
    static const size_t sizes[] = {0, 1, 31, 32, 33, 63, 64, 65, 511, 512, 513, 1023, 1024, 1025, 3072, 4999};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t k = sizes[i];
        memset(words_part, 0x5a, sizeof words_part);
        memset(uniform_part, 0x5a, sizeof uniform_part);
        memset(gaussian_part, 0x5a, sizeof gaussian_part);
        stream = start;
        random_fill_u32(&stream, words_part, k);
        stream = start;
        random_fill_uniform(&stream, uniform_part, k);
        stream = start;
        random_fill_gaussian(&stream, gaussian_part, k);
        assert_memory_equal(words_part, words, k * sizeof *words);
        assert_memory_equal(uniform_part, uniform, k * sizeof *uniform);
        assert_memory_equal(gaussian_part, gaussian, k * sizeof *gaussian);
        /* nothing beyond the end is written */
        assert_int_equal(words_part[k], 0x5a5a5a5a);
        assert_int_equal(*(unsigned char *)&uniform_part[k], 0x5a);
        assert_int_equal(*(unsigned char *)&gaussian_part[k], 0x5a);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double uniform_below(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
static double gaussian_below(double x) { return 0.5 * erfc(-x / sqrt(2.0)); }

/* Kolmogorov-Smirnov: sqrt(n) times the largest distance exceeds 1.95 once in a thousand fields. */
static double kolmogorov_smirnov(double *values, int n, double (*below)(double))
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    double largest = 0;
    for (int i = 0; i < n; i++) {
        double expected = below(values[i]);
        largest = fmax(largest, fmax(expected - (double)i / n, (i + 1.0) / n - expected));
    }
    return largest * sqrt((double)n);
}

static void test_fill_distributions(void **state)
{
    (void)state;
    enum { n = 1 << 20 };
    double *values = malloc(n * sizeof *values);
    float *floats = malloc(n * sizeof *floats);
    assert_true(values && floats);
    random_stream stream = random_open(8, "distribution", 0, 0);
    random_fill_uniform(&stream, values, n);
    double sum = 0, neighbours = 0;
    for (int i = 0; i < n; i++) {
        assert_true(values[i] >= 0 && values[i] < 1);
        sum += values[i];
        neighbours += i ? (values[i] - 0.5) * (values[i - 1] - 0.5) : 0;
    }
    assert_true(fabs(sum / n - 0.5) < 5 * sqrt(1.0 / 12 / n));
    assert_true(fabs(neighbours / n) < 5 * sqrt(1.0 / 144 / n));
    assert_true(kolmogorov_smirnov(values, n, uniform_below) < 1.95);

    random_fill_gaussian(&stream, floats, n);
    double moments[7] = {0}, pairs[3] = {0};
    static const int distances[3] = {1, 16, 32}; /* 16: the pair that shares a radius */
    int beyond_4 = 0;
    for (int i = 0; i < n; i++) {
        values[i] = (double)floats[i];
        double power = 1;
        for (int k = 1; k <= 6; k++) {
            power *= values[i];
            moments[k] += power;
        }
        for (int k = 0; k < 3; k++) {
            pairs[k] += i >= distances[k] ? values[i] * values[i - distances[k]] : 0;
        }
        beyond_4 += fabs(values[i]) > 4;
    }
    /* five standard errors: the variance of x^k is E x^2k - (E x^k)^2 */
    static const double expected[7] = {1, 0, 1, 0, 3, 0, 15}, variance[7] = {0, 1, 2, 15, 96, 945, 10170};
    for (int k = 1; k <= 6; k++) {
        assert_true(fabs(moments[k] / n - expected[k]) < 5 * sqrt(variance[k] / n));
    }
    for (int k = 0; k < 3; k++) {
        assert_true(fabs(pairs[k] / n) < 5 * sqrt(1.0 / n));
    }
    double tail = n * 2 * gaussian_below(-4);
    assert_true(fabs(beyond_4 - tail) < 5 * sqrt(tail));
    assert_true(kolmogorov_smirnov(values, n, gaussian_below) < 1.95);
    free(values);
    free(floats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),     cmocka_unit_test(test_streams_are_independent_of_order),
        cmocka_unit_test(test_gaussian_moments), cmocka_unit_test(test_permutation),
        cmocka_unit_test(test_fill_is_philox),   cmocka_unit_test(test_fill_golden),
        cmocka_unit_test(test_fill_prefixes),    cmocka_unit_test(test_fill_distributions),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
