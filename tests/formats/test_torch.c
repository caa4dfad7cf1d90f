/* PyTorch's checkpoints in both containers against the values that PyTorch stored; real ones; damaged ones. */
#include "golden.h"

#include "base/digest.h"
#include "formats/checkpoint.h"
#include "formats/layout.h"
#include "reshift/tensors.h"

static double element(const reshift_array *array, int64_t i)
{
    return layout_number(array->dtype, (const uint8_t *)array->data + (size_t)i * reshift_dtype_size(array->dtype));
}

/* Checks dtype and elements of the tensor. */
static void check_elements(const reshift_tensors *t, const char *name, reshift_dtype dtype, int n_dims,
                           const int64_t *shape, const double *elements)
{
    const reshift_array *array = reshift_tensors_find(t, name);
    if (!array) {
        fail_msg("no tensor '%s'", name);
        return;
    }
    assert_int_equal(array->dtype, dtype);
    assert_int_equal(array->n_dims, n_dims);
    for (int d = 0; d < n_dims; d++) {
        assert_int_equal(array->shape[d], shape[d]);
    }
    for (int64_t i = 0; i < reshift_array_count(array); i++) {
        if (element(array, i) != elements[i]) {
            fail_msg("%s[%d]: expected %g, found %g", name, (int)i, elements[i], element(array, i));
        }
    }
}

static void test_every_kind_of_tensor(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        reshift_container container;
    } files[] = {{"torch_zip.pth", RESHIFT_CONTAINER_TORCH_ZIP},
                 {"torch_legacy.pth", RESHIFT_CONTAINER_TORCH_LEGACY},
                 {"torch_protocol4.pth", RESHIFT_CONTAINER_TORCH_ZIP}};
    double count[24], transposed[24];
    for (int i = 0; i < 24; i++) {
        count[i] = i;
        transposed[i] = i % 4 * 6 + i / 4;
    }
    for (size_t f = 0; f < 3; f++) {
        reshift_error error;
        reshift_tensors *t;
        check_ok(reshift_tensors_load(golden(files[f].name), &t, &error));
        assert_int_equal(reshift_tensors_container(t), files[f].container);
        assert_int_equal(reshift_tensors_count(t), 22);
        const int64_t s23[] = {2, 3}, s32[] = {3, 2}, s46[] = {4, 6}, s64[] = {6, 4}, s3[] = {3}, s6[] = {6},
                      s4[] = {4}, s04[] = {0, 4}, s2[] = {2};
#define CHECK(name, dtype, shape, elements)                                                                            \
    check_elements(t, name, dtype, (int)(sizeof shape / sizeof *shape), shape, elements)
        CHECK("state_dict.f32", RESHIFT_F32, s23, count);
        CHECK("state_dict.f64", RESHIFT_F64, s23, count);
        CHECK("state_dict.f16", RESHIFT_F16, s23, count);
        CHECK("state_dict.bf16", RESHIFT_BF16, s23, count);
        CHECK("state_dict.i64", RESHIFT_I64, s23, count);
        CHECK("state_dict.i32", RESHIFT_I32, s23, count);
        CHECK("state_dict.i16", RESHIFT_I16, s23, count);
        CHECK("state_dict.i8", RESHIFT_I8, s23, count);
        CHECK("state_dict.u8", RESHIFT_U8, s23, count);
        CHECK("state_dict.flags", RESHIFT_BOOL, s3, ((double[]){1, 0, 1}));
        check_elements(t, "state_dict.scalar", RESHIFT_I64, 0, NULL, (double[]){7});
        CHECK("state_dict.empty", RESHIFT_F32, s04, count);
        CHECK("state_dict.whole", RESHIFT_F32, s46, count);
        CHECK("state_dict.transposed", RESHIFT_F32, s64, transposed);
        CHECK("state_dict.row", RESHIFT_F32, s6, count + 12);
        CHECK("state_dict.column", RESHIFT_F32, s4, ((double[]){1, 7, 13, 19}));
        CHECK("state_dict.block", RESHIFT_F32, s23, ((double[]){8, 9, 10, 14, 15, 16}));
        CHECK("state_dict.expanded", RESHIFT_F32, s32, ((double[]){5, 5, 5, 5, 5, 5}));
        CHECK("state_dict.parameter", RESHIFT_F32, s23, count);
        CHECK("counts", RESHIFT_I16, s23, count);
        CHECK("nested.list.0", RESHIFT_F32, s2, count);
        CHECK("nested.list.1.deep", RESHIFT_F32, s3, count);
        static const char *const texts[][2] = {{"epoch", "3"},      {"lr", "0.1"},       {"arch", "r\u00e9sidu"},
                                               {"ema", "true"},     {"best", "91.5"},    {"betas", "[0.9, 0.999]"},
                                               {"sizes", "[2, 3]"}, {"nested.5", "five"}};
        assert_int_equal(reshift_tensors_text_count(t), 8);
        for (int i = 0; i < 8; i++) {
            assert_string_equal(reshift_tensors_text(t, texts[i][0]), texts[i][1]);
        }
        assert_true(reshift_tensors_unwrap(t));
        assert_int_equal(reshift_tensors_count(t), 19);
        assert_non_null(reshift_tensors_find(t, "f32"));
        reshift_tensors_destroy(&t);
    }
}

static void test_other_zips(void **state)
{
    (void)state;
    static const char *const files[] = {"torch_bare.pth", "torch_zip64.pth", "torch_deflated.pth"};
    const double count[] = {0, 1, 2, 3, 4, 5};
    for (size_t f = 0; f < 3; f++) {
        reshift_error error;
        reshift_tensors *t;
        check_ok(reshift_tensors_load(golden(files[f]), &t, &error));
        assert_int_equal(reshift_tensors_count(t), 1);
        check_elements(t, "tensor", RESHIFT_F32, 2, (int64_t[]){2, 3}, count);
        reshift_tensors_destroy(&t);
    }
    reshift_error error;
    reshift_tensors *t;
    check_ok(reshift_tensors_load(golden("torch_v3.pth"), &t, &error));
    check_elements(t, "u16", RESHIFT_U16, 2, (int64_t[]){2, 2}, count + 1);
    reshift_tensors_destroy(&t);
}

/* torch.save(sd, 'été.pth') uses the file's name for the entries of the zip. */
static void test_non_ascii_name(void **state)
{
    (void)state;
    reshift_error error;
    reshift_tensors *t;
    const double count[] = {0, 1, 2, 3, 4, 5};
    check_ok(reshift_tensors_load(golden("torch_named.pth"), &t, &error));
    check_elements(t, "w", RESHIFT_F32, 2, (int64_t[]){2, 3}, count);
    reshift_tensors_destroy(&t);
}

/* ---- other objects that training scripts save with the tensors ---- */

static const char *unread_kind(const reshift_tensors *t, const char *name)
{
    for (int64_t i = 0; i < reshift_tensors_unread_count(t); i++) {
        if (strcmp(reshift_tensors_unread_name(t, i), name) == 0) {
            return reshift_tensors_unread_kind(t, i);
        }
    }
    return NULL;
}

/* Forty kinds of objects, keys and unsupported tensors: the other tensors are read, and all of these are listed. */
static void test_objects_beside_tensors(void **state)
{
    (void)state;
    static const char *const files[] = {"torch_objects.pth", "torch_objects_4.pth", "torch_objects_legacy.pth"};
    static const char *const unread[][2] = {
        {"args", "argparse.Namespace"},
        {"config", "Config"},
        {"device", "torch.device"},
        {"output", "pathlib.PurePosixPath"},
        {"date", "datetime.datetime"},
        {"delta", "datetime.timedelta"},
        {"decimal", "decimal.Decimal"},
        {"complex", "complex"},
        {"slice", "slice"},
        {"range", "range"},
        {"type", "torch.nn.modules.linear.Linear"},
        {"builtin", "len"},
        {"names", "a NumPy array (NumPy dtype 'U4')"},
        {"bytes", "a NumPy array (NumPy dtype 'S2')"},
        {"objects", "a NumPy array (NumPy dtype 'O8')"},
        {"times", "a NumPy array (NumPy dtype 'M8')"},
        {"complexes", "a NumPy array (NumPy dtype 'c16')"},
        {"records", "a NumPy array (NumPy dtype 'V8')"},
        {"text_scalar", "a NumPy scalar (NumPy dtype 'U4')"},
        {"complex_tensor", "a tensor of ComplexFloatStorage"},
        {"sparse", "_rebuild_sparse_tensor"},
        {"quantised", "_rebuild_qtensor"},
        {"nine", "a tensor of 9 dimensions"},
        {"circle.self", "a value that contains itself"},
    };
    static const char *const texts[][2] = {
        {"epoch", "7"},
        {"hyper_parameters.lr", "0.5"},
        {"hyper_parameters.layers", "[1, 2]"},
        {"set", "[3]"},
        {"frozen.0", "a"},
        {"default.k", "[1]"},
        {"(1, a)", "tuple key"},
        {"None", "none key"},
        {"0.5", "float key"},
        {"True", "bool key"},
        {"circle.name", "circle"},
        {"weird.k", "1"},
    };
    const double count[] = {0, 1, 2, 3, 4, 5};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        reshift_error error;
        reshift_tensors *t;
        check_ok(reshift_tensors_load(golden(files[f]), &t, &error));
        assert_int_equal(reshift_tensors_count(t), 6);
        check_elements(t, "state_dict.w", RESHIFT_F32, 2, (int64_t[]){2, 3}, count);
        check_elements(t, "state_dict.b", RESHIFT_F32, 1, (int64_t[]){3}, count);
        check_elements(t, "criterion.weight", RESHIFT_F32, 1, (int64_t[]){2}, (double[]){1, 1});
        check_elements(t, "a.b", RESHIFT_F32, 1, (int64_t[]){1}, count);
        check_elements(t, "a.b#2", RESHIFT_F32, 1, (int64_t[]){1}, count + 1);
        check_elements(t, "after", RESHIFT_F32, 1, (int64_t[]){2}, count + 4); /* storages stay in step */
        for (size_t i = 0; i < sizeof unread / sizeof *unread; i++) {
            const char *kind = unread_kind(t, unread[i][0]);
            if (!kind || !strstr(kind, unread[i][1])) {
                fail_msg("%s: '%s' is '%s', expected '%s'", files[f], unread[i][0], kind ? kind : "", unread[i][1]);
            }
        }
        assert_int_equal(reshift_tensors_unread_count(t), sizeof unread / sizeof *unread + 1); /* and the deep one */
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            assert_string_equal(reshift_tensors_text(t, texts[i][0]), texts[i][1]);
        }
        assert_null(reshift_tensors_remark(t, 0));
        reshift_tensors_destroy(&t);
    }
}

static void test_other_writers(void **state)
{
    (void)state;
    const double count[] = {0, 1, 2, 3, 4, 5};
    reshift_error error;
    reshift_tensors *t;
    check_ok(reshift_tensors_load(golden("torch_protocol1.pth"), &t, &error));
    check_elements(t, "w", RESHIFT_F32, 2, (int64_t[]){2, 3}, count);
    reshift_tensors_destroy(&t);
    check_ok(reshift_tensors_load(golden("torch_protocol1_legacy.pth"), &t, &error));
    assert_int_equal(reshift_tensors_container(t), RESHIFT_CONTAINER_TORCH_LEGACY);
    check_elements(t, "state_dict.w", RESHIFT_F32, 2, (int64_t[]){2, 3}, count);
    assert_string_equal(reshift_tensors_text(t, "f"), "0.25");
    reshift_tensors_destroy(&t);
    check_ok(reshift_tensors_load(golden("torch_device.pth"), &t, &error)); /* of a TPU */
    check_elements(t, "w", RESHIFT_F32, 2, (int64_t[]){2, 3}, count);
    reshift_tensors_destroy(&t);
    check_ok(reshift_tensors_load(golden("torch_module.pth"), &t, &error)); /* torch.save(model) */
    assert_int_equal(reshift_tensors_count(t), 7);
    check_elements(t, "body.0.weight", RESHIFT_F32, 2, (int64_t[]){2, 3}, count);
    assert_non_null(reshift_tensors_find(t, "body.1.running_var"));
    reshift_tensors_destroy(&t);
    check_ok(reshift_tensors_load(golden("torch_big.pth"), &t, &error)); /* of a big-endian machine */
    check_elements(t, "f4", RESHIFT_F32, 2, (int64_t[]){2, 3}, count);
    check_elements(t, "t", RESHIFT_F32, 2, (int64_t[]){3, 2}, (double[]){0, 3, 1, 4, 2, 5});
    check_elements(t, "i8", RESHIFT_I64, 1, (int64_t[]){3}, count);
    check_elements(t, "u1", RESHIFT_U8, 1, (int64_t[]){4}, count);
    check_elements(t, "f2", RESHIFT_F16, 1, (int64_t[]){3}, count);
    reshift_tensors_destroy(&t);
}

/* torch.load() reads a legacy file up to its last storage; the reader does the same, with a remark. */
static void test_bytes_after_the_end(void **state)
{
    (void)state;
    reshift_error error;
    reshift_tensors *t;
    size_t size;
    uint8_t *bytes = golden_bytes("torch_legacy.pth", &size);
    bytes = realloc(bytes, size + 3);
    memset(bytes + size, 7, 3);
    blob *b = blob_borrow(bytes, size + 3);
    check_ok(checkpoint_read(b, "x.pth", &t, &error));
    assert_string_equal(reshift_tensors_remark(t, 0), "3 bytes after the last storage were not read");
    assert_null(reshift_tensors_remark(t, 1));
    reshift_tensors_destroy(&t);
    blob_drop(&b);
    free(bytes);
}

typedef reshift_status (*read_function)(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error);

static reshift_status read_bytes(read_function read, const uint8_t *bytes, size_t size, reshift_error *error)
{
    uint8_t *exact = malloc(size + 1);
    memcpy(exact, bytes, size);
    blob *b = blob_own(exact, size);
    reshift_tensors *t = reshift_tensors_create();
    reshift_status status = read(b, "x.pth", t, error);
    reshift_tensors_destroy(&t);
    blob_drop(&b);
    return status;
}

static void check_patched(const char *file, const char *from, const char *to, size_t length, reshift_status code,
                          const char *words)
{
    reshift_error error;
    size_t size;
    uint8_t *bytes = golden_bytes(file, &size);
    patch(bytes, size, from, to, length);
    blob *b = blob_borrow(bytes, size);
    reshift_tensors *t;
    check_error(checkpoint_read(b, "x.pth", &t, &error), code, words);
    assert_null(t);
    blob_drop(&b);
    free(bytes);
}

static void test_invalid_legacy_files(void **state)
{
    (void)state;
    const char *file = "torch_legacy.pth";
    check_patched(file, "\x6c\xfc\x9c\x46", "\x6c\xfc\x9c\x47", 4, RESHIFT_ERROR_UNSUPPORTED, "not one of PyTorch's");
    check_patched(file, "\x80\x02M\xe9\x03.", "\x80\x02M\xea\x03.", 6, RESHIFT_ERROR_UNSUPPORTED,
                  "expected protocol version 1001, found 1002");
    check_patched(file, "ctorch\nFloatStorage",
                  "ctorch\nFloatSt\xc3\xa4"
                  "age",
                  19, RESHIFT_ERROR_UNSUPPORTED, "is one of 'torch.FloatSt\u00e4age', whose size is not known");
    /* the two numbers of f64's shape (2, 3): one row more than its storage contains */
    check_patched(file, "K\x00K\x02K\x03\x86", "K\x00K\x03K\x03\x86", 7, RESHIFT_ERROR_FORMAT, "go beyond its storage");
    check_patched(file, "K\x00K\x02K\x03\x86", "K\x01K\x02K\x03\x86", 7, RESHIFT_ERROR_FORMAT, "go beyond its storage");
    reshift_error error;
    size_t size;
    uint8_t *bytes = golden_bytes(file, &size);
    check_error(read_bytes(torch_legacy_read, bytes, size - 1, &error), RESHIFT_ERROR_FORMAT, "the file has");
    for (size_t length = 0; length < size; length++) {
        assert_int_not_equal(read_bytes(torch_legacy_read, bytes, length, &error), RESHIFT_OK);
    }
    free(bytes);
}

static void test_invalid_zips(void **state)
{
    (void)state;
    reshift_error error;
    /* entries are uncompressed: bytes can be changed in place, but libarchive verifies their checksums */
    const float numbers[] = {0, 1, 2, 3, 4, 5}, others[] = {0, 1, 2, 3, 4, 6};
    check_patched("torch_bare.pth", (const char *)numbers, (const char *)others, sizeof numbers, RESHIFT_ERROR_FORMAT,
                  "bad CRC");
    size_t size;
    uint8_t *bytes = golden_bytes("torch_bare.pth", &size);
    for (size_t length = 0; length < size; length += 7) {
        check_error(read_bytes(torch_zip_read, bytes, length, &error), RESHIFT_ERROR_FORMAT, "cannot read 'x.pth'");
    }
    check_error(read_bytes(torch_zip_read, bytes, size - 30, &error), RESHIFT_ERROR_FORMAT,
                "a zip archive without the directory at its end: it is cut short");
    free(bytes);
    reshift_tensors *t;
    check_error(reshift_tensors_load(golden("archive.zip"), &t, &error), RESHIFT_ERROR_FORMAT, "found a zip archive");
    static const struct {
        const char *file;
        reshift_status code;
        const char *words;
    } cases[] = {
        {"torch_wrong_order.pth", RESHIFT_ERROR_UNSUPPORTED, "expected byte order 'little' or 'big', found 'middle'"},
        {"torch_wrong_missing.pth", RESHIFT_ERROR_FORMAT, "storage '0' is not in the file"},
        {"torch_wrong_short.pth", RESHIFT_ERROR_FORMAT, "storage '0': expected 24 bytes, found 20"},
        {"torch_wrong_long.pth", RESHIFT_ERROR_UNSUPPORTED, "more than the 24 bytes expected of it"},
        {"torch_wrong_twice.pth", RESHIFT_ERROR_FORMAT, "expected one entry 'a/data/0', found two"},
        {"torch_wrong_call.pth", RESHIFT_ERROR_FORMAT,
         "no tensor in the file but an object that is not read: 'posix.system'"},
        {"torch_wrong_none.pth", RESHIFT_ERROR_FORMAT, "there is no tensor in the file"},
        {"torch_wrong_spread.pth", RESHIFT_ERROR_MEMORY, "spread out to more memory than its file allows for"},
        {"torch_wrong_bomb.pth", RESHIFT_ERROR_UNSUPPORTED, "more than the 24 bytes expected of it"},
        {"torch_wrong_claim.pth", RESHIFT_ERROR_MEMORY, "of 4294967296 bytes unpacks to more memory than a file of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_error(reshift_tensors_load(golden(cases[i].file), &t, &error), cases[i].code, cases[i].words);
        assert_null(t);
    }
}

/* sha256 over the elements of all tensors in order; expected: the same from torch.load(). */
static void check_digest(const reshift_tensors *t, const char *expected)
{
    char hex[DIGEST_HEX_BYTES];
    digest *d = digest_create(DIGEST_SHA256);
    for (int64_t i = 0; i < reshift_tensors_count(t); i++) {
        digest_add(d, reshift_tensors_at(t, i)->data, reshift_array_bytes(reshift_tensors_at(t, i)));
    }
    digest_finish(d, hex);
    digest_destroy(&d);
    assert_string_equal(hex, expected);
}

/* The published ResNet-20s: names, counts, and the same bytes as in PyTorch. */
static void test_real_checkpoints(void **state)
{
    (void)state;
    check_need_data();
    reshift_error error;
    reshift_tensors *t;
    check_ok(reshift_tensors_load(real("weights/cifar10-resnet20-legacy.pth"), &t, &error));
    assert_int_equal(reshift_tensors_container(t), RESHIFT_CONTAINER_TORCH_LEGACY);
    assert_int_equal(reshift_tensors_count(t), 97);
    assert_true(strncmp(reshift_tensors_text(t, "best_prec1"), "91.78", 5) == 0);
    assert_true(reshift_tensors_unwrap(t));
    const reshift_array *conv = reshift_tensors_find(t, "conv1.weight");
    assert_int_equal(conv->shape[0], 16);
    assert_true(reshift_tensors_find(t, "linear.weight")->shape[1] == 64);
    check_digest(t, "55fa4ffa8345bfb167b8f5f3a05cba788b5ee87bbed6c716a6342c1616ee109f");
    reshift_tensors_destroy(&t);
    check_ok(reshift_tensors_load(real("weights/cifar10-resnet20-zip.pth"), &t, &error));
    assert_int_equal(reshift_tensors_container(t), RESHIFT_CONTAINER_TORCH_ZIP);
    assert_int_equal(reshift_tensors_count(t), 116);
    check_digest(t, "aac5d751661740001172bb433690f0ea064d7178adc39a8953cec9134a68cc16");
    reshift_tensors_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_tensor),   cmocka_unit_test(test_other_zips),
        cmocka_unit_test(test_invalid_legacy_files),   cmocka_unit_test(test_invalid_zips),
        cmocka_unit_test(test_real_checkpoints),       cmocka_unit_test(test_non_ascii_name),
        cmocka_unit_test(test_objects_beside_tensors), cmocka_unit_test(test_other_writers),
        cmocka_unit_test(test_bytes_after_the_end),
    };
    return cmocka_run_group_tests_name("torch", tests, NULL, NULL);
}
