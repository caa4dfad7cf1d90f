/*
 * NumPy's archive of arrays: a zip of .npy files, stored (np.savez) or deflated (np.savez_compressed). One walk lists
 * the members and loads the requested one.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "formats/archive.h"
#include "formats/npy.h"
#include "formats/what_is_this.h"

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
    if (m->n++ > 0 && !m->wanted) { /* several members: one is read only if it is named */
        blob_drop(&m->found);
        return RESHIFT_OK;
    }
    size_t most = UNPACKED_BYTES_FREE + UNPACKED_PER_BYTE * m->archive->size;
    return matches && !m->found ? archive_item_load(item, most, &m->found, error) : RESHIFT_OK;
}

/* ---- which arrays there are ---- */

typedef struct look {
    const char *const *names;
    int n_names;
    bool *there;
    char *list;
    size_t list_bytes;
} look;

static reshift_status visit_name(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    (void)stop;
    (void)error;
    look *l = context;
    size_t length = strlen(item->name), end = strlen(l->list);
    if (!item->is_file || length < 5 || strcmp(item->name + length - 4, ".npy") != 0) {
        return RESHIFT_OK;
    }
    snprintf(l->list + end, l->list_bytes - end, "%s%.*s", end ? ", " : "", (int)(length - 4), item->name);
    for (int i = 0; i < l->n_names; i++) {
        l->there[i] |= strlen(l->names[i]) == length - 4 && strncmp(l->names[i], item->name, length - 4) == 0;
    }
    return RESHIFT_OK;
}

reshift_status npz_look(const char *path, const char *const *names, int n_names, bool *there, char *list,
                        size_t list_bytes, reshift_error *error)
{
    look l = {names, n_names, there, list, list_bytes};
    blob *b;
    const char *kind = NULL;
    memset(there, 0, (size_t)n_names * sizeof *there);
    list[0] = '\0';
    reshift_status status = blob_open(path, &b, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (npy_is(b) || !archive_is(b, &kind) || strcmp(kind, "zip") != 0) {
        status = refuse_kind(error, RESHIFT_ERROR_FORMAT, path, "a .npz archive", b->data, b->size, NULL);
    } else {
        status = archive_walk(b, path, visit_name, &l, error);
    }
    if (status == RESHIFT_OK && !list[0]) {
        status =
            refuse(error, RESHIFT_ERROR_FORMAT, path, -1, "expected a .npz archive, found a zip without .npy files");
    }
    blob_drop(&b);
    return status;
}

/* ---- reading one ---- */

reshift_status npz_read(blob *b, const char *name, const char *wanted, reshift_array *array, reshift_error *error)
{
    memset(array, 0, sizeof *array);
    members m = {.wanted = wanted, .archive = b};
    reshift_status status = archive_walk(b, name, visit_member, &m, error);
    if (status == RESHIFT_OK && m.n == 0) {
        status =
            refuse(error, RESHIFT_ERROR_FORMAT, name, -1, "expected a .npz archive, found a zip without .npy files");
    } else if (status == RESHIFT_OK && !m.found && wanted) {
        status = refuse(error, RESHIFT_ERROR_NOT_FOUND, name, -1, "it has no array '%s'; its arrays are: %s", wanted,
                        m.list);
    } else if (status == RESHIFT_OK && !m.found) {
        status = refuse(error, RESHIFT_ERROR_NOT_FOUND, name, -1, "expected one array, found several: %s", m.list);
        error_hint(error, "name one after a '#', as in '%.300s#NAME'", name);
    }
    if (status == RESHIFT_OK) {
        status = npy_read(m.found, name, array, error);
    }
    blob_drop(&m.found);
    return status;
}
