/*
 * Means over the cells of a table, with intervals by image: an image's figure is its mean over all the cells that
 * count, so its versions move together in every resample. Whatever is linear in the cells' accuracies (a mean, what was
 * lost against the clean images, an error relative to a baseline's, mCE) is such a figure.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "metrics/by_image.h"
#include "robustness/columns.h"
#include "metrics/figures.h"
#include "reshift/corruption.h"
#include "reshift/robustness.h"

int table_row(const reshift_corruption *corruption)
{
    int count;
    return (int)(corruption - reshift_corruption_table(&count));
}

bool table_is_official(const reshift_robustness *table)
{
    int official = 0;
    for (int c = 0; c < table->n_corruptions; c++) {
        official += !table->corruptions[c]->validation;
    }
    return official == reshift_corruption_official_count();
}

bool column_counts(const reshift_robustness *table, table_column column, int c)
{
    return column >= 0 ? column == c : column == COLUMN_ALL || !table->corruptions[c]->validation;
}

double right_share(const reshift_robustness *table, const reshift_corruption *corruption, int64_t i)
{
    int first = corruption ? table->severity_first : 0, last = corruption ? table->severity_last : 0;
    double right = 0;
    for (int s = first; s <= last; s++) {
        const row_figures *rows = reshift_robustness_cell(table, corruption, s)->rows.data;
        right += rows[i].prediction == table->labels[i];
    }
    return right / (last - first + 1);
}

/* The baseline's error over the table's severities; NAN where it is not known. */
static double baseline_error(const reshift_baseline *baseline, const reshift_robustness *table, int c)
{
    const reshift_cell *cell = reshift_robustness_cell(table, table->corruptions[c], table->severity_first);
    if (!baseline || (baseline->jpeg_quality && cell->prepared.jpeg != baseline->jpeg_quality)) {
        return NAN;
    }
    const double *error = baseline->error[table_row(table->corruptions[c])];
    if (table->severity_first == 1 && table->severity_last == RESHIFT_SEVERITIES) {
        return error[0];
    }
    double sum = 0;
    for (int s = table->severity_first; s <= table->severity_last; s++) {
        sum += error[s];
    }
    return sum / (table->severity_last - table->severity_first + 1);
}

/* One mean: its columns among all figures, -1 where there is none. */
typedef struct wanted {
    table_column column;
    reshift_robust_mean *mean;
    int n, accuracy, lost, relative;
    double weight; /* the relative error of a network that is never right */
} wanted;

typedef struct figures_plan {
    wanted means[RESHIFT_CORRUPTIONS_MOST + 3];
    int n_means, n_columns, relative_mce;
    double relative_weight; /* relative mCE of a network that loses everything */
    double base[RESHIFT_CORRUPTIONS_MOST], base_clean;
} figures_plan;

static void want(figures_plan *p, const reshift_robustness *t, table_column column, reshift_robust_mean *mean)
{
    wanted *w = &p->means[p->n_means++];
    *w = (wanted){.column = column, .mean = mean, .accuracy = -1, .lost = -1, .relative = -1};
    bool relative = column != COLUMN_ALL, clean = column == COLUMN_CLEAN;
    for (int c = 0; !clean && c < t->n_corruptions; c++) {
        if (column_counts(t, column, c)) {
            w->n++;
            relative &= p->base[c] > 0;
        }
    }
    w->n = clean ? 1 : w->n;
    for (int c = 0; !clean && relative && c < t->n_corruptions; c++) {
        w->weight += column_counts(t, column, c) ? 1 / p->base[c] / w->n : 0;
    }
    w->accuracy = p->n_columns++;
    if (!clean && t->has_clean) {
        w->lost = p->n_columns++;
    }
    if (!clean && relative) {
        w->relative = p->n_columns++;
    }
}

static void plan_figures(const reshift_robustness *t, const reshift_baseline *baseline, reshift_robust_summary *s,
                         figures_plan *p)
{
    bool official = table_is_official(t);
    memset(p, 0, sizeof *p);
    for (int c = 0; c < t->n_corruptions; c++) {
        p->base[c] = baseline_error(baseline, t, c);
    }
    p->base_clean = baseline ? baseline->clean_error : NAN;
    if (t->has_clean) {
        want(p, t, COLUMN_CLEAN, &s->clean);
    }
    for (int c = 0; c < t->n_corruptions; c++) {
        want(p, t, (table_column)c, &s->corruption[c]);
    }
    if (official) {
        want(p, t, COLUMN_LEADERBOARD, &s->leaderboard);
    }
    if (t->n_corruptions > 0) {
        want(p, t, COLUMN_ALL, &s->all);
    }
    p->relative_mce = -1;
    if (official && t->has_clean && !isnan(p->base_clean)) {
        bool known = true;
        for (int c = 0; c < t->n_corruptions; c++) {
            known &= t->corruptions[c]->validation || p->base[c] - p->base_clean > 0;
        }
        p->relative_mce = known ? p->n_columns++ : -1;
        for (int c = 0; c < t->n_corruptions && known; c++) {
            p->relative_weight += t->corruptions[c]->validation
                                      ? 0
                                      : 1 / (p->base[c] - p->base_clean) / reshift_corruption_official_count();
        }
    }
}

/* The figures of one image: values [n_columns]. */
static void fill_image(const reshift_robustness *t, const figures_plan *p, int64_t i, double *values)
{
    double right[RESHIFT_CORRUPTIONS_MOST], clean = t->has_clean ? right_share(t, NULL, i) : NAN;
    for (int c = 0; c < t->n_corruptions; c++) {
        right[c] = right_share(t, t->corruptions[c], i);
    }
    for (int k = 0; k < p->n_means; k++) {
        const wanted *w = &p->means[k];
        double accuracy = w->column == COLUMN_CLEAN ? clean : 0, relative = 0;
        for (int c = 0; w->column != COLUMN_CLEAN && c < t->n_corruptions; c++) {
            if (column_counts(t, w->column, c)) {
                accuracy += right[c] / w->n;
                relative += (1 - right[c]) / p->base[c] / w->n;
            }
        }
        values[w->accuracy] = accuracy;
        if (w->lost >= 0) {
            values[w->lost] = clean - accuracy;
        }
        if (w->relative >= 0) {
            values[w->relative] = relative / w->weight;
        }
    }
    if (p->relative_mce >= 0) {
        double sum = 0;
        for (int c = 0; c < t->n_corruptions; c++) {
            sum += t->corruptions[c]->validation ? 0 : (clean - right[c]) / (p->base[c] - p->base_clean);
        }
        values[p->relative_mce] = sum / reshift_corruption_official_count() / p->relative_weight;
    }
}

/* nll, brier and ece are means over the cells' own. */
static void average_cells(const reshift_robustness *t, const wanted *w, bool unseen_only)
{
    reshift_robust_mean *mean = w->mean;
    int n = 0;
    mean->nll = mean->brier = mean->ece = mean->balanced = mean->top5 = 0;
    for (int i = 0; i < t->n_cells; i++) {
        const reshift_cell *cell = &t->cells[i];
        bool counts = !cell->corruption ? w->column == COLUMN_CLEAN : false;
        for (int c = 0; cell->corruption && c < t->n_corruptions && w->column != COLUMN_CLEAN; c++) {
            counts |= t->corruptions[c] == cell->corruption && column_counts(t, w->column, c);
        }
        if (counts) {
            const reshift_metrics *metrics = unseen_only ? &cell->unseen : &cell->all;
            mean->nll += metrics->nll;
            mean->brier += metrics->brier;
            const reshift_class_metrics *by_class = unseen_only ? &cell->by_class_unseen : &cell->by_class;
            mean->ece += metrics->ece;
            mean->balanced += by_class->balanced;
            mean->top5 += by_class->top5;
            n++;
        }
    }
    mean->nll /= n;
    mean->brier /= n;
    mean->ece /= n;
    mean->balanced /= n;
    mean->top5 /= n;
}

static reshift_robust_mean no_mean(void)
{
    const reshift_interval none = {NAN, NAN, NAN};
    return (reshift_robust_mean){0, 0, none, none, none, NAN, NAN, NAN, NAN, NAN};
}

static reshift_interval scaled(reshift_interval interval, double factor)
{
    return (reshift_interval){interval.value * factor, interval.low * factor, interval.high * factor};
}

/* values [n,n_columns], of the images that count; errors relative to a baseline are shares of the largest possible. */
static void hand_out(const reshift_robustness *t, const figures_plan *p, const double *values, int64_t n,
                     bool unseen_only, reshift_robust_summary *summary)
{
    const int severities = t->severity_last - t->severity_first + 1;
    for (int k = 0; k < p->n_means; k++) {
        const wanted *w = &p->means[k];
        const int64_t n_rows = n * w->n * (w->column == COLUMN_CLEAN ? 1 : severities);
        w->mean->n_corruptions = w->n;
        w->mean->n_rows = n_rows;
        w->mean->accuracy = interval_of_shares(values + w->accuracy, p->n_columns, n, n_rows);
        if (w->lost >= 0) {
            w->mean->lost = interval_of_differences(values + w->lost, p->n_columns, n);
        }
        if (w->relative >= 0) {
            w->mean->relative = scaled(interval_of_shares(values + w->relative, p->n_columns, n, n_rows), w->weight);
        }
        average_cells(t, w, unseen_only);
    }
    if (p->relative_mce >= 0) {
        summary->relative_mce =
            scaled(interval_of_differences(values + p->relative_mce, p->n_columns, n), p->relative_weight);
    }
}

reshift_status reshift_robustness_summarise(const reshift_robustness *table, bool unseen_only,
                                            const reshift_baseline *baseline, reshift_robust_summary *summary,
                                            reshift_error *error)
{
    figures_plan p;
    int64_t n = unseen_only ? table->n_images - table->n_seen : table->n_images, filled = 0;
    summary->n_images = n;
    summary->clean = summary->leaderboard = summary->all = no_mean();
    summary->relative_mce = (reshift_interval){NAN, NAN, NAN};
    for (int c = 0; c < RESHIFT_CORRUPTIONS_MOST; c++) {
        summary->corruption[c] = no_mean();
    }
    if (n < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "the network was trained on every image of this table");
    }
    plan_figures(table, baseline, summary, &p);
    size_t bytes = 0;
    double *values =
        memory_product((size_t)n * sizeof *values, (size_t)p.n_columns, &bytes) ? memory_allocate(bytes) : NULL;
    if (!values) {
        return error_memory(error, bytes, "figures of images");
    }
    for (int64_t i = 0; i < table->n_images; i++) {
        if (!unseen_only || !table->seen[i]) {
            fill_image(table, &p, i, values + filled++ * p.n_columns);
        }
    }
    hand_out(table, &p, values, n, unseen_only, summary);
    memory_free(values);
    return RESHIFT_OK;
}

/* Clean accuracy minus the cell's, image by image. */
static reshift_interval lost_in_cell(const reshift_robustness *t, const reshift_cell *cell, bool unseen_only)
{
    const row_figures *clean = t->cells[0].rows.data, *rows = cell->rows.data;
    int64_t n = 0, only_clean = 0, only_cell = 0;
    for (int64_t i = 0; i < t->n_images; i++) {
        if (!unseen_only || !t->seen[i]) {
            const bool before = clean[i].prediction == t->labels[i], after = rows[i].prediction == t->labels[i];
            n++;
            only_clean += before && !after;
            only_cell += after && !before;
        }
    }
    return reshift_difference_of(only_clean, only_cell, n).accuracy;
}

reshift_robust_mean reshift_robustness_cell_mean(const reshift_robustness *t, int i, bool unseen_only,
                                                 const reshift_baseline *baseline)
{
    const reshift_cell *cell = &t->cells[i];
    const reshift_metrics *m = unseen_only ? &cell->unseen : &cell->all;
    const reshift_class_metrics *by_class = unseen_only ? &cell->by_class_unseen : &cell->by_class;
    const reshift_accuracy *a = &m->accuracy;
    reshift_robust_mean mean = no_mean();
    mean.n_corruptions = 1;
    mean.n_rows = a->n;
    mean.accuracy = (reshift_interval){a->accuracy, a->low, a->high};
    mean.nll = m->nll;
    mean.brier = m->brier;
    mean.ece = m->ece;
    mean.balanced = by_class->balanced;
    mean.top5 = by_class->top5;
    if (cell->corruption && t->has_clean && a->n > 0) {
        mean.lost = lost_in_cell(t, cell, unseen_only);
    }
    const bool comparable =
        cell->corruption && baseline && (!baseline->jpeg_quality || cell->prepared.jpeg == baseline->jpeg_quality);
    const double error = comparable ? baseline->error[table_row(cell->corruption)][cell->severity] : NAN;
    if (error > 0) {
        mean.relative = (reshift_interval){(1 - a->accuracy) / error, (1 - a->high) / error, (1 - a->low) / error};
    }
    return mean;
}
