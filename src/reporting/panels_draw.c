/*
 * The two drawings of a scatter figure. The PNG is gnuplot's. The SVG is written here: gnuplot would write one element
 * per point, 5 MB for 40,000 of them; one path of dots per class and chunk of the drawing order takes a tenth of that.
 * The order of classes rotates from chunk to chunk, so that no class hides another.
 */
#include "reporting/panels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

#define MARK_SEEN "seen in fine-tuning"
#define MARK_UNSEEN "not seen"

/* True if a number is far enough from its class centre to need a line to it. */
static bool number_is_moved(const panel_number *number)
{
    return hypot(number->x - number->centre_x, number->y - number->centre_y) > 14;
}

/* ---- SVG ---- */

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* One path through the points packed as y << 16 | x, in half px, sorted; coinciding points are drawn once. */
static void add_path(text_buffer *svg, int label, bool marked, double dot, uint32_t *points, size_t n)
{
    qsort(points, n, sizeof *points, compare_u32);
    text_printf(svg, "<path class=\"%c\" stroke=\"#%06x\" d=\"", marked ? 's' : 'u', class_colour(label));
    int arm = (int)lround(1.6 * dot), x = 0, y = 0; /* half of the cross, in half px */
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && points[i] == points[i - 1]) {
            continue;
        }
        int to_x = (int)(points[i] & 0xffff), to_y = (int)(points[i] >> 16);
        if (marked) { /* both strokes, each from its start */
            int dx = to_x - arm - x, dy = to_y - arm - y;
            text_printf(svg, "m%d%s%dl%d %dm0-%dl-%d %d", dx, dy < 0 ? "" : " ", dy, 2 * arm, 2 * arm, 2 * arm, 2 * arm,
                        2 * arm);
            x = to_x - arm;
            y = to_y + arm;
        } else { /* a segment of length zero with round ends: a dot */
            text_printf(svg, "m%d%s%dh0", to_x - x, to_y - y < 0 ? "" : " ", to_y - y);
            x = to_x;
            y = to_y;
        }
    }
    text_add(svg, "\"/>\n");
}

static void add_points(text_buffer *svg, const reshift_panel *panel, const panel_layout *layout)
{
    int n_classes = 0;
    for (int64_t i = 0; i < panel->n; i++) {
        n_classes = panel->labels[i] >= n_classes ? panel->labels[i] + 1 : n_classes;
    }
    int64_t n_chunks = n_classes > 20 ? 4 : 12;
    uint32_t *points = memory_allocate((size_t)(panel->n / n_chunks + 1) * sizeof *points);
    if (!points) {
        svg->failed = true;
        return;
    }
    text_printf(svg, "<g transform=\"scale(.5)\" fill=\"none\" style=\"--dot:%.1f;--cross:%.1f\">\n", 2 * layout->dot,
                fmax(2.6, 0.9 * layout->dot));
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        int64_t first = panel->n * chunk / n_chunks, last = panel->n * (chunk + 1) / n_chunks;
        for (int pass = 0; pass < 2 * n_classes; pass++) {
            /* another class first in every chunk */
            int label = (int)((pass / 2 + chunk) % n_classes), marked = pass % 2;
            size_t n = 0;
            for (int64_t i = first; i < last; i++) {
                int64_t row = layout->order[i];
                if (panel->labels[row] == label && (panel->marked && panel->marked[row]) == marked) {
                    double x = panel_px_x(layout, panel->coordinates[2 * row]),
                           y = panel_px_y(layout, panel->coordinates[2 * row + 1]);
                    points[n++] = (uint32_t)lround(2 * y) << 16 | (uint32_t)lround(2 * x);
                }
            }
            if (n > 0) {
                add_path(svg, label, marked, layout->dot, points, n);
            }
        }
    }
    text_add(svg, "</g>\n");
    memory_free(points);
}

static void add_words(text_buffer *svg, double x, double y, const char *class, const char *words)
{
    text_printf(svg, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    text_add_markup(svg, words);
    text_add(svg, "</text>\n");
}

static void add_disc(text_buffer *svg, double x, double y, int label)
{
    char number[16];
    snprintf(number, sizeof number, "%d", label);
    text_printf(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"12\" fill=\"#%06x\" stroke=\"#fff\" stroke-width=\"2\"/>\n",
                x, y, class_colour(label));
    add_words(svg, x, y + 5.5, class_colour_is_light(label) ? "n d" : "n w", number);
}

static void add_ticks(text_buffer *svg, const panel_layout *layout)
{
    char words[40];
    double bottom = layout->top + layout->height;
    for (double k = ceil(layout->x.low / layout->x.step); k * layout->x.step <= layout->x.high; k++) {
        double x = panel_px_x(layout, k * layout->x.step);
        text_printf(svg, "<path class=\"a\" d=\"M%.1f %.1fv7\"/>", x, bottom);
        text_format(words, sizeof words, layout->x.format, k * layout->x.step + 0.0);
        add_words(svg, x, bottom + 26, "t m", words);
    }
    for (double k = ceil(layout->y.low / layout->y.step); k * layout->y.step <= layout->y.high; k++) {
        double y = panel_px_y(layout, k * layout->y.step);
        text_printf(svg, "<path class=\"a\" d=\"M%.1f %.1fh-7\"/>", layout->left, y);
        text_format(words, sizeof words, layout->y.format, k * layout->y.step + 0.0);
        add_words(svg, layout->left - 11, y + 6, "t e", words);
    }
    text_printf(svg, "<path class=\"a\" d=\"M%.1f %.1fv%.1fh%.1f\"/>\n", layout->left, layout->top, layout->height,
                layout->width);
}

static void axis_words(int number, double ratio, char *words, size_t size)
{
    text_format(words, size, "PC %d (%.1f %%)", number, 100 * ratio);
}

static void add_panel(text_buffer *svg, const reshift_panel *panel, const panel_layout *layout)
{
    char words[64];
    add_words(svg, layout->left, layout->top - 14, "p", panel->title);
    add_ticks(svg, layout);
    axis_words(1, panel->ratio[0], words, sizeof words);
    add_words(svg, layout->left + layout->width / 2, layout->top + layout->height + 56, "l m", words);
    axis_words(2, panel->ratio[1], words, sizeof words);
    text_printf(svg, "<text class=\"l m\" transform=\"translate(%.1f,%.1f)rotate(-90)\">%s</text>\n", layout->left - 62,
                layout->top + layout->height / 2, words);
    add_points(svg, panel, layout);
    for (int i = 0; i < layout->n_numbers; i++) {
        const panel_number *number = &layout->numbers[i];
        if (number_is_moved(number)) {
            text_printf(svg,
                        "<path stroke=\"#fff\" stroke-width=\"4\" d=\"M%.1f %.1fL%.1f %.1f\"/><path stroke=\"#111\" "
                        "stroke-width=\"1.5\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n",
                        number->centre_x, number->centre_y, number->x, number->y, number->centre_x, number->centre_y,
                        number->x, number->y);
        }
    }
    for (int i = 0; i < layout->n_numbers; i++) {
        add_disc(svg, layout->numbers[i].x, layout->numbers[i].y, layout->numbers[i].label);
    }
    if (panel->n == 0) {
        add_words(svg, layout->left + layout->width / 2, layout->top + layout->height / 2, "l m", "no rows");
    }
}

void panels_svg(text_buffer *svg, const char *title, const reshift_panel *panels, const panels_layout *layout)
{
    text_printf(svg,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"DejaVu "
                "Sans,Verdana,Helvetica,Arial,sans-serif\" font-size=\"20\" fill=\"#222\">\n<title>",
                layout->width, layout->height);
    text_add_markup(svg, title);
    text_add(svg,
             "</title>\n<style>.h{font-size:28px;fill:#111}.p{font-size:23px;fill:#111}.t{font-size:18px;fill:#333}"
             ".l{fill:#333}.m,.n{text-anchor:middle}.e{text-anchor:end}.n{font-size:15px;font-weight:bold}.d{fill:#111}"
             ".w{fill:#fff}"
             ".a{stroke:#666;stroke-width:1.5;fill:none}"
             ".u{stroke-width:var(--dot);stroke-linecap:round}.s{stroke-width:var(--cross)}</style>\n");
    text_printf(svg, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", layout->width, layout->height);
    add_words(svg, 30, 46, "h", title);
    for (int p = 0; p < layout->n_panels; p++) {
        add_panel(svg, &panels[p], &layout->panels[p]);
    }
    double x, y;
    for (int i = 0; i < layout->n_legend; i++) {
        panels_legend_place(layout, i, &x, &y);
        if (i < layout->n_numbered) {
            add_disc(svg, x, y, i);
        }
        add_words(svg, x + 22, y + 7, "l", layout->names[i]);
    }
    if (layout->any_marked) {
        panels_legend_place(layout, layout->n_legend, &x, &y);
        text_printf(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"#444\"/>\n", x, y);
        add_words(svg, x + 22, y + 7, "l", MARK_UNSEEN);
        x += layout->legend_column_width;
        text_printf(svg, "<path stroke=\"#444\" stroke-width=\"2\" d=\"M%.1f %.1fl10 10m0-10l-10 10\"/>\n", x - 5,
                    y - 5);
        add_words(svg, x + 22, y + 7, "l", MARK_SEEN);
    }
    text_add(svg, "</svg>\n");
}

/* ---- gnuplot ---- */

/* A position in px as a fraction of gnuplot's screen, y upwards. */
static void add_place(text_buffer *script, const panels_layout *layout, double x, double y)
{
    text_printf(script, " at screen %.5f,%.5f", x / layout->width, 1 - y / layout->height);
}

static void add_label(text_buffer *script, const panels_layout *layout, const char *words, double x, double y,
                      int points, const char *more)
{
    text_add(script, "set label ");
    text_add_quoted(script, words);
    add_place(script, layout, x, y);
    text_printf(script, " font ',%d' front %s\n", points, more);
}

static void add_script_disc(text_buffer *script, const panels_layout *layout, double x, double y, int label)
{
    char number[16];
    snprintf(number, sizeof number, "%d", label);
    text_add(script, "set label ''");
    add_place(script, layout, x, y);
    text_add(script, " front point pointtype 7 pointsize 4.2 linecolor rgb '#ffffff'\nset label ''");
    add_place(script, layout, x, y);
    text_printf(script, " front point pointtype 7 pointsize 3.6 linecolor rgb '#%06x'\n", class_colour(label));
    add_label(script, layout, number, x, y, 11,
              class_colour_is_light(label) ? "center textcolor rgb '#111111'" : "center textcolor rgb '#ffffff'");
}

/* Lines from a class centre to its shifted number, as data: above the points, below the numbers. */
static bool add_leaders(text_buffer *script, const panel_layout *layout, int p)
{
    bool any = false;
    for (int i = 0; i < layout->n_numbers; i++) {
        const panel_number *number = &layout->numbers[i];
        if (!number_is_moved(number)) {
            continue;
        }
        if (!any) {
            text_printf(script, "$leaders%d << end\n", p + 1);
        }
        any = true;
        double x[2] = {number->centre_x, number->x}, y[2] = {number->centre_y, number->y};
        for (int end = 0; end < 2; end++) {
            text_printf(script, "%.6g,%.6g\n",
                        layout->x.low + (x[end] - layout->left) / layout->width * (layout->x.high - layout->x.low),
                        layout->y.high - (y[end] - layout->top) / layout->height * (layout->y.high - layout->y.low));
        }
        text_add(script, "\n");
    }
    text_add(script, any ? "end\n" : "");
    return any;
}

static void add_script_panel(text_buffer *script, const char *name, const reshift_panel *panel,
                             const panels_layout *figure, int p)
{
    const panel_layout *layout = &figure->panels[p];
    char words[64];
    text_printf(script,
                "\n# panel %d\nunset label\nset lmargin at screen %.5f\nset rmargin at screen %.5f\nset tmargin at "
                "screen %.5f\nset bmargin at screen %.5f\n",
                p + 1, layout->left / figure->width, (layout->left + layout->width) / figure->width,
                1 - layout->top / figure->height, 1 - (layout->top + layout->height) / figure->height);
    text_printf(script,
                "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\nset xtics %.9g\nset ytics %.9g\nset format x "
                "'%s'\nset format y '%s'\n",
                layout->x.low, layout->x.high, layout->y.low, layout->y.high, layout->x.step, layout->y.step,
                layout->x.format, layout->y.format);
    add_label(script, figure, panel->title, layout->left, layout->top - 22, 17, "left textcolor rgb '#111111'");
    axis_words(1, panel->ratio[0], words, sizeof words);
    add_label(script, figure, words, layout->left + layout->width / 2, layout->top + layout->height + 50, 15,
              "center textcolor rgb '#333333'");
    axis_words(2, panel->ratio[1], words, sizeof words);
    add_label(script, figure, words, layout->left - 68, layout->top + layout->height / 2, 15,
              "center rotate by 90 textcolor rgb '#333333'");
    for (int i = 0; i < layout->n_numbers; i++) {
        add_script_disc(script, figure, layout->numbers[i].x, layout->numbers[i].y, layout->numbers[i].label);
    }
    if (panel->n == 0) {
        add_label(script, figure, "no rows", layout->left + layout->width / 2, layout->top + layout->height / 2, 15,
                  "center textcolor rgb '#666666'");
        text_add(script, "plot NaN notitle\n");
        return;
    }
    bool leaders = add_leaders(script, layout, p);
    text_buffer file = {0};
    text_printf(&file, "%s-%d.csv", name, p + 1);
    text_add(script, "plot ");
    text_add_quoted(script, file.bytes ? file.bytes : "");
    script->failed |= file.failed;
    text_destroy(&file);
    /* gnuplot's points are 6 pointsize + 1 px wide */
    text_printf(
        script,
        " skip 1 using 1:2:($4 == 1 ? %.3f : %.3f):($4 == 1 ? 2 : 7):(colour[int($3) %% 20 + 1]) with points pointsize "
        "variable pointtype variable linecolor rgb variable linewidth %.2f",
        (1.6 * layout->dot - 1) / 6, (layout->dot - 1) / 6, fmax(1, 0.3 * layout->dot));
    for (int line = 0; line < 2 && leaders; line++) {
        text_printf(script, ", \\\n     $leaders%d using 1:2 with lines linewidth %s linecolor rgb '%s'", p + 1,
                    line ? "1.2" : "3.5", line ? "#111111" : "#ffffff");
    }
    text_add(script, "\n");
}

void panels_script(text_buffer *script, const char *name, const char *title, const reshift_panel *panels,
                   const panels_layout *layout)
{
    gnuplot_head(script, name, ".gp", "-1.csv and its sisters (x, y, class, seen in fine-tuning)");
    text_add(script, "unset key\nunset grid\narray colour[20] = [");
    for (int label = 0; label < 20; label++) {
        text_printf(script, "%s0x%06x", label ? ", " : "", class_colour(label));
    }
    text_printf(script,
                "]\n# the SVG beside is written by reshift itself: gnuplot's would be ten times as large\n"
                "set terminal pngcairo noenhanced size %d,%d font 'sans,14' linewidth 1.5 background '#ffffff'\n",
                layout->width, layout->height);
    gnuplot_output(script, name, ".png");
    text_add(script, "set multiplot\n");
    for (int p = 0; p < layout->n_panels; p++) {
        add_script_panel(script, name, &panels[p], layout, p);
    }
    text_add(script, "\n# title and legend\nunset label\nunset arrow\nunset border\nunset tics\nset xrange [0:1]\nset "
                     "yrange [0:1]\n");
    add_label(script, layout, title, 30, 36, 20, "left textcolor rgb '#111111'");
    double x, y;
    for (int i = 0; i < layout->n_legend; i++) {
        panels_legend_place(layout, i, &x, &y);
        if (i < layout->n_numbered) {
            add_script_disc(script, layout, x, y, i);
        }
        add_label(script, layout, layout->names[i], x + 22, y, 15, "left textcolor rgb '#222222'");
    }
    if (layout->any_marked) {
        static const struct {
            int type;
            const char *words;
        } marks[2] = {{7, MARK_UNSEEN}, {2, MARK_SEEN}};
        panels_legend_place(layout, layout->n_legend, &x, &y);
        for (int i = 0; i < 2; i++, x += layout->legend_column_width) {
            text_add(script, "set label ''");
            add_place(script, layout, x, y);
            text_printf(script, " front point pointtype %d pointsize 1.5 linewidth 1.4 linecolor rgb '#444444'\n",
                        marks[i].type);
            add_label(script, layout, marks[i].words, x + 22, y, 15, "left textcolor rgb '#222222'");
        }
    }
    text_add(script, "plot NaN notitle\nunset multiplot\nset output\n");
}
