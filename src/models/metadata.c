/* Keys with and without our prefix. */
#include "models/metadata.h"

#include <stdio.h>

#include "base/error.h"

metadata metadata_find(const reshift_tensors *tensors, const char *name)
{
    metadata found = {.own = true};
    reshift_container container = reshift_tensors_container(tensors);
    if (container == RESHIFT_CONTAINER_TORCH_ZIP || container == RESHIFT_CONTAINER_TORCH_LEGACY) {
        return found;
    }
    snprintf(found.key, sizeof found.key, METADATA_PREFIX "%s", name);
    found.text = reshift_tensors_text(tensors, found.key);
    if (!found.text) {
        found.own = false;
        snprintf(found.key, sizeof found.key, "%s", name);
        found.text = reshift_tensors_text(tensors, name);
    }
    return found;
}

reshift_status metadata_set(reshift_tensors *tensors, const char *name, const char *text, reshift_error *error)
{
    char key[64];
    snprintf(key, sizeof key, METADATA_PREFIX "%s", name);
    return reshift_tensors_set_text(tensors, key, text, error);
}

reshift_status metadata_tolerate(const metadata *m, reshift_status status, notes *list, bool *ignored,
                                 reshift_error *error)
{
    bool foreign = !m->own && (status == RESHIFT_ERROR_FORMAT || status == RESHIFT_ERROR_UNSUPPORTED);
    if (ignored) {
        *ignored = foreign;
    }
    if (!foreign) {
        return status;
    }
    status =
        list ? notes_add(list, RESHIFT_LOG_WARNING, error, "%s: ignored", error ? error->message : m->key) : RESHIFT_OK;
    if (status == RESHIFT_OK) {
        reshift_error_clear(error);
    }
    return status;
}
