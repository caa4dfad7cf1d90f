/*
 * A run: opens the inputs, makes sure the folder is this experiment's, and walks the table of stages, doing what is not
 * recorded in the manifest. The manifest is written after every stage, so a run that is killed at any point is taken up
 * at the stage it was in; within long stages, chunks and checkpoints below .reshift-parts/ are taken up too.
 */
#include "experiment/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "experiment/borrow.h"
#include "experiment/manifest.h"

/* ---- the folder ---- */

static reshift_status find_entry(void *context, const char *name, reshift_error *error)
{
    (void)name;
    (void)error;
    *(bool *)context = false;
    return RESHIFT_OK;
}

static reshift_status folder_is_empty(const char *path, bool *empty, reshift_error *error)
{
    *empty = true;
    reshift_status status = folder_visit(path, find_entry, empty, error);
    return status == RESHIFT_ERROR_NOT_FOUND ? RESHIFT_OK : status;
}

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

/* One program a folder at a time. The lock goes with the process, however that ends. */
static reshift_status lock_folder(const char *folder, int *lock, reshift_error *error)
{
    *lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0) {
        return error_from_errno(error, errno, "cannot open folder '%s'", folder);
    }
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(*lock);
        *lock = -1;
        return error_set(error, RESHIFT_ERROR_IO, "another program is working in '%s'", folder);
    }
    return RESHIFT_OK;
}

static reshift_status make_folders(const run *r, reshift_error *error)
{
    static const char *const names[] = {"features", "history", RUN_PARTS, "pca", "plots", "predictions", "split", "weights"};
    reshift_status status = RESHIFT_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == RESHIFT_OK; i++) {
        char *path;
        status = run_path(r, names[i], &path, error);
        if (status == RESHIFT_OK) {
            status = folder_create(path, error);
        }
        free(path);
    }
    return status;
}

/* The first key in which two resolved experiments differ, or "". */
static void first_difference(const json_t *before, const json_t *now, char text[256])
{
    text[0] = '\0';
    for (const setting *row = settings_table(); row->path && !text[0]; row++) {
        const char *dot = strchr(row->path, '.');
        char section[64];
        const json_t *a = before, *b = now;
        if (dot) {
            snprintf(section, sizeof section, "%.*s", (int)(dot - row->path), row->path);
            a = json_object_get(before, section);
            b = json_object_get(now, section);
        }
        const char *x = json_string_value(json_object_get(a, dot ? dot + 1 : row->path));
        const char *y = json_string_value(json_object_get(b, dot ? dot + 1 : row->path));
        if (!x || !y || strcmp(x, y) != 0) {
            snprintf(text, 256, "'%s' was %.80s and is %.80s", row->path, x ? x : "not set", y ? y : "not set");
        }
    }
}

/* A run of an older program, which had fewer keys: it ran as the defaults of the others say. */
static void add_missing_keys(json_t *experiment)
{
    for (const setting *row = settings_table(); json_is_object(experiment) && row->path; row++) {
        const char *dot = strchr(row->path, '.');
        char section[64] = "";
        json_t *place = experiment;
        if (dot) {
            snprintf(section, sizeof section, "%.*s", (int)(dot - row->path), row->path);
            place = json_object_get(experiment, section);
        }
        const char *key = dot ? dot + 1 : row->path;
        if (json_is_object(place) && !json_object_get(place, key)) {
            char *usual = setting_default_text(row);
            json_object_set_new(place, key, usual ? json_string(usual) : NULL);
            free(usual);
        }
    }
}

/* Loads the manifest, if any, and refuses a folder that belongs to something else. */
static reshift_status check_folder(run *r, bool force, reshift_error *error)
{
    bool is_file, empty = true;
    reshift_status status = path_is_file(r->folder, &is_file, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (is_file) {
        return error_set(error, RESHIFT_ERROR_EXISTS, "cannot use '%s' as a run folder: a file is there", r->folder);
    }
    status = manifest_load(r->folder, &r->manifest, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (!r->manifest) {
        status = folder_is_empty(r->folder, &empty, error);
        if (status != RESHIFT_OK) {
            return status;
        }
        if (!force && !empty) {
            error_set(error, RESHIFT_ERROR_EXISTS, "folder '%s' holds files, but no run", r->folder);
            error_hint(error, "choose another with --out, or use --force to write among them");
            return RESHIFT_ERROR_EXISTS;
        }
        r->manifest = json_pack("{s:[]}", "stages");
        return r->manifest ? RESHIFT_OK : error_memory(error, 0, "the manifest");
    }
    json_t *experiment = manifest_experiment(r->all_settings);
    json_t *before = json_object_get(r->manifest, "experiment");
    add_missing_keys(before);
    if (!experiment) {
        status = error_memory(error, 0, "the manifest");
    } else if (!force && !json_equal(before, experiment)) {
        char difference[256];
        first_difference(before, experiment, difference);
        error_set(error, RESHIFT_ERROR_EXISTS, "folder '%s' holds a run of another experiment: %s", r->folder,
                  difference[0] ? difference : "its keys differ");
        error_hint(error, "choose another with --out, or use --force to replace what has changed");
        status = RESHIFT_ERROR_EXISTS;
    }
    json_decref(experiment);
    return status;
}

/* ---- what the manifest says beside the stages ---- */

static json_t *describe_set(const char *spec, const reshift_dataset *dataset, const char *identity)
{
    json_t *set =
        json_pack("{s:s, s:s, s:I, s:i, s:b, s:s}", "data", spec, "kind", reshift_dataset_kind(dataset), "rows",
                  (json_int_t)reshift_dataset_count(dataset), "classes", reshift_dataset_n_classes(dataset),
                  "from_file", reshift_dataset_from_file(dataset), "sha256", identity);
    if (set && reshift_dataset_corruption(dataset)) {
        const int quality = reshift_dataset_jpeg(dataset);
        int resize;
        const int crop = reshift_dataset_corrupted_crop(dataset, &resize);
        const reshift_constants constants = reshift_dataset_constants(dataset);
        if (constants != RESHIFT_CONSTANTS_AUTO) {
            json_object_set_new(set, "constants",
                                json_string(constants == RESHIFT_CONSTANTS_CIFAR ? "cifar" : "imagenet"));
            json_object_set_new(set, "corrupted_at", crop > 0 ? json_pack("{s:i, s:i}", "resize", resize, "crop", crop)
                                                              : json_string("native"));
        }
        json_object_set_new(set, "jpeg_quality", json_integer(quality));
    }
    if (set && reshift_dataset_n_skipped(dataset) > 0) {
        json_object_set_new(set, "images_left_out", json_integer((json_int_t)reshift_dataset_n_skipped(dataset)));
    }
    if (set && reshift_dataset_note(dataset)) {
        json_object_set_new(set, "note", json_string(reshift_dataset_note(dataset)));
    }
    return set;
}

static json_t *describe_inputs(const run *r)
{
    const reshift_experiment *e = r->all_settings;
    json_t *inputs = json_object();
    if (r->opened.source) {
        json_object_set_new(inputs, "pretraining_set",
                            describe_set("demo-source", r->opened.source, r->identities[INPUT_PRETRAIN]));
    } else {
        json_object_set_new(inputs, "weights",
                            json_pack("{s:s, s:s, s:s}", "weights", e->model.weights, "path", r->weights_path, "sha256",
                                      r->identities[INPUT_WEIGHTS]));
    }
    json_object_set_new(inputs, "training_set", describe_set(e->source.data, r->opened.train, r->identities[INPUT_TRAIN]));
    json_object_set_new(inputs, "test_set", describe_set(e->source.data, r->opened.test, r->identities[INPUT_TEST]));
    json_object_set_new(inputs, "shifted_set", describe_set(e->shift.data, r->opened.shift, r->identities[INPUT_SHIFT]));
    if (r->opened.shifted_train) {
        json_object_set_new(
            inputs, "fine_tuning_set",
            describe_set(r->opened.paired ? e->source.data : e->shift.data, r->opened.shifted_train, r->identities[INPUT_ROWS]));
    }
    return inputs;
}

static json_t *describe_split(const run *r)
{
    const reshift_split *s = &r->opened.split;
    const int64_t monitored = r->all_settings->finetune.monitor < s->n_test ? r->all_settings->finetune.monitor : s->n_test;
    json_t *split = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "kind",
                              s->kind == RESHIFT_SPLIT_APART      ? "apart"
                              : s->kind == RESHIFT_SPLIT_BY_IMAGE ? "by-image"
                                                                  : "by-row",
                              "train_rows", (json_int_t)s->n_train, "test_rows", (json_int_t)s->n_test,
                              "monitored_rows", (json_int_t)monitored, "images", (json_int_t)s->n_images, "images_seen",
                              (json_int_t)s->n_images_seen, "test_rows_seen", (json_int_t)s->n_test_rows_seen,
                              "test_rows_image_seen", (json_int_t)s->n_test_rows_image_seen, "test_images",
                              (json_int_t)s->n_test_images, "test_images_seen", (json_int_t)s->n_test_images_seen,
                              "train_rows_file", "split/train-rows.npy", "test_rows_file", "split/test-rows.npy");
    if (split && r->opened.n_held_out > 0) { /* train_rows are all that fine-tuning sees: these too */
        json_object_set_new(split, "validation_rows", json_integer((json_int_t)r->opened.n_held_out));
        json_object_set_new(split, "validation_rows_file", json_string("split/validation-rows.npy"));
    }
    return split;
}

static json_t *describe_classes(const reshift_dataset *dataset)
{
    json_t *names = json_array();
    for (int label = 0; label < reshift_dataset_n_classes(dataset); label++) {
        const char *name = reshift_dataset_class_name(dataset, label);
        json_array_append_new(names, name ? json_string(name) : json_null());
    }
    return names;
}

static reshift_status begin_manifest(run *r, reshift_error *error)
{
    json_t *m = r->manifest;
    /* set in this order in a fresh manifest; "stages" is moved to the end */
    json_t *stages = json_incref(json_object_get(m, "stages"));
    json_object_clear(m);
    bool good =
        json_object_set_new(m, "layout", json_integer(MANIFEST_LAYOUT)) == 0 &&
        json_object_set_new(m, "experiment", manifest_experiment(r->all_settings)) == 0 &&
        json_object_set_new(m, "inputs", describe_inputs(r)) == 0 &&
        json_object_set_new(m, "classes", describe_classes(r->opened.test)) == 0 &&
        json_object_set_new(m, "versions", manifest_versions()) == 0 &&
        json_object_set_new(m, "machine", manifest_machine()) == 0 &&
        json_object_set_new(m, "seeds", json_pack("{s:I}", "experiment", (json_int_t)r->all_settings->seed)) == 0 &&
        json_object_set_new(m, "split", describe_split(r)) == 0 && json_object_set_new(m, "stages", stages) == 0;
    return good ? manifest_save(r->folder, m, error) : error_memory(error, 0, "the manifest");
}

/* ---- the walk ---- */

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
        manifest_state state = manifest_stage_state(r->manifest, r->folder, one->name, r->keys[s], true, file);
        if (state == STAGE_CHANGED && !force) {
            error_set(error, RESHIFT_ERROR_EXISTS,
                      "folder '%s': stage '%s' was done with other data, weights or an older reshift", r->folder,
                      one->name);
            error_hint(error, "choose another folder with --out, or use --force to do it again");
            return RESHIFT_ERROR_EXISTS;
        }
        if (state == STAGE_CHANGED) {
            manifest_stage_forget(r->manifest, one->name);
        }
    }
    return RESHIFT_OK;
}

static reshift_status do_stage(run *r, int s, int number, int total, reshift_error *error)
{
    const stage *one = &run_stages()[s];
    const char *outputs[RUN_OUTPUTS_MOST];
    char file[256];
    manifest_state state = manifest_stage_state(r->manifest, r->folder, one->name, r->keys[s], one->by_existence, file);
    if (state == STAGE_DONE) {
        progress_message(r->progress, RESHIFT_LOG_INFO, "[%d/%d] %s: done before, nothing has changed", number, total,
                         one->about);
        return RESHIFT_OK;
    }
    progress_message(r->progress, RESHIFT_LOG_INFO, "[%d/%d] %s", number, total, one->about);
    run_outputs(r, one, outputs);
    remove_stale(r, one);
    if (state == STAGE_DAMAGED) {
        progress_message(r->progress, RESHIFT_LOG_WARNING, "'%s/%s' is missing or has been changed: '%s' is done again",
                         r->folder, file, one->name);
    }
    manifest_stage_forget(r->manifest, one->name);
    double start = clock_seconds();
    reshift_status status = progress_check(r->progress, error);
    if (status == RESHIFT_OK && !one->by_existence && run_borrow(r, one, r->keys[s], r->siblings, r->n_siblings)) {
        progress_message(r->progress, RESHIFT_LOG_INFO, "the same as in another study: taken from there");
    } else if (status == RESHIFT_OK) {
        reads_begin_stage(r, (stage_name)s);
        status = one->work(r, error);
        const reshift_status read = reads_end(r, status == RESHIFT_OK ? error : NULL);
        status = status == RESHIFT_OK ? read : status;
    }
    if (status == RESHIFT_OK) {
        status =
            manifest_stage_done(r->manifest, r->folder, one->name, r->keys[s], outputs, clock_seconds() - start, error);
    }
    if (status == RESHIFT_OK) {
        status = manifest_save(r->folder, r->manifest, error);
    }
    if (status == RESHIFT_OK) {
        remove_parts(r, r->keys[s]);
    } else if (error && !error->hint[0]) {
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
    int total = 0, number = 0, lock = -1;
    reshift_status status = run_make_keys(r, error);
    if (status == RESHIFT_OK) {
        status = check_records(r, force, error);
    }
    if (status == RESHIFT_OK) {
        status = folder_create(r->folder, error);
    }
    if (status == RESHIFT_OK) {
        status = lock_folder(r->folder, &lock, error);
    }
    if (status == RESHIFT_OK) {
        status = folder_remove_leftovers(r->folder, error); /* of killed runs: what a living process writes stays */
    }
    if (status == RESHIFT_OK) {
        status = make_folders(r, error);
    }
    if (status == RESHIFT_OK) {
        status = begin_manifest(r, error);
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
    if (lock >= 0) {
        close(lock);
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

reshift_status reshift_experiment_run(const reshift_experiment *experiment, const reshift_run_options *options,
                                      const reshift_progress *progress, reshift_error *error)
{
    char *usual = options->folder ? NULL : path_join("runs", experiment->name);
    reshift_experiment resolved = *experiment; /* stages and the manifest name the precision that it comes to here */
    resolved.input.precision = (int)precision_here(experiment, progress);
    run_reads reads = {0};
    run r = {.all_settings = &resolved,
             .reads = &reads,
             .folder = options->folder ? options->folder : usual,
             .data_dir = options->data_dir,
             .progress = progress,
             .siblings = options->siblings,
             .n_siblings = options->n_siblings};
    reshift_status status = r.folder ? RESHIFT_OK : error_memory(error, 0, "a path");
    if (status == RESHIFT_OK) {
        status = check_folder(&r, options->force, error);
    }
    if (status == RESHIFT_OK) {
        status = run_open(&r, error);
    }
    if (status == RESHIFT_OK) {
        status = walk(&r, options->force, error);
    }
    run_close(&r);
    free(usual);
    return status;
}
