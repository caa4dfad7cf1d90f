/* The text buffer and its escapers, and the round numbers of axes. */
#include "check.h"

#include <math.h>

#include "reporting/axis.h"
#include "reporting/text.h"

static void check_text(text_buffer *text, const char *expected)
{
    assert_false(text->failed);
    assert_string_equal(text->bytes, expected);
    assert_int_equal(text->length, strlen(expected));
    text_destroy(text);
}

static void test_growth(void **state)
{
    (void)state;
    text_buffer text = {0};
    for (int i = 0; i < 10000; i++) {
        text_printf(&text, "%04d", i);
    }
    assert_int_equal(text.length, 40000);
    assert_memory_equal(text.bytes + 4 * 8765, "8765", 4);
    assert_int_equal(text.bytes[text.length], '\0');
    text_destroy(&text);
}

static void test_markup(void **state)
{
    (void)state;
    text_buffer text = {0};
    text_add_markup(&text, "<b>\"Tom\" & 'J\xc3\xa9r\xc3\xb4me'</b>\n\x01");
    check_text(&text, "&lt;b&gt;&quot;Tom&quot; &amp; &#39;J\xc3\xa9r\xc3\xb4me&#39;&lt;/b&gt;  ");
    /*
     * invalid UTF-8: a lone continuation byte, an overlong form, a surrogate, beyond the last code point, and truncated
     * at the end
     */
    text_add_markup(&text, "a\x80|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82");
    check_text(&text,
               "a\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd"
               "\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd");
    text_add_markup(&text, "\xf0\x9f\x90\xb6");
    check_text(&text, "\xf0\x9f\x90\xb6");
}

static void test_quoted(void **state)
{
    (void)state;
    text_buffer text = {0};
    text_add_quoted(&text, "it's `ls` \"$x\" \\n\nend");
    check_text(&text, "\"it's \\140ls\\140 \\042$x\\042 \\134n end\"");
    text_add_quoted(&text, "`ls` \"$x\" \\n\nend");
    check_text(&text, "'`ls` \"$x\" \\n end'");
}

/* RFC 4648, section 10. */
static void test_base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        text_buffer text = {0};
        text_add_base64(&text, pairs[i][0], strlen(pairs[i][0]));
        check_text(&text, pairs[i][1]);
    }
    text_buffer text = {0};
    text_add_base64(&text, "\xff\xfe\xfd\0", 4);
    check_text(&text, "//79AA==");
}

static void test_failure_is_remembered(void **state)
{
    (void)state;
    reshift_error error;
    text_buffer text = {.failed = true};
    text_add(&text, "a");
    text_printf(&text, "%d", 1);
    assert_int_equal(text.length, 0);
    check_error(text_status(&text, "a page", &error), RESHIFT_ERROR_MEMORY, "a page");
    check_error(text_write(&text, "/nonexistent/x", true, &error), RESHIFT_ERROR_MEMORY, "/nonexistent/x");
}

static void test_axes(void **state)
{
    (void)state;
    static const struct {
        double low, high, step, rounded_low, rounded_high;
        int decimals;
    } cases[] = {{0, 100, 20, 0, 100, 0},           {0.3, 0.83, 0.1, 0.3, 0.9, 1}, {-13.2, 11.1, 5, -15, 15, 0},
                 {88.1, 89.2, 0.2, 88, 89.2, 1},    {5, 5, 0.2, 4.4, 5.6, 1},      {0, 0, 0.5, -1, 1, 1},
                 {1e-5, 3e-5, 5e-6, 1e-5, 3e-5, 6}, {NAN, NAN, 0.2, 0, 1, 1},      {INFINITY, -INFINITY, 0.2, 0, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        axis a = axis_of(cases[i].low, cases[i].high, 0, 5), rounded = axis_rounded(a);
        assert_true(fabs(a.step - cases[i].step) < 1e-9 * cases[i].step);
        assert_int_equal(a.decimals, cases[i].decimals);
        assert_true(fabs(rounded.low - cases[i].rounded_low) < 1e-9);
        assert_true(fabs(rounded.high - cases[i].rounded_high) < 1e-9);
        assert_true(a.low < a.high);
    }
    /* long numbers overlap: an exponent, and as many digits as needed to distinguish the ticks */
    static const struct {
        double low, high;
        const char *format, *words;
    } formats[] = {{0, 100, "%.0f", "20"},         {0.3, 0.83, "%.1f", "0.1"},     {0, 900000, "%.0f", "200000"},
                   {0, 8e15, "%.1g", "2e+15"},     {-1e13, 5e13, "%.1g", "1e+13"}, {0, 3e-8, "%.2g", "5e-09"},
                   {5e7, 5.0004e7, "%.5g", "1000"}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        axis a = axis_of(formats[i].low, formats[i].high, 0, 5);
        char words[40];
        text_format(words, sizeof words, a.format, a.step);
        assert_string_equal(a.format, formats[i].format);
        assert_string_equal(words, formats[i].words);
    }
    axis margin = axis_of(0, 100, 0.05, 5);
    assert_true(fabs(margin.low + 5) < 1e-9 && fabs(margin.high - 105) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_markup),
        cmocka_unit_test(test_quoted),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_failure_is_remembered),
        cmocka_unit_test(test_axes),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
