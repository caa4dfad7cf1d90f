/* Text from files before it is shown: control characters and line breaks are replaced, all other text is kept. */
#include "check.h"

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"

static const char *const pairs[][2] = {
    {"", ""},
    {"plain text", "plain text"},
    {"\u00e9t\u00e9 \u20ac \U0001f600", "\u00e9t\u00e9 \u20ac \U0001f600"},
    {"\x1b[31mred\x1b[0m", "?[31mred?[0m"},
    {"\x1b]0;TITLE\x07x", "?]0;TITLE?x"},
    {"a\nb\tc\rd\x7f", "a?b?c?d?"},
    {"a\xc2\x9b"
     "31mb",
     "a?31mb"}, /* C1's CSI, as UTF-8 */
    {"a\x9b"
     "31mb",
     "a?31mb"}, /* and as the byte that 8-bit terminals take */
    {"left\u202eright\u2028\u2066", "left?right??"},
    {"caf\xe9.png", "caf?.png"},
    {"\xc3", "?"},
    {"\xed\xa0\x80\xf5", "????"},
    {"\xe0\x80\x80", "???"},
    {"\xc2\xa0\xe2\x82\xac", "\xc2\xa0\xe2\x82\xac"},
};

static void test_control_characters_are_replaced(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *text = strdup(pairs[i][0]);
        assert_ptr_equal(reshift_text_clean(text), text);
        assert_string_equal(text, pairs[i][1]);
        assert_true(text_is_utf8((const uint8_t *)text, strlen(text)));
        assert_string_equal(reshift_text_clean(text), pairs[i][1]);
        free(text);
    }
}

static void keep(void *context, reshift_log_level level, const char *text)
{
    (void)level;
    strcpy(context, text);
}

/* Messages, hints, prefixes and log lines accept any text and output clean text. */
static void test_messages_are_clean(void **state)
{
    (void)state;
    reshift_error error;
    char heard[1024];
    const reshift_progress progress = {.message = keep, .context = heard};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "p '%s': m '%s'", pairs[i][1], pairs[i][1]);
        error_set(&error, RESHIFT_ERROR_FORMAT, "m '%s'", pairs[i][0]);
        error_hint(&error, "h '%s'", pairs[i][0]);
        error_prefix(&error, RESHIFT_ERROR_FORMAT, "p '%s'", pairs[i][0]);
        assert_string_equal(error.message, expected);
        snprintf(expected, sizeof expected, "h '%s'", pairs[i][1]);
        assert_string_equal(error.hint, expected);
        snprintf(expected, sizeof expected, "l '%s'", pairs[i][1]);
        progress_message(&progress, RESHIFT_LOG_INFO, "l '%s'", pairs[i][0]);
        assert_string_equal(heard, expected);
        error_from_errno(&error, 2, "e '%s'", pairs[i][0]);
        snprintf(expected, sizeof expected, "e '%s': No such file or directory", pairs[i][1]);
        assert_string_equal(error.message, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_characters_are_replaced),
        cmocka_unit_test(test_messages_are_clean),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
