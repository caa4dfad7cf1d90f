/*
 * The cache that the stages of a run share: what the blocks below fine-tuning's give for the test images, clean and
 * shifted, is computed while the original network is measured, and used in every epoch and by the fine-tuned network.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "experiment/run.h"

static int compare_rows(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

/* A fixed random sample of the rows to be tested on. */
reshift_status run_monitored_rows(const run *r, int64_t **rows, int64_t *n, reshift_error *error)
{
    const int64_t n_test = run_split(r)->n_test;
    *n = SETTING(r, finetune.monitor) < n_test ? SETTING(r, finetune.monitor) : n_test;
    int64_t *order = *rows = malloc((size_t)n_test * sizeof *order + 1);
    if (!order) {
        return error_memory(error, (size_t)n_test * sizeof *order, "rows to measure");
    }
    random_stream stream = random_open((uint64_t)SETTING(r, seed), "monitor", 0, 0);
    random_permutation(&stream, order, n_test);
    for (int64_t i = 0; i < *n; i++) {
        order[i] = run_split(r)->test_rows[order[i]];
    }
    qsort(order, (size_t)*n, sizeof *order, compare_rows);
    return RESHIFT_OK;
}

/* The first block that is trained; 0 where all are, or where batch statistics make them depend on the batch. */
static int first_trained_block(const run *r)
{
    const char *block;
    for (int b = 0; (block = reshift_model_block(r->opened.original, b)) != NULL; b++) {
        for (int i = 0; i < SETTING(r, finetune.train).n; i++) {
            const char *name = SETTING(r, finetune.train).names[i];
            if (strcmp(name, "all") == 0 || strcmp(name, block) == 0) {
                return SETTING(r, finetune.batchnorm) == RESHIFT_BATCHNORM_TRAIN_ALL ? 0 : b;
            }
        }
    }
    return 0;
}

static reshift_status prefer_rows(run *r, reshift_error *error)
{
    int64_t *monitored = NULL, n;
    reshift_status status = reshift_frozen_cache_prefer(r->cache, run_tuning_set(r), run_split(r)->train_rows,
                                                        run_split(r)->n_train, error);
    if (status == RESHIFT_OK) {
        status = run_monitored_rows(r, &monitored, &n, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_frozen_cache_prefer(r->cache, run_shift_set(r), monitored, n, error);
    }
    free(monitored);
    return status;
}

static reshift_status open_cache(run *r, reshift_error *error)
{
    if (r->cache || SETTING(r, finetune.cache_budget_bytes) == 0) {
        return RESHIFT_OK;
    }
    reshift_status status = run_original(r, error);
    r->cut = status == RESHIFT_OK ? first_trained_block(r) : 0;
    if (r->cut == 0) {
        return status;
    }
    char *folder;
    const int64_t budget = SETTING(r, finetune.cache_budget_bytes);
    reshift_frozen_cache_options options;
    reshift_frozen_cache_options_default(&options);
    status = run_path(r, RUN_PARTS, &folder, error);
    if (status == RESHIFT_OK) {
        options.folder = folder;
        options.budget_bytes = budget == SETTINGS_BYTES_AUTO ? RESHIFT_CACHE_BUDGET_AUTO : (uint64_t)budget;
        options.place = (reshift_cache_place)SETTING(r, finetune.cache_place);
        status = reshift_frozen_cache_open(&options, &r->cache, error);
    }
    if (status == RESHIFT_OK) {
        status = prefer_rows(r, error);
    }
    free(folder);
    return status;
}

/* The cache changes where values are kept, never what they are: what decides about it is not declared by the stages. */
reshift_status run_frozen_cache(run *r, reshift_error *error)
{
    const char *reader = reads_pause(r);
    reshift_status status = open_cache(r, error);
    reads_resume(r, reader);
    return status;
}

int64_t run_rows_to_keep(const run *r)
{
    const run_opened *o = &r->opened;
    return reshift_dataset_count(o->test) + reshift_dataset_count(o->shift) + (o->shifted_train ? o->split.n_train : 0);
}
