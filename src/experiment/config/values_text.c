/* A value of an experiment as text: what it may be, for people, and what it is, as an experiment file writes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/config/settings.h"

void setting_expectation(const setting *row, char *text, size_t size)
{
    switch (row->kind) {
    case SETTING_TEXT: snprintf(text, size, "printable text, at most %d bytes", SETTINGS_TEXT_BYTES - 1); return;
    case SETTING_NAME: snprintf(text, size, "a name of letters, digits, '.', '_' and '-'"); return;
    case SETTING_COUNT:
        if (row->high >= SETTINGS_COUNT_MOST) {
            snprintf(text, size, "a whole number, at least %.0f", row->low);
        } else {
            snprintf(text, size, "a whole number from %.0f to %.0f", row->low, row->high);
        }
        return;
    case SETTING_NUMBER: snprintf(text, size, "a number above %g, at most %g", row->low, row->high); return;
    case SETTING_AUTO: snprintf(text, size, "a number from %g to %g, or auto", row->low, row->high); return;
    case SETTING_SHARE: snprintf(text, size, "a number from %g to below %g", row->low, row->high); return;
    case SETTING_FLAG: snprintf(text, size, "true or false"); return;
    case SETTING_CHOICE: {
        size_t length = 0;
        text[0] = '\0';
        for (int i = 0; row->choices[i] && length < size; i++) {
            const char *comma = i == 0 ? "" : row->choices[i + 1] ? ", " : " or ";
            length += (size_t)snprintf(text + length, size - length, "%s%s", comma, row->choices[i]);
        }
        return;
    }
    case SETTING_BYTES: snprintf(text, size, "a size such as 4G, 512M or 0, or auto"); return;
    case SETTING_SEVERITIES: snprintf(text, size, "a severity from 1 to 5, or a range such as 1-5"); return;
    case SETTING_BLOCKS:
        snprintf(text, size, "a list of %s",
                 strcmp(row->path, "finetune.train") == 0 ? "blocks such as [layer4, fc]" : "names, or none");
        return;
    case SETTING_RATES:
        snprintf(text, size,
                 "a learning rate from 0 to %g, or one a block such as {layer4: 0.0001, fc: 0.001}, or auto",
                 row->high);
        return;
    }
}

/* The shortest decimal that reads back to the same value. */
static void number_text(double value, char *text, size_t size)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    if (strchr(text, 'e')) { /* 0.0001 reads better than 1e-04, and YAML wants a dot to see a number */
        char plain[64];
        snprintf(plain, sizeof plain, "%.12f", value);
        size_t length = strlen(plain);
        while (length > 0 && plain[length - 1] == '0') {
            plain[--length] = '\0';
        }
        if (strtod(plain, NULL) == value) {
            snprintf(text, size, "%s", plain);
        }
    }
}

static void bytes_text(int64_t bytes, char *text, size_t size)
{
    static const char units[] = {'K', 'M', 'G', 'T'};
    int unit = -1;
    if (bytes == SETTINGS_BYTES_AUTO) {
        snprintf(text, size, "auto");
        return;
    }
    while (unit < 3 && bytes > 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, size, unit < 0 ? "%lld" : "%lld%c", (long long)bytes, unit < 0 ? ' ' : units[unit]);
}

/* Text that YAML would read as something else, or not at all, is put into single quotes. */
static void quoted_text(const char *value, char *text, size_t size)
{
    bool plain = strchr("-?:,[]{}#&*!|>'\"%@` ", value[0]) == NULL && strstr(value, ": ") == NULL &&
                 strstr(value, " #") == NULL && value[strlen(value) - 1] != ':' && value[strlen(value) - 1] != ' ';
    if (plain) {
        snprintf(text, size, "%s", value);
        return;
    }
    size_t length = 0;
    text[length++] = '\'';
    for (const char *c = value; *c && length + 4 < size; c++) {
        text[length++] = *c;
        if (*c == '\'') {
            text[length++] = '\'';
        }
    }
    text[length++] = '\'';
    text[length] = '\0';
}

char *setting_value_text(const reshift_experiment *experiment, const setting *row)
{
    const void *place = (const char *)experiment + row->offset;
    char text[2 * SETTINGS_TEXT_BYTES + 64], one[64];
    size_t length = 0;
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_NAME: quoted_text(place, text, sizeof text); break;
    case SETTING_COUNT: snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)place); break;
    case SETTING_SHARE:
    case SETTING_NUMBER: number_text(*(const double *)place, text, sizeof text); break;
    case SETTING_AUTO:
        if (*(const double *)place == SETTINGS_NUMBER_AUTO) {
            snprintf(text, sizeof text, "auto");
        } else {
            number_text(*(const double *)place, text, sizeof text);
        }
        break;
    case SETTING_FLAG: snprintf(text, sizeof text, "%s", *(const bool *)place ? "true" : "false"); break;
    case SETTING_CHOICE: snprintf(text, sizeof text, "%s", row->choices[*(const int *)place]); break;
    case SETTING_BYTES: bytes_text(*(const int64_t *)place, text, sizeof text); break;
    case SETTING_SEVERITIES: {
        const settings_severities *range = place;
        snprintf(text, sizeof text, range->first == range->last ? "%lld" : "%lld-%lld", (long long)range->first,
                 (long long)range->last);
        break;
    }
    case SETTING_BLOCKS: {
        const settings_blocks *blocks = place;
        text[length++] = '[';
        for (int i = 0; i < blocks->n; i++) {
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", i ? ", " : "", blocks->names[i]);
        }
        snprintf(text + length, sizeof text - length, "]");
        break;
    }
    case SETTING_RATES: {
        const settings_rates *rates = place;
        if (settings_auto_rate(rates) == RESHIFT_AUTO_RATE) {
            snprintf(text, sizeof text, "auto");
            break;
        }
        if (rates->n == 1 && strcmp(rates->rates[0].block, "all") == 0) {
            number_text(rates->rates[0].learning_rate, text, sizeof text);
            break;
        }
        text[length++] = '{';
        for (int i = 0; i < rates->n; i++) {
            number_text(rates->rates[i].learning_rate, one, sizeof one);
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s: %s", i ? ", " : "",
                                       rates->rates[i].block, one);
        }
        snprintf(text + length, sizeof text - length, "}");
        break;
    }
    }
    return strdup(text);
}

char *setting_default_text(const setting *row)
{
    reshift_experiment usual;
    char text[SETTINGS_TEXT_BYTES];
    memset(&usual, 0, sizeof usual);
    snprintf(text, sizeof text, "%s=%s", row->path, row->fallback);
    return settings_apply_override(&usual, text, NULL) == RESHIFT_OK ? setting_value_text(&usual, row) : NULL;
}
