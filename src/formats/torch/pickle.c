/*
 * The public interface of a pickle: open, close, look up. Opening ends with a walk over the tree, which cuts off cycles
 * and deep nesting, and refuses shared values that would make a plain walk of the tree exponentially long.
 */
#include "formats/torch/pickle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "formats/layout.h"
#include "formats/torch/pickle_machine.h"

#define MEMORY_MAX ((size_t)1 << 30)
#define WEIGHT_MAX ((uint64_t)20 << 20)
#define CHUNK_BYTES ((size_t)64 << 10)

/* Memory is allocated in chunks that are freed together. */
typedef struct chunk {
    struct chunk *next;
    size_t used, capacity;
    max_align_t bytes[];
} chunk;

struct pickle {
    chunk *chunks;
    size_t total;
    pickle_value *root;
    const pickle_storage *storages;
};

void *pickle_allocate(pickle *p, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > MEMORY_MAX || p->total + bytes > MEMORY_MAX) {
        return NULL;
    }
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    p->total += bytes;
    if (!p->chunks || p->chunks->capacity - p->chunks->used < bytes) {
        size_t capacity = bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES;
        chunk *fresh = calloc(1, sizeof *fresh + capacity);
        if (!fresh) {
            return NULL;
        }
        fresh->capacity = capacity;
        fresh->used = bytes;
        if (p->chunks && capacity == bytes) { /* a chunk for one large block: the current chunk stays first */
            fresh->next = p->chunks->next;
            p->chunks->next = fresh;
        } else {
            fresh->next = p->chunks;
            p->chunks = fresh;
        }
        return fresh->bytes;
    }
    void *block = (uint8_t *)p->chunks->bytes + p->chunks->used;
    p->chunks->used += bytes;
    return block;
}

static bool is_container(const pickle_value *value)
{
    return value->kind == PICKLE_LIST || value->kind == PICKLE_TUPLE || value->kind == PICKLE_DICT ||
           (value->kind == PICKLE_OBJECT && (value->state || value->content));
}

pickle_value *pickle_new(pickle *p, pickle_kind kind)
{
    pickle_value *value = pickle_allocate(p, 1, sizeof *value);
    if (!value) {
        return NULL;
    }
    value->kind = kind;
    size_t extra = is_container(value) ? sizeof(pickle_container) : kind == PICKLE_OTHER ? sizeof(pickle_special) : 0;
    if (extra && !(value->other = pickle_allocate(p, 1, extra))) {
        return NULL;
    }
    return value;
}

static bool name_object(pickle *p, pickle_value *value, const char *format, va_list arguments)
{
    char words[1024];
    vsnprintf(words, sizeof words, format, arguments);
    size_t length = strlen(words);
    char *text = pickle_allocate(p, length + 1, 1);
    pickle_container *container = pickle_allocate(p, 1, sizeof *container);
    if (!text || !container) {
        return false;
    }
    memcpy(text, words, length + 1);
    *value = (pickle_value){.kind = PICKLE_OBJECT, .text = text, .length = length, .other = container};
    return true;
}

pickle_value *pickle_new_object(pickle *p, const char *format, ...)
{
    pickle_value *value = pickle_allocate(p, 1, sizeof *value);
    va_list arguments;
    va_start(arguments, format);
    bool done = value && name_object(p, value, format, arguments);
    va_end(arguments);
    return done ? value : NULL;
}

reshift_status pickle_become_object(pickle_machine *m, pickle_value *value, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool done = name_object(m->p, value, format, arguments);
    va_end(arguments);
    return done ? RESHIFT_OK : pickle_no_memory(m);
}

/* Number of values directly below a container: all items, or an object's state and content. */
static size_t child_count(const pickle_value *value)
{
    return value->kind == PICKLE_OBJECT ? 2 : value->kind == PICKLE_DICT ? 2 * value->length : value->length;
}

static pickle_value **child(pickle_value *value, size_t i)
{
    return value->kind != PICKLE_OBJECT ? &value->items[i] : i == 0 ? &value->state : &value->content;
}

static reshift_status check_tree(pickle_machine *m, pickle_value *value, int depth);

static reshift_status cut_off(pickle_machine *m, pickle_value **item, const char *words)
{
    *item = pickle_new_object(m->p, "%s", words);
    return *item ? RESHIFT_OK : pickle_no_memory(m);
}

/* Walks one child, or cuts it off if it is being walked already or is too deep here. */
static reshift_status check_child(pickle_machine *m, pickle_value **item, int depth)
{
    static const char deep[] = "values nested deeper than 200 levels";
    if (!is_container(*item)) {
        return check_tree(m, *item, depth);
    }
    const pickle_container *below = (*item)->other;
    if (below->state == 1) {
        return cut_off(m, item, "a value that contains itself");
    }
    if (depth >= PICKLE_DEPTH_MAX) {
        return cut_off(m, item, deep);
    }
    reshift_status status = check_tree(m, *item, depth);
    /* already walked on a shorter path; it may exceed the depth limit on this one */
    return status == RESHIFT_OK && depth + below->height >= PICKLE_DEPTH_MAX ? cut_off(m, item, deep) : status;
}

/* Computes height and weight of a container and everything below it. Recursion stops at PICKLE_DEPTH_MAX. */
static reshift_status check_tree(pickle_machine *m, pickle_value *value, int depth)
{
    if (value->kind == PICKLE_ARRAY && !value->array->data) {
        return pickle_damaged(m, "a NumPy array without its state");
    }
    if (!is_container(value) || ((pickle_container *)value->other)->state == 2) {
        return RESHIFT_OK;
    }
    pickle_container *container = value->other;
    container->state = 1;
    container->weight = 1;
    for (size_t i = 0; i < child_count(value); i++) {
        pickle_value **item = child(value, i);
        if (!*item) {
            continue;
        }
        reshift_status status = check_child(m, item, depth + 1);
        if (status != RESHIFT_OK) {
            return status;
        }
        const pickle_container *below = is_container(*item) ? (*item)->other : NULL;
        container->weight += below ? below->weight : 1;
        if (below && below->height >= container->height) {
            container->height = below->height + 1;
        }
        if (container->weight > WEIGHT_MAX) {
            return pickle_unsupported(m, "more than %llu values", (unsigned long long)WEIGHT_MAX);
        }
    }
    container->state = 2;
    return RESHIFT_OK;
}

reshift_status pickle_open(const uint8_t *bytes, size_t size, const char *name, int64_t offset, pickle **p,
                           size_t *used, reshift_error *error)
{
    *p = NULL;
    pickle *fresh = calloc(1, sizeof *fresh);
    if (!fresh) {
        return error_memory(error, sizeof *fresh, "a pickle");
    }
    pickle_machine m = {.p = fresh, .bytes = bytes, .size = size, .name = name, .offset = offset, .error = error};
    reshift_status status = pickle_run(&m, &fresh->root);
    if (status == RESHIFT_OK) {
        status = check_tree(&m, fresh->root, 0);
    }
    free(m.stack);
    free(m.marks);
    free(m.memo);
    if (status != RESHIFT_OK) {
        pickle_close(&fresh);
        return status;
    }
    if (used) {
        *used = m.at;
    }
    *p = fresh;
    return RESHIFT_OK;
}

void pickle_close(pickle **p)
{
    if (!p || !*p) {
        return;
    }
    for (chunk *c = (*p)->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(*p);
    *p = NULL;
}

const pickle_value *pickle_root(const pickle *p) { return p->root; }

const pickle_storage *pickle_storages(const pickle *p) { return p->storages; }

void pickle_add_storage(pickle *p, pickle_storage *storage)
{
    storage->next = p->storages;
    p->storages = storage;
}

bool pickle_is_text(const pickle_value *value, const char *text)
{
    size_t length = strlen(text);
    return value && (value->kind == PICKLE_TEXT || value->kind == PICKLE_BYTES) && value->length == length &&
           memcmp(value->text, text, length) == 0;
}

const pickle_value *pickle_find(const pickle_value *dict, const char *key)
{
    if (!dict || dict->kind != PICKLE_DICT) {
        return NULL;
    }
    for (size_t i = dict->length; i-- > 0;) {
        if (pickle_is_text(dict->items[2 * i], key)) {
            return dict->items[2 * i + 1];
        }
    }
    return NULL;
}

bool pickle_get_int(const pickle_value *value, int64_t *integer)
{
    if (!value) {
        return false;
    }
    switch (value->kind) {
    case PICKLE_INT: *integer = value->integer; return true;
    case PICKLE_BOOL: *integer = value->boolean; return true;
    case PICKLE_FLOAT:
        if (!(value->number >= -0x1p62 && value->number <= 0x1p62) || (double)(int64_t)value->number != value->number) {
            return false;
        }
        *integer = (int64_t)value->number;
        return true;
    default: return false;
    }
}

reshift_status pickle_copy_array(const pickle_value *value, reshift_array *array, reshift_error *error)
{
    memset(array, 0, sizeof *array);
    if (!value || value->kind != PICKLE_ARRAY) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "expected a NumPy array, found another value");
    }
    const pickle_array *a = value->array;
    reshift_status status = reshift_array_create(a->dtype, a->n_dims, a->shape, array, error);
    if (status == RESHIFT_OK) {
        int64_t stride[RESHIFT_MAX_DIMS];
        layout_strides(a->n_dims, a->shape, a->fortran_order, stride);
        layout_copy(reshift_dtype_size(a->dtype), a->n_dims, a->shape, stride, a->big_endian, a->data, array->data);
    }
    return status;
}
