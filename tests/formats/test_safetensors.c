/*
 * Sets of tensors, unwrapping, safetensors: written and read back, real files, and one case per way a file can be
 * wrong.
 */
#include "golden.h"

#include "formats/checkpoint.h"
#include "formats/layout.h"
#include "reshift/tensors.h"

static reshift_array counting(reshift_dtype dtype, int n_dims, const int64_t *shape)
{
    reshift_error error;
    reshift_array array;
    check_ok(reshift_array_create(dtype, n_dims, shape, &array, &error));
    for (size_t i = 0; i < reshift_array_bytes(&array); i++) {
        ((uint8_t *)array.data)[i] = dtype == RESHIFT_BOOL ? i % 2 : (uint8_t)(i * 7 + dtype);
    }
    return array;
}

static void test_round_trip(void **state)
{
    (void)state;
    reshift_error error;
    char path[64], again_path[64];
    fresh_path(path);
    reshift_tensors *t = reshift_tensors_create(), *read;
    const int64_t shape[3] = {3, 1, 5};
    char name[32];
    for (int dtype = RESHIFT_BOOL; dtype <= RESHIFT_F64; dtype++) {
        reshift_array array = counting((reshift_dtype)dtype, 3, shape);
        snprintf(name, sizeof name, "layer.\"%d\"\n\u00e9", dtype);
        check_ok(reshift_tensors_add(t, name, &array, &error));
        assert_null(array.data); /* taken over */
    }
    reshift_array scalar = counting(RESHIFT_I64, 0, shape), empty = counting(RESHIFT_F32, 2, (int64_t[]){0, 4});
    check_ok(reshift_tensors_add(t, "scalar", &scalar, &error));
    check_ok(reshift_tensors_add(t, "empty", &empty, &error));
    check_ok(reshift_tensors_set_text(t, "zebra", "old", &error));
    check_ok(reshift_tensors_set_text(t, "arch", "resnet50", &error));
    check_ok(reshift_tensors_set_text(t, "zebra", "new \"words\"", &error));
    check_ok(reshift_tensors_save(path, t, false, &error));
    check_error(reshift_tensors_save(path, t, false, &error), RESHIFT_ERROR_EXISTS, "exists already");

    check_ok(reshift_tensors_load(path, &read, &error));
    assert_int_equal(reshift_tensors_container(read), RESHIFT_CONTAINER_SAFETENSORS);
    assert_int_equal(reshift_tensors_count(read), reshift_tensors_count(t));
    for (int64_t i = 0; i < reshift_tensors_count(t); i++) {
        const reshift_array *a = reshift_tensors_at(t, i), *b = reshift_tensors_at(read, i);
        assert_string_equal(reshift_tensors_name(t, i), reshift_tensors_name(read, i));
        assert_ptr_equal(b, reshift_tensors_find(read, reshift_tensors_name(t, i)));
        assert_int_equal(a->dtype, b->dtype);
        assert_int_equal(a->n_dims, b->n_dims);
        assert_memory_equal(a->shape, b->shape, sizeof(int64_t) * (size_t)a->n_dims);
        assert_memory_equal(a->data, b->data, reshift_array_bytes(a));
        assert_true(b->read_only); /* all aligned: views of the file */
    }
    assert_int_equal(reshift_tensors_text_count(read), 2);
    assert_string_equal(reshift_tensors_text_key(read, 0), "arch"); /* sorted */
    assert_string_equal(reshift_tensors_text(read, "zebra"), "new \"words\"");
    assert_null(reshift_tensors_text(read, "absent"));
    assert_null(reshift_tensors_find(read, "absent"));

    fresh_path(again_path); /* the same set gives the same bytes */
    check_ok(reshift_tensors_save(again_path, read, false, &error));
    char *first, *second;
    size_t size, second_size;
    check_ok(file_read_all(path, &first, &size, &error));
    check_ok(file_read_all(again_path, &second, &second_size, &error));
    assert_int_equal(size, second_size);
    assert_memory_equal(first, second, size);
    uint64_t header;
    memcpy(&header, first, sizeof header);
    assert_int_equal(header % 8, 0);
    free(first);
    free(second);
    reshift_tensors_destroy(&read);
    reshift_tensors_destroy(&t);
    unlink(path);
    unlink(again_path);
}

static void test_set(void **state)
{
    (void)state;
    reshift_error error;
    reshift_tensors *t = reshift_tensors_create();
    char name[32];
    for (int i = 0; i < 5000; i++) {
        reshift_array array = counting(RESHIFT_U8, 1, (int64_t[]){1});
        snprintf(name, sizeof name, "t%d", i);
        check_ok(reshift_tensors_add(t, name, &array, &error));
    }
    assert_ptr_equal(reshift_tensors_find(t, "t4321"), reshift_tensors_at(t, 4321));
    reshift_array array = counting(RESHIFT_U8, 1, (int64_t[]){1});
    check_error(reshift_tensors_add(t, "t17", &array, &error), RESHIFT_ERROR_ARGUMENT, "'t17' is there already");
    assert_non_null(array.data); /* still owned by the caller */
    check_ok(reshift_tensors_add(t, "__metadata__", &array, &error));
    check_error(reshift_tensors_save("/tmp/never", t, false, &error), RESHIFT_ERROR_ARGUMENT, "'__metadata__'");
    reshift_tensors_destroy(&t);
    assert_null(t);
    reshift_tensors_destroy(&t);
}

/* Input names, expected names (NULL-terminated); no expected names: the names collide. */
static void check_unwrap(const char *const *in, const char *const *out)
{
    reshift_error error;
    reshift_tensors *t = reshift_tensors_create();
    int64_t n_in = 0, n_out = 0;
    for (; in[n_in]; n_in++) {
        reshift_array array = counting(RESHIFT_U8, 1, (int64_t[]){n_in + 1});
        check_ok(reshift_tensors_add(t, in[n_in], &array, &error));
    }
    for (; out && out[n_out]; n_out++) {
    }
    assert_int_equal(reshift_tensors_unwrap(t), out != NULL);
    assert_int_equal(reshift_tensors_count(t), out ? n_out : n_in);
    for (int64_t i = 0; i < reshift_tensors_count(t); i++) {
        const char *name = (out ? out : in)[i];
        assert_string_equal(reshift_tensors_name(t, i), name);
        assert_ptr_equal(reshift_tensors_find(t, name), reshift_tensors_at(t, i));
    }
    reshift_tensors_destroy(&t);
}

static void test_unwrap(void **state)
{
    (void)state;
#define NAMES(...) (const char *const[]){__VA_ARGS__, NULL}
    check_unwrap(NAMES("conv1.weight", "fc.bias"), NAMES("conv1.weight", "fc.bias"));
    check_unwrap(NAMES("module.conv1.weight", "module.fc.bias"), NAMES("conv1.weight", "fc.bias"));
    check_unwrap(NAMES("state_dict.module.conv1.weight", "optimizer.0.momentum"), NAMES("conv1.weight"));
    check_unwrap(NAMES("ema.conv1.weight", "model.conv1.weight", "model.fc.bias"), NAMES("conv1.weight", "fc.bias"));
    check_unwrap(NAMES("state_dict.model.module.conv1.weight"), NAMES("conv1.weight"));
    check_unwrap(NAMES("n_averaged", "module.conv1.weight"), NAMES("n_averaged", "conv1.weight"));
    check_unwrap(NAMES("conv1.weight", "module.conv1.weight"), NULL);
    check_unwrap(NAMES("modules.x", "modeling.y"), NAMES("modules.x", "modeling.y"));
}

/* A file with this header and `data_bytes` bytes of data. */
static reshift_status read_header(const char *header, size_t data_bytes, reshift_error *error)
{
    size_t length = strlen(header), size = 8 + length + data_bytes;
    uint8_t *bytes = calloc(size, 1);
    bytes[0] = (uint8_t)length;
    bytes[1] = (uint8_t)(length >> 8);
    memcpy(bytes + 8, header, length);
    blob *b = blob_own(bytes, size);
    reshift_tensors *t = reshift_tensors_create();
    reshift_status status = safetensors_read(b, "x.safetensors", t, error);
    reshift_tensors_destroy(&t);
    blob_drop(&b);
    return status;
}

static void test_invalid_headers(void **state)
{
    (void)state;
#define T(dtype, shape, begin, end) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"
    static const struct {
        const char *header;
        size_t data_bytes;
        reshift_status code;
        const char *words;
    } cases[] = {
        {"", 0, RESHIFT_ERROR_FORMAT, "expected a JSON object (byte 8)"},
        {" {}", 0, RESHIFT_ERROR_FORMAT, "expected a JSON object"},
        {"[]", 0, RESHIFT_ERROR_FORMAT, "expected a JSON object"},
        {"{\"a\":", 0, RESHIFT_ERROR_FORMAT, "header: unexpected token"},
        {"{} x", 0, RESHIFT_ERROR_FORMAT, "header: end of file expected"},
        {"{\"a\":" T("F32", "[1]", "0", "4") ",\"a\":" T("F32", "[1]", "4", "8") "}", 8, RESHIFT_ERROR_FORMAT,
         "header: duplicate object key"},
        {"{\"a\":1}", 0, RESHIFT_ERROR_FORMAT, "tensor 'a': expected an object"},
        {"{\"a\":" T("F8_E4M3", "[4]", "4", "8") "}", 8, RESHIFT_ERROR_FORMAT, "found 4: a hole"},
        {"{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, RESHIFT_ERROR_FORMAT, "header: a text with a zero character"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, RESHIFT_ERROR_FORMAT, "expected the name of a dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, RESHIFT_ERROR_FORMAT, "expected a shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, RESHIFT_ERROR_FORMAT, "expected data_offsets [begin, end]"},
        {"{\"a\":" T("F32", "[-1]", "0", "4") "}", 4, RESHIFT_ERROR_FORMAT, "a shape of integers from 0"},
        {"{\"a\":" T("F32", "[1.0]", "0", "4") "}", 4, RESHIFT_ERROR_FORMAT, "a shape of integers from 0"},
        {"{\"a\":" T("F32", "[1]", "4", "0") "}", 4, RESHIFT_ERROR_FORMAT, "expected data_offsets [begin, end]"},
        {"{\"a\":" T("F32", "[1]", "-4", "0") "}", 4, RESHIFT_ERROR_FORMAT, "expected data_offsets [begin, end]"},
        {"{\"a\":" T("F32", "[2]", "0", "4") "}", 4, RESHIFT_ERROR_FORMAT, "do not take the bytes of its data_offsets"},
        {"{\"a\":" T("F32", "[4611686018427387904,4]", "0", "0") "}", 0, RESHIFT_ERROR_FORMAT, "do not take the bytes"},
        {"{\"a\":" T("F32", "[1]", "0", "4") ",\"b\":" T("F32", "[1]", "0", "4") "}", 4, RESHIFT_ERROR_FORMAT,
         "expected data_offsets from 4, found 0: an overlap"},
        {"{\"a\":" T("F32", "[1]", "0", "4") ",\"b\":" T("F32", "[1]", "5", "9") "}", 9, RESHIFT_ERROR_FORMAT,
         "tensor 'b': expected data_offsets from 4, found 5: a hole"},
        {"{\"a\":" T("F32", "[1]", "4", "8") "}", 8, RESHIFT_ERROR_FORMAT, "found 4: a hole"},
        {"{\"a\":" T("F32", "[2]", "0", "8") "}", 4, RESHIFT_ERROR_FORMAT, "end at 8, the file has 4 bytes of data"},
        {"{\"a\":" T("F32", "[1]", "0", "4") "}", 5, RESHIFT_ERROR_FORMAT, "take 4 bytes of data, the file has 5"},
        {"{\"__metadata__\":[]}", 0, RESHIFT_ERROR_FORMAT, "'__metadata__': expected an object of texts"},
        {"{\"__metadata__\":{\"a\":1}}", 0, RESHIFT_ERROR_FORMAT, "'__metadata__': expected an object of texts"},
        {"{\"\xff\":1}", 0, RESHIFT_ERROR_FORMAT, "header: unable to decode byte 0xff"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reshift_error error;
        check_error(read_header(cases[i].header, cases[i].data_bytes, &error), cases[i].code, cases[i].words);
        assert_non_null(strstr(error.message, "cannot read 'x.safetensors'"));
    }
    reshift_error error; /* order by offset may differ from order in the header; empty tensors take no bytes */
    check_ok(read_header("{\"b\":" T("F32", "[1]", "4", "8") ",\"e\":" T("F32", "[0]", "4", "4") ",\"a\":" T(
                             "F32", "[1]", "0", "4") "}   ",
                         8, &error));
    check_ok(read_header("{}", 0, &error));
    /* the reference implementation accepts these, too */
    check_ok(read_header("{\"__metadata__\":null}", 0, &error));
    check_ok(
        read_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":{\"y\":[1]}}}", 4, &error));
    char *deep = malloc(60001); /* refused by a defined limit, not by stack overflow */
    memset(deep, '[', 60000);
    memcpy(deep, "{\"a\":", 5);
    deep[60000] = '\0';
    check_error(read_header(deep, 0, &error), RESHIFT_ERROR_FORMAT, "header: maximum parsing depth reached");
    free(deep);
}

/* Tensors of an unsupported dtype or rank are listed, and the others are read. */
static void test_unread_tensors(void **state)
{
    (void)state;
    static const char header[] =
        "{\"a\":" T("F8_E4M3", "[4]", "0", "4") ",\"b\":" T("F32", "[1]", "4", "8") ",\"c\":" T(
            "C64", "[1]", "8", "16") ",\"d\":" T("F4", "[4]", "16", "18") ",\"e\":" T("F32", "[1,1,1,1,1,1,1,1,1]",
                                                                                      "18", "22") "}";
    static const char *const unread[][2] = {{"a", "a tensor of F8_E4M3"},
                                            {"c", "a tensor of C64"},
                                            {"d", "a tensor of F4"},
                                            {"e", "a tensor of more than 8 dimensions"}};
    reshift_error error;
    size_t length = sizeof header - 1, size = 8 + length + 22;
    uint8_t *bytes = calloc(size, 1);
    bytes[0] = (uint8_t)length;
    bytes[1] = (uint8_t)(length >> 8);
    memcpy(bytes + 8, header, length);
    blob *b = blob_own(bytes, size);
    reshift_tensors *t = reshift_tensors_create();
    check_ok(safetensors_read(b, "x.safetensors", t, &error));
    assert_int_equal(reshift_tensors_count(t), 1);
    assert_non_null(reshift_tensors_find(t, "b"));
    assert_int_equal(reshift_tensors_unread_count(t), 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(reshift_tensors_unread_name(t, i), unread[i][0]);
        assert_string_equal(reshift_tensors_unread_kind(t, i), unread[i][1]);
    }
    reshift_tensors_destroy(&t);
    blob_drop(&b);
}

static void test_invalid_starts(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } cases[] = {
        {"\x02\0\0\0", 4, "ends within the header's length"},
        {"\x03\0\0\0\0\0\0\0{}", 10, "the header has 3 bytes, expected at most 2, which is all the file has"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "the header has 18446744073709551615 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reshift_error error;
        blob *b = blob_borrow(cases[i].bytes, cases[i].size);
        reshift_tensors *t = reshift_tensors_create();
        check_error(safetensors_read(b, "x", t, &error), RESHIFT_ERROR_FORMAT, cases[i].words);
        reshift_tensors_destroy(&t);
        blob_drop(&b);
    }
    reshift_error error;
    reshift_tensors *t;
    check_error(reshift_tensors_load("/nowhere/x", &t, &error), RESHIFT_ERROR_NOT_FOUND, "/nowhere/x");
    check_error(reshift_tensors_load(golden("image_RGB.png"), &t, &error), RESHIFT_ERROR_FORMAT,
                "expected a checkpoint, found a PNG image");
    assert_null(t);
}

static void test_real_weights(void **state)
{
    (void)state;
    check_need_data();
    reshift_error error;
    reshift_tensors *t;
    check_ok(reshift_tensors_load(real("weights/resnet50.safetensors"), &t, &error));
    int64_t parameters = 0;
    for (int64_t i = 0; i < reshift_tensors_count(t); i++) {
        const char *name = reshift_tensors_name(t, i);
        if (!strstr(name, "running_") && !strstr(name, "num_batches_tracked")) {
            parameters += reshift_array_count(reshift_tensors_at(t, i));
        }
    }
    assert_int_equal(parameters, 25557032); /* torchvision's resnet50 */
    const reshift_array *fc = reshift_tensors_find(t, "fc.weight");
    assert_non_null(fc);
    assert_int_equal(fc->shape[0], 1000);
    assert_int_equal(fc->shape[1], 2048);
    assert_true(fc->read_only);
    assert_string_equal(reshift_tensors_text(t, "format"), "pt");
    reshift_tensors_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_set),
        cmocka_unit_test(test_unwrap),         cmocka_unit_test(test_invalid_headers),
        cmocka_unit_test(test_invalid_starts), cmocka_unit_test(test_unread_tensors),
        cmocka_unit_test(test_real_weights),
    };
    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
