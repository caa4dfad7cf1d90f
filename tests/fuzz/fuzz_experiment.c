/*
 * The experiment file and --set: leading lines that begin with '=' are overrides (applied after the file, as the
 * program does), the rest is the file. Settings that were read have every value in its range, and the resolved
 * experiment, which goes into the manifest, reads back to the same settings byte for byte.
 */
#include "fuzz.h"

#include "experiment/config/settings.h"

/* At least as many lines as YAML 1.1 sees, whose breaks are also U+0085, U+2028 and U+2029. */
static int64_t lines_most(const char *text, size_t size)
{
    int64_t n = 1;
    bool is_utf16 = size > 1 && ((uint8_t)text[0] == 0xff || (uint8_t)text[0] == 0xfe);
    for (size_t i = 0; i < size; i++) {
        n += is_utf16 || strchr("\n\r\x85\xa8\xa9", text[i]) != NULL;
    }
    return n;
}

static void must_be_in_range(reshift_experiment *e, const setting *row)
{
    const void *place = setting_place(e, row);
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_NAME: {
        const char *text = place;
        must(text[0] && memchr(text, '\0', SETTINGS_TEXT_BYTES) != NULL);
        must(row->kind == SETTING_TEXT || (!strchr(text, '/') && text[0] != '.'));
        return;
    }
    case SETTING_COUNT:
    case SETTING_BYTES: {
        const double value = (double)*(const int64_t *)place;
        must((row->kind == SETTING_BYTES && value == (double)SETTINGS_BYTES_AUTO) ||
             (value >= row->low && value <= row->high));
        return;
    }
    case SETTING_NUMBER:
    case SETTING_AUTO:
    case SETTING_SHARE: {
        const double value = *(const double *)place;
        must((row->kind == SETTING_AUTO && value == (double)SETTINGS_NUMBER_AUTO) ||
             (row->kind == SETTING_NUMBER ? value > row->low : value >= row->low));
        must(row->kind == SETTING_SHARE ? value < row->high : value <= row->high);
        return;
    }
    case SETTING_FLAG: must(*(const uint8_t *)place <= 1); return;
    case SETTING_CHOICE: must(*(const int *)place >= 0 && row->choices[*(const int *)place] != NULL); return;
    case SETTING_SEVERITIES: {
        const settings_severities *range = place;
        must(range->first >= 1 && range->first <= range->last && range->last <= 5);
        return;
    }
    case SETTING_BLOCKS: {
        const settings_blocks *blocks = place;
        must(blocks->n > 0 && blocks->n <= SETTINGS_BLOCKS);
        for (int i = 0; i < blocks->n; i++) {
            must(blocks->names[i][0] && memchr(blocks->names[i], '\0', sizeof blocks->names[i]) != NULL);
        }
        return;
    }
    case SETTING_RATES: {
        const settings_rates *rates = place;
        must(rates->n > 0 && rates->n <= SETTINGS_BLOCKS);
        for (int i = 0; i < rates->n; i++) {
            must(rates->rates[i].block[0] && memchr(rates->rates[i].block, '\0', sizeof rates->rates[i].block) != NULL);
            must(rates->rates[i].learning_rate > row->low && rates->rates[i].learning_rate <= row->high);
        }
        return;
    }
    }
}

static void must_read_back(const reshift_experiment *e)
{
    reshift_error error;
    reshift_experiment again;
    char *yaml = reshift_experiment_yaml(e);
    must(yaml != NULL);
    settings_default(&again, NULL);
    must(settings_apply_yaml(&again, yaml, strlen(yaml), "resolved", &error) == RESHIFT_OK);
    must(memcmp(&again, e, sizeof again) == 0);
    free(yaml);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    reshift_experiment e;
    const char *text = (const char *)bytes, *overrides = text;
    size_t left = size;
    while (left > 0 && *text == '=') {
        const char *end = memchr(text, '\n', left);
        size_t length = end ? (size_t)(end - text) + 1 : left;
        text += length;
        left -= length;
    }
    settings_default(&e, NULL);
    reshift_status status = settings_apply_yaml(&e, text, left, "x", &error);
    must_explain(status, &error);
    if (status != RESHIFT_OK) {
        must(error.line >= 1 && error.line <= lines_most(text, left) + 1);
    }
    while (overrides < text) { /* also after a file that was refused: what it left must not trip them */
        const char *end = memchr(overrides, '\n', (size_t)(text - overrides));
        end = end ? end : text;
        char *one = strndup(overrides + 1, (size_t)(end - overrides) - 1);
        must(one != NULL);
        reshift_status next = settings_apply_override(&e, one, &error);
        must_explain(next, &error);
        status = status == RESHIFT_OK ? next : status;
        free(one);
        overrides = end < text ? end + 1 : end;
    }
    if (status == RESHIFT_OK) {
        must_explain(settings_check(&e, &error), &error);
        for (const setting *row = settings_table(); row->path; row++) {
            must_be_in_range(&e, row);
        }
        must_read_back(&e);
    }
    return 0;
}
