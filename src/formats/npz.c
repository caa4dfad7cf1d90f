/*
 * NumPy's archive of arrays: a zip of .npy files, stored (np.savez) or deflated (np.savez_compressed). One walk lists the
 * members and loads the one that is meant.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "formats/archive.h"
#include "formats/npy.h"

#define UNPACKED_BYTES_FREE ((size_t)1 << 30)
#define UNPACKED_PER_BYTE 16

typedef struct members {
    const char *wanted;
    blob *archive, *found;
    int n;
    char list[600]; /* for messages */
} members;

static reshift_status visit_member(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    (void)stop;
    members *m = context;
    size_t length = strlen(item->name), wanted = m->wanted ? strlen(m->wanted) : 0;
    if (!item->is_file || length < 5 || strcmp(item->name + length - 4, ".npy") != 0) {
        return RESHIFT_OK;
    }
    size_t end = strlen(m->list);
    snprintf(m->list + end, sizeof m->list - end, "%s%.*s", m->n ? ", " : "", (int)(length - 4), item->name);
    bool matches = !m->wanted || strcmp(item->name, m->wanted) == 0 ||
                   (wanted == length - 4 && strncmp(item->name, m->wanted, wanted) == 0);
    if (m->n++ > 0 && !m->wanted) { /* several: none is read unless it is named */
        blob_drop(&m->found);
        return RESHIFT_OK;
    }
    size_t most = UNPACKED_BYTES_FREE + UNPACKED_PER_BYTE * m->archive->size;
    return matches && !m->found ? archive_item_load(item, most, &m->found, error) : RESHIFT_OK;
}

reshift_status npz_read(blob *b, const char *name, const char *wanted, reshift_array *array, reshift_error *error)
{
    memset(array, 0, sizeof *array);
    members m = {.wanted = wanted, .archive = b};
    reshift_status status = archive_walk(b, name, visit_member, &m, error);
    if (status == RESHIFT_OK && m.n == 0) {
        status = refuse(error, RESHIFT_ERROR_FORMAT, name, -1, "expected a .npz archive, found a zip without .npy files");
    } else if (status == RESHIFT_OK && !m.found && wanted) {
        status = refuse(error, RESHIFT_ERROR_NOT_FOUND, name, -1, "it has no array '%s'; its arrays are: %s", wanted, m.list);
    } else if (status == RESHIFT_OK && !m.found) {
        status = refuse(error, RESHIFT_ERROR_ARGUMENT, name, -1, "expected one array, found several: %s", m.list);
        error_hint(error, "name one after a '#', as in '%.300s#NAME'", name);
    }
    if (status == RESHIFT_OK) {
        status = npy_read(m.found, name, array, error);
    }
    blob_drop(&m.found);
    return status;
}
