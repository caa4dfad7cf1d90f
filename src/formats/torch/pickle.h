/*
 * Python pickles, read without Python: a restricted unpickler that builds a tree of plain values and calls nothing.
 *
 * Constructed are None, bool, int, float, str, bytes, list, tuple, set (as a list), dict (and its relatives), NumPy arrays
 * and numbers, and PyTorch tensors as descriptions of their place in a storage. Any other class or function that a file
 * names, and whatever would be made with it, becomes a placeholder with that name: an object is passed over, never
 * constructed. Protocols 1 to 5, Python 2's strings included. The tree has no cycles and at most PICKLE_DEPTH_MAX levels:
 * what goes beyond is cut off and a placeholder stands there. Trees that sharing would blow up are refused.
 */
#ifndef FORMATS_TORCH_PICKLE_H
#define FORMATS_TORCH_PICKLE_H

#include "formats/blob.h"

typedef enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_LONG, /* an int beyond 64 bits: little-endian two's complement in text, length */
    PICKLE_FLOAT,
    PICKLE_TEXT,  /* str: UTF-8 */
    PICKLE_BYTES, /* bytes, bytearray, and Python 2's str */
    PICKLE_LIST,
    PICKLE_TUPLE,
    PICKLE_DICT,
    PICKLE_ARRAY,  /* numpy.ndarray */
    PICKLE_TENSOR, /* torch.Tensor or Parameter */
    PICKLE_OBJECT, /* a placeholder: text is the name of a class or function, or says in words what was passed over */
    PICKLE_OTHER   /* of the machine's own, never in a finished tree except as a torch storage or dtype */
} pickle_kind;

/** Levels of nesting that are read. */
#define PICKLE_DEPTH_MAX 200

typedef struct pickle_value pickle_value;

/** A stretch of a PyTorch storage: where a tensor's elements are. Keys name storages; the container holds their bytes.
 */
typedef struct pickle_storage {
    reshift_dtype dtype;
    bool untyped;                    /* counted in bytes; the tensor names its dtype */
    const char *unread;              /* the class of a storage whose elements are not read (complex, quantised), or NULL */
    size_t unread_bytes;             /* then: bytes of an element, 0 where it is not known */
    const char *key;                 /* NUL-terminated */
    int64_t count;                   /* elements of the whole storage */
    int64_t view_offset, view_count; /* legacy files: a part of the storage, in elements; else 0, count */
    const struct pickle_storage *next;
} pickle_storage;

typedef struct pickle_tensor {
    const pickle_storage *storage;
    reshift_dtype dtype;
    int64_t offset; /* elements from the start of the storage's view */
    int n_dims;
    int64_t shape[RESHIFT_MAX_DIMS],
        stride[RESHIFT_MAX_DIMS]; /* stride in elements; not yet checked against the storage */
} pickle_tensor;

/** data: the elements in file order; checked to hold the whole shape. */
typedef struct pickle_array {
    reshift_dtype dtype;
    bool big_endian, fortran_order;
    int n_dims;
    int64_t shape[RESHIFT_MAX_DIMS];
    const uint8_t *data;
} pickle_array;

struct pickle_value {
    pickle_kind kind;
    bool boolean;
    int64_t integer;
    double number;
    const char *text; /* TEXT, BYTES, LONG: `length` bytes, a NUL behind them is not promised; OBJECT: with a NUL */
    size_t length;
    pickle_value *
        *items; /* LIST, TUPLE: `length` values; DICT: 2 * length, key and value in turn, in insertion order */
    pickle_value *state, *content; /* OBJECT: what it was given as state; its items as a LIST or DICT. Or NULL */
    pickle_tensor *tensor;
    pickle_array *array;
    void *other; /* of the machine */
};

/** All values of one pickle; they live until pickle_close(). */
typedef struct pickle pickle;

/**
 * Reads the pickle at the start of `bytes`, which outlives it (texts and arrays may point there); `name` and `offset`
 * (of `bytes` within the file) are for messages. *used, unless NULL, becomes the bytes up to and with the STOP opcode.
 * Errors: FORMAT (with the byte), UNSUPPORTED (an opcode of protocol 0, too many values), MEMORY (also when the limit of
 * memory is passed).
 */
reshift_status pickle_open(const uint8_t *bytes, size_t size, const char *name, int64_t offset, pickle **p,
                           size_t *used, reshift_error *error);
void pickle_close(pickle **p);

const pickle_value *pickle_root(const pickle *p);
/** Every mention of a storage, a list by `next`: one storage may be mentioned often. NULL where there is none. */
const pickle_storage *pickle_storages(const pickle *p);
/** The value under a str or bytes key of a dict; NULL where `dict` is none or has no such key. The last one counts. */
const pickle_value *pickle_find(const pickle_value *dict, const char *key);
/** True for TEXT and BYTES equal to `text`. */
bool pickle_is_text(const pickle_value *value, const char *text);
/** True for INT, BOOL and an integral FLOAT; NumPy's numbers are such. */
bool pickle_get_int(const pickle_value *value, int64_t *integer);

/** The NumPy array of a value as an array of its own, C order, native endian (a copy). Errors: SHAPE (no array),
 * MEMORY. */
reshift_status pickle_copy_array(const pickle_value *value, reshift_array *array, reshift_error *error);

#endif
