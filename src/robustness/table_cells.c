/* The cells of a table: which there are, what each depends on, and those that an earlier run left in the folder. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/progress.h"
#include "robustness/cells.h"
#include "robustness/measuring.h"
#include "reshift/words.h"

reshift_status measuring_lay_out(measuring *m, reshift_error *error)
{
    reshift_robustness *t = m->table;
    const cell_basis basis = {.model = m->model,
                              .options = m->options,
                              .images = t->images,
                              .n = t->n_images,
                              .precision = t->precision,
                              .map = &m->map,
                              .restricted = t->restricted};
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
    if (!m->options->cells_folder) {
        return RESHIFT_OK;
    }
    reshift_status status = cells_basis(&basis, &m->shared_facts, error);
    return status == RESHIFT_OK ? folder_create(m->options->cells_folder, error) : status;
}

static reshift_status take_up(measuring *m, const block *b, reshift_cell *cell, reshift_error *error)
{
    const reshift_robustness *t = m->table;
    cell->from_file = b->from_file;
    cell->published = b->published;
    cell->prepared = b->prepared;
    if (m->options->cells_folder) {
        char key[DIGEST_HEX_BYTES];
        fact_list *depends_on;
        reshift_status status = cells_facts(m->shared_facts, b->identity, cell->severity, &depends_on, key, error);
        facts_destroy(&depends_on);
        if (status != RESHIFT_OK) {
            return status;
        }
        cell->file = cells_path(m->options->cells_folder, measuring_name(cell->corruption), cell->severity, key);
        if (!cell->file) {
            return error_memory(error, 256, "a path");
        }
        bool damaged;
        cell->taken_up = cells_load(cell->file, key, t->n_images, t->n_classes, &cell->rows, &damaged);
        if (damaged) {
            progress_message(m->progress, RESHIFT_LOG_WARNING, "'%s' is damaged: the cell is measured again",
                             cell->file);
        }
    }
    m->count->total += cell->taken_up ? 0 : t->n_images;
    return RESHIFT_OK;
}

const block *measuring_block(const measuring *m, const reshift_cell *cell)
{
    for (int i = 0; i < m->n_blocks; i++) {
        if (m->blocks[i].corruption == cell->corruption) {
            return &m->blocks[i];
        }
    }
    return NULL; /* every cell is of a block */
}

/* None of the cells was measured before: what else lies there, that people may have expected to be used. */
static reshift_status say_why_none(const measuring *m, const reshift_cell *cell, reshift_error *error)
{
    char key[DIGEST_HEX_BYTES];
    fact_list *depends_on;
    reshift_status status =
        cells_facts(m->shared_facts, measuring_block(m, cell)->identity, cell->severity, &depends_on, key, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    const char *folder = m->options->cells_folder;
    const cells_others others = cells_look_around(folder, measuring_name(cell->corruption), cell->severity, depends_on);
    if (others.difference[0]) {
        progress_message(m->progress, RESHIFT_LOG_INFO, "no cell in '%s' fits: %s", folder, others.difference);
    } else if (others.n_older > 0) {
        progress_message(m->progress, RESHIFT_LOG_INFO,
                         "'%s' holds %d %s of an older version of reshift, which %s not used", folder, others.n_older,
                         reshift_noun_for(others.n_older, "cell", "cells"),
                         reshift_noun_for(others.n_older, "is", "are"));
    }
    facts_destroy(&depends_on);
    return RESHIFT_OK;
}

/* Cells of earlier runs; what is left to do is counted. */
reshift_status measuring_take_up(measuring *m, reshift_error *error)
{
    reshift_robustness *t = m->table;
    int taken_up = 0;
    reshift_status status = RESHIFT_OK;
    for (int i = 0; status == RESHIFT_OK && i < t->n_cells; i++) {
        status = take_up(m, measuring_block(m, &t->cells[i]), &t->cells[i], error);
        taken_up += t->cells[i].taken_up;
    }
    if (status == RESHIFT_OK && taken_up > 0) {
        progress_message(m->progress, RESHIFT_LOG_INFO, "%d of %d %s measured before", taken_up, t->n_cells,
                         reshift_noun_for(t->n_cells, "cell was", "cells were"));
    }
    if (status == RESHIFT_OK && taken_up == 0 && m->options->cells_folder && t->n_cells > 0) {
        status = say_why_none(m, &t->cells[0], error);
    }
    return status;
}

/* ---- the finished table ---- */

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
    for (int k = 0; table->class_names && k < table->n_classes; k++) {
        free(table->class_names[k]);
    }
    free(table->class_names);
    memory_free(table->images);
    memory_free(table->labels);
    memory_free(table->data_labels);
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
