/* weights/moved.csv, as fine-tuning writes it, for the report: tensors put together by block. */
#include "experiment/page/report_moved.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"

/* Is the block in a list such as "[layer4, fc]"? */
static bool is_listed(const char *list, const char *block)
{
    const size_t length = strlen(block);
    if (strcmp(list, "all") == 0 || strcmp(list, "[all]") == 0) {
        return true;
    }
    for (const char *c = strstr(list, block); c; c = strstr(c + 1, block)) {
        const bool starts = c == list || strchr("[, ", c[-1]);
        if (starts && (c[length] == '\0' || strchr("], ", c[length]))) {
            return true;
        }
    }
    return false;
}

/* Lengths are put together as lengths of one long vector. */
static void add_tensor(report_moved *sum, const reshift_moved *row)
{
    sum->tensors++;
    sum->moved += row->changed > 0;
    sum->values += row->count;
    sum->changed += row->changed;
    sum->distance = hypot(sum->distance, row->distance);
    sum->norm = hypot(sum->norm, row->norm);
}

reshift_status moved_read(const char *folder, const char *trained, const char *batchnorm, moved_figures *figures,
                          report_content *content, reshift_error *error)
{
    int n = 0, n_blocks = 0;
    char *path = path_join(folder, "weights/moved.csv");
    if (!path) {
        return error_memory(error, strlen(folder), "a path");
    }
    bool there;
    reshift_status status = path_is_file(path, &there, error);
    if (there) {
        status = reshift_moved_load_csv(path, &figures->rows, &n, error);
    }
    free(path);
    if (status == RESHIFT_OK && n > 0 && !(figures->blocks = calloc((size_t)n, sizeof *figures->blocks))) {
        status = error_memory(error, (size_t)n * sizeof *figures->blocks, "blocks");
    }
    for (int i = 0; i < n && status == RESHIFT_OK; i++) {
        const reshift_moved *row = &figures->rows[i];
        int b = 0;
        while (b < n_blocks && strcmp(figures->blocks[b].name, row->block) != 0) {
            b++;
        }
        report_block *block = &figures->blocks[b];
        if (b == n_blocks) {
            *block = (report_block){.name = row->block, .trained = is_listed(trained, row->block)};
            n_blocks++;
        }
        add_tensor(reshift_moved_is_statistic(row->name) ? &block->statistics : &block->weights, row);
    }
    content->blocks = figures->blocks;
    content->n_blocks = status == RESHIFT_OK ? n_blocks : 0;
    content->batchnorm = batchnorm;
    return status;
}

void moved_clean(moved_figures *figures)
{
    free(figures->rows);
    free(figures->blocks);
    *figures = (moved_figures){.rows = NULL};
}
