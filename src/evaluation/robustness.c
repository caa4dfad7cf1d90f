/*
 * The robustness table, measured: which sets can be had, which images of them, whether the network has seen any of
 * these in training, and then cell by cell what is not there already. A network goes through one plan for all cells.
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
#include "evaluation/draw.h"
#include "learning/adapt.h"
#include "learning/calibrate.h"
#include "learning/forward.h"
#include "models/model.h"

/* Fewer images than this say little about a channel's mean and variance. */
enum { SMALL_BATCH = 32 };

/* One set of the table: the clean images, or a corruption's at all severities (so that what a cell is called does not
 * depend on which severities are asked for). */
typedef struct block {
    const reshift_corruption *corruption; /* NULL: clean */
    char identity[65];
    bool from_file;
    int64_t n; /* images */
} block;

typedef struct measuring {
    const reshift_model *model;
    const reshift_robustness_options *options;
    const reshift_progress *progress;
    reshift_robustness *table;
    block blocks[1 + RESHIFT_CORRUPTIONS_MOST];
    int n_blocks;
    int64_t *rows; /* [N] of the cell that is measured */
    forward_setup setup;
    forward *forward; /* made when the first cell is missing; or, where the network adapts, */
    adapt *adapt;
    int64_t *order;        /* [N] images in the order in which an adapting network sees them */
    row_figures *in_order; /* [batch] scratch: figures in that order */
    char basis[DIGEST_HEX_BYTES];
    int64_t done, total; /* images */
} measuring;

static const char *name_of(const reshift_corruption *corruption) { return corruption ? corruption->name : "clean"; }

/* ---- which sets there are ---- */

static reshift_status open_set(const measuring *m, const reshift_corruption *corruption, reshift_dataset **set,
                               reshift_error *error)
{
    reshift_dataset_options options = m->options->dataset;
    options.corruption = corruption ? corruption->name : NULL;
    options.severity_first = 1;
    options.severity_last = RESHIFT_SEVERITIES;
    return corruption ? reshift_dataset_open(m->options->data, &options, set, error)
                      : reshift_dataset_open_clean(m->options->data, &options, set, error);
}

/* Some corruptions cannot be made of small images: the first one of a set made here tells. */
static reshift_status try_one(const reshift_dataset *set, reshift_error *error)
{
    reshift_image image = {0};
    reshift_status status = reshift_dataset_from_file(set) ? RESHIFT_OK : reshift_dataset_read(set, 0, &image, error);
    reshift_image_destroy(&image);
    return status;
}

static reshift_status check_set(const measuring *m, const reshift_dataset *set, const reshift_corruption *corruption,
                                reshift_error *error)
{
    int n_data = reshift_dataset_n_classes(set), n_network = reshift_model_n_classes(m->model);
    if (reshift_dataset_count(set) < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "the data set holds no images");
    }
    if (n_data > n_network) {
        error_set(error, RESHIFT_ERROR_SHAPE, "the network tells %d classes apart, the data has %d", n_network, n_data);
        error_hint(error, "give the layer trained on these classes with --head");
        return RESHIFT_ERROR_SHAPE;
    }
    return corruption ? try_one(set, error) : RESHIFT_OK;
}

/* Labels of the first set, compared with those of the others: a cell of other images would be no cell of this table. */
static reshift_status take_labels(measuring *m, const reshift_dataset *set, const block *b, reshift_error *error)
{
    reshift_robustness *t = m->table;
    bool first = m->n_blocks == 0;
    if (first) {
        t->labels = memory_allocate((size_t)b->n * sizeof *t->labels);
        if (!t->labels) {
            return error_memory(error, (size_t)b->n * sizeof *t->labels, "labels");
        }
        t->n_available = b->n;
        t->n_data_classes = reshift_dataset_n_classes(set);
    }
    t->n_available = b->n < t->n_available ? b->n : t->n_available;
    for (int64_t i = 0; i < t->n_available; i++) {
        int label = reshift_dataset_label(set, i);
        if (first) {
            t->labels[i] = label;
        } else if (t->labels[i] != label) {
            return error_set(error, RESHIFT_ERROR_SHAPE,
                             "%s: image %lld has label %d, in %s it has label %d: other images", name_of(b->corruption),
                             (long long)i, label, name_of(m->blocks[0].corruption), t->labels[i]);
        }
    }
    return RESHIFT_OK;
}

static reshift_status survey_set(measuring *m, const reshift_corruption *corruption, reshift_error *error)
{
    block *b = &m->blocks[m->n_blocks];
    reshift_dataset *set;
    *b = (block){.corruption = corruption};
    reshift_status status = open_set(m, corruption, &set, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    status = check_set(m, set, corruption, error);
    if (status == RESHIFT_OK) {
        b->from_file = reshift_dataset_from_file(set);
        b->n = reshift_dataset_count(set) / (corruption ? RESHIFT_SEVERITIES : 1);
        status = take_labels(m, set, b, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_dataset_identity(set, b->identity, error);
    }
    if (status == RESHIFT_OK) {
        if (reshift_dataset_note(set)) {
            progress_message(m->progress, RESHIFT_LOG_WARNING, "%s", reshift_dataset_note(set));
        }
        forward_expect(&m->setup, set);
        m->n_blocks++;
    }
    reshift_dataset_close(&set);
    return status;
}

static reshift_status survey(measuring *m, reshift_error *error)
{
    reshift_robustness *t = m->table;
    const reshift_robustness_options *o = m->options;
    int wanted = o->n_corruptions + o->clean;
    reshift_error last;
    reshift_status status = RESHIFT_OK;
    if (o->n_corruptions < 0 || o->n_corruptions > RESHIFT_CORRUPTIONS_MOST || wanted == 0) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "expected 1 to %d corruptions, or the clean images, found %d",
                         RESHIFT_CORRUPTIONS_MOST, o->n_corruptions);
    }
    if (o->clean) {
        status = survey_set(m, NULL, error);
        t->has_clean = status == RESHIFT_OK;
        if (status == RESHIFT_ERROR_NOT_FOUND && wanted > 1 && strncmp(o->data, "cifar10-c", 9) == 0) {
            progress_message(m->progress, RESHIFT_LOG_WARNING, "no clean images are measured: %s",
                             error ? error->message : "not found");
            status = RESHIFT_OK;
        }
    }
    for (int i = 0; status == RESHIFT_OK && i < o->n_corruptions; i++) {
        const reshift_corruption *corruption = o->corruptions[i];
        status = survey_set(m, corruption, &last);
        if (status == RESHIFT_OK) {
            t->corruptions[t->n_corruptions++] = corruption;
        } else if (status == RESHIFT_ERROR_UNSUPPORTED && o->n_corruptions > 1) {
            progress_message(m->progress, RESHIFT_LOG_WARNING, "%s is left out: %s", corruption->name, last.message);
            status = RESHIFT_OK;
        } else if (error) {
            *error = last;
        }
    }
    if (status == RESHIFT_OK && m->n_blocks == 0) {
        status = error_set(error, RESHIFT_ERROR_UNSUPPORTED, "nothing could be measured");
    }
    return status;
}

/* ---- which images ---- */

static reshift_status choose_images(measuring *m, reshift_error *error)
{
    reshift_robustness *t = m->table;
    int64_t n = m->options->sample > 0 ? m->options->sample : t->n_available;
    t->images = memory_allocate((size_t)n * sizeof *t->images);
    m->rows = memory_allocate((size_t)n * sizeof *m->rows);
    t->seen = memory_allocate((size_t)n);
    if (!t->images || !m->rows || !t->seen) {
        return error_memory(error, (size_t)n * sizeof *t->images, "the images of a table");
    }
    if (m->options->sample > 0) {
        reshift_status status =
            draw_by_class(t->labels, t->n_available, t->n_classes, n, m->options->dataset.seed, t->images, error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        t->images[i] = m->options->sample > 0 ? t->images[i] : i;
        t->labels[i] = t->labels[t->images[i]]; /* ascending: none is overwritten before it is read */
    }
    t->n_images = n;
    return RESHIFT_OK;
}

static reshift_status look_for_leaks(measuring *m, const reshift_dataset *set, reshift_error *error)
{
    reshift_robustness *t = m->table;
    const reshift_fingerprints *known = reshift_model_trained_on(m->model);
    t->training_known = known != NULL;
    if (!known || known->n == 0) {
        return RESHIFT_OK;
    }
    reshift_status status = reshift_fingerprints_find(known, set, t->images, t->n_images, t->seen, error);
    for (int64_t i = 0; i < t->n_images; i++) {
        t->n_seen += t->seen[i];
    }
    if (status == RESHIFT_OK && t->n_seen > 0 && !m->options->allow_leak) {
        status =
            error_set(error, RESHIFT_ERROR_ARGUMENT,
                      "the network was trained on %lld of these %lld images (%.1f %%): measured on them it would look "
                      "better than it is",
                      (long long)t->n_seen, (long long)t->n_images, 100 * (double)t->n_seen / (double)t->n_images);
        error_hint(error,
                   "measure on images of another set or split, or give --allow-leak: figures over all images and over "
                   "those never seen then stand side by side");
    }
    return status;
}

/* What the first set tells before anything is measured: leaks, and the ranges of int8 where the weights lack them. */
static reshift_status look_at_first(measuring *m, reshift_error *error)
{
    reshift_dataset *set;
    reshift_status status = open_set(m, m->blocks[0].corruption, &set, error);
    if (status == RESHIFT_OK) {
        status = look_for_leaks(m, set, error);
    }
    if (status == RESHIFT_OK) {
        status = calibrate_if_needed(&m->setup, set, m->progress, error);
    }
    reshift_dataset_close(&set);
    return status;
}

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
        cell->file =
            cells_path(m->options->cells_folder, m->basis, b->identity, name_of(cell->corruption), cell->severity);
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
                status = open_set(m, cell->corruption, &set, error);
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
    reshift_status status = survey(m, error);
    if (status == RESHIFT_OK) {
        status = choose_images(m, error);
    }
    if (status == RESHIFT_OK) {
        status = look_at_first(m, error);
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
