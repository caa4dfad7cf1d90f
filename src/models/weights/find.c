/*
 * Names of published weights and the files they may lie in: the name itself as safetensors, then the file names of
 * torchvision, whose eight hex digits begin the file's sha256. A name without a version means V1.
 */
#include "models/weights/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "models/architectures/resnet.h"
#include "reshift/dataset.h"
#include "reshift/model.h"

typedef struct published {
    const char *name;
    int version;
    const char *files[2]; /* today's, and an older one that still circulates */
} published;

static const published published_weights[] = {
    {"resnet18", 1, {"resnet18-f37072fd.pth", "resnet18-5c106cde.pth"}},
    {"resnet34", 1, {"resnet34-b627a593.pth", "resnet34-333f7ec4.pth"}},
    {"resnet50", 1, {"resnet50-0676ba61.pth", "resnet50-19c8e357.pth"}},
    {"resnet50", 2, {"resnet50-11ad3fa6.pth", NULL}},
    {"resnet101", 1, {"resnet101-63fe2227.pth", "resnet101-5d3b4d8f.pth"}},
    {"resnet101", 2, {"resnet101-cd907fc2.pth", NULL}},
    {"resnet152", 1, {"resnet152-394f9c45.pth", "resnet152-b121ed2d.pth"}},
    {"resnet152", 2, {"resnet152-f82ba261.pth", NULL}},
};
#define N_PUBLISHED (sizeof published_weights / sizeof published_weights[0])

#define MAX_CANDIDATES 4
#define FILE_NAME_BYTES 64

/* The files that may hold these weights, best first; how many. */
static int candidates(const published *weights, char files[MAX_CANDIDATES][FILE_NAME_BYTES])
{
    int count = 0;
    if (weights->version == 1) {
        snprintf(files[count++], FILE_NAME_BYTES, "%s.safetensors", weights->name);
    }
    snprintf(files[count++], FILE_NAME_BYTES, "%s@v%d.safetensors", weights->name, weights->version);
    for (int f = 0; f < 2 && weights->files[f]; f++) {
        snprintf(files[count++], FILE_NAME_BYTES, "%s", weights->files[f]);
    }
    return count;
}

bool find_is_v2(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path;
    for (size_t w = 0; w < N_PUBLISHED; w++) {
        char files[MAX_CANDIDATES][FILE_NAME_BYTES];
        int count = published_weights[w].version == 2 ? candidates(&published_weights[w], files) : 0;
        for (int f = 0; f < count; f++) {
            if (!strcmp(files[f], file)) {
                return true;
            }
        }
    }
    return false;
}

/* Is this a name of the family, "resnet50" or "resnet50@v2"? Its weights are NULL where torchvision published none. */
static bool parse_name(const char *text, const published **weights)
{
    *weights = NULL;
    bool known = false;
    for (size_t w = 0; w < N_PUBLISHED; w++) {
        const published *row = &published_weights[w];
        size_t length = strlen(row->name);
        if (strncmp(text, row->name, length) != 0) {
            continue;
        }
        const char *version = text + length;
        int wanted = !*version || !strcmp(version, "@v1") ? 1 : !strcmp(version, "@v2") ? 2 : 0;
        known = known || wanted;
        if (wanted == row->version) {
            *weights = row;
        }
    }
    return known;
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

static reshift_status find_published(const char *name, const published *weights, const char *data_dir, char *path,
                                     size_t size, reshift_error *error)
{
    static const char *const places[] = {"weights", ""};
    char folder[4096], files[MAX_CANDIDATES][FILE_NAME_BYTES], list[MAX_CANDIDATES * (FILE_NAME_BYTES + 4)] = "";
    reshift_status status = reshift_data_folder_find(data_dir, folder, sizeof folder, error);
    int count = candidates(weights, files);
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

static reshift_status find_file(const char *weights, const char *data_dir, char *path, size_t size, reshift_error *error)
{
    const published *row;
    if (parse_name(weights, &row)) {
        if (!row) {
            error_set(error, RESHIFT_ERROR_ARGUMENT, "there are no V2 weights of that network: '%s'", weights);
            error_hint(error, "torchvision publishes V2 weights of resnet50, resnet101 and resnet152");
            return RESHIFT_ERROR_ARGUMENT;
        }
        return find_published(weights, row, data_dir, path, size, error);
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
        error_hint(error, "names of published weights are resnet18, resnet34, resnet50, resnet101 and resnet152, "
                          "the last three also with @v2");
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
