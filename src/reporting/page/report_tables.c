/*
 * The report's tables: epochs, accuracies before and after, cost of the shift, separation of classes. A dash means not
 * measured.
 */
#include "reporting/page/report_tables.h"

#include <math.h>
#include <stdio.h>

#include "reporting/page/html.h"
#include "reporting/observations/observations.h"

void table_of_history(text_buffer *page, const report_training *training)
{
    const reshift_history *history = training->history;
    if (!history || history->n_epochs < 1) {
        return;
    }
    const bool validated = reshift_history_best(history) > 0;
    text_add(
        page,
        "<details><summary>Every epoch in numbers</summary>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
        "aria-label=\"epochs in numbers\"><table>\n<thead><tr>"
        "<th scope=\"col\">epoch</th><th scope=\"col\">training loss</th><th scope=\"col\">training accuracy</th>");
    text_add(page, validated ? "<th scope=\"col\">validation loss</th><th scope=\"col\">validation accuracy</th>" : "");
    text_add(page, "<th scope=\"col\">test loss</th><th scope=\"col\">test accuracy</th>");
    for (int b = 0; b < history->n_rated; b++) {
        text_printf(page, "<th scope=\"col\">learning rate of %s</th>", history->rates[b].block);
    }
    text_add(page, "</tr></thead>\n<tbody>\n");
    for (int i = 0; i < history->n_epochs; i++) {
        const reshift_epoch *epoch = &history->epochs[i];
        const bool kept = training->kept == epoch->epoch;
        const double values[6] = {epoch->train_loss,      100 * epoch->train_accuracy,
                                  epoch->validation_loss, 100 * epoch->validation_accuracy,
                                  epoch->test_loss,       100 * epoch->test_accuracy};
        text_printf(page, "<tr%s><th scope=\"row\">%d%s</th>", kept ? " class=\"sum\"" : "", epoch->epoch,
                    kept ? " (kept)" : "");
        for (int j = 0; j < 6; j++) {
            if (!validated && (j == 2 || j == 3)) {
                continue;
            }
            if (!isfinite(values[j])) {
                text_add(page, "<td>\xe2\x80\x93</td>");
            } else if (j % 2 == 0) {
                text_add(page, "<td>");
                text_add_loss(page, values[j], 4);
                text_add(page, "</td>");
            } else {
                text_printf(page, "<td>%.2f&nbsp;%%</td>", reshift_percent(values[j] / 100, 2));
            }
        }
        for (int b = 0; b < history->n_rated; b++) {
            text_printf(page, "<td>%.3g</td>", history->rates[i * history->n_rated + b].learning_rate);
        }
        text_add(page, "</tr>\n");
    }
    text_add(page, "</tbody></table></div></details>\n");
}

/* ---- tables of accuracies ---- */

static void add_accuracy_cell(text_buffer *page, const reshift_accuracy *accuracy, bool edge)
{
    text_add(page, edge ? "<td class=\"edge\">" : "<td>");
    if (accuracy && accuracy->n > 0) {
        text_printf(page, "%.2f&nbsp;%%<small>%.1f to %.1f</small>", reshift_percent(accuracy->accuracy, 2),
                    reshift_percent(accuracy->low, 1), reshift_percent(accuracy->high, 1));
    } else {
        text_add(page, "\xe2\x80\x93");
    }
    text_add(page, "</td>");
}

/* "+4.94" with its paired interval, coloured if significant. */
static void add_change_cell(text_buffer *page, const reshift_accuracy *before, const reshift_accuracy *after,
                            const reshift_difference *change)
{
    if (!before || !after || before->n < 1 || after->n < 1) {
        text_add(page, "<td>\xe2\x80\x93</td>");
        return;
    }
    const double points = reshift_percent_change(before->accuracy, after->accuracy, 2);
    const bool clear = change && change->clear && points != 0;
    text_printf(page, "<td%s>%s%.2f",
                !clear       ? ""
                : points > 0 ? " class=\"up\""
                             : " class=\"down\"",
                points == 0  ? ""
                : points > 0 ? "+"
                             : "\xe2\x88\x92",
                fabs(points));
    if (change) {
        text_buffer interval = {0};
        text_add_signed(&interval, reshift_percent(change->accuracy.low, 1), 1);
        text_add(&interval, " to ");
        text_add_signed(&interval, reshift_percent(change->accuracy.high, 1), 1);
        text_add(page, "<small>");
        html_words(page, interval.bytes ? interval.bytes : "");
        text_add(page, "</small>");
        page->failed |= interval.failed;
        text_destroy(&interval);
    }
    text_add(page, "</td>");
}

/* Number of rows, and of images if it is smaller. */
static void add_count_cell(text_buffer *page, const reshift_accuracy *accuracy, bool edge)
{
    text_add(page, edge ? "<td class=\"edge\">" : "<td>");
    text_add_count(page, accuracy ? accuracy->n : 0);
    if (accuracy && accuracy->n_images != accuracy->n) {
        text_add(page, "<small>of ");
        text_add_plural(page, accuracy->n_images, "image", "images");
        text_add(page, "</small>");
    }
    text_add(page, "</td>");
}

/*
 * True if rows of this kind were measured: without seen rows, or without unseen ones, one half of the table would
 * repeat the other.
 */
static bool has_rows(const report_content *content, report_subset subset)
{
    for (int i = 0; i < content->n_measurements; i++) {
        if (content->measurements[i].subset == subset && content->measurements[i].accuracy.n > 0) {
            return true;
        }
    }
    return false;
}

/* Number of severities measured: for a single one, the line for all together would repeat it. */
static int count_severities(const report_content *content)
{
    int n = 0;
    for (int severity = 1; severity <= 5; severity++) {
        const reshift_accuracy *accuracy = report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, severity, REPORT_ALL);
        n += accuracy && accuracy->n > 0;
    }
    return n;
}

static void add_comparison_row(text_buffer *page, const report_content *content, const report_subset *subsets,
                               int n_subsets, report_data data, int severity, const char *name, bool sum)
{
    const reshift_accuracy *cells[2][2];
    bool any = false;
    for (int i = 0; i < n_subsets; i++) {
        cells[i][0] = report_find(content, REPORT_ORIGINAL, data, severity, subsets[i]);
        cells[i][1] = report_find(content, REPORT_FINETUNED, data, severity, subsets[i]);
        any |= cells[i][0] || cells[i][1];
    }
    if (!any) {
        return;
    }
    text_printf(page, "<tr%s><th scope=\"row\">", sum ? " class=\"sum\"" : "");
    html_words(page, name);
    text_add(page, "</th>");
    for (int i = 0; i < n_subsets; i++) {
        add_count_cell(page, cells[i][1] ? cells[i][1] : cells[i][0], true);
        add_accuracy_cell(page, cells[i][0], false);
        add_accuracy_cell(page, cells[i][1], false);
        add_change_cell(page, cells[i][0], cells[i][1],
                        report_find_change(content, REPORT_FINETUNED, data, severity, subsets[i]));
    }
    text_add(page, "</tr>\n");
}

static void add_comparison_head(text_buffer *page, const report_content *content, const report_subset *subsets,
                                int n_subsets)
{
    text_add(page,
             "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"accuracies before and after\"><table>\n"
             "<colgroup></colgroup>");
    for (int i = 0; i < n_subsets; i++) {
        text_add(page, "<colgroup span=\"4\"></colgroup>");
    }
    text_add(page, "\n<thead>\n<tr><td></td>");
    for (int i = 0; i < n_subsets; i++) {
        text_add(page, "<th class=\"group edge\" scope=\"colgroup\" colspan=\"4\">");
        if (subsets[i] == REPORT_UNSEEN) {
            text_printf(page, "images never seen in %s", deed_word(content));
        } else {
            text_add(page, "all rows, seen ones included");
        }
        text_add(page, "</th>");
    }
    text_add(page, "</tr>\n<tr><th scope=\"col\">data</th>");
    for (int i = 0; i < n_subsets; i++) {
        text_add(page,
                 "<th scope=\"col\" class=\"edge\">rows</th><th scope=\"col\">before</th><th scope=\"col\">after</th>"
                 "<th scope=\"col\">change</th>");
    }
    text_add(page, "</tr>\n</thead>\n<tbody>\n");
}

void table_of_comparison(text_buffer *page, const report_content *content)
{
    const bool unseen = has_rows(content, REPORT_UNSEEN), seen = has_rows(content, REPORT_SEEN);
    const report_subset subsets[2] = {unseen ? REPORT_UNSEEN : REPORT_ALL, REPORT_ALL};
    const int n_subsets = unseen && seen ? 2 : 1;
    add_comparison_head(page, content, subsets, n_subsets);
    add_comparison_row(page, content, subsets, n_subsets, REPORT_CLEAN, 0, "clean", true);
    for (int severity = 1; severity <= 5; severity++) {
        char name[16];
        snprintf(name, sizeof name, "severity %d", severity);
        add_comparison_row(page, content, subsets, n_subsets, REPORT_SHIFT, severity, name, false);
    }
    if (count_severities(content) != 1) {
        add_comparison_row(page, content, subsets, n_subsets, REPORT_SHIFT, 0, "all severities", true);
    }
    text_add(page, "</tbody></table></div>\n");
    html_paragraph(
        page, NULL,
        "Accuracy and change in points, each with its 95 % interval by image below: versions of one image at several "
        "severities do not count as independent. Changes are paired (before and after on the same images) and coloured "
        "where they are more than chance: the interval excludes 0 and, with one row an image, McNemar's p is below "
        "0.05. Whether two separate intervals overlap decides nothing.");
}

void table_of_drop(text_buffer *page, const report_content *content)
{
    const reshift_accuracy *clean = report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL);
    text_add(page, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"accuracies of the original "
                   "network\"><table>\n<thead><tr><th scope=\"col\">data</th><th scope=\"col\">rows</th>"
                   "<th scope=\"col\">right</th><th scope=\"col\">accuracy</th><th scope=\"col\">against "
                   "clean</th></tr></thead>\n<tbody>\n");
    for (int line = 0; line < 7; line++) { /* clean, severities 1 to 5, together */
        const reshift_accuracy *accuracy = report_find(
            content, REPORT_ORIGINAL, line == 0 ? REPORT_CLEAN : REPORT_SHIFT, line < 6 ? line : 0, REPORT_ALL);
        if (!accuracy || (line == 6 && count_severities(content) == 1)) {
            continue;
        }
        text_printf(page, "<tr%s><th scope=\"row\">", line == 0 || line == 6 ? " class=\"sum\"" : "");
        if (line == 0 || line == 6) {
            text_add(page, line == 0 ? "clean" : "all severities");
        } else {
            text_printf(page, "severity %d", line);
        }
        text_add(page, "</th>");
        add_count_cell(page, accuracy, false);
        text_add(page, "<td>");
        text_add_count(page, accuracy->correct);
        text_add(page, "</td>");
        add_accuracy_cell(page, accuracy, false);
        add_change_cell(page, line == 0 ? NULL : clean, accuracy,
                        report_find_change(content, REPORT_ORIGINAL, REPORT_SHIFT, line < 6 ? line : 0, REPORT_ALL));
        text_add(page, "</tr>\n");
    }
    text_add(page, "</tbody></table></div>\n");
}

static const report_measurement *find_adapted(const report_content *content, report_model model, report_data data,
                                              int severity, report_subset subset)
{
    for (int i = 0; i < content->n_adapted; i++) {
        const report_measurement *m = &content->adapted[i];
        if (m->model == model && m->data == data && m->severity == severity && m->subset == subset) {
            return m;
        }
    }
    return NULL;
}

void table_of_adaptation(text_buffer *page, const report_content *content, report_subset subset)
{
    text_add(page,
             "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"accuracies with adaptation\"><table>\n"
             "<colgroup></colgroup><colgroup></colgroup><colgroup span=\"3\"></colgroup><colgroup span=\"3\">"
             "</colgroup>\n<thead>\n<tr><td></td><td></td>"
             "<th class=\"group edge\" scope=\"colgroup\" colspan=\"3\">original network</th>"
             "<th class=\"group edge\" scope=\"colgroup\" colspan=\"3\">");
    text_add(page, deed_adjective(content));
    text_add(page, " network</th></tr>\n<tr>"
                   "<th scope=\"col\">data</th><th scope=\"col\">rows</th>");
    for (int i = 0; i < 2; i++) {
        text_add(page, "<th scope=\"col\" class=\"edge\">as it is</th><th scope=\"col\">adapting</th>"
                       "<th scope=\"col\">change</th>");
    }
    text_add(page, "</tr>\n</thead>\n<tbody>\n");
    for (int line = 0; line < 7; line++) { /* clean, severities 1 to 5, together */
        const report_data data = line == 0 ? REPORT_CLEAN : REPORT_SHIFT;
        const int severity = line < 6 ? line : 0;
        const report_measurement *some = find_adapted(content, REPORT_ORIGINAL, data, severity, subset);
        if (!some || (line == 6 && count_severities(content) == 1)) {
            continue;
        }
        text_printf(page, "<tr%s><th scope=\"row\">", line == 0 || line == 6 ? " class=\"sum\"" : "");
        if (line == 0 || line == 6) {
            text_add(page, line == 0 ? "clean" : "all severities");
        } else {
            text_printf(page, "severity %d", line);
        }
        text_add(page, "</th>");
        add_count_cell(page, &some->accuracy, false);
        for (int m = 0; m < 2; m++) {
            const report_model model = m == 0 ? REPORT_ORIGINAL : REPORT_FINETUNED;
            const reshift_accuracy *before = report_find(content, model, data, severity, subset);
            const report_measurement *after = find_adapted(content, model, data, severity, subset);
            add_accuracy_cell(page, before, true);
            add_accuracy_cell(page, after ? &after->accuracy : NULL, false);
            add_change_cell(page, before, after ? &after->accuracy : NULL,
                            after && after->change.n > 0 ? &after->change : NULL);
        }
        text_add(page, "</tr>\n");
    }
    text_add(page, "</tbody></table></div>\n");
    text_buffer note = {0};
    if (subset == REPORT_UNSEEN) {
        text_printf(&note, "Images never seen in %s, counted alike for both networks. adapted.csv has all of them, ",
                    deed_word(content));
    } else {
        text_add(&note, "All rows. adapted.csv has those never seen too, ");
    }
    text_add(&note, "with likelihood, Brier score and calibration error.");
    html_paragraph(page, NULL, note.bytes ? note.bytes : "");
    page->failed |= note.failed;
    text_destroy(&note);
}

/* ---- classes ---- */

static void add_number_cell(text_buffer *page, const char *format, double value)
{
    text_add(page, "<td>");
    if (isfinite(value)) {
        text_buffer number = {0};
        text_printf(&number, format, value);
        html_words(page, number.bytes ? number.bytes : "");
        page->failed |= number.failed;
        text_destroy(&number);
    } else {
        text_add(page, "\xe2\x80\x93");
    }
    text_add(page, "</td>");
}

static void add_spread_cell(text_buffer *page, double spread)
{
    text_add(page, "<td>");
    if (isfinite(spread)) {
        text_add_spread(page, spread);
    } else {
        text_add(page, "\xe2\x80\x93");
    }
    text_add(page, "</td>");
}

static void add_class_cell(text_buffer *page, const report_content *content, int a, int b)
{
    text_buffer words = {0};
    text_add(page, "<td class=\"words\">");
    if (a >= 0) {
        text_add_class(&words, content, a);
    }
    if (b >= 0) {
        text_add(&words, ", ");
        text_add_class(&words, content, b);
    }
    html_words(page, words.bytes ? words.bytes : "\xe2\x80\x93");
    text_add(page, "</td>");
    page->failed |= words.failed;
    text_destroy(&words);
}

void table_of_panels(text_buffer *page, const report_content *content)
{
    text_add(
        page,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"separation of the classes\"><table "
        "class=\"dense\">\n<thead><tr><th scope=\"col\">features of</th><th scope=\"col\">points</th>"
        "<th scope=\"col\">overlap</th><th scope=\"col\">silhouette</th><th scope=\"col\">scatter</th>"
        "<th scope=\"col\">spread</th><th scope=\"col\" class=\"words\">nearest pair</th><th scope=\"col\">apart</th>"
        "<th scope=\"col\" class=\"words\">widest</th><th scope=\"col\">PC 1, 2</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < content->n_panels; i++) {
        const report_panel *panel = &content->panels[i];
        const reshift_separation *s = &panel->separation;
        text_printf(page, "<tr><th scope=\"row\">%s, %s</th><td>", panel->data == REPORT_CLEAN ? "clean" : "shifted",
                    panel->model == REPORT_ORIGINAL ? "original" : deed_adjective(content));
        text_add_count(page, panel->n);
        text_add(page, "</td>");
        const bool few = panel_too_small(content, panel); /* these values are artefacts of single points then */
        add_number_cell(page, "%.1f %%", few ? NAN : reshift_percent(s->overlap, 1));
        add_number_cell(page, "%.3f", few ? NAN : s->silhouette);
        add_number_cell(page, "%.3f", few ? NAN : s->fisher);
        add_spread_cell(page, few ? NAN : s->spread);
        add_class_cell(page, content, few ? -1 : s->nearest_a, few ? -1 : s->nearest_b);
        add_number_cell(page, "%.2f", few ? NAN : s->nearest_distance);
        add_class_cell(page, content, few ? -1 : s->widest, -1);
        text_printf(page, "<td>%.1f, %.1f&nbsp;%%</td>", reshift_percent(panel->ratio[0], 1),
                    reshift_percent(panel->ratio[1], 1));
        text_add(page, "</tr>\n");
    }
    text_add(page, "</tbody></table></div>\n");
}
