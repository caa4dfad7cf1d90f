/* The layout shared by the two drawings of a scatter figure, in px of the PNG (also the SVG's units). */
#ifndef REPORTING_PANELS_H
#define REPORTING_PANELS_H

#include "reporting/axis.h"
#include "reporting/gnuplot.h"
#include "reshift/reporting.h"

/**
 * Maximum number of classes with an entry in the legend and a number in the panels; further classes reuse the colours.
 */
#define PANELS_LEGEND_CLASSES 40

/** The number of a class in a panel: at the class centre, shifted if two would overlap. */
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
    int n_numbered;     /* classes with a number; a truncated legend ends with the number of classes without one */
    bool any_marked;    /* adds a line that explains the two marks */
    char (*names)[104]; /* [n_legend] texts of the entries, truncated to their column */
} panels_layout;

reshift_status panels_layout_create(const reshift_panel *panels, int n_panels, int columns,
                                    const char *const *class_names, int n_classes, panels_layout *layout,
                                    reshift_error *error);
void panels_layout_destroy(panels_layout *layout);

/** 0xRRGGBB of a class; whether text on it is dark. */
unsigned class_colour(int label);
bool class_colour_is_light(int label);
/** Position of the legend's entry `index` (centre of its disc). Indices past the last class: the line of the marks. */
void panels_legend_place(const panels_layout *layout, int index, double *x, double *y);
/** Position in px of a value on a panel's axes. */
double panel_px_x(const panel_layout *panel, double value);
double panel_px_y(const panel_layout *panel, double value);

/** The whole SVG: axes, text, and the points as one path per class and chunk of the drawing order. */
void panels_svg(text_buffer *svg, const char *title, const reshift_panel *panels, const panels_layout *layout);
/** gnuplot's script for the PNG; reads FOLDER/<name>-<panel>.csv. */
void panels_script(text_buffer *script, const char *name, const char *title, const reshift_panel *panels,
                   const panels_layout *layout);

#endif
