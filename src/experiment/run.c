/*
 * A run: opens the inputs, makes sure the folder is this experiment's, and walks the table of stages, doing what is not
 * recorded in the manifest. The manifest is written after every stage, so a run that is killed at any point is taken up
 * at the stage it was in; within long stages, chunks and checkpoints below .reshift-parts/ are taken up too.
 */
#include "experiment/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "experiment/stages/borrow.h"
#include "experiment/manifest.h"

/* What a stage keeps until it is done. The name is the run's own: a user's folder cannot have it by chance. */
static void remove_parts(const run *r, const char *key)
{
    char relative[64];
    bool there = false;
    snprintf(relative, sizeof relative, RUN_PARTS "%s%.16s", key ? "/" : "", key ? key : "");
    char *path = path_join(r->folder, relative);
    if (path && path_is_folder(path, &there, NULL) == RESHIFT_OK && there) {
        folder_remove(path, NULL);
    }
    free(path);
}

/* Rows that another experiment in this folder held out. */
static void remove_stale(const run *r, const stage *one)
{
    char *path = one->validation && r->opened.n_held_out == 0 ? path_join(r->folder, one->validation) : NULL;
    if (path) {
        unlink(path);
    }
    free(path);
}

/* A recorded stage whose key has changed may only be replaced on request; then its record goes at once. */
static reshift_status check_records(run *r, bool force, reshift_error *error)
{
    for (int s = 0; s < STAGE_COUNT; s++) {
        char file[256];
        const stage *one = &run_stages()[s];
        if (!run_applies(r, (stage_name)s)) {
            manifest_stage_forget(r->manifest, one->name);
            continue;
        }
        manifest_state state = manifest_stage_state(r->manifest, r->folder, one->name, r->keys[s], false, file);
        char why[256] = "";
        if (state == STAGE_CHANGED) {
            manifest_stage_difference(r->manifest, one->name, r->depends_on[s], why, sizeof why);
        }
        if (state == STAGE_CHANGED && !force) {
            error_set(error, RESHIFT_ERROR_EXISTS,
                      "folder '%s': stage '%s' was done with other data, weights or an older reshift%s%s", r->folder,
                      one->name, why[0] ? ": " : "", why);
            error_hint(error, "choose another folder with --out, or use --force to do it again");
            return RESHIFT_ERROR_EXISTS;
        }
        if (state == STAGE_CHANGED) {
            if (why[0]) {
                progress_message(r->progress, RESHIFT_LOG_INFO, "stage '%s' is done again: %s", one->name, why);
            }
            manifest_stage_forget(r->manifest, one->name);
        }
    }
    return RESHIFT_OK;
}

static reshift_status record_stage(run *r, int s, double seconds, reshift_error *error)
{
    const char *outputs[RUN_OUTPUTS_MOST];
    const stage *one = &run_stages()[s];
    run_outputs(r, one, outputs);
    const manifest_record record = {one->name, r->keys[s], r->depends_on[s], outputs, one->folder, seconds};
    return manifest_stage_done(r->manifest, r->folder, &record, error);
}

static reshift_status do_stage(run *r, int s, int number, int total, reshift_error *error)
{
    const stage *one = &run_stages()[s];
    char file[256];
    manifest_state state = manifest_stage_state(r->manifest, r->folder, one->name, r->keys[s], true, file);
    if (state == STAGE_DONE) {
        progress_message(r->progress, RESHIFT_LOG_INFO, "[%d/%d] %s: done before, nothing has changed", number, total,
                         one->about);
        return RESHIFT_OK;
    }
    progress_message(r->progress, RESHIFT_LOG_INFO, "[%d/%d] %s", number, total, one->about);
    remove_stale(r, one);
    if (state == STAGE_DAMAGED) {
        progress_message(r->progress, RESHIFT_LOG_WARNING, "'%s/%s' is missing or has been changed: '%s' is done again",
                         r->folder, file, one->name);
    }
    manifest_stage_forget(r->manifest, one->name);
    double start = clock_seconds();
    reshift_status status = progress_check(r->progress, error);
    if (status == RESHIFT_OK && !one->folder && run_borrow(r, one, r->keys[s], r->siblings, r->n_siblings)) {
        progress_message(r->progress, RESHIFT_LOG_INFO, "the same as in another study: taken from there");
    } else if (status == RESHIFT_OK) {
        reads_begin_stage(r, (stage_name)s);
        status = one->work(r, error);
        const reshift_status read = reads_end(r, status == RESHIFT_OK ? error : NULL);
        status = status == RESHIFT_OK ? read : status;
    }
    if (status == RESHIFT_OK) {
        status = record_stage(r, s, clock_seconds() - start, error);
    }
    if (status == RESHIFT_OK) {
        status = manifest_save(r->folder, r->manifest, error);
    }
    if (status == RESHIFT_OK) {
        remove_parts(r, r->keys[s]);
    } else if (status == RESHIFT_ERROR_CANCELLED && error && !error->hint[0]) { /* else a repetition may fail alike */
        error_hint(error, "the same command goes on where this run stopped");
    }
    return status;
}

static void warn_of_leaks(const run *r)
{
    const reshift_split *s = &r->opened.split;
    if (s->kind == RESHIFT_SPLIT_BY_ROW && s->n_test_images > 0 && s->n_test > 0) {
        progress_message(r->progress, RESHIFT_LOG_WARNING,
                         "split by-row leaks: %.1f %% of the test rows are trained on, and %.1f %% of the test images "
                         "have a version in training; what is measured after fine-tuning is not what new images would "
                         "show (split: by-image is)",
                         100.0 * (double)s->n_test_rows_seen / (double)s->n_test,
                         100.0 * (double)s->n_test_images_seen / (double)s->n_test_images);
    }
}

static reshift_status walk(run *r, bool force, reshift_error *error)
{
    int total = 0, number = 0;
    reshift_status status = run_make_keys(r, error);
    if (status == RESHIFT_OK) {
        status = check_records(r, force, error);
    }
    if (status == RESHIFT_OK) {
        status = folder_remove_leftovers(r->folder, error); /* of killed runs: what a living process writes stays */
    }
    if (status == RESHIFT_OK) {
        status = run_make_folders(r, error);
    }
    if (status == RESHIFT_OK) {
        status = run_begin_manifest(r, error);
    }
    if (status == RESHIFT_OK) {
        warn_of_leaks(r);
    }
    for (int s = 0; s < STAGE_COUNT; s++) {
        total += run_applies(r, (stage_name)s);
    }
    for (int s = 0; s < STAGE_COUNT && status == RESHIFT_OK; s++) {
        if (run_applies(r, (stage_name)s)) {
            status = do_stage(r, s, ++number, total, error);
        }
    }
    if (status == RESHIFT_OK) {
        remove_parts(r, NULL);
    }
    return status;
}

static reshift_precision precision_here(const reshift_experiment *experiment, const reshift_progress *progress)
{
    reshift_precision wanted = (reshift_precision)experiment->input.precision;
    reshift_precision here = reshift_precision_here(wanted, false);
    if (here != wanted) {
        progress_message(progress, wanted == RESHIFT_PRECISION_AUTO ? RESHIFT_LOG_INFO : RESHIFT_LOG_WARNING,
                         "precision %s: this processor computes in %s", reshift_precision_name(wanted),
                         reshift_precision_name(here));
    }
    return here;
}

void reshift_run_options_default(reshift_run_options *options) { *options = (reshift_run_options){.force = false}; }

reshift_status reshift_experiment_run(const reshift_experiment *experiment, const reshift_run_options *options,
                                      const reshift_progress *progress, reshift_error *error)
{
    reshift_run_options defaults;
    reshift_run_options_default(&defaults);
    options = options ? options : &defaults;
    char *usual = options->folder ? NULL : path_join("runs", experiment->name);
    reshift_experiment resolved = *experiment; /* stages and the manifest name the precision that it comes to here */
    resolved.input.precision = (int)precision_here(experiment, progress);
    run_reads reads = {0};
    run_hold folder = {.lock = -1};
    run r = {.all_settings = &resolved,
             .reads = &reads,
             .folder = options->folder ? options->folder : usual,
             .data_dir = options->data_dir,
             .progress = progress,
             .siblings = options->siblings,
             .n_siblings = options->n_siblings};
    reshift_status status = r.folder ? RESHIFT_OK : error_memory(error, 0, "a path");
    if (status == RESHIFT_OK) {
        status = run_folder_open(&r, options->force, &folder, error);
    }
    if (status == RESHIFT_OK) {
        status = run_open(&r, error);
    }
    if (status == RESHIFT_OK) {
        status = walk(&r, options->force, error);
    }
    if (r.folder) {
        run_folder_close(r.folder, &folder);
    }
    run_close(&r);
    free(usual);
    return status;
}
