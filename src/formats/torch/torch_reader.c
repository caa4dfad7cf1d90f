/*
 * Converts a pickle's description to tensors and metadata, for both containers. Tensors are views of the mapped file if
 * they are contiguous and aligned, else copies in C order. Their names are the paths of keys that lead to them.
 */
#include "formats/torch/torch_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/memory.h"
#include "formats/checkpoint.h"
#include "formats/layout.h"

#define TEXT_ITEMS_MAX 64
#define SAME_NAMES_MAX 1000

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

/* Collects one storage per key from the pickle's references. */
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
        bool fits = s->unread ? memory_product((size_t)s->count, s->unread_bytes, &bytes)
                              : shape_bytes(s->dtype, 1, &s->count, &bytes);
        if (!fits) {
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

/* True if the range of the storage that the tensor spans is inside it. */
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
    size_t unit = reshift_dtype_size(t->storage->dtype); /* of the storage's elements; the tensor's dtype may differ */
    int64_t count = t->storage->view_count * (int64_t)unit / (int64_t)size;
    if (!shape_bytes(t->dtype, t->n_dims, t->shape, &bytes) || !spans_inside(t, count)) {
        return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, -1,
                      "tensor '%s': its shape, strides and offset go beyond its storage '%s' of %" PRId64 " elements",
                      r->path, t->storage->key, count);
    }
    const uint8_t *data = s->b->data + (size_t)t->storage->view_offset * unit + (size_t)t->offset * size;
    bool swap = r->big_endian && size > 1, dense = layout_is_dense(t->n_dims, t->shape, t->stride) && !swap;
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
        layout_copy(size, t->n_dims, t->shape, t->stride, swap, data, array->data);
    }
    return status;
}

/* Two paths may be equal, as in {'a.b': ..., 'a': {'b': ...}}: the later one gets a number. */
static reshift_status add_array(torch_reader *r, reshift_array *array)
{
    char other[TORCH_NAME_BYTES_MAX + 16];
    const char *name = r->path[0] ? r->path : "tensor"; /* the file is a single tensor */
    int number = 1;
    while (reshift_tensors_find(r->tensors, number > 1 ? other : name) && number < SAME_NAMES_MAX) {
        snprintf(other, sizeof other, "%s#%d", name, ++number);
    }
    reshift_status status = reshift_tensors_add(r->tensors, number > 1 ? other : name, array, r->error);
    reshift_array_destroy(array);
    return status;
}

/* Formats a number or bool as text; returns false for other values. */
static bool write_scalar(const pickle_value *value, char *words, size_t size)
{
    switch (value->kind) {
    case PICKLE_BOOL: snprintf(words, size, "%s", value->boolean ? "true" : "false"); return true;
    case PICKLE_INT: snprintf(words, size, "%" PRId64, value->integer); return true;
    case PICKLE_FLOAT: /* the shortest decimal that reads back the same */
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

/* Adds texts that JSON and a terminal can show; others (pickled bytes) are skipped. */
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

/* Formats numbers as "[1, 2]"; long lists are truncated. */
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

static bool append_words(torch_reader *r, const char *words, size_t count)
{
    size_t length = strlen(r->path);
    if (count >= sizeof r->path - length) {
        return false;
    }
    memcpy(r->path + length, words, count);
    r->path[length + count] = '\0';
    return true;
}

/* Appends a key roughly as Python prints it: texts, numbers, None and tuples of them; other keys by their class. */
static bool append_key_words(torch_reader *r, const pickle_value *key, int depth)
{
    char words[64];
    switch (key->kind) {
    case PICKLE_TEXT:
    case PICKLE_BYTES:
        return memchr(key->text, 0, key->length) || !text_is_utf8((const uint8_t *)key->text, key->length)
                   ? append_words(r, "(bytes)", 7)
                   : append_words(r, key->text, key->length);
    case PICKLE_NONE: return append_words(r, "None", 4);
    case PICKLE_BOOL: return append_words(r, key->boolean ? "True" : "False", key->boolean ? 4 : 5);
    case PICKLE_OBJECT: return append_words(r, key->text, key->length);
    case PICKLE_TUPLE:
        if (depth > 3 || !append_words(r, "(", 1)) {
            return false;
        }
        for (size_t i = 0; i < key->length; i++) {
            if ((i && !append_words(r, ", ", 2)) || !append_key_words(r, key->items[i], depth + 1)) {
                return false;
            }
        }
        return append_words(r, ")", 1);
    default:
        return write_scalar(key, words, sizeof words) ? append_words(r, words, strlen(words))
                                                      : append_words(r, "(key)", 5);
    }
}

static bool append_key(torch_reader *r, const pickle_value *key)
{
    return (!r->path[0] || append_words(r, ".", 1)) && append_key_words(r, key, 0);
}

static reshift_status flatten(torch_reader *r, const pickle_value *value);

/* Adds one value under its key. */
static reshift_status flatten_item(torch_reader *r, const pickle_value *key, const pickle_value *value)
{
    size_t length = strlen(r->path);
    bool fits = append_key(r, key);
    if (!fits) {
        r->path[length] = '\0';
    }
    reshift_status status =
        fits ? flatten(r, value) : tensors_add_unread(r->tensors, r->path, "a value under a long name", r->error);
    r->path[length] = '\0';
    return status;
}

static reshift_status flatten_items(torch_reader *r, const pickle_value *value)
{
    reshift_status status = RESHIFT_OK;
    bool is_dict = value->kind == PICKLE_DICT;
    for (size_t i = 0; i < value->length && status == RESHIFT_OK; i++) {
        const pickle_value index = {.kind = PICKLE_INT, .integer = (int64_t)i};
        status = flatten_item(r, is_dict ? value->items[2 * i] : &index, value->items[is_dict ? 2 * i + 1 : i]);
    }
    return status;
}

/* True if a module omits this buffer from its state_dict(). */
static bool is_transient(const pickle_value *module, const pickle_value *name)
{
    const pickle_value *transient = pickle_find(module, "_non_persistent_buffers_set");
    for (size_t i = 0; transient && transient->kind == PICKLE_LIST && i < transient->length; i++) {
        const pickle_value *other = transient->items[i];
        if (other->kind == name->kind && other->length == name->length &&
            (name->kind == PICKLE_TEXT || name->kind == PICKLE_BYTES) &&
            memcmp(other->text, name->text, name->length) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Skips an object unless it contains recognisable tensors: a subclass of dict or list has items, and a torch.nn module
 * has its parameters, buffers and submodules in its state, from which the names of its state_dict() are built.
 */
static reshift_status flatten_object(torch_reader *r, const pickle_value *object)
{
    static const char *const parts[] = {"_parameters", "_buffers", "_modules"};
    if (object->content) {
        return flatten(r, object->content);
    }
    if (!pickle_find(object->state, parts[0]) || !pickle_find(object->state, parts[2])) {
        return tensors_add_unread(r->tensors, r->path, object->text, r->error);
    }
    reshift_status status = RESHIFT_OK;
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        const pickle_value *dict = pickle_find(object->state, parts[p]);
        for (size_t i = 0; dict && dict->kind == PICKLE_DICT && i < dict->length && status == RESHIFT_OK; i++) {
            if (!is_transient(object->state, dict->items[2 * i])) {
                status = flatten_item(r, dict->items[2 * i], dict->items[2 * i + 1]);
            }
        }
    }
    return status;
}

/* Adds the contents of a value to the set. Names are the path of keys that leads to it. */
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
    case PICKLE_OBJECT: return flatten_object(r, value);
    default: return write_scalar(value, words, sizeof words) ? set_text(r, words) : RESHIFT_OK;
    }
}

reshift_status torch_reader_finish(torch_reader *r)
{
    for (size_t i = 0; i < r->n_storages; i++) {
        if (!r->storages[i].b && !r->storages[i].about->unread) {
            return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, -1, "storage '%s' is not in the file",
                          r->storages[i].about->key);
        }
    }
    reshift_status status = flatten(r, pickle_root(r->p));
    if (status == RESHIFT_OK && reshift_tensors_count(r->tensors) == 0) {
        bool unread = reshift_tensors_unread_count(r->tensors) > 0;
        status = refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, -1, "there is no tensor in the file%s%s%s",
                        unread ? " but an object that is not read: '" : "",
                        unread ? reshift_tensors_unread_kind(r->tensors, 0) : "", unread ? "'" : "");
        error_hint(r->error, "tensors in dicts, lists and modules are read; in Python, where the class is known: "
                             "torch.save(torch.load(FILE, weights_only=False).state_dict(), NEW)");
    }
    return status;
}
