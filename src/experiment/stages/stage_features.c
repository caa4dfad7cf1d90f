/*
 * Features of a whole image set, in a file. They are extracted in chunks of a fixed number of batches, each a file of
 * its own below .reshift-parts/KEY/, named after the stage's key; when all are there they are joined. run.c removes
 * them once the stage is recorded, so a run that is killed loses the chunk it was at. The chunks are the same whether
 * it was killed or not, so the bytes are too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "experiment/run.h"
#include "reshift/preparation.h"
#include "formats/npy.h"
#include "inference/extraction.h"
#include "models/model.h"
#include "reshift/words.h"

#define CHUNK_BATCHES 64

/* Features of rows first..first+n-1 to a file of their own; `what` is said over all `total` rows. */
static reshift_status extract_chunk(const run *r, extraction *e, const reshift_dataset *dataset, extract_way way,
                                    int64_t first, int64_t n, int64_t n_features, const char *path, const char *what,
                                    reshift_error *error)
{
    const int64_t shape[] = {n, n_features}, total = reshift_dataset_count(dataset);
    npy_writer writer = {0};
    int64_t *rows = malloc((size_t)n * sizeof *rows);
    if (!rows) {
        return error_memory(error, (size_t)n * sizeof *rows, "rows of a chunk");
    }
    for (int64_t i = 0; i < n; i++) {
        rows[i] = first + i;
    }
    reshift_status status = npy_writer_open(path, RESHIFT_F32, 2, shape, true, &writer, error);
    if (status == RESHIFT_OK) {
        status = extraction_start(e, dataset, rows, n, way == EXTRACT_AND_KEEP, error);
    }
    progress_update(r->progress, what, first, total, "images");
    for (int64_t done = 0; status == RESHIFT_OK && done < n;) {
        forward_pass pass;
        status = progress_check(r->progress, error);
        if (status == RESHIFT_OK) {
            status = extraction_next(e, &pass, error);
        }
        if (status == RESHIFT_OK) {
            status = npy_writer_append(&writer, pass.output, (size_t)(pass.n * n_features) * sizeof(float), error);
        }
        if (status == RESHIFT_OK) {
            done += pass.n;
            progress_update(r->progress, what, first + done, total, "images");
        }
    }
    if (status == RESHIFT_OK && way == EXTRACT_AND_KEEP) { /* first, so that a chunk that is there has its rows kept */
        status = extraction_commit(e, error);
    }
    if (status == RESHIFT_OK) {
        status = npy_writer_commit(&writer, error);
    }
    npy_writer_abort(&writer);
    free(rows);
    return status;
}

/* A chunk left by an earlier run, whole. A machine that lost power may leave a file that is not. */
static bool chunk_is_there(const char *path, int64_t rows, int features)
{
    reshift_array chunk = {0};
    bool good = reshift_array_load_npy(path, &chunk, NULL) == RESHIFT_OK && chunk.dtype == RESHIFT_F32 &&
                chunk.n_dims == 2 && chunk.shape[0] == rows && chunk.shape[1] == features;
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

/* Made when the first chunk that is missing is reached. */
static reshift_status open_extraction(run *r, const reshift_model *model, const reshift_dataset *dataset,
                                      extract_way way, extraction **e, reshift_error *error)
{
    reshift_status status = way == EXTRACT_WHOLE ? RESHIFT_OK : run_frozen_cache(r, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    network *net = model_network(model);
    const int64_t n = reshift_dataset_count(dataset);
    extraction_setup setup = {.forward = {.net = net,
                                          .recipe = reshift_model_recipe(model),
                                          .size = (int)SETTING(r, input.size),
                                          .batch = (int)SETTING(r, input.batch),
                                          .n_rows = n,
                                          .precision = (reshift_precision)SETTING(r, input.precision),
                                          .last_block = net->graph->n_blocks - 1,
                                          .stop_at_features = true},
                              .cache = way == EXTRACT_WHOLE ? NULL : r->cache,
                              .cut = r->cut,
                              .n_rows = run_rows_to_keep(r)};
    forward_expect(&setup.forward, dataset);
    return extraction_create(&setup, e, r->progress, error);
}

/* FEATURES.json, as `reshift extract` writes it. */
static reshift_status describe(const run *r, const reshift_model *model, const reshift_dataset *dataset, bool train,
                               const char *features, reshift_error *error)
{
    const char *corruption = reshift_dataset_corruption(dataset);
    reshift_preparation how = {.recipe = reshift_recipe_at(reshift_model_recipe(model), (int)SETTING(r, input.size))};
    snprintf(how.arch, sizeof how.arch, "%s", reshift_model_arch(model));
    snprintf(how.data, sizeof how.data, "%s, %s%s%s", reshift_dataset_kind(dataset), train ? "train" : "test",
             corruption ? ", " : "", corruption ? corruption : "");
    char *path = NULL;
    if (asprintf(&path, "%s.json", features) < 0) {
        return error_memory(error, strlen(features), "a path");
    }
    reshift_status status = reshift_preparation_save(path, features, &how, true, error);
    if (status == RESHIFT_OK) {
        status = reshift_preparation_add_class_names(path, dataset, error);
    }
    free(path);
    return status;
}

reshift_status run_extract(run *r, stage_name owner, const reshift_model *model, const reshift_dataset *dataset,
                           extract_way way, const char *name, const char *labels_name, reshift_error *error)
{
    const int64_t rows = reshift_dataset_count(dataset), chunk_rows = CHUNK_BATCHES * SETTING(r, input.batch);
    const int n_chunks = (int)((rows + chunk_rows - 1) / chunk_rows), n_features = reshift_model_n_features(model);
    char what[96], relative[160];
    snprintf(what, sizeof what, "features %s", name);

    char *folder = NULL, *target = NULL;
    extraction *e = NULL;
    char **paths = calloc((size_t)n_chunks, sizeof *paths);
    snprintf(relative, sizeof relative, RUN_PARTS "/%.16s", r->keys[owner]);
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
        } else if (!chunk_is_there(paths[c], n, n_features)) {
            status = e ? RESHIFT_OK : open_extraction(r, model, dataset, way, &e, error);
            if (status == RESHIFT_OK) {
                status = extract_chunk(r, e, dataset, way, first, n, n_features, paths[c], what, error);
            }
        }
    }
    if (status == RESHIFT_OK && e && way == EXTRACT_FROM_KEPT && extraction_computed(e) > 0) {
        progress_message(r->progress, RESHIFT_LOG_INFO,
                         "frozen blocks: run again for %lld of %lld %s, whose output was not kept",
                         (long long)extraction_computed(e), (long long)rows, reshift_noun_for(rows, "image", "images"));
    }
    extraction_destroy(&e);
    if (status == RESHIFT_OK) {
        status = join_chunks(paths, n_chunks, rows, n_features, target, error);
    }
    if (status == RESHIFT_OK) {
        status = describe(r, model, dataset, strncmp(name, "train", 5) == 0, target, error);
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
        status = run_extract(r, STAGE_FEATURES, r->opened.original, run_train_set(r), EXTRACT_WHOLE, "train-clean",
                             "features/train-clean-labels.npy", error);
    }
    if (status == RESHIFT_OK) {
        status = run_extract(r, STAGE_FEATURES, r->opened.original, run_test_set(r), EXTRACT_AND_KEEP, "original-clean",
                             "features/clean-labels.npy", error);
    }
    return status;
}

reshift_status stage_shift(run *r, reshift_error *error)
{
    reshift_status status = run_original(r, error);
    return status != RESHIFT_OK ? status
                                : run_extract(r, STAGE_SHIFT, r->opened.original, run_shift_set(r), EXTRACT_AND_KEEP,
                                              "original-shift", "features/shift-labels.npy", error);
}
