/*
 * PyTorch's checkpoints in both containers: a zip (`NAME/data.pkl`, and the elements in `NAME/data/KEY`; since 1.6), or
 * five pickles followed by the elements (before). torch_reader.c interprets the pickles.
 */
#include "formats/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "formats/archive.h"
#include "formats/torch/torch_reader.h"
#include "formats/what_is_this.h"

#define PICKLE_BYTES_MAX ((size_t)256 << 20)

/* The zip */

typedef struct zip_reader {
    torch_reader *r;
    blob *pickled;
    char prefix[512];
} zip_reader;

/* First walk: the pickle, and the byte order of the elements. */
static reshift_status visit_description(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    (void)stop;
    zip_reader *z = context;
    const char *slash = strchr(item->name, '/');
    size_t length = slash ? (size_t)(slash - item->name) : 0;
    if (!item->is_file || !slash || length >= sizeof z->prefix) {
        return RESHIFT_OK;
    }
    if (strcmp(slash, "/data.pkl") == 0) {
        if (z->pickled) {
            return refuse(error, RESHIFT_ERROR_FORMAT, z->r->name, -1, "expected one data.pkl, found two");
        }
        memcpy(z->prefix, item->name, length);
        z->prefix[length] = '\0';
        return archive_item_load(item, PICKLE_BYTES_MAX, &z->pickled, error);
    }
    if (strcmp(slash, "/byteorder") == 0) {
        blob *order;
        reshift_status status = archive_item_load(item, 64, &order, error);
        z->r->big_endian = status == RESHIFT_OK && order->size == 3 && memcmp(order->data, "big", 3) == 0;
        if (status == RESHIFT_OK && !z->r->big_endian && (order->size != 6 || memcmp(order->data, "little", 6) != 0)) {
            status = refuse(error, RESHIFT_ERROR_UNSUPPORTED, z->r->name, -1,
                            "expected byte order 'little' or 'big', found '%.*s'", (int)order->size,
                            (const char *)order->data);
        }
        blob_drop(&order);
        return status;
    }
    return RESHIFT_OK;
}

/*
 * Second walk: the storages that the pickle refers to, none larger than declared. A compressed storage is unpacked into
 * memory and counts against the reader's budget: a small file can declare storages of any size, and zeros compress a
 * thousandfold.
 */
static reshift_status visit_storage(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    (void)stop;
    zip_reader *z = context;
    size_t length = strlen(z->prefix);
    if (!item->is_file || strncmp(item->name, z->prefix, length) != 0 ||
        strncmp(item->name + length, "/data/", 6) != 0) {
        return RESHIFT_OK;
    }
    int64_t at = names_find(&z->r->keys, item->name + length + 6);
    if (at < 0) {
        return RESHIFT_OK;
    }
    torch_storage *s = &z->r->storages[at];
    if (s->about->unread) {
        return RESHIFT_OK;
    }
    if (s->b) {
        return refuse(error, RESHIFT_ERROR_FORMAT, z->r->name, -1, "expected one entry '%s', found two", item->name);
    }
    if (!item->is_stored && s->bytes > z->r->budget_bytes) {
        return refuse(error, RESHIFT_ERROR_MEMORY, z->r->name, -1,
                      "storage '%s' of %zu bytes unpacks to more memory than a file of %zu bytes is allowed",
                      s->about->key, s->bytes, z->r->file->size);
    }
    reshift_status status = archive_item_load(item, s->bytes, &s->b, error);
    if (status == RESHIFT_OK && !item->is_stored) {
        z->r->budget_bytes -= s->b->size; /* at most s->bytes */
    }
    if (status == RESHIFT_OK && s->b->size != s->bytes) {
        status = refuse(error, RESHIFT_ERROR_FORMAT, z->r->name, -1, "storage '%s': expected %zu bytes, found %zu",
                        s->about->key, s->bytes, s->b->size);
    }
    return status;
}

reshift_status torch_zip_read(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error)
{
    torch_reader r;
    torch_reader_open(&r, b, name, tensors, error);
    zip_reader z = {.r = &r};
    reshift_status status = archive_walk(b, name, visit_description, &z, error);
    if (status == RESHIFT_OK && !z.pickled) {
        status = refuse_kind(error, RESHIFT_ERROR_FORMAT, name, "a checkpoint (a zip with NAME/data.pkl)", b->data,
                             b->size, NULL);
    }
    if (status == RESHIFT_OK) {
        status = pickle_open(z.pickled->data, z.pickled->size, name, 0, &r.p, NULL, error);
    }
    if (status == RESHIFT_OK) {
        status = torch_reader_gather(&r);
    }
    if (status == RESHIFT_OK) {
        status = archive_walk(b, name, visit_storage, &z, error);
    }
    if (status == RESHIFT_OK) {
        status = torch_reader_finish(&r);
    }
    torch_reader_close(&r);
    blob_drop(&z.pickled);
    return status;
}

/* The legacy container */

static const uint8_t legacy_magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

static reshift_status next_pickle(const torch_reader *r, size_t *at, pickle **p)
{
    size_t used;
    reshift_status status =
        pickle_open(r->file->data + *at, r->file->size - *at, r->name, (int64_t)*at, p, &used, r->error);
    if (status == RESHIFT_OK) {
        *at += used;
    }
    return status;
}

/* Magic number, protocol version and system information: the three pickles before the tensors' pickle. */
static reshift_status read_preamble(const torch_reader *r, size_t *at)
{
    pickle *p;
    reshift_status status = next_pickle(r, at, &p);
    if (status != RESHIFT_OK) {
        return status;
    }
    const pickle_value *magic = pickle_root(p);
    if (magic->kind != PICKLE_LONG || magic->length != sizeof legacy_magic ||
        memcmp(magic->text, legacy_magic, sizeof legacy_magic) != 0) {
        status = refuse(r->error, RESHIFT_ERROR_UNSUPPORTED, r->name, 0,
                        "a pickle, but not one of PyTorch's: expected its magic number first");
    }
    pickle_close(&p);
    int64_t version = 0;
    if (status == RESHIFT_OK && (status = next_pickle(r, at, &p)) == RESHIFT_OK) {
        if (!pickle_get_int(pickle_root(p), &version) || version != 1001) {
            status = refuse(r->error, RESHIFT_ERROR_UNSUPPORTED, r->name, (int64_t)*at,
                            "expected protocol version 1001, found %" PRId64, version);
        }
        pickle_close(&p);
    }
    if (status == RESHIFT_OK && (status = next_pickle(r, at, &p)) == RESHIFT_OK) {
        pickle_close(&p); /* system information, ignored: PyTorch always writes storages little-endian here */
    }
    return status;
}

/* One storage after the pickles: int64 count, elements. */
static reshift_status read_storage(torch_reader *r, const pickle_value *key, size_t *at)
{
    char text[256];
    bool right = (key->kind == PICKLE_TEXT || key->kind == PICKLE_BYTES) && key->length < sizeof text;
    if (right) {
        memcpy(text, key->text, key->length);
        text[key->length] = '\0';
    }
    int64_t index = right ? names_find(&r->keys, text) : -1;
    if (index < 0 || r->storages[index].b) {
        return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, (int64_t)*at, "the list of storages names one that %s",
                      index < 0 ? "no tensor uses" : "stands there already");
    }
    torch_storage *s = &r->storages[index];
    uint64_t count = 0;
    if (s->about->unread && s->about->unread_bytes == 0) {
        return refuse(r->error, RESHIFT_ERROR_UNSUPPORTED, r->name, (int64_t)*at,
                      "storage '%s' is one of '%s', whose size is not known", text, s->about->unread);
    }
    if (r->file->size - *at < 8) {
        return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, (int64_t)*at, "the file ends before storage '%s'", text);
    }
    for (size_t i = 8; i-- > 0;) {
        count = count << 8 | r->file->data[*at + i];
    }
    if (count != (uint64_t)s->about->count) {
        return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, (int64_t)*at,
                      "storage '%s': expected %" PRId64 " elements, found %" PRIu64, text, s->about->count, count);
    }
    *at += 8;
    if (s->bytes > r->file->size - *at) {
        return refuse(r->error, RESHIFT_ERROR_FORMAT, r->name, (int64_t)*at,
                      "storage '%s': expected %zu bytes, the file has %zu left", text, s->bytes, r->file->size - *at);
    }
    s->b = blob_slice(r->file, *at, s->bytes);
    *at += s->bytes;
    return s->b ? RESHIFT_OK : error_memory(r->error, sizeof *s->b, "a storage");
}

reshift_status torch_legacy_read(blob *b, const char *name, reshift_tensors *tensors, reshift_error *error)
{
    torch_reader r;
    torch_reader_open(&r, b, name, tensors, error);
    size_t at = 0;
    pickle *keys = NULL;
    reshift_status status = read_preamble(&r, &at);
    if (status == RESHIFT_OK) {
        status = next_pickle(&r, &at, &r.p);
    }
    if (status == RESHIFT_OK) {
        status = torch_reader_gather(&r);
    }
    if (status == RESHIFT_OK) {
        status = next_pickle(&r, &at, &keys);
    }
    if (status == RESHIFT_OK && pickle_root(keys)->kind != PICKLE_LIST) {
        status = refuse(error, RESHIFT_ERROR_FORMAT, name, (int64_t)at, "expected the list of storages");
    }
    for (size_t i = 0; status == RESHIFT_OK && i < pickle_root(keys)->length; i++) {
        status = read_storage(&r, pickle_root(keys)->items[i], &at);
    }
    if (status == RESHIFT_OK && at != b->size) { /* torch.load() stops here, too */
        char remark[128];
        snprintf(remark, sizeof remark, "%zu bytes after the last storage were not read", b->size - at);
        status = tensors_add_remark(tensors, remark, error);
    }
    if (status == RESHIFT_OK) {
        status = torch_reader_finish(&r);
    }
    pickle_close(&keys);
    torch_reader_close(&r);
    return status;
}
