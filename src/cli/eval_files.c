/* The robustness table as files: CSV, JSON, confusion matrices, heat maps. */
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

static const char *cell_name(const reshift_cell *cell) { return cell->corruption ? cell->corruption->name : "clean"; }

static const char *cell_source(const reshift_cell *cell)
{
    return cell->published ? "published file" : cell->from_file ? "file" : "made";
}

/* ---- CSV ---- */

/* ",0.5", or "," where there is no number. */
static void field(FILE *out, double value)
{
    if (isnan(value)) {
        fputc(',', out);
    } else {
        fprintf(out, ",%.17g", value);
    }
}

static void fields(FILE *out, const reshift_interval *interval)
{
    field(out, interval->value);
    field(out, interval->low);
    field(out, interval->high);
}

static void metric_fields(FILE *out, double nll, double brier, double ece)
{
    field(out, nll);
    field(out, brier);
    field(out, ece);
}

/* How the network adapted; batch and order count only where it did. */
static void adapt_fields(FILE *out, const reshift_adapt_options *a)
{
    if (a->kind == RESHIFT_ADAPT_NONE) {
        fprintf(out, ",none,,\n");
    } else {
        fprintf(out, ",%s,%d,%s\n", reshift_adapt_name(a->kind), a->batch, a->shuffled ? "shuffled" : "set");
    }
}

static void cell_row(FILE *out, const eval_result *r, int i, bool unseen)
{
    const reshift_interval none = {NAN, NAN, NAN};
    const reshift_cell *cell = &r->table.cells[i];
    const reshift_metrics *m = unseen ? &cell->unseen : &cell->all;
    fprintf(out, "%s,%d,%lld,%lld,%lld", cell_name(cell), cell->severity, (long long)m->accuracy.n,
            (long long)m->accuracy.n, (long long)m->accuracy.correct);
    fields(out, &(reshift_interval){m->accuracy.accuracy, m->accuracy.low, m->accuracy.high});
    metric_fields(out, m->nll, m->brier, m->ece);
    fields(out, &none);
    fields(out, &none);
    bool compared = r->against && !unseen;
    const reshift_difference *d = compared ? &r->difference.cells[i] : NULL;
    fields(out, compared ? &d->accuracy : &none);
    if (compared) {
        fprintf(out, ",%lld,%lld,%lld,%.17g", (long long)d->n, (long long)d->only_a, (long long)d->only_b, d->p);
    } else {
        fprintf(out, ",,,,");
    }
    fprintf(out, ",%s,wilson,%s", unseen ? "unseen" : "all", cell_source(cell));
    adapt_fields(out, &r->table.adapt);
}

/* Rows over several cells; the counts are sums of theirs. */
static void mean_row(FILE *out, const eval_result *r, const char *name, const reshift_robust_mean *mean, bool unseen,
                     int64_t n_images, int64_t correct, const reshift_difference *d)
{
    const reshift_interval none = {NAN, NAN, NAN};
    fprintf(out, "%s,all,%lld,%lld,%lld", name, (long long)mean->n_rows, (long long)n_images, (long long)correct);
    fields(out, &mean->accuracy);
    metric_fields(out, mean->nll, mean->brier, mean->ece);
    fields(out, &mean->lost);
    fields(out, &mean->relative);
    bool compared = r->against && !unseen;
    fields(out, compared ? &d->accuracy : &none);
    field(out, compared ? (double)d->n_images : NAN);
    fprintf(out, ",,,,%s,by-image,", unseen ? "unseen" : "all");
    adapt_fields(out, &r->table.adapt);
}

/* -1: over all corruptions, -2: over the 15. */
static int64_t count_correct(const eval_result *r, int c, bool unseen)
{
    int64_t correct = 0;
    for (int i = 0; i < r->table.n_cells; i++) {
        const reshift_cell *cell = &r->table.cells[i];
        bool counts = cell->corruption && (c == -1 || (c == -2 && !cell->corruption->validation) ||
                                           (c >= 0 && cell->corruption == r->table.corruptions[c]));
        correct += counts ? (unseen ? cell->unseen : cell->all).accuracy.correct : 0;
    }
    return correct;
}

static void csv_rows(FILE *out, const eval_result *r, const reshift_robust_summary *s, bool unseen)
{
    for (int i = 0; i < r->table.n_cells; i++) {
        cell_row(out, r, i, unseen);
    }
    for (int c = 0; c < r->table.n_corruptions; c++) {
        mean_row(out, r, r->table.corruptions[c]->name, &s->corruption[c], unseen, s->n_images,
                 count_correct(r, c, unseen), &r->difference.corruption[c]);
    }
    if (s->leaderboard.n_corruptions > 0) {
        mean_row(out, r, "mean-of-15", &s->leaderboard, unseen, s->n_images, count_correct(r, -2, unseen),
                 &r->difference.leaderboard);
    }
    if (r->table.n_corruptions > 1) {
        mean_row(out, r, "mean-of-all", &s->all, unseen, s->n_images, count_correct(r, -1, unseen),
                 &r->difference.all);
    }
}

typedef void (*write_words)(FILE *out, const void *context);

/* The words in memory, then as the library writes its files. */
static reshift_status save(const char *path, write_words write, const void *context, reshift_error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        write(out, context);
    }
    if (!out || fclose(out) != 0) {
        free(text);
        return fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory");
    }
    reshift_status status = reshift_output_write(path, text, size, true, error);
    free(text);
    return status;
}

static void write_csv(FILE *out, const void *context)
{
    const eval_result *r = context;
    fprintf(out, "corruption,severity,rows,images,correct,accuracy,low,high,nll,brier,ece,lost,lost_low,lost_high,relative,"
                 "relative_low,relative_high,difference,difference_low,difference_high,difference_n,only_this,only_"
                 "other,mcnemar_p,"
                 "subset,interval,source,adapt,batch,order\n");
    csv_rows(out, r, &r->all, false);
    if (r->has_unseen) {
        csv_rows(out, r, &r->unseen, true);
    }
}

reshift_status eval_save_csv(const char *path, const eval_result *r, reshift_error *error)
{
    return save(path, write_csv, r, error);
}

/* ---- JSON ---- */

static json_t *real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *interval_json(const reshift_interval *i)
{
    return isnan(i->value)
               ? json_null()
               : json_pack("{s:o, s:o, s:o}", "value", real(i->value), "low", real(i->low), "high", real(i->high));
}

static json_t *metrics_json(const reshift_metrics *m)
{
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "images", (json_int_t)m->accuracy.n, "correct",
                     (json_int_t)m->accuracy.correct, "accuracy", real(m->accuracy.accuracy), "low",
                     real(m->accuracy.low), "high", real(m->accuracy.high), "nll", real(m->nll), "brier",
                     real(m->brier), "ece", real(m->ece));
}

static json_t *difference_json(const reshift_difference *d)
{
    json_t *object = json_pack("{s:o, s:I}", "accuracy", interval_json(&d->accuracy), "images",
                               (json_int_t)d->n_images);
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
    json_t *object = json_pack("{s:s, s:i, s:s, s:o}", "corruption", cell_name(cell), "severity", cell->severity,
                               "source", cell_source(cell), "all", metrics_json(&cell->all));
    if (r->has_unseen) {
        json_object_set_new(object, "unseen", metrics_json(&cell->unseen));
    }
    if (r->against) {
        json_object_set_new(object, "difference", difference_json(&r->difference.cells[i]));
    }
    return object;
}

static json_t *mean_json(const reshift_robust_mean *m, const reshift_difference *d)
{
    json_t *object =
        json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "corruptions", m->n_corruptions, "accuracy",
                  interval_json(&m->accuracy), "lost", interval_json(&m->lost), "relative_to_baseline",
                  interval_json(&m->relative), "nll", real(m->nll), "brier", real(m->brier), "ece", real(m->ece));
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

/* How the set's classes were found among the network's outputs, and which of these count. */
static json_t *classes_json(const eval_result *r, const reshift_robustness *t)
{
    return json_pack("{s:s, s:i, s:i, s:s, s:s?}", "by", reshift_class_match_name(t->class_match), "classes",
                     t->n_data_classes, "outputs", t->n_classes, "counted", t->restricted ? "classes of the set" : "all",
                     "file", t->class_match == RESHIFT_CLASSES_BY_FILE ? r->class_map : NULL);
}

static json_t *jpeg_json(int quality)
{
    return quality == RESHIFT_JPEG_MIXED ? json_string("differs by corruption") : json_integer(quality);
}

static json_t *preparation_json(const reshift_robustness *t)
{
    const reshift_recipe *p = &t->recipe;
    json_t *object = json_pack("{s:i, s:[f, f, f], s:[f, f, f], s:s}", "input_size", p->size, "mean",
                               (double)p->mean[0], (double)p->mean[1], (double)p->mean[2], "std", (double)p->std[0],
                               (double)p->std[1], (double)p->std[2], "interpolation", "bilinear");
    json_object_set_new(object, "resize", t->photographs ? json_integer(p->resize) : json_null());
    return object;
}

/* How corrupted images were made here; null where all are of files. */
static json_t *made_json(const reshift_robustness *t)
{
    for (int i = 0; i < t->n_cells; i++) {
        const reshift_cell *c = &t->cells[i];
        if (c->constants != RESHIFT_CONSTANTS_AUTO) {
            return json_pack("{s:s, s:o}", "constants",
                             c->constants == RESHIFT_CONSTANTS_CIFAR ? "cifar" : "imagenet", "corrupted_at",
                             c->crop_size > 0 ? json_pack("{s:i, s:i}", "resize", c->crop_resize, "crop", c->crop_size)
                                              : json_string("native"));
        }
    }
    return json_null();
}

json_t *eval_json(const eval_result *r)
{
    const reshift_robustness *t = &r->table;
    json_t *cells = json_array();
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "weights", json_text(r->weights), "against",
        r->against ? json_text(r->against) : json_null(), "data", json_text(r->data), "precision", reshift_precision_name(t->precision), "images", (json_int_t)t->n_images,
        "available", (json_int_t)t->n_available, "classes", (json_int_t)t->n_classes, "seed", (json_int_t)r->seed,
        "seen_in_training", t->training_known ? json_integer(t->n_seen) : json_null(), "baseline",
        r->has_baseline ? json_text(r->baseline.name) : json_null(), "all", summary_json(r, &r->all, r->against != NULL), "unseen",
        r->has_unseen ? summary_json(r, &r->unseen, false) : json_null());
    json_object_set_new(object, "head", r->head ? json_text(r->head) : json_null());
    json_object_set_new(object, "preparation", preparation_json(t));
    json_object_set_new(object, "made", made_json(t));
    json_object_set_new(object, "class_mapping", classes_json(r, t));
    if (r->against) {
        json_object_set_new(object, "other_class_mapping", classes_json(r, &r->other));
    }
    json_object_set_new(object, "jpeg_quality", jpeg_json(eval_jpeg(t)));
    json_object_set_new(object, "left_out_as_seen", json_integer(t->n_left_out));
    json_object_set_new(object, "images_left_out", json_integer(t->n_skipped));
    json_object_set_new(object, "images_damaged", json_integer(t->n_damaged));
    json_object_set_new(object, "adapt", adapt_json(&t->adapt));
    if (r->against) {
        json_object_set_new(object, "against_head", r->against_head ? json_text(r->against_head) : json_null());
        json_object_set_new(object, "other_preparation", preparation_json(&r->other));
        json_object_set_new(object, "other_made", made_json(&r->other));
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
    reshift_status status = text ? save(path, write_text, text, error)
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
    return reshift_plot_heatmap(folder, name, title, &map, overwrite, error);
}

reshift_status eval_plot(const char *folder, const eval_result *r, bool overwrite, reshift_error *error)
{
    char title[512], about[160];
    snprintf(title, sizeof title, "%s on %s", r->weights, r->data);
    snprintf(about, sizeof about, "accuracy in %%, %lld image%s a cell%s", (long long)r->table.n_images,
             r->table.n_images == 1 ? "" : "s", r->table.n_seen > 0 ? ", some of them seen in training" : "");
    reshift_status status = plot_one(folder, "heatmap", title, about, r, false, overwrite, error);
    if (status == RESHIFT_OK && r->against) {
        snprintf(title, sizeof title, "%s minus %s", r->weights, r->against);
        snprintf(about, sizeof about, "points of accuracy, %lld image%s a cell; grey: the 95 %% interval of the paired change includes 0",
                 (long long)r->difference.cells[0].n, r->difference.cells[0].n == 1 ? "" : "s");
        status = plot_one(folder, "difference", title, about, r, true, overwrite, error);
    }
    return status;
}
