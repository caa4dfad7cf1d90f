/*
 * A report in the making: what was read from the run folder, and what the page points to. report.c reads and writes,
 * report_study.c says what was studied and measured, report_features.c how the features lie, report_plots.c draws.
 */
#ifndef EXPERIMENT_PAGE_REPORT_DRAWING_H
#define EXPERIMENT_PAGE_REPORT_DRAWING_H

#include <jansson.h>

#include "experiment/stages/panels.h"
#include "experiment/page/report_adapted.h"
#include "experiment/page/report_moved.h"
#include "reporting/page/report.h"
#include "reshift/array.h"
#include "reshift/experiment.h"
#include "reshift/model.h"

/* Everything read from the folder, and what the page points to. */
typedef struct drawing {
    const char *folder;
    const reshift_progress *progress;
    json_t *manifest, *separation;
    report_content content;
    report_setting *settings; /* one a row of settings_table() at most */
    const char **class_names;
    reshift_history probe, finetune;
    reshift_measurement *rows;
    report_measurement *measurements;
    reshift_split split;
    report_panel panels[PANEL_COUNT];
    reshift_array coordinates[PANEL_COUNT], labels[2], seen[2]; /* [clean, shift] */
    int *plain_labels[2];
    char *plots[6];
    reshift_model *model;
    adapted_figures adapted;
    moved_figures moved;
    char probe_minimum[96];
    char untrained[256];
} drawing;

/** "FOLDER/name" in fresh memory. Errors: MEMORY. */
reshift_status drawing_path(const drawing *d, const char *name, char **path, reshift_error *error);
/** A value of the resolved experiment, as the manifest has it; "" where there is none. `section` may be NULL. */
const char *drawing_setting(const drawing *d, const char *section, const char *key);

/** The study's names, settings, split and trainings. Errors: MEMORY. */
reshift_status drawing_describe_study(drawing *d, reshift_error *error);
/** results.json. Errors: those of reshift_run_results(). */
reshift_status drawing_describe_measurements(drawing *d, reshift_error *error);
/** Labels, seen rows, coordinates and separation.json. Errors: NOT_FOUND, FORMAT, SHAPE, IO, MEMORY. */
reshift_status drawing_describe_panels(drawing *d, reshift_error *error);
/** Everything below plots/. Errors: those of the figures, CANCELLED. */
reshift_status drawing_draw_plots(drawing *d, reshift_error *error);

#endif
