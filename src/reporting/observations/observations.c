/*
 * The list of sentences, words shared by all of them, and the lead of the page. The sentences are in
 * observations_training.c, observations_accuracy.c and observations_panels.c.
 */
#include "reporting/observations/observations.h"
#include "reshift/words.h"

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

void text_add_percent(text_buffer *text, double fraction, int digits)
{
    text_printf(text, "%.*f %%", digits, reshift_percent(fraction, digits));
}

void text_add_plural(text_buffer *text, int64_t count, const char *one, const char *more)
{
    text_add_count(text, count);
    text_printf(text, " %s", reshift_noun_for(count, one, more));
}

void text_add_spread(text_buffer *text, double distance)
{
    text_printf(text, fabs(distance) < 99.95 ? "%#.3g" : fabs(distance) < 99999.5 ? "%.0f" : "%.3g", distance);
}

void text_add_signed(text_buffer *text, double value, int digits)
{
    const double scale = pow(10, digits), rounded = round(value * scale) / scale;
    text_printf(text, rounded == 0 ? "%.*f" : "%+.*f", digits, rounded == 0 ? 0.0 : rounded);
}

void text_add_loss(text_buffer *text, double loss, int digits)
{
    if (fabs(loss) < 1000) {
        text_printf(text, "%.*f", digits, loss);
    } else {
        text_printf(text, "%.3g", loss);
    }
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

bool only_recalibrated(const report_content *content)
{
    return content->finetune.history && content->finetune.history->n_epochs == 0 && content->batchnorm &&
           strcmp(content->batchnorm, "recalibrate") == 0;
}

const char *deed_word(const report_content *content)
{
    return only_recalibrated(content) ? "recalibration" : "fine-tuning";
}

const char *deed_adjective(const report_content *content)
{
    return only_recalibrated(content) ? "recalibrated" : "fine-tuned";
}

bool block_changed(const report_content *content, const report_block *block)
{
    return block->trained && (!only_recalibrated(content) || block->statistics.tensors > 0);
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

/* "[layer4, fc]" as " layer4 and fc", "all" as " all blocks". After recalibration: the blocks that have statistics. */
static void add_blocks(const report_content *content, text_buffer *text)
{
    const char *blocks = setting(content, "finetune.train"), *last = blocks ? strrchr(blocks, ',') : NULL;
    int n = 0, n_changed = 0;
    for (int i = 0; i < content->n_blocks; i++) {
        n_changed += block_changed(content, &content->blocks[i]);
    }
    if (blocks && (strcmp(blocks, "all") == 0 || strcmp(blocks, "[all]") == 0)) {
        text_add(text, " all blocks");
        return;
    }
    for (int i = 0; i < content->n_blocks; i++) {
        if (block_changed(content, &content->blocks[i])) {
            text_printf(text, "%s%s", n == 0 ? " " : n + 1 == n_changed ? " and " : ", ", content->blocks[i].name);
            n++;
        }
    }
    if (content->n_blocks > 0) {
        return;
    }
    text_add(text, blocks ? " " : "");
    for (const char *c = blocks; c && *c; c++) {
        if (c == last) {
            text_add(text, " and");
        } else if (*c != '[' && *c != ']') {
            text_add_bytes(text, c, 1);
        }
    }
}

/* For a split by row: the lead must not be quoted without this. */
static void add_leak(const report_content *content, text_buffer *text)
{
    const reshift_split *split = content->split;
    if (!split || split->kind != RESHIFT_SPLIT_BY_ROW || split->n_test_images_seen < 1 || split->n_test_images < 1) {
        return;
    }
    text_add(text, " But ");
    text_add_percent(text, (double)split->n_test_images_seen / (double)split->n_test_images, 1);
    text_printf(
        text,
        " of the test images have a version among the rows of %s, so the accuracies after it are not to be trusted.",
        deed_word(content));
    const reshift_accuracy *unseen = report_find(content, REPORT_FINETUNED, REPORT_SHIFT, 0, REPORT_UNSEEN);
    if (measured(unseen)) {
        text_add(text, " On shifted versions of unseen images (");
        text_add_rows(text, unseen);
        text_add(text, unseen->n_images < FEW_IMAGES ? ", too few to tell) it is " : ") it is ");
        text_add_percent(text, unseen->accuracy, 1);
        text_add(text, ".");
    }
}

/*
 * "from 65.4 % to 70.4 % on shifted images it never saw", or "leaves it at 65.4 %", and whether the change is
 * significant.
 */
static void add_change(const report_content *content, report_data data, report_subset subset, const char *goes,
                       const char *stays, const char *where, text_buffer *text)
{
    const reshift_accuracy *before = report_find(content, REPORT_ORIGINAL, data, 0, subset);
    const reshift_accuracy *after = report_find(content, REPORT_FINETUNED, data, 0, subset);
    const reshift_difference *change = report_find_change(content, REPORT_FINETUNED, data, 0, subset);
    if (reshift_percent(before->accuracy, 1) == reshift_percent(after->accuracy, 1)) {
        text_printf(text, "%s ", stays);
    } else {
        text_printf(text, "%s ", goes);
        text_add_percent(text, before->accuracy, 1);
        text_add(text, " to ");
    }
    text_add_percent(text, after->accuracy, 1);
    text_printf(text, " on %s", where);
    if (change && !change->clear) {
        text_add(text, change->n_images < FEW_IMAGES       ? " (too few images to tell)"
                       : before->correct != after->correct ? " (which may be chance)"
                                                           : "");
    }
}

/* What was done to the network: trained, only its statistics recomputed, or nothing. */
static void add_deed(const report_content *content, text_buffer *text)
{
    text_add(text, only_recalibrated(content) ? "Recomputing the batch norm statistics of" : "Fine-tuning");
    add_blocks(content, text);
    if (content->finetune.n_train > 0) {
        text_add(text, " on ");
        text_add_plural(text, content->finetune.n_train, "shifted row", "shifted rows");
    }
    text_add(text, only_recalibrated(content) ? ", without any training, " : " ");
}

static void add_changes(const report_content *content, text_buffer *text)
{
    const report_subset subset = headline_subset(content);
    const reshift_accuracy *before = report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, subset);
    const reshift_accuracy *after = report_find(content, REPORT_FINETUNED, REPORT_CLEAN, 0, subset);
    const bool trained = content->finetune.history && content->finetune.history->n_epochs > 0;
    const bool done = trained || only_recalibrated(content);
    if (done) {
        add_deed(content, text);
    } else {
        text_add(text, "Nothing was trained (0 epochs): ");
    }
    add_change(content, REPORT_SHIFT, subset, done ? "takes accuracy from" : "accuracy goes from",
               done ? "leaves accuracy at" : "accuracy stays at",
               subset == REPORT_UNSEEN ? "shifted images it never saw" : "all shifted rows, seen ones included", text);
    if (measured(before) && measured(after)) {
        text_add(text, ", and ");
        add_change(content, REPORT_CLEAN, subset, done ? "takes it from" : "goes from",
                   done ? "leaves it at" : "stays at",
                   subset == REPORT_UNSEEN ? "clean ones it never saw" : "all clean ones", text);
    }
    text_add(text, ".");
    if (training_failed(&content->finetune)) {
        text_add(text, " The training failed: its loss is worse than that of guessing.");
    }
    add_leak(content, text);
}

void observe_lead(const report_content *content, text_buffer *text)
{
    const reshift_accuracy *clean = report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL);
    const reshift_accuracy *shift = report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL);
    report_subset subset = headline_subset(content);
    const reshift_accuracy *shift_before = report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, 0, subset);
    const reshift_accuracy *shift_after = report_find(content, REPORT_FINETUNED, REPORT_SHIFT, 0, subset);
    if (measured(clean)) {
        text_printf(text, "A frozen %s with a linear probe on its features is right on ",
                    content->arch ? content->arch : "network");
        text_add_percent(text, clean->accuracy, 1);
        text_add(text, " of ");
        data_words(content, REPORT_CLEAN, text);
        text_add(text, " (");
        text_add_rows(text, clean);
        text_add(text, "). ");
    }
    if (measured(shift)) {
        text_add(text, "On ");
        data_words(content, REPORT_SHIFT, text);
        text_add(text, " it is right on ");
        text_add_percent(text, shift->accuracy, 1);
        text_add(text, " (");
        text_add_rows(text, shift);
        text_add(text, "). ");
    }
    if (measured(shift_before) && measured(shift_after)) {
        add_changes(content, text);
    }
    if (content->n_test_classes == 1) {
        text_add(text,
                 " All test images are of one class, so these accuracies do not show whether classes are told apart.");
    }
    if (text->length == 0) {
        text_add(text, "Nothing has been measured in this run.");
    }
}
