/* A cache with a forward pass behind it for the rows that it does not hold. */
#include "learning/frozen.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "learning/feature_cache.h"

struct frozen {
    frozen_setup setup;
    forward *forward;
    feature_cache *cache;       /* NULL: nothing is kept */
    int64_t first[FROZEN_SETS]; /* where each set's rows begin in the cache */
    int64_t n_rows;             /* of both */
    /* the order that is being handed out */
    int set;
    const int64_t *order;
    int64_t at;
    int64_t *missing; /* rows of it that must be computed, in order */
    forward_pass pass;
    int pass_at;
};

reshift_status frozen_create(const frozen_setup *setup, frozen **out, reshift_error *error)
{
    *out = NULL;
    frozen *f = calloc(1, sizeof *f);
    if (!f) {
        return error_memory(error, sizeof *f, "the frozen blocks");
    }
    f->setup = *setup;
    int64_t largest = 0;
    for (int s = 0; s < FROZEN_SETS; s++) {
        int64_t n = setup->sets[s] ? reshift_dataset_count(setup->sets[s]) : 0;
        f->first[s] = f->n_rows;
        f->n_rows += n;
        largest = n > largest ? n : largest;
        if (n > 0) {
            forward_expect(&f->setup.forward, setup->sets[s]);
        }
    }
    reshift_status status = forward_create(&f->setup.forward, &f->forward, error);
    if (status == RESHIFT_OK) {
        f->missing = malloc(((size_t)largest + 1) * sizeof *f->missing);
        status = f->missing ? RESHIFT_OK : error_memory(error, (size_t)largest * sizeof *f->missing, "rows");
    }
    if (status == RESHIFT_OK && setup->budget_bytes > 0 && setup->forward.last_block >= 0) {
        status = feature_cache_create(setup->budget_bytes, memory_available_bytes() / 4 * 3, f->n_rows,
                                      forward_row_count(f->forward), setup->folder, &f->cache, error);
    }
    if (status != RESHIFT_OK) {
        frozen_destroy(&f);
        return status;
    }
    *out = f;
    return RESHIFT_OK;
}

void frozen_destroy(frozen **f)
{
    if (f && *f) {
        forward_destroy(&(*f)->forward);
        feature_cache_destroy(&(*f)->cache);
        free((*f)->missing);
        free(*f);
        *f = NULL;
    }
}

void frozen_row_shape(const frozen *f, int *n_dims, int64_t shape[3]) { forward_row_shape(f->forward, n_dims, shape); }

/* ---- filling ---- */

static void say_how_it_went(const frozen *f, const reshift_progress *progress)
{
    const feature_cache *c = f->cache;
    int64_t kept = feature_cache_rows(c);
    double used = (double)feature_cache_used_bytes(c) * 1e-9;
    const char *place = feature_cache_place(c) == CACHE_IN_FILE ? "in a file" : "in memory";
    if (kept == f->n_rows) {
        progress_message(progress, RESHIFT_LOG_INFO,
                         "frozen blocks: the output for all %lld images is kept %s (%.2f GB)", (long long)kept, place,
                         used);
        return;
    }
    double needed = kept ? used * (double)f->n_rows / (double)kept
                         : (double)f->n_rows * (double)forward_row_count(f->forward) * 4e-9;
    progress_message(
        progress, RESHIFT_LOG_INFO,
        "frozen blocks: the output for %lld of %lld images is kept %s (%.2f GB), the rest is computed anew in "
        "every epoch; a cache of about %.1f GB would hold all",
        (long long)kept, (long long)f->n_rows, place, used, needed);
}

static reshift_status fill_set(frozen *f, int set, int64_t *done, bool *kept, const reshift_progress *progress,
                               reshift_error *error)
{
    int64_t n = reshift_dataset_count(f->setup.sets[set]), row = 0, count = forward_row_count(f->forward);
    reshift_status status = forward_start(f->forward, f->setup.sets[set], NULL, n, error);
    while (status == RESHIFT_OK && *kept && row < n) {
        forward_pass pass;
        status = progress_check(progress, error);
        if (status == RESHIFT_OK) {
            status = forward_next(f->forward, &pass, error);
        }
        for (int i = 0; status == RESHIFT_OK && *kept && i < pass.n; i++) {
            status = feature_cache_add(f->cache, f->first[set] + row, pass.output + i * count, kept, error);
            row++;
        }
        if (status == RESHIFT_OK) {
            progress_update(progress, "frozen blocks", *done + row, f->n_rows, "images");
        }
    }
    forward_stop(f->forward);
    *done += row;
    return status;
}

reshift_status frozen_fill(frozen *f, const reshift_progress *progress, reshift_error *error)
{
    if (!f->cache) {
        return RESHIFT_OK;
    }
    int64_t done = 0;
    bool kept = true;
    reshift_status status = RESHIFT_OK;
    progress_update(progress, "frozen blocks", 0, f->n_rows, "images");
    for (int s = 0; status == RESHIFT_OK && kept && s < FROZEN_SETS; s++) {
        if (f->setup.sets[s]) {
            status = fill_set(f, s, &done, &kept, progress, error);
        }
    }
    if (status == RESHIFT_OK) {
        if (done < f->n_rows) {
            progress_update(progress, "frozen blocks", f->n_rows, f->n_rows, "images");
        }
        say_how_it_went(f, progress);
    }
    return status;
}

/* ---- handing out ---- */

static bool is_kept(const frozen *f, int64_t row)
{
    return f->cache && feature_cache_has(f->cache, f->first[f->set] + row);
}

reshift_status frozen_start(frozen *f, int set, const int64_t *order, int64_t n, reshift_error *error)
{
    int64_t n_missing = 0;
    f->set = set;
    f->order = order;
    f->at = 0;
    f->pass.n = f->pass_at = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!is_kept(f, order[i])) {
            f->missing[n_missing++] = order[i];
        }
    }
    forward_stop(f->forward);
    return n_missing ? forward_start(f->forward, f->setup.sets[set], f->missing, n_missing, error) : RESHIFT_OK;
}

static reshift_status next_computed(frozen *f, float *values, int *label, reshift_error *error)
{
    if (f->pass_at == f->pass.n) {
        reshift_status status = forward_next(f->forward, &f->pass, error);
        f->pass_at = 0;
        if (status != RESHIFT_OK) {
            return status;
        }
        if (f->pass.n == 0) {
            return error_set(error, RESHIFT_ERROR_INTERNAL, "the data set ended before its last row");
        }
    }
    size_t count = (size_t)forward_row_count(f->forward);
    memcpy(values, f->pass.output + (size_t)f->pass_at * count, count * sizeof(float));
    *label = f->pass.labels[f->pass_at++];
    return RESHIFT_OK;
}

reshift_status frozen_next(frozen *f, int n, float *values, int *labels, reshift_error *error)
{
    const int64_t *rows = f->order + f->at, count = forward_row_count(f->forward);
    const reshift_dataset *dataset = f->setup.sets[f->set];
    f->at += n;
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < n; i++) {
        if (is_kept(f, rows[i])) {
            feature_cache_get(f->cache, f->first[f->set] + rows[i], values + i * count);
            labels[i] = reshift_dataset_label(dataset, rows[i]);
        }
    }
    reshift_status status = RESHIFT_OK;
    for (int i = 0; status == RESHIFT_OK && i < n; i++) {
        if (!is_kept(f, rows[i])) {
            status = next_computed(f, values + i * count, &labels[i], error);
        }
    }
    return status;
}
