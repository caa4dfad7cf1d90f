/* Kept rows come back bit for bit, from memory and from a file; the budget holds; what does not fit is said to be
 * missing. */
#include "check.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

#include "base/random.h"
#include "learning/feature_cache.h"

enum { n_rows = 40, count = 1001 }; /* no multiple of 32 */

/* As behind a ReLU: a share of zeros that differs from row to row (row 0 all zeros, the last none), and odd values. */
static void make_row(int64_t row, float *values)
{
    random_stream stream = random_open(1, "rows", 0, (uint64_t)row);
    for (int i = 0; i < count; i++) {
        values[i] = random_uniform(&stream) * (n_rows - 1) < (double)row ? (float)random_gaussian(&stream) : 0;
    }
    if (row == 7) {
        const float odd[] = {-0.0f, NAN, INFINITY, 1e-45f, -1e-45f};
        memcpy(values + 30, odd, sizeof odd);
    }
}

static void check_rows(const feature_cache *c, int64_t kept)
{
    float expected[count], found[count + 1];
    for (int64_t row = 0; row < n_rows; row++) {
        assert_int_equal(feature_cache_has(c, row), row < kept);
        if (row < kept) {
            make_row(row, expected);
            found[count] = 42;
            feature_cache_get(c, row, found);
            assert_memory_equal(expected, found, sizeof expected);
            assert_true(found[count] == 42);
        }
    }
}

static int64_t fill(feature_cache *c)
{
    reshift_error error;
    float values[count];
    int64_t kept_rows = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        bool kept;
        make_row(row, values);
        check_ok(feature_cache_add(c, row, values, &kept, &error));
        assert_true(!kept || kept_rows == row); /* nothing behind the first that did not fit */
        kept_rows += kept;
    }
    assert_int_equal(feature_cache_rows(c), kept_rows);
    return kept_rows;
}

static void test_in_memory(void **state)
{
    (void)state;
    reshift_error error;
    feature_cache *c;
    check_ok(feature_cache_create(1 << 30, 1 << 30, n_rows, count, NULL, &c, &error));
    assert_int_equal(feature_cache_place(c), CACHE_IN_MEMORY);
    assert_int_equal(fill(c), n_rows);
    check_rows(c, n_rows);
    /* half of the values are zero on average: half the bytes, and one mark in 32 */
    double dense = (double)n_rows * count * 4;
    assert_true((double)feature_cache_used_bytes(c) < dense * 0.56);
    assert_true((double)feature_cache_used_bytes(c) > dense * 0.5);
    feature_cache_destroy(&c);
    assert_null(c);
}

static int count_entries(const char *folder)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    int n = 0;
    while (readdir(d)) {
        n++;
    }
    closedir(d);
    return n - 2;
}

static void test_in_a_file(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    char folder[256];
    snprintf(folder, sizeof folder, "%s/reshift-cache-%ld", parent ? parent : "/tmp", (long)getpid());
    reshift_error error;
    feature_cache *c;
    check_ok(feature_cache_create(1 << 30, 1000, n_rows, count, folder, &c, &error));
    assert_int_equal(feature_cache_place(c), CACHE_IN_FILE);
    assert_int_equal(fill(c), n_rows);
    check_rows(c, n_rows);
    assert_int_equal(count_entries(folder), 0);
    feature_cache_destroy(&c);
    rmdir(folder);
    check_error(feature_cache_create(1 << 30, 1000, n_rows, count, "/proc/nowhere", &c, &error),
                RESHIFT_ERROR_NOT_FOUND, "folder '/proc/nowhere'");
    assert_null(c);
}

static void test_budget(void **state)
{
    (void)state;
    reshift_error error;
    feature_cache *c;
    const uint64_t budgets[] = {0, 3, 100, 20000, 50001};
    int64_t before = 0;
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        for (int by_memory = 0; by_memory < 2; by_memory++) {
            check_ok(feature_cache_create(by_memory ? 1 << 30 : budgets[i], by_memory ? budgets[i] : 1 << 30, n_rows,
                                          count, NULL, &c, &error));
            int64_t kept = fill(c);
            check_rows(c, kept);
            assert_true(feature_cache_used_bytes(c) <= budgets[i]);
            assert_true(kept >= before && kept < n_rows);
            before = kept;
            feature_cache_destroy(&c);
        }
    }
    assert_true(before > 10);
}

static void test_available_memory(void **state)
{
    (void)state;
    uint64_t available = memory_available_bytes();
    assert_true(available > 1 << 20);
    assert_true(available <= (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_in_a_file),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_available_memory),
    };
    return cmocka_run_group_tests_name("feature_cache", tests, NULL, NULL);
}
