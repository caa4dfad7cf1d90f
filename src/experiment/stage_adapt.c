/*
 * Both networks once more, adapting to the images they are tested on (adapt: bn or tent): the accuracies of `reshift
 * eval --adapt`, by the same code, of the study's clean and shifted images. The method, its batches and their order
 * stand in every row, since they are part of the result.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "experiment/run.h"
#include "reshift/corruption.h"
#include "reshift/robustness.h"

static const char *const columns[] = {
    "model",    "method", "batch",   "order",    "source_images", "set",  "data", "corruption", "severity", "subset",
    "headline", "n",      "correct", "accuracy", "low",           "high", "nll",  "brier",      "ece",      NULL};

/* Where a row of the table belongs. */
typedef struct adapted_place {
    const run *r;
    const reshift_robustness *table;
    const char *model;
    const reshift_corruption *corruption; /* NULL: clean */
    int severity;                         /* 0: clean, or all severities together */
    bool unseen, shifted;
} adapted_place;

static bool add_row(json_t *rows, const adapted_place *place, const reshift_metrics *m, double low, double high)
{
    const reshift_adapt_options *how = &place->table->adapt;
    if (m->accuracy.n == 0) {
        return true;
    }
    bool headline = place->unseen == (run_split(place->r)->kind != RESHIFT_SPLIT_BY_ROW);
    json_t *severity = place->shifted && place->severity == 0 ? json_string("all") : json_integer(place->severity);
    json_t *row =
        json_pack("{s:s, s:s, s:i, s:s, s:f, s:s, s:s, s:s, s:o, s:s, s:b, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}",
                  "model", place->model, "method", reshift_adapt_name(how->kind), "batch", how->batch, "order",
                  how->shuffled ? "shuffled" : "as stored", "source_images", how->source_images, "set",
                  place->shifted ? "shift" : "clean", "data",
                  reshift_dataset_kind(place->shifted ? run_shift_set(place->r) : run_test_set(place->r)), "corruption",
                  place->corruption ? place->corruption->name : "", "severity", severity, "subset",
                  place->unseen ? "unseen" : "all", "headline", headline, "n", (json_int_t)m->accuracy.n, "correct",
                  (json_int_t)m->accuracy.correct, "accuracy", m->accuracy.accuracy, "low", low, "high", high, "nll",
                  m->nll, "brier", m->brier, "ece", m->ece);
    return row && json_array_append_new(rows, row) == 0;
}

/* All severities together: rows counted as one set, with the interval by image. */
static bool add_sum(json_t *rows, adapted_place *place, const reshift_robust_mean *mean)
{
    const reshift_robustness *t = place->table;
    reshift_metrics sum = {.nll = mean->nll, .brier = mean->brier, .ece = mean->ece};
    for (int i = 0; i < t->n_cells; i++) {
        const reshift_metrics *m = place->unseen ? &t->cells[i].unseen : &t->cells[i].all;
        if (t->cells[i].corruption) {
            sum.accuracy.n += m->accuracy.n;
            sum.accuracy.correct += m->accuracy.correct;
        }
    }
    sum.accuracy.accuracy = mean->accuracy.value;
    place->corruption = t->corruptions[0];
    place->severity = 0;
    place->shifted = true;
    return add_row(rows, place, &sum, mean->accuracy.low, mean->accuracy.high);
}

static reshift_status add_table(const run *r, const reshift_robustness *table, const char *model, bool shifted,
                                json_t *rows, reshift_error *error)
{
    bool good = true;
    for (int unseen = 0; unseen < 2 && good; unseen++) {
        adapted_place place = {.r = r, .table = table, .model = model, .unseen = unseen};
        if (unseen && table->n_seen == table->n_images) {
            continue;
        }
        for (int i = 0; i < table->n_cells && good; i++) {
            const reshift_cell *cell = &table->cells[i];
            const reshift_metrics *m = unseen ? &cell->unseen : &cell->all;
            place.corruption = cell->corruption;
            place.severity = cell->severity;
            place.shifted = shifted || cell->corruption;
            good = add_row(rows, &place, m, m->accuracy.low, m->accuracy.high);
        }
        reshift_robust_summary summary;
        if (table->n_corruptions > 0) {
            reshift_status status =
                reshift_robustness_summarise(table, unseen, NULL, (uint64_t)SETTING(r, seed), &summary, error);
            if (status != RESHIFT_OK) {
                return status;
            }
            good = good && add_sum(rows, &place, &summary.corruption[0]);
        }
    }
    return good ? RESHIFT_OK : error_memory(error, 0, "results");
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
            progress_message(r->progress, RESHIFT_LOG_INFO, "%s network adapting (%s), %s images: %.2f %% of %lld rows",
                             strcmp(model, "original") == 0 ? "original" : "fine-tuned",
                             json_string_value(json_object_get(row, "method")),
                             strcmp(set, "shift") == 0 ? "shifted" : "clean",
                             100 * json_real_value(json_object_get(row, "accuracy")),
                             (long long)json_integer_value(json_object_get(row, "n")));
        }
    }
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
                                    .precision = reshift_precision_here((reshift_precision)SETTING(r, input.precision), true),
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
    o.dataset.constants = (reshift_constants)SETTING(r, shift.constants);
    o.dataset.jpeg = (reshift_jpeg_step)SETTING(r, shift.jpeg);
    o.dataset.test_share = shifted ? 0 : SETTING(r, source.test_fraction); /* as the set itself was opened */
    o.dataset.seed = (uint64_t)SETTING(r, seed);
    snprintf(relative, sizeof relative, RUN_PARTS "/%.16s", r->keys[STAGE_ADAPT]);
    reshift_status status = run_path(r, relative, &cells, error);
    if (status == RESHIFT_OK) {
        o.cells_folder = cells;
        status = reshift_robustness_measure(model, &o, &table, r->progress, error);
    }
    if (status == RESHIFT_OK) {
        status = add_table(r, &table, name, shifted, rows, error);
    }
    reshift_robustness_destroy(&table);
    free(cells);
    return status;
}

static reshift_status save_csv(const run *r, const json_t *rows, reshift_error *error)
{
    char *path = NULL;
    file_writer writer = {0};
    reshift_status status = run_path(r, "adapted.csv", &path, error);
    if (status == RESHIFT_OK) {
        status = file_writer_open(path, true, &writer, error);
    }
    for (int c = 0; columns[c] && status == RESHIFT_OK; c++) {
        status = file_writer_printf(&writer, error, "%s%s", c ? "," : "", columns[c]);
    }
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        for (int c = 0; columns[c] && status == RESHIFT_OK; c++) {
            const json_t *value = json_object_get(row, columns[c]);
            const char *before = c ? "," : "\n";
            if (json_is_string(value)) {
                status = file_writer_printf(&writer, error, "%s%s", before, json_string_value(value));
            } else if (json_is_boolean(value)) {
                status = file_writer_printf(&writer, error, "%s%s", before, json_is_true(value) ? "yes" : "no");
            } else if (json_is_integer(value)) {
                status = file_writer_printf(&writer, error, "%s%lld", before, (long long)json_integer_value(value));
            } else {
                status = file_writer_printf(&writer, error, "%s%.17g", before, json_real_value(value));
            }
        }
    }
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "\n");
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    free(path);
    return status;
}

static reshift_status save_json(const run *r, const json_t *rows, reshift_error *error)
{
    char *path = NULL, *text = json_dumps(rows, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    file_writer writer = {0};
    reshift_status status = text ? run_path(r, "adapted.json", &path, error) : error_memory(error, 0, "results");
    if (status == RESHIFT_OK) {
        status = file_writer_open(path, true, &writer, error);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "%s\n", text);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    free(text);
    free(path);
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
    if (status == RESHIFT_OK) {
        status = save_csv(r, rows, error);
    }
    if (status == RESHIFT_OK) {
        status = save_json(r, rows, error);
    }
    json_decref(rows);
    free(path);
    reshift_model_destroy(&models[0]);
    reshift_model_destroy(&models[1]);
    return status;
}
