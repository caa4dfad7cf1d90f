/* JSON strings of arbitrary bytes, and additions that fail: an object never lacks a key silently. */
#include "check.h"

#include "base/json_build.h"

static void check_words(const char *text, const char *expected)
{
    json_t *json = json_words(text);
    assert_non_null(json);
    assert_string_equal(json_string_value(json), expected);
    json_decref(json);
}

static void test_strings_of_any_bytes(void **state)
{
    (void)state;
    check_words("", "");
    check_words("folder:photos", "folder:photos");
    check_words("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88");
    check_words("caf\xe9", "caf\\xe9");
    check_words("caf\xc3\xa9/caf\xe9/\xe2\x82", "caf\xc3\xa9/caf\\xe9/\\xe2\\x82"); /* valid UTF-8 is kept */
    check_words("\xff\xf0\x9f\x90\x88\xc0\xaf", "\\xff\xf0\x9f\x90\x88\\xc0\\xaf");
}

static void test_failed_addition_drops_the_object(void **state)
{
    (void)state;
    json_t *object = json_object(), *array = json_array();
    json_put(&object, "a", json_integer(1));
    json_add(&array, json_integer(1));
    assert_int_equal(json_object_size(object) + json_array_size(array), 2);
    json_put(&object, "b", json_string("\xe9")); /* NULL: not UTF-8 */
    json_add(&array, NULL);
    assert_null(object);
    assert_null(array);
    json_put(&object, "c", json_integer(1)); /* the value is released: the address sanitizer would report a leak */
    json_add(&array, json_integer(1));
    assert_null(object);
    assert_null(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_of_any_bytes),
        cmocka_unit_test(test_failed_addition_drops_the_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
