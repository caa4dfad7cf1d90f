/*
 * Python pickles, read without Python: a restricted unpickler that builds a tree of plain values and calls nothing.
 *
 * The reader constructs None, bool, int, float, str, bytes, list, tuple, set (as a list), dict (and its variants),
 * NumPy arrays and numbers, and PyTorch tensors as descriptions of a range of a storage. Any other class or function
 * that a file names, and every object it would create, becomes a placeholder with that name and is never constructed.
 * Protocols 1 to 5 are supported, including Python 2's strings. The tree has no cycles and at most PICKLE_DEPTH_MAX
 * levels: deeper values are replaced by a placeholder. Trees whose size explodes through shared values are refused.
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
    PICKLE_OBJECT, /* a placeholder: text is the name of a class or function, or describes what was skipped */
    PICKLE_OTHER   /* internal to the machine; in a finished tree only as a torch storage or dtype */
} pickle_kind;

/** Maximum nesting depth. */
#define PICKLE_DEPTH_MAX 200

typedef struct pickle_value pickle_value;

/**
 * A range of a PyTorch storage that holds a tensor's elements. Keys identify storages; the container holds their bytes.
 */
typedef struct pickle_storage {
    reshift_dtype dtype;
    bool untyped;                    /* counted in bytes; the tensor has the dtype */
    const char *unread;              /* class of a storage whose elements are not read (complex, quantised), or NULL */
    size_t unread_bytes;             /* with `unread`: bytes per element, 0 if unknown */
    const char *key;                 /* NUL-terminated */
    int64_t count;                   /* elements of the whole storage */
    int64_t view_offset, view_count; /* legacy files: a part of the storage, in elements; else 0, count */
    const struct pickle_storage *next;
} pickle_storage;

typedef struct pickle_tensor {
    const pickle_storage *storage;
    reshift_dtype dtype;
    int64_t offset; /* in elements, from the start of the storage's view */
    int n_dims;
    int64_t shape[RESHIFT_MAX_DIMS], stride[RESHIFT_MAX_DIMS]; /* in elements; not yet checked against the storage */
} pickle_tensor;

/** data: the elements in file order; checked to contain the whole shape. */
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
    const char *text; /* TEXT, BYTES, LONG: `length` bytes, maybe without a NUL; OBJECT: NUL-terminated */
    size_t length;
    pickle_value *
        *items; /* LIST, TUPLE: `length` values; DICT: 2 * length, alternating keys and values, in insertion order */
    pickle_value *state, *content; /* OBJECT: its state; its items as a LIST or DICT. NULL if absent */
    pickle_tensor *tensor;
    pickle_array *array;
    void *other; /* of the machine */
};

/** All values of one pickle. They are valid until pickle_close(). */
typedef struct pickle pickle;

/**
 * Reads the pickle at the start of `bytes`, which must outlive it (texts and arrays may point there). `name` and
 * `offset` (of `bytes` within the file) are for messages. *used, unless NULL, receives the number of bytes up to and
 * including the STOP opcode. Errors: FORMAT (with the byte), UNSUPPORTED (an opcode of protocol 0, too many values),
 * MEMORY (also if the memory limit is exceeded).
 */
reshift_status pickle_open(const uint8_t *bytes, size_t size, const char *name, int64_t offset, pickle **p,
                           size_t *used, reshift_error *error);
void pickle_close(pickle **p);

const pickle_value *pickle_root(const pickle *p);
/** All references to storages, linked by `next`; a storage may occur several times. NULL if there are none. */
const pickle_storage *pickle_storages(const pickle *p);
/**
 * The value under a str or bytes key of a dict, the last one if the key is repeated. NULL if `dict` is not a dict or
 * has no such key.
 */
const pickle_value *pickle_find(const pickle_value *dict, const char *key);
/** True for TEXT and BYTES equal to `text`. */
bool pickle_is_text(const pickle_value *value, const char *text);
/** True for INT, BOOL and an integral FLOAT, including NumPy's numbers. */
bool pickle_get_int(const pickle_value *value, int64_t *integer);

/**
 * Copies the NumPy array of a value to a new array in C order and native byte order. Errors: SHAPE (not an array),
 * MEMORY.
 */
reshift_status pickle_copy_array(const pickle_value *value, reshift_array *array, reshift_error *error);

#endif
