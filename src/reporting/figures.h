/*
 * Figures used only by the report; the others are in reshift/reporting.h. Same rules: PNG and SVG, with script and
 * data.
 */
#ifndef REPORTING_FIGURES_H
#define REPORTING_FIGURES_H

#include <stdbool.h>

#include "reshift/evaluation.h"

/** Accuracies at one severity (0: clean), before and after fine-tuning; n == 0: not measured, omitted. */
typedef struct severity_point {
    int severity;
    reshift_accuracy before, after;
} severity_point;

/**
 * Draws FOLDER/<name>.{png,svg}: accuracy by severity, before and after, with 95 % intervals; also writes <name>.gp and
 * <name>.csv. `points` are in ascending order of severity. Errors: ARGUMENT (no points), those of
 * reshift_history_plot().
 */
reshift_status figure_severity(const char *folder, const char *name, const char *title, const severity_point *points,
                               int n_points, bool overwrite, reshift_error *error);

#endif
