/*
 * The last stage: plots and report.html, from nothing but the files of a run folder, so that `reshift report` can draw
 * a finished run again anywhere. Nothing here reads a clock or asks about the machine; equal folders give equal pages.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "experiment/manifest.h"
#include "experiment/page/report_drawing.h"
#include "experiment/run.h"

reshift_status drawing_path(const drawing *d, const char *name, char **path, reshift_error *error)
{
    *path = path_join(d->folder, name);
    return *path ? RESHIFT_OK : error_memory(error, strlen(name), "a path");
}

static reshift_status load_history(const drawing *d, const char *name, reshift_history *history, reshift_error *error)
{
    char *path;
    reshift_status status = drawing_path(d, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_history_load_csv(path, history, error);
    }
    for (int i = 0; status == RESHIFT_OK && i < history->n_epochs; i++) {
        history->epochs[i].seconds = 0; /* the data beside a plot holds no times */
    }
    free(path);
    return status;
}

static void drawing_clean(drawing *d)
{
    json_decref(d->manifest);
    json_decref(d->separation);
    free(d->settings);
    free(d->class_names);
    free(d->rows);
    free(d->measurements);
    reshift_history_destroy(&d->probe);
    reshift_history_destroy(&d->finetune);
    reshift_model_destroy(&d->model);
    adapted_clean(&d->adapted);
    moved_clean(&d->moved);
    for (int i = 0; i < PANEL_COUNT; i++) {
        reshift_array_destroy(&d->coordinates[i]);
    }
    for (int i = 0; i < 2; i++) {
        reshift_array_destroy(&d->labels[i]);
        reshift_array_destroy(&d->seen[i]);
        free(d->plain_labels[i]);
    }
    for (int i = 0; i < 6; i++) {
        free(d->plots[i]);
    }
}

static reshift_status draw_report(const char *run_folder, const reshift_progress *progress, reshift_error *error)
{
    drawing d = {.folder = run_folder, .progress = progress};
    char *path = NULL;
    reshift_status status = manifest_load(run_folder, &d.manifest, error);
    if (status == RESHIFT_OK && !d.manifest) {
        error_set(error, RESHIFT_ERROR_NOT_FOUND, "'%s' is no run folder: no manifest.json is there", run_folder);
        error_hint(error, "'reshift run EXPERIMENT' makes one");
        return RESHIFT_ERROR_NOT_FOUND;
    }
    if (status == RESHIFT_OK) {
        status = manifest_check_layout(d.manifest, run_folder, error);
    }
    if (status == RESHIFT_ERROR_FORMAT || status == RESHIFT_ERROR_EXISTS) {
        error_hint(error,
                   "'reshift run EXPERIMENT' does the study again, in another folder or with --force in this one");
    }
    if (status == RESHIFT_OK) {
        status = drawing_describe_measurements(&d, error); /* the first to say that a run is not finished */
    }
    if (status == RESHIFT_OK) {
        status = drawing_path(&d, "weights/finetuned.safetensors", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_load(path, NULL, &d.model, error);
    }
    free(path);
    path = NULL;
    if (status == RESHIFT_OK) {
        status = load_history(&d, "history/probe.csv", &d.probe, error);
    }
    if (status == RESHIFT_OK) {
        status = load_history(&d, "history/finetune.csv", &d.finetune, error);
    }
    if (status == RESHIFT_OK) {
        status = drawing_describe_study(&d, error);
    }
    if (status == RESHIFT_OK && strcmp(drawing_setting(&d, "adapt", "method"), "none") != 0 &&
        drawing_setting(&d, "adapt", "method")[0]) {
        status = adapted_read(run_folder, &d.adapted, &d.content, error);
    }
    if (status == RESHIFT_OK) {
        status = moved_read(run_folder, drawing_setting(&d, "finetune", "train"),
                            drawing_setting(&d, "finetune", "batchnorm"), &d.moved, &d.content, error);
    }
    if (status == RESHIFT_OK) {
        status = drawing_describe_panels(&d, error);
    }
    if (status == RESHIFT_OK) {
        status = drawing_draw_plots(&d, error);
    }
    if (status == RESHIFT_OK) {
        status = drawing_path(&d, "report.html", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = report_write(&d.content, path, true, error);
    }
    free(path);
    drawing_clean(&d);
    return status;
}

reshift_status stage_report(run *r, reshift_error *error) { return draw_report(r->folder, r->progress, error); }

/* The run's record of its page is brought up to date, unless a run is at work there: it makes a record of its own. */
reshift_status reshift_report_write(const char *run_folder, const reshift_progress *progress, reshift_error *error)
{
    reshift_status status = draw_report(run_folder, progress, error);
    const int lock = status == RESHIFT_OK ? open(run_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0) {
        status = manifest_stage_refresh(run_folder, run_stages()[STAGE_REPORT].name, error);
    }
    if (lock >= 0) {
        close(lock);
    }
    return status;
}
