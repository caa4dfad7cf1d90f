/* The studies of a sweep one after the other, their table, and its pictures. */
#include "experiment/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "reporting/text.h"
#include "reshift/reporting.h"

/* ---- one study ---- */

static const reshift_accuracy nothing = {0, 0, NAN, NAN, NAN};

static reshift_accuracy find(const reshift_measurement *m, int n, const char *model, const char *set)
{
    for (int i = 0; i < n; i++) {
        if (m[i].headline && m[i].severity == 0 && strcmp(m[i].model, model) == 0 && strcmp(m[i].set, set) == 0) {
            return m[i].accuracy;
        }
    }
    return nothing;
}

static reshift_status read_figures(const char *folder, reshift_sweep_row *row, reshift_error *error)
{
    reshift_measurement *m;
    int n;
    reshift_status status = reshift_run_results(folder, &m, &n, error);
    if (status == RESHIFT_OK) {
        row->measured = true;
        row->clean_before = find(m, n, "original", "clean");
        row->clean_after = find(m, n, "finetuned", "clean");
        row->shift_before = find(m, n, "original", "shift");
        row->shift_after = find(m, n, "finetuned", "shift");
        free(m);
    }
    return status;
}

static void announce(const reshift_sweep *sweep, int index, const reshift_progress *progress)
{
    text_buffer text = {0};
    for (int k = 0; k < sweep->n_axes; k++) {
        text_printf(&text, "%s%s %s", k ? ", " : "", sweep->axes[k].key, reshift_sweep_value(sweep, index, k));
    }
    progress_message(progress, RESHIFT_LOG_INFO, "study %d of %d: %s", index + 1, sweep->n_studies,
                     text.bytes ? text.bytes : "");
    text_destroy(&text);
}

/* folders [n_studies]: those before `index` are finished ones, to borrow from. */
static reshift_status do_study(const reshift_sweep *sweep, int index, char **folders,
                               const reshift_run_options *options, reshift_sweep_row *row,
                               const reshift_progress *progress, reshift_error *error)
{
    reshift_experiment *experiment;
    reshift_status status = sweep_study(sweep, index, &experiment, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    reshift_run_options run = *options;
    run.folder = folders[index];
    run.siblings = (const char *const *)folders;
    run.n_siblings = index;
    announce(sweep, index, progress);
    status = reshift_experiment_run(experiment, &run, progress, error);
    reshift_experiment_destroy(&experiment);
    if (status == RESHIFT_ERROR_NUMERIC) {
        progress_message(progress, RESHIFT_LOG_WARNING, "study %s has no result: %s", row->folder, error->message);
        return RESHIFT_OK;
    }
    return status == RESHIFT_OK ? read_figures(folders[index], row, error) : status;
}

/* ---- the table ---- */

static void add_field(text_buffer *text, const char *words)
{
    text_add(text, "\"");
    for (const char *c = words; *c; c++) {
        text_add_bytes(text, c, 1);
        if (*c == '"') {
            text_add(text, "\"");
        }
    }
    text_add(text, "\",");
}

static reshift_status write_table(const reshift_sweep *sweep, const reshift_sweep_row *rows, int n, const char *folder,
                                  reshift_error *error)
{
    text_buffer text = {0};
    char *path = path_join(folder, "sweep.csv");
    text_add(&text, "study,");
    for (int k = 0; k < sweep->n_axes; k++) {
        add_field(&text, sweep->axes[k].key);
    }
    text_add(&text,
             "clean_images,clean_before,clean_after,shift_images,shift_before,shift_before_low,shift_before_high,"
             "shift_after,shift_after_low,shift_after_high\n");
    for (int i = 0; i < n; i++) {
        const reshift_sweep_row *r = &rows[i];
        add_field(&text, r->folder);
        for (int k = 0; k < sweep->n_axes; k++) {
            add_field(&text, reshift_sweep_value(sweep, i, k));
        }
        const double figures[] = {r->clean_before.accuracy, r->clean_after.accuracy, r->shift_before.accuracy,
                                  r->shift_before.low,      r->shift_before.high,    r->shift_after.accuracy,
                                  r->shift_after.low,       r->shift_after.high};
        text_printf(&text, "%lld", (long long)r->clean_after.n);
        for (int f = 0; f < 8; f++) {
            if (f == 2) {
                text_printf(&text, ",%lld", (long long)r->shift_after.n);
            }
            text_printf(&text, isfinite(figures[f]) ? ",%.6g" : ",", figures[f]);
        }
        text_add(&text, "\n");
    }
    reshift_status status = path ? text_write(&text, path, true, error) : error_memory(error, strlen(folder), "a path");
    free(path);
    text_destroy(&text);
    return status;
}

/* ---- pictures ---- */

typedef struct picture {
    const char *name, *title, *about;
    bool change;
} picture;

static double value_of(const reshift_sweep_row *row, int which)
{
    switch (which) {
    case 0: return row->shift_after.accuracy;
    case 1: return row->shift_after.accuracy - row->shift_before.accuracy;
    case 2: return row->clean_after.accuracy;
    default: return row->clean_after.accuracy - row->clean_before.accuracy;
    }
}

/* "[layer4, fc]" reads better without its brackets. */
static char *plain(const char *value)
{
    size_t length = strlen(value);
    bool list = length >= 2 && value[0] == '[' && value[length - 1] == ']';
    return list ? strndup(value + 1, length - 2) : strdup(value);
}

/* Names of the columns: the values of all keys but the first, together. */
static char *column_name(const reshift_sweep *sweep, int column)
{
    text_buffer text = {0};
    for (int k = 1; k < sweep->n_axes; k++) {
        char *value = plain(reshift_sweep_value(sweep, column, k));
        text_printf(&text, "%s%s", k > 1 ? "; " : "", value ? value : "?");
        free(value);
    }
    if (sweep->n_axes == 1) {
        text_add(&text, "accuracy");
    }
    char *name = text.bytes && !text.failed ? strdup(text.bytes) : NULL;
    text_destroy(&text);
    return name;
}

static reshift_status draw(const reshift_sweep *sweep, const reshift_sweep_row *rows, const char *folder,
                           const reshift_progress *progress, reshift_error *error)
{
    static const picture pictures[] = {
        {"sweep-shift", "Shifted images after fine-tuning", "accuracy (%) on images that fine-tuning never saw", false},
        {"sweep-shift-change", "What fine-tuning changed on shifted images", "accuracy after less before (points)",
         true},
        {"sweep-clean", "Clean images after fine-tuning", "accuracy (%) on images that fine-tuning never saw", false},
        {"sweep-clean-change", "What fine-tuning changed on clean images", "accuracy after less before (points)",
         true}};
    const int n_rows = sweep->axes[0].values.n, n_columns = sweep->n_studies / n_rows;
    char *plots = path_join(folder, "plots"), *names[RESHIFT_SWEEP_STUDIES + 1] = {0};
    double *values = calloc((size_t)sweep->n_studies, sizeof *values);
    bool good = plots && values;
    reshift_status status = RESHIFT_OK;
    for (int i = 0; i < n_rows + n_columns && good; i++) {
        names[i] = i < n_rows ? plain(sweep->axes[0].values.items[i]) : column_name(sweep, i - n_rows);
        good = names[i] != NULL;
    }
    if (!good) {
        status = error_memory(error, 0, "pictures");
    }
    for (int p = 0; p < 4 && status == RESHIFT_OK; p++) {
        bool any = false;
        for (int i = 0; i < sweep->n_studies; i++) {
            values[i] = value_of(&rows[i], p);
            any |= isfinite(values[i]);
        }
        const reshift_heatmap map = {pictures[p].about,
                                     (const char *const *)names,
                                     (const char *const *)names + n_rows,
                                     n_rows,
                                     n_columns,
                                     values,
                                     pictures[p].change};
        if (any && n_rows <= 200 && n_columns <= 200) {
            status = reshift_plot_heatmap(plots, pictures[p].name, pictures[p].title, &map, true, error);
        } else {
            progress_message(progress, RESHIFT_LOG_WARNING, "no picture '%s': %s", pictures[p].name,
                             any ? "more than 200 rows or columns" : "no figures");
        }
    }
    for (int i = 0; i < n_rows + n_columns; i++) {
        free(names[i]);
    }
    free(values);
    free(plots);
    return status;
}

/* ---- the whole ---- */

reshift_status reshift_sweep_run(const reshift_sweep *sweep, const reshift_run_options *options,
                                 reshift_sweep_row *rows, const reshift_progress *progress, reshift_error *error)
{
    char *folder = options->folder ? strdup(options->folder) : path_join("runs", sweep->name);
    char **folders = calloc((size_t)sweep->n_studies, sizeof *folders);
    reshift_status status = folder && folders ? folder_create(folder, error) : error_memory(error, 0, "a sweep");
    for (int i = 0; i < sweep->n_studies; i++) {
        rows[i] = (reshift_sweep_row){"", false, nothing, nothing, nothing, nothing};
        sweep_study_name(sweep, i, rows[i].folder, sizeof rows[i].folder);
        if (status == RESHIFT_OK && !(folders[i] = path_join(folder, rows[i].folder))) {
            status = error_memory(error, strlen(folder), "a path");
        }
    }
    for (int i = 0; i < sweep->n_studies && status == RESHIFT_OK; i++) {
        status = do_study(sweep, i, folders, options, &rows[i], progress, error);
        if (status == RESHIFT_OK) {
            status = write_table(sweep, rows, i + 1, folder, error);
        }
    }
    if (status == RESHIFT_OK) {
        status = draw(sweep, rows, folder, progress, error);
    }
    for (int i = 0; folders && i < sweep->n_studies; i++) {
        free(folders[i]);
    }
    free(folders);
    free(folder);
    return status;
}
