/* Pickles of every protocol against the values that Python stored; refused ones with their messages. */
#include "golden.h"

#include "formats/torch/pickle.h"

static pickle *open_golden(const char *name, blob **b)
{
    reshift_error error;
    pickle *p = NULL;
    check_ok(blob_open(golden(name), b, &error));
    size_t used;
    check_ok(pickle_open((*b)->data, (*b)->size, name, 0, &p, &used, &error));
    assert_int_equal(used, (*b)->size);
    return p;
}

static void check_counts(const pickle_value *value)
{
    reshift_error error;
    reshift_array array;
    check_ok(pickle_copy_array(value, &array, &error));
    assert_int_equal(array.n_dims, 2);
    assert_int_equal(array.shape[0], 2);
    assert_int_equal(array.shape[1], 3);
    for (int i = 0; i < 6; i++) {
        if (array.dtype == RESHIFT_F32) {
            assert_true(((float *)array.data)[i] == (float)i);
        } else if (array.dtype == RESHIFT_F64) {
            assert_true(((double *)array.data)[i] == i);
        } else {
            assert_int_equal(array.dtype, RESHIFT_I32);
            assert_int_equal(((int32_t *)array.data)[i], i);
        }
    }
    reshift_array_destroy(&array);
}

static void test_values(void **state)
{
    (void)state;
    static const char *const files[] = {"pickle_2.pkl", "pickle_3.pkl", "pickle_4.pkl", "pickle_5.pkl"};
    for (size_t f = 0; f < 4; f++) {
        blob *b;
        pickle *p = open_golden(files[f], &b);
        const pickle_value *root = pickle_root(p);
        assert_int_equal(root->kind, PICKLE_DICT);
        const pickle_value *list = pickle_find(root, "list");
        static const int64_t integers[] = {1, -2, 300, 70000, -70000, (int64_t)1 << 40};
        assert_int_equal(list->length, 7);
        for (int i = 0; i < 6; i++) {
            int64_t integer;
            assert_true(pickle_get_int(list->items[i], &integer));
            assert_int_equal(integer, integers[i]);
        }
        assert_int_equal(list->items[6]->kind, PICKLE_LONG);
        assert_int_equal(list->items[6]->length, 9); /* 2^70: 71 bits and the sign */
        assert_int_equal(list->items[6]->text[8], 0x40);
        assert_ptr_equal(list, pickle_find(root, "shared"));
        assert_int_equal(pickle_find(root, "tuple")->kind, PICKLE_TUPLE);
        assert_int_equal(pickle_find(root, "tuple")->length, 0);
        assert_true(pickle_find(root, "float")->number == -0.5);
        assert_true(pickle_is_text(pickle_find(root, "text"), "f\u00fcr \u20ac"));
        const pickle_value *bytes = pickle_find(root, "bytes");
        assert_int_equal(bytes->kind, PICKLE_BYTES);
        assert_int_equal(bytes->length, 3);
        assert_memory_equal(bytes->text, "\x00\xff\x80", 3);
        assert_int_equal(pickle_find(root, "empty")->length, 0);
        assert_true(pickle_is_text(pickle_find(root, "array"), "ab"));
        assert_true(pickle_is_text(pickle_find(root, "raw"), "key"));
        const pickle_value *bools = pickle_find(root, "bools");
        assert_true(bools->items[0]->boolean && !bools->items[1]->boolean);
        assert_int_equal(bools->items[2]->kind, PICKLE_NONE);
        check_counts(pickle_find(root, "f4"));
        check_counts(pickle_find(root, "big"));
        check_counts(pickle_find(root, "fortran"));
        const pickle_value *numbers = pickle_find(root, "numbers");
        assert_int_equal(numbers->items[0]->integer, -3);
        assert_int_equal(numbers->items[1]->integer, 60000);
        assert_int_equal(numbers->items[2]->integer, -((int64_t)1 << 40));
        assert_true(numbers->items[3]->number == 0.5);
        assert_true(numbers->items[4]->number == 1.5);
        assert_true(numbers->items[5]->number == 2.5);
        assert_true(numbers->items[6]->kind == PICKLE_BOOL && numbers->items[6]->boolean);
        assert_int_equal(pickle_find(root, "ordered")->kind, PICKLE_DICT);
        assert_int_equal(pickle_find(pickle_find(root, "ordered"), "b")->integer, 2);
        assert_int_equal(pickle_find(pickle_find(root, "counter"), "a")->integer, 2);
        assert_null(pickle_find(root, "absent"));
        assert_null(pickle_find(list, "absent"));
        pickle_close(&p);
        blob_drop(&b);
    }
}

/* CIFAR-10's Python batches: Python 2's byte strings for keys, names and pixels. */
static void test_python2_batch(void **state)
{
    (void)state;
    blob *b;
    pickle *p = open_golden("pickle_cifar.pkl", &b);
    const pickle_value *data = pickle_find(pickle_root(p), "data"), *labels = pickle_find(pickle_root(p), "labels");
    assert_int_equal(data->kind, PICKLE_ARRAY);
    assert_int_equal(data->array->dtype, RESHIFT_U8);
    assert_int_equal(data->array->shape[0], 4);
    assert_int_equal(data->array->shape[1], 3072);
    for (int i = 0; i < 4 * 3072; i++) {
        assert_int_equal(data->array->data[i], i % 251);
    }
    assert_true(data->array->data >= b->data && data->array->data < b->data + b->size); /* no copy */
    assert_int_equal(labels->length, 4);
    assert_int_equal(labels->items[3]->integer, 3);
    assert_true(pickle_is_text(pickle_find(pickle_root(p), "filenames")->items[2], "image_s_000002.png"));
    assert_int_equal(pickle_find(pickle_root(p), "big")->integer, (int64_t)1 << 32);
    pickle_close(&p);
    blob_drop(&b);
}

static void test_refused(void **state)
{
    (void)state;
#define ARRAY                                                                                                          \
    "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"                                                 \
    "U\x01"                                                                                                            \
    "b\x87R"
#define DTYPE(code) "cnumpy\ndtype\nU\x02" code "K\x00K\x01\x87R"
    static const struct {
        const char *bytes;
        size_t size;
        reshift_status code;
        const char *words;
    } cases[] = {
#define CASE(bytes, code, words) {bytes, sizeof bytes - 1, code, words}
        CASE("", RESHIFT_ERROR_FORMAT, "ends without STOP"),
        CASE("(dp0\n.", RESHIFT_ERROR_UNSUPPORTED, "expected protocol 1 to 5, found an opcode of protocol 0"),
        CASE("\x80\x06N.", RESHIFT_ERROR_UNSUPPORTED, "expected protocol 1 to 5, found 6"),
        CASE("\x80\x02", RESHIFT_ERROR_FORMAT, "ends without STOP"),
        CASE("\x80", RESHIFT_ERROR_FORMAT, "ends within a value of 1 byte ("),
        CASE("\x80\x02.", RESHIFT_ERROR_FORMAT, "expected one value at its end, found 0"),
        CASE("\x80\x02NN.", RESHIFT_ERROR_FORMAT, "expected one value at its end, found 2"),
        CASE("\x80\x02(N.", RESHIFT_ERROR_FORMAT, "expected one value at its end"),
        CASE("\x80\x02Z.", RESHIFT_ERROR_UNSUPPORTED, "opcode 0x5a, which is not of the restricted set"),
        CASE("\x80\x02\x82\x01.", RESHIFT_ERROR_UNSUPPORTED, "opcode 0x82"),
        CASE("\x80\x02(o.", RESHIFT_ERROR_FORMAT, "expected a class above the mark"),
        CASE("\x80\x02(No.", RESHIFT_ERROR_FORMAT, "expected a name and a tuple of arguments"),
        CASE("L12x\n.", RESHIFT_ERROR_FORMAT, "expected an integer, found '12x'"),
        CASE("\x80\x04K\x01\x8c\x06system\x93.", RESHIFT_ERROR_FORMAT, "expected the name of a global"),
        CASE("\x80\x02"
             "ctorch",
             RESHIFT_ERROR_FORMAT, "a line of text that does not end"),
        CASE("\x80\x02X\x05\x00\x00\x00"
             "abc.",
             RESHIFT_ERROR_FORMAT, "ends within a value of 5 bytes"),
        CASE("\x80\x02X\x02\x00\x00\x00\xc3\x28.", RESHIFT_ERROR_FORMAT, "a text that is not UTF-8"),
        CASE("\x80\x02X\x03\x00\x00\x00\xed\xa0\x80.", RESHIFT_ERROR_FORMAT, "a text that is not UTF-8"),
        CASE("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", RESHIFT_ERROR_FORMAT, "ends within a value"),
        CASE("\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00N.", RESHIFT_ERROR_FORMAT,
             "a frame that goes beyond the end"),
        CASE("\x80\x02I1x\n.", RESHIFT_ERROR_FORMAT, "expected an integer, found '1x'"),
        CASE("\x80\x02h\x05.", RESHIFT_ERROR_FORMAT, "memo entry 5 was never made"),
        CASE("\x80\x02Nr\xff\xff\xff\x7f.", RESHIFT_ERROR_FORMAT, "memo entry 2147483647 in a pickle of 9 bytes"),
        CASE("\x80\x02q\x00.", RESHIFT_ERROR_FORMAT, "expected 1 values on the stack, found 0"),
        CASE("\x80\x02t.", RESHIFT_ERROR_FORMAT, "expected a mark, found none"),
        CASE("\x80\x02NNa.", RESHIFT_ERROR_FORMAT, "expected a list to append to"),
        CASE("\x80\x02N(Nu.", RESHIFT_ERROR_FORMAT, "expected a dict to fill"),
        CASE("\x80\x02}(Nu.", RESHIFT_ERROR_FORMAT, "a key of a dict without its value"),
        CASE("\x80\x02}]Ns.", RESHIFT_ERROR_FORMAT, "a list, dict or array as the key of a dict"),
        CASE("\x80\x02N(\x85.", RESHIFT_ERROR_FORMAT,
             "expected 1 values on the stack, found 0"), /* not below the mark */
        CASE("\x80\x02N)R.", RESHIFT_ERROR_FORMAT, "expected a name and a tuple of arguments"),
        CASE("\x80\x02NNb.", RESHIFT_ERROR_FORMAT, "a state for a value that has none"),
        CASE("\x80\x02"
             "ccollections\nOrderedDict\n](NNNtaR.",
             RESHIFT_ERROR_FORMAT, "expected a name and a tuple"),
        CASE("\x80\x02"
             "ccollections\nOrderedDict\n](NNNta\x85R.",
             RESHIFT_ERROR_FORMAT, "expected the pairs of a dict"),
        CASE("\x80\x02(U\x07storagectorch\nFloatStorage\nU\x01"
             "0U\x03"
             "cpuJ\xff\xff\xff\xfftQ.",
             RESHIFT_ERROR_FORMAT, "expected a storage's count of 0 or more"),
        CASE("\x80\x02(U\x07storageNU\x01"
             "0U\x03"
             "cpuK\x01tQ.",
             RESHIFT_ERROR_FORMAT, "expected a class of storages"),
        CASE("\x80\x02(U\x07storagectorch\nFloatStorage\nU\x01"
             "0U\x03"
             "cpuK\x04(U\x01vK\x03K\x02ttQ.",
             RESHIFT_ERROR_FORMAT, "a view that is no part of its storage"),
        CASE("\x80\x02"
             "ctorch._utils\n_rebuild_tensor_v2\nN\x85R.",
             RESHIFT_ERROR_FORMAT, "expected a storage and 6 arguments for a tensor"),
        CASE("\x80\x02" ARRAY ".", RESHIFT_ERROR_FORMAT, "a NumPy array without its state"),
        CASE("\x80\x02" ARRAY "Nb.", RESHIFT_ERROR_FORMAT, "expected the state of a NumPy array"),
        CASE("\x80\x02" ARRAY "(K\x01K\x02\x85" DTYPE("u1") "\x89U\x03"
                                                            "abctb.",
             RESHIFT_ERROR_FORMAT, "does not take the 3 bytes that are there"),
        CASE("\x80\x02" ARRAY "(K\x01J\xff\xff\xff\xff\x85" DTYPE("u1") "\x89U\x00tb.", RESHIFT_ERROR_FORMAT,
             "expected extents and strides of 0 or more"),
        CASE("\x80\x02"
             "c_codecs\nencode\nX\x03\x00\x00\x00\xe2\x82\xacX\x06\x00\x00\x00latin1\x86R.",
             RESHIFT_ERROR_FORMAT, "a character beyond latin1 among bytes"),
        CASE("\x80\x02"
             "cnumpy.core.multiarray\nscalar\n" DTYPE("f8") "U\x04"
                                                            "abcd\x86R.",
             RESHIFT_ERROR_FORMAT, "expected the dtype and bytes of a NumPy number"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reshift_error error;
        pickle *p;
        uint8_t *exact = malloc(cases[i].size + !cases[i].size); /* exact size: sanitizers detect a read past the end */
        memcpy(exact, cases[i].bytes, cases[i].size);
        check_error(pickle_open(exact, cases[i].size, "x.pkl", 0, &p, NULL, &error), cases[i].code, cases[i].words);
        assert_null(p);
        free(exact);
    }
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int64_t integer;
    } cases[] = {
        {"\x80\x02\x8a\x00.", 5, 0},
        {"\x80\x02\x8a\x01\xff.", 6, -1},
        {"\x80\x02\x8a\x02\xff\x7f.", 7, 32767},
        {"\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.", 13, INT64_MIN},
        {"\x80\x02\x8b\x01\x00\x00\x00\x80.", 9, -128},
        {"\x80\x02J\xff\xff\xff\xff.", 8, -1},
        {"\x80\x02M\xff\xff.", 6, 65535},
        {"\x80\x02I-4294967296\n.", 16, -((int64_t)1 << 32)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reshift_error error;
        pickle *p;
        check_ok(pickle_open((const uint8_t *)cases[i].bytes, cases[i].size, "x", 0, &p, NULL, &error));
        assert_int_equal(pickle_root(p)->kind, PICKLE_INT);
        assert_true(pickle_root(p)->integer == cases[i].integer);
        pickle_close(&p);
    }
}

/* A name outside the table becomes a placeholder with that name: nothing is constructed, nothing refused. */
static void test_objects_become_placeholders(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } cases[] = {
#define OBJECT(bytes, words) {bytes, sizeof bytes - 1, words}
        OBJECT("\x80\x02"
               "cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
               "os.system"),
        OBJECT("\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R.", "posix.system"),
        OBJECT("\x80\x02"
               "cbuiltins\neval\n.",
               "builtins.eval"),
        OBJECT("\x80\x02(X\x01\x00\x00\x00"
               "ai__builtin__\neval\n.",
               "__builtin__.eval"),
        OBJECT("\x80\x02("
               "ca\nB\nNo.",
               "a.B"),
        OBJECT("\x80\x04\x8c\x01"
               "a\x8c\x01"
               "b\x93)}\x92.",
               "a.b"),
        OBJECT("ccopy_reg\n_reconstructor\n(ca\nB\nc__builtin__\ndict\n}tR.", "a.B"),
        OBJECT("\x80\x02"
               "ca\nB\n)R}X\x01\x00\x00\x00xNsb.",
               "a.B"),
        OBJECT("\x80\x02"
               "ctorch\nFloatStorage\n)R.",
               "torch.FloatStorage"),
        OBJECT("\x80\x02X\x01\x00\x00\x00xQ.", "an object outside of the pickle"),
        OBJECT("\x80\x02(U\x06modulecm\nNet\nU\x01sU\x01stQ.", "m.Net"),
        OBJECT("\x80\x02" DTYPE("O8") ".", "NumPy dtype 'O8'"),
        OBJECT("\x80\x02" ARRAY "(K\x01K\x02\x85" DTYPE("U1") "\x89]tb.", "a NumPy array (NumPy dtype 'U1')"),
    };
    reshift_error error;
    pickle *p;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_ok(pickle_open((const uint8_t *)cases[i].bytes, cases[i].size, "x", 0, &p, NULL, &error));
        assert_int_equal(pickle_root(p)->kind, PICKLE_OBJECT);
        assert_string_equal(pickle_root(p)->text, cases[i].words);
        pickle_close(&p);
    }
    /* a subclass of dict keeps its items, one of list too; sets are lists */
    check_ok(pickle_open((const uint8_t *)"\x80\x02"
                                          "ca\nB\n)\x81K\x01K\x02s.",
                         15, "x", 0, &p, NULL, &error));
    assert_int_equal(pickle_root(p)->content->kind, PICKLE_DICT);
    assert_int_equal(pickle_root(p)->content->items[1]->integer, 2);
    pickle_close(&p);
    check_ok(pickle_open((const uint8_t *)"\x80\x02"
                                          "ca\nB\n)\x81(K\x01K\x02"
                                          "e.",
                         16, "x", 0, &p, NULL, &error));
    assert_int_equal(pickle_root(p)->content->length, 2);
    pickle_close(&p);
    check_ok(pickle_open((const uint8_t *)"\x80\x04\x8f(K\x01K\x02\x90.", 10, "x", 0, &p, NULL, &error));
    assert_int_equal(pickle_root(p)->kind, PICKLE_LIST);
    assert_int_equal(pickle_root(p)->length, 2);
    pickle_close(&p);
    /* a list that contains itself: the inner one is cut off */
    check_ok(pickle_open((const uint8_t *)"\x80\x02]q\x00h\x00"
                                          "a.",
                         9, "x", 0, &p, NULL, &error));
    assert_int_equal(pickle_root(p)->items[0]->kind, PICKLE_OBJECT);
    assert_string_equal(pickle_root(p)->items[0]->text, "a value that contains itself");
    pickle_close(&p);
}

/* Protocol 1 writes large integers as text; their bytes equal those of the binary form. */
static void test_long_integers_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t length;
        const char *bytes;
    } cases[] = {
        {"L1180591620717411303424L\n.", 9, "\0\0\0\0\0\0\0\0\x40"},  /* 2^70 */
        {"L-1180591620717411303424L\n.", 9, "\0\0\0\0\0\0\0\0\xc0"}, /* -2^70 */
        {"L119547037146038801333356L\n.", 10, "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"},
        {"L9223372036854775808L\n.", 9, "\0\0\0\0\0\0\0\x80\0"}, /* 2^63 needs a byte for its sign */
    };
    reshift_error error;
    pickle *p;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_ok(pickle_open((const uint8_t *)cases[i].line, strlen(cases[i].line), "x", 0, &p, NULL, &error));
        assert_int_equal(pickle_root(p)->kind, PICKLE_LONG);
        assert_int_equal(pickle_root(p)->length, cases[i].length);
        assert_memory_equal(pickle_root(p)->text, cases[i].bytes, cases[i].length);
        pickle_close(&p);
    }
    check_ok(pickle_open((const uint8_t *)"L-123456789012345678L\n.", 23, "x", 0, &p, NULL, &error));
    assert_true(pickle_root(p)->integer == -123456789012345678);
    pickle_close(&p);
}

static void test_limits(void **state)
{
    (void)state;
    reshift_error error;
    pickle *p;
    uint8_t bytes[1024] = {0x80, 2};
    size_t at = 2;
    for (int i = 0; i < 300; i++) { /* [[[...]]] */
        bytes[at++] = ']';
    }
    for (int i = 0; i < 299; i++) {
        bytes[at++] = 'a';
    }
    bytes[at++] = '.';
    check_ok(pickle_open(bytes, at, "x", 0, &p, NULL, &error));
    const pickle_value *value = pickle_root(p);
    int depth = 0;
    while (value->kind == PICKLE_LIST) {
        value = value->items[0];
        depth++;
    }
    assert_int_equal(depth, PICKLE_DEPTH_MAX);
    assert_string_equal(value->text, "values nested deeper than 200 levels");
    pickle_close(&p);
    /* x = [], then 150 lists around x as y, then 150 around y: the same y is too deep on one path only */
    at = 2;
    for (int i = 0; i < 151; i++) {
        bytes[at++] = ']';
    }
    for (int i = 0; i < 150; i++) {
        bytes[at++] = 'a';
    }
    bytes[at++] = 'q';
    bytes[at++] = 0;
    for (int i = 0; i < 150; i++) {
        bytes[at++] = 0x85;
    }
    bytes[at++] = 'h';
    bytes[at++] = 0;
    bytes[at++] = 0x86;
    bytes[at++] = '.';
    check_ok(pickle_open(bytes, at, "x", 0, &p, NULL, &error));
    for (int branch = 0; branch < 2; branch++) {
        for (depth = 0, value = pickle_root(p)->items[branch]; value->kind != PICKLE_OBJECT && value->length > 0;
             depth++) {
            value = value->items[0];
        }
        assert_true(depth < PICKLE_DEPTH_MAX);
    }
    pickle_close(&p);
    at = 2;
    bytes[at++] = 'N';
    for (int i = 0; i < 40; i++) { /* x = (x, x), forty times: 2^40 leaves */
        bytes[at++] = '2';
        bytes[at++] = 0x86;
    }
    bytes[at++] = '.';
    check_error(pickle_open(bytes, at, "x", 0, &p, NULL, &error), RESHIFT_ERROR_UNSUPPORTED,
                "more than 20971520 values");
}

/* A truncated pickle is refused, never misread. */
static void test_truncated(void **state)
{
    (void)state;
    static const char *const files[] = {"pickle_2.pkl", "pickle_4.pkl"};
    for (size_t f = 0; f < 2; f++) {
        size_t size;
        uint8_t *bytes = golden_bytes(files[f], &size);
        for (size_t length = 0; length < size; length++) {
            reshift_error error;
            pickle *p;
            uint8_t *exact = malloc(length + 1);
            memcpy(exact, bytes, length);
            assert_int_not_equal(pickle_open(exact, length, "x", 0, &p, NULL, &error), RESHIFT_OK);
            free(exact);
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_python2_batch),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_objects_become_placeholders),
        cmocka_unit_test(test_long_integers_as_text),
    };
    return cmocka_run_group_tests_name("pickle", tests, NULL, NULL);
}
