/* What the two drawings of a scatter figure share: where everything stands, in px of the PNG (the SVG's own units too).
 */
#ifndef REPORTING_PANELS_H
#define REPORTING_PANELS_H

#include "reporting/axis.h"
#include "reporting/gnuplot.h"
#include "reshift/reporting.h"

/** Classes beyond these have no entry in the legend and no number in the panels; their dots repeat the colours. */
#define PANELS_LEGEND_CLASSES 40

/** A class' number in a panel: at the class' centre, moved aside where two would overlap. */
typedef struct panel_number {
    int label;
    double x, y;               /* in px */
    double centre_x, centre_y; /* of its points, in px */
} panel_number;

typedef struct panel_layout {
    double left, top, width, height; /* of the plot within its axes, in px */
    axis x, y;
    double dot;     /* diameter of a dot, in px */
    int64_t *order; /* [n] rows in drawing order */
    panel_number numbers[PANELS_LEGEND_CLASSES];
    int n_numbers;
} panel_layout;

typedef struct panels_layout {
    int width, height; /* of the picture, in px */
    panel_layout *panels;
    int n_panels;
    double legend_top, legend_left, legend_column_width;
    int legend_columns, n_legend; /* entries of the legend: classes 0..n_legend-1 */
    int n_numbered;  /* classes with a number; the last entry of a legend that is too short says how many have none */
    bool any_marked; /* then one line more explains the two marks */
    char (*names)[104]; /* [n_legend] words of the entries, cut to their column */
} panels_layout;

reshift_status panels_layout_create(const reshift_panel *panels, int n_panels, int columns,
                                    const char *const *class_names, int n_classes, panels_layout *layout,
                                    reshift_error *error);
void panels_layout_destroy(panels_layout *layout);

/** 0xRRGGBB of a class, and whether words on it are dark. */
unsigned class_colour(int label);
bool class_colour_is_light(int label);
/** Where the legend's entry `index` starts (its disc's centre); entries past the last class: the line of the marks. */
void panels_legend_place(const panels_layout *layout, int index, double *x, double *y);
/** px of a value on a panel's axes. */
double panel_px_x(const panel_layout *panel, double value);
double panel_px_y(const panel_layout *panel, double value);

/** The whole SVG: axes, words, and the points as one path a class and chunk of the drawing order. */
void panels_svg(text_buffer *svg, const char *title, const reshift_panel *panels, const panels_layout *layout);
/** gnuplot's script for the PNG; reads FOLDER/<name>-<panel>.csv. */
void panels_script(text_buffer *script, const char *name, const char *title, const reshift_panel *panels,
                   const panels_layout *layout);

#endif
