/*
 * The layout of a scatter figure. Both drawings (gnuplot's PNG, our SVG) use it, so they look the same. gnuplot's own
 * placement is not used: its key hides points, and its margins depend on the text.
 */
#include "reporting/panels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#define CELL_WIDTH 800
#define CELL_HEIGHT 598
#define TITLE_HEIGHT 70
#define LEGEND_LINE 34
#define NUMBER_GAP 27.0 /* minimum distance in px between the centres of two class numbers */

/* Tableau-10, then the light halves of Tableau-20. */
unsigned class_colour(int label)
{
    static const unsigned colours[20] = {0x4e79a7, 0xf28e2b, 0xe15759, 0x76b7b2, 0x59a14f, 0xedc948, 0xb07aa1,
                                         0xff9da7, 0x9c755f, 0x8d8581, 0xa0cbe8, 0xffbe7d, 0xf1a7a9, 0xb8dbd8,
                                         0x8cd17d, 0xb6992d, 0xd4a6c8, 0xd37295, 0xd7b5a6, 0x79706e};
    return colours[label % 20];
}

bool class_colour_is_light(int label)
{
    unsigned c = class_colour(label);
    return 0.299 * (c >> 16) + 0.587 * (c >> 8 & 255) + 0.114 * (c & 255) > 150;
}

void panels_legend_place(const panels_layout *layout, int index, double *x, double *y)
{
    int line = index / layout->legend_columns, column = index % layout->legend_columns;
    if (index >= layout->n_legend) {
        line = (layout->n_legend - 1) / layout->legend_columns + 1;
        column = 0;
    }
    *x = layout->legend_left + column * layout->legend_column_width;
    *y = layout->legend_top + (line + 0.5) * LEGEND_LINE;
}

double panel_px_x(const panel_layout *panel, double value)
{
    return panel->left + (value - panel->x.low) / (panel->x.high - panel->x.low) * panel->width;
}

double panel_px_y(const panel_layout *panel, double value)
{
    return panel->top + (panel->y.high - value) / (panel->y.high - panel->y.low) * panel->height;
}

static reshift_status check_panel(const reshift_panel *panel, int number, int n_classes, reshift_error *error)
{
    for (int64_t i = 0; i < panel->n; i++) {
        if (!isfinite(panel->coordinates[2 * i]) || !isfinite(panel->coordinates[2 * i + 1])) {
            return error_set(error, RESHIFT_ERROR_NUMERIC,
                             "panel %d: row %lld holds a value that is not a finite number", number, (long long)i);
        }
        if (panel->labels[i] < 0 || panel->labels[i] >= n_classes) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "panel %d: label of row %lld: expected 0 to %d, found %d",
                             number, (long long)i, n_classes - 1, panel->labels[i]);
        }
    }
    return RESHIFT_OK;
}

static void find_axes(const reshift_panel *panel, panel_layout *layout)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int64_t i = 0; i < panel->n; i++) {
        for (int j = 0; j < 2; j++) {
            low[j] = fmin(low[j], panel->coordinates[2 * i + j]);
            high[j] = fmax(high[j], panel->coordinates[2 * i + j]);
        }
    }
    layout->x = axis_of(low[0], high[0], 0.03, 7);
    layout->y = axis_of(low[1], high[1], 0.03, 6);
    /* from 7 px for a few hundred points down to 3 px for tens of thousands: the cloud stays legible */
    double dot = 7 * sqrt(900.0 / (panel->n > 0 ? (double)panel->n : 1.0));
    layout->dot = dot > 8 ? 8 : dot < 3 ? 3 : dot;
}

/* Moves overlapping numbers apart along the line between them, deterministically, and keeps them in the panel. */
static void spread_numbers(panel_layout *layout)
{
    panel_number *numbers = layout->numbers;
    for (int round = 0; round < 400; round++) {
        bool moved = false;
        for (int a = 0; a < layout->n_numbers; a++) {
            for (int b = a + 1; b < layout->n_numbers; b++) {
                double dx = numbers[b].x - numbers[a].x, dy = numbers[b].y - numbers[a].y, distance = hypot(dx, dy);
                if (distance >= NUMBER_GAP) {
                    continue;
                }
                if (distance < 1e-6) { /* coinciding: separate them in a direction that depends on the pair */
                    dx = cos(2.4 * (a + 7 * b));
                    dy = sin(2.4 * (a + 7 * b));
                    distance = 1;
                }
                double push = (NUMBER_GAP + 0.5 - fmin(distance, NUMBER_GAP)) / 2 / distance;
                numbers[a].x -= dx * push;
                numbers[a].y -= dy * push;
                numbers[b].x += dx * push;
                numbers[b].y += dy * push;
                moved = true;
            }
        }
        for (int a = 0; a < layout->n_numbers; a++) {
            double margin = NUMBER_GAP / 2;
            numbers[a].x = fmin(fmax(numbers[a].x, layout->left + margin), layout->left + layout->width - margin);
            numbers[a].y = fmin(fmax(numbers[a].y, layout->top + margin), layout->top + layout->height - margin);
        }
        if (!moved) {
            break;
        }
    }
}

static void place_numbers(const reshift_panel *panel, panel_layout *layout, int n_legend)
{
    for (int label = 0; label < n_legend; label++) {
        double sum[2] = {0, 0};
        int64_t count = 0;
        for (int64_t i = 0; i < panel->n; i++) {
            if (panel->labels[i] == label) {
                sum[0] += panel->coordinates[2 * i];
                sum[1] += panel->coordinates[2 * i + 1];
                count++;
            }
        }
        if (count > 0) {
            panel_number *number = &layout->numbers[layout->n_numbers++];
            number->label = label;
            number->x = number->centre_x = panel_px_x(layout, sum[0] / (double)count);
            number->y = number->centre_y = panel_px_y(layout, sum[1] / (double)count);
        }
    }
    spread_numbers(layout);
}

static size_t count_characters(const char *name)
{
    size_t count = 0;
    for (; *name; name++) {
        count += (*name & 0xc0) != 0x80;
    }
    return count;
}

/* At most `most` characters (not bytes) of `name`; a longer name ends with an ellipsis. */
static void cut_name(const char *name, size_t most, char *out, size_t size)
{
    if (count_characters(name) <= most) {
        snprintf(out, size, "%s", name);
        return;
    }
    size_t bytes = 0;
    for (size_t characters = 0; characters < most; bytes++) {
        characters += (name[bytes + 1] & 0xc0) != 0x80;
        if (characters == most - 1 && (name[bytes + 1] & 0xc0) != 0x80) {
            bytes++;
            break;
        }
    }
    snprintf(out, size, "%.*s\xe2\x80\xa6", (int)(bytes < size - 4 ? bytes : size - 4), name);
}

static void lay_legend(const char *const *class_names, int n_classes, panels_layout *layout)
{
    size_t longest = 4;
    for (int label = 0; label < layout->n_legend; label++) {
        char words[32];
        snprintf(words, sizeof words, "class %d", label);
        const char *name = class_names && class_names[label] ? class_names[label] : words;
        cut_name(name, 24, layout->names[label], sizeof *layout->names);
        size_t length = count_characters(layout->names[label]);
        longest = length > longest ? length : longest;
    }
    if (n_classes > layout->n_legend) {
        snprintf(layout->names[layout->n_legend - 1], sizeof *layout->names, "and %d more",
                 n_classes - layout->n_legend + 1);
    }
    /* a disc with its number, a gap, and 13 px per character of the 20-px font (0.55 em, and some for capitals) */
    double needed = 56 + 13 * (double)longest;
    int columns = (int)((layout->width - 120) / needed);
    columns = columns < 1 ? 1 : columns > layout->n_legend ? layout->n_legend : columns;
    /* distributed evenly over the lines: 10 entries in 2 lines are 5 and 5, not 7 and 3 */
    int lines = (layout->n_legend + columns - 1) / columns;
    columns = (layout->n_legend + lines - 1) / lines;
    layout->legend_columns = columns;
    layout->legend_column_width = fmin((layout->width - 120) / (double)columns, needed + 40);
    layout->legend_left = (layout->width - layout->legend_column_width * columns) / 2 + 20;
}

reshift_status panels_layout_create(const reshift_panel *panels, int n_panels, int columns,
                                    const char *const *class_names, int n_classes, panels_layout *layout,
                                    reshift_error *error)
{
    memset(layout, 0, sizeof *layout);
    if (n_panels < 1 || n_panels > 16 || columns < 1 || columns > 4 || n_classes < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "panels: expected 1 to 16 in 1 to 4 columns and at least 1 class, found %d, %d and %d",
                         n_panels, columns, n_classes);
    }
    layout->n_panels = n_panels;
    layout->n_legend = n_classes < PANELS_LEGEND_CLASSES ? n_classes : PANELS_LEGEND_CLASSES;
    layout->n_numbered = n_classes > layout->n_legend ? layout->n_legend - 1 : layout->n_legend;
    layout->panels = memory_allocate((size_t)n_panels * sizeof *layout->panels);
    layout->names = memory_allocate((size_t)layout->n_legend * sizeof *layout->names);
    reshift_status status = RESHIFT_OK;
    if (!layout->panels || !layout->names) {
        status = error_memory(error, (size_t)n_panels * sizeof *layout->panels, "the layout of a figure");
        goto done;
    }
    columns = columns < n_panels ? columns : n_panels;
    int lines = (n_panels + columns - 1) / columns;
    int cell_width = columns == 1 ? CELL_WIDTH * 5 / 4 : CELL_WIDTH;
    layout->width = cell_width * columns;
    layout->legend_top = TITLE_HEIGHT + CELL_HEIGHT * lines + 24;
    lay_legend(class_names, n_classes, layout);
    for (int p = 0; p < n_panels && status == RESHIFT_OK; p++) {
        panel_layout *panel = &layout->panels[p];
        status = check_panel(&panels[p], p + 1, n_classes, error);
        if (status != RESHIFT_OK) {
            goto done;
        }
        panel->left = cell_width * (p % columns) + 86;
        panel->top = TITLE_HEIGHT + CELL_HEIGHT * (p / columns) + 40;
        panel->width = cell_width - 86 - 26;
        panel->height = CELL_HEIGHT - 40 - 84;
        find_axes(&panels[p], panel);
        place_numbers(&panels[p], panel, layout->n_numbered);
        panel->order = memory_allocate((size_t)panels[p].n * sizeof *panel->order);
        if (!panel->order) {
            status = error_memory(error, (size_t)panels[p].n * sizeof *panel->order, "a drawing order");
            goto done;
        }
        random_stream stream = random_open(0, "draw order", 0, (uint64_t)p);
        random_permutation(&stream, panel->order, panels[p].n);
        for (int64_t i = 0; panels[p].marked && i < panels[p].n && !layout->any_marked; i++) {
            layout->any_marked = panels[p].marked[i] != 0;
        }
    }
    int legend_lines = (layout->n_legend + layout->legend_columns - 1) / layout->legend_columns + layout->any_marked;
    layout->height = (int)layout->legend_top + legend_lines * LEGEND_LINE + 8;
done:
    if (status != RESHIFT_OK) {
        panels_layout_destroy(layout);
    }
    return status;
}

void panels_layout_destroy(panels_layout *layout)
{
    for (int p = 0; layout->panels && p < layout->n_panels; p++) {
        memory_free(layout->panels[p].order);
    }
    memory_free(layout->panels);
    memory_free(layout->names);
    memset(layout, 0, sizeof *layout);
}
