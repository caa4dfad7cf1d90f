/*
 * The last stage: plots and report.html, from nothing but the files of a run folder, so that `reshift report` can draw
 * a finished run again anywhere. Nothing here reads a clock or asks about the machine; equal folders give equal pages.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "experiment/manifest.h"
#include "experiment/panels.h"
#include "experiment/report_adapted.h"
#include "experiment/run.h"
#include "reporting/figures.h"
#include "reporting/report.h"
#include "reshift/reporting.h"

#define SEVERITIES 6 /* 0: clean */

/* Everything read from the folder, and what the page points to. */
typedef struct drawing {
    const char *folder;
    const reshift_progress *progress;
    json_t *manifest, *separation;
    report_content content;
    report_setting *settings; /* one a row of settings_table() at most */
    const char **class_names;
    reshift_history probe, finetune;
    reshift_measurement *rows;
    report_measurement *measurements;
    reshift_split split;
    report_panel panels[PANEL_COUNT];
    reshift_array coordinates[PANEL_COUNT], labels[2], seen[2]; /* [clean, shift] */
    int *plain_labels[2];
    char *plots[6];
    reshift_model *model;
    adapted_figures adapted;
    char probe_minimum[96];
} drawing;

static reshift_status folder_path(const drawing *d, const char *name, char **path, reshift_error *error)
{
    *path = path_join(d->folder, name);
    return *path ? RESHIFT_OK : error_memory(error, strlen(name), "a path");
}

static reshift_status load_array(const drawing *d, const char *name, reshift_dtype dtype, int n_dims,
                                 reshift_array *array, reshift_error *error)
{
    char *path;
    reshift_status status = folder_path(d, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_load_npy(path, array, error);
    }
    if (status == RESHIFT_OK && (array->dtype != dtype || array->n_dims != n_dims)) {
        status = error_set(error, RESHIFT_ERROR_SHAPE, "'%s': expected %s with %d dimensions, found %s with %d", path,
                           reshift_dtype_name(dtype), n_dims, reshift_dtype_name(array->dtype), array->n_dims);
    }
    free(path);
    return status;
}

static reshift_status load_history(const drawing *d, const char *name, reshift_history *history, reshift_error *error)
{
    char *path;
    reshift_status status = folder_path(d, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_history_load_csv(path, history, error);
    }
    for (int i = 0; status == RESHIFT_OK && i < history->n_epochs; i++) {
        history->epochs[i].seconds = 0; /* the data beside a plot holds no times */
    }
    free(path);
    return status;
}

/* ---- what the page says ---- */

static const char *setting_value(const drawing *d, const char *section, const char *key)
{
    const json_t *experiment = json_object_get(d->manifest, "experiment");
    const char *value =
        json_string_value(json_object_get(section ? json_object_get(experiment, section) : experiment, key));
    return value ? value : "";
}

static reshift_status list_settings(drawing *d, reshift_error *error)
{
    const setting *table = settings_table();
    size_t n = 0, most = 0;
    while (table[most].path) {
        most++;
    }
    d->settings = calloc(most + 1, sizeof *d->settings);
    if (!d->settings) {
        return error_memory(error, most * sizeof *d->settings, "the settings of a report");
    }
    for (const setting *row = table; row->path; row++) {
        const char *dot = strchr(row->path, '.');
        char section[64];
        snprintf(section, sizeof section, "%.*s", dot ? (int)(dot - row->path) : 0, row->path);
        if (strcmp(section, "pretrain") == 0 && strcmp(setting_value(d, "model", "weights"), "demo") != 0) {
            continue;
        }
        d->settings[n++] =
            (report_setting){row->path, setting_value(d, dot ? section : NULL, dot ? dot + 1 : row->path)};
    }
    d->content.settings = d->settings;
    d->content.n_settings = (int)n;
    return RESHIFT_OK;
}

/* The name of a data set for people. */
static const char *data_name(const drawing *d, const char *input)
{
    const json_t *set = json_object_get(json_object_get(d->manifest, "inputs"), input);
    const char *kind = json_string_value(json_object_get(set, "kind"));
    const char *spec = json_string_value(json_object_get(set, "data"));
    if (kind && strcmp(kind, "cifar10") == 0) {
        return "CIFAR-10";
    }
    if (kind && strcmp(kind, "cifar10-c") == 0) {
        return "CIFAR-10-C";
    }
    if (kind && strcmp(kind, "demo") == 0) {
        return strcmp(input, "shifted_set") == 0 ? "demo-C" : "the demo set"; /* named as CIFAR-10-C is */
    }
    return spec ? spec : "data";
}

static int64_t split_count(const drawing *d, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(d->manifest, "split"), key));
}

static int64_t input_rows(const drawing *d, const char *input)
{
    return json_integer_value(json_object_get(json_object_get(json_object_get(d->manifest, "inputs"), input), "rows"));
}

static void describe_split(drawing *d)
{
    const char *kind = json_string_value(json_object_get(json_object_get(d->manifest, "split"), "kind"));
    d->split = (reshift_split){
        .kind = kind && strcmp(kind, "by-row") == 0  ? RESHIFT_SPLIT_BY_ROW
                : kind && strcmp(kind, "apart") == 0 ? RESHIFT_SPLIT_APART
                                                     : RESHIFT_SPLIT_BY_IMAGE,
        .n_train = split_count(d, "train_rows"),
        .n_test = split_count(d, "test_rows"),
        .n_images = split_count(d, "images"),
        .n_images_seen = split_count(d, "images_seen"),
        .n_test_rows_seen = split_count(d, "test_rows_seen"),
        .n_test_rows_image_seen = split_count(d, "test_rows_image_seen"),
        .n_test_images = split_count(d, "test_images"),
        .n_test_images_seen = split_count(d, "test_images_seen"),
    };
    d->content.split = &d->split;
}

static reshift_status describe_study(drawing *d, reshift_error *error)
{
    report_content *c = &d->content;
    c->name = setting_value(d, NULL, "name");
    c->version = reshift_version();
    c->weights = setting_value(d, "model", "weights");
    c->arch = reshift_model_arch(d->model);
    c->n_parameters = reshift_model_n_parameters(d->model);
    c->n_features = reshift_model_n_features(d->model);
    c->source = data_name(d, "test_set");
    c->shift = data_name(d, "shifted_set");
    c->corruption = setting_value(d, "shift", "corruption");
    const char *severity = setting_value(d, "shift", "severity"), *dash = strchr(severity, '-');
    c->severity_first = atoi(severity);
    c->severity_last = dash ? atoi(dash + 1) : c->severity_first;
    reshift_status listed = list_settings(d, error);
    if (listed != RESHIFT_OK) {
        return listed;
    }
    describe_split(d);

    const json_t *names = json_object_get(d->manifest, "classes");
    c->n_classes = (int)json_array_size(names);
    d->class_names = calloc((size_t)c->n_classes + 1, sizeof *d->class_names);
    if (!d->class_names) {
        return error_memory(error, 0, "class names");
    }
    for (int label = 0; label < c->n_classes; label++) {
        d->class_names[label] = json_string_value(json_array_get(names, (size_t)label));
    }
    c->class_names = d->class_names;
    c->probe = (report_training){&d->probe, input_rows(d, "training_set"), input_rows(d, "test_set"),
                                 "the clean test set", NULL};
    c->finetune = (report_training){
        &d->finetune, d->split.n_train - split_count(d, "validation_rows"), split_count(d, "monitored_rows"),
        d->split.kind != RESHIFT_SPLIT_BY_ROW ? "shifted images not trained on" : "shifted test rows", NULL};
    if (strcmp(setting_value(d, "probe", "optimizer"), "lbfgs") == 0) {
        const char *l2 = setting_value(d, "probe", "l2");
        snprintf(d->probe_minimum, sizeof d->probe_minimum, "by L-BFGS%s%s",
                 strcmp(l2, "auto") == 0 ? ", its penalty chosen on training rows held out," : " with l2 ",
                 strcmp(l2, "auto") == 0 ? "" : l2);
        c->probe.minimum = d->probe_minimum;
    }
    return RESHIFT_OK;
}

static reshift_status describe_measurements(drawing *d, reshift_error *error)
{
    int n;
    reshift_status status = reshift_run_results(d->folder, &d->rows, &n, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    d->measurements = calloc((size_t)n + 1, sizeof *d->measurements);
    if (!d->measurements) {
        return error_memory(error, 0, "measurements");
    }
    for (int i = 0; i < n; i++) {
        const reshift_measurement *row = &d->rows[i];
        d->measurements[i] = (report_measurement){
            .model = strcmp(row->model, "finetuned") == 0 ? REPORT_FINETUNED : REPORT_ORIGINAL,
            .data = strcmp(row->set, "shift") == 0 ? REPORT_SHIFT : REPORT_CLEAN,
            .corruption = row->corruption[0] ? row->corruption : NULL,
            .severity = row->severity,
            .subset = strcmp(row->subset, "unseen") == 0 ? REPORT_UNSEEN
                      : strcmp(row->subset, "seen") == 0 ? REPORT_SEEN
                                                         : REPORT_ALL,
            .accuracy = row->accuracy,
        };
    }
    d->content.measurements = d->measurements;
    d->content.n_measurements = n;
    return RESHIFT_OK;
}

static double number_or_nan(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const json_t *panel_figures(const drawing *d, const char *name)
{
    size_t index;
    json_t *panel;
    json_array_foreach(d->separation, index, panel)
    {
        const char *found = json_string_value(json_object_get(panel, "panel"));
        if (found && strcmp(found, name) == 0) {
            return panel;
        }
    }
    return NULL;
}

static reshift_status describe_panel(drawing *d, int p, reshift_error *error)
{
    const panel_name *panel = &run_panels[p];
    const json_t *figures = panel_figures(d, panel->name);
    if (!figures) {
        return error_set(error, RESHIFT_ERROR_FORMAT, "'%s/pca/separation.json' says nothing of '%s'", d->folder,
                         panel->name);
    }
    char name[96];
    snprintf(name, sizeof name, "pca/%s.npy", panel->name);
    reshift_status status = load_array(d, name, RESHIFT_F32, 2, &d->coordinates[p], error);
    if (status != RESHIFT_OK) {
        return status;
    }
    const reshift_array *seen = &d->seen[panel->data == REPORT_SHIFT];
    const int64_t n = d->coordinates[p].shape[0];
    if (n != seen->shape[0] || d->coordinates[p].shape[1] < 2) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "'%s/%s': expected [%lld,2], found [%lld,%lld]", d->folder, name,
                         (long long)seen->shape[0], (long long)n, (long long)d->coordinates[p].shape[1]);
    }
    int64_t n_seen = 0;
    for (int64_t row = 0; row < n; row++) {
        n_seen += ((const uint8_t *)seen->data)[row] != 0;
    }
    const json_t *ratio = json_object_get(figures, "explained");
    d->panels[p] = (report_panel){
        .model = panel->model,
        .data = panel->data,
        .n = n,
        .n_seen = n_seen,
        .ratio = {json_number_value(json_array_get(ratio, 0)), json_number_value(json_array_get(ratio, 1))},
        .separation = {.silhouette = number_or_nan(figures, "silhouette"),
                       .fisher = number_or_nan(figures, "fisher"),
                       .overlap = number_or_nan(figures, "overlap"),
                       .spread = number_or_nan(figures, "spread"),
                       .nearest_a = (int)json_integer_value(json_object_get(figures, "nearest_a")),
                       .nearest_b = (int)json_integer_value(json_object_get(figures, "nearest_b")),
                       .nearest_distance = number_or_nan(figures, "nearest_distance"),
                       .widest_spread = number_or_nan(figures, "widest_spread"),
                       .widest = (int)json_integer_value(json_object_get(figures, "widest"))},
    };
    return RESHIFT_OK;
}

static reshift_status describe_panels(drawing *d, reshift_error *error)
{
    static const char *const labels[] = {"features/clean-labels.npy", "features/shift-labels.npy"};
    static const char *const seen[] = {"features/clean-seen.npy", "features/shift-seen.npy"};
    reshift_status status = RESHIFT_OK;
    for (int set = 0; set < 2 && status == RESHIFT_OK; set++) {
        status = load_array(d, labels[set], RESHIFT_I64, 1, &d->labels[set], error);
        if (status == RESHIFT_OK) {
            status = load_array(d, seen[set], RESHIFT_U8, 1, &d->seen[set], error);
        }
        if (status == RESHIFT_OK && d->labels[set].shape[0] != d->seen[set].shape[0]) {
            status = error_set(error, RESHIFT_ERROR_SHAPE, "'%s': %s and %s differ in length", d->folder, labels[set],
                               seen[set]);
        }
        if (status == RESHIFT_OK) {
            const int64_t n = d->labels[set].shape[0];
            d->plain_labels[set] = malloc((size_t)n * sizeof(int) + 1);
            if (!d->plain_labels[set]) {
                return error_memory(error, (size_t)n * sizeof(int), "labels");
            }
            for (int64_t row = 0; row < n; row++) {
                int64_t label = ((const int64_t *)d->labels[set].data)[row];
                if (label < 0 || label >= d->content.n_classes) {
                    return error_set(error, RESHIFT_ERROR_SHAPE, "'%s/%s': row %lld has label %lld of %d classes",
                                     d->folder, labels[set], (long long)row, (long long)label, d->content.n_classes);
                }
                d->plain_labels[set][row] = (int)label;
            }
        }
    }
    char *path = NULL;
    if (status == RESHIFT_OK) {
        status = folder_path(d, "pca/separation.json", &path, error);
    }
    if (status == RESHIFT_OK) {
        json_error_t place;
        d->separation = json_load_file(path, JSON_REJECT_DUPLICATES, &place);
        if (!d->separation) {
            status = error_set(error, file_exists(path) ? RESHIFT_ERROR_FORMAT : RESHIFT_ERROR_NOT_FOUND,
                               "cannot read '%s': %s", path, place.text);
        }
    }
    free(path);
    for (int p = 0; p < PANEL_COUNT && status == RESHIFT_OK; p++) {
        status = describe_panel(d, p, error);
    }
    d->content.panels = d->panels;
    d->content.n_panels = PANEL_COUNT;
    d->content.shared_basis = strcmp(setting_value(d, "analysis", "shared_basis"), "true") == 0;
    return status;
}

/* ---- what the page shows ---- */

static reshift_status draw_panels(drawing *d, const char *folder, reshift_error *error)
{
    /* top row the shifted images, bottom row the clean ones; left the original network, right the fine-tuned one */
    static const struct {
        report_model model;
        report_data data;
    } places[PANEL_COUNT] = {{REPORT_ORIGINAL, REPORT_SHIFT},
                             {REPORT_FINETUNED, REPORT_SHIFT},
                             {REPORT_ORIGINAL, REPORT_CLEAN},
                             {REPORT_FINETUNED, REPORT_CLEAN}};
    reshift_panel panels[PANEL_COUNT];
    float *xy[PANEL_COUNT] = {NULL};
    char titles[PANEL_COUNT][160];
    reshift_status status = RESHIFT_OK;
    for (int place = 0; place < PANEL_COUNT && status == RESHIFT_OK; place++) {
        int p = 0;
        while (run_panels[p].model != places[place].model || run_panels[p].data != places[place].data) {
            p++;
        }
        bool shifted = places[place].data == REPORT_SHIFT;
        const int64_t n = d->coordinates[p].shape[0], k = d->coordinates[p].shape[1];
        xy[place] = malloc((size_t)n * 2 * sizeof(float) + 1);
        if (!xy[place]) {
            status = error_memory(error, (size_t)n * 2 * sizeof(float), "points");
            break;
        }
        for (int64_t row = 0; row < n; row++) {
            xy[place][2 * row] = ((const float *)d->coordinates[p].data)[row * k];
            xy[place][2 * row + 1] = ((const float *)d->coordinates[p].data)[row * k + 1];
        }
        snprintf(titles[place], sizeof titles[place], "%s%s, %s network",
                 shifted ? d->content.shift : d->content.source,
                 shifted && strcmp(d->content.shift, d->content.source) == 0 ? " shifted" : "",
                 places[place].model == REPORT_ORIGINAL ? "original" : "fine-tuned");
        panels[place] = (reshift_panel){.title = titles[place],
                                        .coordinates = xy[place],
                                        .labels = d->plain_labels[shifted],
                                        .marked = d->seen[shifted].data,
                                        .n = n,
                                        .ratio = {d->panels[p].ratio[0], d->panels[p].ratio[1]}};
    }
    if (status == RESHIFT_OK) {
        status = reshift_plot_panels(folder, "pca", "Features in two principal components", panels, PANEL_COUNT, 2,
                                     d->class_names, d->content.n_classes, true, error);
    }
    for (int place = 0; place < PANEL_COUNT; place++) {
        free(xy[place]);
    }
    return status;
}

static reshift_status draw_severities(drawing *d, const char *folder, reshift_error *error)
{
    severity_point points[SEVERITIES];
    int n = 0;
    const report_subset subset = d->split.kind != RESHIFT_SPLIT_BY_ROW ? REPORT_UNSEEN : REPORT_ALL;
    for (int severity = 0; severity < SEVERITIES; severity++) {
        report_data data = severity == 0 ? REPORT_CLEAN : REPORT_SHIFT;
        const reshift_accuracy *before = report_find(&d->content, REPORT_ORIGINAL, data, severity, subset);
        const reshift_accuracy *after = report_find(&d->content, REPORT_FINETUNED, data, severity, subset);
        if (before || after) {
            points[n] = (severity_point){.severity = severity};
            points[n].before = before ? *before : (reshift_accuracy){0};
            points[n++].after = after ? *after : (reshift_accuracy){0};
        }
    }
    return figure_severity(folder, "severity",
                           d->split.kind != RESHIFT_SPLIT_BY_ROW ? "Accuracy by severity, unseen images"
                                                                 : "Accuracy by severity, all rows",
                           points, n, true, error);
}

static reshift_status draw_plots(drawing *d, reshift_error *error)
{
    static const char *const names[6] = {"plots/probe-loss.svg",    "plots/probe-accuracy.svg",
                                         "plots/finetune-loss.svg", "plots/finetune-accuracy.svg",
                                         "plots/severity.svg",      "plots/pca.png"};
    char *folder;
    reshift_status status = folder_path(d, "plots", &folder, error);
    if (status == RESHIFT_OK) {
        status = folder_create(folder, error);
    }
    for (int step = 0; step < 4 && status == RESHIFT_OK; step++) {
        progress_update(d->progress, "plots", step, 4, "figures");
        switch (step) {
        case 0: status = reshift_plot_history(folder, "probe", "Linear probe", &d->probe, true, error); break;
        case 1:
            if (d->finetune.n_epochs > 0) {
                status = reshift_plot_history(folder, "finetune", "Fine-tuning", &d->finetune, true, error);
            }
            break;
        case 2: status = draw_severities(d, folder, error); break;
        default: status = draw_panels(d, folder, error); break;
        }
        if (status == RESHIFT_OK) {
            status = progress_check(d->progress, error);
        }
    }
    if (status == RESHIFT_OK) {
        progress_update(d->progress, "plots", 4, 4, "figures");
    }
    for (int i = 0; i < 6 && status == RESHIFT_OK; i++) {
        status = folder_path(d, names[i], &d->plots[i], error);
    }
    d->content.plots = (report_plots){d->plots[0], d->plots[1], d->plots[2], d->plots[3], d->plots[4], d->plots[5]};
    if (d->finetune.n_epochs < 1) { /* statistics alone: no curves */
        d->content.plots.finetune_loss = d->content.plots.finetune_accuracy = NULL;
    }
    free(folder);
    return status;
}

static void drawing_clean(drawing *d)
{
    json_decref(d->manifest);
    json_decref(d->separation);
    free(d->settings);
    free(d->class_names);
    free(d->rows);
    free(d->measurements);
    reshift_history_destroy(&d->probe);
    reshift_history_destroy(&d->finetune);
    reshift_model_destroy(&d->model);
    adapted_clean(&d->adapted);
    for (int i = 0; i < PANEL_COUNT; i++) {
        reshift_array_destroy(&d->coordinates[i]);
    }
    for (int i = 0; i < 2; i++) {
        reshift_array_destroy(&d->labels[i]);
        reshift_array_destroy(&d->seen[i]);
        free(d->plain_labels[i]);
    }
    for (int i = 0; i < 6; i++) {
        free(d->plots[i]);
    }
}

reshift_status reshift_report_write(const char *run_folder, const reshift_progress *progress, reshift_error *error)
{
    drawing d = {.folder = run_folder, .progress = progress};
    char *path = NULL;
    reshift_status status = manifest_load(run_folder, &d.manifest, error);
    if (status == RESHIFT_OK && !d.manifest) {
        error_set(error, RESHIFT_ERROR_NOT_FOUND, "'%s' is no run folder: no manifest.json is there", run_folder);
        error_hint(error, "'reshift run EXPERIMENT' makes one");
        return RESHIFT_ERROR_NOT_FOUND;
    }
    if (status == RESHIFT_OK) {
        status = describe_measurements(&d, error); /* the first to say that a run is not finished */
    }
    if (status == RESHIFT_OK) {
        status = folder_path(&d, "weights/finetuned.safetensors", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_load(path, NULL, &d.model, error);
    }
    free(path);
    path = NULL;
    if (status == RESHIFT_OK) {
        status = load_history(&d, "history/probe.csv", &d.probe, error);
    }
    if (status == RESHIFT_OK) {
        status = load_history(&d, "history/finetune.csv", &d.finetune, error);
    }
    if (status == RESHIFT_OK) {
        status = describe_study(&d, error);
    }
    if (status == RESHIFT_OK && strcmp(setting_value(&d, "adapt", "method"), "none") != 0 &&
        setting_value(&d, "adapt", "method")[0]) {
        status = adapted_read(run_folder, &d.adapted, &d.content, error);
    }
    if (status == RESHIFT_OK) {
        status = describe_panels(&d, error);
    }
    if (status == RESHIFT_OK) {
        status = draw_plots(&d, error);
    }
    if (status == RESHIFT_OK) {
        status = folder_path(&d, "report.html", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = report_write(&d.content, path, true, error);
    }
    free(path);
    drawing_clean(&d);
    return status;
}

reshift_status stage_report(run *r, reshift_error *error)
{
    return reshift_report_write(r->folder, r->progress, error);
}
