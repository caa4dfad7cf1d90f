/* Classes of a set onto outputs of a network: ImageNet's identifiers and names, names in metadata, numbers, files; and
 * what is refused. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_writer.h"
#include "imaging/pattern.h"
#include "models/classes/imagenet_classes.h"
#include "reshift/class_map.h"

static reshift_error error;
static char folder[] = "/tmp/reshift-class-map-XXXXXX";

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    char command[80];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* A folder of one image a class; "a|b|c". */
static reshift_dataset *set_of(const char *classes)
{
    static int number;
    char path[200], root[100], spec[120], *memory = strdup(classes), *rest = memory;
    reshift_image image = pattern_image(8, 8, 1);
    reshift_dataset *set;
    snprintf(root, sizeof root, "%s/set%d", folder, number++);
    assert_int_equal(mkdir(root, 0777), 0);
    for (const char *name; (name = strsep(&rest, "|"));) {
        snprintf(path, sizeof path, "%s/%s", root, name);
        assert_int_equal(mkdir(path, 0777), 0);
        snprintf(path, sizeof path, "%s/%s/1.png", root, name);
        check_ok(reshift_image_save_png(path, &image, false, &error));
    }
    snprintf(spec, sizeof spec, "folder:%s", root);
    check_ok(reshift_dataset_open(spec, NULL, &set, &error));
    free(image.pixels);
    free(memory);
    return set;
}

static reshift_model *network(int n, const char *const *names)
{
    reshift_model *model;
    check_ok(reshift_model_create("resnet-demo", n, 1, &model, &error));
    if (names) {
        check_ok(reshift_model_set_class_names(model, names, n, &error));
    }
    return model;
}

static void check_map(const reshift_model *model, const char *classes, const char *file, reshift_class_match match,
                      const int *expected)
{
    reshift_class_map map;
    reshift_dataset *set = set_of(classes);
    check_ok(reshift_class_map_create(model, set, file, &map, &error));
    assert_int_equal(map.match, match);
    for (int k = 0; k < map.n; k++) {
        assert_int_equal(map.outputs[k], expected[k]);
    }
    reshift_class_map_destroy(&map);
    reshift_dataset_close(&set);
}

static void check_refused(const reshift_model *model, const char *classes, const char *file, reshift_status status,
                          const char *message)
{
    reshift_class_map map;
    reshift_dataset *set = set_of(classes);
    check_error(reshift_class_map_create(model, set, file, &map, &error), status, message);
    assert_null(map.outputs);
    reshift_dataset_close(&set);
}

static void test_table(void **state)
{
    (void)state;
    for (int k = 0; k < IMAGENET_CLASSES; k++) {
        assert_int_equal(strlen(imagenet_classes[k].wnid), 9);
        assert_true(k == 0 || strcmp(imagenet_classes[k - 1].wnid, imagenet_classes[k].wnid) < 0);
    }
    assert_string_equal(imagenet_classes[281].name, "tabby");
    assert_string_equal(imagenet_classes[281].wnid, "n02123045");
    assert_string_equal(imagenet_classes[134].name, "crane bird");
    assert_string_equal(imagenet_classes[999].wnid, "n15075141");
}

static void test_imagenet(void **state)
{
    (void)state;
    reshift_model *model = network(1000, NULL);
    assert_string_equal(reshift_model_output_name(model, 0), "tench");
    assert_null(reshift_model_output_name(model, 1000));
    check_map(model, "n01440764|n02123045|n15075141", NULL, RESHIFT_CLASSES_BY_NAME, (const int[]){0, 281, 999});
    check_map(model, "Tabby|goldfish|tiger_shark", NULL, RESHIFT_CLASSES_BY_NAME, (const int[]){281, 1, 3});
    check_map(model, "Cardigan|cardigan", NULL, RESHIFT_CLASSES_BY_NAME, (const int[]){264, 474});
    check_map(model, "1|281|999", NULL, RESHIFT_CLASSES_BY_NUMBER, (const int[]){1, 281, 999});
    check_refused(model, "CARDIGAN|tench", NULL, RESHIFT_ERROR_SHAPE,
                  "is the name of more than one of the network's 1000");
    check_refused(model, "tench|unicorn", NULL, RESHIFT_ERROR_SHAPE,
                  "class 'unicorn' of the set is none of the network's 1000 classes (1 of the set's 2 are)");
    assert_non_null(strstr(error.hint, "--class-map FILE.csv"));
    check_refused(model, "cat|dog", NULL, RESHIFT_ERROR_SHAPE, "(0 of the set's 2 are)");
    reshift_model_destroy(&model);
}

static void test_names_of_the_network(void **state)
{
    (void)state;
    static const char *const names[4] = {"dog", "cat", "n01440764", "7"};
    reshift_model *model = network(4, names), *numbered, *bare = network(3, NULL);
    static const char *const digits[3] = {"0", "1", "10"};
    assert_string_equal(reshift_model_output_name(model, 1), "cat");
    assert_null(reshift_model_output_name(bare, 0));
    check_map(model, "cat|dog", NULL, RESHIFT_CLASSES_BY_NAME, (const int[]){1, 0});
    check_map(model, "7|Cat|dog|tench", NULL, RESHIFT_CLASSES_BY_NAME, (const int[]){3, 1, 0, 2});
    check_map(model, "0|2", NULL, RESHIFT_CLASSES_BY_NUMBER, (const int[]){0, 2});
    check_refused(model, "cat|mouse", NULL, RESHIFT_ERROR_SHAPE, "class 'mouse' of the set is none");
    check_refused(model, "a|b|c|d", NULL, RESHIFT_ERROR_SHAPE, "class 'a' of the set is none");
    check_refused(model, "a|b|c|d|e", NULL, RESHIFT_ERROR_SHAPE, "the network has 4 classes, the data has 5");
    /* without names the numbers of equally many classes are the same, and nothing else is known */
    check_map(bare, "ant|bee|cow", NULL, RESHIFT_CLASSES_BY_NUMBER, (const int[]){0, 1, 2});
    check_map(bare, "0|1|10", NULL, RESHIFT_CLASSES_BY_NUMBER, (const int[]){0, 1, 2});
    check_map(bare, "0|2", NULL, RESHIFT_CLASSES_BY_NUMBER, (const int[]){0, 2});
    check_refused(bare, "ant|bee", NULL, RESHIFT_ERROR_SHAPE,
                  "3 outputs without names, the set 2 classes ('ant', ...)");
    numbered = network(3, digits); /* a head trained on a folder of numbers: names, though they are numbers */
    check_map(numbered, "0|10", NULL, RESHIFT_CLASSES_BY_NAME, (const int[]){0, 2});
    check_map(numbered, "ant|bee|cow", NULL, RESHIFT_CLASSES_BY_NUMBER, (const int[]){0, 1, 2});
    reshift_model_destroy(&model);
    reshift_model_destroy(&numbered);
    reshift_model_destroy(&bare);
}

static void check_file(const reshift_model *model, const char *text, reshift_status status, const char *message)
{
    char path[100];
    snprintf(path, sizeof path, "%s/map.csv", folder);
    check_ok(file_write_all(path, text, strlen(text), true, &error));
    if (status == RESHIFT_OK) {
        check_map(model, "cat|dog|my, own", path, RESHIFT_CLASSES_BY_FILE, (const int[]){281, 207, 281});
    } else {
        check_refused(model, "cat|dog|my, own", path, status, message);
    }
}

static void test_file(void **state)
{
    (void)state;
    reshift_model *model = network(1000, NULL);
    check_file(model, "cat,281\ndog,golden retriever\nmy, own,n02123045\n", RESHIFT_OK, NULL);
    check_file(model,
               "\xef\xbb\xbf"
               "class,output\r\n\r\n\"my, own\",\"tabby\"\r\ndog, 207 \r\ncat,281",
               RESHIFT_OK, NULL);
    check_file(model, "cat,281\ndog,207\n", RESHIFT_ERROR_FORMAT, "map.csv': class 'my, own' of the set has no row");
    check_file(model, "cat,281\ndog,1000\n", RESHIFT_ERROR_FORMAT, "map.csv' line 2: output 1000: expected 0 to 999");
    check_file(model, "cat,unicorn\n", RESHIFT_ERROR_FORMAT, "line 1: 'unicorn' is none of the network's 1000 classes");
    check_file(model, "cat,1\ncat,2\n", RESHIFT_ERROR_FORMAT, "line 2: class 'cat' has a row already");
    check_file(model, "cat,1\n\ncow,2\n", RESHIFT_ERROR_FORMAT, "line 3: 'cow' is no class of the set");
    check_file(model, "cat 1\n", RESHIFT_ERROR_FORMAT, "line 1: expected 'class,output', found 'cat 1'");
    check_file(model, "cat,CARDIGAN\n", RESHIFT_ERROR_FORMAT, "line 1: 'CARDIGAN' is the name of more than one output");
    check_refused(model, "cat|dog", "/nonexistent.csv", RESHIFT_ERROR_NOT_FOUND, "/nonexistent.csv");
    reshift_model_destroy(&model);
}

static void test_restricted(void **state)
{
    (void)state;
    static const char *const names[4] = {"a", "b", "c", "d"};
    reshift_model *model = network(4, names);
    reshift_dataset *few = set_of("b|d"), *all = set_of("a|b|c|d");
    reshift_class_map map;
    float logits[8] = {9, 1, 8, 2, 3, 5, 7, 4};
    check_ok(reshift_class_map_create(model, few, NULL, &map, &error));
    assert_false(reshift_class_map_is_identity(&map));
    reshift_class_map_restrict(&map, logits, 2);
    for (int i = 0; i < 8; i++) {
        assert_true(i % 2 ? isfinite(logits[i]) : isinf(logits[i]) && logits[i] < 0);
    }
    reshift_class_map_destroy(&map);
    check_ok(reshift_class_map_create(model, all, NULL, &map, &error));
    assert_true(reshift_class_map_is_identity(&map));
    reshift_class_map_destroy(&map);
    reshift_dataset_close(&few);
    reshift_dataset_close(&all);
    reshift_model_destroy(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), cmocka_unit_test(test_imagenet),   cmocka_unit_test(test_names_of_the_network),
        cmocka_unit_test(test_file),  cmocka_unit_test(test_restricted),
    };
    return cmocka_run_group_tests_name("class_map", tests, begin, end);
}
