/* A set of named arrays with metadata texts: growth, lookup, unwrapping of names. File formats are in other files. */
#include "reshift/tensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "formats/checkpoint.h"
#include "formats/names.h"
#include "formats/what_is_this.h"

typedef struct named_array {
    char *name;
    reshift_array array;
} named_array;

typedef struct named_text {
    char *key;
    char *value;
} named_text;

struct reshift_tensors {
    named_array *items;
    int64_t n_items, items_capacity;
    names item_names;
    named_text *texts;
    int64_t n_texts, texts_capacity;
    names text_keys;
    named_text *unread; /* path and kind */
    int64_t n_unread, unread_capacity;
    named_text *remarks; /* the key alone */
    int64_t n_remarks, remarks_capacity;
    reshift_container container;
};

reshift_tensors *reshift_tensors_create(void) { return calloc(1, sizeof(reshift_tensors)); }

static void free_texts(named_text *texts, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        free(texts[i].key);
        free(texts[i].value);
    }
    free(texts);
}

void reshift_tensors_destroy(reshift_tensors **tensors)
{
    if (!tensors || !*tensors) {
        return;
    }
    reshift_tensors *t = *tensors;
    for (int64_t i = 0; i < t->n_items; i++) {
        free(t->items[i].name);
        reshift_array_destroy(&t->items[i].array);
    }
    free_texts(t->texts, t->n_texts);
    free_texts(t->unread, t->n_unread);
    free_texts(t->remarks, t->n_remarks);
    names_clear(&t->item_names);
    names_clear(&t->text_keys);
    free(t->items);
    free(t);
    *tensors = NULL;
}

static bool grow(void **items, int64_t n, int64_t *capacity, size_t size)
{
    if (n < *capacity) {
        return true;
    }
    int64_t wanted = *capacity ? 2 * *capacity : 64;
    void *larger = realloc(*items, (size_t)wanted * size);
    if (larger) {
        *items = larger;
        *capacity = wanted;
    }
    return larger;
}

reshift_status reshift_tensors_add(reshift_tensors *tensors, const char *name, reshift_array *array,
                                   reshift_error *error)
{
    if (names_find(&tensors->item_names, name) >= 0) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a tensor called '%s' is there already", name);
    }
    char *copy = strdup(name);
    if (!copy || !grow((void **)&tensors->items, tensors->n_items, &tensors->items_capacity, sizeof *tensors->items) ||
        !names_add(&tensors->item_names, copy, tensors->n_items)) {
        free(copy);
        return error_memory(error, strlen(name), "a tensor's name");
    }
    tensors->items[tensors->n_items++] = (named_array){copy, *array};
    memset(array, 0, sizeof *array);
    return RESHIFT_OK;
}

reshift_status reshift_tensors_set_text(reshift_tensors *tensors, const char *key, const char *value,
                                        reshift_error *error)
{
    char *fresh = strdup(value), *copy = NULL;
    int64_t at = names_find(&tensors->text_keys, key);
    if (fresh && at >= 0) {
        free(tensors->texts[at].value);
        tensors->texts[at].value = fresh;
        return RESHIFT_OK;
    }
    if (!fresh || !(copy = strdup(key)) ||
        !grow((void **)&tensors->texts, tensors->n_texts, &tensors->texts_capacity, sizeof *tensors->texts) ||
        !names_add(&tensors->text_keys, copy, tensors->n_texts)) {
        free(fresh);
        free(copy);
        return error_memory(error, strlen(value), "a text of the metadata");
    }
    tensors->texts[tensors->n_texts++] = (named_text){copy, fresh};
    return RESHIFT_OK;
}

/* Appends a pair of texts; `value` may be NULL. */
static reshift_status append_texts(named_text **list, int64_t *n, int64_t *capacity, const char *key, const char *value,
                                   reshift_error *error)
{
    char *key_copy = strdup(key), *value_copy = value ? strdup(value) : NULL;
    if (!key_copy || (value && !value_copy) || !grow((void **)list, *n, capacity, sizeof **list)) {
        free(key_copy);
        free(value_copy);
        return error_memory(error, strlen(key), "a remark on a checkpoint");
    }
    (*list)[(*n)++] = (named_text){key_copy, value_copy};
    return RESHIFT_OK;
}

reshift_status tensors_add_unread(reshift_tensors *t, const char *name, const char *kind, reshift_error *error)
{
    return append_texts(&t->unread, &t->n_unread, &t->unread_capacity, name, kind, error);
}

reshift_status tensors_add_remark(reshift_tensors *t, const char *remark, reshift_error *error)
{
    return append_texts(&t->remarks, &t->n_remarks, &t->remarks_capacity, remark, NULL, error);
}

int64_t reshift_tensors_unread_count(const reshift_tensors *tensors) { return tensors->n_unread; }
const char *reshift_tensors_unread_name(const reshift_tensors *tensors, int64_t i) { return tensors->unread[i].key; }
const char *reshift_tensors_unread_kind(const reshift_tensors *tensors, int64_t i) { return tensors->unread[i].value; }

const char *reshift_tensors_remark(const reshift_tensors *tensors, int64_t index)
{
    return index >= 0 && index < tensors->n_remarks ? tensors->remarks[index].key : NULL;
}

int64_t reshift_tensors_count(const reshift_tensors *tensors) { return tensors->n_items; }
const char *reshift_tensors_name(const reshift_tensors *tensors, int64_t index) { return tensors->items[index].name; }

const reshift_array *reshift_tensors_at(const reshift_tensors *tensors, int64_t index)
{
    return &tensors->items[index].array;
}

const reshift_array *reshift_tensors_find(const reshift_tensors *tensors, const char *name)
{
    int64_t at = names_find(&tensors->item_names, name);
    return at >= 0 ? &tensors->items[at].array : NULL;
}

const char *reshift_tensors_text(const reshift_tensors *tensors, const char *key)
{
    int64_t at = names_find(&tensors->text_keys, key);
    return at >= 0 ? tensors->texts[at].value : NULL;
}

int64_t reshift_tensors_text_count(const reshift_tensors *tensors) { return tensors->n_texts; }

const char *reshift_tensors_text_key(const reshift_tensors *tensors, int64_t index)
{
    return tensors->texts[index].key;
}

reshift_container reshift_tensors_container(const reshift_tensors *tensors) { return tensors->container; }
void tensors_set_container(reshift_tensors *tensors, reshift_container container) { tensors->container = container; }

static bool starts_with(const char *name, const char *prefix) { return strncmp(name, prefix, strlen(prefix)) == 0; }

/* Prefixes that are stripped from names: branches first, then "module.", repeated until nothing changes. */
typedef struct wrapping {
    const char *prefix;
    bool is_branch; /* the other branches of the file are dropped */
} wrapping;

static const wrapping wrappings[] = {{"state_dict.", true}, {"model.", true}, {"module.", false}};

reshift_status tensors_rename(reshift_tensors *tensors, const char *const *new_names)
{
    int64_t n = tensors->n_items, kept = 0;
    names index = {0};
    bool done = true, twice = false;
    char **copies = calloc((size_t)(n ? n : 1), sizeof *copies);
    for (int64_t i = 0; copies && i < n && done; i++) {
        if (new_names[i]) {
            copies[i] = strdup(new_names[i]);
            twice = copies[i] && names_find(&index, copies[i]) >= 0;
            done = copies[i] && !twice && names_add(&index, copies[i], kept++);
        }
    }
    if (!copies || !done) {
        names_clear(&index);
        for (int64_t i = 0; copies && i < n; i++) {
            free(copies[i]);
        }
        free(copies);
        return twice ? RESHIFT_ERROR_SHAPE : RESHIFT_ERROR_MEMORY;
    }
    kept = 0;
    for (int64_t i = 0; i < n; i++) {
        named_array item = tensors->items[i];
        free(item.name);
        item.name = copies[i];
        if (item.name) {
            tensors->items[kept++] = item;
        } else {
            reshift_array_destroy(&item.array);
        }
    }
    free(copies);
    tensors->n_items = kept;
    names_clear(&tensors->item_names);
    tensors->item_names = index;
    return RESHIFT_OK;
}

bool reshift_tensors_unwrap(reshift_tensors *tensors)
{
    int64_t n = tensors->n_items;
    const char **stripped = malloc((size_t)(n ? n : 1) * sizeof *stripped); /* NULL: drop the tensor */
    bool changed = stripped != NULL;
    for (int64_t i = 0; i < n && changed; i++) {
        stripped[i] = tensors->items[i].name;
    }
    while (changed) {
        changed = false;
        for (size_t w = 0; w < sizeof wrappings / sizeof *wrappings; w++) {
            bool found = false;
            for (int64_t i = 0; i < n; i++) {
                found = found || (stripped[i] && starts_with(stripped[i], wrappings[w].prefix));
            }
            for (int64_t i = 0; found && i < n; i++) {
                if (stripped[i] && starts_with(stripped[i], wrappings[w].prefix)) {
                    stripped[i] += strlen(wrappings[w].prefix);
                } else if (wrappings[w].is_branch) {
                    stripped[i] = NULL;
                }
            }
            changed = changed || found;
        }
    }
    bool done = stripped && tensors_rename(tensors, stripped) == RESHIFT_OK;
    free(stripped);
    return done;
}

reshift_container checkpoint_container(const blob *b)
{
    const uint8_t *d = b->data;
    /* safetensors: a length below 2^40, then the JSON object */
    if (b->size > 8 && d[8] == '{' && d[5] == 0 && d[6] == 0 && d[7] == 0) {
        return RESHIFT_CONTAINER_SAFETENSORS;
    }
    if (b->size >= 4 && memcmp(d, "PK\x03\x04", 4) == 0) {
        return RESHIFT_CONTAINER_TORCH_ZIP;
    }
    static const char protocol_1[] = "L119547037146038801333356L\n."; /* PyTorch's magic number as text */
    bool is_legacy = (b->size >= 2 && d[0] == 0x80 && d[1] >= 2 && d[1] <= 5) ||
                     (b->size >= sizeof protocol_1 && memcmp(d, protocol_1, sizeof protocol_1 - 1) == 0);
    return is_legacy ? RESHIFT_CONTAINER_TORCH_LEGACY : RESHIFT_CONTAINER_NONE;
}

reshift_status checkpoint_read(blob *b, const char *name, reshift_tensors **tensors, reshift_error *error)
{
    *tensors = NULL;
    reshift_container container = checkpoint_container(b);
    if (container == RESHIFT_CONTAINER_NONE) {
        return refuse_kind(error, RESHIFT_ERROR_FORMAT, name, "a checkpoint", b->data, b->size,
                           "safetensors and PyTorch files (.safetensors, .pth, .pt) are read");
    }
    reshift_tensors *fresh = reshift_tensors_create();
    if (!fresh) {
        return error_memory(error, sizeof *fresh, "a checkpoint");
    }
    reshift_status status = container == RESHIFT_CONTAINER_SAFETENSORS ? safetensors_read(b, name, fresh, error)
                            : container == RESHIFT_CONTAINER_TORCH_ZIP ? torch_zip_read(b, name, fresh, error)
                                                                       : torch_legacy_read(b, name, fresh, error);
    if (status != RESHIFT_OK) {
        reshift_tensors_destroy(&fresh);
        return status;
    }
    fresh->container = container;
    *tensors = fresh;
    return RESHIFT_OK;
}

reshift_status reshift_tensors_load(const char *path, reshift_tensors **tensors, reshift_error *error)
{
    *tensors = NULL;
    char *file = path_without_part(path);
    if (!file) {
        return error_memory(error, strlen(path), "a path");
    }
    blob *b;
    reshift_status status = blob_open(file, &b, error);
    if (status == RESHIFT_OK) {
        status = checkpoint_read(b, file, tensors, error);
        blob_drop(&b);
    }
    free(file);
    return status;
}
