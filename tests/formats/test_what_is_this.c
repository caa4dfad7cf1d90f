/* Files passed by mistake: every reader of checkpoints, arrays or images names their kind. */
#include "golden.h"

#include "formats/what_is_this.h"
#include "reshift/array.h"
#include "reshift/image.h"
#include "reshift/inspect.h"
#include "reshift/tensors.h"

#define LFS_POINTER                                                                                                    \
    "version https://git-lfs.github.com/spec/v1\noid sha256:"                                                          \
    "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 102530333\n"

static const struct {
    const char *bytes;
    size_t size;
    const char *words, *hint;
} kinds[] = {
#define KIND(bytes, words, hint)                                                                                       \
    {                                                                                                                  \
        bytes, sizeof bytes - 1, words, hint                                                                           \
    }
    KIND("", "an empty file", NULL),
    KIND(LFS_POINTER, "a Git LFS pointer, a small text in place of the file", "git lfs pull"),
    KIND("\xef\xbb\xbf\n <!DOCTYPE HTML>\n<html>", "an HTML page", "link of the raw file"),
    KIND("<HTML lang='en'>", "an HTML page", "link of the raw file"),
    KIND("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
         "an XML document, such as a storage server's error message", "download the file again"),
    KIND("{\"error\": \"Repository not found\"}", "a JSON error message", "download the file again"),
    KIND("{\"a\": 1}", "JSON text", NULL),
    KIND("just words\n", "text", NULL),
    KIND("PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\0images.npy\x93NUMPY",
         "a NumPy archive (.npz)", NULL),
    KIND("PK\x03\x04", "a zip archive", NULL),
    KIND("PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0images.npy", "a zip archive", NULL),
    KIND("\x1f\x8b\x08\0", "gzip data", "gunzip"),
    KIND("GIF89a", "a GIF image", "convert"),
    KIND("\x89HDF\r\n\x1a\n", "an HDF5 file (Keras weights are such)", NULL),
    KIND("\x80\x04\x95", "a Python pickle", NULL),
    KIND("\0\0\0\0\0\0\0\0\0\0\0\0", "a file of zeros", "fetch it again"),
    KIND("\x01\x02\x03\x04", "other bytes", NULL),
};

static void test_file_kinds(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        uint8_t *exact = malloc(kinds[k].size + 1); /* exact size: a sanitizer detects a read past the end */
        memcpy(exact, kinds[k].bytes, kinds[k].size);
        exact = realloc(exact, kinds[k].size ? kinds[k].size : 1);
        file_kind found = what_is_this(exact, kinds[k].size);
        assert_string_equal(found.words, kinds[k].words);
        assert_int_equal(found.hint != NULL, kinds[k].hint != NULL);
        if (found.hint) {
            assert_non_null(strstr(found.hint, kinds[k].hint));
        }
        free(exact);
    }
}

/* Every reader names the kind and includes its hint. */
static void test_readers_name_the_kind(void **state)
{
    (void)state;
    reshift_error error;
    char path[64];
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (strstr(kinds[k].words, "zip") || strstr(kinds[k].words, "gzip") || strstr(kinds[k].words, "pickle") ||
            strstr(kinds[k].words, ".npz")) {
            continue; /* some of the readers accept these formats */
        }
        reshift_tensors *t;
        reshift_array array;
        reshift_image image = {0};
        char *json;
        fresh_path(path);
        check_ok(file_write_all(path, kinds[k].bytes, kinds[k].size, false, &error));
        check_error(reshift_tensors_load(path, &t, &error), RESHIFT_ERROR_FORMAT, kinds[k].words);
        assert_true(!kinds[k].hint || strstr(error.hint, kinds[k].hint));
        check_error(reshift_array_load_npy(path, &array, &error), RESHIFT_ERROR_FORMAT, kinds[k].words);
        assert_true(!kinds[k].hint || strstr(error.hint, kinds[k].hint));
        check_error(reshift_image_load(path, &image, &error), RESHIFT_ERROR_UNSUPPORTED, kinds[k].words);
        check_error(reshift_inspect(path, &json, &error), RESHIFT_ERROR_UNSUPPORTED, kinds[k].words);
        assert_true(!kinds[k].hint || strstr(error.hint, kinds[k].hint));
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_kinds),
        cmocka_unit_test(test_readers_name_the_kind),
    };
    return cmocka_run_group_tests_name("what_is_this", tests, NULL, NULL);
}
