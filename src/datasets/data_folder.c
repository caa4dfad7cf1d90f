/* The folder in which data sets, weights and overlays are searched, and the frost overlays in it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/files.h"
#include "datasets/dataset.h"

reshift_status reshift_data_folder_find(const char *data_dir, char *path, size_t size, reshift_error *error)
{
    const char *data = getenv("RESHIFT_DATA"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length;
    if (data_dir && *data_dir) {
        length = snprintf(path, size, "%s", data_dir);
    } else if (data && *data) {
        length = snprintf(path, size, "%s", data);
    } else if (cache && *cache == '/') { /* XDG base directory specification: relative paths are ignored */
        length = snprintf(path, size, "%s/reshift", cache);
    } else if (home && *home) {
        length = snprintf(path, size, "%s/.cache/reshift", home);
    } else {
        error_set(error, RESHIFT_ERROR_NOT_FOUND, "no data folder: neither RESHIFT_DATA nor HOME is set");
        error_hint(error, "name one with --data-dir DIR or RESHIFT_DATA");
        return RESHIFT_ERROR_NOT_FOUND;
    }
    if (length < 0 || (size_t)length >= size) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "the data folder's name is too long: %d bytes", length);
    }
    return RESHIFT_OK;
}

reshift_status frost_find(const char *data_dir, char **folder, reshift_frost **frost, reshift_error *error)
{
    char data_folder[4096];
    *folder = NULL;
    *frost = NULL;
    if (reshift_data_folder_find(data_dir, data_folder, sizeof data_folder, error) != RESHIFT_OK) {
        reshift_error_clear(error); /* without a data folder there are no overlays either */
        return RESHIFT_OK;
    }
    *folder = path_join(data_folder, "frost");
    if (!*folder) {
        return error_memory(error, sizeof data_folder, "a path");
    }
    bool there;
    reshift_status status = path_is_folder(*folder, &there, error);
    if (there) {
        status = reshift_frost_open(*folder, frost, error);
    }
    if (!*frost) {
        free(*folder);
        *folder = NULL;
    }
    return status;
}

reshift_status reshift_frost_find(const char *data_dir, reshift_frost **frost, reshift_error *error)
{
    char *folder;
    reshift_status status = frost_find(data_dir, &folder, frost, error);
    free(folder);
    return status;
}
