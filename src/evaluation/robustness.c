/*
 * The robustness table, measured: on the images that table_images.c chose, cell by cell what is not there already. A
 * network goes through one plan for all cells.
 */
#include "reshift/robustness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "evaluation/cells.h"
#include "evaluation/measuring.h"
#include "models/model.h"

/* Fewer images than this say little about a channel's mean and variance. */
enum { SMALL_BATCH = 32 };

/* ---- one cell ---- */

static reshift_status make_forward(measuring *m, reshift_error *error)
{
    m->setup.n_rows = m->table->n_images;
    if (m->options->adapt.kind != RESHIFT_ADAPT_NONE) {
        return m->adapt ? RESHIFT_OK
                        : adapt_create(m->model, &m->options->adapt, m->options->size, m->table->n_images,
                                       m->table->precision, &m->adapt, error);
    }
    return m->forward ? RESHIFT_OK : forward_create(&m->setup, &m->forward, error);
}

static reshift_status measure_rows(measuring *m, const reshift_dataset *set, row_figures *figures, reshift_error *error)
{
    const reshift_robustness *t = m->table;
    int64_t n = t->n_images, done = 0;
    reshift_status status = forward_start(m->forward, set, m->rows, n, error);
    while (status == RESHIFT_OK && done < n) {
        forward_pass pass;
        status = progress_check(m->progress, error);
        if (status == RESHIFT_OK) {
            status = forward_next(m->forward, &pass, error);
        }
        if (status == RESHIFT_OK) {
            reshift_array logits = {.dtype = RESHIFT_F32,
                                    .n_dims = 2,
                                    .shape = {pass.n, t->n_classes},
                                    .data = (void *)(uintptr_t)pass.output,
                                    .read_only = true};
            status = figures_of_scores(&logits, RESHIFT_SCORES_LOGITS, pass.labels, done, figures + done, error);
        }
        if (status == RESHIFT_OK) {
            done += pass.n;
            m->done += pass.n;
            progress_update(m->progress, "eval", m->done, m->total, "images");
        }
    }
    forward_stop(m->forward);
    return status;
}

/* The same by a network that adapts: in its own order and in batches that count. */
static reshift_status measure_adapting(measuring *m, const reshift_dataset *set, row_figures *figures,
                                       reshift_error *error)
{
    const reshift_robustness *t = m->table;
    int64_t n = t->n_images, done = 0, *rows = memory_allocate((size_t)n * sizeof *rows);
    if (!rows) {
        return error_memory(error, (size_t)n * sizeof *rows, "rows in order");
    }
    for (int64_t i = 0; i < n; i++) {
        rows[i] = m->rows[m->order[i]];
    }
    reshift_status status = adapt_start(m->adapt, set, rows, error);
    while (status == RESHIFT_OK && done < n) {
        const float *logits = NULL;
        const int *labels = NULL;
        int count = 0;
        status = progress_check(m->progress, error);
        if (status == RESHIFT_OK) {
            status = adapt_next(m->adapt, &logits, &labels, &count, error);
        }
        if (status == RESHIFT_OK) {
            reshift_array batch = {.dtype = RESHIFT_F32,
                                   .n_dims = 2,
                                   .shape = {count, t->n_classes},
                                   .data = (void *)(uintptr_t)logits,
                                   .read_only = true};
            status = figures_of_scores(&batch, RESHIFT_SCORES_LOGITS, labels, done, m->in_order, error);
        }
        for (int64_t i = 0; status == RESHIFT_OK && i < count; i++) {
            figures[m->order[done + i]] = m->in_order[i];
        }
        if (status == RESHIFT_OK) {
            done += count;
            m->done += count;
            progress_update(m->progress, "eval", m->done, m->total, "images");
        }
    }
    memory_free(rows);
    return status;
}

static reshift_status measure_cell(measuring *m, const reshift_dataset *set, const block *b, reshift_cell *cell,
                                   reshift_error *error)
{
    const reshift_robustness *t = m->table;
    int64_t offset = cell->corruption ? (cell->severity - 1) * b->n : 0;
    for (int64_t i = 0; i < t->n_images; i++) {
        m->rows[i] = offset + t->images[i];
    }
    reshift_status status =
        reshift_array_create(RESHIFT_F64, 2, (int64_t[]){t->n_images, ROW_FIGURES}, &cell->rows, error);
    if (status == RESHIFT_OK) {
        status = make_forward(m, error);
    }
    if (status == RESHIFT_OK) {
        status =
            m->adapt ? measure_adapting(m, set, cell->rows.data, error) : measure_rows(m, set, cell->rows.data, error);
    }
    if (status == RESHIFT_OK && cell->file) {
        status = reshift_array_save_npy(cell->file, &cell->rows, true, error);
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(&cell->rows);
    }
    return status;
}

static reshift_status finish_cell(const reshift_robustness *t, reshift_cell *cell, reshift_error *error)
{
    const row_figures *rows = cell->rows.data;
    size_t k = (size_t)t->n_classes;
    cell->all = figures_metrics(rows, t->labels, NULL, t->n_images);
    cell->unseen = figures_metrics(rows, t->labels, t->seen, t->n_images);
    cell->confusion = calloc(k * k, sizeof *cell->confusion);
    if (!cell->confusion) {
        return error_memory(error, k * k * sizeof *cell->confusion, "a confusion matrix");
    }
    for (int64_t i = 0; i < t->n_images; i++) {
        cell->confusion[(size_t)t->labels[i] * k + (size_t)rows[i].prediction]++;
    }
    return RESHIFT_OK;
}

/* ---- all cells ---- */

static reshift_status lay_out(measuring *m, reshift_error *error)
{
    reshift_robustness *t = m->table;
    const cell_basis basis = {.model = m->model,
                              .images = t->images,
                              .n = t->n_images,
                              .size = m->setup.size ? m->setup.size : m->setup.recipe->size,
                              .precision = t->precision,
                              .adapt = &m->options->adapt,
                              .seed = m->options->dataset.seed};
    int per_corruption = t->severity_last - t->severity_first + 1;
    t->n_cells = t->has_clean + t->n_corruptions * per_corruption;
    t->cells = calloc((size_t)t->n_cells, sizeof *t->cells);
    if (!t->cells) {
        return error_memory(error, (size_t)t->n_cells * sizeof *t->cells, "the cells of a table");
    }
    for (int i = 0; i < t->n_cells; i++) {
        int place = i - t->has_clean;
        if (place >= 0) {
            t->cells[i].corruption = t->corruptions[place / per_corruption];
            t->cells[i].severity = t->severity_first + place % per_corruption;
        }
    }
    reshift_status status = cells_basis_digest(&basis, m->basis, error);
    if (status == RESHIFT_OK && m->options->cells_folder) {
        status = folder_create(m->options->cells_folder, error);
    }
    return status;
}

static reshift_status take_up(measuring *m, const block *b, reshift_cell *cell, reshift_error *error)
{
    const reshift_robustness *t = m->table;
    cell->from_file = b->from_file;
    if (m->options->cells_folder) {
        cell->file = cells_path(m->options->cells_folder, m->basis, b->identity, measuring_name(cell->corruption),
                                cell->severity);
        if (!cell->file) {
            return error_memory(error, 256, "a path");
        }
        cell->taken_up = cells_load(cell->file, t->n_images, t->n_classes, &cell->rows);
    }
    m->total += cell->taken_up ? 0 : t->n_images;
    return RESHIFT_OK;
}

/* Classes a batch holds, over those it would hold of images in random order. */
static double variety(const measuring *m)
{
    const reshift_robustness *t = m->table;
    int64_t n = t->n_images, batch = m->options->adapt.batch, n_batches = 0;
    int64_t *count = calloc(2 * (size_t)t->n_classes, sizeof *count), *last = count + t->n_classes;
    double there = 0, expected = 0;
    if (!count) {
        return 1; /* only a warning hangs on it */
    }
    for (int64_t i = 0; i < n; i++) {
        count[t->labels[i]]++;
    }
    for (int64_t first = 0; first + batch <= n; first += batch, n_batches++) {
        for (int64_t i = first; i < first + batch; i++) {
            int label = t->labels[m->order[i]];
            there += last[label] != n_batches + 1;
            last[label] = n_batches + 1;
        }
    }
    for (int k = 0; k < t->n_classes; k++) {
        expected += (double)n_batches * (1 - pow(1 - (double)count[k] / (double)n, (double)batch));
    }
    free(count);
    return expected > 0 ? there / expected : 1;
}

/* The order of the rows, and what people should know of their batches. */
static reshift_status prepare_adaptation(measuring *m, reshift_error *error)
{
    const reshift_adapt_options *o = &m->options->adapt;
    int64_t n = m->table->n_images;
    if (o->kind == RESHIFT_ADAPT_NONE) {
        return RESHIFT_OK;
    }
    m->order = memory_allocate((size_t)n * sizeof *m->order);
    m->in_order = memory_allocate((size_t)n * sizeof *m->in_order);
    if (!m->order || !m->in_order) {
        return error_memory(error, (size_t)n * sizeof *m->in_order, "rows in order");
    }
    random_stream stream = random_open(m->options->dataset.seed, "adapt", 0, 0);
    if (o->shuffled) {
        random_permutation(&stream, m->order, n);
    }
    for (int64_t i = 0; i < n && !o->shuffled; i++) {
        m->order[i] = i;
    }
    int64_t rest = n < o->batch ? n : n % o->batch;
    if (o->batch < SMALL_BATCH || n < SMALL_BATCH) {
        progress_message(m->progress, RESHIFT_LOG_WARNING,
                         "batches of %lld images are small: their statistics are mostly noise",
                         (long long)(n < o->batch ? n : o->batch));
    } else if (rest > 0 && rest < SMALL_BATCH) {
        progress_message(m->progress, RESHIFT_LOG_WARNING,
                         "the last batch is small: %lld images are normalised by their own statistics",
                         (long long)rest);
    }
    if (variety(m) < 0.7) {
        progress_message(
            m->progress, RESHIFT_LOG_WARNING,
            "the images come sorted by class: a batch's statistics are those of few classes, and adaptation "
            "harms (--shuffle draws an order)");
    }
    return RESHIFT_OK;
}

static const block *block_of(const measuring *m, const reshift_cell *cell)
{
    for (int i = 0; i < m->n_blocks; i++) {
        if (m->blocks[i].corruption == cell->corruption) {
            return &m->blocks[i];
        }
    }
    return NULL; /* every cell is of a block */
}

static reshift_status measure_cells(measuring *m, reshift_error *error)
{
    reshift_robustness *t = m->table;
    reshift_dataset *set = NULL;
    const block *opened = NULL;
    int taken_up = 0;
    reshift_status status = RESHIFT_OK;
    for (int i = 0; status == RESHIFT_OK && i < t->n_cells; i++) {
        status = take_up(m, block_of(m, &t->cells[i]), &t->cells[i], error);
        taken_up += t->cells[i].taken_up;
    }
    if (status == RESHIFT_OK && taken_up > 0) {
        progress_message(m->progress, RESHIFT_LOG_INFO, "%d of %d cells were measured before", taken_up, t->n_cells);
    }
    if (status == RESHIFT_OK && m->total > 0) {
        progress_update(m->progress, "eval", 0, m->total, "images");
    }
    for (int i = 0; status == RESHIFT_OK && i < t->n_cells; i++) {
        reshift_cell *cell = &t->cells[i];
        const block *b = block_of(m, cell);
        if (!cell->taken_up) {
            if (b != opened) {
                reshift_dataset_close(&set);
                status = measuring_open(m, cell->corruption, &set, error);
                opened = b;
            }
            if (status == RESHIFT_OK) {
                status = measure_cell(m, set, b, cell, error);
            }
        }
        if (status == RESHIFT_OK) {
            status = finish_cell(t, cell, error);
        }
    }
    reshift_dataset_close(&set);
    return status;
}

/* ---- the table ---- */

reshift_status reshift_robustness_measure(const reshift_model *model, const reshift_robustness_options *options,
                                          reshift_robustness *table, const reshift_progress *progress,
                                          reshift_error *error)
{
    network *net = model_network(model);
    const reshift_dataset_options *d = &options->dataset;
    memset(table, 0, sizeof *table);
    if (d->severity_first < 1 || d->severity_last > RESHIFT_SEVERITIES || d->severity_first > d->severity_last) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "severity %d-%d: expected a range within 1-5",
                         d->severity_first, d->severity_last);
    }
    measuring *m = calloc(1, sizeof *m);
    if (!m) {
        return error_memory(error, sizeof *m, "a table");
    }
    m->model = model;
    m->options = options;
    m->progress = progress;
    m->table = table;
    table->n_classes = reshift_model_n_classes(model);
    table->severity_first = d->severity_first;
    table->severity_last = d->severity_last;
    table->adapt = options->adapt;
    table->precision = forward_precision(options->precision, options->adapt.kind != RESHIFT_ADAPT_NONE, progress);
    m->setup = (forward_setup){.net = net,
                               .recipe = reshift_model_recipe(model),
                               .size = options->size,
                               .batch = options->batch,
                               .precision = table->precision,
                               .last_block = net->graph->n_blocks - 1};
    reshift_status status = measuring_survey(m, error);
    if (status == RESHIFT_OK) {
        status = measuring_choose(m, error);
    }
    if (status == RESHIFT_OK) {
        status = lay_out(m, error);
    }
    if (status == RESHIFT_OK) {
        status = prepare_adaptation(m, error);
    }
    if (status == RESHIFT_OK) {
        status = measure_cells(m, error);
    }
    adapt_destroy(&m->adapt);
    memory_free(m->order);
    memory_free(m->in_order);
    forward_destroy(&m->forward);
    memory_free(m->rows);
    if (status != RESHIFT_OK) {
        reshift_robustness_destroy(table);
    }
    free(m);
    return status;
}

void reshift_robustness_destroy(reshift_robustness *table)
{
    if (!table) {
        return;
    }
    for (int i = 0; table->cells && i < table->n_cells; i++) {
        reshift_array_destroy(&table->cells[i].rows);
        free(table->cells[i].confusion);
        free(table->cells[i].file);
    }
    free(table->cells);
    memory_free(table->images);
    memory_free(table->labels);
    memory_free(table->seen);
    memset(table, 0, sizeof *table);
}

void reshift_robustness_forget(const reshift_robustness *table, const char *cells_folder)
{
    for (int i = 0; i < table->n_cells; i++) {
        if (table->cells[i].file) {
            unlink(table->cells[i].file);
        }
    }
    rmdir(cells_folder); /* another table's cells may lie there: it stays then */
}

const reshift_cell *reshift_robustness_cell(const reshift_robustness *table, const reshift_corruption *corruption,
                                            int severity)
{
    for (int i = 0; i < table->n_cells; i++) {
        if (table->cells[i].corruption == corruption && table->cells[i].severity == severity) {
            return &table->cells[i];
        }
    }
    return NULL;
}
