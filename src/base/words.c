/* Words for messages: Levenshtein distance (one row of its table), nouns for counts, shortest decimals. */
#include "base/text.h"
#include "reshift/words.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

int reshift_word_distance(const char *a, const char *b)
{
    int row[RESHIFT_WORD_FAR + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > RESHIFT_WORD_FAR || m > RESHIFT_WORD_FAR) {
        return RESHIFT_WORD_FAR;
    }
    for (size_t j = 0; j <= m; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= n; i++) {
        int corner = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int change = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            int best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = best < change ? best : change;
        }
    }
    return row[m];
}

const char *reshift_noun_for(int64_t count, const char *one, const char *more) { return count == 1 ? one : more; }

const char *text_shortest(double value, char text[40])
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, 40, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    char *comma = strchr(text, ','); /* a program that uses the library may have set a locale */
    if (comma) {
        *comma = '.';
    }
    return text;
}

const char *reshift_number_text(double value, char text[40])
{
    text_shortest(value, text);
    if (!strpbrk(text, ".en")) {
        strcat(text, ".0"); /* a real stays one */
    }
    return text;
}

char *reshift_json_shorten(char *json)
{
    char *to = json;
    for (char *at = json; *at;) {
        if (*at == '"') {
            do {
                if (*at == '\\') {
                    *to++ = *at++;
                }
                *to++ = *at++;
            } while (*at && *at != '"');
            if (*at) {
                *to++ = *at++;
            }
        } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            const size_t length = strspn(at, "+-0123456789.eE");
            char word[40];
            if (memchr(at, '.', length) || memchr(at, 'e', length)) {
                reshift_number_text(strtod(at, NULL), word);
            } else {
                snprintf(word, sizeof word, "%.*s", (int)length, at); /* a whole number */
            }
            const size_t shorter = strlen(word) <= length ? strlen(word) : length;
            memmove(to, strlen(word) <= length ? word : at, shorter);
            to += shorter;
            at += length;
        } else {
            *to++ = *at++;
        }
    }
    *to = '\0';
    return json;
}
