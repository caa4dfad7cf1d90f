/*
 * Names of published weights ("resnet50", "resnet50@v2"; V1 without a version) and the files that may hold them: the
 * name itself as safetensors, then the file names in the table of architectures.
 */
#include "models/weights/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "models/architectures/architecture.h"
#include "reshift/dataset.h"
#include "reshift/model.h"

#define MAX_CANDIDATES 4
#define FILE_NAME_BYTES 64

/* The files that may hold these weights, best first; how many. */
static int candidates(const architecture *arch, int version, char files[MAX_CANDIDATES][FILE_NAME_BYTES])
{
    const published_weights *weights = &arch->published[version - 1];
    int count = 0;
    if (version == 1) {
        snprintf(files[count++], FILE_NAME_BYTES, "%s.safetensors", arch->name);
    }
    snprintf(files[count++], FILE_NAME_BYTES, "%s@v%d.safetensors", arch->name, version);
    for (int f = 0; f < 2 && weights->files[f]; f++) {
        snprintf(files[count++], FILE_NAME_BYTES, "%s", weights->files[f]);
    }
    return count;
}

int find_version(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path;
    const architecture *arch;
    for (int a = 0; (arch = architecture_at(a)) != NULL; a++) {
        for (int version = 2; version <= ARCHITECTURE_VERSIONS; version++) {
            char files[MAX_CANDIDATES][FILE_NAME_BYTES];
            int count = arch->published[version - 1].accuracy ? candidates(arch, version, files) : 0;
            for (int f = 0; f < count; f++) {
                if (!strcmp(files[f], file)) {
                    return version;
                }
            }
        }
    }
    return 1;
}

/* Is this the name of an architecture with published weights, "resnet50" or "resnet50@v2"? */
static bool parse_name(const char *text, const architecture **arch, int *version)
{
    for (int a = 0; (*arch = architecture_at(a)) != NULL; a++) {
        const size_t length = strlen((*arch)->name);
        if (!(*arch)->published[0].accuracy || strncmp(text, (*arch)->name, length) != 0) {
            continue;
        }
        const char *end = text + length;
        *version = !*end || !strcmp(end, "@v1") ? 1 : !strcmp(end, "@v2") ? 2 : 0;
        if (*version) {
            return true;
        }
    }
    return false;
}

static reshift_status give_path(const char *found, char *path, size_t size, reshift_error *error)
{
    if ((size_t)snprintf(path, size, "%s", found) >= size) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "the path of the weights is too long: '%.200s'...", found);
    }
    return RESHIFT_OK;
}

/* Looks for `file` in FOLDER/weights, then in FOLDER. OK without a path (*found stays NULL): it is not there. */
static reshift_status look_in(const char *folder, const char *below, const char *file, char **found,
                              reshift_error *error)
{
    char *place = *below ? path_join(folder, below) : strdup(folder);
    char *candidate = place ? path_join(place, file) : NULL;
    free(place);
    if (!candidate) {
        return error_memory(error, strlen(folder) + FILE_NAME_BYTES, "a path");
    }
    bool there;
    reshift_status status = path_is_file(candidate, &there, error);
    if (there) {
        *found = candidate;
    } else {
        free(candidate);
    }
    return status;
}

static reshift_status find_published(const char *name, const architecture *arch, int version, const char *data_dir,
                                     char *path, size_t size, reshift_error *error)
{
    static const char *const places[] = {"weights", ""};
    char folder[4096], files[MAX_CANDIDATES][FILE_NAME_BYTES], list[MAX_CANDIDATES * (FILE_NAME_BYTES + 4)] = "";
    reshift_status status = reshift_data_folder_find(data_dir, folder, sizeof folder, error);
    int count = candidates(arch, version, files);
    for (int p = 0; p < 2 && status == RESHIFT_OK; p++) {
        for (int f = 0; f < count && status == RESHIFT_OK; f++) {
            char *found = NULL;
            status = look_in(folder, places[p], files[f], &found, error);
            if (found) {
                status = give_path(found, path, size, error);
                free(found);
                return status;
            }
        }
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    for (int f = 0; f < count; f++) {
        size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%s", !f ? "" : f + 1 < count ? ", " : " and ", files[f]);
    }
    error_set(error, RESHIFT_ERROR_NOT_FOUND,
              "cannot find weights '%s': looked in '%.300s/weights' and above it for %s", name, folder, list);
    error_hint(error, "'reshift fetch %s' downloads them; --data-dir or RESHIFT_DATA names another data folder", name);
    return RESHIFT_ERROR_NOT_FOUND;
}

static reshift_status find_file(const char *weights, const char *data_dir, char *path, size_t size,
                                reshift_error *error)
{
    const architecture *arch;
    char names[400];
    int version;
    if (parse_name(weights, &arch, &version)) {
        if (!arch->published[version - 1].accuracy) {
            architecture_names(ARCHITECTURE_V2, names, sizeof names);
            error_set(error, RESHIFT_ERROR_ARGUMENT, "there are no V%d weights of that network: '%s'", version,
                      weights);
            error_hint(error, "V2 weights are published of %s", names);
            return RESHIFT_ERROR_ARGUMENT;
        }
        return find_published(weights, arch, version, data_dir, path, size, error);
    }
    path_kind kind;
    reshift_status status = path_kind_of(weights, &kind, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (kind == PATH_FOLDER) {
        return error_set(error, RESHIFT_ERROR_IO, "cannot read weights '%s': it is a folder", weights);
    }
    if (kind == PATH_NONE) {
        error_set(error, RESHIFT_ERROR_NOT_FOUND, "cannot find weights '%s': there is no such file", weights);
        architecture_names(ARCHITECTURE_PUBLISHED, names, sizeof names);
        error_hint(error, "names of published weights are %s; NAME@v2 where there are V2 weights", names);
        return RESHIFT_ERROR_NOT_FOUND;
    }
    return give_path(weights, path, size, error);
}

reshift_status reshift_model_find(const char *weights, const char *data_dir, char *path, size_t size,
                                  reshift_error *error)
{
    char *file = path_without_part(weights);
    if (!file) {
        return error_memory(error, strlen(weights), "a path");
    }
    reshift_status status = find_file(file, data_dir, path, size, error);
    free(file);
    return status;
}
