/* Cleaned copies of text in a ring of buffers, and JSON without characters that control a terminal. */
#include "cli/show.h"
#include "cli/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reshift/words.h"

#define COPIES 8

const char *shown(const char *text)
{
    static char *copies[COPIES];
    static unsigned next;
    char **copy = &copies[next++ % COPIES];
    free(*copy);
    *copy = text ? strdup(text) : NULL;
    if (text && !*copy) {
        session_out_of_memory();
    }
    return *copy ? reshift_text_clean(*copy) : "";
}

/* jansson escapes C0; all other characters replaced by reshift_text_clean() have at most 3 bytes. */
static void print_escaped(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
        char one[5] = "";
        memcpy(one, at, length); /* jansson's output is UTF-8 */
        unsigned code = length == 1   ? at[0]
                        : length == 2 ? (at[0] & 31u) << 6 | (at[1] & 63u)
                        : length == 3 ? (at[0] & 15u) << 12 | (at[1] & 63u) << 6 | (at[2] & 63u)
                                      : 0;
        if (code >= 127 && strcmp(reshift_text_clean(one), "?") == 0) {
            printf("\\u%04x", code);
        } else {
            fwrite(at, 1, length, stdout);
        }
        at += length;
    }
}

void print_number(int width, int digits, double value)
{
    char text[400];
    if (isnan(value)) {
        printf("%*s", width, "");
        return;
    }
    snprintf(text, sizeof text, "%.*f", digits, value);
    for (int less = digits - 1; (int)strlen(text) >= width && less >= 0; less--) {
        snprintf(text, sizeof text, "%.*f", less, value);
    }
    for (int less = 1; (int)strlen(text) >= width && less >= 0; less--) {
        snprintf(text, sizeof text, "%.*e", less, value);
    }
    printf("%*s", width, text);
}

json_t *json_text(const char *text)
{
    json_t *json = json_string(text);
    return json ? json : json_string(shown(text)); /* not UTF-8: each invalid byte becomes '?' */
}

void print_json(const json_t *json, size_t flags, const char *otherwise)
{
    char *text = json ? json_dumps(json, flags) : NULL;
    if (text) {
        reshift_json_shorten(text);
        print_escaped(text);
        printf("\n");
    } else {
        session_out_of_memory();
        printf("%s\n", otherwise);
    }
    free(text);
}
