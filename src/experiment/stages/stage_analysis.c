/*
 * Principal components of the four feature sets, each on its own basis (or all on that of the original network's clean
 * features), and measures of how well the classes are separated in them, with what fine-tuning changed. Written as
 * pca/<panel>*.npy, pca/separation.{csv,json} and pca/separation-change.csv.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_build.h"
#include "base/progress.h"
#include "experiment/stages/panels.h"
#include "experiment/run.h"
#include "reporting/text.h"
#include "reshift/words.h"

const panel_name run_panels[PANEL_COUNT] = {
    {"original-clean", REPORT_ORIGINAL, REPORT_CLEAN},
    {"original-shift", REPORT_ORIGINAL, REPORT_SHIFT},
    {"finetuned-clean", REPORT_FINETUNED, REPORT_CLEAN},
    {"finetuned-shift", REPORT_FINETUNED, REPORT_SHIFT},
};

static reshift_status load_array(const run *r, const char *name, reshift_array *array, reshift_error *error)
{
    char *path;
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_load_npy(path, array, error);
    }
    free(path);
    return status;
}

static reshift_status save_part(const run *r, const char *panel, const char *part, const reshift_array *array,
                                reshift_error *error)
{
    char name[96];
    char *path;
    snprintf(name, sizeof name, "pca/%s%s.npy", panel, part);
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_save_npy(path, array, true, error);
    }
    free(path);
    return status;
}

/*
 * On a basis that was found on other rows, the share of the variance along an axis is the coordinates' variance over
 * the sum of the variances of all features [N,D] of these rows.
 */
static void foreign_ratio(const reshift_array *features, const reshift_array *coordinates, double *variance,
                          double *ratio)
{
    const int64_t n = features->shape[0], d = features->shape[1], k = coordinates->shape[1];
    const float *x = features->data, *c = coordinates->data;
    double total = 0;
    for (int64_t j = 0; j < d; j++) {
        double sum = 0, squares = 0;
        for (int64_t row = 0; row < n; row++) {
            sum += x[row * d + j];
        }
        for (int64_t row = 0; row < n; row++) {
            double difference = x[row * d + j] - sum / (double)n;
            squares += difference * difference;
        }
        total += squares;
    }
    for (int64_t a = 0; a < k; a++) {
        double sum = 0, squares = 0;
        for (int64_t row = 0; row < n; row++) {
            sum += c[row * k + a];
        }
        for (int64_t row = 0; row < n; row++) {
            double difference = c[row * k + a] - sum / (double)n;
            squares += difference * difference;
        }
        variance[a] = n > 1 ? squares / (double)(n - 1) : 0;
        ratio[a] = total > 0 ? squares / total : NAN;
    }
}

static reshift_status panel_components(run *r, const reshift_array *features, reshift_pca_result *basis,
                                       reshift_pca_result *result, reshift_error *error)
{
    const int k = (int)SETTING(r, analysis.components);
    if (!SETTING(r, analysis.shared_basis) || !basis->components.data) {
        return reshift_pca_fit(features, k, result, error);
    }
    reshift_status status = reshift_pca_project(basis, features, &result->coordinates, error);
    const int64_t shape[] = {k};
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F64, 1, shape, &result->variance, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F64, 1, shape, &result->ratio, error);
    }
    if (status == RESHIFT_OK) {
        foreign_ratio(features, &result->coordinates, result->variance.data, result->ratio.data);
    }
    return status;
}

static reshift_status panel_labels(const reshift_dataset *dataset, int **labels, reshift_error *error)
{
    int64_t n = reshift_dataset_count(dataset);
    *labels = malloc((size_t)n * sizeof **labels);
    if (!*labels) {
        return error_memory(error, (size_t)n * sizeof **labels, "labels");
    }
    for (int64_t row = 0; row < n; row++) {
        (*labels)[row] = reshift_dataset_label(dataset, row);
    }
    return RESHIFT_OK;
}

static json_t *separation_object(const panel_name *panel, int64_t n, const reshift_pca_result *pca,
                                 const reshift_separation *s)
{
    json_t *ratio = json_array(), *object;
    for (int64_t a = 0; a < reshift_array_count(&pca->ratio); a++) {
        json_add(&ratio, json_real(((const double *)pca->ratio.data)[a]));
    }
    object = json_pack("{s:s, s:I, s:o, s:i, s:i, s:i}", "panel", panel->name, "n", (json_int_t)n, "explained", ratio,
                       "nearest_a", s->nearest_a, "nearest_b", s->nearest_b, "widest", s->widest);
    json_put(&object, "classes", json_integer(s->n_classes));
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"silhouette", s->silhouette},
                   {"fisher", s->fisher},
                   {"overlap", s->overlap},
                   {"spread", s->spread},
                   {"nearest_distance", s->nearest_distance},
                   {"widest_spread", s->widest_spread}};
    for (size_t i = 0; object && i < sizeof numbers / sizeof *numbers; i++) {
        /* JSON has no number for what could not be computed */
        json_put(&object, numbers[i].key, isfinite(numbers[i].value) ? json_real(numbers[i].value) : json_null());
    }
    return object;
}

static reshift_status save_text(const run *r, const char *name, const char *text, reshift_error *error)
{
    char *path;
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = file_write_all(path, text, strlen(text), true, error);
    }
    free(path);
    return status;
}

static reshift_status save_separation(run *r, const json_t *panels, reshift_error *error)
{
    char *json = json_dumps(panels, JSON_INDENT(1) | JSON_REAL_PRECISION(17)), *csv = NULL;
    size_t size, index;
    json_t *panel;
    FILE *out = open_memstream(&csv, &size);
    reshift_status status = json && out ? RESHIFT_OK : error_memory(error, 0, "separation figures");
    if (out) {
        fprintf(out, "panel,n,explained_1,explained_2,silhouette,fisher,overlap,spread\n");
        json_array_foreach(panels, index, panel)
        {
            const json_t *ratio = json_object_get(panel, "explained");
            char text[2][40];
            fprintf(out, "%s,%lld,%s,%s", json_string_value(json_object_get(panel, "panel")),
                    (long long)json_integer_value(json_object_get(panel, "n")),
                    reshift_number_text(json_number_value(json_array_get(ratio, 0)), text[0]),
                    reshift_number_text(json_number_value(json_array_get(ratio, 1)), text[1]));
            static const char *const keys[] = {"silhouette", "fisher", "overlap", "spread"};
            for (int i = 0; i < 4; i++) {
                const json_t *value = json_object_get(panel, keys[i]);
                fprintf(out, ",%s",
                        json_is_number(value) ? reshift_number_text(json_number_value(value), text[0]) : "");
            }
            fprintf(out, "\n");
        }
        if (fclose(out) != 0 && status == RESHIFT_OK) {
            status = error_memory(error, 0, "separation figures");
        }
    }
    if (status == RESHIFT_OK) {
        status = save_text(r, "pca/separation.csv", csv, error);
    }
    if (status == RESHIFT_OK) {
        size_t length = strlen(reshift_json_shorten(json));
        char *line = realloc(json, length + 2);
        if (line) {
            json = line;
            strcpy(json + length, "\n");
            status = save_text(r, "pca/separation.json", json, error);
        } else {
            status = error_memory(error, length, "separation figures");
        }
    }
    free(json);
    free(csv);
    return status;
}

static reshift_status analyse_panel(run *r, const panel_name *panel, reshift_pca_result *basis, json_t *panels,
                                    reshift_error *error)
{
    const reshift_dataset *dataset = panel->data == REPORT_SHIFT ? run_shift_set(r) : run_test_set(r);
    char name[64];
    reshift_array features = {0};
    reshift_pca_result pca = {0};
    int *labels = NULL;
    snprintf(name, sizeof name, "features/%s.npy", panel->name);
    reshift_status status = load_array(r, name, &features, error);
    if (status == RESHIFT_OK) {
        status = panel_components(r, &features, basis, &pca, error);
    }
    if (status == RESHIFT_OK) {
        status = panel_labels(dataset, &labels, error);
    }
    reshift_separation separation = {0};
    const reshift_array label_array = {
        .dtype = RESHIFT_I32, .n_dims = 1, .shape = {reshift_dataset_count(dataset)}, .data = labels};
    if (status == RESHIFT_OK) {
        status = reshift_separation_of(&pca.coordinates, &label_array, reshift_dataset_n_classes(dataset), &separation,
                                       error);
    }
    const reshift_pca_result *parts = basis->components.data ? basis : &pca;
    if (status == RESHIFT_OK) {
        status = save_part(r, panel->name, "", &pca.coordinates, error);
    }
    if (status == RESHIFT_OK) {
        status = save_part(r, panel->name, "-components", &parts->components, error);
    }
    if (status == RESHIFT_OK) {
        status = save_part(r, panel->name, "-mean", &parts->mean, error);
    }
    if (status == RESHIFT_OK) {
        status = save_part(r, panel->name, "-variance", &pca.variance, error);
    }
    if (status == RESHIFT_OK &&
        json_array_append_new(panels, separation_object(panel, features.shape[0], &pca, &separation)) != 0) {
        status = error_memory(error, 0, "separation figures");
    }
    if (status == RESHIFT_OK && SETTING(r, analysis.shared_basis) && !basis->components.data) {
        *basis = pca; /* the first panel's is everybody's */
        pca = (reshift_pca_result){0};
    }
    free(labels);
    reshift_array_destroy(&features);
    reshift_pca_destroy(&pca);
    return status;
}

/* ---- before against after ---- */

static json_t *interval_json(const reshift_interval *i)
{
    return isfinite(i->value) && isfinite(i->low) && isfinite(i->high)
               ? json_pack("[f, f, f]", i->value, i->low, i->high)
               : json_null();
}

/* What fine-tuning changed in the separation of one set's classes, on images that it never saw. */
static reshift_status compare_panels(run *r, report_data data, const json_t *panels, text_buffer *table,
                                     reshift_error *error)
{
    const reshift_dataset *dataset = data == REPORT_SHIFT ? run_shift_set(r) : run_test_set(r);
    const int64_t n = reshift_dataset_count(dataset);
    reshift_array coordinates[2] = {{0}, {0}}, seen = {0};
    reshift_separation_change change = {.n_images = 0};
    int *labels = NULL;
    int64_t *images = malloc((size_t)n * sizeof *images + 1);
    json_t *object = NULL;
    reshift_status status = images ? panel_labels(dataset, &labels, error) : error_memory(error, (size_t)n, "images");
    for (int p = 0; p < PANEL_COUNT && status == RESHIFT_OK; p++) {
        if (run_panels[p].data == data) {
            char name[96];
            snprintf(name, sizeof name, "pca/%s.npy", run_panels[p].name);
            status = load_array(r, name, &coordinates[run_panels[p].model == REPORT_FINETUNED], error);
            object = run_panels[p].model == REPORT_FINETUNED ? json_array_get(panels, (size_t)p) : object;
        }
    }
    if (status == RESHIFT_OK) {
        status =
            load_array(r, data == REPORT_SHIFT ? "features/shift-seen.npy" : "features/clean-seen.npy", &seen, error);
    }
    if (status == RESHIFT_OK && (seen.dtype != RESHIFT_U8 || seen.shape[0] != n)) {
        status = error_set(error, RESHIFT_ERROR_SHAPE, "seen rows: expected uint8 [%lld]", (long long)n);
    }
    for (int64_t row = 0; row < n && status == RESHIFT_OK; row++) {
        images[row] = reshift_dataset_source(dataset, row);
    }
    if (status == RESHIFT_OK) {
        const reshift_array label_array = {.dtype = RESHIFT_I32, .n_dims = 1, .shape = {n}, .data = labels};
        status = reshift_separation_compare(&coordinates[0], &coordinates[1], &label_array, images, seen.data,
                                            reshift_dataset_n_classes(dataset), 0, &change, error);
    }
    if (status == RESHIFT_OK) {
        json_t *json = json_pack("{s:I, s:o, s:o, s:o}", "images", (json_int_t)change.n_images, "overlap",
                                 interval_json(&change.overlap), "silhouette", interval_json(&change.silhouette),
                                 "fisher", interval_json(&change.fisher));
        status = json && json_object_set_new(object, "change", json) == 0
                     ? RESHIFT_OK
                     : error_memory(error, 0, "separation figures");
        text_printf(table, "%s,%lld", data == REPORT_SHIFT ? "shift" : "clean", (long long)change.n_images);
        const reshift_interval *const all[3] = {&change.overlap, &change.silhouette, &change.fisher};
        for (int i = 0; i < 3; i++) {
            const double figures[3] = {all[i]->value, all[i]->low, all[i]->high};
            for (int f = 0; f < 3; f++) {
                char text[40];
                text_printf(table, ",%s", isfinite(figures[f]) ? reshift_number_text(figures[f], text) : "");
            }
        }
        text_add(table, "\n");
    }
    free(labels);
    free(images);
    reshift_array_destroy(&coordinates[0]);
    reshift_array_destroy(&coordinates[1]);
    reshift_array_destroy(&seen);
    return status;
}

/* pca/separation-change.csv, and "change" in the fine-tuned panels' objects. */
static reshift_status save_changes(run *r, const json_t *panels, reshift_error *error)
{
    text_buffer table = {0};
    text_add(&table, "set,images,overlap,overlap_low,overlap_high,silhouette,silhouette_low,silhouette_high,fisher,"
                     "fisher_low,fisher_high\n");
    reshift_status status = compare_panels(r, REPORT_CLEAN, panels, &table, error);
    if (status == RESHIFT_OK) {
        status = compare_panels(r, REPORT_SHIFT, panels, &table, error);
    }
    if (status == RESHIFT_OK) {
        status = text_status(&table, "separation figures", error);
    }
    if (status == RESHIFT_OK) {
        status = save_text(r, "pca/separation-change.csv", table.bytes, error);
    }
    text_destroy(&table);
    return status;
}

reshift_status stage_analysis(run *r, reshift_error *error)
{
    reshift_pca_result basis = {0};
    json_t *panels = json_array();
    reshift_status status = panels ? RESHIFT_OK : error_memory(error, 0, "separation figures");
    for (int p = 0; p < PANEL_COUNT && status == RESHIFT_OK; p++) {
        progress_update(r->progress, "principal components", p, PANEL_COUNT, "feature sets");
        status = analyse_panel(r, &run_panels[p], &basis, panels, error);
        if (status != RESHIFT_OK) {
            error_prefix(error, status, "features '%s'", run_panels[p].name);
        } else {
            status = progress_check(r->progress, error);
        }
    }
    if (status == RESHIFT_OK) {
        progress_update(r->progress, "principal components", PANEL_COUNT, PANEL_COUNT, "feature sets");
        status = save_changes(r, panels, error);
    }
    if (status == RESHIFT_OK) {
        status = save_separation(r, panels, error);
    }
    json_decref(panels);
    reshift_pca_destroy(&basis);
    return status;
}
