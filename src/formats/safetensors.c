/*
 * The safetensors format: u64 length of the header, a JSON object (name -> dtype, shape, data_offsets; __metadata__
 * text -> text), then the bytes of the tensors without gaps. Reading returns views of the mapped file. Writing lists
 * the tensors in the set's order and stores their bytes by decreasing element size, so that every tensor is aligned and
 * can be mapped.
 */
#include "formats/checkpoint.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/files.h"

#define CUT_SHORT "%llu bytes are missing at its end: download or copy it again"
#define HEADER_BYTES_MAX ((uint64_t)100000000) /* the format's own limit */

static const struct {
    const char *name;
    reshift_dtype dtype;
} dtypes[] = {
    {"BOOL", RESHIFT_BOOL}, {"U8", RESHIFT_U8},   {"I8", RESHIFT_I8},   {"U16", RESHIFT_U16}, {"I16", RESHIFT_I16},
    {"U32", RESHIFT_U32},   {"I32", RESHIFT_I32}, {"U64", RESHIFT_U64}, {"I64", RESHIFT_I64}, {"F16", RESHIFT_F16},
    {"BF16", RESHIFT_BF16}, {"F32", RESHIFT_F32}, {"F64", RESHIFT_F64},
};

const char *safetensors_dtype_name(reshift_dtype dtype)
{
    size_t i = 0;
    while (dtypes[i].dtype != dtype) {
        i++;
    }
    return dtypes[i].name;
}

/* A tensor of the header, before its bytes are checked. */
typedef struct entry {
    const char *name;
    const char *unread; /* why it is skipped, or NULL; its byte range is still checked */
    reshift_dtype dtype;
    int n_dims;
    int64_t shape[RESHIFT_MAX_DIMS];
    uint64_t begin, end;
} entry;

typedef struct reader {
    blob *b;
    const char *name;
    uint64_t data; /* offset of the tensors' bytes */
    reshift_error *error;
} reader;

static reshift_status wrong(const reader *r, const char *tensor, const char *words)
{
    return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, -1, "tensor '%s': %s", tensor, words);
}

static reshift_status read_dtype(const reader *r, const json_t *json, entry *e)
{
    const char *text = json_string_value(json);
    if (!text) {
        return wrong(r, e->name, "expected the name of a dtype");
    }
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(text, dtypes[i].name) == 0) {
            e->dtype = dtypes[i].dtype;
            return RESHIFT_OK;
        }
    }
    e->unread = text;
    return RESHIFT_OK;
}

static reshift_status read_shape(const reader *r, const json_t *json, entry *e)
{
    if (!json_is_array(json)) {
        return wrong(r, e->name, "expected a shape");
    }
    size_t n = json_array_size(json);
    if (n > RESHIFT_MAX_DIMS) {
        e->unread = "more than 8 dimensions";
        return RESHIFT_OK;
    }
    e->n_dims = (int)n;
    for (size_t d = 0; d < n; d++) {
        const json_t *extent = json_array_get(json, d);
        if (!json_is_integer(extent) || json_integer_value(extent) < 0) {
            return wrong(r, e->name, "expected a shape of integers from 0");
        }
        e->shape[d] = json_integer_value(extent);
    }
    return RESHIFT_OK;
}

static reshift_status read_offsets(const reader *r, const json_t *json, entry *e)
{
    const json_t *begin = json_array_get(json, 0), *end = json_array_get(json, 1);
    if (json_array_size(json) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin)) {
        return wrong(r, e->name, "expected data_offsets [begin, end]");
    }
    e->begin = (uint64_t)json_integer_value(begin);
    e->end = (uint64_t)json_integer_value(end);
    size_t bytes;
    if (!e->unread && (!shape_bytes(e->dtype, e->n_dims, e->shape, &bytes) || bytes != e->end - e->begin)) {
        return wrong(r, e->name, "its shape and dtype do not take the bytes of its data_offsets");
    }
    return RESHIFT_OK;
}

static reshift_status read_entry(const reader *r, const char *name, json_t *json, entry *e)
{
    e->name = name;
    reshift_status status = json_is_object(json) ? RESHIFT_OK : wrong(r, name, "expected an object");
    if (status == RESHIFT_OK) {
        status = read_dtype(r, json_object_get(json, "dtype"), e);
    }
    if (status == RESHIFT_OK) {
        status = read_shape(r, json_object_get(json, "shape"), e);
    }
    return status == RESHIFT_OK ? read_offsets(r, json_object_get(json, "data_offsets"), e) : status;
}

static reshift_status read_metadata(const reader *r, json_t *json, reshift_tensors *tensors)
{
    if (json_is_null(json)) {
        return RESHIFT_OK;
    }
    if (!json_is_object(json)) {
        return wrong(r, "__metadata__", "expected an object of texts");
    }
    reshift_status status = RESHIFT_OK;
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        if (!json_is_string(value)) {
            return wrong(r, "__metadata__", "expected an object of texts");
        }
        status = reshift_tensors_set_text(tensors, key, json_string_value(value), r->error);
        if (status != RESHIFT_OK) {
            break;
        }
    }
    return status;
}

static int compare_offsets(const void *a, const void *b)
{
    const entry *x = *(const entry *const *)a, *y = *(const entry *const *)b;
    if (x->begin != y->begin) {
        return x->begin < y->begin ? -1 : 1;
    }
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Checks that tensors have no gaps, do not overlap and end at the end of the file. */
static reshift_status check_cover(const reader *r, const entry *entries, size_t n)
{
    const entry **order = malloc((n ? n : 1) * sizeof *order);
    if (!order) {
        return error_memory(r->error, n * sizeof *order, "the order of tensors");
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = &entries[i];
    }
    qsort(order, n, sizeof *order, compare_offsets);
    uint64_t at = 0, size = r->b->size - r->data;
    reshift_status status = RESHIFT_OK;
    for (size_t i = 0; i < n && status == RESHIFT_OK; i++) {
        const entry *e = order[i];
        if (e->begin != at) {
            status =
                refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, (int64_t)r->data,
                       "tensor '%s': expected data_offsets from %llu, found %llu: %s", e->name, (unsigned long long)at,
                       (unsigned long long)e->begin, e->begin > at ? "a hole" : "an overlap");
        } else if (e->end > size) {
            status = refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, (int64_t)r->data,
                            "tensor '%s': its data_offsets end at %llu, the file has %llu bytes of data", e->name,
                            (unsigned long long)e->end, (unsigned long long)size);
            error_hint(r->error, CUT_SHORT, (unsigned long long)(order[n - 1]->end - size));
        }
        at = e->end;
    }
    if (status == RESHIFT_OK && at != size) {
        status = refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, (int64_t)(r->data + at),
                        "the tensors take %llu bytes of data, the file has %llu", (unsigned long long)at,
                        (unsigned long long)size);
    }
    free(order);
    return status;
}

static reshift_status read_tensors(const reader *r, json_t *header, reshift_tensors *tensors)
{
    size_t n = 0;
    entry *entries = calloc(json_object_size(header) + 1, sizeof *entries);
    if (!entries) {
        return error_memory(r->error, json_object_size(header) * sizeof *entries, "a safetensors header");
    }
    reshift_status status = RESHIFT_OK;
    const char *key;
    json_t *value;
    json_object_foreach(header, key, value)
    {
        status = strcmp(key, "__metadata__") == 0 ? read_metadata(r, value, tensors)
                                                  : read_entry(r, key, value, &entries[n++]);
        if (status != RESHIFT_OK) {
            break;
        }
    }
    if (status == RESHIFT_OK) {
        status = check_cover(r, entries, n);
    }
    for (size_t i = 0; i < n && status == RESHIFT_OK; i++) {
        const entry *e = &entries[i];
        reshift_array array;
        if (e->unread) {
            char kind[64];
            snprintf(kind, sizeof kind, "a tensor of %s", e->unread);
            status = tensors_add_unread(tensors, e->name, kind, r->error);
            continue;
        }
        status = blob_array(r->b, r->b->data + r->data + e->begin, e->dtype, e->n_dims, e->shape, &array, r->error);
        if (status == RESHIFT_OK) {
            status = reshift_tensors_add(tensors, e->name, &array, r->error);
            reshift_array_destroy(&array);
        }
    }
    free(entries);
    return status;
}

reshift_status safetensors_read(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error)
{
    uint64_t length = 0;
    if (b->size < 8) {
        return refuse(error, RESHIFT_ERROR_FORMAT, name, 0, "the file ends within the header's length");
    }
    for (int i = 7; i >= 0; i--) {
        length = length << 8 | b->data[i];
    }
    if (length > HEADER_BYTES_MAX || length > b->size - 8) {
        refuse(error, RESHIFT_ERROR_FORMAT, name, 0, "the header has %llu bytes, expected at most %llu%s",
               (unsigned long long)length,
               (unsigned long long)(HEADER_BYTES_MAX < b->size - 8 ? HEADER_BYTES_MAX : b->size - 8),
               length > HEADER_BYTES_MAX ? "" : ", which is all the file has");
        if (length <= HEADER_BYTES_MAX) {
            error_hint(error, CUT_SHORT, (unsigned long long)(length - (b->size - 8)));
        }
        return RESHIFT_ERROR_FORMAT;
    }
    reader r = {b, name, 8 + length, error};
    if (length == 0 || b->data[8] != '{') {
        return refuse(error, RESHIFT_ERROR_FORMAT, name, 8, "expected a JSON object");
    }
    json_error_t words;
    json_t *header = json_loadb((const char *)b->data + 8, length, JSON_REJECT_DUPLICATES, &words);
    if (!header) {
        /* jansson reports out of memory under several codes: text that parses on the second try was valid */
        json_t *again = json_loadb((const char *)b->data + 8, length, JSON_REJECT_DUPLICATES, NULL);
        if (again) {
            json_decref(again);
            return error_memory(error, length, "the header of a safetensors file");
        }
        bool zero = strstr(words.text, "JSON_ALLOW_NUL") != NULL;
        return refuse(error, RESHIFT_ERROR_FORMAT, name, 8 + words.position, "header: %s",
                      zero ? "a text with a zero character (\\u0000)" : words.text);
    }
    reshift_status status = read_tensors(&r, header, tensors);
    json_decref(header);
    return status;
}

/* Computes the offset of each tensor: larger elements first, otherwise in the set's order. */
static void lay_out(const reshift_tensors *tensors, uint64_t *begin)
{
    uint64_t at = 0;
    for (size_t size = 8; size > 0; size /= 2) {
        for (int64_t i = 0; i < reshift_tensors_count(tensors); i++) {
            const reshift_array *array = reshift_tensors_at(tensors, i);
            if (reshift_dtype_size(array->dtype) == size) {
                begin[i] = at;
                at += reshift_array_bytes(array);
            }
        }
    }
}

static int add_new(json_t *object, const char *key, json_t *value) { return json_object_set_new(object, key, value); }

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_metadata(json_t *header, const reshift_tensors *tensors)
{
    int64_t n = reshift_tensors_text_count(tensors);
    if (n == 0) {
        return 0;
    }
    const char **keys = malloc((size_t)n * sizeof *keys);
    json_t *metadata = json_object();
    int failed = !keys || !metadata;
    for (int64_t i = 0; i < n && !failed; i++) {
        keys[i] = reshift_tensors_text_key(tensors, i);
    }
    if (!failed) {
        qsort(keys, (size_t)n, sizeof *keys, compare_texts);
    }
    for (int64_t i = 0; i < n && !failed; i++) {
        failed = add_new(metadata, keys[i], json_string(reshift_tensors_text(tensors, keys[i])));
    }
    free(keys);
    return add_new(header, "__metadata__", metadata) || failed;
}

static int add_tensor(json_t *header, const char *name, const reshift_array *array, uint64_t begin)
{
    json_t *item = json_object(), *shape = json_array();
    int failed = 0;
    for (int d = 0; d < array->n_dims; d++) {
        failed |= json_array_append_new(shape, json_integer(array->shape[d]));
    }
    failed |= add_new(item, "dtype", json_string(safetensors_dtype_name(array->dtype)));
    failed |= add_new(item, "shape", shape);
    failed |= add_new(item, "data_offsets",
                      json_pack("[I,I]", (json_int_t)begin, (json_int_t)(begin + reshift_array_bytes(array))));
    return add_new(header, name, item) || failed;
}

/* The first name or text that JSON cannot represent; NULL if all can be written. */
static const char *text_not_utf8(const reshift_tensors *tensors)
{
    for (int64_t i = 0; i < reshift_tensors_count(tensors); i++) {
        const char *name = reshift_tensors_name(tensors, i);
        if (!text_is_utf8((const uint8_t *)name, strlen(name))) {
            return name;
        }
    }
    for (int64_t i = 0; i < reshift_tensors_text_count(tensors); i++) {
        const char *key = reshift_tensors_text_key(tensors, i), *text = reshift_tensors_text(tensors, key);
        if (!text_is_utf8((const uint8_t *)key, strlen(key))) {
            return key;
        }
        if (!text_is_utf8((const uint8_t *)text, strlen(text))) {
            return text;
        }
    }
    return NULL;
}

/* The header's JSON, padded with spaces to a multiple of 8. The caller frees it; NULL on failure. */
static char *make_header(const reshift_tensors *tensors, const uint64_t *begin, size_t *length)
{
    json_t *header = json_object();
    int failed = !header || add_metadata(header, tensors);
    for (int64_t i = 0; i < reshift_tensors_count(tensors) && !failed; i++) {
        failed = add_tensor(header, reshift_tensors_name(tensors, i), reshift_tensors_at(tensors, i), begin[i]);
    }
    char *text = failed ? NULL : json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (!text) {
        return NULL;
    }
    size_t bytes = strlen(text);
    *length = (bytes + 7) / 8 * 8;
    char *padded = realloc(text, *length + 1);
    if (!padded) {
        free(text);
        return NULL;
    }
    memset(padded + bytes, ' ', *length - bytes);
    return padded;
}

static reshift_status write_all(file_writer *writer, const reshift_tensors *tensors, const char *header, size_t length,
                                reshift_error *error)
{
    uint8_t start[8];
    for (int i = 0; i < 8; i++) {
        start[i] = (uint8_t)((uint64_t)length >> (8 * i));
    }
    reshift_status status = file_writer_write(writer, start, sizeof start, error);
    if (status == RESHIFT_OK) {
        status = file_writer_write(writer, header, length, error);
    }
    for (size_t size = 8; size > 0; size /= 2) { /* the same order as lay_out() */
        for (int64_t i = 0; i < reshift_tensors_count(tensors) && status == RESHIFT_OK; i++) {
            const reshift_array *array = reshift_tensors_at(tensors, i);
            if (reshift_dtype_size(array->dtype) == size) {
                status = file_writer_write(writer, array->data, reshift_array_bytes(array), error);
            }
        }
    }
    return status;
}

reshift_status reshift_tensors_save(const char *path, const reshift_tensors *tensors, bool overwrite,
                                    reshift_error *error)
{
    size_t length = 0;
    uint64_t *begin = malloc((size_t)(reshift_tensors_count(tensors) + 1) * sizeof *begin);
    char *header = NULL;
    if (begin) {
        lay_out(tensors, begin);
        header = make_header(tensors, begin, &length);
    }
    free(begin);
    if (reshift_tensors_find(tensors, "__metadata__")) {
        free(header);
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot write '%s': a tensor cannot be called '__metadata__'",
                         path);
    }
    if (!header) {
        const char *bad = text_not_utf8(tensors);
        if (!bad) {
            return error_memory(error, 0, "the header of a safetensors file");
        }
        error_set(error, RESHIFT_ERROR_FORMAT, "cannot write '%s': '%s' is not UTF-8, which safetensors needs", path,
                  bad);
        error_hint(error, "class names come from folder names: rename the folders, for example with convmv");
        return RESHIFT_ERROR_FORMAT;
    }
    file_writer writer;
    reshift_status status = file_writer_open(path, overwrite, &writer, error);
    if (status == RESHIFT_OK) {
        status = write_all(&writer, tensors, header, length, error);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    free(header);
    return status;
}
