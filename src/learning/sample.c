/* Labels of any integer type become int; features are looked through once, so that training meets finite numbers only.
 */
#include "learning/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"

#define LABEL_MOST 999999

static reshift_status read_labels(const reshift_array *array, const char *what, int **out, int *largest,
                                  reshift_error *error)
{
    int64_t n = array->shape[0];
    int *labels = malloc(((size_t)n + 1) * sizeof *labels);
    if (!labels) {
        return error_memory(error, (size_t)n * sizeof *labels, "labels");
    }
    *out = labels;
    *largest = -1;
    for (int64_t i = 0; i < n; i++) {
        int64_t label;
        switch (array->dtype) {
        case RESHIFT_U8: label = ((const uint8_t *)array->data)[i]; break;
        case RESHIFT_I8: label = ((const int8_t *)array->data)[i]; break;
        case RESHIFT_U16: label = ((const uint16_t *)array->data)[i]; break;
        case RESHIFT_I16: label = ((const int16_t *)array->data)[i]; break;
        case RESHIFT_U32: label = ((const uint32_t *)array->data)[i]; break;
        case RESHIFT_I32: label = ((const int32_t *)array->data)[i]; break;
        case RESHIFT_U64: {
            uint64_t value = ((const uint64_t *)array->data)[i];
            label = value > INT64_MAX ? INT64_MAX : (int64_t)value;
            break;
        }
        case RESHIFT_I64: label = ((const int64_t *)array->data)[i]; break;
        default:
            return error_set(error, RESHIFT_ERROR_SHAPE, "%s labels: expected integers, found %s", what,
                             reshift_dtype_name(array->dtype));
        }
        if (label < 0 || label > LABEL_MOST) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "%s labels: row %lld: label %lld is not from 0 to %d", what,
                             (long long)i, (long long)label, LABEL_MOST);
        }
        labels[i] = (int)label;
        *largest = label > *largest ? (int)label : *largest;
    }
    return RESHIFT_OK;
}

reshift_status sample_take(const reshift_array *features, const reshift_array *labels, const char *what, sample *s,
                           int *largest, reshift_error *error)
{
    char found[256];
    if (features->dtype != RESHIFT_F32 || features->n_dims != 2 || features->shape[0] < 1 || features->shape[1] < 1) {
        reshift_array_describe(features, found, sizeof found);
        return error_set(error, RESHIFT_ERROR_SHAPE, "%s features: expected float32 [N,D], found %s", what, found);
    }
    if (labels->n_dims != 1 || labels->shape[0] != features->shape[0]) {
        reshift_array_describe(labels, found, sizeof found);
        return error_set(error, RESHIFT_ERROR_SHAPE, "%s labels: expected [%lld], one a row of the features, found %s",
                         what, (long long)features->shape[0], found);
    }
    s->features = features->data;
    s->n = features->shape[0];
    s->n_features = features->shape[1];
    reshift_status status = read_labels(labels, what, &s->labels, largest, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int64_t bad = finite_first_bad(s->features, s->n, s->n_features);
    if (bad < s->n) {
        return error_set(error, RESHIFT_ERROR_NUMERIC, "%s features: row %lld holds a value that is not finite", what,
                         (long long)bad);
    }
    return RESHIFT_OK;
}

reshift_status sample_check_labels(const sample *s, const char *what, int n_classes, reshift_error *error)
{
    for (int64_t i = 0; i < s->n; i++) {
        if (s->labels[i] >= n_classes) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "%s labels: row %lld: expected 0..%d, found %d", what,
                             (long long)i, n_classes - 1, s->labels[i]);
        }
    }
    return RESHIFT_OK;
}

void sample_release(sample *s)
{
    free(s->labels);
    memset(s, 0, sizeof *s);
}
