/* reshift_array: creation, destruction and element counts. Reading and writing .npy files is in src/formats. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "reshift/array.h"

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [RESHIFT_BOOL] = {"bool", 1},   [RESHIFT_U8] = {"uint8", 1},      [RESHIFT_I8] = {"int8", 1},
    [RESHIFT_U16] = {"uint16", 2},  [RESHIFT_I16] = {"int16", 2},     [RESHIFT_U32] = {"uint32", 4},
    [RESHIFT_I32] = {"int32", 4},   [RESHIFT_U64] = {"uint64", 8},    [RESHIFT_I64] = {"int64", 8},
    [RESHIFT_F16] = {"float16", 2}, [RESHIFT_BF16] = {"bfloat16", 2}, [RESHIFT_F32] = {"float32", 4},
    [RESHIFT_F64] = {"float64", 8},
};

size_t reshift_dtype_size(reshift_dtype dtype) { return dtypes[dtype].size; }
const char *reshift_dtype_name(reshift_dtype dtype) { return dtypes[dtype].name; }

static void release_memory(reshift_array *array) { memory_free(array->owner); }

reshift_status reshift_array_create(reshift_dtype dtype, int n_dims, const int64_t *shape, reshift_array *array,
                                    reshift_error *error)
{
    memset(array, 0, sizeof *array);
    if (n_dims < 0 || n_dims > RESHIFT_MAX_DIMS) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "an array has 0 to %d dimensions, found %d", RESHIFT_MAX_DIMS,
                         n_dims);
    }
    size_t bytes = dtypes[dtype].size;
    for (int d = 0; d < n_dims; d++) {
        if (shape[d] < 0) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "extent %d of an array is negative: %lld", d,
                             (long long)shape[d]);
        }
        if (!memory_product(bytes, (size_t)shape[d], &bytes)) {
            return error_set(error, RESHIFT_ERROR_MEMORY, "an array of this shape does not fit any memory");
        }
    }
    void *data = memory_allocate(bytes);
    if (!data) {
        return error_memory(error, bytes, "an array");
    }
    array->dtype = dtype;
    array->n_dims = n_dims;
    if (n_dims > 0) { /* NULL is allowed for a scalar's shape */
        memcpy(array->shape, shape, (size_t)n_dims * sizeof *shape);
    }
    array->data = data;
    array->release = release_memory;
    array->owner = data;
    return RESHIFT_OK;
}

void reshift_array_destroy(reshift_array *array)
{
    if (!array) {
        return;
    }
    if (array->release) {
        array->release(array);
    }
    memset(array, 0, sizeof *array);
}

int64_t reshift_array_count(const reshift_array *array)
{
    if (!array->data) {
        return 0;
    }
    int64_t count = 1;
    for (int d = 0; d < array->n_dims; d++) {
        count *= array->shape[d];
    }
    return count;
}

size_t reshift_array_bytes(const reshift_array *array)
{
    return (size_t)reshift_array_count(array) * reshift_dtype_size(array->dtype);
}

void reshift_array_describe(const reshift_array *array, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "%s [", reshift_dtype_name(array->dtype));
    for (int d = 0; d < array->n_dims && length < size; d++) {
        length += (size_t)snprintf(text + length, size - length, "%s%lld", d ? "," : "", (long long)array->shape[d]);
    }
    if (length < size) {
        snprintf(text + length, size - length, "]");
    }
}
