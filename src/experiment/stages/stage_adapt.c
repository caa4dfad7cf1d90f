/*
 * Both networks once more, adapting to the images they are tested on (adapt: bn or tent): the accuracies of `reshift
 * eval --adapt`, by the same code, of the study's clean and shifted images. The method, its batches and their order
 * are in every row, since they are part of the result. Each accuracy is compared with that of the same network without
 * adapting, image by image, from the predictions that the measure stage keeps.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "metrics/figures.h"
#include "experiment/results.h"
#include "experiment/run.h"
#include "reshift/corruption.h"
#include "reshift/robustness.h"
#include "reshift/words.h"

static const char *const columns[] = {
    "model",  "method",     "batch",          "order",        "source_images", "set",
    "data",   "corruption", "severity",       "subset",       "headline",      "rows",
    "images", "correct",    "accuracy",       "low",          "high",          "nll",
    "brier",  "ece",        "against",        "change",       "change_low",    "change_high",
    "paired", "clear",      "only_this",      "only_other",   "mcnemar_p",     "input_size",
    "resize", "constants",  "corrupt_resize", "corrupt_crop", "jpeg_quality",  NULL};

/* Where a row of the table belongs. */
typedef struct adapted_place {
    const run *r;
    const reshift_robustness *table;
    const int *as_is;    /* [shown set's rows] predictions of the same network without adapting */
    const int *as_clean; /* the same of the clean images, where the table holds both */
    const char *model;
    const reshift_corruption *corruption; /* NULL: clean */
    int severity;                         /* 0: clean, or all severities together */
    bool unseen, shifted;
} adapted_place;

/* Does the cell count in this row? `sum`: all severities together. */
static bool cell_counts(const adapted_place *place, const reshift_cell *cell, bool sum)
{
    return sum ? cell->corruption != NULL : cell->corruption == place->corruption && cell->severity == place->severity;
}

/* The row of the shifted set that shows this image at this severity; -1: none. */
static int64_t find_row(const int64_t *rows, int64_t n_images, int64_t image, int severity)
{
    return image < n_images ? rows[(int64_t)severity * n_images + image] : -1;
}

/* rows [6,n_images]: the place of every severity and image in the set, -1 where there is none. */
static reshift_status index_rows(const reshift_dataset *set, int64_t **rows, int64_t *n_images, reshift_error *error)
{
    const int64_t n = reshift_dataset_count(set);
    *n_images = 0;
    for (int64_t row = 0; row < n; row++) {
        const int64_t image = reshift_dataset_source(set, row);
        *n_images = image >= *n_images ? image + 1 : *n_images;
    }
    const size_t bytes = 6 * (size_t)(*n_images + 1) * sizeof **rows;
    if (!(*rows = malloc(bytes))) {
        return error_memory(error, bytes, "rows by image");
    }
    memset(*rows, 0xff, bytes);
    for (int64_t row = 0; row < n; row++) {
        (*rows)[reshift_dataset_severity(set, row) * *n_images + reshift_dataset_source(set, row)] = row;
    }
    return RESHIFT_OK;
}

/* Accuracy of the cells that count, and its difference from the same network's without adapting, on the same rows. */
static reshift_status compare_rows(const adapted_place *place, bool sum, reshift_accuracy *accuracy,
                                   reshift_difference *change, reshift_error *error)
{
    const reshift_robustness *t = place->table;
    const reshift_dataset *set = place->shifted ? run_shift_set(place->r) : run_test_set(place->r);
    const int *predictions = place->shifted ? place->as_is : place->as_clean;
    const size_t most = (size_t)t->n_images * (size_t)t->n_cells + 1;
    uint8_t *right = malloc(2 * most);
    int64_t *images = malloc(most * sizeof *images), *rows = NULL, n = 0, n_images = 0;
    reshift_status status = right && images ? index_rows(set, &rows, &n_images, error)
                                            : error_memory(error, most * sizeof *images, "answers");
    for (int c = 0; c < t->n_cells && status == RESHIFT_OK; c++) {
        const reshift_cell *cell = &t->cells[c];
        const row_figures *figures = cell->rows.data;
        for (int64_t i = 0; cell_counts(place, cell, sum) && i < t->n_images && status == RESHIFT_OK; i++) {
            const int64_t row = find_row(rows, n_images, t->images[i], cell->severity);
            if (place->unseen && t->seen[i]) {
                continue;
            }
            if (row < 0) {
                status = error_set(error, RESHIFT_ERROR_SHAPE, "image %lld at severity %d: not in the study's set",
                                   (long long)t->images[i], cell->severity);
                break;
            }
            right[n] = figures[i].prediction == t->labels[i];
            right[most + (size_t)n] = predictions[row] == t->labels[i];
            images[n++] = t->images[i];
        }
    }
    if (status == RESHIFT_OK) {
        const reshift_answers adapting = {right, images, n}, as_is = {right + most, images, n};
        status = reshift_accuracy_by_image(&adapting, accuracy, error);
        if (status == RESHIFT_OK) {
            status = reshift_difference_by_image(&adapting, &as_is, change, error);
        }
    }
    free(right);
    free(images);
    free(rows);
    return status;
}

static reshift_status add_row(json_t *rows, const adapted_place *place, bool sum, double nll, double brier, double ece,
                              reshift_error *error)
{
    const reshift_adapt_options *how = &place->table->adapt;
    reshift_accuracy a;
    reshift_difference change;
    reshift_status status = compare_rows(place, sum, &a, &change, error);
    if (status != RESHIFT_OK || a.n == 0) {
        return status;
    }
    bool headline = place->unseen == (run_split(place->r)->kind != RESHIFT_SPLIT_BY_ROW);
    json_t *severity = place->shifted && place->severity == 0 ? json_string("all") : json_integer(place->severity);
    json_t *row = json_pack(
        "{s:s, s:s, s:i, s:s, s:f, s:s, s:s, s:s, s:o, s:s, s:b, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "model",
        place->model, "method", reshift_adapt_name(how->kind), "batch", how->batch, "order",
        how->shuffled ? "shuffled" : "as stored", "source_images", how->source_images, "set",
        place->shifted ? "shift" : "clean", "data",
        reshift_dataset_kind(place->shifted ? run_shift_set(place->r) : run_test_set(place->r)), "corruption",
        place->corruption ? place->corruption->name : "", "severity", severity, "subset",
        place->unseen ? "unseen" : "all", "headline", headline, "rows", (json_int_t)a.n, "images",
        (json_int_t)a.n_images, "correct", (json_int_t)a.correct, "accuracy", a.accuracy, "low", a.low, "high", a.high,
        "nll", nll, "brier", brier, "ece", ece);
    const reshift_image_facts images =
        run_image_facts(place->r, place->shifted ? run_shift_set(place->r) : run_test_set(place->r));
    return row && results_add_change(row, "as-is", &change) && results_add_images(row, &images) &&
                   json_array_append_new(rows, row) == 0
               ? RESHIFT_OK
               : error_memory(error, 0, "results");
}

/* One table: its cells, and all severities together. */
static reshift_status add_table(adapted_place place, bool shifted, json_t *rows, reshift_error *error)
{
    const reshift_robustness *table = place.table;
    reshift_status status = RESHIFT_OK;
    for (int unseen = 0; unseen < 2; unseen++) {
        place.unseen = unseen;
        if (unseen && table->n_seen == table->n_images) {
            continue;
        }
        for (int i = 0; i < table->n_cells && status == RESHIFT_OK; i++) {
            const reshift_cell *cell = &table->cells[i];
            const reshift_metrics *m = unseen ? &cell->unseen : &cell->all;
            place.corruption = cell->corruption;
            place.severity = cell->severity;
            place.shifted = shifted || cell->corruption;
            status = add_row(rows, &place, false, m->nll, m->brier, m->ece, error);
        }
        reshift_robust_summary summary;
        if (status == RESHIFT_OK && table->n_corruptions > 0) {
            status = reshift_robustness_summarise(table, unseen, NULL, &summary, error);
            if (status == RESHIFT_OK) {
                const reshift_robust_mean *mean = &summary.corruption[0];
                place.corruption = table->corruptions[0];
                place.severity = 0;
                place.shifted = true;
                status = add_row(rows, &place, true, mean->nll, mean->brier, mean->ece, error);
            }
        }
    }
    return status;
}

static void tell(const run *r, const char *model, const char *set, const json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const json_t *severity = json_object_get(row, "severity");
        bool sum = json_is_string(severity) || json_integer_value(severity) == 0;
        if (sum && json_is_true(json_object_get(row, "headline")) &&
            strcmp(json_string_value(json_object_get(row, "model")), model) == 0 &&
            strcmp(json_string_value(json_object_get(row, "set")), set) == 0) {
            progress_message(
                r->progress, RESHIFT_LOG_INFO, "%s network adapting (%s), %s images: accuracy %.2f %% on %lld %s",
                strcmp(model, "original") == 0 ? "original" : "fine-tuned",
                json_string_value(json_object_get(row, "method")), strcmp(set, "shift") == 0 ? "shifted" : "clean",
                reshift_percent(json_real_value(json_object_get(row, "accuracy")), 2),
                (long long)json_integer_value(json_object_get(row, "rows")),
                reshift_noun_for(json_integer_value(json_object_get(row, "rows")), "row", "rows"));
        }
    }
}

/* predictions/<model>-<set>.npy, as the measure stage leaves it. */
static reshift_status load_predictions(const run *r, const char *model, bool shifted, reshift_array *array,
                                       reshift_error *error)
{
    const int64_t n = reshift_dataset_count(shifted ? run_shift_set(r) : run_test_set(r));
    char name[64], *path;
    snprintf(name, sizeof name, "predictions/%s-%s.npy", model, shifted ? "shift" : "clean");
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_load_npy(path, array, error);
    }
    if (status == RESHIFT_OK && (array->dtype != RESHIFT_I32 || array->n_dims != 1 || array->shape[0] != n)) {
        status = error_set(error, RESHIFT_ERROR_SHAPE, "'%s': expected int32 [%lld]", path, (long long)n);
    }
    free(path);
    return status;
}

/* Cells are kept until the stage is done, so that a run that is stopped goes on. `data` with `corruption`, or as it is.
 */
static reshift_status measure(const run *r, const reshift_model *model, const char *name, const char *data,
                              const reshift_corruption *corruption, bool shifted, json_t *rows, reshift_error *error)
{
    reshift_robustness table = {0};
    char relative[64], *cells = NULL;
    reshift_robustness_options o = {.data = data,
                                    .corruptions = &corruption,
                                    .n_corruptions = corruption ? 1 : 0,
                                    .clean = true,
                                    .size = (int)SETTING(r, input.size),
                                    .batch = (int)SETTING(r, input.batch),
                                    .precision =
                                        reshift_precision_here((reshift_precision)SETTING(r, input.precision), true),
                                    .allow_leak = true}; /* seen and unseen images are counted apart */
    reshift_dataset_options_default(&o.dataset);
    reshift_adapt_options_default(&o.adapt);
    o.adapt.kind = (reshift_adapt_kind)SETTING(r, adapt.method);
    o.adapt.batch = (int)SETTING(r, adapt.batch);
    o.adapt.shuffled = SETTING(r, adapt.shuffle);
    o.adapt.source_images = (double)SETTING(r, adapt.source);
    o.adapt.sgd = SETTING(r, adapt.optimizer) == SETTINGS_ADAPT_SGD;
    o.adapt.learning_rate = SETTING(r, adapt.learning_rate);
    o.dataset.data_dir = r->data_dir;
    o.dataset.split = "test";
    o.dataset.limit = SETTING(r, source.limit_test);
    o.dataset.severity_first = (int)SETTING(r, shift.severity.first);
    o.dataset.severity_last = (int)SETTING(r, shift.severity.last);
    o.dataset.generate = SETTING(r, shift.generate);
    o.dataset.skip_bad = SETTING(r, source.skip_bad);
    o.dataset.constants = (reshift_constants)SETTING(r, shift.constants);
    o.dataset.jpeg = (reshift_jpeg_step)SETTING(r, shift.jpeg);
    o.corrupt_native = SETTING(r, shift.corrupt_at) == 1;
    o.dataset.test_share = shifted ? 0 : SETTING(r, source.test_fraction); /* as the set itself was opened */
    o.dataset.seed = (uint64_t)SETTING(r, seed);
    snprintf(relative, sizeof relative, RUN_PARTS "/%.16s", r->keys[STAGE_ADAPT]);
    reshift_status status = run_path(r, relative, &cells, error);
    if (status == RESHIFT_OK) {
        o.cells_folder = cells;
        status = reshift_robustness_measure(model, &o, &table, r->progress, error);
    }
    reshift_array as_is[2] = {{0}}; /* clean, shift */
    for (int set = 0; set < 2 && status == RESHIFT_OK; set++) {
        status = load_predictions(r, name, set, &as_is[set], error);
    }
    if (status == RESHIFT_OK) {
        const adapted_place place = {
            .r = r, .table = &table, .as_clean = as_is[0].data, .as_is = as_is[1].data, .model = name};
        status = add_table(place, shifted, rows, error);
    }
    reshift_array_destroy(&as_is[0]);
    reshift_array_destroy(&as_is[1]);
    reshift_robustness_destroy(&table);
    free(cells);
    return status;
}

reshift_status stage_adapt(run *r, reshift_error *error)
{
    static const char *const names[] = {"original", "finetuned"};
    const reshift_corruption *corruption = NULL;
    reshift_model *models[2] = {NULL, NULL};
    char *path = NULL;
    json_t *rows = json_array();
    reshift_status status = rows ? RESHIFT_OK : error_memory(error, 0, "results");
    if (status == RESHIFT_OK && run_paired(r)) {
        status = reshift_corruption_find(SETTING(r, shift.corruption), &corruption, error);
    }
    if (status == RESHIFT_OK) {
        status = run_original_with_probe(r, &models[0], error);
    }
    if (status == RESHIFT_OK) {
        status = run_path(r, "weights/finetuned.safetensors", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_load(path, NULL, &models[1], error);
    }
    if (status == RESHIFT_OK) { /* both are counted on the same rows: those that fine-tuning has not seen */
        status = reshift_model_add_trained_on(models[0], reshift_model_trained_on(models[1]), error);
    }
    for (int m = 0; m < 2 && status == RESHIFT_OK; m++) {
        if (run_paired(r)) {
            status = measure(r, models[m], names[m], run_data(r, INPUT_SHIFT), corruption, false, rows, error);
        } else {
            status = measure(r, models[m], names[m], run_data(r, INPUT_TEST), NULL, false, rows, error);
            if (status == RESHIFT_OK) {
                status = measure(r, models[m], names[m], run_data(r, INPUT_SHIFT), NULL, true, rows, error);
            }
        }
        if (status == RESHIFT_OK) {
            tell(r, names[m], "clean", rows);
            tell(r, names[m], "shift", rows);
        }
    }
    for (int file = 0; file < 2 && status == RESHIFT_OK; file++) {
        free(path);
        path = NULL;
        status = run_path(r, file == 0 ? "adapted.csv" : "adapted.json", &path, error);
        if (status == RESHIFT_OK) {
            status = file == 0 ? results_save_csv(path, rows, columns, error) : results_save_json(path, rows, error);
        }
    }
    json_decref(rows);
    free(path);
    reshift_model_destroy(&models[0]);
    reshift_model_destroy(&models[1]);
    return status;
}
