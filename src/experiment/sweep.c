/* The studies of a sweep one after the other, their table, and its pictures. */
#include "experiment/sweep.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
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

static const reshift_accuracy nothing = {0, 0, NAN, NAN, NAN, 0};
static const reshift_difference no_change = {.accuracy = {NAN, NAN, NAN}, .p = NAN};

static const reshift_measurement *find(const reshift_measurement *m, int n, const char *model, const char *set)
{
    for (int i = 0; i < n; i++) {
        if (m[i].headline && m[i].severity == 0 && strcmp(m[i].model, model) == 0 && strcmp(m[i].set, set) == 0) {
            return &m[i];
        }
    }
    return NULL;
}

static void take(const reshift_measurement *m, reshift_accuracy *accuracy, reshift_difference *change)
{
    if (m) {
        *accuracy = m->accuracy;
        if (change && m->against[0]) {
            *change = m->change;
        }
    }
}

static reshift_status read_figures(const char *folder, bool adapts, reshift_sweep_row *row, reshift_error *error)
{
    reshift_measurement *m;
    int n;
    reshift_status status = reshift_run_results(folder, &m, &n, error);
    if (status == RESHIFT_OK) {
        const reshift_measurement *after = find(m, n, "finetuned", "shift");
        row->measured = true;
        row->unseen = after && strcmp(after->subset, "unseen") == 0;
        take(find(m, n, "original", "clean"), &row->clean_before, NULL);
        take(find(m, n, "finetuned", "clean"), &row->clean_after, &row->clean_change);
        take(find(m, n, "original", "shift"), &row->shift_before, NULL);
        take(after, &row->shift_after, &row->shift_change);
        free(m);
    }
    if (status == RESHIFT_OK && adapts) {
        status = results_load(folder, "adapted.json", &m, &n, error);
        if (status == RESHIFT_OK) {
            take(find(m, n, "original", "clean"), &row->clean_before_adapted, NULL);
            take(find(m, n, "finetuned", "clean"), &row->clean_after_adapted, &row->clean_adapted_change);
            take(find(m, n, "original", "shift"), &row->shift_before_adapted, NULL);
            take(find(m, n, "finetuned", "shift"), &row->shift_after_adapted, &row->shift_adapted_change);
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
        snprintf(row->problem, sizeof row->problem, "%s", error->message);
        return RESHIFT_OK;
    }
    return status == RESHIFT_OK ? read_figures(folders[index], adapts, row, error) : status;
}

/* ---- the table ---- */

static void add_quoted(text_buffer *text, const char *words)
{
    text_add(text, words[0] ? "\"" : "");
    for (const char *c = words; *c; c++) {
        text_add_bytes(text, c, 1);
        if (*c == '"') {
            text_add(text, "\"");
        }
    }
    text_add(text, words[0] ? "\"" : "");
}

static void add_field(text_buffer *text, const char *words)
{
    add_quoted(text, words);
    text_add(text, ",");
}

/* The columns of figures, in order; each has its interval. */
typedef struct figure_column {
    const char *name;
    size_t place; /* in a row */
    bool change;  /* a reshift_difference; else a reshift_accuracy */
} figure_column;

#define OF(figure) offsetof(reshift_sweep_row, figure)
static const figure_column clean_columns[] = {{"clean_before", OF(clean_before), false},
                                              {"clean_after", OF(clean_after), false},
                                              {"clean_change", OF(clean_change), true},
                                              {NULL, 0, false}};
static const figure_column shift_columns[] = {{"shift_before", OF(shift_before), false},
                                              {"shift_after", OF(shift_after), false},
                                              {"shift_change", OF(shift_change), true},
                                              {NULL, 0, false}};
static const figure_column adapted_columns[] = {{"clean_before_adapted", OF(clean_before_adapted), false},
                                                {"clean_after_adapted", OF(clean_after_adapted), false},
                                                {"clean_adapted_change", OF(clean_adapted_change), true},
                                                {"shift_before_adapted", OF(shift_before_adapted), false},
                                                {"shift_after_adapted", OF(shift_after_adapted), false},
                                                {"shift_adapted_change", OF(shift_adapted_change), true},
                                                {NULL, 0, false}};

static reshift_interval interval_at(const reshift_sweep_row *row, size_t place, bool change)
{
    reshift_accuracy accuracy;
    reshift_difference difference;
    if (change) {
        memcpy(&difference, (const char *)row + place, sizeof difference);
        return difference.accuracy;
    }
    memcpy(&accuracy, (const char *)row + place, sizeof accuracy);
    return (reshift_interval){accuracy.accuracy, accuracy.low, accuracy.high};
}

static void add_heads(text_buffer *text, const figure_column *columns)
{
    for (const figure_column *c = columns; c->name; c++) {
        text_printf(text, ",%s,%s_low,%s_high", c->name, c->name, c->name);
    }
}

/* What was not measured stays empty. */
static void add_figures(text_buffer *text, const reshift_sweep_row *row, const figure_column *columns)
{
    for (const figure_column *c = columns; c->name; c++) {
        const reshift_interval interval = interval_at(row, c->place, c->change);
        const double figures[] = {interval.value, interval.low, interval.high};
        for (int i = 0; i < 3; i++) {
            text_printf(text, isfinite(figures[i]) ? ",%.6g" : ",", figures[i]);
        }
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
    text_add(&text, "subset,clean_rows,clean_images");
    add_heads(&text, clean_columns);
    text_add(&text, ",shift_rows,shift_images");
    add_heads(&text, shift_columns);
    add_heads(&text, adapted_columns);
    text_add(&text, ",problem\n");
    for (int i = 0; i < n; i++) {
        const reshift_sweep_row *r = &rows[i];
        add_field(&text, r->folder);
        for (int k = 0; k < sweep->n_axes; k++) {
            add_field(&text, reshift_sweep_value(sweep, i, k));
        }
        text_printf(&text, "%s,%lld,%lld",
                    !r->measured ? ""
                    : r->unseen  ? "unseen"
                                 : "all",
                    (long long)r->clean_after.n, (long long)r->clean_after.n_images);
        add_figures(&text, r, clean_columns);
        text_printf(&text, ",%lld,%lld", (long long)r->shift_after.n, (long long)r->shift_after.n_images);
        add_figures(&text, r, shift_columns);
        add_figures(&text, r, adapted_columns);
        text_add(&text, ",");
        add_quoted(&text, r->problem);
        text_add(&text, "\n");
    }
    reshift_status status = path ? text_write(&text, path, true, error) : error_memory(error, strlen(folder), "a path");
    free(path);
    text_destroy(&text);
    return status;
}

/* ---- pictures ---- */

typedef struct picture {
    const char *name, *title, *about; /* about NULL: accuracies of the rows that count */
    size_t figure;
    bool change;
    bool adapted; /* only where a study adapts */
} picture;

#define CHANGE "accuracy after minus before (points); grey: the 95 % interval includes 0"
#define ADAPTING "fine-tuned network: accuracy adapting minus as it is (points); grey: the 95 % interval includes 0"
static const picture pictures[] = {
    {"sweep-shift", "Shifted images after fine-tuning", NULL, OF(shift_after), false, false},
    {"sweep-shift-change", "What fine-tuning changed on shifted images", CHANGE, OF(shift_change), true, false},
    {"sweep-clean", "Clean images after fine-tuning", NULL, OF(clean_after), false, false},
    {"sweep-clean-change", "What fine-tuning changed on clean images", CHANGE, OF(clean_change), true, false},
    {"sweep-shift-adapted-original", "Shifted images, original network adapting", NULL, OF(shift_before_adapted), false,
     true},
    {"sweep-shift-adapted", "Shifted images, fine-tuned network adapting", NULL, OF(shift_after_adapted), false, true},
    {"sweep-shift-adapted-change", "What adapting changed on shifted images", ADAPTING, OF(shift_adapted_change), true,
     true},
    {"sweep-clean-adapted-original", "Clean images, original network adapting", NULL, OF(clean_before_adapted), false,
     true},
    {"sweep-clean-adapted", "Clean images, fine-tuned network adapting", NULL, OF(clean_after_adapted), false, true},
    {"sweep-clean-adapted-change", "What adapting changed on clean images", ADAPTING, OF(clean_adapted_change), true,
     true}};

/* Which rows the accuracies of the studies count. */
static const char *counted_rows(const reshift_sweep_row *rows, int n)
{
    int measured = 0, unseen = 0;
    for (int i = 0; i < n; i++) {
        measured += rows[i].measured;
        unseen += rows[i].measured && rows[i].unseen;
    }
    return unseen == measured ? "accuracy (%) on images never seen in fine-tuning"
           : unseen == 0      ? "accuracy (%) on all rows, images seen in fine-tuning included"
                              : "accuracy (%) on the rows that count under each study's split";
}

static bool is_unclear(const reshift_sweep_row *row, const picture *p)
{
    reshift_difference difference;
    memcpy(&difference, (const char *)row + p->figure, sizeof difference * p->change);
    return p->change && !difference.clear;
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
    uint8_t *unclear = calloc((size_t)sweep->n_studies, 1);
    bool good = plots && values && unclear;
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
            values[i] = interval_at(&rows[i], p->figure, p->change).value;
            unclear[i] = is_unclear(&rows[i], p);
            any |= isfinite(values[i]);
        }
        const reshift_heatmap map = {.about = p->about ? p->about : counted_rows(rows, sweep->n_studies),
                                     .rows = (const char *const *)names,
                                     .columns = (const char *const *)names + n_rows,
                                     .n_rows = n_rows,
                                     .n_columns = n_columns,
                                     .values = values,
                                     .unclear = unclear,
                                     .change = p->change};
        if (any && n_rows <= 200 && n_columns <= 200) {
            status = reshift_heatmap_plot(plots, p->name, p->title, &map, true, error);
        } else if (any || !p->adapted) {
            progress_message(progress, RESHIFT_LOG_WARNING, "no picture '%s': %s", p->name,
                             any ? "more than 200 rows or columns" : "no figures");
        }
    }
    for (int i = 0; i < n_rows + n_columns; i++) {
        free(names[i]);
    }
    free(values);
    free(unclear);
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
        rows[i] = (reshift_sweep_row){.clean_before = nothing,
                                      .clean_after = nothing,
                                      .shift_before = nothing,
                                      .shift_after = nothing,
                                      .clean_before_adapted = nothing,
                                      .clean_after_adapted = nothing,
                                      .shift_before_adapted = nothing,
                                      .shift_after_adapted = nothing,
                                      .clean_change = no_change,
                                      .shift_change = no_change,
                                      .clean_adapted_change = no_change,
                                      .shift_adapted_change = no_change};
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
