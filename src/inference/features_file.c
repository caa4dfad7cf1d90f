/* Feature files as people save them: any float type, with or without the pooling layer's empty dimensions. */
#include <math.h>

#include "base/error.h"
#include "base/finite.h"
#include "models/weights/weights.h"
#include "reshift/classifiers.h"

/* [N,D,1,1], as global average pooling leaves it, is [N,D]. */
static void drop_ones(reshift_array *array)
{
    while (array->n_dims > 2 && array->shape[array->n_dims - 1] == 1) {
        array->n_dims--;
    }
}

static reshift_status to_float32(const char *path, reshift_array *from, reshift_error *error)
{
    reshift_array to = {0};
    reshift_status status = reshift_array_create(RESHIFT_F32, 2, from->shape, &to, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    weights_convert(from, to.data);
    const int64_t n = to.shape[0], d = to.shape[1], row = finite_first_bad(to.data, n, d);
    for (int64_t i = row * d; row < n && i < (row + 1) * d && from->dtype == RESHIFT_F64; i++) {
        const double value = ((const double *)from->data)[i];
        if (isfinite(value) && !isfinite(((const float *)to.data)[i])) {
            status = error_set(error, RESHIFT_ERROR_NUMERIC, "'%s': features: row %lld: %g is beyond float32", path,
                               (long long)row, value);
            break;
        }
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(&to);
        return status;
    }
    reshift_array_destroy(from);
    *from = to;
    return RESHIFT_OK;
}

reshift_status reshift_features_load_npy(const char *path, reshift_array *features, reshift_error *error)
{
    reshift_status status = reshift_array_load_npy(path, features, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    drop_ones(features);
    const bool wide = features->dtype == RESHIFT_F64 || features->dtype == RESHIFT_F16;
    if (features->n_dims != 2 || (features->dtype != RESHIFT_F32 && !wide)) {
        char found[256];
        reshift_array_describe(features, found, sizeof found);
        status = error_set(error, RESHIFT_ERROR_SHAPE, "'%s': features: expected float32 [N,D], found %s", path, found);
        error_hint(error, "features are rows of floats; float64 and float16 are converted");
    } else if (wide) {
        status = to_float32(path, features, error);
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(features);
    }
    return status;
}
