/*
 * One cell of a robustness table: all images of one corruption and severity through a network that stays as it is,
 * through two that share their first blocks, or through one that adapts.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "robustness/cells.h"
#include "robustness/measuring.h"
#include "training/divergence.h"
#include "reshift/learning.h"

static reshift_status make_forward(measuring *m, reshift_error *error)
{
    if (m->options->adapt.kind != RESHIFT_ADAPT_NONE) {
        return m->adapt ? RESHIFT_OK
                        : adapt_create(m->model, &m->options->adapt, m->options->size, m->table->n_images,
                                       m->table->precision, &m->adapt, error);
    }
    return m->forward ? RESHIFT_OK : forward_create(&m->setup, &m->forward, error);
}

/* Logits [n,K] with the outputs ruled out that do not count, in a copy. */
static reshift_status restrict_logits(measuring *m, const float **logits, int n, reshift_error *error)
{
    const int64_t count = (int64_t)n * m->table->n_classes;
    if (!m->table->restricted) {
        return RESHIFT_OK;
    }
    if (count > m->n_scores) { /* once: the first pass is the largest */
        memory_free(m->scores);
        m->scores = memory_allocate((size_t)count * sizeof *m->scores);
        m->n_scores = m->scores ? count : 0;
        if (!m->scores) {
            return error_memory(error, (size_t)count * sizeof *m->scores, "logits");
        }
    }
    memcpy(m->scores, *logits, (size_t)count * sizeof *m->scores);
    reshift_class_map_restrict(&m->map, m->scores, n);
    *logits = m->scores;
    return RESHIFT_OK;
}

/* Figures of the next rows, from their logits; labels [n] are outputs. */
static reshift_status take_pass(measuring *m, const float *logits, const int *labels, int n, int64_t first,
                                row_figures *figures, reshift_error *error)
{
    reshift_status status = restrict_logits(m, &logits, n, error);
    const reshift_array scores = {.dtype = RESHIFT_F32,
                                  .n_dims = 2,
                                  .shape = {n, m->table->n_classes},
                                  .data = (void *)(uintptr_t)logits,
                                  .read_only = true};
    if (status == RESHIFT_OK) {
        status = figures_of_scores(&scores, RESHIFT_SCORES_LOGITS, labels, first, figures, error);
    }
    if (status == RESHIFT_OK) {
        m->count->done += n;
        progress_update(m->progress, "eval", m->count->done, m->count->total, "images");
    }
    return status;
}

static reshift_status measure_rows(measuring *m, const reshift_dataset *set, row_figures *figures, reshift_error *error)
{
    int64_t n = m->table->n_images, done = 0;
    reshift_status status = forward_start(m->forward, set, m->rows, n, error);
    while (status == RESHIFT_OK && done < n) {
        forward_pass pass;
        status = progress_check(m->progress, error);
        if (status == RESHIFT_OK) {
            status = forward_next(m->forward, &pass, error);
        }
        if (status == RESHIFT_OK) {
            status = take_pass(m, pass.output, m->table->labels + done, pass.n, done, figures + done, error);
            done += pass.n;
        }
    }
    forward_stop(m->forward);
    return status;
}

static reshift_status measure_rows_of_two(measuring *const m[2], forked *f, const reshift_dataset *set,
                                          row_figures *const figures[2], reshift_error *error)
{
    int64_t n = m[0]->table->n_images, done = 0;
    reshift_status status = forked_start(f, set, m[0]->rows, n, error);
    while (status == RESHIFT_OK && done < n) {
        forward_pass passes[2];
        status = progress_check(m[0]->progress, error);
        if (status == RESHIFT_OK) {
            status = forked_next(f, passes, error);
        }
        for (int k = 0; k < 2 && status == RESHIFT_OK; k++) {
            status = take_pass(m[k], passes[k].output, m[k]->table->labels + done, passes[k].n, done, figures[k] + done,
                               error);
        }
        if (status == RESHIFT_OK) {
            done += passes[0].n;
        }
    }
    forked_stop(f);
    return status;
}

/* The same by a network that adapts: in its own order and in batches that count. */
static reshift_status measure_adapting(measuring *m, const reshift_dataset *set, row_figures *figures,
                                       reshift_error *error)
{
    int64_t n = m->table->n_images, done = 0, *rows = memory_allocate((size_t)n * sizeof *rows);
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
            for (int i = 0; i < count; i++) {
                m->in_labels[i] = m->table->labels[m->order[done + i]];
            }
            status = take_pass(m, logits, m->in_labels, count, done, m->in_order, error);
        }
        for (int64_t i = 0; status == RESHIFT_OK && i < count; i++) {
            figures[m->order[done + i]] = m->in_order[i];
        }
        done += status == RESHIFT_OK ? count : 0;
    }
    memory_free(rows);
    return status;
}

/* ---- the cell ---- */

/* The rows of the set that the cell shows, and room for their figures. */
static reshift_status begin_cell(measuring *m, const block *b, reshift_cell *cell, reshift_error *error)
{
    const reshift_robustness *t = m->table;
    int64_t offset = cell->corruption ? (cell->severity - b->severity_first) * b->n : 0;
    for (int64_t i = 0; i < t->n_images; i++) {
        m->rows[i] = offset + t->images[i];
    }
    return reshift_array_create(RESHIFT_F64, 2, (int64_t[]){t->n_images, ROW_FIGURES}, &cell->rows, error);
}

static reshift_status keep_cell(const measuring *m, const reshift_cell *cell, reshift_error *error)
{
    char key[DIGEST_HEX_BYTES];
    fact_list *depends_on;
    const block *b = measuring_block(m, cell);
    reshift_status status = cells_facts(m->shared_facts, b->identity, cell->severity, &depends_on, key, error);
    if (status == RESHIFT_OK) {
        status = cells_save(cell->file, &cell->rows, depends_on, key, error);
    }
    facts_destroy(&depends_on);
    return status;
}

static reshift_status end_cell(reshift_status status, const measuring *m, reshift_cell *cell, reshift_error *error)
{
    if (status == RESHIFT_OK && cell->file) {
        status = keep_cell(m, cell, error);
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(&cell->rows);
    }
    return status;
}

/* Steps of an adaptation may ruin the network without leaving float32's range: their loss shows it. */
static reshift_status check_adapted(const measuring *m, const reshift_cell *cell, reshift_error *error)
{
    const row_figures *figures = cell->rows.data;
    const int64_t n = m->table->n_images;
    double loss = 0;
    for (int64_t i = 0; i < n; i++) {
        loss += figures[i].nll / (double)n;
    }
    if (m->options->adapt.kind != RESHIFT_ADAPT_TENT || !reshift_loss_diverged(loss, m->table->n_classes)) {
        return RESHIFT_OK;
    }
    char which[128];
    snprintf(which, sizeof which, cell->corruption ? "mean loss on %s, severity %d," : "mean loss on %s images",
             measuring_name(cell->corruption), cell->severity);
    return divergence_error("adaptation", which, loss, m->table->n_classes,
                            "use a smaller learning rate of the adaptation", error);
}

reshift_status measuring_cell(measuring *m, const reshift_dataset *set, const block *b, reshift_cell *cell,
                              reshift_error *error)
{
    reshift_status status = begin_cell(m, b, cell, error);
    if (status == RESHIFT_OK) {
        status = make_forward(m, error);
    }
    if (status == RESHIFT_OK) {
        status =
            m->adapt ? measure_adapting(m, set, cell->rows.data, error) : measure_rows(m, set, cell->rows.data, error);
    }
    if (status == RESHIFT_OK && m->adapt) {
        status = check_adapted(m, cell, error);
    }
    return end_cell(status, m, cell, error);
}

reshift_status measuring_cells_of_two(measuring *const m[2], forked *f, const reshift_dataset *set, const block *b,
                                      reshift_cell *const cells[2], reshift_error *error)
{
    reshift_status status = begin_cell(m[0], b, cells[0], error);
    if (status == RESHIFT_OK) {
        status = begin_cell(m[1], b, cells[1], error);
    }
    if (status == RESHIFT_OK) {
        row_figures *const figures[2] = {cells[0]->rows.data, cells[1]->rows.data};
        status = measure_rows_of_two(m, f, set, figures, error);
    }
    for (int k = 0; k < 2; k++) {
        status = end_cell(status, m[k], cells[k], error);
    }
    return status;
}
