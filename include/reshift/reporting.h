/* Pictures: curves and scatter panels through gnuplot, each as PNG and SVG with its script and data beside it. */
#ifndef RESHIFT_REPORTING_H
#define RESHIFT_REPORTING_H

#include "reshift/dataset.h"
#include "reshift/learning.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Draws FOLDER/<name>-loss.{png,svg} and FOLDER/<name>-accuracy.{png,svg} of a training history, with <name>-*.gp and
 * <name>.csv beside them; makes FOLDER. `title` is the heading ("Linear probe"). Validation has a line of its own where
 * it was measured. `kept`: the epoch that it chose, which gets a mark; 0: none was chosen. Errors: NOT_FOUND (gnuplot
 * is not installed, with a hint), IO (what gnuplot said), EXISTS (without overwrite), ARGUMENT (no epochs; a name with
 * '/'). Same bytes for the same history.
 */
RESHIFT_API reshift_status reshift_history_plot(const char *folder, const char *name, const char *title,
                                                const reshift_history *history, int kept, bool overwrite,
                                                reshift_error *error);

/**
 * What a history says, in sentences: where training ended, whether test accuracy fell while training accuracy rose,
 * since which epoch and by how much. `n_test` rows were measured after each epoch (0: not known); `kept` as above.
 * Written into `text`, cut to `size` (2,048 is enough). Errors: MEMORY.
 */
RESHIFT_API reshift_status reshift_history_describe(const reshift_history *history, int64_t n_test, int kept,
                                                    char *text, size_t size, reshift_error *error);

/** A table of accuracies, or of changes of accuracy. */
typedef struct reshift_heatmap {
    const char *about;          /* a line under the title: what a cell is */
    const char *const *rows;    /* [n_rows] names */
    const char *const *columns; /* [n_columns] */
    int n_rows, n_columns;
    const double *values;   /* [n_rows][n_columns] fractions, written in per cent; NAN: an empty cell */
    bool change;            /* diverging palette, signed numbers */
    const uint8_t *unclear; /* [n_rows][n_columns] 1: a change that may be chance, drawn grey; NULL: none */
} reshift_heatmap;

/**
 * Draws FOLDER/<name>.{png,svg} with <name>.gp and <name>.csv beside: one coloured cell a value, the value written in
 * it. Errors: ARGUMENT (1 to 200 rows and columns, at least one value), those of reshift_history_plot().
 */
RESHIFT_API reshift_status reshift_heatmap_plot(const char *folder, const char *name, const char *title,
                                                const reshift_heatmap *map, bool overwrite, reshift_error *error);

/** One panel of a scatter figure. */
typedef struct reshift_panel {
    const char *title;
    const float *coordinates; /* [N,2] */
    const int *labels;        /* [N] */
    const uint8_t *marked;    /* [N] 1: seen in training, drawn with another mark; NULL: none */
    int64_t n;
    double ratio[2]; /* explained variance of the two axes */
} reshift_panel;

/**
 * Draws FOLDER/<name>.{png,svg}: panels in rows of `columns`, coloured by class, each class' number at its centre, one
 * legend; <name>.gp and <name>-1.csv, -2.csv, ... beside. Draw order is shuffled by a fixed seed so that no class hides
 * another. class_names [n_classes], NULL or with NULL entries: "class 3". Errors: ARGUMENT (1 to 16 panels, 1 to 4
 * columns), NUMERIC and SHAPE (a coordinate, a label; naming panel and row), those of reshift_history_plot().
 */
RESHIFT_API reshift_status reshift_panels_plot(const char *folder, const char *name, const char *title,
                                               const reshift_panel *panels, int n_panels, int columns,
                                               const char *const *class_names, int n_classes, bool overwrite,
                                               reshift_error *error);

/**
 * Draws one picture, a PNG: `image` under all corruptions, a row each with its name, the clean image first and then
 * severities 1 to 5. Of `options` constants, jpeg, seed, frost and overwrite count; `image_index` keys the draws, as in
 * a set. Same bytes everywhere. Errors: EXISTS (without overwrite), UNSUPPORTED (an image too small for a corruption),
 * those of writing, MEMORY.
 */
RESHIFT_API reshift_status reshift_corruption_sheet_draw(const char *path, const reshift_image *image,
                                                         int64_t image_index, const reshift_corrupt_options *options,
                                                         const reshift_progress *progress, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
