/* The only reader of label arrays. It defines the accepted dtypes, shapes and values. */
#include "formats/labels.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"

static bool is_integer(reshift_dtype dtype) { return dtype != RESHIFT_BOOL && dtype < RESHIFT_F16; }

/* Element i. A uint64 value that does not fit int64 sets *beyond and is returned with its bits unchanged. */
static int64_t element(const reshift_array *a, int64_t i, bool *beyond)
{
    *beyond = false;
    switch (a->dtype) {
    case RESHIFT_U8: return ((const uint8_t *)a->data)[i];
    case RESHIFT_I8: return ((const int8_t *)a->data)[i];
    case RESHIFT_U16: return ((const uint16_t *)a->data)[i];
    case RESHIFT_I16: return ((const int16_t *)a->data)[i];
    case RESHIFT_U32: return ((const uint32_t *)a->data)[i];
    case RESHIFT_I32: return ((const int32_t *)a->data)[i];
    case RESHIFT_U64: *beyond = ((const uint64_t *)a->data)[i] > INT64_MAX; return ((const int64_t *)a->data)[i];
    default: return ((const int64_t *)a->data)[i];
    }
}

static reshift_status refuse_array(const reshift_array *labels, const char *name, int64_t n, reshift_error *error)
{
    char found[256];
    reshift_array_describe(labels, found, sizeof found);
    error_set(error, RESHIFT_ERROR_SHAPE, "%s: expected integers [%" PRId64 "], one for each row, found %s", name, n,
              found);
    const int64_t *shape = labels->shape;
    if (labels->n_dims == 2 && shape[0] == n && shape[1] > 1) {
        error_hint(error, "if each row is one-hot or holds scores, save y.argmax(axis=1)");
    } else if (labels->n_dims == 2 && shape[0] == 1 && shape[1] == n) {
        error_hint(error, "save y.ravel()");
    } else if (!is_integer(labels->dtype)) {
        error_hint(error, "if the values are class numbers, save y.astype('int64')");
    }
    return RESHIFT_ERROR_SHAPE;
}

reshift_status reshift_labels_read(const reshift_array *labels, const char *name, int64_t n, int below, int *values,
                                   int *n_classes, reshift_error *error)
{
    const bool column = labels->n_dims == 2 && labels->shape[1] == 1;
    if (!is_integer(labels->dtype) || (labels->n_dims != 1 && !column) || labels->shape[0] != n) {
        return refuse_array(labels, name, n, error);
    }
    const int64_t most = (below > 0 ? below : RESHIFT_MAX_CLASSES) - 1;
    int64_t largest = -1;
    for (int64_t i = 0; i < n; i++) {
        bool beyond;
        int64_t label = element(labels, i, &beyond);
        if (beyond || label < 0 || label > most) {
            char found[32];
            snprintf(found, sizeof found, beyond ? "%" PRIu64 : "%" PRId64, label);
            return error_set(error, RESHIFT_ERROR_FORMAT,
                             "%s: row %" PRId64 ": expected a label from 0 to %" PRId64 ", found %s", name, i, most,
                             found);
        }
        values[i] = (int)label;
        largest = label > largest ? label : largest;
    }
    if (n_classes) {
        *n_classes = (int)largest + 1;
    }
    return RESHIFT_OK;
}

reshift_status labels_as_int(const reshift_array *labels, const char *name, int64_t n, const int **values, int **copy,
                             reshift_error *error)
{
    *values = *copy = NULL;
    if (labels->dtype == RESHIFT_I32 && labels->n_dims == 1 && labels->shape[0] == n) {
        *values = labels->data;
        return RESHIFT_OK;
    }
    const size_t bytes = ((size_t)n + 1) * sizeof **copy;
    *copy = memory_allocate(bytes);
    if (!*copy) {
        return error_memory(error, bytes, "labels");
    }
    const reshift_status status = reshift_labels_read(labels, name, n, 0, *copy, NULL, error);
    *values = status == RESHIFT_OK ? *copy : NULL;
    return status;
}
