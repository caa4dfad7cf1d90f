/* The table of back ends, and the words that choose one. */
#include "engine/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const backend *const table[] = {&backend_onednn, &backend_reference}; /* the first is the default */

const backend *backend_at(int row) { return row < (int)(sizeof table / sizeof *table) ? table[row] : NULL; }

/* The number behind the colon of "NAME:N"; 0 without one, -1: not a number. */
static int index_of(const char *colon)
{
    char *end;
    if (*colon == 0) {
        return 0;
    }
    long index = strtol(colon + 1, &end, 10);
    return colon[1] >= '0' && colon[1] <= '9' && *end == 0 && index < 1 << 16 ? (int)index : -1;
}

reshift_status backend_find(const char *device, const backend **found, int *index, reshift_error *error)
{
    char names[256] = "";
    size_t used = 0;
    *found = NULL;
    if (!device || !*device) {
        device = table[0]->name;
    }
    const size_t length = strcspn(device, ":");
    for (int row = 0; backend_at(row); row++) {
        const char *name = backend_at(row)->name;
        if (strlen(name) == length && strncmp(name, device, length) == 0) {
            const int n = backend_at(row)->devices();
            *index = index_of(device + length);
            if (*index < 0 || *index >= n) {
                return error_set(error, RESHIFT_ERROR_NOT_FOUND,
                                 "device '%s': expected a number below %d, the devices of '%s' here", device, n, name);
            }
            *found = backend_at(row);
            return RESHIFT_OK;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", row ? ", " : "", name);
    }
    return error_set(error, RESHIFT_ERROR_NOT_FOUND, "device '%s': expected one of %s", device, names);
}
