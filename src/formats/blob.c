/* Reference-counted bytes, and arrays that are views of them. */
#include "formats/blob.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"

struct blob_owner {
    atomic_int references;
    file_map map; /* unmapped at the end if it has data */
    void *memory; /* freed at the end */
    blob *parent; /* dropped at the end */
};

static blob *create(const void *data, size_t size)
{
    blob *b = malloc(sizeof *b);
    struct blob_owner *owner = calloc(1, sizeof *owner);
    if (!b || !owner) {
        free(b);
        free(owner);
        return NULL;
    }
    atomic_init(&owner->references, 1);
    b->data = data ? data : (const void *)"";
    b->size = size;
    b->owner = owner;
    return b;
}

reshift_status blob_open(const char *path, blob **b, reshift_error *error)
{
    *b = NULL;
    file_map map;
    reshift_status status = file_map_open(path, &map, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    *b = create(map.data, map.size);
    if (!*b) {
        file_map_close(&map);
        return error_memory(error, sizeof **b, "a mapped file");
    }
    (*b)->owner->map = map;
    return RESHIFT_OK;
}

blob *blob_own(void *memory, size_t size)
{
    blob *b = create(memory, size);
    if (!b) {
        free(memory);
        return NULL;
    }
    b->owner->memory = memory;
    return b;
}

blob *blob_borrow(const void *memory, size_t size) { return create(memory, size); }

blob *blob_slice(blob *whole, size_t offset, size_t size)
{
    blob *b = create(whole->data + offset, size);
    if (b) {
        b->owner->parent = blob_keep(whole);
    }
    return b;
}

blob *blob_keep(blob *b)
{
    atomic_fetch_add(&b->owner->references, 1);
    return b;
}

void blob_drop(blob **b)
{
    if (!b || !*b) {
        return;
    }
    blob *gone = *b;
    *b = NULL;
    struct blob_owner *owner = gone->owner;
    if (atomic_fetch_sub(&owner->references, 1) != 1) {
        return;
    }
    file_map_close(&owner->map);
    free(owner->memory);
    blob_drop(&owner->parent);
    free(owner);
    free(gone);
}

void blob_forget(const blob *b)
{
    file_map_forget(&b->owner->map);
    if (b->owner->parent) {
        blob_forget(b->owner->parent);
    }
}

bool shape_bytes(reshift_dtype dtype, int n_dims, const int64_t *shape, size_t *bytes)
{
    /* The first product skips zero extents, so that [0, 2^62, 2^62] is refused like [2^62, 2^62]. */
    size_t product = reshift_dtype_size(dtype);
    bool empty = false;
    for (int d = 0; d < n_dims; d++) {
        if (shape[d] < 0 || (shape[d] > 0 && !memory_product(product, (size_t)shape[d], &product))) {
            return false;
        }
        empty = empty || shape[d] == 0;
    }
    *bytes = empty ? 0 : product;
    return product <= SIZE_MAX / 2;
}

static void release_blob(reshift_array *array)
{
    blob *b = array->owner;
    blob_drop(&b);
}

reshift_status blob_array(blob *b, const uint8_t *data, reshift_dtype dtype, int n_dims, const int64_t *shape,
                          reshift_array *array, reshift_error *error)
{
    if ((uintptr_t)data % reshift_dtype_size(dtype) != 0) {
        reshift_status status = reshift_array_create(dtype, n_dims, shape, array, error);
        if (status == RESHIFT_OK && reshift_array_bytes(array) > 0) {
            memcpy(array->data, data, reshift_array_bytes(array));
        }
        return status;
    }
    memset(array, 0, sizeof *array);
    array->dtype = dtype;
    array->n_dims = n_dims;
    if (n_dims > 0) {
        memcpy(array->shape, shape, (size_t)n_dims * sizeof *shape);
    }
    array->data = (void *)(uintptr_t)data;
    array->read_only = true;
    array->release = release_blob;
    array->owner = blob_keep(b);
    return RESHIFT_OK;
}

void blob_array_forget(const reshift_array *array)
{
    if (array->release == release_blob) {
        blob_forget(array->owner);
    }
}

reshift_status refuse(reshift_error *error, reshift_status code, const char *name, int64_t offset, const char *format,
                      ...)
{
    char words[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    if (offset >= 0) {
        error_set(error, code, "cannot read '%s': %s (byte %lld)", name, words, (long long)offset);
    } else {
        error_set(error, code, "cannot read '%s': %s", name, words);
    }
    return error_at_offset(error, code, name, offset);
}
