/*
 * Features of a whole image set, in a file. They are extracted in chunks of a fixed number of batches, each a file of
 * its own below parts/KEY/, named after the stage's key; when all are there they are joined. run.c removes them once
 * the stage is recorded, so a run that is killed loses the chunk it was at. The chunks are the same whether it was
 * killed or not, so the bytes are too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "experiment/run.h"
#include "formats/npy.h"
#include "reshift/learning.h"

#define CHUNK_BATCHES 64

/* One bar over all chunks: each chunk's progress is moved by what was done before it. */
typedef struct chunk_progress {
    const reshift_progress *caller;
    const char *what;
    int64_t before, total;
} chunk_progress;

static void chunk_update(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    (void)what;
    (void)total;
    const chunk_progress *chunk = context;
    progress_update(chunk->caller, chunk->what, chunk->before + done, chunk->total, unit);
}

static void chunk_message(void *context, reshift_log_level level, const char *text)
{
    const chunk_progress *chunk = context;
    if (chunk->before == 0) { /* later chunks would say the same again */
        progress_message(chunk->caller, level, "%s", text);
    }
}

static bool chunk_cancelled(void *context)
{
    const chunk_progress *chunk = context;
    return chunk->caller && chunk->caller->cancelled && chunk->caller->cancelled(chunk->caller->context);
}

static reshift_status extract_chunk(const run *r, const reshift_model *model, reshift_dataset *dataset, int64_t first,
                                    int64_t n, const char *path, chunk_progress *chunk, reshift_error *error)
{
    const reshift_forward_options options = {.size = (int)r->experiment->input.size,
                                             .batch = (int)r->experiment->input.batch,
                                             .precision = (reshift_precision)r->experiment->input.precision};
    const reshift_progress progress = {chunk_update, chunk_message, chunk_cancelled, chunk};
    int64_t *rows = malloc((size_t)n * sizeof *rows);
    if (!rows) {
        return error_memory(error, (size_t)n * sizeof *rows, "rows of a chunk");
    }
    for (int64_t i = 0; i < n; i++) {
        rows[i] = first + i;
    }
    reshift_dataset *part = NULL;
    reshift_status status = reshift_dataset_subset(dataset, rows, n, &part, error);
    if (status == RESHIFT_OK) {
        status = reshift_extract(model, part, &options, path, NULL, true, &progress, error);
    }
    reshift_dataset_close(&part);
    free(rows);
    return status;
}

/* A chunk left by an earlier run, whole. A machine that lost power may leave a file that is not. */
static bool chunk_is_there(const char *path, int64_t rows, int features)
{
    reshift_array chunk = {0};
    bool good = file_exists(path) && reshift_array_load_npy(path, &chunk, NULL) == RESHIFT_OK &&
                chunk.dtype == RESHIFT_F32 && chunk.n_dims == 2 && chunk.shape[0] == rows && chunk.shape[1] == features;
    reshift_array_destroy(&chunk);
    return good;
}

static reshift_status join_chunks(char *const *paths, int n_chunks, int64_t rows, int features, const char *path,
                                  reshift_error *error)
{
    const int64_t shape[] = {rows, features};
    npy_writer writer;
    reshift_status status = npy_writer_open(path, RESHIFT_F32, 2, shape, true, &writer, error);
    for (int c = 0; c < n_chunks && status == RESHIFT_OK; c++) {
        reshift_array chunk = {0};
        status = reshift_array_load_npy(paths[c], &chunk, error);
        if (status == RESHIFT_OK) {
            status = npy_writer_append(&writer, chunk.data, reshift_array_bytes(&chunk), error);
        }
        reshift_array_destroy(&chunk);
    }
    if (status == RESHIFT_OK) {
        status = npy_writer_commit(&writer, error);
    }
    npy_writer_abort(&writer);
    return status;
}

static reshift_status save_labels(const run *r, const reshift_dataset *dataset, const char *name, reshift_error *error)
{
    char *path = NULL;
    reshift_array labels = {0};
    const int64_t n = reshift_dataset_count(dataset);
    reshift_status status = reshift_array_create(RESHIFT_I64, 1, &n, &labels, error);
    if (status == RESHIFT_OK) {
        status = run_path(r, name, &path, error);
    }
    if (status == RESHIFT_OK) {
        for (int64_t row = 0; row < n; row++) {
            ((int64_t *)labels.data)[row] = reshift_dataset_label(dataset, row);
        }
        status = reshift_array_save_npy(path, &labels, true, error);
    }
    free(path);
    reshift_array_destroy(&labels);
    return status;
}

reshift_status run_extract(run *r, stage_name owner, const reshift_model *model, reshift_dataset *dataset,
                           const char *name, const char *labels_name, reshift_error *error)
{
    const int64_t rows = reshift_dataset_count(dataset), chunk_rows = CHUNK_BATCHES * r->experiment->input.batch;
    const int n_chunks = (int)((rows + chunk_rows - 1) / chunk_rows);
    char what[96], relative[160];
    snprintf(what, sizeof what, "features %s", name);
    chunk_progress chunk = {r->progress, what, 0, rows};

    char *folder = NULL, *target = NULL;
    char **paths = calloc((size_t)n_chunks, sizeof *paths);
    snprintf(relative, sizeof relative, "parts/%.16s", r->keys[owner]);
    reshift_status status = paths ? run_path(r, relative, &folder, error) : error_memory(error, 0, "paths");
    if (status == RESHIFT_OK) {
        snprintf(relative, sizeof relative, "features/%s.npy", name);
        status = run_path(r, relative, &target, error);
    }
    if (status == RESHIFT_OK) {
        status = folder_create(folder, error);
    }
    for (int c = 0; c < n_chunks && status == RESHIFT_OK; c++) {
        int64_t first = c * chunk_rows, n = rows - first < chunk_rows ? rows - first : chunk_rows;
        char file[96];
        snprintf(file, sizeof file, "%s-%05d.npy", name, c);
        paths[c] = path_join(folder, file);
        if (!paths[c]) {
            status = error_memory(error, sizeof file, "a path");
        } else if (!chunk_is_there(paths[c], n, reshift_model_n_features(model))) {
            chunk.before = first;
            status = extract_chunk(r, model, dataset, first, n, paths[c], &chunk, error);
        }
    }
    if (status == RESHIFT_OK) {
        status = join_chunks(paths, n_chunks, rows, reshift_model_n_features(model), target, error);
    }
    if (status == RESHIFT_OK && labels_name) {
        status = save_labels(r, dataset, labels_name, error);
    }
    for (int c = 0; paths && c < n_chunks; c++) {
        free(paths[c]);
    }
    free(paths);
    free(folder);
    free(target);
    return status;
}

reshift_status stage_features(run *r, reshift_error *error)
{
    reshift_status status = run_original(r, error);
    if (status == RESHIFT_OK) {
        status = run_extract(r, STAGE_FEATURES, r->original, r->train, "train-clean", "features/train-clean-labels.npy",
                             error);
    }
    if (status == RESHIFT_OK) {
        status =
            run_extract(r, STAGE_FEATURES, r->original, r->test, "original-clean", "features/clean-labels.npy", error);
    }
    return status;
}

reshift_status stage_shift(run *r, reshift_error *error)
{
    reshift_status status = run_original(r, error);
    return status != RESHIFT_OK ? status
                                : run_extract(r, STAGE_SHIFT, r->original, r->shift, "original-shift",
                                              "features/shift-labels.npy", error);
}
