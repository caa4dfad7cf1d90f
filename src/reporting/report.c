/*
 * The report page, in the order of the study: lead and headline numbers, probe, shift, split and fine-tuning, before
 * against after, features, settings. Every sentence comes from observations.c; here they only find their place.
 */
#include "reporting/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "reporting/html.h"

const reshift_accuracy *report_find(const report_content *content, report_model model, report_data data, int severity,
                                    report_subset subset)
{
    for (int i = 0; i < content->n_measurements; i++) {
        const report_measurement *m = &content->measurements[i];
        if (m->model == model && m->data == data && m->severity == severity && m->subset == subset) {
            return &m->accuracy;
        }
    }
    return NULL;
}

/* Words put together, then handed on: "CIFAR-10-C gaussian_blur". free() them; NULL when out of memory. */
static char *words_of_data(const report_content *content, report_data data)
{
    text_buffer text = {0};
    data_words(content, data, &text);
    if (text.failed) {
        text_destroy(&text);
    }
    return text.bytes;
}

/* ---- lead ---- */

static void add_tile(text_buffer *page, const char *name, const reshift_accuracy *accuracy, const char *below)
{
    if (!accuracy || accuracy->n < 1) {
        return;
    }
    text_add(page, "<div class=\"tile\"><span class=\"name\">");
    html_words(page, name);
    text_printf(page, "</span><b>%.1f&nbsp;%%</b><span>%.1f to %.1f, n = ", 100 * accuracy->accuracy,
                100 * accuracy->low, 100 * accuracy->high);
    text_add_count(page, accuracy->n);
    text_add(page, "</span><span>");
    html_words(page, below);
    text_add(page, "</span></div>\n");
}

static void add_lead(text_buffer *page, const report_content *content)
{
    text_buffer words = {0};
    text_add(page, "<h1>");
    html_words(page, content->name ? content->name : "reshift");
    text_add(page, "</h1>\n");
    text_printf(&words, "How %s holds up when the images shift, and what a little fine-tuning mends.",
                content->arch ? content->arch : "a pretrained network");
    html_paragraph(page, "kicker", words.bytes ? words.bytes : "");
    page->failed |= words.failed;
    text_destroy(&words);
    observe_lead(content, &words);
    html_paragraph(page, "lead", words.bytes ? words.bytes : "");
    page->failed |= words.failed;
    text_destroy(&words);
    report_subset subset = headline_subset(content);
    const char *below =
        subset == REPORT_UNSEEN ? "unseen images, after fine-tuning" : "all rows, after fine-tuning (leaks)";
    text_add(page, "<div class=\"tiles\">\n");
    add_tile(page, "Clean, before", report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL),
             "all rows, linear probe");
    add_tile(page, "Shifted, before", report_find(content, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL),
             "all rows, linear probe");
    add_tile(page, "Shifted, after", report_find(content, REPORT_FINETUNED, REPORT_SHIFT, 0, subset), below);
    add_tile(page, "Clean, after", report_find(content, REPORT_FINETUNED, REPORT_CLEAN, 0, subset), below);
    text_add(page, "</div>\n");
}

/* ---- trainings ---- */

static reshift_status add_training(text_buffer *page, const report_training *training, const char *subject,
                                   const char *loss, const char *accuracy, reshift_error *error)
{
    observations list = {0};
    observe_training(training, subject, &list);
    html_observations(page, &list);
    if (!loss && !accuracy) {
        return RESHIFT_OK;
    }
    text_buffer words[2] = {{0}, {0}};
    text_printf(&words[0], "Loss of %s over its epochs", subject);
    text_printf(&words[1], "Accuracy of %s over its epochs", subject);
    text_add(page, "<div class=\"pair\">\n");
    reshift_status status = html_figure(page, "wide", loss, words[0].bytes ? words[0].bytes : "", NULL, error);
    if (status == RESHIFT_OK) {
        status = html_figure(page, "wide", accuracy, words[1].bytes ? words[1].bytes : "", NULL, error);
    }
    text_add(page, "</div>\n");
    page->failed |= words[0].failed || words[1].failed;
    text_destroy(&words[0]);
    text_destroy(&words[1]);
    return status;
}

/* Four columns of a history; not measured: a dash. */
static void add_history(text_buffer *page, const reshift_history *history)
{
    if (!history || history->n_epochs < 1) {
        return;
    }
    text_add(page,
             "<details><summary>Every epoch in numbers</summary>\n<div class=\"scroll\"><table>\n<thead><tr>"
             "<th scope=\"col\">epoch</th><th scope=\"col\">training loss</th><th scope=\"col\">training accuracy</th>"
             "<th scope=\"col\">test loss</th><th scope=\"col\">test accuracy</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < history->n_epochs; i++) {
        const reshift_epoch *epoch = &history->epochs[i];
        const double values[4] = {epoch->train_loss, 100 * epoch->train_accuracy, epoch->test_loss,
                                  100 * epoch->test_accuracy};
        text_printf(page, "<tr><th scope=\"row\">%d</th>", epoch->epoch);
        for (int j = 0; j < 4; j++) {
            if (!isfinite(values[j])) {
                text_add(page, "<td>\xe2\x80\x93</td>");
            } else if (j % 2 == 0) {
                text_printf(page, "<td>%.4f</td>", values[j]);
            } else {
                text_printf(page, "<td>%.2f&nbsp;%%</td>", values[j]);
            }
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
        text_printf(page, "%.2f&nbsp;%%<small>%.2f to %.2f</small>", 100 * accuracy->accuracy, 100 * accuracy->low,
                    100 * accuracy->high);
    } else {
        text_add(page, "\xe2\x80\x93");
    }
    text_add(page, "</td>");
}

static void add_change_cell(text_buffer *page, const reshift_accuracy *before, const reshift_accuracy *after)
{
    if (!before || !after || before->n < 1 || after->n < 1) {
        text_add(page, "<td>\xe2\x80\x93</td>");
        return;
    }
    double change = 100 * (after->accuracy - before->accuracy);
    bool apart = after->low > before->high || before->low > after->high;
    const char *class_name = !apart ? "" : change > 0 ? " class=\"up\"" : " class=\"down\"";
    if (fabs(change) < 0.005) {
        text_printf(page, "<td%s>0.00</td>", class_name);
    } else {
        text_printf(page, "<td%s>%s%.2f</td>", class_name, change > 0 ? "+" : "\xe2\x88\x92", fabs(change));
    }
}

static void add_count_cell(text_buffer *page, const reshift_accuracy *accuracy, bool edge)
{
    text_add(page, edge ? "<td class=\"edge\">" : "<td>");
    text_add_count(page, accuracy ? accuracy->n : 0);
    text_add(page, "</td>");
}

static void add_comparison_row(text_buffer *page, const report_content *content, report_data data, int severity,
                               const char *name, bool sum)
{
    static const report_subset subsets[2] = {REPORT_UNSEEN, REPORT_ALL};
    const reshift_accuracy *cells[2][2];
    bool any = false;
    for (int i = 0; i < 2; i++) {
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
    for (int i = 0; i < 2; i++) {
        add_count_cell(page, cells[i][1] ? cells[i][1] : cells[i][0], true);
        add_accuracy_cell(page, cells[i][0], false);
        add_accuracy_cell(page, cells[i][1], false);
        add_change_cell(page, cells[i][0], cells[i][1]);
    }
    text_add(page, "</tr>\n");
}

static void add_comparison(text_buffer *page, const report_content *content)
{
    text_add(page,
             "<div class=\"scroll\"><table>\n<thead>\n<tr><td></td>"
             "<th class=\"group edge\" scope=\"colgroup\" colspan=\"4\">images never seen in fine-tuning</th>"
             "<th class=\"group edge\" scope=\"colgroup\" colspan=\"4\">all rows, seen ones included</th></tr>\n<tr>"
             "<th scope=\"col\">data</th>");
    for (int i = 0; i < 2; i++) {
        text_add(page,
                 "<th scope=\"col\" class=\"edge\">rows</th><th scope=\"col\">before</th><th scope=\"col\">after</th>"
                 "<th scope=\"col\">change</th>");
    }
    text_add(page, "</tr>\n</thead>\n<tbody>\n");
    add_comparison_row(page, content, REPORT_CLEAN, 0, "clean", true);
    for (int severity = 1; severity <= 5; severity++) {
        text_buffer name = {0};
        text_printf(&name, "severity %d", severity);
        add_comparison_row(page, content, REPORT_SHIFT, severity, name.bytes ? name.bytes : "", false);
        page->failed |= name.failed;
        text_destroy(&name);
    }
    add_comparison_row(page, content, REPORT_SHIFT, 0, "all severities", true);
    text_add(page, "</tbody></table></div>\n");
    html_paragraph(
        page, NULL,
        "Accuracy with its Wilson 95 % interval below; changes in points, coloured where the intervals do not "
        "overlap. Intervals take rows as independent. The versions of one image at several severities are not, so "
        "the intervals over all severities are somewhat too narrow; before and after are counted on the same rows, "
        "so a change can be real though they overlap.");
}

/* The original network's accuracies alone. */
static void add_drop_table(text_buffer *page, const report_content *content)
{
    const reshift_accuracy *clean = report_find(content, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL);
    text_add(page, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">data</th><th scope=\"col\">rows</th>"
                   "<th scope=\"col\">right</th><th scope=\"col\">accuracy</th><th scope=\"col\">against "
                   "clean</th></tr></thead>\n<tbody>\n");
    for (int line = 0; line < 7; line++) { /* clean, severities 1 to 5, together */
        const reshift_accuracy *accuracy = report_find(
            content, REPORT_ORIGINAL, line == 0 ? REPORT_CLEAN : REPORT_SHIFT, line < 6 ? line : 0, REPORT_ALL);
        if (!accuracy) {
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
        add_change_cell(page, line == 0 ? NULL : clean, accuracy);
        text_add(page, "</tr>\n");
    }
    text_add(page, "</tbody></table></div>\n");
}

/* ---- features ---- */

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

static void add_panel_table(text_buffer *page, const report_content *content)
{
    text_add(
        page,
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">features of</th><th scope=\"col\">points</th>"
        "<th scope=\"col\">overlap</th><th scope=\"col\">silhouette</th><th scope=\"col\">scatter ratio</th>"
        "<th scope=\"col\">spread</th><th scope=\"col\" class=\"words\">nearest pair</th><th scope=\"col\">apart</th>"
        "<th scope=\"col\" class=\"words\">widest</th><th scope=\"col\">PC 1</th><th scope=\"col\">PC "
        "2</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < content->n_panels; i++) {
        const report_panel *panel = &content->panels[i];
        const reshift_separation *s = &panel->separation;
        text_printf(page, "<tr><th scope=\"row\">%s, %s</th><td>", panel->data == REPORT_CLEAN ? "clean" : "shifted",
                    panel->model == REPORT_ORIGINAL ? "original" : "fine-tuned");
        text_add_count(page, panel->n);
        text_add(page, "</td>");
        add_number_cell(page, "%.1f %%", 100 * s->overlap);
        add_number_cell(page, "%.3f", s->silhouette);
        add_number_cell(page, "%.3f", s->fisher);
        add_number_cell(page, "%.3g", s->spread);
        add_class_cell(page, content, s->nearest_a, s->nearest_b);
        add_number_cell(page, "%.2f", s->nearest_distance);
        add_class_cell(page, content, s->widest, -1);
        add_number_cell(page, "%.1f %%", 100 * panel->ratio[0]);
        add_number_cell(page, "%.1f %%", 100 * panel->ratio[1]);
        text_add(page, "</tr>\n");
    }
    text_add(page, "</tbody></table></div>\n");
}

static reshift_status add_features(text_buffer *page, const report_content *content, reshift_error *error)
{
    if (content->n_panels < 1) {
        return RESHIFT_OK;
    }
    html_section(page, "features", "Where the features lie");
    html_paragraph(page, NULL,
                   content->shared_basis
                       ? "Features of the test images in two principal components, all panels on one basis."
                       : "Features of the test images in two principal components, each panel on its own: "
                         "distances and directions compare within a panel, not between panels.");
    reshift_status status = html_figure(
        page, "wide", content->plots.panels, "Scatter plots of the test images' features by class, four panels",
        "One point an image, coloured by class; numbers stand at the classes' centres.", error);
    if (status != RESHIFT_OK) {
        return status;
    }
    static const report_data both[2] = {REPORT_SHIFT, REPORT_CLEAN};
    observations list = {0};
    for (int i = 0; i < 2; i++) {
        observe_change(content, both[i], &list);
    }
    html_observations(page, &list);
    text_add(page, "<h3>The panels one by one</h3>\n");
    for (int i = 0; i < content->n_panels; i++) {
        observe_panel(content, &content->panels[i], &list);
    }
    html_observations(page, &list);
    add_panel_table(page, content);
    html_paragraph(
        page, NULL,
        "Overlap: share of points nearer to another class's centre than to their own. Silhouette: from -1 to 1, "
        "how much nearer a point lies to its own class than to the next (at most 5,000 points drawn by a fixed "
        "seed). Scatter ratio: scatter between classes over scatter within. Spread: root mean square distance to "
        "the class's centre. Apart: distance of two centres over the mean of their spreads.");
    html_section_end(page);
    return RESHIFT_OK;
}

/* ---- the rest ---- */

static void add_shift(text_buffer *page, const report_content *content)
{
    char *shift = words_of_data(content, REPORT_SHIFT);
    text_buffer heading = {0};
    text_printf(&heading, "The shift: %s", shift ? shift : "");
    html_section(page, "shift", heading.bytes ? heading.bytes : "");
    page->failed |= heading.failed || !shift;
    text_destroy(&heading);
    free(shift);
    html_paragraph(page, NULL, "The frozen network with its probe, measured on clean and on shifted images, all rows.");
    observations list = {0};
    observe_drop(content, &list);
    html_observations(page, &list);
    add_drop_table(page, content);
    html_section_end(page);
}

static reshift_status add_after(text_buffer *page, const report_content *content, reshift_error *error)
{
    html_section(page, "after", "Before and after");
    observations list = {0};
    observe_gain(content, REPORT_SHIFT, &list);
    observe_gain(content, REPORT_CLEAN, &list);
    html_observations(page, &list);
    reshift_status status = html_figure(
        page, "medium", content->plots.severity, "Accuracy by severity before and after fine-tuning",
        headline_subset(content) == REPORT_UNSEEN ? "Images never seen in fine-tuning; bars are 95 % intervals."
                                                  : "All rows, seen ones included; bars are 95 % intervals.",
        error);
    add_comparison(page, content);
    html_section_end(page);
    return status;
}

static void add_settings(text_buffer *page, const report_content *content)
{
    html_section(page, "settings", "How it was made");
    text_buffer words = {0};
    if (content->arch) {
        text_printf(&words, "Network: %s", content->arch);
        if (content->n_parameters > 0) {
            text_add(&words, " with ");
            text_add_count(&words, content->n_parameters);
            text_add(&words, " parameters");
        }
        if (content->n_features > 0) {
            text_add(&words, content->n_parameters > 0 ? " and " : " with ");
            text_add_count(&words, content->n_features);
            text_add(&words, " features");
        }
        if (content->weights) {
            text_printf(&words, ", weights '%s'", content->weights);
        }
        text_add(&words, ". ");
    }
    text_add(&words,
             "The measurements stand in results.csv and results.json, the data and scripts of the figures in plots/, "
             "file identities, times and the machine in manifest.json.");
    html_paragraph(page, NULL, words.bytes ? words.bytes : "");
    page->failed |= words.failed;
    text_destroy(&words);
    if (content->n_settings > 0) {
        text_add(page,
                 "<details open><summary>The resolved experiment</summary>\n<div class=\"scroll\"><table>\n<thead><tr>"
                 "<th scope=\"col\">setting</th><th scope=\"col\" class=\"words\">value</th></tr></thead>\n<tbody>\n");
        for (int i = 0; i < content->n_settings; i++) {
            text_add(page, "<tr><th scope=\"row\">");
            text_add_markup(page, content->settings[i].key ? content->settings[i].key : "");
            text_add(page, "</th><td class=\"value\">");
            text_add_markup(page, content->settings[i].value ? content->settings[i].value : "");
            text_add(page, "</td></tr>\n");
        }
        text_add(page, "</tbody></table></div></details>\n");
    }
    html_section_end(page);
}

static reshift_status build_page(text_buffer *page, const report_content *content, reshift_error *error)
{
    const report_plots *plots = &content->plots;
    text_buffer title = {0};
    text_printf(&title, "%s \xe2\x80\x93 reshift report", content->name ? content->name : "study");
    html_begin(page, title.bytes ? title.bytes : "");
    page->failed |= title.failed;
    text_destroy(&title);
    add_lead(page, content);

    html_section(page, "probe", "The linear probe");
    reshift_status status =
        add_training(page, &content->probe, "the probe", plots->probe_loss, plots->probe_accuracy, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    add_history(page, content->probe.history);
    html_section_end(page);

    add_shift(page, content);

    html_section(page, "finetune", "Fine-tuning");
    observations list = {0};
    observe_split(content->split, &list);
    html_observations(page, &list);
    status =
        add_training(page, &content->finetune, "fine-tuning", plots->finetune_loss, plots->finetune_accuracy, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    add_history(page, content->finetune.history);
    html_section_end(page);

    if ((status = add_after(page, content, error)) != RESHIFT_OK ||
        (status = add_features(page, content, error)) != RESHIFT_OK) {
        return status;
    }
    add_settings(page, content);
    text_buffer foot = {0};
    text_printf(&foot,
                "Written by reshift%s%s from this run's numbers. The same run writes the same page, byte for byte.",
                content->version ? " " : "", content->version ? content->version : "");
    html_end(page, foot.bytes ? foot.bytes : "");
    page->failed |= foot.failed;
    text_destroy(&foot);
    return RESHIFT_OK;
}

reshift_status report_write(const report_content *content, const char *path, bool overwrite, reshift_error *error)
{
    text_buffer page = {0};
    reshift_status status = build_page(&page, content, error);
    if (status == RESHIFT_OK) {
        status = text_write(&page, path, overwrite, error);
    } else {
        error_prefix(error, status, "cannot write report '%s'", path);
    }
    text_destroy(&page);
    return status;
}
