/*
 * One value of an experiment from its words. Strict on purpose: the whole text must be the value, numbers are decimal
 * and finite, and ranges come from the settings table. Nothing here knows YAML.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/config/settings.h"

/* Letters and digits of ASCII, whatever the locale. */
static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

static bool read_count(const char *text, double low, double high, int64_t *value)
{
    const char *digits = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    if (!*digits || digits[strspn(digits, "0123456789")] != '\0') {
        return false;
    }
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno != 0 || (double)number < low || (double)number > high) {
        return false;
    }
    *value = number;
    return true;
}

static bool read_number(const char *text, double low, double high, double *value)
{
    /* strtod() would also take hexadecimal, "inf" and "nan" */
    if (!*text || text[strspn(text, "0123456789+-.eE")] != '\0') {
        return false;
    }
    char *end;
    double number = strtod(text, &end);
    if (*end != '\0' || end == text || !isfinite(number) || number <= low || number > high) {
        return false;
    }
    *value = number;
    return true;
}

static bool read_bytes(const char *text, double low, double high, int64_t *value)
{
    if (strcmp(text, "auto") == 0) {
        *value = SETTINGS_BYTES_AUTO;
        return true;
    }
    char digits[32];
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, length);
    digits[length] = '\0';
    const char *unit = text + length;
    static const char units[] = "KMGT";
    int shift = 0;
    if (*unit) {
        const char *found = strchr(units, toupper((unsigned char)*unit));
        if (!found || (unit[1] && strcmp(unit + 1, "B") != 0 && strcmp(unit + 1, "iB") != 0)) {
            return false;
        }
        shift = 10 * (int)(found - units + 1);
    }
    int64_t number;
    if (!read_count(digits, 0, 1e15, &number)) {
        return false;
    }
    double bytes = ldexp((double)number, shift);
    if (bytes < low || bytes > high) {
        return false;
    }
    *value = (int64_t)bytes;
    return true;
}

static bool read_severities(const char *text, double low, double high, settings_severities *value)
{
    char first[4];
    const char *dash = strchr(text, '-');
    size_t length = dash ? (size_t)(dash - text) : strlen(text);
    if (length == 0 || length >= sizeof first) {
        return false;
    }
    memcpy(first, text, length);
    first[length] = '\0';
    return isdigit((unsigned char)first[0]) && read_count(first, low, high, &value->first) &&
           (!dash || isdigit((unsigned char)dash[1])) &&
           read_count(dash ? dash + 1 : first, (double)value->first, high, &value->last);
}

/* Names of layers, and nothing that would read as something else in the resolved file. */
static bool is_block_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof((settings_blocks *)NULL)->names[0] || name[0] == '-' || name[0] == '.') {
        return false;
    }
    for (const char *c = name; *c; c++) {
        if (!is_name_byte(*c)) {
            return false;
        }
    }
    return true;
}

bool setting_add_block(settings_blocks *blocks, const char *name)
{
    if (!is_block_name(name)) {
        return false;
    }
    for (int i = 0; i < blocks->n; i++) {
        if (strcmp(blocks->names[i], name) == 0) {
            return false; /* a block named twice is a mistake */
        }
    }
    if (blocks->n == SETTINGS_BLOCKS) {
        return false;
    }
    strcpy(blocks->names[blocks->n++], name);
    return true;
}

bool setting_add_rate(settings_rates *rates, const char *block, const char *text)
{
    double rate;
    const double low = strcmp(block, "auto") == 0 ? 0 : -1e-300; /* exclusive: 0 is a block's rate, not a largest one */
    if (!is_block_name(block) || !read_number(text, low, 10, &rate) || rate < 0) {
        return false;
    }
    int place = 0;
    while (place < rates->n && strcmp(rates->rates[place].block, block) != 0) {
        place++;
    }
    if (place == SETTINGS_BLOCKS) {
        return false;
    }
    if (place == rates->n) {
        rates->n++;
    }
    strcpy(rates->rates[place].block, block);
    rates->rates[place].learning_rate = rate;
    return true;
}

/* "layer4,fc" or "layer4=1e-4,fc=1e-3": the comma form of the command line. */
static bool read_list(const char *text, settings_blocks *blocks, settings_rates *rates)
{
    char *copy = strdup(text), *rest = copy, *item;
    bool good = copy != NULL && *text != '\0' && text[strlen(text) - 1] != ',';
    while (good && (item = strsep(&rest, ",")) != NULL) {
        char *equals = strchr(item, '=');
        if (blocks) {
            good = !equals && setting_add_block(blocks, item);
        } else {
            good = equals != NULL;
            if (good) {
                *equals = '\0';
                good = setting_add_rate(rates, item, equals + 1);
            }
        }
    }
    free(copy);
    return good;
}

/* What YAML would not keep as it is, in UTF-8: control characters, line breaks of their own, marks of byte order. */
static bool is_unprintable(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) ||
           (c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9)) ||
           (c[0] == 0xef && c[1] == 0xbb && c[2] == 0xbf) || (c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe);
}

static bool read_text(const char *text, bool name, char *value)
{
    size_t length = strlen(text);
    if (length == 0 || length >= SETTINGS_TEXT_BYTES) {
        return false;
    }
    for (const char *c = text; *c; c++) {
        if (is_unprintable(c) || (name && !is_name_byte(*c))) {
            return false;
        }
    }
    if (name && (text[0] == '.' || text[0] == '-')) {
        return false;
    }
    memset(value, 0, SETTINGS_TEXT_BYTES); /* equal experiments are equal byte for byte */
    memcpy(value, text, length);
    return true;
}

bool setting_read(reshift_experiment *experiment, const setting *row, const char *text)
{
    void *place = setting_place(experiment, row);
    switch (row->kind) {
    case SETTING_TEXT: return read_text(text, false, place);
    case SETTING_NAME: return read_text(text, true, place);
    case SETTING_COUNT: return read_count(text, row->low, row->high, place);
    case SETTING_NUMBER: return read_number(text, row->low, row->high, place);
    case SETTING_AUTO:
        if (strcmp(text, "auto") == 0) {
            *(double *)place = SETTINGS_NUMBER_AUTO;
            return true;
        }
        return read_number(text, -1e-300, row->high, place) && *(double *)place >= row->low;
    case SETTING_SHARE: /* 0 is one, 1 is not */
        return read_number(text, -1e-300, row->high, place) && *(double *)place >= row->low &&
               *(double *)place < row->high;
    case SETTING_FLAG: *(bool *)place = strcmp(text, "true") == 0; return *(bool *)place || strcmp(text, "false") == 0;
    case SETTING_CHOICE:
        for (int i = 0; row->choices[i]; i++) {
            if (strcmp(row->choices[i], text) == 0) {
                *(int *)place = i;
                return true;
            }
        }
        return false;
    case SETTING_BYTES: return read_bytes(text, row->low, row->high, place);
    case SETTING_SEVERITIES: return read_severities(text, row->low, row->high, place);
    case SETTING_BLOCKS: {
        settings_blocks blocks = {.n = 0};
        if (!read_list(text, &blocks, NULL)) {
            return false;
        }
        *(settings_blocks *)place = blocks;
        return true;
    }
    case SETTING_RATES: {
        settings_rates rates = {.n = 0};
        char most[32];
        snprintf(most, sizeof most, "%g", RESHIFT_AUTO_RATE);
        if (!(strcmp(text, "auto") == 0   ? setting_add_rate(&rates, "auto", most)
              : strchr(text, '=') != NULL ? read_list(text, NULL, &rates)
                                          : setting_add_rate(&rates, "all", text))) {
            return false;
        }
        *(settings_rates *)place = rates;
        return true;
    }
    }
    return false;
}
