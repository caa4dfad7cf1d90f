/* A table as a picture: one coloured cell per value, with the value in it. */
#include "reshift/reporting.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "reporting/gnuplot.h"

#define CELL_WIDTH 64
#define CELL_HEIGHT 30
#define MARGIN 16
#define TOP 64     /* height of the title and the text under it */
#define LETTER 7.2 /* average width in px of a letter of 11 points */
#define TITLE_LETTER 11.6
#define TURNED_LETTER 6.2 /* the same for text rotated by 45 degrees */
#define MOST 200          /* rows, columns */

/*
 * Lightness decreases with the value, so that the order survives a print in grey. Changes use a diverging palette from
 * orange through white to blue, which is distinguishable with every common kind of colour vision.
 */
static const char *const accuracy_palette =
    "set palette defined (0 '#f7fbff', 0.25 '#cfe1f2', 0.5 '#94c4df', 0.75 '#4a98c9', 1 '#1764ab')\n";
static const char *const change_palette =
    "set palette defined (-1 '#c8590a', -0.5 '#f3ab73', 0 '#f7f7f7', 0.5 '#92b9d8', 1 '#2a6299')\n";

static int longest(const char *const *names, int n)
{
    int most = 0;
    for (int i = 0; i < n; i++) {
        most = (int)strlen(names[i]) > most ? (int)strlen(names[i]) : most;
    }
    return most;
}

/* How far rotated names extend beyond the last column, in px. */
static int overhang(const reshift_heatmap *map)
{
    double most = 0;
    for (int j = 0; j < map->n_columns; j++) {
        double from_centre = (double)strlen(map->columns[j]) * TURNED_LETTER + 8;
        most = fmax(most, (j + 0.5 - map->n_columns) * CELL_WIDTH + from_centre);
    }
    return (int)most;
}

/* In per cent; the palette of changes is symmetric about 0. */
static void find_range(const reshift_heatmap *map, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < map->n_rows * map->n_columns; i++) {
        if (isfinite(map->values[i])) {
            *low = fmin(*low, 100 * map->values[i]);
            *high = fmax(*high, 100 * map->values[i]);
        }
    }
    if (map->change) {
        *high = fmax(fmax(fabs(*low), fabs(*high)), 0.1);
        *low = -*high;
    } else if (*high - *low < 0.1) {
        *low -= 0.05;
        *high += 0.05;
    }
}

static void add_names(text_buffer *script, const char *axis, const char *const *names, int n, const char *style)
{
    text_printf(script, "set %stics (", axis);
    for (int i = 0; i < n; i++) {
        text_add(script, i ? ", " : "");
        text_add_quoted(script, names[i]);
        text_printf(script, " %d", i);
    }
    text_printf(script, ") scale 0 %s textcolor rgb '#222222'\n", style);
}

static bool is_unclear(const reshift_heatmap *map, int cell) { return map->unclear && map->unclear[cell]; }

/* Dark cells have white text. */
static bool is_dark(double value, double low, double high, bool change)
{
    double place = (value - low) / (high - low);
    return change ? place < 0.12 || place > 0.82 : place > 0.7;
}

/*
 * The text in the cells, dark and light. gnuplot 5.4 crashes on a plot of labels without any label in a map of one
 * cell, so each plot is added only if there are cells of its kind. It also crashes on a label of a missing value with
 * $3, but not with column(3).
 */
static void add_words(text_buffer *script, const reshift_heatmap *map, double low, double high)
{
    static const char *const colours[] = {"#111111", "#ffffff"};
    bool any[2] = {false, false};
    for (int i = 0; i < map->n_rows * map->n_columns; i++) {
        if (isfinite(map->values[i])) {
            any[!is_unclear(map, i) && is_dark(100 * map->values[i], low, high, map->change)] = true;
        }
    }
    for (int dark = 0; dark < 2; dark++) {
        if (any[dark]) {
            text_printf(script,
                        ", \\\n     cells skip 1 using (column(4) == %d ? $2 : 1/0):1:(in_words(column(3))) with "
                        "labels textcolor rgb '%s'",
                        dark, colours[dark]);
        }
    }
    text_add(script, "\n");
}

static void add_script(text_buffer *script, const char *name, const char *title, const reshift_heatmap *map)
{
    const bool turned = longest(map->columns, map->n_columns) * LETTER > CELL_WIDTH - 6;
    const int left = (int)(longest(map->rows, map->n_rows) * LETTER) + 2 * MARGIN;
    const int bottom = (turned ? (int)(longest(map->columns, map->n_columns) * LETTER * 0.75) : 16) + 2 * MARGIN;
    int width = left + map->n_columns * CELL_WIDTH + MARGIN, height = TOP + map->n_rows * CELL_HEIGHT + bottom;
    const double least = strlen(title) * TITLE_LETTER + 2 * MARGIN;
    const int beyond = turned ? overhang(map) : 0;
    const int spare = width + beyond < least ? (int)least - width : beyond;
    double low, high;
    find_range(map, &low, &high);
    width += spare;
    gnuplot_head(script, name, ".gp", ".csv");
    text_add(script, "set label 1 ");
    text_add_quoted(script, title);
    text_printf(script, " at screen %.5f,%.5f left font ',16' textcolor rgb '#111111'\nset label 2 ",
                MARGIN / (double)width, 1 - 20 / (double)height);
    text_add_quoted(script, map->about);
    text_printf(script, " at screen %.5f,%.5f left textcolor rgb '#555555'\n", MARGIN / (double)width,
                1 - 44 / (double)height);
    text_printf(
        script,
        "set lmargin at screen %.5f\nset rmargin at screen %.5f\nset tmargin at screen %.5f\nset bmargin at screen "
        "%.5f\n",
        left / (double)width, 1 - (MARGIN + spare) / (double)width, 1 - TOP / (double)height, bottom / (double)height);
    text_add(script, "unset key\nunset grid\nunset colorbox\nset border 0\n");
    text_printf(script, "set xrange [-0.5:%.1f]\nset yrange [%.1f:-0.5]\nset cbrange [%.10g:%.10g]\n",
                map->n_columns - 0.5, map->n_rows - 0.5, low, high);
    text_add(script, map->change ? change_palette : accuracy_palette);
    add_names(script, "x", map->columns, map->n_columns, turned ? "rotate by -45 left" : "");
    add_names(script, "y", map->rows, map->n_rows, "");
    /*
     * columns of the data: row, column, per cent, 1 for light text on dark cells, 1 for a change that is not
     * significant
     */
    text_add(script, "cells = ");
    text_buffer data = {0};
    text_printf(&data, "%s.csv", name);
    text_add_quoted(script, data.bytes ? data.bytes : "");
    script->failed |= data.failed;
    text_destroy(&data);
    text_printf(script, "\nin_words(v) = sprintf('%s', v < 0 ? v - 1e-7 : v + 1e-7)\n", map->change ? "%+.1f" : "%.1f");
    gnuplot_terminal_png(script, width, height, name, ".png");
    text_add(script, "set style fill solid noborder\n"
                     "plot cells skip 1 using 2:1:(0.485):(0.47):3 with boxxyerror linecolor palette");
    for (int i = 0; i < map->n_rows * map->n_columns; i++) {
        if (isfinite(map->values[i]) && is_unclear(map, i)) {
            text_add(script,
                     ", \\\n     cells skip 1 using (column(5) == 1 ? $2 : 1/0):1:(0.485):(0.47) with boxxyerror "
                     "linecolor rgb '#d9d9d9'");
            break;
        }
    }
    add_words(script, map, low, high);
    text_add(script, "set output\n");
    gnuplot_terminal_svg(script, width, height, name, ".svg");
    text_add(script, "replot\nset output\n");
}

static void add_data(text_buffer *data, const reshift_heatmap *map)
{
    double low, high;
    find_range(map, &low, &high);
    text_add(data, "row,column,per_cent,dark,unclear,row_name,column_name\n");
    for (int i = 0; i < map->n_rows; i++) {
        for (int j = 0; j < map->n_columns; j++) {
            const int cell = i * map->n_columns + j;
            const double value = 100 * map->values[cell];
            const bool unclear = is_unclear(map, cell);
            text_printf(data, "%d,%d,", i, j);
            if (isfinite(value)) {
                text_printf(data, "%.9g,%d,%d", value, !unclear && is_dark(value, low, high, map->change), unclear);
            } else {
                text_add(data, "nan,nan,nan");
            }
            /* a name must be one field: commas are replaced */
            const char *const names[] = {map->rows[i], map->columns[j]};
            for (int k = 0; k < 2; k++) {
                text_add(data, ",");
                for (const char *c = names[k]; *c; c++) {
                    text_add_bytes(data, *c == ',' || *c == '"' || (unsigned char)*c < 0x20 ? " " : c, 1);
                }
            }
            text_add(data, "\n");
        }
    }
}

reshift_status reshift_heatmap_plot(const char *folder, const char *name, const char *title, const reshift_heatmap *map,
                                    bool overwrite, reshift_error *error)
{
    const gnuplot_figure figure = {folder, name, overwrite};
    static const char *const endings[] = {".csv", ".gp", ".png", ".svg", NULL};
    if (map->n_rows < 1 || map->n_columns < 1 || map->n_rows > MOST || map->n_columns > MOST) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "heat map '%s': expected 1 to %d rows and columns, found %d and %d", name, MOST, map->n_rows,
                         map->n_columns);
    }
    bool any = false;
    for (int i = 0; i < map->n_rows * map->n_columns; i++) {
        any |= isfinite(map->values[i]);
    }
    if (!any) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "heat map '%s': expected at least one value, found none", name);
    }
    reshift_status status = gnuplot_begin(&figure, endings, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    text_buffer script = {0}, data = {0};
    add_script(&script, name, title, map);
    add_data(&data, map);
    status = gnuplot_write(&figure, ".csv", &data, error);
    if (status == RESHIFT_OK) {
        status = gnuplot_write(&figure, ".gp", &script, error);
    }
    if (status == RESHIFT_OK) {
        status = gnuplot_run(&figure, ".gp", (const char *const[]){".png", ".svg", NULL}, error);
    }
    text_destroy(&script);
    text_destroy(&data);
    return status;
}
