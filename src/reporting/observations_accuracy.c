/* The sentences about accuracies: what the shift costs, how the rows were split, what fine-tuning changed. */
#include "reporting/observations.h"

#include <math.h>

/* Differences that two decimals of a percentage do not show are no differences. */
#define VISIBLE 0.00005

static bool measured(const reshift_accuracy *accuracy) { return accuracy && accuracy->n > 0; }

static bool intervals_overlap(const reshift_accuracy *a, const reshift_accuracy *b)
{
    return a->low <= b->high && b->low <= a->high;
}

/* "from 75.7 % to 81.0 %, 5.3 points gained", with its verb; `subject` may be NULL. */
static void add_move(text_buffer *text, const reshift_accuracy *before, const reshift_accuracy *after)
{
    double change = after->accuracy - before->accuracy;
    if (fabs(change) < VISIBLE) {
        text_printf(text, "accuracy stays at %.2f %%", 100 * after->accuracy);
    } else {
        text_printf(text, "accuracy %s from %.2f %% to %.2f %%, %.2f points %s", change > 0 ? "rises" : "falls",
                    100 * before->accuracy, 100 * after->accuracy, 100 * fabs(change), change > 0 ? "gained" : "lost");
    }
}

static void add_intervals(text_buffer *text, const reshift_accuracy *a, const reshift_accuracy *b)
{
    text_printf(text, " The 95 %% intervals (%.1f to %.1f and %.1f to %.1f) %s.", 100 * a->low, 100 * a->high,
                100 * b->low, 100 * b->high,
                intervals_overlap(a, b) ? "overlap: a difference of this size may be chance" : "do not overlap");
}

/* The severities with the highest and the lowest of some figure, and whether it never rises with severity. */
typedef struct severity_range {
    int n, first, last, highest, lowest;
    double first_value, last_value, highest_value, lowest_value;
    bool falls;
} severity_range;

static severity_range range_over_severities(const report_content *content, report_subset subset, bool as_gain)
{
    severity_range range = {.falls = true};
    for (int severity = 1; severity <= 5; severity++) {
        const reshift_accuracy *before = report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, severity, subset);
        const reshift_accuracy *after = report_find(content, REPORT_FINETUNED, REPORT_SHIFT, severity, subset);
        if (!measured(before) || (as_gain && !measured(after))) {
            continue;
        }
        double value = as_gain ? after->accuracy - before->accuracy : before->accuracy;
        if (range.n == 0) {
            range.first = range.highest = range.lowest = severity;
            range.first_value = range.highest_value = range.lowest_value = value;
        }
        range.falls = range.falls && (range.n == 0 || value <= range.last_value);
        if (value > range.highest_value) {
            range.highest = severity;
            range.highest_value = value;
        }
        if (value < range.lowest_value) {
            range.lowest = severity;
            range.lowest_value = value;
        }
        range.last = severity;
        range.last_value = value;
        range.n++;
    }
    return range;
}

static void add_severities(const report_content *content, const reshift_accuracy *clean, observations *list)
{
    severity_range range = range_over_severities(content, REPORT_ALL, false);
    if (range.n == 0) {
        return;
    }
    text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
    if (range.n == 1) {
        text_printf(text, "Only severity %d was measured.", range.first);
    } else if (range.highest_value - range.lowest_value < VISIBLE) {
        text_printf(text, "Severity makes no difference: %.2f %% at all %d severities.", 100 * range.first_value,
                    range.n);
    } else if (range.falls) {
        text_printf(text, "Accuracy falls with severity, from %.2f %% at severity %d to %.2f %% at severity %d",
                    100 * range.first_value, range.first, 100 * range.last_value, range.last);
        if (measured(clean)) {
            double mild = clean->accuracy - range.first_value, strong = clean->accuracy - range.last_value;
            text_printf(text, ": %.2f points %s clean, then %.2f points %s", 100 * fabs(mild),
                        mild >= 0 ? "below" : "above", 100 * fabs(strong), strong >= 0 ? "below" : "above");
        }
        text_add(text, ".");
    } else {
        text_printf(text,
                    "Accuracy does not simply fall with severity: it is highest at severity %d (%.2f %%) and lowest at "
                    "severity %d (%.2f %%).",
                    range.highest, 100 * range.highest_value, range.lowest, 100 * range.lowest_value);
    }
}

void observe_drop(const report_content *content, observations *list)
{
    const reshift_accuracy *clean = report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL);
    const reshift_accuracy *shift = report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL);
    if (!measured(clean) || !measured(shift)) {
        text_add(
            observations_add(list, OBSERVATION_PLAIN),
            "The original network was not measured on both clean and shifted images, so what the shift costs cannot be "
            "said.");
    } else {
        double change = shift->accuracy - clean->accuracy;
        text_buffer *text = observations_add(
            list, change <= -VISIBLE && !intervals_overlap(clean, shift) ? OBSERVATION_BAD : OBSERVATION_PLAIN);
        text_printf(text, "The original network with its probe is right on %.2f %% of the ", 100 * clean->accuracy);
        text_add_count(text, clean->n);
        text_add(text, " rows of ");
        data_words(content, REPORT_CLEAN, text);
        text_printf(text, " and on %.2f %% of the ", 100 * shift->accuracy);
        text_add_count(text, shift->n);
        text_add(text, " rows of ");
        data_words(content, REPORT_SHIFT, text);
        if (fabs(change) < VISIBLE) {
            text_add(text, ": the shift costs nothing.");
        } else if (change > 0) {
            text_printf(text, ": the shift costs nothing, accuracy is %.2f points higher.", 100 * change);
        } else {
            text_printf(text, ": the shift costs %.2f points.", -100 * change);
        }
        if (fabs(change) >= VISIBLE) {
            add_intervals(text, clean, shift);
        }
    }
    add_severities(content, clean, list);
}

void observe_split(const reshift_split *split, observations *list)
{
    if (!split) {
        return;
    }
    if (split->kind == RESHIFT_SPLIT_BY_IMAGE) {
        text_buffer *text = observations_add(list, OBSERVATION_GOOD);
        text_add(text, "Split by image: fine-tuning saw ");
        text_add_count(text, split->n_train);
        text_add(text, split->n_train == 1 ? " row of " : " rows of ");
        text_add_count(text, split->n_images_seen);
        text_add(text, split->n_images_seen == 1 ? " image. Of the other " : " images. Of the other ");
        text_add_count(text, split->n_images - split->n_images_seen);
        text_add(text, " it saw no version at all, and only those count in the figures after fine-tuning.");
        return;
    }
    if (split->kind == RESHIFT_SPLIT_APART) {
        text_buffer *text = observations_add(list, OBSERVATION_GOOD);
        text_add(text, "Fine-tuning saw ");
        text_add_count(text, split->n_train);
        text_add(text, split->n_train == 1 ? " row of " : " rows of ");
        text_add_count(text, split->n_images_seen);
        text_add(text, split->n_images_seen == 1 ? " shifted training image." : " shifted training images.");
        text_add(text, " All ");
        text_add_count(text, split->n_test_images);
        text_add(text, " test images stayed unseen: nothing leaks.");
        return;
    }
    bool leaks = split->n_test_images_seen > 0;
    text_buffer *text = observations_add(list, leaks ? OBSERVATION_WARNING : OBSERVATION_PLAIN);
    text_add(text, "Split by row, the published protocol: ");
    text_add_count(text, split->n_test_images_seen);
    text_add(text, " of ");
    text_add_count(text, split->n_test_images);
    text_printf(text, " test images (%.1f %%) have at least one version among the training rows, and ",
                split->n_test_images > 0 ? 100.0 * (double)split->n_test_images_seen / (double)split->n_test_images
                                         : 0.0);
    text_add_count(text, split->n_test_rows_seen);
    text_add(text, " of ");
    text_add_count(text, split->n_test);
    text_printf(text, " test rows (%.1f %%) are training rows themselves.",
                split->n_test > 0 ? 100.0 * (double)split->n_test_rows_seen / (double)split->n_test : 0.0);
    text_add(text,
             leaks ? " One version in training gives an image away, so accuracy after fine-tuning on all rows measures "
                     "memory as well as robustness. For a figure to rely on use split: by-image."
                   : " Nothing leaks in this draw.");
}

/* What the figure on all rows would say, where the headline counts unseen rows. */
static void add_all_rows(const report_content *content, report_data data, const reshift_accuracy *unseen_after,
                         observations *list)
{
    const reshift_accuracy *before = report_find(content, REPORT_ORIGINAL, data, 0, REPORT_ALL);
    const reshift_accuracy *after = report_find(content, REPORT_FINETUNED, data, 0, REPORT_ALL);
    if (!measured(before) || !measured(after) || (measured(unseen_after) && after->n == unseen_after->n)) {
        return;
    }
    text_buffer *text = observations_add(list, OBSERVATION_WARNING);
    text_add(text, "Counted on all ");
    text_add_count(text, after->n);
    text_add(text, " rows, ");
    add_move(text, before, after);
    text_add(text, ". That is not to be trusted: ");
    if (measured(unseen_after)) {
        text_add_count(text, after->n - unseen_after->n);
        text_add(text, " of these rows show images that fine-tuning was trained on");
        double more = after->accuracy - unseen_after->accuracy;
        if (fabs(more) < VISIBLE) {
            text_add(text, ", though here both counts agree.");
        } else {
            text_printf(text, ", and the figure comes out %.2f points %s than on unseen images.", 100 * fabs(more),
                        more > 0 ? "higher" : "lower");
        }
    } else {
        text_add(text, "fine-tuning was trained on versions of these images.");
    }
}

static void add_gain_by_severity(const report_content *content, report_subset subset, observations *list)
{
    severity_range gains = range_over_severities(content, subset, true);
    if (gains.n < 2) {
        return;
    }
    text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
    if (gains.highest_value - gains.lowest_value < VISIBLE) {
        text_printf(text, "The change is the same at every severity (%+.2f points).", 100 * gains.first_value);
    } else {
        text_printf(text,
                    "By severity the change is most favourable at %d (%+.2f points) and least at %d (%+.2f points).",
                    gains.highest, 100 * gains.highest_value, gains.lowest, 100 * gains.lowest_value);
    }
}

void observe_gain(const report_content *content, report_data data, observations *list)
{
    report_subset subset = headline_subset(content);
    const char *which = data == REPORT_CLEAN ? "clean" : "shifted";
    const reshift_accuracy *before = report_find(content, REPORT_ORIGINAL, data, 0, subset);
    const reshift_accuracy *after = report_find(content, REPORT_FINETUNED, data, 0, subset);
    if (!measured(before) || !measured(after)) {
        text_printf(
            observations_add(list, OBSERVATION_PLAIN),
            "There is no measurement before and after fine-tuning on %s%s images, so its effect there cannot be said.",
            subset == REPORT_UNSEEN ? "unseen " : "", which);
        if (subset == REPORT_UNSEEN) {
            add_all_rows(content, data, after, list);
        }
        return;
    }
    double change = after->accuracy - before->accuracy;
    bool overlap = intervals_overlap(before, after);
    text_buffer *text = observations_add(list, overlap      ? OBSERVATION_PLAIN
                                               : change > 0 ? OBSERVATION_GOOD
                                                            : OBSERVATION_BAD);
    if (subset == REPORT_UNSEEN) {
        text_printf(text, "On %s images that fine-tuning never saw (", which);
    } else {
        text_printf(text, "On all %s rows, seen ones included (", which);
    }
    text_add_count(text, after->n);
    text_add(text, after->n == 1 ? " row) " : " rows) ");
    add_move(text, before, after);
    text_add(text, ".");
    if (fabs(change) >= VISIBLE) {
        add_intervals(text, before, after);
    }
    if (data == REPORT_CLEAN && change <= -VISIBLE && !overlap) {
        text_add(text, " Learning the shift has cost some of what the network knew about clean images.");
    }
    if (data == REPORT_SHIFT) {
        add_gain_by_severity(content, subset, list);
    }
    if (subset == REPORT_UNSEEN) {
        add_all_rows(content, data, after, list);
        return;
    }
    const reshift_accuracy *unseen_before = report_find(content, REPORT_ORIGINAL, data, 0, REPORT_UNSEEN);
    const reshift_accuracy *unseen_after = report_find(content, REPORT_FINETUNED, data, 0, REPORT_UNSEEN);
    text = observations_add(list, OBSERVATION_WARNING);
    if (!measured(unseen_before) || !measured(unseen_after)) {
        text_printf(text, "No unseen %s images were left to measure on, so how much of this is memory cannot be said.",
                    which);
        return;
    }
    text_add(text, "On the ");
    text_add_count(text, unseen_after->n);
    text_printf(text, " %s rows whose image fine-tuning never saw in any version, ", which);
    add_move(text, unseen_before, unseen_after);
    text_add(text, "; this is the figure to rely on.");
    if (fabs(unseen_after->accuracy - unseen_before->accuracy) >= VISIBLE) {
        add_intervals(text, unseen_before, unseen_after);
    }
}
