/* Kept rows come back bit for bit, from memory, from a file and from a folder that a later program opens; the budget
 * holds; what does not fit is said to be missing; what was not committed, or is of another part, is not there. */
#include "check.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/file_writer.h"
#include "base/files.h"
#include "base/random.h"
#include "inference/available_memory.h"
#include "inference/frozen_cache.h"
#include "inference/row_cache.h"
#include "inference/row_packing.h"

enum { n_rows = 40, count = 1001 }; /* no multiple of 32 */

static char folder[256];

static row_cache_setup setup_of(row_place place, uint64_t budget, int width)
{
    return (row_cache_setup){.place = place,
                             .folder = folder,
                             .key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                             .budget_bytes = budget,
                             .row_count = count,
                             .width = width};
}

/* As behind a ReLU: a share of zeros that differs from row to row (row 0 all zeros, the last none), and odd values. */
static void make_row(int64_t row, int width, void *values)
{
    random_stream stream = random_open(1, "rows", 0, (uint64_t)row);
    for (int i = 0; i < count; i++) {
        float value = random_uniform(&stream) * (n_rows - 1) < (double)row ? (float)random_gaussian(&stream) : 0;
        const float odd[] = {-0.0f, NAN, INFINITY, 1e-45f, -1e-45f};
        value = row == 7 && i >= 30 && i < 35 ? odd[i - 30] : value;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (width == 2) {
            ((uint16_t *)values)[i] = (uint16_t)(bits >> 16);
        } else {
            ((uint32_t *)values)[i] = bits;
        }
    }
}

static void check_rows(const row_cache *c, int set, int width, int64_t kept)
{
    char expected[4 * count], found[4 * count + 4];
    reshift_error error;
    for (int64_t row = 0; row < n_rows; row++) {
        assert_int_equal(row_cache_has(c, set, row), row < kept);
        if (row < kept) {
            make_row(row, width, expected);
            memset(found, 42, sizeof found);
            check_ok(row_cache_get(c, set, row, found, &error));
            assert_memory_equal(expected, found, (size_t)width * count);
            assert_int_equal(found[width * count], 42);
        }
    }
}

static int new_set(row_cache *c, const char *name)
{
    reshift_error error;
    int set;
    check_ok(row_cache_set(c, name, n_rows, &set, &error));
    return set;
}

static int64_t add(row_cache *c, int set, int64_t first, int64_t n, int width)
{
    static char values[n_rows * 4 * count];
    int64_t rows[n_rows], before = row_cache_rows(c);
    reshift_error error;
    for (int64_t i = 0; i < n; i++) {
        rows[i] = first + i;
        make_row(first + i, width, values + i * width * count);
    }
    check_ok(row_cache_add(c, set, rows, (int)n, values, &error));
    return row_cache_rows(c) - before;
}

static row_cache *opened(row_place place, uint64_t budget, int width)
{
    reshift_error error;
    row_cache *c;
    const row_cache_setup setup = setup_of(place, budget, width);
    check_ok(row_cache_open(&setup, &c, &error));
    return c;
}

static int count_entries(void)
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

static void remove_folder(void)
{
    char path[300];
    static const char *const names[] = {"rows", "index"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void test_every_place(void **state)
{
    (void)state;
    for (int place = ROWS_IN_MEMORY; place <= ROWS_IN_FOLDER; place++) {
        for (int width = 2; width <= 4; width += 2) {
            row_cache *c = opened((row_place)place, 1 << 30, width);
            int set = new_set(c, "a"), other = new_set(c, "b");
            assert_int_equal(new_set(c, "a"), set);
            assert_int_equal(add(c, set, 0, n_rows, width), n_rows);
            assert_int_equal(add(c, set, 5, 3, width), 0); /* they are there */
            check_rows(c, set, width, n_rows);
            check_rows(c, other, width, 0);
            /* half of the values are zero on average: half the bytes, and one word of marks in 32 values */
            double dense = (double)n_rows * count * width, marks = (double)n_rows * count / 8;
            assert_true((double)row_cache_used_bytes(c) < dense * 0.53 + marks + 4 * n_rows);
            assert_true((double)row_cache_used_bytes(c) > dense * 0.5);
            if (place != ROWS_IN_MEMORY) {
                assert_int_equal(count_entries(), place == ROWS_IN_FOLDER);
            }
            row_cache_close(&c);
            assert_null(c);
            remove_folder();
        }
    }
    row_cache_setup setup = setup_of(ROWS_IN_FOLDER, 1 << 30, 4);
    setup.folder = "/proc/nowhere";
    row_cache *c;
    reshift_error error;
    check_error(row_cache_open(&setup, &c, &error), RESHIFT_ERROR_NOT_FOUND, "folder '/proc/nowhere'");
    assert_null(c);
}

/* Both ways of packing give the same bytes: a row cut where only the plain way reaches against the row as a whole. */
static void test_packing(void **state)
{
    (void)state;
    char values[4 * count], packed[8 * count], one[512], again[128];
    for (int width = 2; width <= 4; width += 2) {
        for (int64_t row = 0; row < n_rows; row++) {
            make_row(row, width, values);
            size_t used = packing_pack(values, 64, width, packed), sum = 0;
            assert_true(used <= packing_most_bytes(64, width));
            for (int part = 0; part < 2; part++) { /* 31 values take the plain way, the 32nd is looked at alone */
                packing_pack(values + part * 32 * width, 31, width, one);
                uint32_t marks, whole;
                memcpy(&marks, one, 4);
                memcpy(&whole, packed + sum, 4);
                assert_int_equal(whole & 0x7fffffff, marks);
                size_t bytes = (size_t)__builtin_popcount(marks) * (size_t)width;
                assert_memory_equal(packed + sum + 4, one + 4, bytes);
                sum += 4 + (size_t)__builtin_popcount(whole) * (size_t)width;
                memset(again, 0x55, sizeof again);
                packing_unpack(one, 31, width, again);
                assert_memory_equal(again, values + part * 32 * width, 31 * (size_t)width);
                assert_int_equal(again[31 * width], 0x55);
            }
            assert_int_equal(used, (sum + 3) / 4 * 4);
        }
    }
}

static void test_budget(void **state)
{
    (void)state;
    const uint64_t budgets[] = {0, 3, 100, 20000, 50001};
    int64_t before = 0;
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        row_cache *c = opened(ROWS_IN_MEMORY, budgets[i], 4);
        int set = new_set(c, "a");
        int64_t kept = 0;
        for (int64_t row = 0; row < n_rows && !row_cache_is_full(c); row++) {
            kept += add(c, set, row, 1, 4);
        }
        assert_true(row_cache_is_full(c));
        check_rows(c, set, 4, kept);
        assert_true(row_cache_used_bytes(c) <= budgets[i]);
        assert_true(kept >= before && kept < n_rows);
        before = kept;
        row_cache_close(&c);
    }
    assert_true(before > 10);
}

static void test_preferred_rows_find_room(void **state)
{
    (void)state;
    const int64_t last[] = {36, 37, 38, 39};
    row_cache *c = opened(ROWS_IN_MEMORY, 38000, 4);
    int others = new_set(c, "b"), set = new_set(c, "a");
    row_cache_prefer(c, set, last, 4);
    int64_t kept = add(c, others, 30, 10, 4);
    assert_true(kept >= 4 && kept <= 6); /* ten rows would fit, were it not for the four to come */
    assert_int_equal(add(c, set, 36, 4, 4), 4);
    row_cache_close(&c);
}

static void test_a_folder_is_found_again(void **state)
{
    (void)state;
    reshift_error error;
    row_cache *c = opened(ROWS_IN_FOLDER, 1 << 30, 2), *second;
    int set = new_set(c, "a");
    add(c, set, 0, 20, 2);
    check_ok(row_cache_commit(c, &error));
    add(c, set, 20, 10, 2); /* never committed: as when the program is killed */
    row_cache_setup setup = setup_of(ROWS_IN_FOLDER, 1 << 30, 2);
    check_error(row_cache_open(&setup, &second, &error), RESHIFT_ERROR_EXISTS, "another program");
    row_cache_close(&c);

    c = opened(ROWS_IN_FOLDER, 1 << 30, 2);
    set = new_set(c, "a");
    assert_int_equal(row_cache_rows(c), 20);
    check_rows(c, set, 2, 20);
    assert_int_equal(add(c, set, 20, n_rows - 20, 2), n_rows - 20);
    check_rows(c, set, 2, n_rows);
    check_ok(row_cache_commit(c, &error));
    row_cache_close(&c);

    setup.key = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"; /* of another part */
    check_ok(row_cache_open(&setup, &c, &error));
    assert_int_equal(row_cache_rows(c), 0);
    row_cache_close(&c);
    remove_folder();
}

/* Whatever of the two files is cut short or changed: nothing is taken from them, or only what is whole. */
static void test_damaged_folders(void **state)
{
    (void)state;
    reshift_error error;
    char rows[300], index[300];
    snprintf(rows, sizeof rows, "%s/rows", folder);
    snprintf(index, sizeof index, "%s/index", folder);
    for (int way = 0; way < 6; way++) {
        row_cache *c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
        add(c, new_set(c, "a"), 0, 20, 4);
        check_ok(row_cache_commit(c, &error));
        row_cache_close(&c);
        struct stat facts;
        assert_int_equal(stat(index, &facts), 0);
        FILE *file = fopen(index, "r+b");
        assert_non_null(file);
        switch (way) {
        case 0: assert_int_equal(truncate(index, facts.st_size - 1), 0); break;
        case 1: assert_int_equal(truncate(index, 10), 0); break;
        case 2: assert_int_equal(truncate(rows, 1000), 0); break;
        case 3: /* an entry that points behind the end */
        case 4: /* of a set that is not there */
        case 5: /* written before the machine was started anew */
            fseek(file, way == 3 ? facts.st_size - 23 + 6 : way == 4 ? facts.st_size - 1 : 90, SEEK_SET);
            fputc(way == 5 ? '!' : 0x7f, file);
            break;
        }
        fclose(file);
        c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
        assert_int_equal(row_cache_rows(c), 0);
        int set = new_set(c, "a");
        assert_int_equal(add(c, set, 0, n_rows, 4), n_rows);
        check_rows(c, set, 4, n_rows);
        row_cache_close(&c);
        remove_folder();
    }
}

/* Sets that a run does not ask for keep their rows through its commit. */
static void test_sets_that_nobody_asks_for(void **state)
{
    (void)state;
    reshift_error error;
    row_cache *c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
    add(c, new_set(c, "a"), 3, 20, 4);
    add(c, new_set(c, "b"), 0, 10, 4);
    check_ok(row_cache_commit(c, &error));
    row_cache_close(&c);

    c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
    assert_int_equal(row_cache_rows(c), 30);
    assert_int_equal(add(c, new_set(c, "c"), 0, 5, 4), 5);
    check_ok(row_cache_commit(c, &error));
    row_cache_close(&c);

    c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
    assert_int_equal(row_cache_rows(c), 35);
    check_rows(c, new_set(c, "b"), 4, 10);
    check_rows(c, new_set(c, "c"), 4, 5);
    const int a = new_set(c, "a");
    for (int64_t row = 0; row < n_rows; row++) {
        assert_int_equal(row_cache_has(c, a, row), row >= 3 && row < 23);
    }
    row_cache_close(&c);
    remove_folder();
}

/* An index that claims a set of 2^39 rows: 13 terabytes of entries, if its word were taken for it. */
static void test_a_claimed_number_of_rows(void **state)
{
    (void)state;
    reshift_error error;
    char index[300], *bytes = NULL;
    size_t size;
    snprintf(index, sizeof index, "%s/index", folder);
    row_cache *c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
    add(c, new_set(c, "a"), 0, 20, 4);
    check_ok(row_cache_commit(c, &error));
    row_cache_close(&c);
    check_ok(file_read_all(index, &bytes, &size, &error));
    enum { HEAD = 16 + 72 + 48 + 6 * 8, SUM = HEAD - 8, ROWS = HEAD + 72 };
    uint64_t claimed;
    memcpy(&claimed, bytes + ROWS, sizeof claimed);
    assert_int_equal(claimed, n_rows);
    claimed = (uint64_t)1 << 39;
    memcpy(bytes + ROWS, &claimed, sizeof claimed);
    const uint64_t sum = checksum_bytes(bytes + HEAD, size - HEAD, 0);
    memcpy(bytes + SUM, &sum, sizeof sum);
    check_ok(file_write_all(index, bytes, size, true, &error));
    free(bytes);

    c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
    assert_int_equal(row_cache_rows(c), 20); /* the index is taken, and nothing allocated for it */
    const int set = new_set(c, "a");         /* another set: of n_rows rows */
    assert_false(row_cache_has(c, set, 0));
    assert_int_equal(add(c, set, 0, n_rows, 4), n_rows);
    check_rows(c, set, 4, n_rows);
    check_ok(row_cache_commit(c, &error));
    row_cache_close(&c);
    remove_folder();
}

static void test_available_memory(void **state)
{
    (void)state;
    uint64_t available = memory_available_bytes();
    assert_true(available > 1 << 20);
    assert_true(available <= (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}

/* One bit of the file anywhere: the row is not handed out, can be forgotten and kept again. */
static void test_damaged_rows_are_found(void **state)
{
    (void)state;
    reshift_error error;
    char path[300], *bytes = NULL, values[4 * count];
    size_t size;
    row_cache *c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
    int set = new_set(c, "a");
    assert_int_equal(add(c, set, 0, n_rows, 4), n_rows);
    check_ok(row_cache_commit(c, &error));
    row_cache_close(&c);
    snprintf(path, sizeof path, "%s/rows", folder);
    check_ok(file_read_all(path, &bytes, &size, &error));
    bytes[size / 2] ^= 16;
    check_ok(file_write_all(path, bytes, size, true, &error));
    free(bytes);
    c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
    set = new_set(c, "a");
    int64_t damaged = -1;
    for (int64_t row = 0; row < n_rows; row++) {
        reshift_status status = row_cache_get(c, set, row, values, &error);
        if (status != RESHIFT_OK) {
            assert_int_equal(damaged, -1);
            check_error(status, RESHIFT_ERROR_FORMAT, "are damaged");
            damaged = row;
        }
    }
    assert_int_not_equal(damaged, -1);
    row_cache_forget(c, set, damaged);
    assert_false(row_cache_has(c, set, damaged));
    assert_int_equal(row_cache_rows(c), n_rows - 1);
    assert_int_equal(add(c, set, damaged, 1, 4), 1);
    check_rows(c, set, 4, n_rows);
    row_cache_close(&c);
    /* a damaged index holds nothing */
    snprintf(path, sizeof path, "%s/index", folder);
    check_ok(file_read_all(path, &bytes, &size, &error));
    bytes[size - 30] ^= 1;
    check_ok(file_write_all(path, bytes, size, true, &error));
    free(bytes);
    c = opened(ROWS_IN_FOLDER, 1 << 30, 4);
    assert_int_equal(row_cache_rows(c), 0);
    row_cache_close(&c);
    remove_folder();
}

/* Published values of XXH64, and every single bit counts. */
static void test_checksum(void **state)
{
    (void)state;
    assert_true(checksum_bytes("", 0, 0) == 0xef46db3751d8e999u);
    assert_true(checksum_bytes("a", 1, 0) == 0xd24ec4f1a98c6e5bu);
    assert_true(checksum_bytes("abc", 3, 0) == 0x44bc2cf5ad770999u);
    unsigned char bytes[77];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 37);
    }
    for (size_t n = 1; n <= sizeof bytes; n++) {
        const uint64_t whole = checksum_bytes(bytes, n, 0);
        assert_true(whole != checksum_bytes(bytes, n - 1, 0));
        assert_true(whole != checksum_bytes(bytes, n, 1));
        for (size_t bit = 0; bit < 8 * n; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            assert_true(whole != checksum_bytes(bytes, n, 0));
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
    }
}

static char said[1024];

static void on_message(void *context, reshift_log_level level, const char *text)
{
    (void)context, (void)level;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

/* What an older version kept is never read, and is named; a newer version's and other files are passed over. */
static void test_what_an_older_version_kept(void **state)
{
    (void)state;
    reshift_error error;
    const reshift_progress progress = {.message = on_message};
    reshift_frozen_cache_options options;
    reshift_frozen_cache *cache;
    row_cache *rows;
    char path[400], text[32];
    for (int version = 1; version <= 9; version += 4) {
        snprintf(path, sizeof path, "%s/older/frozen-%d", folder, version);
        check_ok(folder_create(path, &error));
        snprintf(path, sizeof path, "%s/older/frozen-%d/index", folder, version);
        snprintf(text, sizeof text, "reshift rows %d", version == 5 ? 2 : version);
        check_ok(file_write_all(path, text, sizeof text, true, &error));
    }
    snprintf(path, sizeof path, "%s/older", folder);
    reshift_frozen_cache_options_default(&options);
    options.folder = path;
    options.place = RESHIFT_CACHE_DISK;
    options.budget_bytes = 1 << 20;
    check_ok(reshift_frozen_cache_open(&options, &cache, &error));
    const frozen_rows_wanted wanted = {.key = "1", .up_to = "layer1", .row_count = count, .n_rows = n_rows, .width = 4};
    check_ok(frozen_cache_rows(cache, &wanted, &rows, &progress, &error));
    assert_int_equal(row_cache_rows(rows), 0);
    assert_non_null(strstr(said, "holds activations of an older version of reshift in 2 folders, which are not used"));
    reshift_frozen_cache_close(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_rows_are_found),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_every_place),
        cmocka_unit_test(test_packing),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_preferred_rows_find_room),
        cmocka_unit_test(test_a_folder_is_found_again),
        cmocka_unit_test(test_damaged_folders),
        cmocka_unit_test(test_sets_that_nobody_asks_for),
        cmocka_unit_test(test_a_claimed_number_of_rows),
        cmocka_unit_test(test_what_an_older_version_kept),
        cmocka_unit_test(test_available_memory),
    };
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/reshift-rows-%ld", parent ? parent : "/tmp", (long)getpid());
    return cmocka_run_group_tests_name("row_cache", tests, NULL, NULL);
}
