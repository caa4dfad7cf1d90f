/*
 * The report page, in the order of the study: lead and headline numbers, probe, shift, split and fine-tuning, before
 * and after, features, settings. All sentences come from observations.c; this file arranges them.
 */
#include "reporting/page/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "reporting/page/html.h"
#include "reporting/observations/observations.h"
#include "reporting/page/report_tables.h"

/* Formatted text: "CIFAR-10-C gaussian_blur". The caller frees it; NULL when out of memory. */
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

/* One tile: before and after on the same rows, the change with its paired interval, and which rows these are. */
static void add_tile(text_buffer *page, const report_content *content, report_data data, report_subset subset)
{
    const reshift_accuracy *before = report_find(content, REPORT_ORIGINAL, data, 0, subset);
    const reshift_accuracy *after = report_find(content, REPORT_FINETUNED, data, 0, subset);
    const reshift_difference *change = report_find_change(content, REPORT_FINETUNED, data, 0, subset);
    if (!before || before->n < 1) {
        return;
    }
    text_buffer words = {0};
    text_printf(page, "<div class=\"tile\"><span class=\"name\">%s images</span><b>%.1f&nbsp;%%",
                data == REPORT_CLEAN ? "Clean" : "Shifted", reshift_percent(before->accuracy, 1));
    if (after && after->n > 0) {
        text_printf(page, " \xe2\x86\x92 %.1f&nbsp;%%", reshift_percent(after->accuracy, 1));
    }
    text_printf(page, "</b><span>before (95&nbsp;%%): %.1f to %.1f", reshift_percent(before->low, 1),
                reshift_percent(before->high, 1));
    if (after && after->n > 0) {
        text_printf(page, "; after: %.1f to %.1f", reshift_percent(after->low, 1), reshift_percent(after->high, 1));
    }
    text_add(page, "</span>");
    if (change && after) {
        text_add(&words, "change ");
        text_add_signed(&words, reshift_percent_change(before->accuracy, after->accuracy, 1), 1);
        text_add(&words, " points (");
        text_add_signed(&words, reshift_percent(change->accuracy.low, 1), 1);
        text_add(&words, " to ");
        text_add_signed(&words, reshift_percent(change->accuracy.high, 1), 1);
        text_add(&words, ")");
        if (!change->clear && (before->correct != after->correct || change->n_images < FEW_IMAGES)) {
            text_add(&words, change->n_images < FEW_IMAGES ? ": too few images to tell" : ": may be chance");
        }
        text_printf(page, "<span%s>",
                    !change->clear               ? ""
                    : change->accuracy.value > 0 ? " class=\"up\""
                                                 : " class=\"down\"");
        html_words(page, words.bytes ? words.bytes : "");
        text_add(page, "</span>");
        page->failed |= words.failed;
        text_destroy(&words);
    }
    text_add_rows(&words, before);
    if (subset == REPORT_UNSEEN) {
        text_printf(&words, " never seen in %s", deed_word(content));
    } else {
        text_add(&words, ", seen ones included (leaks)");
    }
    text_add(page, "<span>");
    html_words(page, words.bytes ? words.bytes : "");
    text_add(page, "</span></div>\n");
    page->failed |= words.failed;
    text_destroy(&words);
}

static void add_lead(text_buffer *page, const report_content *content)
{
    text_buffer words = {0};
    text_add(page, "<h1>");
    html_words(page, content->name ? content->name : "reshift");
    text_add(page, "</h1>\n");
    text_printf(&words, "How accurate %s is on shifted images, before and after %s.",
                content->arch ? content->arch : "a pretrained network", deed_word(content));
    html_paragraph(page, "kicker", words.bytes ? words.bytes : "");
    page->failed |= words.failed;
    text_destroy(&words);
    observe_lead(content, &words);
    html_paragraph(page, "lead", words.bytes ? words.bytes : "");
    page->failed |= words.failed;
    text_destroy(&words);
    report_subset subset = headline_subset(content);
    text_add(page, "<div class=\"tiles\">\n");
    add_tile(page, content, REPORT_SHIFT, subset);
    add_tile(page, content, REPORT_CLEAN, subset);
    text_add(page, "</div>\n");
}

/* ---- trainings ---- */

static reshift_status add_training(text_buffer *page, const report_training *training, const char *subject,
                                   const char *loss, const char *accuracy, reshift_error *error)
{
    observations list = {0};
    observe_training(training, subject, &list);
    html_observations(page, &list);
    if (training->minimum || (!loss && !accuracy)) { /* a curve of one point is useless */
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

/* ---- features ---- */

static reshift_status add_features(text_buffer *page, const report_content *content, reshift_error *error)
{
    if (content->n_panels < 1) {
        return RESHIFT_OK;
    }
    html_section(page, "features", "Features in two dimensions");
    html_paragraph(page, NULL,
                   content->shared_basis
                       ? "Features of the test images in two principal components, all panels on one basis."
                       : "Features of the test images in two principal components, each panel on its own: "
                         "distances and directions compare within a panel, not between panels.");
    reshift_status status = html_figure(
        page, "wide", content->plots.panels, "Scatter plots of the test images' features by class, four panels",
        "One point a row (a version of an image), coloured by class; numbers mark the centres of the classes.", error);
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
    table_of_panels(page, content);
    html_paragraph(
        page, NULL,
        "Overlap: share of points at least as near to another class's centre as to their own. Silhouette: from -1 to "
        "1, "
        "how much nearer a point lies to its own class than to the next (at most 5,000 points drawn by a fixed "
        "seed). Scatter: scatter between classes over scatter within. Spread: root mean square distance to "
        "the class's centre. Apart: distance of two centres over the mean of their spreads. PC 1, 2: variance on the "
        "two axes. A dash: too few images to judge. A change of separation counts only where its 95 % interval "
        "(bootstrap over images, centres and axes held "
        "fixed) excludes 0.");
    html_section_end(page);
    return RESHIFT_OK;
}

/* ---- the rest ---- */

static void add_input_words(text_buffer *words, const report_content *content)
{
    const reshift_image_facts *clean = &content->images[REPORT_CLEAN], *shift = &content->images[REPORT_SHIFT];
    char text[2][160];
    if (clean->input_size == 0) {
        return;
    }
    reshift_image_facts_input(clean, text[0], sizeof text[0]);
    reshift_image_facts_input(shift, text[1], sizeof text[1]);
    text_printf(words, "Input of the network: images of %s", text[0]);
    if (shift->input_size > 0 && strcmp(text[0], text[1]) != 0) {
        text_printf(words, "; shifted images %s", text[1]);
    }
    text_add(words, ". ");
}

static void add_corruption_words(text_buffer *words, const report_content *content)
{
    char text[256];
    if (reshift_image_facts_corruption(&content->images[REPORT_SHIFT], text, sizeof text)[0]) {
        text_printf(words, "How the shifted images were made: %s. ", text);
    }
}

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
    text_buffer words = {0};
    add_corruption_words(&words, content);
    if (words.bytes) {
        html_paragraph(page, NULL, words.bytes);
    }
    page->failed |= words.failed;
    text_destroy(&words);
    observations list = {0};
    observe_drop(content, &list);
    html_observations(page, &list);
    table_of_drop(page, content);
    html_section_end(page);
}

static reshift_status add_after(text_buffer *page, const report_content *content, reshift_error *error)
{
    html_section(page, "after", "Before and after");
    observations list = {0};
    observe_gain(content, REPORT_SHIFT, &list);
    observe_gain(content, REPORT_CLEAN, &list);
    html_observations(page, &list);
    text_buffer caption = {0};
    if (headline_subset(content) == REPORT_UNSEEN) {
        text_printf(&caption, "Images never seen in %s", deed_word(content));
    } else {
        text_add(&caption, "All rows, seen ones included");
    }
    text_add(&caption, "; bars are separate 95 % intervals: whether a change is more than chance is in the table.");
    reshift_status status =
        html_figure(page, "medium", content->plots.severity, "Accuracy by severity before and after",
                    caption.bytes ? caption.bytes : "", error);
    page->failed |= caption.failed;
    text_destroy(&caption);
    table_of_comparison(page, content);
    html_section_end(page);
    return status;
}

static void add_adapted(text_buffer *page, const report_content *content)
{
    if (content->n_adapted < 1) {
        return;
    }
    html_section(page, "adapted", "Adapting while tested");
    text_buffer words = {0};
    text_printf(&words,
                "Both networks again, adapting to the test images without their labels: %s. Every severity starts from "
                "the weights as they were trained. The answer to an image depends on the others of its batch, so "
                "batches and their order are part of the result.",
                content->adapted_how);
    html_paragraph(page, NULL, words.bytes ? words.bytes : "");
    page->failed |= words.failed;
    text_destroy(&words);
    table_of_adaptation(page, content, headline_subset(content));
    html_section_end(page);
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
    add_input_words(&words, content);
    add_corruption_words(&words, content);
    text_add(
        &words,
        "Measurements: results.csv and results.json. Predictions of every row: predictions/. Data and scripts of the "
        "figures: plots/. File identities, times and the machine: manifest.json.");
    html_paragraph(page, NULL, words.bytes ? words.bytes : "");
    page->failed |= words.failed;
    text_destroy(&words);
    if (content->n_settings > 0) {
        text_add(page,
                 "<details open><summary>The resolved experiment</summary>\n<div class=\"scroll\" role=\"region\" "
                 "tabindex=\"0\" aria-label=\"settings\"><table>\n<thead><tr>"
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
    if (!content->probe.minimum) {
        table_of_history(page, &content->probe);
    }
    html_section_end(page);

    add_shift(page, content);

    html_section(page, "finetune", only_recalibrated(content) ? "Recalibration" : "Fine-tuning");
    observations list = {0};
    observe_split(content, &list);
    html_observations(page, &list);
    status = add_training(page, &content->finetune, deed_word(content), plots->finetune_loss, plots->finetune_accuracy,
                          error);
    if (status != RESHIFT_OK) {
        return status;
    }
    table_of_history(page, &content->finetune);
    if (content->n_blocks > 0) {
        text_add(page, "<h3>What it changed</h3>\n");
        observe_moved(content, &list);
        html_observations(page, &list);
        table_of_moved(page, content);
    }
    html_section_end(page);

    if ((status = add_after(page, content, error)) != RESHIFT_OK) {
        return status;
    }
    add_adapted(page, content);
    if ((status = add_features(page, content, error)) != RESHIFT_OK) {
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
