/*
 * The folder of a run: it is locked before anything in it is looked at, and refused when it belongs to something else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_build.h"
#include "base/progress.h"
#include "experiment/manifest.h"
#include "experiment/run.h"

typedef struct looking {
    const char *folder;
    bool empty;
} looking;

static reshift_status folder_is_empty(const char *path, bool *empty, reshift_error *error);

/* Empty folders do not count: a run that was killed at its start leaves them. */
static reshift_status find_entry(void *context, const char *name, reshift_error *error)
{
    looking *l = context;
    bool is_folder = false;
    char *path = path_join(l->folder, name);
    reshift_status status =
        path ? path_is_folder(path, &is_folder, error) : error_memory(error, strlen(name), "a path");
    if (status == RESHIFT_OK && is_folder) {
        bool empty;
        status = folder_is_empty(path, &empty, error);
        is_folder = empty;
    }
    l->empty = l->empty && is_folder;
    free(path);
    return status;
}

static reshift_status folder_is_empty(const char *path, bool *empty, reshift_error *error)
{
    looking l = {path, true};
    reshift_status status = folder_visit(path, find_entry, &l, error);
    *empty = l.empty;
    return status == RESHIFT_ERROR_NOT_FOUND ? RESHIFT_OK : status;
}

/*
 * Opens the folder, making it where it is not there, and locks it: one program a folder at a time. The lock goes with
 * the process, however that ends. A folder that was removed between the two steps is made again.
 */
static reshift_status open_locked(const char *folder, run_hold *f, reshift_error *error)
{
    for (;;) {
        bool there;
        struct stat opened, named;
        reshift_status status = path_is_folder(folder, &there, error);
        if (status == RESHIFT_OK && !there) {
            f->made = true;
            status = folder_create(folder, error);
        }
        if (status != RESHIFT_OK) {
            return status;
        }
        f->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (f->lock < 0) {
            return error_from_errno(error, errno, "cannot open folder '%s'", folder);
        }
        if (flock(f->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            f->made = false;
            error_set(error, RESHIFT_ERROR_IO, "another program is working in '%s'", folder);
            error_hint(error, "wait until it has ended, or choose another folder with --out");
            return RESHIFT_ERROR_IO;
        }
        if (fstat(f->lock, &opened) == 0 && stat(folder, &named) == 0 && opened.st_ino == named.st_ino &&
            opened.st_dev == named.st_dev) {
            return RESHIFT_OK;
        }
        close(f->lock);
        f->lock = -1;
    }
}

void run_folder_close(const char *folder, run_hold *f)
{
    if (f->made) { /* refused before anything was written: rmdir() leaves a folder with files alone */
        rmdir(folder);
    }
    if (f->lock >= 0) {
        close(f->lock);
    }
    *f = (run_hold){.lock = -1};
}

reshift_status run_make_folders(const run *r, reshift_error *error)
{
    static const char *const names[] = {"features", "history",     RUN_PARTS, "pca",
                                        "plots",    "predictions", "split",   "weights"};
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
static reshift_status add_missing_keys(json_t *experiment, reshift_error *error)
{
    bool good = true;
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
            good = usual && json_object_set_new(place, key, json_words(usual)) == 0 && good;
            free(usual);
        }
    }
    return good ? RESHIFT_OK : error_memory(error, 0, "the manifest");
}

static reshift_status fresh_manifest(run *r, reshift_error *error)
{
    r->manifest = json_pack("{s:[]}", "stages");
    return r->manifest ? RESHIFT_OK : error_memory(error, 0, "the manifest");
}

/* Whether the folder is a run's although its manifest says nothing: a run makes these before its manifest. */
static bool looks_like_a_run(const run *r)
{
    static const char *const names[] = {"features", "history", "weights"};
    bool all = true;
    for (size_t i = 0; i < sizeof names / sizeof *names && all; i++) {
        char *path = path_join(r->folder, names[i]);
        all = path && path_is_folder(path, &all, NULL) == RESHIFT_OK && all;
        free(path);
    }
    return all;
}

/* Whether a stage has left a file. Empty folders do not count. */
static reshift_status find_results(const run *r, bool *any, reshift_error *error)
{
    static const char *const names[] = {"features", "history", "weights", "predictions", "pca", "plots"};
    reshift_status status = RESHIFT_OK;
    *any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == RESHIFT_OK && !*any; i++) {
        bool empty = true;
        char *path = path_join(r->folder, names[i]);
        status = path ? folder_is_empty(path, &empty, error) : error_memory(error, strlen(names[i]), "a path");
        *any = !empty;
        free(path);
    }
    return status;
}

/*
 * A manifest that cannot be read, as a crash of the machine leaves one. Which experiment the folder's results belong to
 * is then not known: they are replaced only with `force`. Without results the run starts from the beginning.
 */
static reshift_status lost_manifest(run *r, bool force, const char *why, reshift_error *error)
{
    bool results;
    reshift_status status = find_results(r, &results, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (results && !force) {
        error_set(
            error, RESHIFT_ERROR_EXISTS,
            "folder '%s' holds results, and its manifest is damaged (%s): which experiment they belong to is not known",
            r->folder, why);
        error_hint(error, "choose another folder with --out, or use --force to do all stages again");
        return RESHIFT_ERROR_EXISTS;
    }
    progress_message(r->progress, RESHIFT_LOG_WARNING,
                     "the manifest is damaged (%s): all stages of '%s' are done again", why, r->folder);
    return fresh_manifest(r, error);
}

static reshift_status check_experiment(run *r, reshift_error *error)
{
    json_t *experiment = manifest_experiment(r->all_settings);
    json_t *before = json_object_get(r->manifest, "experiment");
    reshift_status status = experiment ? add_missing_keys(before, error) : error_memory(error, 0, "the manifest");
    if (status == RESHIFT_OK && !json_equal(before, experiment)) {
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

static reshift_status refuse_foreign_files(const run *r, reshift_error *error)
{
    bool empty;
    reshift_status status = folder_is_empty(r->folder, &empty, error);
    if (status == RESHIFT_OK && !empty) {
        error_set(error, RESHIFT_ERROR_EXISTS, "folder '%s' holds files, but no run", r->folder);
        error_hint(error, "choose another with --out, or use --force to write among them");
        status = RESHIFT_ERROR_EXISTS;
    }
    return status;
}

reshift_status run_folder_open(run *r, bool force, run_hold *f, reshift_error *error)
{
    bool is_file;
    *f = (run_hold){.lock = -1};
    reshift_status status = path_is_file(r->folder, &is_file, error);
    if (status == RESHIFT_OK && is_file) {
        return error_set(error, RESHIFT_ERROR_EXISTS, "cannot use '%s' as a run folder: a file is there", r->folder);
    }
    if (status == RESHIFT_OK) {
        status = open_locked(r->folder, f, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    reshift_error own;
    status = manifest_load(r->folder, &r->manifest, &own);
    if (status == RESHIFT_ERROR_FORMAT && own.line > 0 && looks_like_a_run(r)) {
        return lost_manifest(r, force, own.message, error);
    }
    if (status != RESHIFT_OK) {
        if (status == RESHIFT_ERROR_FORMAT) {
            error_hint(&own, "use another folder with --out, or move this one away");
        }
        if (error) {
            *error = own;
        }
        return status;
    }
    if (!r->manifest) {
        status = force ? RESHIFT_OK : refuse_foreign_files(r, error);
        return status == RESHIFT_OK ? fresh_manifest(r, error) : status;
    }
    if (force) {
        return RESHIFT_OK;
    }
    status = manifest_check_layout(r->manifest, r->folder, error);
    if (status == RESHIFT_ERROR_EXISTS) {
        error_hint(error, "choose another folder with --out, or run it again with --force");
    }
    return status == RESHIFT_OK ? check_experiment(r, error) : status;
}
