/* Pictures: curves and scatter panels through gnuplot, each as PNG and SVG with its script and data beside it. */
#ifndef RESHIFT_REPORTING_H
#define RESHIFT_REPORTING_H

#include "reshift/learning.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Draws FOLDER/<name>-loss.{png,svg} and FOLDER/<name>-accuracy.{png,svg} of a training history, with <name>-*.gp and
 * <name>.csv beside them. `title` is the heading ("Linear probe"). Errors: NOT_FOUND (gnuplot is not installed, with a hint),
 * IO. Same bytes for the same history.
 */
RESHIFT_API reshift_status reshift_plot_history(const char *folder, const char *name, const char *title,
                                                const reshift_history *history, bool overwrite, reshift_error *error);

/** One panel of a scatter figure. */
typedef struct reshift_panel {
    const char *title;
    const float *coordinates; /* [N,2] */
    const int *labels;        /* [N] */
    const uint8_t *marked;    /* [N] 1: seen in training, drawn with another mark; NULL: none */
    int64_t n;
    double ratio[2];          /* explained variance of the two axes */
} reshift_panel;

/** Draws FOLDER/<name>.{png,svg}: panels in rows of `columns`, coloured by class, one legend. Draw order is shuffled by a
 *  fixed seed so that no class hides another. Class names are static or outlive the call. */
RESHIFT_API reshift_status reshift_plot_panels(const char *folder, const char *name, const char *title,
                                               const reshift_panel *panels, int n_panels, int columns,
                                               const char *const *class_names, int n_classes, bool overwrite,
                                               reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
