/* The list of sentences, words that all of them share, and the lead of the page. The sentences themselves are in
 * observations_training.c, observations_accuracy.c and observations_panels.c. */
#include "reporting/observations.h"

#include <math.h>
#include <string.h>

void observations_destroy(observations *list)
{
    for (int i = 0; i < list->n; i++) {
        text_destroy(&list->items[i].words);
    }
    memset(list, 0, sizeof *list);
}

text_buffer *observations_add(observations *list, observation_tone tone)
{
    observation *item = &list->items[list->n < OBSERVATIONS_MAX ? list->n++ : OBSERVATIONS_MAX - 1];
    item->tone = tone;
    return &item->words;
}

void text_add_count(text_buffer *text, int64_t count)
{
    if (count >= 1000) {
        text_add_count(text, count / 1000);
        text_printf(text, ",%03d", (int)(count % 1000));
    } else {
        text_printf(text, "%d", (int)count);
    }
}

void text_add_spread(text_buffer *text, double distance)
{
    text_printf(text, fabs(distance) < 99.95 ? "%#.3g" : "%.0f", distance);
}

void text_add_class(text_buffer *text, const report_content *content, int label)
{
    if (label >= 0 && label < content->n_classes && content->class_names && content->class_names[label]) {
        text_add(text, content->class_names[label]);
    } else {
        text_printf(text, "class %d", label);
    }
}

void data_words(const report_content *content, report_data data, text_buffer *text)
{
    const char *name = data == REPORT_CLEAN ? content->source : content->shift;
    text_add(text, name ? name : data == REPORT_CLEAN ? "clean images" : "shifted images");
    if (data == REPORT_SHIFT && content->corruption) {
        text_printf(text, " %s", content->corruption);
    }
}

report_subset headline_subset(const report_content *content)
{
    return content->split && content->split->kind == RESHIFT_SPLIT_BY_ROW ? REPORT_ALL : REPORT_UNSEEN;
}

/* ---- the lead ---- */

static bool measured(const reshift_accuracy *accuracy) { return accuracy && accuracy->n > 0; }

static const char *setting(const report_content *content, const char *key)
{
    for (int i = 0; i < content->n_settings; i++) {
        if (content->settings[i].key && strcmp(content->settings[i].key, key) == 0) {
            return content->settings[i].value;
        }
    }
    return NULL;
}

/* "[layer4, fc]" as " layer4 and fc" */
static void add_blocks(text_buffer *text, const char *blocks)
{
    const char *last = blocks ? strrchr(blocks, ',') : NULL;
    text_add(text, blocks ? " " : "");
    for (const char *c = blocks; c && *c; c++) {
        if (c == last) {
            text_add(text, " and");
        } else if (*c != '[' && *c != ']') {
            text_add_bytes(text, c, 1);
        }
    }
}

/* By row: the lead must not be quoted without this. */
static void add_leak(const report_content *content, text_buffer *text)
{
    const reshift_split *split = content->split;
    if (!split || split->kind != RESHIFT_SPLIT_BY_ROW || split->n_test_images_seen < 1 || split->n_test_images < 1) {
        return;
    }
    text_printf(
        text,
        " But %.1f %% of the test images have a version among the training rows, so the figures after fine-tuning "
        "are not to be trusted",
        100.0 * (double)split->n_test_images_seen / (double)split->n_test_images);
    const reshift_accuracy *unseen = report_find(content, REPORT_FINETUNED, REPORT_SHIFT, 0, REPORT_UNSEEN);
    if (measured(unseen)) {
        text_add(text, ": on the ");
        text_add_count(text, unseen->n);
        text_printf(text, " shifted rows of unseen images it is %.1f %%", 100 * unseen->accuracy);
    }
    text_add(text, ".");
}

void observe_lead(const report_content *content, text_buffer *text)
{
    const reshift_accuracy *clean = report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL);
    const reshift_accuracy *shift = report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL);
    report_subset subset = headline_subset(content);
    const reshift_accuracy *shift_before = report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, 0, subset);
    const reshift_accuracy *shift_after = report_find(content, REPORT_FINETUNED, REPORT_SHIFT, 0, subset);
    const reshift_accuracy *clean_before = report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, subset);
    const reshift_accuracy *clean_after = report_find(content, REPORT_FINETUNED, REPORT_CLEAN, 0, subset);
    if (measured(clean)) {
        text_printf(text, "A frozen %s with a linear probe on its features is right on %.1f %% of ",
                    content->arch ? content->arch : "network", 100 * clean->accuracy);
        data_words(content, REPORT_CLEAN, text);
        text_add(text, ". ");
    }
    if (measured(shift)) {
        text_add(text, "On ");
        data_words(content, REPORT_SHIFT, text);
        text_printf(text, " it is right on %.1f %%. ", 100 * shift->accuracy);
    }
    if (measured(shift_before) && measured(shift_after)) {
        const char *blocks = setting(content, "finetune.train");
        text_add(text, "Fine-tuning");
        add_blocks(text, blocks);
        if (content->finetune.n_train > 0) {
            text_add(text, " on ");
            text_add_count(text, content->finetune.n_train);
            text_add(text, " shifted rows");
        }
        text_printf(text, " takes accuracy from %.1f %% to %.1f %% on %s", 100 * shift_before->accuracy,
                    100 * shift_after->accuracy,
                    subset == REPORT_UNSEEN ? "shifted images it never saw" : "all shifted rows, seen ones included");
        if (measured(clean_before) && measured(clean_after)) {
            text_printf(text, ", and from %.1f %% to %.1f %% on %s", 100 * clean_before->accuracy,
                        100 * clean_after->accuracy,
                        subset == REPORT_UNSEEN ? "clean ones it never saw" : "all clean ones");
        }
        text_add(text, ".");
        add_leak(content, text);
    }
    if (text->length == 0) {
        text_add(text, "Nothing has been measured in this run.");
    }
}
