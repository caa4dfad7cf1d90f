/* A cache with a forward pass behind it for the rows that it does not hold. */
#include "inference/frozen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/threads.h"
#include "datasets/dataset.h"
#include "engine/plan.h"
#include "inference/frozen_cache.h"
#include "models/identity.h"
#include "reshift/words.h"

/* The set behind a data set, as the cache numbers it. */
typedef struct origin {
    const reshift_dataset *dataset;
    int set;
} origin;

#define FEW 256 /* rows at a time, for small lists on the stack */

struct frozen {
    frozen_setup setup;
    forward *forward;
    row_cache *rows; /* the cache's; NULL: nothing is kept */
    origin origins[4];
    int n_origins;
    int64_t computed;
    /* the order that is being handed out */
    const reshift_dataset *dataset;
    const int64_t *order;
    int64_t n, at;
    int set;
    bool keep;
    int64_t *missing, n_missing, room; /* [room] rows of it that must be computed, in order */
    forward_pass pass;
    int64_t pass_first; /* where in `missing` the pass begins */
    int pass_at;
    forward *repair;  /* computes rows that are damaged in the cache; NULL until one is */
    int64_t repaired; /* rows so far */
    const reshift_progress *progress;
};

/* ---- the key ---- */

/* Raised when the same part of the same network gives other bits. */
#define FROZEN_VERSION "4"

#define FORWARD_FIELDS(ROW, T)                                                                                         \
    ROW(T, ELSEWHERE, net, "weights")                                                                                  \
    ROW(T, ELSEWHERE, recipe, "size, resize, mean, std")                                                               \
    ROW(T, ELSEWHERE, size, "size")                                                                                    \
    ROW(T, ELSEWHERE, batch, "rows of a pass")                                                                         \
    ROW(T, ELSEWHERE, n_rows, "rows of a pass")                                                                        \
    ROW(T, INT, height, "height of the images")                                                                        \
    ROW(T, INT, width, "width of the images")                                                                          \
    ROW(T, ELSEWHERE, precision, "arithmetic")                                                                         \
    ROW(T, ELSEWHERE, last_block, "operations")                                                                        \
    ROW(T, BOOL, stop_at_features, "stops at the features")                                                            \
    ROW(T, BOOL, bf16, "in bfloat16")                                                                                  \
    ROW(T, NEVER, watcher, "is shown what passes")                                                                     \
    ROW(T, NEVER, watcher_context, "is shown what passes")
FACTS_TABLE(forward_facts, forward_setup, FORWARD_FIELDS);

reshift_status frozen_key(const forward_setup *setup, int batch, char key[DIGEST_HEX_BYTES], reshift_error *error)
{
    static const forward_setup usual;
    fact_list *f = facts_create();
    if (!f) {
        return error_memory(error, 0, "the key of kept activations");
    }
    facts_add(f, "version of kept activations", FROZEN_VERSION);
    facts_add(f, "processor", "%s", engine_description());
    facts_add(f, "threads", "%d", threads_most());
    facts_add(f, "rows of a pass", "%d", batch);
    facts_add_table(f, &forward_facts, setup, &usual);
    identity_add_recipe(f, setup->recipe, setup->size);
    identity_add_network(f, setup->net, setup->last_block, setup->precision);
    const reshift_status status = facts_finish(f, key, error);
    facts_destroy(&f);
    return status;
}

/* ---- making ---- */

static reshift_status open_rows(frozen *f, const reshift_progress *progress, reshift_error *error)
{
    const forward_setup *s = &f->setup.forward;
    if (!f->setup.cache || s->last_block < 0) {
        return RESHIFT_OK;
    }
    frozen_rows_wanted wanted = {.up_to = s->net->graph->blocks[s->last_block],
                                 .row_count = forward_row_count(f->forward),
                                 .n_rows = f->setup.n_rows > 0 ? f->setup.n_rows : (int64_t)1 << 40,
                                 .width = forward_row_width(f->forward)};
    reshift_status status = frozen_key(s, forward_batch(f->forward), wanted.key, error);
    return status == RESHIFT_OK ? frozen_cache_rows(f->setup.cache, &wanted, &f->rows, progress, error) : status;
}

reshift_status frozen_create(const frozen_setup *setup, frozen **out, const reshift_progress *progress,
                             reshift_error *error)
{
    *out = NULL;
    frozen *f = calloc(1, sizeof *f);
    if (!f) {
        return error_memory(error, sizeof *f, "the frozen blocks");
    }
    f->setup = *setup;
    f->progress = progress;
    reshift_status status = forward_create(&f->setup.forward, &f->forward, error);
    if (status == RESHIFT_OK) {
        status = open_rows(f, progress, error);
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
        forward_destroy(&(*f)->repair);
        free((*f)->missing);
        free(*f);
        *f = NULL;
    }
}

int frozen_batch(const frozen *f) { return forward_batch(f->forward); }
int frozen_row_width(const frozen *f) { return forward_row_width(f->forward); }
int64_t frozen_computed(const frozen *f) { return f->computed; }

void frozen_row_shape(const frozen *f, int *n_dims, int64_t shape[3]) { forward_row_shape(f->forward, n_dims, shape); }

reshift_status frozen_commit(frozen *f, reshift_error *error)
{
    forward_stop(f->forward);
    return f->rows ? row_cache_commit(f->rows, error) : RESHIFT_OK;
}

/* ---- handing out ---- */

static int64_t row_at(const frozen *f, int64_t i) { return f->order ? f->order[i] : i; }

static bool is_kept(const frozen *f, int64_t row)
{
    int64_t there;
    if (!f->rows) {
        return false;
    }
    dataset_origin(f->dataset, row, &there);
    return row_cache_has(f->rows, f->set, there);
}

static reshift_status find_set(frozen *f, const reshift_dataset *dataset, reshift_error *error)
{
    int64_t row;
    const reshift_dataset *behind = dataset_origin(dataset, 0, &row);
    for (int i = 0; i < f->n_origins; i++) {
        if (f->origins[i].dataset == behind) {
            f->set = f->origins[i].set;
            return RESHIFT_OK;
        }
    }
    reshift_status status = frozen_cache_set(f->setup.cache, f->rows, behind, &f->set, error);
    if (status == RESHIFT_OK && f->n_origins < (int)(sizeof f->origins / sizeof *f->origins)) {
        f->origins[f->n_origins++] = (origin){behind, f->set};
    }
    return status;
}

static reshift_status begin(frozen *f, const reshift_dataset *dataset, const int64_t *order, int64_t n, bool keep,
                            bool anew, reshift_error *error)
{
    if (n > f->room) {
        free(f->missing);
        f->missing = malloc((size_t)n * sizeof *f->missing);
        f->room = f->missing ? n : 0;
        if (!f->missing) {
            return error_memory(error, (size_t)n * sizeof *f->missing, "rows");
        }
    }
    f->dataset = dataset;
    f->order = order;
    f->n = n;
    f->at = f->n_missing = f->pass_first = 0;
    f->pass.n = f->pass_at = 0;
    f->keep = keep;
    reshift_status status = f->rows && n > 0 && !anew ? find_set(f, dataset, error) : RESHIFT_OK;
    for (int64_t i = 0; i < n && status == RESHIFT_OK; i++) {
        if (anew || !is_kept(f, row_at(f, i))) {
            f->missing[f->n_missing++] = row_at(f, i);
        }
    }
    forward_stop(f->forward);
    return status == RESHIFT_OK && f->n_missing ? forward_start(f->forward, dataset, f->missing, f->n_missing, error)
                                                : status;
}

reshift_status frozen_start(frozen *f, const reshift_dataset *dataset, const int64_t *order, int64_t n, bool keep,
                            reshift_error *error)
{
    return begin(f, dataset, order, n, keep, false, error);
}

reshift_status frozen_start_anew(frozen *f, const reshift_dataset *dataset, const int64_t *order, int64_t n,
                                 reshift_error *error)
{
    return begin(f, dataset, order, n, false, true, error);
}

static size_t row_bytes(const frozen *f)
{
    return (size_t)forward_row_count(f->forward) * (size_t)forward_row_width(f->forward);
}

static const char *values_of(const forward_pass *pass)
{
    return pass->output_bf16 ? (const char *)pass->output_bf16 : (const char *)pass->output;
}

/* Runs the next rows that are missing; they are kept now, but handed out from the pass. */
static reshift_status compute(frozen *f, reshift_error *error)
{
    f->pass_first += f->pass.n;
    f->pass_at = 0;
    reshift_status status = forward_next(f->forward, &f->pass, error);
    if (status == RESHIFT_OK && f->pass.n == 0) {
        return error_set(error, RESHIFT_ERROR_INTERNAL, "the data set ended before its last row");
    }
    f->computed += status == RESHIFT_OK ? f->pass.n : 0;
    if (status != RESHIFT_OK || !f->keep || !f->rows) {
        return status;
    }
    size_t bytes = row_bytes(f);
    for (int first = 0; first < f->pass.n && status == RESHIFT_OK; first += FEW) {
        int64_t rows[FEW];
        int n = f->pass.n - first < FEW ? f->pass.n - first : FEW;
        for (int i = 0; i < n; i++) {
            dataset_origin(f->dataset, f->missing[f->pass_first + first + i], &rows[i]);
        }
        status = row_cache_add(f->rows, f->set, rows, n, values_of(&f->pass) + (size_t)first * bytes, error);
    }
    return status;
}

static reshift_status next_computed(frozen *f, void *values, int *label, reshift_error *error)
{
    if (f->pass_at == f->pass.n) {
        reshift_status status = compute(f, error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    memcpy(values, values_of(&f->pass) + (size_t)f->pass_at * row_bytes(f), row_bytes(f));
    *label = f->pass.labels[f->pass_at++];
    return RESHIFT_OK;
}

/* ---- rows that are damaged in the cache ---- */

/* Computes the marked rows of the next n and keeps them again. */
static reshift_status repair_rows(frozen *f, int n, char *values, size_t bytes, const bool *damaged,
                                  reshift_error *error)
{
    int64_t rows[FEW], kept_as[FEW];
    int place[FEW], n_rows = 0;
    for (int i = 0; i < n; i++) {
        if (damaged[i]) {
            place[n_rows] = i;
            rows[n_rows] = row_at(f, f->at + i);
            dataset_origin(f->dataset, rows[n_rows], &kept_as[n_rows]);
            row_cache_forget(f->rows, f->set, kept_as[n_rows++]);
        }
    }
    if (f->repaired == 0) {
        progress_message(f->progress, RESHIFT_LOG_WARNING,
                         "kept activations are damaged (row %lld): damaged rows are computed again",
                         (long long)rows[0]);
    }
    f->repaired += n_rows;
    f->computed += n_rows;
    reshift_status status =
        f->repair ? RESHIFT_OK
                  : forward_create(&f->setup.forward, &f->repair, error); /* the same plan, the same bits */
    if (status == RESHIFT_OK) {
        status = forward_start(f->repair, f->dataset, rows, n_rows, error);
    }
    for (int done = 0; done < n_rows && status == RESHIFT_OK;) {
        forward_pass pass;
        status = forward_next(f->repair, &pass, error);
        for (int i = 0; i < pass.n && status == RESHIFT_OK; i++, done++) {
            const char *computed = values_of(&pass) + (size_t)i * bytes;
            memcpy(values + (size_t)place[done] * bytes, computed, bytes);
            status = row_cache_add(f->rows, f->set, &kept_as[done], 1, computed, error);
        }
    }
    if (f->repair) {
        forward_stop(f->repair);
    }
    return status == RESHIFT_OK ? row_cache_commit(f->rows, error) : status;
}

/* Rows that were there when the order began come from the cache, all others are computed, those kept meanwhile too. */
static reshift_status from_cache(frozen *f, int n, char *values, size_t bytes, int *labels, bool *there,
                                 reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    bool damaged[FEW] = {false}, any = false;
#pragma omp parallel for schedule(static, 1) reduction(|| : any)
    for (int i = 0; i < n; i++) {
        int64_t row = row_at(f, f->at + i), kept_as;
        if (!there[i]) {
            continue;
        }
        reshift_error own;
        dataset_origin(f->dataset, row, &kept_as);
        reshift_status got = row_cache_get(f->rows, f->set, kept_as, values + (size_t)i * bytes, &own);
        labels[i] = reshift_dataset_label(f->dataset, row);
        damaged[i] = got == RESHIFT_ERROR_FORMAT;
        any = any || damaged[i];
        if (got != RESHIFT_OK && !damaged[i]) {
#pragma omp critical(frozen_error)
            {
                status = got;
                if (error) {
                    *error = own;
                }
            }
        }
    }
    return status == RESHIFT_OK && any ? repair_rows(f, n, values, bytes, damaged, error) : status;
}

static reshift_status next_few(frozen *f, int n, char *values, int *labels, reshift_error *error)
{
    size_t bytes = row_bytes(f);
    bool there[FEW];
    int64_t missing = f->pass_first + f->pass_at;
    bool any = false;
    for (int i = 0; i < n; i++) {
        /* the missing rows are a part of the order, in its order */
        there[i] = missing >= f->n_missing || f->missing[missing] != row_at(f, f->at + i);
        missing += !there[i];
        any = any || there[i];
    }
    reshift_status status = any ? from_cache(f, n, values, bytes, labels, there, error) : RESHIFT_OK;
    for (int64_t i = f->at + n; any && i < f->at + 2 * n && i < f->n; i++) {
        int64_t row;
        dataset_origin(f->dataset, row_at(f, i), &row);
        row_cache_announce(f->rows, f->set, row);
    }
    for (int i = 0; status == RESHIFT_OK && i < n; i++) {
        if (!there[i]) {
            status = next_computed(f, values + (size_t)i * bytes, &labels[i], error);
        }
    }
    f->at += n;
    return status;
}

reshift_status frozen_next(frozen *f, int n, void *values, int *labels, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (int done = 0; done < n && status == RESHIFT_OK; done += FEW) {
        int few = n - done < FEW ? n - done : FEW;
        status = next_few(f, few, (char *)values + (size_t)done * row_bytes(f), labels + done, error);
    }
    return status;
}

/* ---- filling ---- */

static void say_how_it_went(const frozen *f, int64_t kept, int64_t n, int64_t found, const reshift_progress *progress)
{
    double used = (double)row_cache_used_bytes(f->rows) * 1e-9;
    const char *place = row_cache_place(f->rows) == ROWS_IN_MEMORY ? "in memory" : "in a file";
    if (kept == n && found == n) {
        progress_message(progress, RESHIFT_LOG_INFO, "frozen blocks: the output for all %lld %s was kept before",
                         (long long)n, reshift_noun_for(n, "image", "images"));
    } else if (kept == n) {
        progress_message(progress, RESHIFT_LOG_INFO, "frozen blocks: the output for all %lld %s is kept %s (%.2f GB)",
                         (long long)kept, reshift_noun_for(kept, "image", "images"), place, used);
    } else {
        int64_t all = row_cache_rows(f->rows);
        double needed = all ? used * (double)n / (double)all : (double)n * (double)row_bytes(f) * 1e-9;
        progress_message(
            progress, RESHIFT_LOG_INFO,
            "frozen blocks: the output for %lld of %lld images is kept %s (%.2f GB), the rest is computed anew in "
            "every epoch; a cache of about %.1f GB would hold all",
            (long long)kept, (long long)n, place, used, needed);
    }
}

/* Only what is missing is run, until nothing more fits. */
static reshift_status fill_set(frozen *f, const reshift_dataset *dataset, int64_t before, int64_t all,
                               const reshift_progress *progress, reshift_error *error)
{
    int64_t n = reshift_dataset_count(dataset);
    reshift_status status = frozen_start(f, dataset, NULL, n, true, error);
    for (int64_t done = 0; status == RESHIFT_OK && done < f->n_missing && !row_cache_is_full(f->rows);) {
        status = progress_check(progress, error);
        if (status == RESHIFT_OK) {
            status = compute(f, error);
        }
        if (status == RESHIFT_OK) {
            done += f->pass.n;
            progress_update(progress, "frozen blocks", before + n - f->n_missing + done, all, "images");
        }
    }
    reshift_status committed = frozen_commit(f, status == RESHIFT_OK ? error : NULL);
    return status == RESHIFT_OK ? committed : status;
}

static int64_t count_kept(frozen *f, const reshift_dataset *dataset)
{
    int64_t kept = 0;
    f->dataset = dataset;
    for (int64_t row = 0; row < reshift_dataset_count(dataset); row++) {
        kept += is_kept(f, row);
    }
    return kept;
}

reshift_status frozen_fill(frozen *f, const reshift_dataset *const *sets, int n_sets, const reshift_progress *progress,
                           reshift_error *error)
{
    if (!f->rows) {
        return RESHIFT_OK;
    }
    int64_t n = 0, done = 0, kept = 0, computed = f->computed;
    reshift_status status = RESHIFT_OK;
    for (int s = 0; s < n_sets; s++) {
        n += sets[s] ? reshift_dataset_count(sets[s]) : 0;
    }
    if (n > 0) {
        progress_update(progress, "frozen blocks", 0, n, "images");
    }
    for (int s = 0; status == RESHIFT_OK && s < n_sets; s++) {
        if (sets[s]) {
            status = fill_set(f, sets[s], done, n, progress, error);
            kept += status == RESHIFT_OK ? count_kept(f, sets[s]) : 0;
            done += reshift_dataset_count(sets[s]);
        }
    }
    if (status == RESHIFT_OK && n > 0) {
        progress_update(progress, "frozen blocks", n, n, "images");
        say_how_it_went(f, kept, n, f->computed == computed ? kept : 0, progress);
    }
    return status;
}
