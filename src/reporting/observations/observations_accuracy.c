/*
 * The sentences about accuracies: the cost of the shift, the split of the rows, the effect of fine-tuning. A change is
 * significant if its paired interval by image excludes 0; separate intervals are not used.
 */
#include "reporting/observations/observations.h"

#include <math.h>

/* Two percentages that differ by less are printed alike. */
#define VISIBLE 0.005

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

/* A set of severities, by number. */
typedef struct severity_set {
    bool has[6];
    int n;
} severity_set;

static void put(severity_set *set, int severity)
{
    set->n += !set->has[severity];
    set->has[severity] = true;
}

/* "severity 1", "severities 1 and 3", "severities 2 to 5" */
static void add_set(text_buffer *text, const severity_set *set)
{
    int first = 0, last = 0;
    for (int severity = 1; severity <= 5; severity++) {
        first = first == 0 && set->has[severity] ? severity : first;
        last = set->has[severity] ? severity : last;
    }
    text_add(text, set->n == 1 ? "severity " : "severities ");
    if (set->n > 2 && last - first + 1 == set->n) {
        text_printf(text, "%d to %d", first, last);
        return;
    }
    for (int severity = first, n = 0; severity <= last; severity++) {
        if (set->has[severity]) {
            text_printf(text, "%s%d", n == 0 ? "" : n + 1 == set->n ? " and " : ", ", severity);
            n++;
        }
    }
}

/* One printed value per severity: where it is highest and lowest, and where its change is significant. */
typedef struct severity_range {
    severity_set measured, highest, lowest, rises, falls;
    double highest_value, lowest_value; /* per cent, two decimals */
    int64_t n_images;                   /* the minimum over severities */
} severity_range;

/*
 * `as_gain`: the change of each severity by fine-tuning; otherwise the accuracy of the original network, and whether it
 * differs from the accuracy on clean images.
 */
static severity_range range_over_severities(const report_content *content, report_subset subset, bool as_gain)
{
    severity_range range = {0};
    for (int severity = 1; severity <= 5; severity++) {
        const reshift_accuracy *before = report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, severity, subset);
        const reshift_accuracy *after = report_find(content, REPORT_FINETUNED, REPORT_SHIFT, severity, subset);
        const reshift_difference *change =
            report_find_change(content, as_gain ? REPORT_FINETUNED : REPORT_ORIGINAL, REPORT_SHIFT, severity, subset);
        if (!measured(before) || (as_gain && !measured(after))) {
            continue;
        }
        const double value = as_gain ? reshift_percent_change(before->accuracy, after->accuracy, 2)
                                     : reshift_percent(before->accuracy, 2);
        if (range.measured.n == 0 || value > range.highest_value + VISIBLE) {
            range.highest = (severity_set){0};
            range.highest_value = value;
        }
        if (range.measured.n == 0 || value < range.lowest_value - VISIBLE) {
            range.lowest = (severity_set){0};
            range.lowest_value = value;
        }
        if (fabs(value - range.highest_value) < VISIBLE) {
            put(&range.highest, severity);
        }
        if (fabs(value - range.lowest_value) < VISIBLE) {
            put(&range.lowest, severity);
        }
        if (change && change->clear) {
            put(change->accuracy.value > 0 ? &range.rises : &range.falls, severity);
        }
        range.n_images = range.measured.n == 0 || before->n_images < range.n_images ? before->n_images : range.n_images;
        put(&range.measured, severity);
    }
    return range;
}

/*
 * " It is a loss by more than chance at severities 2 to 5 only." `higher`, `lower`: the words for a change up or down.
 */
static void add_clear_severities(text_buffer *text, const severity_range *range, const char *higher, const char *lower)
{
    if (range->rises.n + range->falls.n == 0) {
        text_add(text,
                 range->n_images < FEW_IMAGES ? " " : " No severity shows a difference that is more than chance.");
        if (range->n_images < FEW_IMAGES) {
            text_add_plural(text, range->n_images, "image is", "images are");
            text_add(text, " too few to tell.");
        }
        return;
    }
    const severity_set *sets[2] = {&range->falls, &range->rises};
    const char *words[2] = {lower, higher};
    text_add(text, " It is");
    for (int i = 0, n = 0; i < 2; i++) {
        if (sets[i]->n > 0) {
            text_printf(text, "%s %s by more than chance at ", n++ ? " and" : "", words[i]);
            if (sets[i]->n == range->measured.n) {
                text_add(text, "every severity");
            } else {
                add_set(text, sets[i]);
            }
        }
    }
    text_add(text, range->rises.n + range->falls.n < range->measured.n ? " only." : ".");
}

static void add_severities(const report_content *content, observations *list)
{
    const severity_range range = range_over_severities(content, REPORT_ALL, false);
    const reshift_accuracy *clean = report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL);
    if (range.measured.n == 0) {
        return;
    }
    text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
    if (range.measured.n == 1) {
        text_add(text, "Only ");
        add_set(text, &range.measured);
        text_add(text, " was measured.");
        return; /* the sentence on all severities includes its difference */
    }
    if (range.highest.n == range.measured.n) {
        text_printf(text, "Accuracy is %.2f %% at every severity measured.", range.highest_value);
    } else {
        text_printf(text, "By severity accuracy ranges from %.2f %% (", range.lowest_value);
        add_set(text, &range.lowest);
        text_printf(text, ") to %.2f %% (", range.highest_value);
        add_set(text, &range.highest);
        text_add(text, ").");
    }
    if (measured(clean)) {
        add_clear_severities(text, &range, "above that on clean images", "below that on clean images");
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
            text_printf(text,
                        change && change->clear ? ": the shift costs %.2f points"
                                                : ": %.2f points less on shifted images",
                        -points);
        }
        add_verdict(text, change, points < 0, points == 0);
        text_add(text, ".");
    }
    add_severities(content, list);
}

void observe_split(const report_content *content, observations *list)
{
    const reshift_split *split = content->split;
    if (!split) {
        return;
    }
    if (split->kind == RESHIFT_SPLIT_BY_IMAGE) {
        text_buffer *text = observations_add(list, OBSERVATION_GOOD);
        text_printf(text, "Split by image: %s used ", deed_word(content));
        text_add_plural(text, split->n_train, "row", "rows");
        text_add(text, " of ");
        text_add_plural(text, split->n_images_seen, "image", "images");
        text_add(text, ". It saw no version of the other ");
        text_add_plural(text, split->n_images - split->n_images_seen, "image", "images");
        text_add(text, ", and the headline figures count only these.");
        return;
    }
    if (split->kind == RESHIFT_SPLIT_APART) {
        text_buffer *text = observations_add(list, OBSERVATION_GOOD);
        text_printf(text, "%s used ", only_recalibrated(content) ? "Recalibration" : "Fine-tuning");
        text_add_plural(text, split->n_train, "row", "rows");
        text_add(text, " of ");
        text_add_plural(text, split->n_images_seen, "shifted training image", "shifted training images");
        text_add(text, ". It saw no version of the ");
        text_add_plural(text, split->n_test_images, "test image", "test images");
        text_add(text, ".");
        return;
    }
    bool leaks = split->n_test_images_seen > 0;
    text_buffer *text = observations_add(list, leaks ? OBSERVATION_WARNING : OBSERVATION_PLAIN);
    text_add(text, "Split by row, the published protocol: ");
    text_add_count(text, split->n_test_images_seen);
    text_add(text, " of ");
    text_add_count(text, split->n_test_images);
    text_printf(text, " test images (%.1f %%) have at least one version among the rows of %s, and ",
                split->n_test_images > 0
                    ? reshift_percent((double)split->n_test_images_seen / (double)split->n_test_images, 1)
                    : 0.0,
                deed_word(content));
    text_add_count(text, split->n_test_rows_seen);
    text_add(text, " of ");
    text_add_count(text, split->n_test);
    text_printf(text, " test rows (%.1f %%) are these rows themselves.",
                split->n_test > 0 ? reshift_percent((double)split->n_test_rows_seen / (double)split->n_test, 1) : 0.0);
    if (leaks) {
        text_printf(
            text,
            " A network recognises other versions of an image that it was trained on, so accuracy after %s on all rows "
            "measures memory as well as robustness. For figures without this leak use split: by-image.",
            deed_word(content));
    } else {
        text_add(text, " Nothing leaks in this draw.");
    }
}

/* "accuracy is 60.00 % before and 65.00 % after", "accuracy is 60.00 % before and after": numbers without a verdict */
static void add_both(text_buffer *text, const reshift_accuracy *before, const reshift_accuracy *after)
{
    text_add(text, "accuracy is ");
    if (reshift_percent(before->accuracy, 2) != reshift_percent(after->accuracy, 2)) {
        text_add_percent(text, before->accuracy, 2);
        text_add(text, " before and ");
        text_add_percent(text, after->accuracy, 2);
        text_add(text, " after");
        return;
    }
    text_add_percent(text, after->accuracy, 2);
    text_add(text, " before and after");
}

/* The numbers on all rows, if the headline uses unseen rows: numbers without a verdict. */
static void add_all_rows(const report_content *content, report_data data, const reshift_accuracy *unseen_after,
                         observations *list)
{
    const reshift_accuracy *before = report_find(content, REPORT_ORIGINAL, data, 0, REPORT_ALL);
    const reshift_accuracy *after = report_find(content, REPORT_FINETUNED, data, 0, REPORT_ALL);
    const reshift_accuracy *seen_before = report_find(content, REPORT_ORIGINAL, data, 0, REPORT_SEEN);
    const reshift_accuracy *seen_after = report_find(content, REPORT_FINETUNED, data, 0, REPORT_SEEN);
    const int64_t n_unseen = measured(unseen_after) ? unseen_after->n : 0;
    if (!measured(before) || !measured(after) || after->n == n_unseen) {
        return;
    }
    const bool rows = after->n_images != after->n;
    text_buffer *text = observations_add(list, OBSERVATION_WARNING);
    text_add(text, "Counted on all ");
    text_add_rows(text, after);
    text_add(text, ", ");
    add_both(text, before, after);
    text_add(text, ". That is not to be trusted: ");
    if (n_unseen == 0) {
        text_printf(text, "all of these images were used in %s.", deed_word(content));
        return;
    }
    text_add_count(text, after->n - n_unseen);
    text_printf(text,
                after->n - n_unseen == 1
                    ? rows ? " of these rows shows an image that was used in %s" : " of these images was used in %s"
                : rows ? " of these rows show images that were used in %s"
                       : " of these images were used in %s",
                deed_word(content));
    if (measured(seen_before) && measured(seen_after)) {
        text_printf(text, ", and on %s ", after->n - n_unseen == 1 ? "it" : "them");
        add_both(text, seen_before, seen_after);
    }
    text_add(text, ".");
}

static void add_gain_by_severity(const report_content *content, report_subset subset, observations *list)
{
    const severity_range gains = range_over_severities(content, subset, true);
    if (gains.measured.n < 2) {
        return;
    }
    text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
    if (gains.highest.n == gains.measured.n) {
        text_add(text, "The change is ");
        text_add_signed(text, gains.highest_value, 2);
        text_add(text, " points at every severity.");
    } else {
        text_add(text, "By severity the change ranges from ");
        text_add_signed(text, gains.lowest_value, 2);
        text_add(text, " points (");
        add_set(text, &gains.lowest);
        text_add(text, ") to ");
        text_add_signed(text, gains.highest_value, 2);
        text_add(text, " points (");
        add_set(text, &gains.highest);
        text_add(text, ").");
    }
    add_clear_severities(text, &gains, "a gain", "a loss");
}

/* A significant loss on clean images, together with the change on shifted ones. */
static void add_price(const report_content *content, report_subset subset, text_buffer *text)
{
    const reshift_difference *clean = report_find_change(content, REPORT_FINETUNED, REPORT_CLEAN, 0, subset);
    const reshift_difference *shift = report_find_change(content, REPORT_FINETUNED, REPORT_SHIFT, 0, subset);
    if (!clean || !shift || !clean->clear || clean->accuracy.value > 0) {
        return;
    }
    if (shift->clear && shift->accuracy.value > 0) {
        text_printf(text, " What %s gained on shifted images cost accuracy on clean ones.", deed_word(content));
    } else if (shift->clear) {
        text_printf(text, " Accuracy fell on shifted images too: %s harmed the network.", deed_word(content));
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
        text_printf(observations_add(list, OBSERVATION_PLAIN),
                    "There is no measurement before and after %s on %s%s images, so its effect there cannot be said.",
                    deed_word(content), subset == REPORT_UNSEEN ? "unseen " : "", which);
        if (subset == REPORT_UNSEEN) {
            add_all_rows(content, data, after, list);
        }
        return;
    }
    /* by-row: includes seen rows, so a gain is not good news */
    const observation_tone tone = tone_of(change);
    text_buffer *text =
        observations_add(list, subset == REPORT_ALL && tone == OBSERVATION_GOOD ? OBSERVATION_PLAIN : tone);
    if (subset == REPORT_UNSEEN) {
        text_printf(text, "On %s images never seen in %s (", which, deed_word(content));
    } else {
        text_printf(text, "On all %s images, seen ones included (", which);
    }
    text_add_rows(text, after);
    text_add(text, ") ");
    add_move(text, before, after, change);
    text_add(text, ".");
    if (data == REPORT_CLEAN && subset == REPORT_UNSEEN) { /* by-row gains may be memorisation */
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
