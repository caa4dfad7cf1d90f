/* The table of corruptions: its rows, lookup by name, and the refusals common to all corruptions. */
#include "check.h"

#include "reshift/corruption.h"

#include "corruptions/find.h"
#include "imaging/pattern.h"

static void test_rows(void **state)
{
    (void)state;
    int count, random = 0, validation = 0;
    const reshift_corruption *table = reshift_corruption_table(&count);
    assert_int_equal(count, 19);
    for (int i = 0; i < count; i++) {
        random += table[i].random;
        validation += table[i].validation;
        assert_ptr_equal(find(table[i].name), &table[i]);
    }
    assert_int_equal(random, 11);
    assert_int_equal(validation, 4);
    assert_string_equal(table[0].name, "gaussian_noise");
    assert_string_equal(table[14].name, "jpeg_compression");
    assert_false(find("gaussian_blur")->random);
}

static void test_names(void **state)
{
    (void)state;
    assert_ptr_equal(find("frosted_glass_blur"), find("glass_blur"));
    assert_ptr_equal(find("elastic"), find("elastic_transform"));
    assert_ptr_equal(find("jpeg"), find("jpeg_compression"));
    static const struct {
        const char *typed, *hint;
    } misspelt[] = {
        {"gausian_blur", "did you mean 'gaussian_blur'?"},
        {"gaussian-noise", "did you mean 'gaussian_noise'?"},
        {"Fog", "did you mean 'fog'?"},
        {"jpg", "did you mean 'jpeg_compression'?"},
        {"elastik", "did you mean 'elastic_transform'?"},
        {"snoww", "did you mean 'snow'?"},
        {"", "the corruptions are gaussian_noise, "},
        {"vignetting", "spatter, saturate"},
    };
    for (size_t i = 0; i < sizeof misspelt / sizeof misspelt[0]; i++) {
        const reshift_corruption *corruption = NULL;
        reshift_error error;
        check_error(reshift_corruption_find(misspelt[i].typed, &corruption, &error), RESHIFT_ERROR_ARGUMENT,
                    "there is no corruption '");
        assert_null(corruption);
        if (!strstr(error.hint, misspelt[i].hint)) {
            fail_msg("'%s': expected the hint '%s', found '%s'", misspelt[i].typed, misspelt[i].hint, error.hint);
        }
    }
    char endless[4000];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    const reshift_corruption *corruption = NULL;
    reshift_error error;
    check_error(reshift_corruption_find(endless, &corruption, &error), RESHIFT_ERROR_ARGUMENT,
                "there is no corruption");
}

static void test_constants(void **state)
{
    (void)state;
    assert_int_equal(reshift_corruption_constants(RESHIFT_CONSTANTS_AUTO, 32, 32), RESHIFT_CONSTANTS_CIFAR);
    assert_int_equal(reshift_corruption_constants(RESHIFT_CONSTANTS_AUTO, 128, 500), RESHIFT_CONSTANTS_CIFAR);
    assert_int_equal(reshift_corruption_constants(RESHIFT_CONSTANTS_AUTO, 500, 129), RESHIFT_CONSTANTS_IMAGENET);
    assert_int_equal(reshift_corruption_constants(RESHIFT_CONSTANTS_CIFAR, 224, 224), RESHIFT_CONSTANTS_CIFAR);
    assert_int_equal(reshift_corruption_constants(RESHIFT_CONSTANTS_IMAGENET, 8, 8), RESHIFT_CONSTANTS_IMAGENET);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = pattern_image(32, 32, 1), empty = {0}, output = {0};
    const reshift_corruption *blur = find("gaussian_blur");
    const reshift_constants none = RESHIFT_CONSTANTS_AUTO;
    check_error(reshift_corruption_apply(blur, 0, none, 0, 0, NULL, &image, &output, &error), RESHIFT_ERROR_ARGUMENT,
                "severity is 1 to 5, found 0");
    check_error(reshift_corruption_apply(blur, 6, none, 0, 0, NULL, &image, &output, &error), RESHIFT_ERROR_ARGUMENT,
                "found 6");
    check_error(reshift_corruption_apply(blur, 1, none, 0, 0, NULL, &empty, &output, &error), RESHIFT_ERROR_ARGUMENT,
                "is empty");
    check_error(reshift_corruption_apply(blur, 1, none, 0, 0, NULL, &image, &image, &error), RESHIFT_ERROR_ARGUMENT,
                "another image");
    check_error(reshift_corruption_apply(blur, 1, (reshift_constants)7, 0, 0, NULL, &image, &output, &error),
                RESHIFT_ERROR_ARGUMENT, "constants number 7");
    reshift_corruption stranger = *blur;
    check_error(reshift_corruption_apply(&stranger, 1, none, 0, 0, NULL, &image, &output, &error),
                RESHIFT_ERROR_ARGUMENT, "no row of the table");
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    for (int i = 0; i < count; i++) {
        check_ok(reshift_corruption_apply(&table[i], 1, none, 0, 0, NULL, &image, &output, &error));
    }
    free(image.pixels);
    reshift_image_destroy(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
