/*
 * From a pickle's description to tensors and metadata, whatever container they came in. Tensors become views of the
 * mapped file where they are dense and aligned, else copies in C order; names are the paths of keys that lead to them.
 */
#include "formats/torch_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "formats/layout.h"

#define TEXT_ITEMS_MAX 64

void torch_reader_open(torch_reader *r, blob *b, const char *name, reshift_tensors *tensors, reshift_error *error)
{
    memset(r, 0, sizeof *r);
    r->file = b;
    r->name = name;
    r->error = error;
    r->tensors = tensors;
    r->budget_bytes = ((size_t)256 << 20) + 16 * b->size;
}

void torch_reader_close(torch_reader *r)
{
    for (size_t i = 0; i < r->n_storages; i++) {
        blob_drop(&r->storages[i].b);
    }
    free(r->storages);
    names_clear(&r->keys);
    pickle_close(&r->p);
}

/* One storage a key, out of the pickle's mentions. */
reshift_status torch_reader_gather(torch_reader *r)
{
    size_t mentions = 0;
    for (const pickle_storage *s = pickle_storages(r->p); s; s = s->next) {
        mentions++;
    }
    r->storages = calloc(mentions + 1, sizeof *r->storages);
    if (!r->storages) {
        return error_memory(r->error, mentions * sizeof *r->storages, "the storages of a checkpoint");
    }
    for (const pickle_storage *s = pickle_storages(r->p); s; s = s->next) {
        size_t bytes;
        if (!shape_bytes(s->dtype, 1, &s->count, &bytes)) {
            return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, -1, "storage '%s' of %" PRId64 " elements", s->key,
                          s->count);
        }
        int64_t at = names_find(&r->keys, s->key);
        if (at >= 0 && r->storages[at].bytes != bytes) {
            return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, -1,
                          "storage '%s' is mentioned with %zu and with %zu bytes", s->key, r->storages[at].bytes,
                          bytes);
        }
        if (at < 0) {
            if (!names_add(&r->keys, s->key, (int64_t)r->n_storages)) {
                return error_memory(r->error, sizeof *s, "the storages of a checkpoint");
            }
            r->storages[r->n_storages++] = (torch_storage){s, bytes, NULL};
        }
    }
    return RESHIFT_OK;
}

/* The stretch of the storage that the tensor spans lies inside it. */
static bool spans_inside(const pickle_tensor *t, int64_t count)
{
    int64_t last = t->offset, step;
    for (int d = 0; d < t->n_dims; d++) {
        if (t->shape[d] == 0) {
            return t->offset <= count;
        }
        if (__builtin_mul_overflow(t->shape[d] - 1, t->stride[d], &step) || __builtin_add_overflow(last, step, &last)) {
            return false;
        }
    }
    return last < count;
}

static reshift_status refuse_tensor(torch_reader *r, reshift_status code, const char *words)
{
    return refuse(r->error, code, r->name, -1, "tensor '%s': %s", r->path, words);
}

static reshift_status make_tensor(torch_reader *r, const pickle_tensor *t, reshift_array *array)
{
    const torch_storage *s = &r->storages[names_find(&r->keys, t->storage->key)];
    size_t size = reshift_dtype_size(t->dtype), bytes;
    size_t unit = reshift_dtype_size(t->storage->dtype); /* the storage's own elements; the tensor's may be others */
    int64_t count = t->storage->view_count * (int64_t)unit / (int64_t)size;
    if (!shape_bytes(t->dtype, t->n_dims, t->shape, &bytes) || !spans_inside(t, count)) {
        return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, -1,
                      "tensor '%s': its shape, strides and offset go beyond its storage '%s' of %" PRId64 " elements",
                      r->path, t->storage->key, count);
    }
    const uint8_t *data = s->b->data + (size_t)t->storage->view_offset * unit + (size_t)t->offset * size;
    bool dense = layout_is_dense(t->n_dims, t->shape, t->stride);
    if (!dense || (uintptr_t)data % size != 0) {
        if (bytes > r->budget_bytes) {
            return refuse_tensor(r, RESHIFT_ERROR_MEMORY, "it is spread out to more memory than its file allows for");
        }
        r->budget_bytes -= bytes;
    }
    if (dense) {
        return blob_array(s->b, data, t->dtype, t->n_dims, t->shape, array, r->error);
    }
    reshift_status status = reshift_array_create(t->dtype, t->n_dims, t->shape, array, r->error);
    if (status == RESHIFT_OK) {
        layout_copy(size, t->n_dims, t->shape, t->stride, false, data, array->data);
    }
    return status;
}

static reshift_status add_array(torch_reader *r, reshift_array *array)
{
    const char *name = r->path[0] ? r->path : "tensor"; /* torch.save() of a tensor alone */
    reshift_status status = reshift_tensors_find(r->tensors, name)
                                ? refuse_tensor(r, RESHIFT_ERROR_FORMAT, "two tensors have this name")
                                : reshift_tensors_add(r->tensors, name, array, r->error);
    reshift_array_destroy(array);
    return status;
}

/* A number or bool as words; false for everything else. */
static bool write_scalar(const pickle_value *value, char *words, size_t size)
{
    switch (value->kind) {
    case PICKLE_BOOL: snprintf(words, size, "%s", value->boolean ? "true" : "false"); return true;
    case PICKLE_INT: snprintf(words, size, "%" PRId64, value->integer); return true;
    case PICKLE_FLOAT: /* the shortest that reads back the same */
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(words, size, "%.*g", digits, value->number);
            if (strtod(words, NULL) == value->number) {
                break;
            }
        }
        return true;
    default: return false;
    }
}

static reshift_status set_text(torch_reader *r, const char *text)
{
    return r->path[0] ? reshift_tensors_set_text(r->tensors, r->path, text, r->error) : RESHIFT_OK;
}

/* Texts that JSON and a terminal can show; others (pickled bytes) are left aside. */
static reshift_status add_text(torch_reader *r, const pickle_value *value)
{
    if (memchr(value->text, 0, value->length) || !text_is_utf8((const uint8_t *)value->text, value->length)) {
        return RESHIFT_OK;
    }
    char *text = strndup(value->text, value->length);
    if (!text) {
        return error_memory(r->error, value->length, "a text of the metadata");
    }
    reshift_status status = set_text(r, text);
    free(text);
    return status;
}

static bool is_list_of_numbers(const pickle_value *list)
{
    char word[32];
    bool all = list->length > 0;
    for (size_t i = 0; i < list->length && all; i++) {
        all = write_scalar(list->items[i], word, sizeof word);
    }
    return all;
}

/* Numbers as "[1, 2]": the first of them where there are many. */
static void write_list(const pickle_value *list, char *words, size_t size)
{
    size_t length = (size_t)snprintf(words, size, "[");
    for (size_t i = 0; i < list->length && i < TEXT_ITEMS_MAX; i++) {
        char item[32] = "";
        write_scalar(list->items[i], item, sizeof item);
        length += (size_t)snprintf(words + length, size - length, "%s%s", i ? ", " : "", item);
    }
    snprintf(words + length, size - length, "]");
}

static bool append_key(torch_reader *r, const pickle_value *key)
{
    size_t length = strlen(r->path);
    const char *dot = length > 0 ? "." : "";
    char *end = r->path + length;
    size_t room = sizeof r->path - length;
    if (key->kind == PICKLE_INT) {
        return (size_t)snprintf(end, room, "%s%" PRId64, dot, key->integer) < room;
    }
    if ((key->kind != PICKLE_TEXT && key->kind != PICKLE_BYTES) || memchr(key->text, 0, key->length) ||
        !text_is_utf8((const uint8_t *)key->text, key->length) || key->length + 2 > room) {
        return false;
    }
    return (size_t)snprintf(end, room, "%s%.*s", dot, (int)key->length, key->text) < room;
}

static reshift_status flatten(torch_reader *r, const pickle_value *value);

static reshift_status flatten_items(torch_reader *r, const pickle_value *value)
{
    size_t length = strlen(r->path);
    reshift_status status = RESHIFT_OK;
    for (size_t i = 0; i < value->length && status == RESHIFT_OK; i++) {
        bool is_dict = value->kind == PICKLE_DICT;
        const pickle_value index = {.kind = PICKLE_INT, .integer = (int64_t)i};
        if (!append_key(r, is_dict ? value->items[2 * i] : &index)) {
            r->path[length] = '\0';
            status = refuse(r->error, RESHIFT_ERROR_UNSUPPORTED, r->name, -1,
                            "in '%s': expected keys that are numbers or short texts", r->path);
        } else {
            status = flatten(r, is_dict ? value->items[2 * i + 1] : value->items[i]);
        }
        r->path[length] = '\0';
    }
    return status;
}

/* Adds what is in a value to the set, under the path of keys that leads to it. */
static reshift_status flatten(torch_reader *r, const pickle_value *value)
{
    char words[TEXT_ITEMS_MAX * 34];
    reshift_array array;
    reshift_status status;
    size_t bytes;
    switch (value->kind) {
    case PICKLE_TENSOR:
        status = make_tensor(r, value->tensor, &array);
        return status == RESHIFT_OK ? add_array(r, &array) : status;
    case PICKLE_ARRAY:
        if (!shape_bytes(value->array->dtype, value->array->n_dims, value->array->shape, &bytes) ||
            bytes > r->budget_bytes) {
            return refuse_tensor(r, RESHIFT_ERROR_MEMORY, "it takes more memory than its file allows for");
        }
        r->budget_bytes -= bytes;
        status = pickle_copy_array(value, &array, r->error);
        return status == RESHIFT_OK ? add_array(r, &array) : status;
    case PICKLE_TEXT:
    case PICKLE_BYTES: return add_text(r, value);
    case PICKLE_LIST:
    case PICKLE_TUPLE:
        if (!is_list_of_numbers(value)) {
            return flatten_items(r, value);
        }
        write_list(value, words, sizeof words);
        return value->length <= TEXT_ITEMS_MAX ? set_text(r, words) : RESHIFT_OK;
    case PICKLE_DICT: return flatten_items(r, value);
    default: return write_scalar(value, words, sizeof words) ? set_text(r, words) : RESHIFT_OK;
    }
}

reshift_status torch_reader_finish(torch_reader *r)
{
    for (size_t i = 0; i < r->n_storages; i++) {
        if (!r->storages[i].b) {
            return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, -1, "storage '%s' is not in the file",
                          r->storages[i].about->key);
        }
    }
    reshift_status status = flatten(r, pickle_root(r->p));
    if (status == RESHIFT_OK && reshift_tensors_count(r->tensors) == 0) {
        status = refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, -1, "there is no tensor in the file");
    }
    return status;
}
