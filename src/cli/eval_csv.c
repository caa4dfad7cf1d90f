/*
 * The robustness table as CSV: one row per cell and per mean (results.csv), one row per cell and class (classes.csv).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/eval.h"
#include "reshift/outputs.h"
#include "reshift/words.h"

const char *eval_cell_name(const reshift_cell *cell) { return cell->corruption ? cell->corruption->name : "clean"; }

const char *eval_cell_source(const reshift_cell *cell)
{
    return cell->published ? "published file" : cell->from_file ? "file" : "made";
}

/* ",0.5", or "," if there is no number. */
static void field(FILE *out, double value)
{
    char text[40];
    fprintf(out, ",%s", isnan(value) ? "" : reshift_number_text(value, text));
}

static void fields(FILE *out, const reshift_interval *interval)
{
    field(out, interval->value);
    field(out, interval->low);
    field(out, interval->high);
}

/* The fields from the likelihood to the errors relative to the baseline. */
static void mean_fields(FILE *out, const reshift_robust_mean *mean)
{
    fields(out, &mean->accuracy);
    field(out, mean->nll);
    field(out, mean->brier);
    field(out, mean->ece);
    field(out, mean->balanced);
    field(out, mean->top5);
    fields(out, &mean->lost);
    fields(out, &mean->relative);
}

/* The preparation of the images; NULL: no cell. */
static void image_fields(FILE *out, const reshift_image_facts *prepared)
{
    reshift_image_fact list[RESHIFT_IMAGE_FACTS];
    reshift_image_facts_list(prepared, list);
    for (int i = 0; i < RESHIFT_IMAGE_FACTS; i++) {
        if (list[i].word) {
            fprintf(out, ",%s", list[i].word);
        } else if (list[i].number >= 0) {
            fprintf(out, ",%d", list[i].number);
        } else {
            fputc(',', out);
        }
    }
}

/* The adaptation of the network; batch size and order only if it adapts. */
static void adapt_fields(FILE *out, const reshift_adapt_options *a)
{
    if (a->kind == RESHIFT_ADAPT_NONE) {
        fprintf(out, ",none,,");
    } else {
        fprintf(out, ",%s,%d,%s", reshift_adapt_name(a->kind), a->batch, a->shuffled ? "shuffled" : "set");
    }
}

static void cell_row(FILE *out, const eval_result *r, int i, bool unseen)
{
    const reshift_interval none = {NAN, NAN, NAN};
    const reshift_cell *cell = &r->table.cells[i];
    const reshift_metrics *m = unseen ? &cell->unseen : &cell->all;
    const reshift_robust_mean mean =
        reshift_robustness_cell_mean(&r->table, i, unseen, r->has_baseline ? &r->baseline : NULL);
    fprintf(out, "%s,%d,%lld,%lld,%lld", eval_cell_name(cell), cell->severity, (long long)m->accuracy.n,
            (long long)m->accuracy.n, (long long)m->accuracy.correct);
    mean_fields(out, &mean);
    bool compared = r->against && !unseen;
    const reshift_difference *d = compared ? &r->difference.cells[i] : NULL;
    fields(out, compared ? &d->accuracy : &none);
    if (compared) {
        fprintf(out, ",%lld,%lld,%lld", (long long)d->n, (long long)d->only_a, (long long)d->only_b);
        field(out, d->p);
    } else {
        fprintf(out, ",,,,");
    }
    fprintf(out, ",%s,wilson,%s", unseen ? "unseen" : "all", eval_cell_source(cell));
    adapt_fields(out, &r->table.adapt);
    image_fields(out, &cell->prepared);
    fputc('\n', out);
}

/* The cells of a mean: over all corruptions, the 15 of leaderboards, or one (from 0). */
enum { ALL = -1, LEADERBOARD = -2 };
typedef struct counted {
    int64_t correct;
    reshift_image_facts prepared;
} counted;

static counted count(const eval_result *r, int c, bool unseen)
{
    counted sum = {0};
    bool first = true;
    for (int i = 0; i < r->table.n_cells; i++) {
        const reshift_cell *cell = &r->table.cells[i];
        if (cell->corruption && (c == ALL || (c == LEADERBOARD && !cell->corruption->validation) ||
                                 (c >= 0 && cell->corruption == r->table.corruptions[c]))) {
            sum.correct += (unseen ? cell->unseen : cell->all).accuracy.correct;
            sum.prepared = first ? cell->prepared : reshift_image_facts_merge(&sum.prepared, &cell->prepared);
            first = false;
        }
    }
    return sum;
}

/* A row for several cells; its counts are sums over them. */
static void mean_row(FILE *out, const eval_result *r, const char *name, const reshift_robust_mean *mean, bool unseen,
                     int64_t n_images, const counted *count, const reshift_difference *d)
{
    const reshift_interval none = {NAN, NAN, NAN};
    fprintf(out, "%s,all,%lld,%lld,%lld", name, (long long)mean->n_rows, (long long)n_images,
            (long long)count->correct);
    mean_fields(out, mean);
    bool compared = r->against && !unseen;
    fields(out, compared ? &d->accuracy : &none);
    field(out, compared ? (double)d->n_images : NAN);
    fprintf(out, ",,,,%s,by-image,", unseen ? "unseen" : "all");
    adapt_fields(out, &r->table.adapt);
    image_fields(out, &count->prepared);
    fputc('\n', out);
}

static void csv_rows(FILE *out, const eval_result *r, const reshift_robust_summary *s, bool unseen)
{
    for (int i = 0; i < r->table.n_cells; i++) {
        cell_row(out, r, i, unseen);
    }
    for (int c = 0; c < r->table.n_corruptions; c++) {
        const counted of = count(r, c, unseen);
        mean_row(out, r, r->table.corruptions[c]->name, &s->corruption[c], unseen, s->n_images, &of,
                 &r->difference.corruption[c]);
    }
    if (s->leaderboard.n_corruptions > 0) {
        const counted of = count(r, LEADERBOARD, unseen);
        mean_row(out, r, "mean-of-15", &s->leaderboard, unseen, s->n_images, &of, &r->difference.leaderboard);
    }
    if (r->table.n_corruptions > 1) {
        const counted of = count(r, ALL, unseen);
        mean_row(out, r, "mean-of-all", &s->all, unseen, s->n_images, &of, &r->difference.all);
    }
}

reshift_status eval_save_words(const char *path, eval_words write, const void *context, reshift_error *error)
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

/* The column names of image_fields(). */
static void write_image_columns(FILE *out)
{
    reshift_image_fact list[RESHIFT_IMAGE_FACTS];
    reshift_image_facts_list(&(reshift_image_facts){0}, list);
    for (int i = 0; i < RESHIFT_IMAGE_FACTS; i++) {
        fprintf(out, i ? ",%s" : "%s", list[i].name);
    }
}

static void write_csv(FILE *out, const void *context)
{
    const eval_result *r = context;
    fprintf(out, "corruption,severity,rows,images,correct,accuracy,low,high,nll,brier,ece,balanced,top5,lost,lost_low,"
                 "lost_high,relative,"
                 "relative_low,relative_high,difference,difference_low,difference_high,difference_n,only_this,only_"
                 "other,mcnemar_p,"
                 "subset,interval,source,adapt,batch,order,");
    write_image_columns(out);
    fputc('\n', out);
    csv_rows(out, r, &r->all, false);
    if (r->has_unseen) {
        csv_rows(out, r, &r->unseen, true);
    }
}

reshift_status eval_save_csv(const char *path, const eval_result *r, reshift_error *error)
{
    return eval_save_words(path, write_csv, r, error);
}

/* ---- by class ---- */

/* A CSV field, quoted if necessary (RFC 4180). */
static void text_field(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fprintf(out, ",%s", text);
        return;
    }
    fputs(",\"", out);
    for (const char *c = text; *c; c++) {
        fputs(*c == '"' ? "\"\"" : (const char[]){*c, '\0'}, out);
    }
    fputc('"', out);
}

reshift_accuracy eval_class_accuracy(const eval_result *r, int cell, int k)
{
    const int64_t n_classes = r->table.n_classes, *row = r->table.cells[cell].confusion + k * n_classes;
    int64_t n = 0;
    for (int64_t guess = 0; guess < n_classes; guess++) {
        n += row[guess];
    }
    return reshift_accuracy_of(row[k], n);
}

static void write_classes(FILE *out, const void *context)
{
    const eval_result *r = context;
    fprintf(out, "corruption,severity,output,class,images,correct,accuracy,low,high\n");
    for (int i = 0; i < r->table.n_cells; i++) {
        const reshift_cell *cell = &r->table.cells[i];
        for (int k = 0; k < r->table.n_classes; k++) {
            const reshift_accuracy a = eval_class_accuracy(r, i, k);
            if (a.n > 0) {
                fprintf(out, "%s,%d,%d", eval_cell_name(cell), cell->severity, k);
                text_field(out, r->table.class_names[k] ? r->table.class_names[k] : "");
                fprintf(out, ",%lld,%lld", (long long)a.n, (long long)a.correct);
                fields(out, &(reshift_interval){a.accuracy, a.low, a.high});
                fputc('\n', out);
            }
        }
    }
}

reshift_status eval_save_classes(const char *path, const eval_result *r, reshift_error *error)
{
    return eval_save_words(path, write_classes, r, error);
}
