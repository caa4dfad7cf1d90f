/* .npy: every dtype and version as NumPy writes it, the bytes we write, and one case per way a file can be wrong. */
#include "golden.h"

#include "formats/layout.h"
#include "formats/npy.h"

static double element(const reshift_array *array, int64_t i)
{
    return layout_number(array->dtype, (const uint8_t *)array->data + (size_t)i * reshift_dtype_size(array->dtype));
}

/* Elements count up from 0 in C order. */
static void check_counts(const reshift_array *array, int64_t expected)
{
    assert_int_equal(reshift_array_count(array), expected);
    for (int64_t i = 0; i < expected; i++) {
        assert_true(element(array, i) == (double)i);
    }
}

static void test_every_dtype(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        reshift_dtype dtype;
    } files[] = {{"npy_u1.npy", RESHIFT_U8},  {"npy_i1.npy", RESHIFT_I8},  {"npy_u2.npy", RESHIFT_U16},
                 {"npy_i2.npy", RESHIFT_I16}, {"npy_u4.npy", RESHIFT_U32}, {"npy_i4.npy", RESHIFT_I32},
                 {"npy_u8.npy", RESHIFT_U64}, {"npy_i8.npy", RESHIFT_I64}, {"npy_f2.npy", RESHIFT_F16},
                 {"npy_f4.npy", RESHIFT_F32}, {"npy_f8.npy", RESHIFT_F64}};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        reshift_error error;
        reshift_array array;
        check_ok(reshift_array_load_npy(golden(files[f].name), &array, &error));
        assert_int_equal(array.dtype, files[f].dtype);
        assert_true(array.read_only); /* a view of the mapped file */
        assert_int_equal(array.n_dims, 2);
        assert_int_equal(array.shape[0], 3);
        assert_int_equal(array.shape[1], 4);
        check_counts(&array, 12);
        reshift_array_destroy(&array);
    }
}

static void test_versions_and_orders(void **state)
{
    (void)state;
    reshift_error error;
    reshift_array array;
    static const char *const files[] = {"npy_v2.npy", "npy_v3.npy", "npy_old.npy", "npy_big.npy",
                                        "npy_big_fortran.npy"};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        check_ok(reshift_array_load_npy(golden(files[f]), &array, &error));
        check_counts(&array, 12);
        assert_int_equal(array.shape[0], 3);
        reshift_array_destroy(&array);
    }
    check_ok(reshift_array_load_npy(golden("npy_fortran.npy"), &array, &error));
    assert_int_equal(array.n_dims, 3);
    assert_int_equal(array.shape[2], 4);
    check_counts(&array, 24);
    reshift_array_destroy(&array);
    check_ok(reshift_array_load_npy(golden("npy_8d.npy"), &array, &error));
    assert_int_equal(array.n_dims, 8);
    check_counts(&array, 24);
    reshift_array_destroy(&array);
    check_ok(reshift_array_load_npy(golden("npy_scalar.npy"), &array, &error));
    assert_int_equal(array.n_dims, 0);
    assert_true(element(&array, 0) == 2.5);
    reshift_array_destroy(&array);
    check_ok(reshift_array_load_npy(golden("npy_empty.npy"), &array, &error));
    assert_int_equal(reshift_array_count(&array), 0);
    assert_int_equal(array.shape[1], 4);
    reshift_array_destroy(&array);
    check_ok(reshift_array_load_npy(golden("npy_b1.npy"), &array, &error));
    assert_int_equal(array.dtype, RESHIFT_BOOL);
    assert_true(element(&array, 1) == 1 && element(&array, 2) == 0);
    reshift_array_destroy(&array);
}

/* The bytes we write equal NumPy's. */
static void test_written_bytes_equal_numpy(void **state)
{
    (void)state;
    static const char *const files[] = {"npy_u1.npy", "npy_i8.npy",    "npy_f4.npy",     "npy_f2.npy",
                                        "npy_b1.npy", "npy_empty.npy", "npy_scalar.npy", "npy_8d.npy"};
    char path[64];
    fresh_path(path);
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        reshift_error error;
        reshift_array array;
        check_ok(reshift_array_load_npy(golden(files[f]), &array, &error));
        check_ok(reshift_array_save_npy(path, &array, f > 0, &error));
        size_t size, written_size;
        uint8_t *bytes = golden_bytes(files[f], &size);
        char *written;
        check_ok(file_read_all(path, &written, &written_size, &error));
        assert_int_equal(size, written_size);
        assert_memory_equal(bytes, written, size);
        free(bytes);
        free(written);
        check_error(reshift_array_save_npy(path, &array, false, &error), RESHIFT_ERROR_EXISTS, "exists already");
        reshift_array_destroy(&array);
    }
    unlink(path);
}

static void test_writer(void **state)
{
    (void)state;
    reshift_error error;
    char path[64];
    fresh_path(path);
    npy_writer writer;
    const int64_t shape[2] = {3, 2};
    const float rows[6] = {0, 1, 2, 3, 4, 5};
    check_ok(npy_writer_open(path, RESHIFT_F32, 2, shape, false, &writer, &error));
    for (int r = 0; r < 3; r++) {
        check_ok(npy_writer_append(&writer, rows + 2 * r, 2 * sizeof *rows, &error));
    }
    check_error(npy_writer_append(&writer, rows, 1, &error), RESHIFT_ERROR_SHAPE, "its shape takes 24 bytes");
    assert_false(file_exists(path));
    check_ok(npy_writer_commit(&writer, &error));
    npy_writer_abort(&writer);
    reshift_array array;
    check_ok(reshift_array_load_npy(path, &array, &error));
    check_counts(&array, 6);
    reshift_array_destroy(&array);
    unlink(path);

    check_ok(npy_writer_open(path, RESHIFT_F32, 2, shape, false, &writer, &error));
    check_ok(npy_writer_append(&writer, rows, 8, &error));
    check_error(npy_writer_commit(&writer, &error), RESHIFT_ERROR_SHAPE, "takes 24 bytes, given 8");
    npy_writer_abort(&writer);
    assert_false(file_exists(path));
    check_error(npy_writer_open(path, RESHIFT_BF16, 2, shape, false, &writer, &error), RESHIFT_ERROR_UNSUPPORTED,
                ".npy has no bfloat16");
    const int64_t impossible[2] = {INT64_MAX, 8};
    check_error(npy_writer_open(path, RESHIFT_F32, 2, impossible, false, &writer, &error), RESHIFT_ERROR_ARGUMENT,
                "impossible");
}

static reshift_status read_header(const char *header, size_t data_bytes, reshift_error *error)
{
    uint8_t bytes[1024] = "\x93NUMPY\x01\x00";
    size_t length = strlen(header);
    bytes[8] = (uint8_t)length;
    bytes[9] = (uint8_t)(length >> 8);
    memcpy(bytes + 10, header, length);
    blob *b = blob_borrow(bytes, 10 + length + data_bytes);
    reshift_array array;
    reshift_status status = npy_read(b, "x.npy", &array, error);
    reshift_array_destroy(&array);
    blob_drop(&b);
    return status;
}

static void test_invalid_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        reshift_status code;
        const char *words;
    } cases[] = {
        {"", RESHIFT_ERROR_FORMAT, "expected '{', found its end"},
        {"['descr']", RESHIFT_ERROR_FORMAT, "expected '{', found '['"},
        {"{'descr': '<f4', 'fortran_order': False, }", RESHIFT_ERROR_FORMAT, "expected key 'shape', found none"},
        {"{'fortran_order': False, 'shape': (1,)}", RESHIFT_ERROR_FORMAT, "expected key 'descr', found none"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", RESHIFT_ERROR_FORMAT,
         "key 'descr' stands twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", RESHIFT_ERROR_FORMAT,
         "key 'more' is none"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", RESHIFT_ERROR_FORMAT,
         "expected True or False, found 'M'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,2", RESHIFT_ERROR_FORMAT, "',' or ')' of the shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", RESHIFT_ERROR_FORMAT,
         "expected an extent, found '-'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [1]}", RESHIFT_ERROR_FORMAT, "expected '(' of the shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", RESHIFT_ERROR_FORMAT, "expected ',' or ')'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,,)}", RESHIFT_ERROR_FORMAT, "expected an extent"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", RESHIFT_ERROR_FORMAT,
         "an extent beyond 2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8)}", RESHIFT_ERROR_FORMAT,
         "does not fit any memory"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 0, 8)}", RESHIFT_ERROR_FORMAT,
         "does not fit any memory"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", RESHIFT_ERROR_UNSUPPORTED,
         "expected at most 8 dimensions"},
        {"{'descr': '<f4, 'fortran_order': False}", RESHIFT_ERROR_UNSUPPORTED, "dtype '<f4, '"},
        {"{'descr: 1", RESHIFT_ERROR_FORMAT, "a key does not end"},
        {"{'descr' '<f4'}", RESHIFT_ERROR_FORMAT, "expected ':'"},
        {"{'descr': 4}", RESHIFT_ERROR_FORMAT, "expected a dtype, found '4'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", RESHIFT_ERROR_UNSUPPORTED, "dtype '|O'"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", RESHIFT_ERROR_UNSUPPORTED, "dtype '<c8'"},
        {"{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,)}", RESHIFT_ERROR_UNSUPPORTED, "dtype '<M8[s]'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", RESHIFT_ERROR_UNSUPPORTED,
         "one of records"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", RESHIFT_ERROR_FORMAT,
         "expected its end, found 'x'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reshift_error error;
        check_error(read_header(cases[i].header, 4, &error), cases[i].code, cases[i].words);
        assert_non_null(strstr(error.message, "cannot read 'x.npy'"));
        assert_string_equal(error.path, "x.npy");
        assert_true(error.offset >= 10);
    }
    reshift_error error;
    const char *good = "{'shape': (2,), \"descr\": '=f4','fortran_order':True}\n";
    check_ok(read_header(good, 8, &error));
    check_error(read_header(good, 7, &error), RESHIFT_ERROR_FORMAT, "takes 8 bytes of data, found 7");
    check_error(read_header(good, 9, &error), RESHIFT_ERROR_FORMAT, "takes 8 bytes of data, found 9");
}

static void test_invalid_starts(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        reshift_status code;
        const char *words;
    } cases[] = {
        {"", 0, RESHIFT_ERROR_FORMAT, "expected a .npy file, found an empty file (byte 0)"},
        {"\x93NUMPX\x01\x00", 8, RESHIFT_ERROR_FORMAT, "found other bytes"},
        {"\x93NUMPY", 6, RESHIFT_ERROR_FORMAT, "ends within the .npy header"},
        {"\x93NUMPY\x01\x00\x10", 9, RESHIFT_ERROR_FORMAT, "ends within the .npy header"},
        {"\x93NUMPY\x04\x00\x10\x00", 10, RESHIFT_ERROR_UNSUPPORTED, "expected .npy version 1 to 3, found 4"},
        {"\x93NUMPY\x01\x00\x10\x00{}", 12, RESHIFT_ERROR_FORMAT, "header has 16 bytes, the file has 2 left"},
        {"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14, RESHIFT_ERROR_FORMAT, "header has 4294967295 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reshift_error error;
        reshift_array array;
        blob *b = blob_borrow(cases[i].bytes, cases[i].size);
        check_error(npy_read(b, "x.npy", &array, &error), cases[i].code, cases[i].words);
        assert_null(array.data);
        blob_drop(&b);
    }
    reshift_error error;
    reshift_array array;
    check_error(reshift_array_load_npy("/nowhere/x.npy", &array, &error), RESHIFT_ERROR_NOT_FOUND, "/nowhere/x.npy");
}

/* An archive of one array is read as that array; with several, '#' selects one. */
static void test_npz(void **state)
{
    (void)state;
    reshift_error error;
    reshift_array array;
    char path[600];
    check_ok(reshift_array_load_npy(golden("npz_one.npz"), &array, &error));
    assert_int_equal(array.dtype, RESHIFT_F32);
    assert_int_equal(array.shape[1], 3);
    assert_true(((float *)array.data)[5] == 5);
    reshift_array_destroy(&array);
    static const char *const members[] = {"images", "images.npy", "labels"};
    for (int i = 0; i < 3; i++) { /* deflated */
        snprintf(path, sizeof path, "%s#%s", golden("npz_three.npz"), members[i]);
        check_ok(reshift_array_load_npy(path, &array, &error));
        assert_int_equal(array.n_dims, i < 2 ? 4 : 1);
        assert_int_equal(array.dtype, i < 2 ? RESHIFT_U8 : RESHIFT_I64);
        reshift_array_destroy(&array);
    }
    check_error(reshift_array_load_npy(golden("npz_three.npz"), &array, &error), RESHIFT_ERROR_NOT_FOUND,
                "expected one array, found several: images, labels, other");
    assert_non_null(strstr(error.hint, "npz_three.npz#NAME'"));
    snprintf(path, sizeof path, "%s#nothing", golden("npz_one.npz"));
    check_error(reshift_array_load_npy(path, &array, &error), RESHIFT_ERROR_NOT_FOUND,
                "it has no array 'nothing'; its arrays are: features");
    check_error(reshift_array_load_npy(golden("archive.zip"), &array, &error), RESHIFT_ERROR_FORMAT,
                "found a zip without .npy files");
    snprintf(path, sizeof path, "%s#x", golden("npy_f4.npy"));
    check_error(reshift_array_load_npy(path, &array, &error), RESHIFT_ERROR_NOT_FOUND, "is no .npz archive");
}

/* NumPy supports 1.0, 2.0 and 3.0, and ignores bytes after the array. */
static void test_version_and_end(void **state)
{
    (void)state;
    reshift_error error;
    reshift_array array;
    size_t size;
    uint8_t *bytes = golden_bytes("npy_u1.npy", &size);
    bytes[7] = 1;
    blob *b = blob_borrow(bytes, size);
    check_error(npy_read(b, "x.npy", &array, &error), RESHIFT_ERROR_UNSUPPORTED,
                "expected .npy version 1.0, 2.0 or 3.0, found 1.1");
    blob_drop(&b);
    bytes[7] = 0;
    bytes = realloc(bytes, size + 1);
    bytes[size] = 9;
    b = blob_borrow(bytes, size + 1);
    check_error(npy_read(b, "x.npy", &array, &error), RESHIFT_ERROR_FORMAT,
                "the shape takes 12 bytes of data, found 13");
    assert_non_null(strstr(error.hint, "np.save(NEW, np.load(FILE))"));
    blob_drop(&b);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_dtype),
        cmocka_unit_test(test_versions_and_orders),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_written_bytes_equal_numpy),
        cmocka_unit_test(test_invalid_headers),
        cmocka_unit_test(test_invalid_starts),
        cmocka_unit_test(test_npz),
        cmocka_unit_test(test_version_and_end),
    };
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
