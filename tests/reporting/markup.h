/*
 * A small markup checker: tags are closed in order, attributes are quoted, there is no stray '<' or '&', and no
 * external address.
 */
#ifndef TESTS_REPORTING_MARKUP_H
#define TESTS_REPORTING_MARKUP_H

#include "check.h"

#include <ctype.h>
#include <stdbool.h>

static inline bool markup_is_void(const char *name, size_t length)
{
    static const char *const names[] = {"meta", "br", "img", "hr", "link", "col", "input", "!doctype", "!DOCTYPE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0) {
            return true;
        }
    }
    return false;
}

static inline void markup_check(const char *text)
{
    struct {
        const char *name;
        size_t length;
    } open[64];
    int depth = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '&') {
            const char *end = c + 1;
            while (isalnum((unsigned char)*end) || *end == '#') {
                end++;
            }
            if (end == c + 1 || *end != ';') {
                fail_msg("a bare '&' before '%.40s'", c);
            }
        }
        if (*c != '<') {
            continue;
        }
        if (strncmp(c, "<!--", 4) == 0) {
            c = strstr(c, "-->");
            assert_non_null(c);
            c += 2;
            continue;
        }
        if (c[1] == '?') {
            c = strchr(c, '>');
            assert_non_null(c);
            continue;
        }
        bool closing = c[1] == '/';
        const char *name = c + 1 + closing, *end = name;
        while (isalnum((unsigned char)*end) || *end == '!' || *end == '-' || *end == ':') {
            end++;
        }
        size_t length = (size_t)(end - name);
        if (length == 0) {
            fail_msg("a bare '<' before '%.40s'", c);
        }
        char quote = '\0';
        for (; *end && (quote || *end != '>'); end++) {
            if (!quote && (*end == '"' || *end == '\'')) {
                const char *before = end - 1; /* XML allows blanks on both sides of the sign */
                before -= *before == ' ';
                assert_int_equal(*before, '=');
                quote = *end;
            } else if (quote && *end == quote) {
                quote = '\0';
            } else if (*end == '<') {
                fail_msg("'<' within a tag before '%.40s'", end);
            }
        }
        assert_int_equal(*end, '>');
        if (closing) {
            if (depth == 0 || open[depth - 1].length != length || strncmp(open[depth - 1].name, name, length) != 0) {
                fail_msg("'</%.*s>' closes '<%.*s>'", (int)length, name, depth ? (int)open[depth - 1].length : 0,
                         depth ? open[depth - 1].name : "");
            }
            depth--;
        } else if (end[-1] != '/' && !markup_is_void(name, length)) {
            assert_true(depth < 64);
            open[depth].name = name;
            open[depth++].length = length;
            if (length == 5 && strncmp(name, "style", 5) == 0) {
                c = strstr(end, "</style>") - 1;
                continue;
            }
        }
        c = end;
    }
    if (depth > 0) {
        fail_msg("'<%.*s>' is never closed", (int)open[depth - 1].length, open[depth - 1].name);
    }
}

#endif
