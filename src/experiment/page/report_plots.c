/* The figures of a report, below plots/. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "experiment/page/report_drawing.h"
#include "reporting/figures.h"
#include "reporting/observations/observations.h"
#include "reshift/reporting.h"

#define SEVERITIES 6 /* 0: clean */

static reshift_status draw_panels(drawing *d, const char *folder, reshift_error *error)
{
    /* top row the shifted images, bottom row the clean ones; left the original network, right the fine-tuned one */
    static const struct {
        report_model model;
        report_data data;
    } places[PANEL_COUNT] = {{REPORT_ORIGINAL, REPORT_SHIFT},
                             {REPORT_FINETUNED, REPORT_SHIFT},
                             {REPORT_ORIGINAL, REPORT_CLEAN},
                             {REPORT_FINETUNED, REPORT_CLEAN}};
    reshift_panel panels[PANEL_COUNT];
    float *xy[PANEL_COUNT] = {NULL};
    char titles[PANEL_COUNT][160];
    reshift_status status = RESHIFT_OK;
    for (int place = 0; place < PANEL_COUNT && status == RESHIFT_OK; place++) {
        int p = 0;
        while (run_panels[p].model != places[place].model || run_panels[p].data != places[place].data) {
            p++;
        }
        bool shifted = places[place].data == REPORT_SHIFT;
        const int64_t n = d->coordinates[p].shape[0], k = d->coordinates[p].shape[1];
        xy[place] = malloc((size_t)n * 2 * sizeof(float) + 1);
        if (!xy[place]) {
            status = error_memory(error, (size_t)n * 2 * sizeof(float), "points");
            break;
        }
        for (int64_t row = 0; row < n; row++) {
            xy[place][2 * row] = ((const float *)d->coordinates[p].data)[row * k];
            xy[place][2 * row + 1] = ((const float *)d->coordinates[p].data)[row * k + 1];
        }
        snprintf(titles[place], sizeof titles[place], "%s%s, %s network",
                 shifted ? d->content.shift : d->content.source,
                 shifted && strcmp(d->content.shift, d->content.source) == 0 ? " shifted" : "",
                 places[place].model == REPORT_ORIGINAL ? "original" : deed_adjective(&d->content));
        panels[place] = (reshift_panel){.title = titles[place],
                                        .coordinates = xy[place],
                                        .labels = d->plain_labels[shifted],
                                        .marked = d->seen[shifted].data,
                                        .n = n,
                                        .ratio = {d->panels[p].ratio[0], d->panels[p].ratio[1]}};
    }
    if (status == RESHIFT_OK) {
        status = reshift_panels_plot(folder, "pca", "Features in two principal components", panels, PANEL_COUNT, 2,
                                     d->class_names, d->content.n_classes, true, error);
    }
    for (int place = 0; place < PANEL_COUNT; place++) {
        free(xy[place]);
    }
    return status;
}

static reshift_status draw_severities(drawing *d, const char *folder, reshift_error *error)
{
    severity_point points[SEVERITIES];
    int n = 0;
    const report_subset subset = d->split.kind != RESHIFT_SPLIT_BY_ROW ? REPORT_UNSEEN : REPORT_ALL;
    for (int severity = 0; severity < SEVERITIES; severity++) {
        report_data data = severity == 0 ? REPORT_CLEAN : REPORT_SHIFT;
        const reshift_accuracy *before = report_find(&d->content, REPORT_ORIGINAL, data, severity, subset);
        const reshift_accuracy *after = report_find(&d->content, REPORT_FINETUNED, data, severity, subset);
        if (before || after) {
            points[n] = (severity_point){.severity = severity};
            points[n].before = before ? *before : (reshift_accuracy){0};
            points[n++].after = after ? *after : (reshift_accuracy){0};
        }
    }
    return figure_severity(folder, "severity",
                           d->split.kind != RESHIFT_SPLIT_BY_ROW ? "Accuracy by severity, unseen images"
                                                                 : "Accuracy by severity, all rows",
                           points, n, true, error);
}

reshift_status drawing_draw_plots(drawing *d, reshift_error *error)
{
    static const char *const names[6] = {"plots/probe-loss.svg",    "plots/probe-accuracy.svg",
                                         "plots/finetune-loss.svg", "plots/finetune-accuracy.svg",
                                         "plots/severity.svg",      "plots/pca.png"};
    char *folder;
    reshift_status status = drawing_path(d, "plots", &folder, error);
    if (status == RESHIFT_OK) {
        status = folder_create(folder, error);
    }
    for (int step = 0; step < 4 && status == RESHIFT_OK; step++) {
        progress_update(d->progress, "plots", step, 4, "figures");
        switch (step) {
        case 0: status = reshift_history_plot(folder, "probe", "Linear probe", &d->probe, 0, true, error); break;
        case 1:
            if (d->finetune.n_epochs > 0) {
                status = reshift_history_plot(folder, "finetune", "Fine-tuning", &d->finetune, d->content.finetune.kept,
                                              true, error);
            }
            break;
        case 2: status = draw_severities(d, folder, error); break;
        default: status = draw_panels(d, folder, error); break;
        }
        if (status == RESHIFT_OK) {
            status = progress_check(d->progress, error);
        }
    }
    if (status == RESHIFT_OK) {
        progress_update(d->progress, "plots", 4, 4, "figures");
    }
    for (int i = 0; i < 6 && status == RESHIFT_OK; i++) {
        status = drawing_path(d, names[i], &d->plots[i], error);
    }
    d->content.plots = (report_plots){d->plots[0], d->plots[1], d->plots[2], d->plots[3], d->plots[4], d->plots[5]};
    if (d->finetune.n_epochs < 1) { /* statistics alone: no curves */
        d->content.plots.finetune_loss = d->content.plots.finetune_accuracy = NULL;
    }
    free(folder);
    return status;
}
