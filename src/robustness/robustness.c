/*
 * Measures the robustness table: the cells that table_cells.c did not find in the folder, on the images that
 * table_images.c chose. A network goes through one plan for all cells; two networks that begin alike run their common
 * blocks once.
 */
#include "reshift/robustness.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "datasets/dataset.h"
#include "robustness/measuring.h"
#include "models/model.h"

static reshift_status finish_cell(const reshift_robustness *t, reshift_cell *cell, reshift_error *error)
{
    const row_figures *rows = cell->rows.data;
    size_t k = (size_t)t->n_classes;
    cell->all = figures_metrics(rows, t->labels, NULL, t->n_images);
    cell->unseen = figures_metrics(rows, t->labels, t->seen, t->n_images);
    reshift_status status =
        figures_class_metrics(rows, t->labels, NULL, t->n_images, t->n_classes, t->n_counted, &cell->by_class, error);
    if (status == RESHIFT_OK) {
        status = figures_class_metrics(rows, t->labels, t->seen, t->n_images, t->n_classes, t->n_counted,
                                       &cell->by_class_unseen, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    cell->confusion = calloc(k * k, sizeof *cell->confusion);
    if (!cell->confusion) {
        return error_memory(error, k * k * sizeof *cell->confusion, "a confusion matrix");
    }
    for (int64_t i = 0; i < t->n_images; i++) {
        cell->confusion[(size_t)t->labels[i] * k + (size_t)rows[i].prediction]++;
    }
    return RESHIFT_OK;
}

/* Cell `i` of every table, which nobody measured before, of one set. */
static reshift_status measure_missing(measuring *const *m, int n, forked *f, const reshift_dataset *set, int i,
                                      reshift_error *error)
{
    reshift_cell *missing[2];
    measuring *whose[2];
    int n_missing = 0;
    reshift_status status = RESHIFT_OK;
    for (int k = 0; k < n; k++) {
        reshift_cell *cell = &m[k]->table->cells[i];
        if (!cell->taken_up) {
            missing[n_missing] = cell;
            whose[n_missing++] = m[k];
        }
    }
    const block *b = measuring_block(m[0], &m[0]->table->cells[i]);
    if (n_missing == 2 && f) {
        return measuring_cells_of_two(whose, f, set, b, missing, error);
    }
    for (int k = 0; k < n_missing && status == RESHIFT_OK; k++) {
        status = measuring_cell(whose[k], set, b, missing[k], error);
    }
    return status;
}

static bool is_missing(measuring *const *m, int n, int i)
{
    bool missing = false;
    for (int k = 0; k < n; k++) {
        missing |= !m[k]->table->cells[i].taken_up;
    }
    return missing;
}

/* The cells of one table, or of n tables of the same images side by side; with `f` two at once. */
static reshift_status measure_cells(measuring *const *m, int n, forked *f, reshift_error *error)
{
    reshift_dataset *set = NULL;
    const block *opened = NULL;
    reshift_status status = RESHIFT_OK;
    if (m[0]->count->done == 0 && m[0]->count->total > 0) {
        progress_update(m[0]->progress, "eval", 0, m[0]->count->total, "images");
    }
    for (int i = 0; status == RESHIFT_OK && i < m[0]->table->n_cells; i++) {
        const reshift_cell *cell = &m[0]->table->cells[i];
        const block *b = measuring_block(m[0], cell);
        bool missing = is_missing(m, n, i);
        if (missing && b != opened) {
            reshift_dataset_close(&set);
            status = measuring_open(m[0], cell->corruption, &set, error);
            opened = b;
        }
        if (status == RESHIFT_OK && missing) {
            status = measure_missing(m, n, f, set, i, error);
        }
        for (int k = 0; k < n && status == RESHIFT_OK; k++) {
            status = finish_cell(m[k]->table, &m[k]->table->cells[i], error);
        }
    }
    reshift_dataset_close(&set);
    return status;
}

/* ---- the table ---- */

static void measuring_destroy(measuring **m)
{
    if (*m) {
        adapt_destroy(&(*m)->adapt);
        memory_free((*m)->order);
        memory_free((*m)->in_order);
        memory_free((*m)->in_labels);
        memory_free((*m)->scores);
        reshift_class_map_destroy(&(*m)->map);
        facts_destroy(&(*m)->shared_facts);
        forward_destroy(&(*m)->forward);
        reshift_dataset_close(&(*m)->clean);
        memory_free((*m)->rows);
        free(*m);
        *m = NULL;
    }
}

/* From here on labels are outputs of the network. */
static reshift_status map_labels(measuring *m, reshift_error *error)
{
    reshift_robustness *t = m->table;
    t->class_match = m->map.match;
    t->classes_differ = !reshift_class_map_is_identity(&m->map);
    t->restricted = m->options->restrict_classes && t->classes_differ;
    t->n_counted = 0;
    for (int k = 0; k < t->n_classes; k++) {
        t->n_counted += !t->restricted || m->map.counts[k];
    }
    if (!t->classes_differ) {
        return RESHIFT_OK;
    }
    t->data_labels = memory_allocate((size_t)t->n_images * sizeof *t->data_labels);
    if (!t->data_labels) {
        return error_memory(error, (size_t)t->n_images * sizeof *t->data_labels, "labels");
    }
    for (int64_t i = 0; i < t->n_images; i++) {
        t->data_labels[i] = t->labels[i];
        t->labels[i] = m->map.outputs[t->labels[i]];
    }
    return RESHIFT_OK;
}

/* All that is known before the first image goes through the network. `clean`: the images, if they are open, or NULL. */
static reshift_status measuring_create(const reshift_model *model, const reshift_robustness_options *options,
                                       reshift_dataset *clean, reshift_robustness *table, measured_images *count,
                                       const reshift_progress *progress, measuring **out, reshift_error *error)
{
    network *net = model_network(model);
    const reshift_dataset_options *d = &options->dataset;
    *out = NULL;
    if (d->severity_first < 1 || d->severity_last > RESHIFT_SEVERITIES || d->severity_first > d->severity_last) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "severity %d-%d: expected a range within 1-5",
                         d->severity_first, d->severity_last);
    }
    if (model_need_head(model, error) != RESHIFT_OK) {
        return RESHIFT_ERROR_SHAPE;
    }
    measuring *m = *out = calloc(1, sizeof *m);
    if (!m) {
        return error_memory(error, sizeof *m, "a table");
    }
    m->model = model;
    m->clean = clean ? dataset_share(clean) : NULL;
    m->options = options;
    m->progress = progress;
    m->table = table;
    m->count = count;
    table->n_classes = reshift_model_n_classes(model);
    table->severity_first = d->severity_first;
    table->severity_last = d->severity_last;
    table->adapt = options->adapt;
    table->recipe = reshift_recipe_at(reshift_model_recipe(model), options->size);
    table->precision = forward_precision(options->precision, options->adapt.kind != RESHIFT_ADAPT_NONE, progress);
    m->setup = (forward_setup){.net = net,
                               .recipe = reshift_model_recipe(model),
                               .size = options->size,
                               .batch = options->batch,
                               .precision = table->precision,
                               .last_block = net->graph->n_blocks - 1};
    m->surveying = true;
    reshift_status status = measuring_survey(m, error);
    m->surveying = false;
    if (status == RESHIFT_OK) {
        status = measuring_choose(m, error);
    }
    if (status == RESHIFT_OK) {
        status = map_labels(m, error);
    }
    if (status == RESHIFT_OK) {
        m->setup.n_rows = table->n_images;
        status = measuring_lay_out(m, error);
    }
    if (status == RESHIFT_OK) {
        status = measuring_prepare_adaptation(m, error);
    }
    return status == RESHIFT_OK ? measuring_take_up(m, error) : status;
}

void reshift_robustness_options_default(reshift_robustness_options *options)
{
    *options = (reshift_robustness_options){.clean = true};
    reshift_dataset_options_default(&options->dataset);
    reshift_adapt_options_default(&options->adapt);
}

reshift_status reshift_robustness_measure(const reshift_model *model, const reshift_robustness_options *options,
                                          reshift_robustness *table, const reshift_progress *progress,
                                          reshift_error *error)
{
    measuring *m;
    measured_images count = {0};
    memset(table, 0, sizeof *table);
    reshift_status status = measuring_create(model, options, NULL, table, &count, progress, &m, error);
    if (status == RESHIFT_OK) {
        status = measure_cells(&m, 1, NULL, error);
    }
    measuring_destroy(&m);
    if (status != RESHIFT_OK) {
        reshift_robustness_destroy(table);
    }
    return status;
}

/* ---- two networks ---- */

/* The same cells of the same images, each of which is one network's answer to the image alone. */
static bool side_by_side(const reshift_robustness *a, const reshift_robustness *b)
{
    return a->adapt.kind == RESHIFT_ADAPT_NONE && b->adapt.kind == RESHIFT_ADAPT_NONE && a->n_cells == b->n_cells &&
           a->has_clean == b->has_clean && a->n_images == b->n_images &&
           memcmp(a->corruptions, b->corruptions, (size_t)a->n_corruptions * sizeof *a->corruptions) == 0 &&
           memcmp(a->images, b->images, (size_t)a->n_images * sizeof *a->images) == 0;
}

/* The blocks that both networks begin with, where there are any and some cell is missing in both tables. */
static reshift_status find_shared(measuring *const m[2], forked **f, reshift_error *error)
{
    const forward_setup *const setups[2] = {&m[0]->setup, &m[1]->setup};
    bool both = false;
    int cut = 0;
    for (int i = 0; i < m[0]->table->n_cells; i++) {
        both |= !m[0]->table->cells[i].taken_up && !m[1]->table->cells[i].taken_up;
    }
    reshift_status status = both ? forked_cut(setups, &cut, error) : RESHIFT_OK;
    if (status == RESHIFT_OK && cut > 0) {
        const graph *g = setups[0]->net->graph;
        progress_message(m[0]->progress, RESHIFT_LOG_INFO, "both networks are the same up to '%s': run once for both",
                         g->blocks[cut - 1]);
        status = forked_create(setups, cut, f, error);
    }
    return status;
}

static bool same_words(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

/* Both tables' clean images are the same set, opened alike. */
static bool same_images(const reshift_robustness_options *a, const reshift_robustness_options *b)
{
    const reshift_dataset_options *x = &a->dataset, *y = &b->dataset;
    return same_words(a->data, b->data) && same_words(x->data_dir, y->data_dir) && same_words(x->split, y->split) &&
           x->limit == y->limit && x->seed == y->seed && x->skip_bad == y->skip_bad && x->test_share == y->test_share;
}

reshift_status reshift_robustness_measure_two(const reshift_model *const models[2],
                                              const reshift_robustness_options options[2], reshift_robustness tables[2],
                                              const reshift_progress *progress, reshift_error *error)
{
    measuring *m[2] = {NULL, NULL};
    measured_images count = {0};
    forked *f = NULL;
    reshift_status status = RESHIFT_OK;
    memset(tables, 0, 2 * sizeof *tables);
    for (int k = 0; k < 2 && status == RESHIFT_OK; k++) {
        reshift_dataset *clean = k == 1 && same_images(&options[0], &options[1]) ? m[0]->clean : NULL;
        status = measuring_create(models[k], &options[k], clean, &tables[k], &count, progress, &m[k], error);
    }
    if (status == RESHIFT_OK && side_by_side(&tables[0], &tables[1])) {
        status = find_shared(m, &f, error);
    }
    if (status == RESHIFT_OK && f) {
        status = measure_cells(m, 2, f, error);
    }
    for (int k = 0; k < 2 && status == RESHIFT_OK && !f; k++) {
        status = measure_cells(&m[k], 1, NULL, error);
        measuring_destroy(&m[k]);
    }
    forked_destroy(&f);
    for (int k = 0; k < 2; k++) {
        measuring_destroy(&m[k]);
        if (status != RESHIFT_OK) {
            reshift_robustness_destroy(&tables[k]);
        }
    }
    return status;
}
