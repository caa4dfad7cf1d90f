/* Philox in vectors of every width this processor has: the same words from each. The source is included to reach them.
 */
#include "check.h"

#include "base/random_fill.c"

enum { GROUPS = 33, WORDS = GROUPS * GROUP };

static void check_same(philox_function philox)
{
    /* the block number runs over the end of its word inside the field */
    static const uint32_t key[2] = {0xdeadbeef, 7}, counter[4] = {0xffffff80u, 1, 0xfffffffeu, 3};
    static uint32_t expected[WORDS], found[WORDS + 1];
#if defined(__x86_64__)
    philox_sse2(key, counter, GROUPS, expected);
#else
    philox_any(key, counter, GROUPS, expected);
#endif
    found[WORDS] = 0x5a5a5a5a;
    philox(key, counter, GROUPS, found);
    assert_memory_equal(found, expected, sizeof expected);
    assert_int_equal(found[WORDS], 0x5a5a5a5a);
}

static void test_widths(void **state)
{
    (void)state;
    check_same(philox_best());
#if defined(__x86_64__)
    if (cpu_has(CPU_AVX2)) {
        check_same(philox_avx2);
    }
    if (cpu_has(CPU_AVX512)) {
        check_same(philox_avx512);
    }
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widths)};
    return cmocka_run_group_tests_name("random_vectors", tests, NULL, NULL);
}
