/* The description by reshift_inspect() of every kind of file and folder. */
#include "golden.h"

#include <jansson.h>
#include <sys/stat.h>

#include "reshift/inspect.h"

/* The description, parsed; the caller drops it. */
static json_t *inspect(const char *path)
{
    reshift_error error;
    char *text = NULL;
    check_ok(reshift_inspect(path, &text, &error));
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "path")), path);
    free(text);
    return json;
}

static void check_text(const json_t *json, const char *key, const char *expected)
{
    const char *found = json_string_value(json_object_get(json, key));
    if (!found || strcmp(found, expected) != 0) {
        fail_msg("%s: expected '%s', found '%s'", key, expected, found ? found : "(none)");
    }
}

static void check_int(const json_t *json, const char *key, long long expected)
{
    const json_t *found = json_object_get(json, key);
    if (!json_is_integer(found) || json_integer_value(found) != expected) {
        fail_msg("%s: expected %lld, found %lld", key, expected, (long long)json_integer_value(found));
    }
}

static void test_checkpoints(void **state)
{
    (void)state;
    static const char *const files[][2] = {{"torch_zip.pth", "torch-zip"}, {"torch_legacy.pth", "torch-legacy"}};
    for (size_t f = 0; f < 2; f++) {
        json_t *json = inspect(golden(files[f][0]));
        check_text(json, "kind", files[f][1]);
        check_int(json, "n_tensors", 22);
        check_text(json_object_get(json, "metadata"), "arch", "r\u00e9sidu");
        const json_t *tensors = json_object_get(json, "tensors"), *first = json_array_get(tensors, 0);
        assert_int_equal(json_array_size(tensors), 22);
        check_text(first, "name", "state_dict.f32");
        check_text(first, "dtype", "float32");
        assert_int_equal(json_integer_value(json_array_get(json_object_get(first, "shape"), 1)), 3);
        json_decref(json);
    }
}

static void test_files(void **state)
{
    (void)state;
    json_t *json = inspect(golden("npy_f4.npy"));
    check_text(json, "kind", "npy");
    check_text(json, "dtype", "float32");
    check_int(json, "elements", 12);
    assert_true(json_real_value(json_object_get(json, "max")) == 11);
    assert_true(json_real_value(json_object_get(json, "mean")) == 5.5);
    check_int(json, "not_finite", 0);
    json_decref(json);
    json = inspect(golden("image_CMYK.jpg"));
    check_text(json, "kind", "jpeg");
    check_text(json, "colour", "cmyk");
    check_int(json, "width", 37);
    json_decref(json);
    json = inspect(golden("archive.tar.gz"));
    check_text(json, "kind", "tar.gz");
    check_int(json, "n_entries", 6);
    check_int(json, "unpacked_bytes", 5126);
    check_text(json_array_get(json_object_get(json, "entries"), 1), "name", "set/a.txt");
    json_decref(json);
    json = inspect(golden("archive.zip"));
    check_text(json, "kind", "zip");
    check_int(json, "n_entries", 3);
    json_decref(json);
    json = inspect(golden("pickle_cifar.pkl"));
    check_text(json, "kind", "pickle");
    const json_t *item = json_array_get(json_object_get(json_object_get(json, "value"), "items"), 0);
    check_text(json_object_get(item, "key"), "value", "data");
    check_text(json_object_get(item, "value"), "dtype", "uint8");
    json_decref(json);

    reshift_error error;
    char *text;
    check_error(reshift_inspect(golden("make_golden.py"), &text, &error), RESHIFT_ERROR_UNSUPPORTED,
                "expected a format that reshift knows, found text");
    assert_non_null(strstr(error.hint, "safetensors"));
    check_error(reshift_inspect("/nowhere/x", &text, &error), RESHIFT_ERROR_NOT_FOUND, "/nowhere/x");
    assert_null(text);
}

static void write_file(const char *folder, const char *name, const void *bytes, size_t size)
{
    reshift_error error;
    char *path = path_join(folder, name);
    char *end = strrchr(path, '/');
    *end = '\0';
    check_ok(folder_create(path, &error));
    *end = '/';
    check_ok(file_write_all(path, bytes, size, false, &error));
    free(path);
}

static const json_t *child(const json_t *json, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(json, "holds"), i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0) {
            return item;
        }
    }
    fail_msg("no '%s' among what the folder holds", name);
    return NULL;
}

static void test_folders(void **state)
{
    (void)state;
    char folder[] = "/tmp/reshift-inspect-XXXXXX", command[64], path[128];
    assert_non_null(mkdtemp(folder));
    uint8_t records[2 * 3073] = {0};
    records[3073] = 9;
    write_file(folder, "cifar-10-batches-bin/test_batch.bin", records, sizeof records);
    write_file(folder, "cifar-10-batches-py/data_batch_1", "x", 1);
    write_file(folder, "CIFAR-10-C/fog.npy", "x", 1);
    write_file(folder, "CIFAR-10-C/labels.npy", "x", 1);
    write_file(folder, "weights/resnet18.safetensors", "x", 1);
    write_file(folder, "runs/seed/manifest.json", "{}", 2);
    write_file(folder, "pets/cat/1.jpg", "x", 1);
    write_file(folder, "pets/cat/2.JPEG", "x", 1);
    write_file(folder, "pets/dog\xff/1.png", "x", 1);
    write_file(folder, "parts/train/cat/1.jpg", "x", 1);
    write_file(folder, "parts/train/dog/1.jpg", "x", 1);
    write_file(folder, "parts/test/cat/2.jpg", "x", 1);
    write_file(folder, "note.txt", "hello", 5);
    json_t *json = inspect(folder);
    check_text(json, "kind", "folder");
    const json_t *cifar = child(json, "cifar-10-batches-bin");
    check_text(cifar, "kind", "cifar10");
    check_text(cifar, "layout", "binary");
    assert_true(json_is_false(json_object_get(cifar, "complete")));
    assert_int_equal(json_array_size(json_object_get(cifar, "missing")), 5);
    check_text(child(json, "cifar-10-batches-py"), "layout", "python");
    const json_t *corrupted = child(json, "CIFAR-10-C");
    check_text(corrupted, "kind", "cifar10-c");
    assert_int_equal(json_array_size(json_object_get(corrupted, "corruptions")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(corrupted, "corruptions"), 0)), "fog");
    check_text(child(json, "weights"), "kind", "weights");
    check_text(child(json, "pets"), "kind", "folder");
    check_int(child(json, "note.txt"), "bytes", 5);
    json_decref(json);
    snprintf(path, sizeof path, "%s/pets", folder);
    json = inspect(path);
    check_text(json, "kind", "image-folder");
    check_int(json, "classes", 2);
    check_int(json, "images", 3);
    check_int(child(json, "cat"), "images", 2);
    check_int(child(json, "dog\\xff"), "images", 1); /* a name that is not UTF-8 */
    json_decref(json);
    snprintf(path, sizeof path, "%s/parts", folder);
    json = inspect(path);
    check_text(json, "kind", "folder");
    check_text(child(json, "train"), "kind", "image-folder");
    check_int(child(json, "train"), "classes", 2);
    check_int(child(json, "test"), "images", 1);
    assert_null(json_object_get(child(json, "train"), "holds"));
    json_decref(json);
    snprintf(path, sizeof path, "%s/runs/seed", folder);
    json = inspect(path);
    check_text(json, "kind", "run");
    json_decref(json);
    snprintf(path, sizeof path, "%s/cifar-10-batches-bin/test_batch.bin", folder);
    json = inspect(path);
    check_text(json, "kind", "cifar10-binary");
    check_int(json, "images", 2);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(json, "images_of_class"), 9)), 1);
    json_decref(json);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void test_real_files(void **state)
{
    (void)state;
    check_need_data();
    json_t *json = inspect(real("weights/resnet18.safetensors"));
    check_text(json, "kind", "safetensors");
    check_int(json, "n_tensors", 102);
    check_text(json_object_get(json, "metadata"), "input_size", "224");
    json_decref(json);
    json = inspect(real("cifar-10-batches-bin/test_batch.bin"));
    check_int(json, "images", 10000);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(json, "images_of_class"), 3)), 1000);
    json_decref(json);
    json = inspect(real("cifar-10-batches-bin"));
    check_text(json, "kind", "cifar10");
    assert_true(json_is_true(json_object_get(json, "complete")));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_real_files),
    };
    return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
