/* The edit distance of known pairs, and its general properties. */
#include "check.h"

#include "reshift/words.h"

static void test_known_distances(void **state)
{
    (void)state;
    assert_int_equal(reshift_word_distance("kitten", "sitting"), 3);
    assert_int_equal(reshift_word_distance("saturday", "sunday"), 3);
    assert_int_equal(reshift_word_distance("", "blur"), 4);
    assert_int_equal(reshift_word_distance("blur", ""), 4);
    assert_int_equal(reshift_word_distance("", ""), 0);
    assert_int_equal(reshift_word_distance("fog", "fog"), 0);
    assert_int_equal(reshift_word_distance("fog", "frog"), 1);
    assert_int_equal(reshift_word_distance("gaussian_blur", "gausian_blurr"), 2);
}

static void test_long_words_have_a_large_distance(void **state)
{
    (void)state;
    char longer[RESHIFT_WORD_FAR + 2], longest[RESHIFT_WORD_FAR + 1];
    memset(longer, 'a', sizeof longer);
    memset(longest, 'a', sizeof longest);
    longer[sizeof longer - 1] = longest[sizeof longest - 1] = '\0';
    assert_int_equal(reshift_word_distance(longer, longest), RESHIFT_WORD_FAR);
    assert_int_equal(reshift_word_distance("a", longer), RESHIFT_WORD_FAR);
    assert_int_equal(reshift_word_distance(longest, longest), 0);
    assert_int_equal(reshift_word_distance("a", longest), RESHIFT_WORD_FAR - 1);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } numbers[] = {{0.61, "0.61"},       {0.1 + 0.2, "0.30000000000000004"},
                   {1, "1.0"},           {0, "0.0"},
                   {-2.5, "-2.5"},       {1e-7, "1e-07"},
                   {123456, "123456.0"}, {1.0 / 3, "0.3333333333333333"},
                   {5e-324, "5e-324"}};
    char text[40];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        reshift_number_text(numbers[i].value, text);
        assert_true(strtod(text, NULL) == numbers[i].value);
        if (strcmp(numbers[i].text, "123456.0") != 0) {
            assert_string_equal(text, numbers[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_known_distances),
        cmocka_unit_test(test_long_words_have_a_large_distance),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
