/* The scatter figure: its data as .csv in drawing order, gnuplot's script and PNG, and the SVG. */
#include "reporting/panels.h"

#include <stdio.h>

#include "base/error.h"

static reshift_status write_points(const gnuplot_figure *figure, const reshift_panel *panel, const panel_layout *layout,
                                   int number, reshift_error *error)
{
    text_buffer data = {0};
    char ending[24];
    snprintf(ending, sizeof ending, "-%d.csv", number);
    text_add(&data, "x,y,label,seen\n");
    for (int64_t i = 0; i < panel->n; i++) {
        int64_t row = layout->order[i];
        text_printf(&data, "%.6g,%.6g,%d,%d\n", panel->coordinates[2 * row], panel->coordinates[2 * row + 1],
                    panel->labels[row], panel->marked && panel->marked[row]);
    }
    reshift_status status = gnuplot_write(figure, ending, &data, error);
    text_destroy(&data);
    return status;
}

reshift_status reshift_panels_plot(const char *folder, const char *name, const char *title, const reshift_panel *panels,
                                   int n_panels, int columns, const char *const *class_names, int n_classes,
                                   bool overwrite, reshift_error *error)
{
    const gnuplot_figure figure = {folder, name, overwrite};
    panels_layout layout;
    text_buffer script = {0}, svg = {0};
    reshift_status status = panels_layout_create(panels, n_panels, columns, class_names, n_classes, &layout, error);
    if (status == RESHIFT_OK) {
        status = gnuplot_begin(&figure, (const char *const[]){".gp", ".png", ".svg", "-1.csv", NULL}, error);
    }
    for (int p = 0; p < n_panels && status == RESHIFT_OK; p++) {
        status = write_points(&figure, &panels[p], &layout.panels[p], p + 1, error);
    }
    if (status == RESHIFT_OK) {
        panels_script(&script, name, title, panels, &layout);
        status = gnuplot_write(&figure, ".gp", &script, error);
    }
    if (status == RESHIFT_OK) {
        panels_svg(&svg, title, panels, &layout);
        status = gnuplot_write(&figure, ".svg", &svg, error);
    }
    if (status == RESHIFT_OK) {
        status = gnuplot_run(&figure, ".gp", (const char *const[]){".png", NULL}, error);
    }
    text_destroy(&script);
    text_destroy(&svg);
    panels_layout_destroy(&layout);
    return status;
}
