/* Labels of every integer type and both shapes, arrays that are not labels, and values out of range. */
#include "check.h"

#include "base/error.h"
#include "reshift/labels.h"

static reshift_error error;

/* A view of `elements`; n_dims 1 or 2. */
static reshift_array view(reshift_dtype dtype, int n_dims, int64_t rows, int64_t columns, const void *elements)
{
    reshift_array a = {.dtype = dtype, .n_dims = n_dims, .shape = {rows, columns}, .read_only = true};
    memcpy(&a.data, &elements, sizeof elements);
    return a;
}

static void test_every_integer(void **state)
{
    (void)state;
    const struct {
        reshift_dtype dtype;
        const void *elements;
    } cases[] = {
        {RESHIFT_U8, (const uint8_t[]){3, 0, 127}},   {RESHIFT_I8, (const int8_t[]){3, 0, 127}},
        {RESHIFT_U16, (const uint16_t[]){3, 0, 127}}, {RESHIFT_I16, (const int16_t[]){3, 0, 127}},
        {RESHIFT_U32, (const uint32_t[]){3, 0, 127}}, {RESHIFT_I32, (const int32_t[]){3, 0, 127}},
        {RESHIFT_U64, (const uint64_t[]){3, 0, 127}}, {RESHIFT_I64, (const int64_t[]){3, 0, 127}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int n_dims = 1; n_dims <= 2; n_dims++) {
            reshift_array a = view(cases[i].dtype, n_dims, 3, 1, cases[i].elements);
            int values[3] = {-1, -1, -1}, n_classes = -1;
            check_ok(reshift_labels_read(&a, "labels", 3, 0, values, &n_classes, &error));
            assert_int_equal(values[0], 3);
            assert_int_equal(values[1], 0);
            assert_int_equal(values[2], 127);
            assert_int_equal(n_classes, 128);
            check_ok(reshift_labels_read(&a, "labels", 3, 128, values, NULL, &error));
            check_error(reshift_labels_read(&a, "test labels", 3, 127, values, NULL, &error), RESHIFT_ERROR_FORMAT,
                        "test labels: row 2: expected a label from 0 to 126, found 127");
        }
    }
    reshift_array none = view(RESHIFT_I64, 1, 0, 0, NULL);
    int n_classes = -1;
    check_ok(reshift_labels_read(&none, "labels", 0, 0, NULL, &n_classes, &error));
    assert_int_equal(n_classes, 0);
}

/* Values that would overflow an int or an int64. */
static void test_out_of_range_values(void **state)
{
    (void)state;
    int values[2];
    reshift_array a = view(RESHIFT_I64, 1, 2, 1, (const int64_t[]){0, ((int64_t)1 << 32) + 1});
    check_error(reshift_labels_read(&a, "labels", 2, 0, values, NULL, &error), RESHIFT_ERROR_FORMAT,
                "labels: row 1: expected a label from 0 to 999999, found 4294967297");
    a = view(RESHIFT_U64, 1, 2, 1, (const uint64_t[]){UINT64_MAX, 0});
    check_error(reshift_labels_read(&a, "labels", 2, 0, values, NULL, &error), RESHIFT_ERROR_FORMAT,
                "row 0: expected a label from 0 to 999999, found 18446744073709551615");
    a = view(RESHIFT_U32, 1, 2, 1, (const uint32_t[]){1, 0xffffffff});
    check_error(reshift_labels_read(&a, "labels", 2, 0, values, NULL, &error), RESHIFT_ERROR_FORMAT,
                "row 1: expected a label from 0 to 999999, found 4294967295");
    a = view(RESHIFT_I8, 1, 2, 1, (const int8_t[]){1, -1});
    check_error(reshift_labels_read(&a, "labels", 2, 0, values, NULL, &error), RESHIFT_ERROR_FORMAT, "found -1");
}

static void check_hint(reshift_array a, int64_t n, const char *words, const char *hint)
{
    int values[8];
    check_error(reshift_labels_read(&a, "labels 'y.npy'", n, 0, values, NULL, &error), RESHIFT_ERROR_SHAPE, words);
    if (!strstr(error.hint, hint) || (!*hint && *error.hint)) {
        fail_msg("expected hint '%s', found '%s'", hint, error.hint);
    }
}

static void test_arrays_that_are_not_labels(void **state)
{
    (void)state;
    static const double zeros[64];
    check_hint(view(RESHIFT_U8, 1, 5, 1, zeros), 6,
               "labels 'y.npy': expected integers [6], one for each row, found uint8 [5]", "");
    check_hint(view(RESHIFT_F32, 1, 6, 1, zeros), 6, "found float32 [6]", "astype('int64')");
    check_hint(view(RESHIFT_F64, 2, 6, 1, zeros), 6, "found float64 [6,1]", "astype('int64')");
    check_hint(view(RESHIFT_BOOL, 1, 6, 1, zeros), 6, "found bool [6]", "astype('int64')");
    check_hint(view(RESHIFT_U8, 2, 6, 10, zeros), 6, "found uint8 [6,10]", "argmax(axis=1)");
    check_hint(view(RESHIFT_F32, 2, 6, 10, zeros), 6, "found float32 [6,10]", "argmax(axis=1)");
    check_hint(view(RESHIFT_I64, 2, 1, 6, zeros), 6, "found int64 [1,6]", "ravel()");
    check_hint(view(RESHIFT_I64, 0, 0, 0, zeros), 1, "found int64 []", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_integer),
        cmocka_unit_test(test_out_of_range_values),
        cmocka_unit_test(test_arrays_that_are_not_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
