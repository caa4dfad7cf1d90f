/* The robustness table as JSON, confusion matrices and heat maps. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/eval.h"
#include "cli/show.h"
#include "reshift/reporting.h"
#include "reshift/outputs.h"
#include "reshift/words.h"

/* ---- JSON ---- */

static json_t *real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *interval_json(const reshift_interval *i)
{
    return isnan(i->value)
               ? json_null()
               : json_pack("{s:o, s:o, s:o}", "value", real(i->value), "low", real(i->low), "high", real(i->high));
}

static json_t *metrics_json(const reshift_metrics *m, const reshift_class_metrics *by_class)
{
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "images", (json_int_t)m->accuracy.n,
                     "correct", (json_int_t)m->accuracy.correct, "accuracy", real(m->accuracy.accuracy), "low",
                     real(m->accuracy.low), "high", real(m->accuracy.high), "nll", real(m->nll), "brier",
                     real(m->brier), "ece", real(m->ece), "balanced", real(by_class->balanced), "top5",
                     real(by_class->top5));
}

static void add_image_facts(json_t *object, const reshift_image_facts *prepared)
{
    reshift_image_fact list[RESHIFT_IMAGE_FACTS];
    reshift_image_facts_list(prepared, list);
    for (int i = 0; i < RESHIFT_IMAGE_FACTS; i++) {
        json_object_set_new(object, list[i].name,
                            list[i].word          ? json_string(list[i].word)
                            : list[i].number >= 0 ? json_integer(list[i].number)
                                                  : json_null());
    }
}

/* The classes that have images, in the order of the cells' class_accuracy. */
static json_t *class_list_json(const eval_result *r)
{
    json_t *list = json_array();
    for (int k = 0; r->table.n_cells > 0 && k < r->table.n_classes; k++) {
        const int64_t n = eval_class_accuracy(r, 0, k).n;
        if (n > 0) {
            json_t *name = r->table.class_names[k] ? json_text(r->table.class_names[k]) : json_null();
            json_array_append_new(list,
                                  json_pack("{s:i, s:o, s:I}", "output", k, "class", name, "images", (json_int_t)n));
        }
    }
    return list;
}

static json_t *class_accuracy_json(const eval_result *r, int cell)
{
    json_t *list = json_array();
    for (int k = 0; k < r->table.n_classes; k++) {
        const reshift_accuracy a = eval_class_accuracy(r, cell, k);
        if (a.n > 0) {
            json_array_append_new(list, json_real(a.accuracy));
        }
    }
    return list;
}

static json_t *difference_json(const reshift_difference *d)
{
    json_t *object =
        json_pack("{s:o, s:I}", "accuracy", interval_json(&d->accuracy), "images", (json_int_t)d->n_images);
    json_object_set_new(object, "clear", json_boolean(d->clear));
    if (!isnan(d->p)) {
        json_object_set_new(object, "only_this", json_integer(d->only_a));
        json_object_set_new(object, "only_other", json_integer(d->only_b));
        json_object_set_new(object, "mcnemar_p", json_real(d->p));
    }
    return object;
}

static json_t *cell_json(const eval_result *r, int i)
{
    const reshift_cell *cell = &r->table.cells[i];
    json_t *object = json_pack("{s:s, s:i, s:s, s:o}", "corruption", eval_cell_name(cell), "severity", cell->severity,
                               "source", eval_cell_source(cell), "all", metrics_json(&cell->all, &cell->by_class));
    if (r->has_unseen) {
        json_object_set_new(object, "unseen", metrics_json(&cell->unseen, &cell->by_class_unseen));
    }
    if (cell->corruption) {
        const reshift_robust_mean mean =
            reshift_robustness_cell_mean(&r->table, i, false, r->has_baseline ? &r->baseline : NULL);
        json_object_set_new(object, "lost", interval_json(&mean.lost));
        json_object_set_new(object, "relative_to_baseline", interval_json(&mean.relative));
    }
    json_object_set_new(object, "class_accuracy", class_accuracy_json(r, i));
    add_image_facts(object, &cell->prepared);
    if (r->against) {
        json_object_set_new(object, "difference", difference_json(&r->difference.cells[i]));
    }
    return object;
}

static json_t *mean_json(const reshift_robust_mean *m, const reshift_difference *d)
{
    json_t *object =
        json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "corruptions", m->n_corruptions, "accuracy",
                  interval_json(&m->accuracy), "lost", interval_json(&m->lost), "relative_to_baseline",
                  interval_json(&m->relative), "nll", real(m->nll), "brier", real(m->brier), "ece", real(m->ece),
                  "balanced", real(m->balanced), "top5", real(m->top5));
    if (d) {
        json_object_set_new(object, "difference", difference_json(d));
    }
    return object;
}

static json_t *summary_json(const eval_result *r, const reshift_robust_summary *s, bool compared)
{
    json_t *object = json_pack("{s:I}", "images", (json_int_t)s->n_images), *by = json_object();
    const reshift_comparison *d = compared ? &r->difference : NULL;
    if (r->table.has_clean) {
        json_object_set_new(object, "clean", mean_json(&s->clean, d ? &d->cells[0] : NULL));
    }
    for (int c = 0; c < r->table.n_corruptions; c++) {
        json_object_set_new(by, r->table.corruptions[c]->name,
                            mean_json(&s->corruption[c], d ? &d->corruption[c] : NULL));
    }
    json_object_set_new(object, "corruptions", by);
    if (s->leaderboard.n_corruptions > 0) {
        json_object_set_new(object, "mean_of_15", mean_json(&s->leaderboard, d ? &d->leaderboard : NULL));
    }
    if (s->all.n_corruptions > 0) {
        json_object_set_new(object, "mean_of_all", mean_json(&s->all, d ? &d->all : NULL));
    }
    json_object_set_new(object, "relative_mce", interval_json(&s->relative_mce));
    return object;
}

static json_t *adapt_json(const reshift_adapt_options *a)
{
    bool tent = a->kind == RESHIFT_ADAPT_TENT;
    json_t *object = json_pack("{s:s}", "kind", reshift_adapt_name(a->kind));
    if (a->kind != RESHIFT_ADAPT_NONE) {
        json_object_set_new(object, "batch", json_integer(a->batch));
        json_object_set_new(object, "order", json_string(a->shuffled ? "shuffled" : "set"));
        json_object_set_new(object, "source_images", json_real(a->source_images));
        json_object_set_new(object, "optimizer", tent ? json_string(a->sgd ? "sgd" : "adam") : json_null());
        json_object_set_new(object, "learning_rate", tent ? json_real(a->learning_rate) : json_null());
    }
    return object;
}

/* The mapping of the set's classes to the network's outputs, and which of them count. */
static json_t *classes_json(const eval_result *r, const reshift_robustness *t)
{
    return json_pack("{s:s, s:i, s:i, s:s, s:s?}", "by", reshift_class_match_name(t->class_match), "classes",
                     t->n_data_classes, "outputs", t->n_classes, "counted",
                     t->restricted ? "classes of the set" : "all", "file",
                     t->class_match == RESHIFT_CLASSES_BY_FILE ? r->class_map : NULL);
}

/* For all cells together. Mean and standard deviation as they were read: the shortest decimals of the floats. */
static json_t *preparation_json(const reshift_robustness *t)
{
    const reshift_recipe *p = &t->recipe;
    json_t *object = json_object(), *mean = json_array(), *deviation = json_array();
    for (int c = 0; c < 3; c++) {
        char text[2][32];
        snprintf(text[0], sizeof text[0], "%.7g", (double)p->mean[c]);
        snprintf(text[1], sizeof text[1], "%.7g", (double)p->std[c]);
        json_array_append_new(mean, json_real(strtod(text[0], NULL)));
        json_array_append_new(deviation, json_real(strtod(text[1], NULL)));
    }
    add_image_facts(object, &t->prepared);
    json_object_set_new(object, "interpolation", json_string("bilinear"));
    json_object_set_new(object, "mean", mean);
    json_object_set_new(object, "std", deviation);
    return object;
}

json_t *eval_json(const eval_result *r)
{
    const reshift_robustness *t = &r->table;
    json_t *cells = json_array();
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "weights", json_text(r->weights),
                  "against", r->against ? json_text(r->against) : json_null(), "data", json_text(r->data), "precision",
                  reshift_precision_name(t->precision), "images", (json_int_t)t->n_images, "available",
                  (json_int_t)t->n_available, "classes", (json_int_t)t->n_classes, "seed", (json_int_t)r->seed,
                  "seen_in_training", t->training_known ? json_integer(t->n_seen) : json_null(), "baseline",
                  r->has_baseline ? json_text(r->baseline.name) : json_null(), "all",
                  summary_json(r, &r->all, r->against != NULL), "unseen",
                  r->has_unseen ? summary_json(r, &r->unseen, false) : json_null());
    json_object_set_new(object, "head", r->head ? json_text(r->head) : json_null());
    json_object_set_new(object, "preparation", preparation_json(t));
    json_object_set_new(object, "class_mapping", classes_json(r, t));
    if (r->against) {
        json_object_set_new(object, "other_class_mapping", classes_json(r, &r->other));
    }
    json_object_set_new(object, "classes_measured", class_list_json(r));
    json_object_set_new(object, "left_out_as_seen", json_integer(t->n_left_out));
    json_object_set_new(object, "images_left_out", json_integer(t->n_skipped));
    json_object_set_new(object, "images_damaged", json_integer(t->n_damaged));
    json_object_set_new(object, "adapt", adapt_json(&t->adapt));
    if (r->against) {
        json_object_set_new(object, "against_head", r->against_head ? json_text(r->against_head) : json_null());
        json_object_set_new(object, "other_preparation", preparation_json(&r->other));
        json_object_set_new(object, "other_adapt", adapt_json(&r->other.adapt));
        json_object_set_new(object, "other", summary_json(r, &r->other_all, false));
    }
    for (int i = 0; i < t->n_cells; i++) {
        json_array_append_new(cells, cell_json(r, i));
    }
    json_object_set_new(object, "cells", cells);
    return object;
}

static void write_text(FILE *out, const void *context) { fprintf(out, "%s\n", (const char *)context); }

reshift_status eval_save_json(const char *path, const eval_result *r, reshift_error *error)
{
    json_t *object = eval_json(r);
    char *text = object ? json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    reshift_status status = text ? eval_save_words(path, write_text, reshift_json_shorten(text), error)
                                 : fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory for '%s'", path);
    free(text);
    json_decref(object);
    return status;
}

/* ---- matrices and pictures ---- */

reshift_status eval_save_confusion(const char *path, const eval_result *r, bool overwrite, reshift_error *error)
{
    const reshift_robustness *t = &r->table;
    int64_t k = t->n_classes;
    reshift_array all = {0};
    reshift_status status = reshift_array_create(RESHIFT_I64, 3, (int64_t[]){t->n_cells, k, k}, &all, error);
    for (int i = 0; status == RESHIFT_OK && i < t->n_cells; i++) {
        memcpy((int64_t *)all.data + i * k * k, t->cells[i].confusion, (size_t)(k * k) * sizeof(int64_t));
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_save_npy(path, &all, overwrite, error);
    }
    reshift_array_destroy(&all);
    return status;
}

enum { COLUMNS_MOST = 1 + RESHIFT_SEVERITIES };

static reshift_status plot_one(const char *folder, const char *name, const char *title, const char *about,
                               const eval_result *r, bool difference, bool overwrite, reshift_error *error)
{
    const reshift_robustness *t = &r->table;
    static const char *const severities[] = {"sev 1", "sev 2", "sev 3", "sev 4", "sev 5"};
    const char *rows[1 + RESHIFT_CORRUPTIONS_MOST], *columns[COLUMNS_MOST];
    double values[(1 + RESHIFT_CORRUPTIONS_MOST) * COLUMNS_MOST];
    uint8_t unclear[(1 + RESHIFT_CORRUPTIONS_MOST) * COLUMNS_MOST] = {0};
    int n_rows = 0, n_columns = t->n_corruptions > 0 ? t->severity_last - t->severity_first + 2 : 1;
    for (int i = 0; i < n_columns; i++) {
        columns[i] = i == 0 ? (t->n_corruptions > 0 ? "mean" : "accuracy") : severities[t->severity_first + i - 2];
    }
    for (int c = t->has_clean ? -1 : 0; c < t->n_corruptions; c++, n_rows++) {
        const reshift_corruption *corruption = c < 0 ? NULL : t->corruptions[c];
        double *row = values + n_rows * n_columns;
        rows[n_rows] = corruption ? corruption->name : "clean";
        const reshift_difference *d = c < 0 ? r->difference.cells : &r->difference.corruption[c];
        row[0] = difference ? d->accuracy.value : (c < 0 ? &r->all.clean : &r->all.corruption[c])->accuracy.value;
        unclear[n_rows * n_columns] = difference && !d->clear;
        for (int i = 1; i < n_columns; i++) {
            const reshift_cell *cell =
                corruption ? reshift_robustness_cell(t, corruption, t->severity_first + i - 1) : NULL;
            d = cell && difference ? &r->difference.cells[cell - t->cells] : NULL;
            row[i] = !cell ? NAN : d ? d->accuracy.value : cell->all.accuracy.accuracy;
            unclear[n_rows * n_columns + i] = d && !d->clear;
        }
    }
    const reshift_heatmap map = {.about = about,
                                 .rows = rows,
                                 .columns = columns,
                                 .n_rows = n_rows,
                                 .n_columns = n_columns,
                                 .values = values,
                                 .unclear = unclear,
                                 .change = difference};
    return reshift_heatmap_plot(folder, name, title, &map, overwrite, error);
}

reshift_status eval_plot(const char *folder, const eval_result *r, bool overwrite, reshift_error *error)
{
    char title[512], about[160];
    snprintf(title, sizeof title, "%s on %s", r->weights, r->data);
    snprintf(about, sizeof about, "accuracy in %%, %lld image%s a cell%s", (long long)r->table.n_images,
             reshift_noun_for(r->table.n_images, "", "s"),
             r->table.n_seen > 0 ? ", some of them seen in training" : "");
    reshift_status status = plot_one(folder, "heatmap", title, about, r, false, overwrite, error);
    if (status == RESHIFT_OK && r->against) {
        snprintf(title, sizeof title, "%s minus %s", r->weights, r->against);
        snprintf(about, sizeof about,
                 "points of accuracy, %lld image%s a cell; grey: the 95 %% interval of the paired change includes 0",
                 (long long)r->difference.cells[0].n, reshift_noun_for(r->difference.cells[0].n, "", "s"));
        status = plot_one(folder, "difference", title, about, r, true, overwrite, error);
    }
    return status;
}
