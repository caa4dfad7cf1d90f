/*
 * The sentences about accuracies: what the shift costs, how the rows were split, what fine-tuning changed. Whether a
 * change is more than chance is what its paired interval by image shows; separate intervals decide nothing.
 */
#include "reporting/observations.h"

#include <math.h>

/* Differences that two decimals of a percentage do not show are no differences. */
#define VISIBLE 0.00005

static bool measured(const reshift_accuracy *accuracy) { return accuracy && accuracy->n > 0; }

void text_add_rows(text_buffer *text, const reshift_accuracy *accuracy)
{
    if (accuracy->n_images == accuracy->n) {
        text_add_plural(text, accuracy->n, "image", "images");
        return;
    }
    text_add_plural(text, accuracy->n, "row", "rows");
    text_add(text, " of ");
    text_add_plural(text, accuracy->n_images, "image", "images");
}

void text_add_change_interval(text_buffer *text, const reshift_difference *change, bool as_loss, int digits)
{
    const double low = as_loss ? -change->accuracy.high : change->accuracy.low;
    const double high = as_loss ? -change->accuracy.low : change->accuracy.high;
    text_printf(text, "95 %% interval, %s: %.*f to %.*f points",
                change->paired ? "paired by image" : "different images", digits, reshift_percent(low, digits) + 0.0,
                digits, reshift_percent(high, digits) + 0.0);
    if (isfinite(change->p)) {
        text_printf(text, change->p < 0.0001 ? "; McNemar p < 0.0001" : "; McNemar p = %.2g", change->p);
    }
}

/* ", which may be chance (95 % interval ...)", " (95 % interval ...)", or that there are too few images. */
static void add_verdict(text_buffer *text, const reshift_difference *change, bool as_loss, bool equal)
{
    if (!change) {
        return;
    }
    const bool few = !change->clear && change->n_images < FEW_IMAGES;
    text_add(text, few || change->clear || equal ? " (" : ", which may be chance (");
    text_add_change_interval(text, change, as_loss, 1);
    text_add(text, ")");
    if (few) {
        text_add(text, "; ");
        text_add_plural(text, change->n_images, "image is", "images are");
        text_add(text, " too few to tell");
    }
}

/* "accuracy rises from 75.70 % to 81.00 %, a gain of 5.30 points (95 % interval ...)" */
static void add_move(text_buffer *text, const reshift_accuracy *before, const reshift_accuracy *after,
                     const reshift_difference *change)
{
    const double points = reshift_percent_change(before->accuracy, after->accuracy, 2);
    if (points == 0) {
        text_add(text, "accuracy is ");
        text_add_percent(text, after->accuracy, 2);
        text_add(text, " before and after");
        add_verdict(text, change, false, true);
        return;
    }
    text_printf(text, "accuracy %s from ", points > 0 ? "rises" : "falls");
    text_add_percent(text, before->accuracy, 2);
    text_add(text, " to ");
    text_add_percent(text, after->accuracy, 2);
    text_printf(text, ", a %s of %.2f points", points > 0 ? "gain" : "loss", fabs(points));
    add_verdict(text, change, points < 0, false);
}

static observation_tone tone_of(const reshift_difference *change)
{
    return !change || !change->clear    ? OBSERVATION_PLAIN
           : change->accuracy.value > 0 ? OBSERVATION_GOOD
                                        : OBSERVATION_BAD;
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
        double value = as_gain ? reshift_percent_change(before->accuracy, after->accuracy, 2) / 100 : before->accuracy;
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

/* `lost`: printed points below the accuracy on clean images. */
static void add_distance_from_clean(text_buffer *text, double lost, const char *clean)
{
    if (lost == 0) {
        text_add(text, "equal to clean");
    } else {
        text_printf(text, "%.2f points %s%s", fabs(lost), lost > 0 ? "below" : "above", clean);
    }
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
        text_add(text, "Accuracy is the same at every severity measured (");
        text_add_percent(text, range.first_value, 2);
        text_add(text, ").");
    } else if (range.falls) {
        text_add(text, "Accuracy falls with severity, from ");
        text_add_percent(text, range.first_value, 2);
        text_printf(text, " at severity %d to ", range.first);
        text_add_percent(text, range.last_value, 2);
        text_printf(text, " at severity %d", range.last);
        if (measured(clean)) {
            const double mild = reshift_percent_change(range.first_value, clean->accuracy, 2),
                         strong = reshift_percent_change(range.last_value, clean->accuracy, 2);
            text_add(text, ": ");
            add_distance_from_clean(text, mild, " clean");
            text_add(text, ", then ");
            add_distance_from_clean(text, strong, "");
        }
        text_add(text, ".");
    } else {
        text_printf(text, "Accuracy does not simply fall with severity: it is highest at severity %d (", range.highest);
        text_add_percent(text, range.highest_value, 2);
        text_printf(text, ") and lowest at severity %d (", range.lowest);
        text_add_percent(text, range.lowest_value, 2);
        text_add(text, ").");
    }
}

static void add_measurement(text_buffer *text, const report_content *content, report_data data,
                            const reshift_accuracy *accuracy)
{
    text_add_percent(text, accuracy->accuracy, 2);
    text_add(text, " of ");
    data_words(content, data, text);
    text_add(text, " (");
    text_add_rows(text, accuracy);
    text_add(text, ")");
}

void observe_drop(const report_content *content, observations *list)
{
    const reshift_accuracy *clean = report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL);
    const reshift_accuracy *shift = report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL);
    const reshift_difference *change = report_find_change(content, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL);
    if (!measured(clean) || !measured(shift)) {
        text_add(
            observations_add(list, OBSERVATION_PLAIN),
            "The original network was not measured on both clean and shifted images, so what the shift costs cannot be "
            "said.");
    } else {
        const double points = reshift_percent_change(clean->accuracy, shift->accuracy, 2);
        text_buffer *text =
            observations_add(list, points < 0 && change && change->clear ? OBSERVATION_BAD : OBSERVATION_PLAIN);
        text_add(text, "The original network with its probe is right on ");
        add_measurement(text, content, REPORT_CLEAN, clean);
        text_add(text, " and on ");
        add_measurement(text, content, REPORT_SHIFT, shift);
        if (points == 0) {
            text_add(text, ": no difference");
        } else if (points > 0) {
            text_printf(text, ": %.2f points more on shifted images", points);
        } else {
            text_printf(text, ": the shift costs %.2f points", -points);
        }
        add_verdict(text, change, points < 0, points == 0);
        text_add(text, ".");
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
        text_add_plural(text, split->n_train, "row", "rows");
        text_add(text, " of ");
        text_add_plural(text, split->n_images_seen, "image", "images");
        text_add(text, ". Of the other ");
        text_add_count(text, split->n_images - split->n_images_seen);
        text_add(text, " it saw no version at all, and only those count in the figures after fine-tuning.");
        return;
    }
    if (split->kind == RESHIFT_SPLIT_APART) {
        text_buffer *text = observations_add(list, OBSERVATION_GOOD);
        text_add(text, "Fine-tuning saw ");
        text_add_plural(text, split->n_train, "row", "rows");
        text_add(text, " of ");
        text_add_plural(text, split->n_images_seen, "shifted training image", "shifted training images");
        text_add(text, ". All ");
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
                split->n_test_images > 0
                    ? reshift_percent((double)split->n_test_images_seen / (double)split->n_test_images, 1)
                    : 0.0);
    text_add_count(text, split->n_test_rows_seen);
    text_add(text, " of ");
    text_add_count(text, split->n_test);
    text_printf(text, " test rows (%.1f %%) are training rows themselves.",
                split->n_test > 0 ? reshift_percent((double)split->n_test_rows_seen / (double)split->n_test, 1) : 0.0);
    text_add(text, leaks ? " One version in training gives an image away, so accuracy after fine-tuning on all rows "
                           "measures memory as well as robustness. For a figure to rely on use split: by-image."
                         : " Nothing leaks in this draw.");
}

/* What the figure on all rows would be, where the headline counts unseen rows. */
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
    text_add_rows(text, after);
    text_add(text, ", ");
    add_move(text, before, after, NULL);
    text_add(text, ". That is not to be trusted: ");
    if (measured(unseen_after)) {
        text_add_count(text, after->n - unseen_after->n);
        text_add(text, after->n_images == after->n ? " of these images were used in fine-tuning"
                                                   : " of these rows show images that were used in fine-tuning");
        const double more = reshift_percent_change(unseen_after->accuracy, after->accuracy, 2);
        if (more == 0) {
            text_add(text, ", though the accuracy afterwards is the same on both.");
        } else {
            text_printf(text, ", and the figure comes out %.2f points %s than on unseen images.", fabs(more),
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
        text_printf(text, "The change is the same at every severity (%+.2f points).",
                    reshift_percent(gains.first_value, 2));
    } else {
        text_printf(text,
                    "By severity the change ranges from %+.2f points (severity %d) to %+.2f points (severity %d).",
                    reshift_percent(gains.lowest_value, 2), gains.lowest, reshift_percent(gains.highest_value, 2),
                    gains.highest);
    }
}

/* A clear loss on clean images, put beside what happened on shifted ones. */
static void add_price(const report_content *content, report_subset subset, text_buffer *text)
{
    const reshift_difference *clean = report_find_change(content, REPORT_FINETUNED, REPORT_CLEAN, 0, subset);
    const reshift_difference *shift = report_find_change(content, REPORT_FINETUNED, REPORT_SHIFT, 0, subset);
    if (!clean || !shift || !clean->clear || clean->accuracy.value > 0) {
        return;
    }
    if (shift->clear) {
        text_add(text, shift->accuracy.value > 0
                           ? " What fine-tuning gained on shifted images cost accuracy on clean ones."
                           : " Accuracy fell on shifted images too: fine-tuning harmed the network.");
    } else {
        text_add(text, " On shifted images there is no clear change in return.");
    }
}

void observe_gain(const report_content *content, report_data data, observations *list)
{
    report_subset subset = headline_subset(content);
    const char *which = data == REPORT_CLEAN ? "clean" : "shifted";
    const reshift_accuracy *before = report_find(content, REPORT_ORIGINAL, data, 0, subset);
    const reshift_accuracy *after = report_find(content, REPORT_FINETUNED, data, 0, subset);
    const reshift_difference *change = report_find_change(content, REPORT_FINETUNED, data, 0, subset);
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
    /* by-row: seen rows are among these, so a gain is no good news */
    const observation_tone tone = tone_of(change);
    text_buffer *text =
        observations_add(list, subset == REPORT_ALL && tone == OBSERVATION_GOOD ? OBSERVATION_PLAIN : tone);
    if (subset == REPORT_UNSEEN) {
        text_printf(text, "On %s images never seen in fine-tuning (", which);
    } else {
        text_printf(text, "On all %s images, seen ones included (", which);
    }
    text_add_rows(text, after);
    text_add(text, ") ");
    add_move(text, before, after, change);
    text_add(text, ".");
    if (data == REPORT_CLEAN && subset == REPORT_UNSEEN) { /* by-row gains may be memory */
        add_price(content, subset, text);
    } else if (data == REPORT_SHIFT) {
        add_gain_by_severity(content, subset, list);
    }
    if (subset == REPORT_UNSEEN) {
        add_all_rows(content, data, after, list);
        return;
    }
    const reshift_accuracy *unseen_before = report_find(content, REPORT_ORIGINAL, data, 0, REPORT_UNSEEN);
    const reshift_accuracy *unseen_after = report_find(content, REPORT_FINETUNED, data, 0, REPORT_UNSEEN);
    const reshift_difference *unseen = report_find_change(content, REPORT_FINETUNED, data, 0, REPORT_UNSEEN);
    text = observations_add(list, OBSERVATION_WARNING);
    if (!measured(unseen_before) || !measured(unseen_after)) {
        text_printf(text, "No unseen %s images were left to measure on, so how much of this is memory cannot be said.",
                    which);
        return;
    }
    text_printf(text, "On the %s images never seen in any version (", which);
    text_add_rows(text, unseen_after);
    text_add(text, ") ");
    add_move(text, unseen_before, unseen_after, unseen);
    text_add(text, unseen_after->n_images < FEW_IMAGES ? "." : ". This is the figure to rely on.");
}
