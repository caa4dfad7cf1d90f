/*
 * The .npy format (NumPy enhancement proposal 1): magic, version, header length, a Python dict literal, the data. The
 * literal is parsed by a parser for exactly its grammar; nothing is evaluated.
 */
#include "formats/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "formats/archive.h"
#include "formats/layout.h"
#include "formats/what_is_this.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_BYTES 6
#define HEADER_BYTES_MAX (1u << 20)

static const struct {
    char kind, digit;
    reshift_dtype dtype;
} dtypes[] = {
    {'b', '1', RESHIFT_BOOL}, {'u', '1', RESHIFT_U8},  {'i', '1', RESHIFT_I8},  {'u', '2', RESHIFT_U16},
    {'i', '2', RESHIFT_I16},  {'u', '4', RESHIFT_U32}, {'i', '4', RESHIFT_I32}, {'u', '8', RESHIFT_U64},
    {'i', '8', RESHIFT_I64},  {'f', '2', RESHIFT_F16}, {'f', '4', RESHIFT_F32}, {'f', '8', RESHIFT_F64},
};

typedef struct header {
    reshift_dtype dtype;
    bool big_endian;
    bool fortran_order;
    int n_dims;
    int64_t shape[RESHIFT_MAX_DIMS];
} header;

/* State of the parser: position, and what is needed for error messages. */
typedef struct cursor {
    const blob *b;
    const char *name;
    size_t at, end;
    reshift_error *error;
} cursor;

static int peek(cursor *c)
{
    while (c->at < c->end && strchr(" \t\r\n", c->b->data[c->at]) && c->b->data[c->at]) {
        c->at++;
    }
    return c->at < c->end ? c->b->data[c->at] : -1;
}

static bool take(cursor *c, char wanted)
{
    if (peek(c) != wanted) {
        return false;
    }
    c->at++;
    return true;
}

static reshift_status expected(cursor *c, const char *what)
{
    int found = peek(c);
    if (found < 0) {
        return refuse(c->error, RESHIFT_ERROR_FORMAT, c->name, (int64_t)c->at, "header: expected %s, found its end",
                      what);
    }
    return refuse(c->error, RESHIFT_ERROR_FORMAT, c->name, (int64_t)c->at,
                  found >= 32 && found < 127 ? "header: expected %s, found '%c'" : "header: expected %s, found byte %d",
                  what, found);
}

static reshift_status parse_text(cursor *c, char *text, size_t size, const char *what)
{
    int quote = peek(c);
    if (quote != '\'' && quote != '"') {
        return expected(c, what);
    }
    size_t begin = ++c->at;
    while (c->at < c->end && c->b->data[c->at] != quote) {
        c->at++;
    }
    size_t length = c->at - begin;
    if (c->at >= c->end || length >= size) {
        return refuse(c->error, RESHIFT_ERROR_FORMAT, c->name, (int64_t)begin, "header: %s does not end", what);
    }
    c->at++;
    memcpy(text, c->b->data + begin, length);
    text[length] = '\0';
    return RESHIFT_OK;
}

bool npy_dtype(const char *text, reshift_dtype *dtype, bool *big_endian)
{
    const char *type = text[0] && strchr("<>|=", text[0]) ? text + 1 : text;
    if (strcmp(type, "?") == 0) {
        type = "b1";
    }
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (type[0] == dtypes[i].kind && type[1] == dtypes[i].digit && type[2] == '\0') {
            *dtype = dtypes[i].dtype;
            *big_endian = text[0] == '>' && dtypes[i].digit != '1';
            return true;
        }
    }
    return false;
}

static reshift_status parse_descr(cursor *c, header *h)
{
    if (peek(c) == '[' || peek(c) == '(') {
        return refuse(c->error, RESHIFT_ERROR_UNSUPPORTED, c->name, (int64_t)c->at,
                      "expected an array of numbers, found one of records");
    }
    char text[64] = "";
    size_t begin = c->at;
    reshift_status status = parse_text(c, text, sizeof text, "a dtype");
    if (status != RESHIFT_OK) {
        return status;
    }
    if (npy_dtype(text, &h->dtype, &h->big_endian)) {
        return RESHIFT_OK;
    }
    refuse(c->error, RESHIFT_ERROR_UNSUPPORTED, c->name, (int64_t)begin, "dtype '%s' is not one reshift reads", text);
    error_hint(c->error, "save it as one of bool, uint8 to uint64, int8 to int64, float16, float32, float64");
    return RESHIFT_ERROR_UNSUPPORTED;
}

static reshift_status parse_bool(cursor *c, bool *value)
{
    peek(c);
    size_t left = c->end - c->at;
    if (left >= 4 && memcmp(c->b->data + c->at, "True", 4) == 0) {
        *value = true;
        c->at += 4;
        return RESHIFT_OK;
    }
    if (left >= 5 && memcmp(c->b->data + c->at, "False", 5) == 0) {
        *value = false;
        c->at += 5;
        return RESHIFT_OK;
    }
    return expected(c, "True or False");
}

static reshift_status parse_extent(cursor *c, int64_t *extent)
{
    int first = peek(c);
    if (first < '0' || first > '9') {
        return expected(c, "an extent");
    }
    int64_t value = 0;
    size_t begin = c->at;
    for (; c->at < c->end && c->b->data[c->at] >= '0' && c->b->data[c->at] <= '9'; c->at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, c->b->data[c->at] - '0', &value)) {
            return refuse(c->error, RESHIFT_ERROR_FORMAT, c->name, (int64_t)begin, "header: an extent beyond 2^63");
        }
    }
    if (c->at < c->end && c->b->data[c->at] == 'L') {
        c->at++; /* Python 2 wrote long integers with an L */
    }
    *extent = value;
    return RESHIFT_OK;
}

static reshift_status parse_shape(cursor *c, header *h)
{
    if (!take(c, '(')) {
        return expected(c, "'(' of the shape");
    }
    h->n_dims = 0;
    bool comma = true;
    while (!take(c, ')')) {
        if (!comma) {
            return expected(c, "',' or ')' of the shape");
        }
        if (h->n_dims == RESHIFT_MAX_DIMS) {
            return refuse(c->error, RESHIFT_ERROR_UNSUPPORTED, c->name, (int64_t)c->at,
                          "expected at most %d dimensions, found more", RESHIFT_MAX_DIMS);
        }
        reshift_status status = parse_extent(c, &h->shape[h->n_dims++]);
        if (status != RESHIFT_OK) {
            return status;
        }
        comma = take(c, ',');
    }
    return RESHIFT_OK;
}

static reshift_status parse_header(cursor *c, header *h)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    int seen = 0;
    if (!take(c, '{')) {
        return expected(c, "'{'");
    }
    while (!take(c, '}')) {
        char key[32] = "";
        size_t begin = c->at;
        reshift_status status = parse_text(c, key, sizeof key, "a key");
        if (status != RESHIFT_OK) {
            return status;
        }
        int bit = strcmp(key, "descr") == 0           ? DESCR
                  : strcmp(key, "fortran_order") == 0 ? ORDER
                  : strcmp(key, "shape") == 0         ? SHAPE
                                                      : 0;
        if (bit == 0 || (seen & bit)) {
            return refuse(c->error, RESHIFT_ERROR_FORMAT, c->name, (int64_t)begin, "header: key '%s' %s", key,
                          bit ? "stands twice" : "is none of descr, fortran_order, shape");
        }
        seen |= bit;
        if (!take(c, ':')) {
            return expected(c, "':'");
        }
        status = bit == DESCR ? parse_descr(c, h) : bit == ORDER ? parse_bool(c, &h->fortran_order) : parse_shape(c, h);
        if (status != RESHIFT_OK) {
            return status;
        }
        if (!take(c, ',') && peek(c) != '}') {
            return expected(c, "',' or '}'");
        }
    }
    if (seen != (DESCR | ORDER | SHAPE)) {
        return refuse(c->error, RESHIFT_ERROR_FORMAT, c->name, (int64_t)c->at, "header: expected key '%s', found none",
                      !(seen & DESCR)   ? "descr"
                      : !(seen & ORDER) ? "fortran_order"
                                        : "shape");
    }
    return peek(c) < 0 ? RESHIFT_OK : expected(c, "its end");
}

bool npy_is(const blob *b) { return b->size >= MAGIC_BYTES && memcmp(b->data, MAGIC, MAGIC_BYTES) == 0; }

/* Finds and parses the header. *data is the offset of the first element. */
static reshift_status read_header(const blob *b, const char *name, header *h, size_t *data, reshift_error *error)
{
    if (!npy_is(b)) {
        return refuse_kind(error, RESHIFT_ERROR_FORMAT, name, "a .npy file", b->data, b->size, NULL);
    }
    int version = b->size > MAGIC_BYTES ? b->data[MAGIC_BYTES] : 0;
    if (b->size > MAGIC_BYTES && (version < 1 || version > 3)) {
        return refuse(error, RESHIFT_ERROR_UNSUPPORTED, name, MAGIC_BYTES, "expected .npy version 1 to 3, found %d",
                      version);
    }
    if (b->size > MAGIC_BYTES + 1 && b->data[MAGIC_BYTES + 1] != 0) {
        return refuse(error, RESHIFT_ERROR_UNSUPPORTED, name, MAGIC_BYTES + 1,
                      "expected .npy version 1.0, 2.0 or 3.0, found %d.%d", version, b->data[MAGIC_BYTES + 1]);
    }
    size_t length_bytes = version == 1 ? 2 : 4, begin = MAGIC_BYTES + 2 + length_bytes, length = 0;
    if (b->size < begin) {
        return refuse(error, RESHIFT_ERROR_FORMAT, name, (int64_t)b->size, "the file ends within the .npy header");
    }
    for (size_t i = length_bytes; i-- > 0;) {
        length = length << 8 | b->data[MAGIC_BYTES + 2 + i];
    }
    if (length > HEADER_BYTES_MAX || length > b->size - begin) {
        return refuse(error, RESHIFT_ERROR_FORMAT, name, MAGIC_BYTES + 2,
                      "the .npy header has %zu bytes, the file has %zu left", length, b->size - begin);
    }
    cursor c = {b, name, begin, begin + length, error};
    *data = begin + length;
    return parse_header(&c, h);
}

reshift_status npy_read(blob *b, const char *name, reshift_array *array, reshift_error *error)
{
    memset(array, 0, sizeof *array);
    header h = {0};
    size_t begin = 0, bytes = 0;
    reshift_status status = read_header(b, name, &h, &begin, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (!shape_bytes(h.dtype, h.n_dims, h.shape, &bytes)) {
        return refuse(error, RESHIFT_ERROR_FORMAT, name, (int64_t)begin, "the shape does not fit any memory");
    }
    if (bytes != b->size - begin) {
        refuse(error, RESHIFT_ERROR_FORMAT, name, (int64_t)begin, "the shape takes %zu bytes of data, found %zu", bytes,
               b->size - begin);
        error_hint(error, bytes < b->size - begin
                              ? "NumPy passes over bytes after the array: np.save(NEW, np.load(FILE)) "
                                "writes a file without them"
                              : "the file was cut short: fetch or write it again");
        return RESHIFT_ERROR_FORMAT;
    }
    bool rearranged = h.fortran_order && h.n_dims > 1;
    if (!rearranged && !h.big_endian) {
        return blob_array(b, b->data + begin, h.dtype, h.n_dims, h.shape, array, error);
    }
    status = reshift_array_create(h.dtype, h.n_dims, h.shape, array, error);
    if (status == RESHIFT_OK) {
        int64_t stride[RESHIFT_MAX_DIMS];
        layout_strides(h.n_dims, h.shape, h.fortran_order, stride);
        layout_copy(reshift_dtype_size(h.dtype), h.n_dims, h.shape, stride, h.big_endian, b->data + begin, array->data);
    }
    return status;
}

reshift_status reshift_array_load_npy(const char *path, reshift_array *array, reshift_error *error)
{
    memset(array, 0, sizeof *array);
    char *file = path_without_part(path);
    if (!file) {
        return error_memory(error, strlen(path), "a path");
    }
    blob *b;
    const char *member = path_part(path), *kind = NULL;
    reshift_status status = blob_open(file, &b, error);
    if (status == RESHIFT_OK) {
        bool zip = !npy_is(b) && archive_is(b, &kind) && strcmp(kind, "zip") == 0;
        status = zip      ? npz_read(b, file, member, array, error)
                 : member ? error_set(error, RESHIFT_ERROR_NOT_FOUND, "'%s' is no .npz archive: it has no part '%s'",
                                      file, member)
                          : npy_read(b, file, array, error);
        blob_drop(&b);
    }
    free(file);
    return status;
}

/*
 * Writes the header as NumPy does since 1.24: room for the first extent to grow to 21 digits, then spaces up to 64
 * bytes.
 */
static reshift_status write_header(npy_writer *writer, reshift_dtype dtype, int n_dims, const int64_t *shape,
                                   reshift_error *error)
{
    size_t i = 0;
    while (dtypes[i].dtype != dtype) {
        i++;
    }
    char text[512];
    int length = snprintf(text, sizeof text, "{'descr': '%c%c%c', 'fortran_order': False, 'shape': (",
                          dtypes[i].digit == '1' ? '|' : '<', dtypes[i].kind, dtypes[i].digit);
    int growth = 0;
    for (int d = 0; d < n_dims; d++) {
        int digits = snprintf(text + length, sizeof text - (size_t)length, "%lld", (long long)shape[d]);
        length += digits;
        growth = d == 0 ? 21 - digits : growth;
        length += snprintf(text + length, sizeof text - (size_t)length, "%s",
                           d + 1 < n_dims ? ", "
                           : n_dims == 1  ? ","
                                          : "");
    }
    length += snprintf(text + length, sizeof text - (size_t)length, "), }%*s", growth, "");
    uint8_t start[MAGIC_BYTES + 4];
    size_t total = memory_align(sizeof start + (size_t)length + 1); /* a multiple of 64 */
    memcpy(start, MAGIC "\x01\x00", MAGIC_BYTES + 2);
    start[MAGIC_BYTES + 2] = (uint8_t)((total - sizeof start) & 255);
    start[MAGIC_BYTES + 3] = (uint8_t)((total - sizeof start) >> 8);
    reshift_status status = file_writer_write(&writer->file, start, sizeof start, error);
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer->file, error, "%s%*s\n", text,
                                    (int)(total - sizeof start - (size_t)length - 1), "");
    }
    return status;
}

reshift_status npy_writer_open(const char *path, reshift_dtype dtype, int n_dims, const int64_t *shape, bool overwrite,
                               npy_writer *writer, reshift_error *error)
{
    memset(writer, 0, sizeof *writer);
    if (dtype == RESHIFT_BF16) {
        error_set(error, RESHIFT_ERROR_UNSUPPORTED, "cannot write '%s': .npy has no bfloat16", path);
        error_hint(error, "write float32 instead");
        return RESHIFT_ERROR_UNSUPPORTED;
    }
    if (n_dims < 0 || n_dims > RESHIFT_MAX_DIMS || !shape_bytes(dtype, n_dims, shape, &writer->expected_bytes)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot write '%s': an array of this shape is impossible",
                         path);
    }
    reshift_status status = file_writer_open(path, overwrite, &writer->file, error);
    if (status == RESHIFT_OK) {
        status = write_header(writer, dtype, n_dims, shape, error);
    }
    if (status != RESHIFT_OK) {
        npy_writer_abort(writer);
    }
    return status;
}

reshift_status npy_writer_append(npy_writer *writer, const void *bytes, size_t count, reshift_error *error)
{
    if (count > writer->expected_bytes - writer->written_bytes) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "cannot write '%s': its shape takes %zu bytes, given at least %zu",
                         file_writer_path(&writer->file), writer->expected_bytes, writer->written_bytes + count);
    }
    reshift_status status = file_writer_write(&writer->file, bytes, count, error);
    if (status == RESHIFT_OK) {
        writer->written_bytes += count;
    }
    return status;
}

reshift_status npy_writer_commit(npy_writer *writer, reshift_error *error)
{
    if (writer->written_bytes != writer->expected_bytes) {
        reshift_status status =
            error_set(error, RESHIFT_ERROR_SHAPE, "cannot write '%s': its shape takes %zu bytes, given %zu",
                      file_writer_path(&writer->file), writer->expected_bytes, writer->written_bytes);
        npy_writer_abort(writer);
        return status;
    }
    return file_writer_commit(&writer->file, error);
}

void npy_writer_abort(npy_writer *writer)
{
    if (writer) {
        file_writer_abort(&writer->file);
    }
}

reshift_status reshift_array_save_npy(const char *path, const reshift_array *array, bool overwrite,
                                      reshift_error *error)
{
    npy_writer writer;
    reshift_status status = npy_writer_open(path, array->dtype, array->n_dims, array->shape, overwrite, &writer, error);
    if (status == RESHIFT_OK) {
        status = npy_writer_append(&writer, array->data, writer.expected_bytes, error);
    }
    if (status == RESHIFT_OK) {
        status = npy_writer_commit(&writer, error);
    }
    npy_writer_abort(&writer);
    return status;
}
