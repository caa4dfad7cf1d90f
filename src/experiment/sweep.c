/* The studies of a sweep one after the other, their table, and its pictures. */
#include "experiment/sweep.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "experiment/results.h"
#include "reporting/text.h"
#include "reshift/adaptation.h"
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

static reshift_status read_figures(const char *folder, bool adapts, reshift_sweep_row *row, reshift_error *error)
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
    if (status == RESHIFT_OK && adapts) {
        status = results_load(folder, "adapted.json", &m, &n, error);
        if (status == RESHIFT_OK) {
            row->clean_before_adapted = find(m, n, "original", "clean");
            row->clean_after_adapted = find(m, n, "finetuned", "clean");
            row->shift_before_adapted = find(m, n, "original", "shift");
            row->shift_after_adapted = find(m, n, "finetuned", "shift");
            free(m);
        }
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
    const bool adapts = experiment->adapt.method != RESHIFT_ADAPT_NONE;
    announce(sweep, index, progress);
    status = reshift_experiment_run(experiment, &run, progress, error);
    reshift_experiment_destroy(&experiment);
    if (status == RESHIFT_ERROR_NUMERIC) {
        progress_message(progress, RESHIFT_LOG_WARNING, "study %s has no result: %s", row->folder, error->message);
        return RESHIFT_OK;
    }
    return status == RESHIFT_OK ? read_figures(folders[index], adapts, row, error) : status;
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

/* Heads and figures of accuracies, each with its interval or without; what was not measured stays empty. */
static void add_heads(text_buffer *text, const char *const *names, bool interval)
{
    for (int i = 0; names[i]; i++) {
        text_printf(text, ",%s", names[i]);
        if (interval) {
            text_printf(text, ",%s_low,%s_high", names[i], names[i]);
        }
    }
}

static void add_figures(text_buffer *text, const reshift_accuracy *accuracy, bool interval)
{
    const double figures[] = {accuracy->accuracy, accuracy->low, accuracy->high};
    for (int i = 0; i < (interval ? 3 : 1); i++) {
        text_printf(text, isfinite(figures[i]) ? ",%.6g" : ",", figures[i]);
    }
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
    text_add(&text, "clean_images,clean_before,clean_after,shift_images");
    add_heads(&text, (const char *const[]){"shift_before", "shift_after", NULL}, true);
    add_heads(&text, (const char *const[]){"clean_before_adapted", "clean_after_adapted", NULL}, false);
    add_heads(&text, (const char *const[]){"shift_before_adapted", "shift_after_adapted", NULL}, true);
    text_add(&text, "\n");
    for (int i = 0; i < n; i++) {
        const reshift_sweep_row *r = &rows[i];
        add_field(&text, r->folder);
        for (int k = 0; k < sweep->n_axes; k++) {
            add_field(&text, reshift_sweep_value(sweep, i, k));
        }
        text_printf(&text, "%lld", (long long)r->clean_after.n);
        add_figures(&text, &r->clean_before, false);
        add_figures(&text, &r->clean_after, false);
        text_printf(&text, ",%lld", (long long)r->shift_after.n);
        add_figures(&text, &r->shift_before, true);
        add_figures(&text, &r->shift_after, true);
        add_figures(&text, &r->clean_before_adapted, false);
        add_figures(&text, &r->clean_after_adapted, false);
        add_figures(&text, &r->shift_before_adapted, true);
        add_figures(&text, &r->shift_after_adapted, true);
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
    size_t figure, less; /* places in a row; less == figure: nothing is taken off */
    bool adapted;        /* only where a study adapts */
} picture;

#define OF(figure) offsetof(reshift_sweep_row, figure)
#define UNSEEN "accuracy (%) on images that fine-tuning never saw"
#define ADAPTING_LESS "fine-tuned network: accuracy adapting less as it is (points)"
static const picture pictures[] = {
    {"sweep-shift", "Shifted images after fine-tuning", UNSEEN, OF(shift_after), OF(shift_after), false},
    {"sweep-shift-change", "What fine-tuning changed on shifted images", "accuracy after less before (points)",
     OF(shift_after), OF(shift_before), false},
    {"sweep-clean", "Clean images after fine-tuning", UNSEEN, OF(clean_after), OF(clean_after), false},
    {"sweep-clean-change", "What fine-tuning changed on clean images", "accuracy after less before (points)",
     OF(clean_after), OF(clean_before), false},
    {"sweep-shift-adapted-original", "Shifted images, original network adapting", UNSEEN, OF(shift_before_adapted),
     OF(shift_before_adapted), true},
    {"sweep-shift-adapted", "Shifted images, fine-tuned network adapting", UNSEEN, OF(shift_after_adapted),
     OF(shift_after_adapted), true},
    {"sweep-shift-adapted-change", "What adapting changed on shifted images", ADAPTING_LESS, OF(shift_after_adapted),
     OF(shift_after), true},
    {"sweep-clean-adapted-original", "Clean images, original network adapting", UNSEEN, OF(clean_before_adapted),
     OF(clean_before_adapted), true},
    {"sweep-clean-adapted", "Clean images, fine-tuned network adapting", UNSEEN, OF(clean_after_adapted),
     OF(clean_after_adapted), true},
    {"sweep-clean-adapted-change", "What adapting changed on clean images", ADAPTING_LESS, OF(clean_after_adapted),
     OF(clean_after), true}};

static double accuracy_at(const reshift_sweep_row *row, size_t place)
{
    reshift_accuracy accuracy;
    memcpy(&accuracy, (const char *)row + place, sizeof accuracy);
    return accuracy.accuracy;
}

static double value_of(const reshift_sweep_row *row, const picture *p)
{
    return accuracy_at(row, p->figure) - (p->less == p->figure ? 0 : accuracy_at(row, p->less));
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
    for (const picture *p = pictures; p < pictures + sizeof pictures / sizeof *pictures && status == RESHIFT_OK; p++) {
        bool any = false;
        for (int i = 0; i < sweep->n_studies; i++) {
            values[i] = value_of(&rows[i], p);
            any |= isfinite(values[i]);
        }
        const reshift_heatmap map = {
            p->about, (const char *const *)names, (const char *const *)names + n_rows, n_rows, n_columns,
            values,   p->less != p->figure};
        if (any && n_rows <= 200 && n_columns <= 200) {
            status = reshift_plot_heatmap(plots, p->name, p->title, &map, true, error);
        } else if (any || !p->adapted) {
            progress_message(progress, RESHIFT_LOG_WARNING, "no picture '%s': %s", p->name,
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
        rows[i] =
            (reshift_sweep_row){"", false, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing};
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
