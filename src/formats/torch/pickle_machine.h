/*
 * Internals of the restricted unpickler: the arena of all values, the machine that runs the opcodes, and the objects it
 * may construct. Only pickle*.c include this file.
 */
#ifndef FORMATS_TORCH_PICKLE_MACHINE_H
#define FORMATS_TORCH_PICKLE_MACHINE_H

#include "formats/torch/pickle.h"

/** The meaning of a global name; the table is in pickle_construct.c. */
typedef enum pickle_role {
    ROLE_DICT, /* OrderedDict, Counter: a dict from pairs or from a dict */
    ROLE_DEFAULTDICT,
    ROLE_SET,
    ROLE_SIZE,
    ROLE_TENSOR,
    ROLE_TENSOR_V2,
    ROLE_TENSOR_V3,
    ROLE_PARAMETER,
    ROLE_FROM_TYPE,
    ROLE_DEVICE_TENSOR, /* created from a NumPy array or a CPU tensor */
    ROLE_TENSOR_CLASS,
    ROLE_STORAGE_CLASS,
    ROLE_UNREAD_STORAGE_CLASS,
    ROLE_UNTYPED_STORAGE_CLASS,
    ROLE_TORCH_DTYPE,
    ROLE_ARRAY,
    ROLE_ARRAY_CLASS,
    ROLE_ARRAY_FROM_BUFFER,
    ROLE_NUMPY_DTYPE,
    ROLE_NUMPY_SCALAR,
    ROLE_ENCODE,
    ROLE_BYTES
} pickle_role;

typedef struct pickle_global {
    const char *module, *name;
    pickle_role role;
    reshift_dtype dtype; /* of a storage class or torch dtype */
} pickle_global;

/** The meaning of a PICKLE_OTHER value. */
typedef struct pickle_special {
    const pickle_global *global;   /* a global of the table, or NULL */
    const pickle_storage *storage; /* a torch storage, or NULL */
    reshift_dtype dtype;           /* if both are NULL: a NumPy dtype */
    bool big_endian;
} pickle_special;

/** Additional data of a container. */
typedef struct pickle_container {
    size_t capacity;
    int state; /* for the final check: 0 not visited, 1 being walked, 2 done */
    int height;
    uint64_t weight; /* number of values below it, counting shared values each time */
} pickle_container;

typedef struct pickle_machine {
    pickle *p;
    const uint8_t *bytes;
    size_t size, at;
    const char *name;
    int64_t offset;
    reshift_error *error;
    pickle_value **stack;
    size_t n_stack, stack_capacity;
    size_t *marks;
    size_t n_marks, marks_capacity;
    pickle_value **memo;
    size_t memo_capacity, n_memo;
} pickle_machine;

/**
 * Zeroed memory owned by the pickle. NULL beyond its limit or when out of memory (report it with pickle_no_memory()).
 */
void *pickle_allocate(pickle *p, size_t count, size_t size);
/** Appends to the list returned by pickle_storages(), which takes ownership. */
void pickle_add_storage(pickle *p, pickle_storage *storage);
pickle_value *pickle_new(pickle *p, pickle_kind kind);
/** Creates a placeholder; NULL when out of memory. */
pickle_value *pickle_new_object(pickle *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Turns `value`, of any kind, into a placeholder. */
reshift_status pickle_become_object(pickle_machine *m, pickle_value *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
reshift_status pickle_no_memory(pickle_machine *m);
/** FORMAT and UNSUPPORTED errors at the current position of the machine. */
reshift_status pickle_damaged(pickle_machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
reshift_status pickle_unsupported(pickle_machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Appends to a list, tuple or dict (alternating keys and values). */
reshift_status pickle_push_item(pickle_machine *m, pickle_value *container, pickle_value *item);

/* The stack. Values below the last mark are not accessible. */
size_t machine_depth(const pickle_machine *m); /* above the last mark */
reshift_status machine_push(pickle_machine *m, pickle_value *value);
pickle_value *machine_top(const pickle_machine *m);
reshift_status machine_need(pickle_machine *m, size_t n); /* FORMAT if there are fewer */
reshift_status machine_mark(pickle_machine *m);
/** Removes the last mark. *items points to the *n values above it; they are popped. */
reshift_status machine_unmark(pickle_machine *m, pickle_value ***items, size_t *n);

/* Operands of opcodes: little-endian numbers, lines, and values. */
reshift_status machine_take_number(pickle_machine *m, size_t width, uint64_t *number);
reshift_status machine_take_line(pickle_machine *m, char *line, size_t size);
reshift_status machine_push_int(pickle_machine *m, int64_t integer);
reshift_status machine_push_bool(pickle_machine *m, bool boolean);
reshift_status machine_push_text(pickle_machine *m, pickle_kind kind, size_t width);
reshift_status machine_push_long(pickle_machine *m, size_t width);
reshift_status machine_push_float(pickle_machine *m);
reshift_status machine_push_int_line(pickle_machine *m);
reshift_status machine_push_long_line(pickle_machine *m);

/** Runs opcodes up to STOP. *root is the value left on the stack. */
reshift_status pickle_run(pickle_machine *m, pickle_value **root);

reshift_status pickle_resolve_global(pickle_machine *m, const char *module, const char *name, pickle_value **value);
reshift_status pickle_call(pickle_machine *m, const pickle_value *callable, pickle_value *arguments,
                           pickle_value **value);
reshift_status pickle_set_state(pickle_machine *m, pickle_value *target, pickle_value *state);
reshift_status pickle_persistent(pickle_machine *m, const pickle_value *id, pickle_value **value);

#endif
