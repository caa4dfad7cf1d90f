/* The distance of words against known pairs and its own rules. */
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

static void test_long_words_are_far(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_distances),
        cmocka_unit_test(test_long_words_are_far),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
