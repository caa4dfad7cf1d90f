/*
 * Describes a file as JSON; the command formats it as text. The kind is detected from the bytes, and every file is read
 * by its normal reader, so a file that can be inspected can also be loaded.
 */
#include "reshift/inspect.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/files.h"
#include "base/json_build.h"
#include "formats/archive.h"
#include "formats/checkpoint.h"
#include "formats/images/image_file.h"
#include "formats/inspect_folder.h"
#include "formats/layout.h"
#include "formats/npy.h"
#include "formats/torch/pickle.h"
#include "formats/what_is_this.h"

#define ENTRIES_SHOWN 1000
#define ITEMS_SHOWN 100
#define STATISTICS_BYTES_MAX ((size_t)256 << 20)
#define CIFAR_RECORD_BYTES 3073

/* Sets a key and records a failure, which can only be lack of memory. */
static void put(json_t *json, const char *key, json_t *value, int *failed)
{
    *failed |= json_object_set_new(json, key, value);
}

static json_t *shape_json(const int64_t *shape, int n_dims)
{
    json_t *json = json_array();
    for (int d = 0; d < n_dims; d++) {
        json_array_append_new(json, json_integer(shape[d]));
    }
    return json;
}

static void describe_statistics(const reshift_array *array, json_t *json, int *failed)
{
    int64_t n = reshift_array_count(array), finite = 0;
    double least = INFINITY, most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double x =
            layout_number(array->dtype, (const uint8_t *)array->data + (size_t)i * reshift_dtype_size(array->dtype));
        if (isfinite(x)) {
            least = x < least ? x : least;
            most = x > most ? x : most;
            sum += x;
            finite++;
        }
    }
    if (finite > 0) {
        put(json, "min", json_real(least), failed);
        put(json, "max", json_real(most), failed);
        put(json, "mean", isfinite(sum) ? json_real(sum / (double)finite) : json_null(), failed);
    }
    put(json, "not_finite", json_integer(n - finite), failed);
}

static reshift_status describe_npy(blob *b, const char *path, json_t *json, int *failed, reshift_error *error)
{
    reshift_array array;
    reshift_status status = npy_read(b, path, &array, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    put(json, "kind", json_string("npy"), failed);
    put(json, "dtype", json_string(reshift_dtype_name(array.dtype)), failed);
    put(json, "shape", shape_json(array.shape, array.n_dims), failed);
    put(json, "elements", json_integer(reshift_array_count(&array)), failed);
    if (reshift_array_bytes(&array) <= STATISTICS_BYTES_MAX) {
        describe_statistics(&array, json, failed);
    }
    reshift_array_destroy(&array);
    return RESHIFT_OK;
}

static const char *container_name(reshift_container container)
{
    return container == RESHIFT_CONTAINER_SAFETENSORS ? "safetensors"
           : container == RESHIFT_CONTAINER_TORCH_ZIP ? "torch-zip"
                                                      : "torch-legacy";
}

static reshift_status describe_checkpoint(blob *b, const char *path, json_t *json, int *failed, reshift_error *error)
{
    reshift_tensors *t;
    reshift_status status = checkpoint_read(b, path, &t, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    json_t *list = json_array(), *metadata = json_object();
    json_int_t elements = 0;
    for (int64_t i = 0; i < reshift_tensors_count(t); i++) {
        const reshift_array *array = reshift_tensors_at(t, i);
        json_t *item = json_object();
        put(item, "name", json_words(reshift_tensors_name(t, i)), failed);
        put(item, "dtype", json_string(reshift_dtype_name(array->dtype)), failed);
        put(item, "shape", shape_json(array->shape, array->n_dims), failed);
        *failed |= json_array_append_new(list, item);
        elements += reshift_array_count(array);
    }
    for (int64_t i = 0; i < reshift_tensors_text_count(t); i++) {
        const char *key = reshift_tensors_text_key(t, i);
        put(metadata, key, json_words(reshift_tensors_text(t, key)), failed);
    }
    json_t *unread = json_array(), *remarks = json_array();
    for (int64_t i = 0; i < reshift_tensors_unread_count(t) && i < ENTRIES_SHOWN; i++) {
        json_t *item = json_object();
        put(item, "name", json_words(reshift_tensors_unread_name(t, i)), failed);
        put(item, "what", json_words(reshift_tensors_unread_kind(t, i)), failed);
        *failed |= json_array_append_new(unread, item);
    }
    for (int64_t i = 0; reshift_tensors_remark(t, i); i++) {
        *failed |= json_array_append_new(remarks, json_words(reshift_tensors_remark(t, i)));
    }
    put(json, "kind", json_string(container_name(reshift_tensors_container(t))), failed);
    put(json, "n_tensors", json_integer(reshift_tensors_count(t)), failed);
    put(json, "elements", json_integer(elements), failed);
    put(json, "metadata", metadata, failed);
    put(json, "tensors", list, failed);
    put(json, "n_unread", json_integer(reshift_tensors_unread_count(t)), failed);
    if (json_array_size(unread) > 0) {
        put(json, "unread", json_incref(unread), failed);
    }
    if (json_array_size(remarks) > 0) {
        put(json, "remarks", json_incref(remarks), failed);
    }
    json_decref(unread);
    json_decref(remarks);
    reshift_tensors_destroy(&t);
    return RESHIFT_OK;
}

typedef struct entry_list {
    json_t *list;
    json_int_t n, bytes;
    bool is_torch;
    int failed;
} entry_list;

static reshift_status list_entry(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    (void)stop;
    (void)error;
    entry_list *l = context;
    const char *slash = strchr(item->name, '/');
    l->is_torch = l->is_torch || (slash && strcmp(slash, "/data.pkl") == 0);
    l->n++;
    l->bytes += item->size > 0 ? item->size : 0;
    if (l->n <= ENTRIES_SHOWN) {
        json_t *entry = json_object();
        put(entry, "name", json_words(item->name), &l->failed);
        put(entry, "bytes", item->size >= 0 ? json_integer(item->size) : json_null(), &l->failed);
        l->failed |= json_array_append_new(l->list, entry);
    }
    return RESHIFT_OK;
}

static reshift_status describe_archive(blob *b, const char *path, const char *kind, json_t *json, int *failed,
                                       reshift_error *error)
{
    entry_list l = {.list = json_array()};
    reshift_status status = archive_walk(b, path, list_entry, &l, error);
    if (status == RESHIFT_OK && l.is_torch && strcmp(kind, "zip") == 0) {
        json_decref(l.list);
        return describe_checkpoint(b, path, json, failed, error);
    }
    if (status != RESHIFT_OK) {
        json_decref(l.list);
        return status;
    }
    *failed |= l.failed;
    put(json, "kind", json_string(kind), failed);
    put(json, "n_entries", json_integer(l.n), failed);
    put(json, "unpacked_bytes", json_integer(l.bytes), failed);
    put(json, "entries", l.list, failed);
    return RESHIFT_OK;
}

static reshift_status describe_image(blob *b, const char *path, json_t *json, int *failed, reshift_error *error)
{
    image_facts facts;
    reshift_status status = image_describe(b->data, b->size, path, &facts, error);
    if (status == RESHIFT_OK) {
        put(json, "kind", json_string(facts.format), failed);
        put(json, "width", json_integer(facts.width), failed);
        put(json, "height", json_integer(facts.height), failed);
        put(json, "colour", json_string(facts.colour), failed);
        put(json, "bits", json_integer(facts.bits), failed);
    }
    return status;
}

/* JSON of a pickle value: small values in full, large ones as kind and size. */
static json_t *value_json(const pickle_value *value, int depth, int *failed)
{
    static const char *const kinds[] = {"none", "bool",  "int",  "long",  "float",  "text",   "bytes",
                                        "list", "tuple", "dict", "array", "tensor", "object", "other"};
    json_t *json = json_object();
    put(json, "kind", json_string(kinds[value->kind]), failed);
    switch (value->kind) {
    case PICKLE_BOOL: put(json, "value", json_boolean(value->boolean), failed); break;
    case PICKLE_INT: put(json, "value", json_integer(value->integer), failed); break;
    case PICKLE_FLOAT:
        put(json, "value", isfinite(value->number) ? json_real(value->number) : json_null(), failed);
        break;
    case PICKLE_TEXT:
    case PICKLE_BYTES:
        put(json, "length", json_integer((json_int_t)value->length), failed);
        if (value->length <= 80 && text_is_utf8((const uint8_t *)value->text, value->length) &&
            !memchr(value->text, 0, value->length)) {
            put(json, "value", json_stringn(value->text, value->length), failed);
        }
        break;
    case PICKLE_OBJECT: put(json, "class", json_words(value->text), failed); break;
    case PICKLE_LIST:
    case PICKLE_TUPLE: put(json, "length", json_integer((json_int_t)value->length), failed); break;
    case PICKLE_ARRAY:
        put(json, "dtype", json_string(reshift_dtype_name(value->array->dtype)), failed);
        put(json, "shape", shape_json(value->array->shape, value->array->n_dims), failed);
        break;
    case PICKLE_DICT: {
        json_t *items = json_array();
        put(json, "length", json_integer((json_int_t)value->length), failed);
        for (size_t i = 0; i < value->length && i < ITEMS_SHOWN && depth < 3; i++) {
            json_t *item = json_object();
            put(item, "key", value_json(value->items[2 * i], depth + 1, failed), failed);
            put(item, "value", value_json(value->items[2 * i + 1], depth + 1, failed), failed);
            *failed |= json_array_append_new(items, item);
        }
        put(json, "items", items, failed);
        break;
    }
    default: break;
    }
    return json;
}

/* PyTorch's legacy container, or any other pickle. */
static reshift_status describe_pickle(blob *b, const char *path, json_t *json, int *failed, reshift_error *error)
{
    pickle *p;
    size_t used;
    reshift_status status = pickle_open(b->data, b->size, path, 0, &p, &used, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (used < b->size && pickle_root(p)->kind == PICKLE_LONG) {
        pickle_close(&p);
        return describe_checkpoint(b, path, json, failed, error);
    }
    put(json, "kind", json_string("pickle"), failed);
    put(json, "value", value_json(pickle_root(p), 0, failed), failed);
    pickle_close(&p);
    return RESHIFT_OK;
}

/* CIFAR-10's binary format has no magic number: checks for records of a label below 10 and 3072 pixels. */
static bool is_cifar(const blob *b, const char *path)
{
    size_t length = strlen(path);
    if (length < 4 || strcmp(path + length - 4, ".bin") != 0 || b->size == 0 || b->size % CIFAR_RECORD_BYTES != 0) {
        return false;
    }
    for (size_t at = 0; at < b->size; at += CIFAR_RECORD_BYTES) {
        if (b->data[at] > 9) {
            return false;
        }
    }
    return true;
}

static void describe_cifar(const blob *b, json_t *json, int *failed)
{
    json_int_t counts[10] = {0};
    for (size_t at = 0; at < b->size; at += CIFAR_RECORD_BYTES) {
        counts[b->data[at]]++;
    }
    json_t *list = json_array();
    for (int label = 0; label < 10; label++) {
        *failed |= json_array_append_new(list, json_integer(counts[label]));
    }
    put(json, "kind", json_string("cifar10-binary"), failed);
    put(json, "images", json_integer((json_int_t)(b->size / CIFAR_RECORD_BYTES)), failed);
    put(json, "images_of_class", list, failed);
}

static reshift_status describe_file(const char *path, json_t *json, int *failed, reshift_error *error)
{
    blob *b;
    reshift_status status = blob_open(path, &b, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    const char *kind = NULL;
    put(json, "bytes", json_integer((json_int_t)b->size), failed);
    if (npy_is(b)) {
        status = describe_npy(b, path, json, failed, error);
    } else if (image_format(b->data, b->size)) {
        status = describe_image(b, path, json, failed, error);
    } else if (checkpoint_container(b) == RESHIFT_CONTAINER_SAFETENSORS) {
        status = describe_checkpoint(b, path, json, failed, error);
    } else if (archive_is(b, &kind)) {
        status = describe_archive(b, path, kind, json, failed, error);
    } else if (is_cifar(b, path)) {
        describe_cifar(b, json, failed);
    } else if (checkpoint_container(b) == RESHIFT_CONTAINER_TORCH_LEGACY) {
        status = describe_pickle(b, path, json, failed, error);
    } else {
        status = refuse_kind(error, RESHIFT_ERROR_UNSUPPORTED, path, "a format that reshift knows", b->data, b->size,
                             "known are safetensors, PyTorch checkpoints, .npy, JPEG, PNG, tar, zip, CIFAR-10's files "
                             "and pickles");
    }
    blob_drop(&b);
    return status;
}

reshift_status reshift_inspect(const char *path, char **json, reshift_error *error)
{
    *json = NULL;
    json_t *object = json_object();
    int failed = 0;
    put(object, "path", json_words(path), &failed);
    bool folder;
    reshift_status status = path_is_folder(path, &folder, error);
    if (status == RESHIFT_OK) {
        status = folder ? inspect_folder(path, object, error) : describe_file(path, object, &failed, error);
    }
    if (status == RESHIFT_OK) {
        *json = failed ? NULL : json_dumps(object, JSON_INDENT(1));
        status = *json ? RESHIFT_OK : error_memory(error, 0, "a description");
    }
    json_decref(object);
    return status;
}
