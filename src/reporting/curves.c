/* Curves over epochs and over severities: loss and accuracy of a training, accuracy before and after fine-tuning. */
#include "reshift/evaluation.h"
#include "reshift/reporting.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "reporting/axis.h"
#include "reporting/figures.h"
#include "reporting/gnuplot.h"

/* Two fit next to each other on the page, or one on a phone: small, so that the text is not scaled down. */
#define WIDTH 560
#define HEIGHT 400
/* Distinguishable with every common kind of colour vision, and by their marks. */
#define BLUE "#4e79a7"
#define ORANGE "#e8751a"
#define PURPLE "#7a3e9d"
#define INK "#111111"

/* The values measured after an epoch, in the order of the legend. */
typedef struct curve_line {
    const char *words;
    int loss_column, accuracy_column; /* column of the data file, from 1 */
    int point_type;
    const char *colour;
} curve_line;

#define LINES 3
static const curve_line lines[LINES] = {
    {"training", 2, 3, 7, BLUE}, {"validation", 6, 7, 9, PURPLE}, {"test", 4, 5, 5, ORANGE}};
enum { VALIDATION = 1 };

/* Losses, or accuracies in per cent. */
typedef struct curve_kind {
    const char *script, *png, *svg; /* endings */
    const char *what, *unit_label;
    bool accuracy;
    double scale;
} curve_kind;

static const curve_kind loss_kind = {"-loss.gp", "-loss.png", "-loss.svg", "loss", "cross-entropy loss", false, 1};
static const curve_kind accuracy_kind = {
    "-accuracy.gp", "-accuracy.png", "-accuracy.svg", "accuracy", "accuracy (%)", true, 100};

static int column_of(const curve_kind *kind, int line)
{
    return kind->accuracy ? lines[line].accuracy_column : lines[line].loss_column;
}

static double value_of(const reshift_epoch *epoch, int column)
{
    const double values[] = {epoch->train_loss,    epoch->train_accuracy,  epoch->test_loss,
                             epoch->test_accuracy, epoch->validation_loss, epoch->validation_accuracy};
    return values[column - 2];
}

static bool has_values(const reshift_history *history, int column)
{
    for (int i = 0; i < history->n_epochs; i++) {
        if (isfinite(value_of(&history->epochs[i], column))) {
            return true;
        }
    }
    return false;
}

static axis value_axis(const reshift_history *history, const curve_kind *kind)
{
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < history->n_epochs; i++) {
        for (int line = 0; line < LINES; line++) {
            double value = value_of(&history->epochs[i], column_of(kind, line));
            if (isfinite(value)) {
                low = fmin(low, value * kind->scale);
                high = fmax(high, value * kind->scale);
            }
        }
    }
    axis a = axis_rounded(axis_of(low, high, 0.02, 6));
    a.low = low >= 0 && a.low < 0 ? 0 : a.low;
    a.high = kind->scale == 100 && a.high > 100 ? 100 : a.high;
    return a;
}

/* One entry of the legend: a mark and its text. */
typedef struct legend_entry {
    const char *words;
    int point_type;
    const char *colour;
} legend_entry;

/*
 * From the top: title, legend, name of the y axis (horizontal), plot. gnuplot's own key gives every entry the width of
 * the longest and breaks into two lines. Ours is laid out from the left with 7.6 px per character, the widest average
 * of the fonts in use.
 */
static void add_frame(text_buffer *script, const char *title, const char *x_label, const char *y_label, axis y,
                      const legend_entry *legend, int n_legend)
{
    text_add(script, "set label 1 ");
    text_add_quoted(script, title);
    text_printf(script,
                " at screen 0.02,0.945 left font ',15' textcolor rgb '#111111' front\n"
                "set label 2 '%s' at screen 0.02,0.805 left textcolor rgb '#555555' front\n"
                "set lmargin at screen 0.1\nset rmargin at screen 0.97\n"
                "set tmargin at screen 0.76\nset bmargin at screen 0.165\n"
                "unset key\n"
                "set xlabel '%s' offset 0,0.2 textcolor rgb '#333333'\n"
                "set yrange [%.10g:%.10g]\nset ytics %.10g\nset format y '%s'\n",
                y_label, x_label, y.low, y.high, y.step, y.format);
    double left = WIDTH * 0.02 + 6;
    for (int i = 0; i < n_legend; i++) {
        text_printf(script,
                    "set label %d '%s' at screen %.4f,0.875 left point pointtype %d pointsize 0.9 linewidth 2 "
                    "linecolor rgb '%s' offset 1.2,-0.3 textcolor rgb '#222222' front\n",
                    3 + i, legend[i].words, left / WIDTH, legend[i].point_type, legend[i].colour);
        left += 7.6 * (double)strlen(legend[i].words) + 38;
    }
}

/* The marked epoch: the one chosen by validation, else the one with the best test accuracy. */
typedef struct ringed {
    const reshift_epoch *epoch; /* NULL: none */
    double value;               /* as it is drawn */
    char words[80];
} ringed;

static ringed ring_best_test(const reshift_history *history)
{
    ringed ring = {0};
    for (int i = 0; i < history->n_epochs; i++) {
        const reshift_epoch *epoch = &history->epochs[i];
        if (isfinite(epoch->test_accuracy) && (!ring.epoch || epoch->test_accuracy > ring.epoch->test_accuracy)) {
            ring.epoch = epoch;
        }
    }
    if (ring.epoch) {
        ring.value = 100 * ring.epoch->test_accuracy;
        text_format(ring.words, sizeof ring.words, "best test %.1f %% (epoch %d)",
                    reshift_percent(ring.epoch->test_accuracy, 1), ring.epoch->epoch);
    }
    return ring;
}

static ringed ring_of(const reshift_history *history, const curve_kind *kind, int kept)
{
    ringed ring = {0};
    for (int i = 0; i < history->n_epochs && kept > 0; i++) {
        double value = value_of(&history->epochs[i], column_of(kind, VALIDATION));
        if (history->epochs[i].epoch == kept && isfinite(value)) {
            ring.epoch = &history->epochs[i];
            ring.value = kind->scale * value;
            text_format(ring.words, sizeof ring.words, kind->accuracy ? "kept: epoch %d, %.1f %%" : "kept: epoch %d",
                        kept, reshift_percent(value, 1));
        }
    }
    return kept > 0 || !kind->accuracy ? ring : ring_best_test(history);
}

static void add_data_name(text_buffer *script, const char *name)
{
    text_buffer file = {0};
    text_printf(&file, "%s.csv", name);
    text_add_quoted(script, file.bytes ? file.bytes : "");
    script->failed |= file.failed;
    text_destroy(&file);
}

static void add_curves(text_buffer *script, const char *name, const reshift_history *history, const curve_kind *kind,
                       const ringed *ring)
{
    if (ring->epoch) {
        text_printf(script, "$ring << end\n%d,%.10g\nend\n", ring->epoch->epoch, ring->value);
    }
    const char *separator = "plot ";
    for (int line = 0; line < LINES; line++) {
        if (has_values(history, column_of(kind, line))) {
            text_add(script, separator);
            add_data_name(script, name);
            text_printf(script,
                        " skip 1 using 1:(%g*$%d) with %s linewidth 2 pointtype %d pointsize 0.6 linecolor rgb '%s'",
                        kind->scale, column_of(kind, line), history->n_epochs > 60 ? "lines" : "linespoints",
                        lines[line].point_type, lines[line].colour);
            separator = ", \\\n     ";
        }
    }
    if (separator[0] == 'p') {
        text_add(script,
                 "set label 9 'not measured' at graph 0.5,0.5 center textcolor rgb '#666666'\nplot NaN notitle\n");
        return;
    }
    if (ring->epoch) {
        text_printf(script, "%s$ring using 1:2 with points pointtype 6 pointsize 2 linewidth 2 linecolor rgb '" INK "'",
                    separator);
    }
    text_add(script, "\n");
}

/* Title, legend and axes. */
static void add_curve_frame(text_buffer *script, const char *title, const reshift_history *history,
                            const curve_kind *kind, const ringed *ring)
{
    text_buffer heading = {0};
    legend_entry legend[LINES + 1];
    int n = 0;
    text_printf(&heading, "%s: %s", title, kind->what);
    for (int line = 0; line < LINES; line++) {
        if (has_values(history, column_of(kind, line))) {
            legend[n++] = (legend_entry){lines[line].words, lines[line].point_type, lines[line].colour};
        }
    }
    if (ring->epoch) {
        legend[n++] = (legend_entry){ring->words, 6, INK};
    }
    add_frame(script, heading.bytes ? heading.bytes : "", "epoch", kind->unit_label, value_axis(history, kind), legend,
              n);
    script->failed |= heading.failed;
    text_destroy(&heading);
    int first = history->epochs[0].epoch, last = history->epochs[history->n_epochs - 1].epoch;
    if (first == last) {
        text_printf(script, "set xrange [%d:%d]\nset xtics (%d)\n", first - 1, first + 1, first);
    } else {
        axis x = axis_of(first, last, 0, 10);
        text_printf(script, "set xrange [%d:%d]\nset xtics %g\n", first, last, x.step < 1 ? 1 : x.step);
    }
}

static reshift_status draw_curve(const gnuplot_figure *figure, const char *title, const reshift_history *history,
                                 const curve_kind *kind, int kept, reshift_error *error)
{
    text_buffer script = {0};
    const ringed ring = ring_of(history, kind, kept);
    gnuplot_head(&script, figure->name, kind->script, ".csv");
    add_curve_frame(&script, title, history, kind, &ring);
    gnuplot_terminal_png(&script, WIDTH, HEIGHT, figure->name, kind->png);
    add_curves(&script, figure->name, history, kind, &ring);
    text_add(&script, "set output\n");
    gnuplot_terminal_svg(&script, WIDTH, HEIGHT, figure->name, kind->svg);
    text_add(&script, "replot\nset output\n");
    reshift_status status = gnuplot_write(figure, kind->script, &script, error);
    text_destroy(&script);
    return status == RESHIFT_OK
               ? gnuplot_run(figure, kind->script, (const char *const[]){kind->png, kind->svg, NULL}, error)
               : status;
}

reshift_status reshift_history_plot(const char *folder, const char *name, const char *title,
                                    const reshift_history *history, int kept, bool overwrite, reshift_error *error)
{
    const gnuplot_figure figure = {folder, name, overwrite};
    static const char *const endings[] = {".csv",         "-loss.gp",      "-loss.png",     "-loss.svg",
                                          "-accuracy.gp", "-accuracy.png", "-accuracy.svg", NULL};
    if (history->n_epochs < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "curves of '%s': expected at least one epoch, found none",
                         name);
    }
    reshift_status status = gnuplot_begin(&figure, endings, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    /* Without seconds: the plot data are the same in every run. */
    text_buffer data = {0};
    const bool validated =
        has_values(history, lines[VALIDATION].loss_column) || has_values(history, lines[VALIDATION].accuracy_column);
    text_add(&data, "epoch,train_loss,train_accuracy,test_loss,test_accuracy");
    text_add(&data, validated ? ",validation_loss,validation_accuracy\n" : "\n");
    for (int i = 0; i < history->n_epochs; i++) {
        text_printf(&data, "%d", history->epochs[i].epoch);
        for (int column = 2; column <= (validated ? 7 : 5); column++) {
            double value = value_of(&history->epochs[i], column);
            if (isfinite(value)) {
                text_printf(&data, ",%.9g", value);
            } else {
                text_add(&data, ",nan");
            }
        }
        text_add(&data, "\n");
    }
    status = gnuplot_write(&figure, ".csv", &data, error);
    text_destroy(&data);
    if (status == RESHIFT_OK) {
        status = draw_curve(&figure, title, history, &loss_kind, kept, error);
    }
    return status == RESHIFT_OK ? draw_curve(&figure, title, history, &accuracy_kind, kept, error) : status;
}

/* ---- accuracy by severity ---- */

static void add_severity_data(text_buffer *data, const severity_point *points, int n_points)
{
    text_add(data, "severity,before,before_low,before_high,after,after_low,after_high\n");
    for (int i = 0; i < n_points; i++) {
        text_printf(data, "%d", points[i].severity);
        const reshift_accuracy *both[2] = {&points[i].before, &points[i].after};
        for (int j = 0; j < 2; j++) {
            if (both[j]->n > 0) {
                text_printf(data, ",%.9g,%.9g,%.9g", both[j]->accuracy, both[j]->low, both[j]->high);
            } else {
                text_add(data, ",nan,nan,nan");
            }
        }
        text_add(data, "\n");
    }
}

reshift_status figure_severity(const char *folder, const char *name, const char *title, const severity_point *points,
                               int n_points, bool overwrite, reshift_error *error)
{
    const gnuplot_figure figure = {folder, name, overwrite};
    static const char *const endings[] = {".csv", ".gp", ".png", ".svg", NULL};
    double low = INFINITY, high = -INFINITY;
    bool before = false, after = false;
    for (int i = 0; i < n_points; i++) {
        const reshift_accuracy *both[2] = {&points[i].before, &points[i].after};
        for (int j = 0; j < 2; j++) {
            if (both[j]->n > 0) {
                low = fmin(low, both[j]->low * 100);
                high = fmax(high, both[j]->high * 100);
            }
        }
        before |= points[i].before.n > 0;
        after |= points[i].after.n > 0;
    }
    if (!before && !after) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "accuracies of '%s': expected at least one, found none", name);
    }
    reshift_status status = gnuplot_begin(&figure, endings, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    text_buffer script = {0}, data = {0};
    add_severity_data(&data, points, n_points);
    gnuplot_head(&script, name, ".gp", ".csv");
    axis y = axis_rounded(axis_of(low, high, 0.02, 6));
    y.low = y.low < 0 ? 0 : y.low;
    y.high = y.high > 100 ? 100 : y.high;
    legend_entry legend[2];
    int n_legend = 0;
    if (before) {
        legend[n_legend++] = (legend_entry){"before", 7, BLUE};
    }
    if (after) {
        legend[n_legend++] = (legend_entry){"after", 5, ORANGE};
    }
    add_frame(&script, title, "severity", "accuracy (%)", y, legend, n_legend);
    text_add(&script, "set xtics (");
    for (int i = 0; i < n_points; i++) {
        text_add(&script, i ? ", " : "");
        if (points[i].severity == 0) {
            text_add(&script, "'clean' 0");
        } else {
            text_printf(&script, "'%d' %d", points[i].severity, points[i].severity);
        }
    }
    text_printf(&script, ")\nset xrange [%g:%g]\nset errorbars small\n", points[0].severity - 0.4,
                points[n_points - 1].severity + 0.4);
    gnuplot_terminal_png(&script, WIDTH, HEIGHT, name, ".png");
    const char *separator = "plot ";
    for (int j = 0; j < 2; j++) {
        if (j ? after : before) {
            int c = j ? 5 : 2;
            text_add(&script, separator);
            add_data_name(&script, name);
            /* shifted slightly to either side, so that intervals do not hide each other */
            text_printf(&script,
                        " skip 1 using ($1%s):(100*$%d):(100*$%d):(100*$%d) with yerrorlines linewidth 2 pointtype %d "
                        "pointsize 0.8 linecolor rgb '%s'",
                        j ? "+0.03" : "-0.03", c, c + 1, c + 2, j ? 5 : 7, j ? ORANGE : BLUE);
            separator = ", \\\n     ";
        }
    }
    text_add(&script, "\nset output\n");
    gnuplot_terminal_svg(&script, WIDTH, HEIGHT, name, ".svg");
    text_add(&script, "replot\nset output\n");
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
