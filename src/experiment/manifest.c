/* The manifest as a JSON object, and the one question it answers: which stages are still to do. */
#include "experiment/manifest.h"

#include <archive.h>
#include <curl/curlver.h>
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <yaml.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_build.h"
#include "experiment/json_file.h"
#include "reshift/machine.h"
#include "reshift/words.h"

reshift_status manifest_load(const char *folder, json_t **manifest, reshift_error *error)
{
    *manifest = NULL;
    char *path = path_join(folder, "manifest.json");
    if (!path) {
        return error_memory(error, strlen(folder), "a path");
    }
    bool there;
    reshift_status status = path_is_file(path, &there, error);
    if (there) {
        status = json_file_load(path, manifest, error);
        if (status == RESHIFT_OK && (!json_is_object(json_object_get(*manifest, "experiment")) ||
                                     !json_is_array(json_object_get(*manifest, "stages")))) {
            status = error_set(error, RESHIFT_ERROR_FORMAT,
                               "'%s' is no manifest of a reshift run: expected the keys "
                               "'experiment' and 'stages'",
                               path);
            json_decref(*manifest);
            *manifest = NULL;
        }
    }
    free(path);
    return status;
}

reshift_status manifest_save(const char *folder, const json_t *manifest, reshift_error *error)
{
    char *path = path_join(folder, "manifest.json");
    char *text = json_dumps(manifest, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    if (text) {
        reshift_json_shorten(text);
    }
    reshift_status status;
    if (!path || !text) {
        status = error_memory(error, 0, "the manifest");
    } else {
        file_writer writer;
        status = file_writer_open(path, true, &writer, error);
        if (status == RESHIFT_OK) {
            status = file_writer_printf(&writer, error, "%s\n", text);
            if (status == RESHIFT_OK) {
                status = file_writer_commit(&writer, error);
            }
            file_writer_abort(&writer);
        }
    }
    free(text);
    free(path);
    return status;
}

json_t *manifest_experiment(const reshift_experiment *experiment)
{
    json_t *object = json_object();
    for (const setting *row = settings_table(); object && row->path; row++) {
        char *value = setting_value_text(experiment, row);
        char section[64];
        const char *dot = strchr(row->path, '.');
        json_t *place = object;
        if (dot) {
            snprintf(section, sizeof section, "%.*s", (int)(dot - row->path), row->path);
            place = json_object_get(object, section);
            if (!place) {
                json_object_set_new(object, section, json_object());
                place = json_object_get(object, section);
            }
        }
        if (!value || json_object_set_new(place, dot ? dot + 1 : row->path, json_words(value)) != 0) {
            json_decref(object);
            object = NULL;
        }
        free(value);
    }
    return object;
}

json_t *manifest_versions(void)
{
    int major, minor, patch;
    char yaml[32], jansson[32], archive[32];
    yaml_get_version(&major, &minor, &patch);
    snprintf(yaml, sizeof yaml, "%d.%d.%d", major, minor, patch);
    snprintf(jansson, sizeof jansson, "%s", jansson_version_str());
    snprintf(archive, sizeof archive, "%s", archive_version_string());
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "reshift", reshift_version(), "engine",
                     reshift_engine_description(), "libyaml", yaml, "jansson", jansson, "libarchive", archive, "libpng",
                     png_get_libpng_ver(NULL));
}

json_t *manifest_machine(void)
{
    char model[256] = "unknown";
    FILE *cpus = fopen("/proc/cpuinfo", "r");
    if (cpus) {
        char line[256];
        while (fgets(line, sizeof line, cpus)) {
            char *colon = strchr(line, ':');
            if (strncmp(line, "model name", 10) == 0 && colon) {
                snprintf(model, sizeof model, "%s", colon + 1 + strspn(colon + 1, " "));
                model[strcspn(model, "\n")] = '\0';
                break;
            }
        }
        fclose(cpus);
    }
    struct utsname names;
    if (uname(&names) != 0) {
        memset(&names, 0, sizeof names);
    }
    return json_pack("{s:s, s:I, s:i, s:I, s:s+++, s:s}", "processor", model, "processors",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "threads", reshift_threads_count(), "memory_bytes",
                     (json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE), "system", names.sysname, " ",
                     names.release, "", "architecture", names.machine);
}

/* What a stage's record means depends on the layout: one of another program version is not read as this one's. */
reshift_status manifest_check_layout(const json_t *manifest, const char *folder, reshift_error *error)
{
    const json_t *layout = json_object_get(manifest, "layout");
    const json_int_t found = json_integer_value(layout);
    if (json_is_integer(layout) && found == MANIFEST_LAYOUT) {
        return RESHIFT_OK;
    }
    if (json_is_integer(layout)) {
        error_set(error, RESHIFT_ERROR_EXISTS, "folder '%s' holds a run of %s reshift: expected layout %d, found %lld",
                  folder, found < MANIFEST_LAYOUT ? "an older" : "a newer", MANIFEST_LAYOUT, (long long)found);
    } else {
        error_set(error, RESHIFT_ERROR_EXISTS, "folder '%s': its manifest names no layout, expected layout %d", folder,
                  MANIFEST_LAYOUT);
    }
    return RESHIFT_ERROR_EXISTS;
}

/* ---- records of stages ---- */

static json_t *find_stage(const json_t *manifest, const char *stage, size_t *place)
{
    json_t *stages = json_object_get(manifest, "stages"), *record;
    size_t index;
    json_array_foreach(stages, index, record)
    {
        const char *name = json_string_value(json_object_get(record, "stage"));
        if (name && strcmp(name, stage) == 0) {
            *place = index;
            return record;
        }
    }
    return NULL;
}

manifest_state manifest_stage_state(const json_t *manifest, const char *folder, const char *stage, const char *key,
                                    bool verify, char file[256])
{
    size_t place;
    const json_t *record = find_stage(manifest, stage, &place);
    file[0] = '\0';
    if (!record) {
        return STAGE_NEW;
    }
    const char *recorded = json_string_value(json_object_get(record, "key"));
    if (!recorded || strcmp(recorded, key) != 0) {
        return STAGE_CHANGED;
    }
    json_t *files = json_object_get(record, "files"), *entry;
    size_t index;
    json_array_foreach(files, index, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "path"));
        const char *expected = json_string_value(json_object_get(entry, "sha256"));
        char hex[DIGEST_HEX_BYTES];
        char *path = name ? path_join(folder, name) : NULL;
        struct stat facts;
        bool good =
            path && expected && stat(path, &facts) == 0 &&
            (!verify || (facts.st_size == (off_t)json_integer_value(json_object_get(entry, "bytes")) &&
                         digest_file(DIGEST_SHA256, path, hex, NULL) == RESHIFT_OK && strcmp(hex, expected) == 0));
        free(path);
        if (!good) {
            snprintf(file, 256, "%s", name ? name : "?");
            return STAGE_DAMAGED;
        }
    }
    return STAGE_DONE;
}

void manifest_stage_forget(json_t *manifest, const char *stage)
{
    size_t place;
    if (find_stage(manifest, stage, &place)) {
        json_array_remove(json_object_get(manifest, "stages"), place);
    }
}

/* The record of one file. */
static reshift_status add_file(json_t *files, const char *folder, const char *name, reshift_error *error)
{
    char hex[DIGEST_HEX_BYTES];
    struct stat facts;
    char *path = path_join(folder, name);
    reshift_status status =
        path ? digest_file(DIGEST_SHA256, path, hex, error) : error_memory(error, strlen(folder), "a path");
    if (status == RESHIFT_OK && stat(path, &facts) != 0) {
        status = error_from_errno(error, errno, "cannot look at '%s'", path);
    }
    if (status == RESHIFT_OK &&
        json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "path", name, "bytes", (json_int_t)facts.st_size,
                                               "sha256", hex)) != 0) {
        status = error_memory(error, 0, "the manifest");
    }
    free(path);
    return status;
}

typedef struct whole_folder {
    const char *folder, *below; /* files of FOLDER/BELOW */
    const char *const *outputs; /* these are recorded already */
    char **names;
    int n;
} whole_folder;

static reshift_status collect_file(void *context, const char *name, reshift_error *error)
{
    whole_folder *w = context;
    char *relative = path_join(w->below, name);
    for (int i = 0; relative && w->outputs[i]; i++) {
        if (strcmp(w->outputs[i], relative) == 0) {
            free(relative);
            return RESHIFT_OK;
        }
    }
    bool is_file = false;
    char *path = relative ? path_join(w->folder, relative) : NULL;
    reshift_status status = path ? path_is_file(path, &is_file, error) : error_memory(error, strlen(name), "a path");
    if (is_file) {
        char **more = realloc(w->names, ((size_t)w->n + 1) * sizeof *more);
        w->names = more ? more : w->names;
        status = more ? RESHIFT_OK : error_memory(error, strlen(name), "names of files");
        if (more) {
            w->names[w->n++] = relative;
            relative = NULL;
        }
    }
    free(relative);
    free(path);
    return status;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The other files of a folder that belongs to the stage as a whole, in order of their names. */
static reshift_status add_folder(json_t *files, const char *folder, const char *below, const char *const *outputs,
                                 reshift_error *error)
{
    whole_folder w = {.folder = folder, .below = below, .outputs = outputs};
    char *path = path_join(folder, below);
    reshift_status status =
        path ? folder_visit(path, collect_file, &w, error) : error_memory(error, strlen(below), "a path");
    if (w.n > 0) {
        qsort(w.names, (size_t)w.n, sizeof *w.names, compare_names);
    }
    for (int i = 0; i < w.n; i++) {
        status = status == RESHIFT_OK ? add_file(files, folder, w.names[i], error) : status;
        free(w.names[i]);
    }
    free(w.names);
    free(path);
    return status;
}

/* Lines of facts <-> an object of texts. NULL: out of memory. */
static json_t *facts_object(const char *lines)
{
    json_t *object = json_object();
    for (const char *line = lines; object && *line; line += strcspn(line, "\n") + 1) {
        const size_t n_name = strcspn(line, "\t"), n_value = strcspn(line + n_name + 1, "\n");
        char *name = strndup(line, n_name);
        json_t *value = json_stringn(line + n_name + 1, n_value);
        if (!name || json_object_set_new(object, name, value) != 0) {
            json_decref(object);
            object = NULL;
        }
        free(name);
    }
    return object;
}

void manifest_stage_difference(const json_t *manifest, const char *stage, const fact_list *now, char *text, size_t size)
{
    size_t place, n;
    const json_t *record = find_stage(manifest, stage, &place);
    json_t *object = json_object_get(record, "depends_on"), *value;
    const char *name;
    char *lines = NULL;
    FILE *out = json_is_object(object) ? open_memstream(&lines, &n) : NULL;
    if (out) {
        json_object_foreach(object, name, value)
        {
            fprintf(out, "%s\t%s\n", name, json_string_value(value) ? json_string_value(value) : "");
        }
        if (fclose(out) == 0) {
            facts_difference(now, lines, text, size);
        }
    }
    free(lines);
}

reshift_status manifest_stage_done(json_t *manifest, const char *folder, const manifest_record *done,
                                   reshift_error *error)
{
    json_t *files = json_array(), *depends_on = NULL;
    reshift_status status = files ? RESHIFT_OK : error_memory(error, 0, "the manifest");
    for (int i = 0; done->outputs[i] && status == RESHIFT_OK; i++) {
        status = add_file(files, folder, done->outputs[i], error);
    }
    if (done->whole && status == RESHIFT_OK) {
        status = add_folder(files, folder, done->whole, done->outputs, error);
    }
    if (status == RESHIFT_OK) {
        depends_on = facts_object(facts_text(done->depends_on));
        status = depends_on ? RESHIFT_OK : error_memory(error, 0, "the manifest");
    }
    if (status == RESHIFT_OK) {
        char now[32];
        time_t seconds_now = time(NULL);
        struct tm parts;
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds_now, &parts));
        json_t *record =
            json_pack("{s:s, s:s, s:O, s:s, s:f, s:i, s:I, s:O}", "stage", done->stage, "key", done->key, "depends_on",
                      depends_on, "finished", now, "seconds", done->seconds, "threads", reshift_threads_count(),
                      "peak_memory_bytes", (json_int_t)reshift_peak_memory_bytes(), "files", files);
        manifest_stage_forget(manifest, done->stage);
        if (!record || json_array_append_new(json_object_get(manifest, "stages"), record) != 0) {
            status = error_memory(error, 0, "the manifest");
        }
    }
    json_decref(depends_on);
    json_decref(files);
    return status;
}

reshift_status manifest_stage_refresh(const char *folder, const char *stage, reshift_error *error)
{
    size_t place;
    json_t *manifest = NULL, *files = json_array(), *entry;
    reshift_status status = files ? manifest_load(folder, &manifest, error) : error_memory(error, 0, "the manifest");
    json_t *record = status == RESHIFT_OK && manifest ? find_stage(manifest, stage, &place) : NULL;
    if (record) {
        size_t i;
        json_array_foreach(json_object_get(record, "files"), i, entry)
        {
            const char *name = json_string_value(json_object_get(entry, "path"));
            status = status == RESHIFT_OK && name ? add_file(files, folder, name, error) : status;
        }
        if (status == RESHIFT_OK && json_object_set(record, "files", files) != 0) {
            status = error_memory(error, 0, "the manifest");
        }
        if (status == RESHIFT_OK) {
            status = manifest_save(folder, manifest, error);
        }
    }
    json_decref(files);
    json_decref(manifest);
    return status;
}
