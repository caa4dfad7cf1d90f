/*
 * The table of all names that are recognised in pickles, and the values they construct. Nothing is called: each name
 * stands for one plain value built here (a dict, a description of a tensor, an array, bytes). A name outside the table
 * becomes a placeholder, and so does every object made with it; it carries the name and has no effect.
 */
#include "formats/torch/pickle_machine.h"

#include <string.h>

#include "base/error.h"
#include "formats/layout.h"
#include "formats/npy.h"

static const pickle_global globals[] = {
    {"collections", "OrderedDict", ROLE_DICT, 0},
    {"collections", "Counter", ROLE_DICT, 0},
    {"collections", "defaultdict", ROLE_DEFAULTDICT, 0},
    {"builtins", "set", ROLE_SET, 0},
    {"builtins", "frozenset", ROLE_SET, 0},
    {"__builtin__", "set", ROLE_SET, 0},
    {"__builtin__", "frozenset", ROLE_SET, 0},
    {"torch", "Size", ROLE_SIZE, 0},
    {"torch._utils", "_rebuild_tensor", ROLE_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor_v2", ROLE_TENSOR_V2, 0},
    {"torch._utils", "_rebuild_tensor_v3", ROLE_TENSOR_V3, 0},
    {"torch._utils", "_rebuild_parameter", ROLE_PARAMETER, 0},
    {"torch._utils", "_rebuild_parameter_with_state", ROLE_PARAMETER, 0},
    {"torch._tensor", "_rebuild_from_type_v2", ROLE_FROM_TYPE, 0},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", ROLE_DEVICE_TENSOR, 0},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", ROLE_DEVICE_TENSOR, 0},
    {"torch._utils", "_rebuild_xla_tensor", ROLE_DEVICE_TENSOR, 0},
    {"torch", "Tensor", ROLE_TENSOR_CLASS, 0},
    {"torch.nn.parameter", "Parameter", ROLE_TENSOR_CLASS, 0},
    {"torch", "BoolStorage", ROLE_STORAGE_CLASS, RESHIFT_BOOL},
    {"torch", "ByteStorage", ROLE_STORAGE_CLASS, RESHIFT_U8},
    {"torch", "CharStorage", ROLE_STORAGE_CLASS, RESHIFT_I8},
    {"torch", "ShortStorage", ROLE_STORAGE_CLASS, RESHIFT_I16},
    {"torch", "IntStorage", ROLE_STORAGE_CLASS, RESHIFT_I32},
    {"torch", "LongStorage", ROLE_STORAGE_CLASS, RESHIFT_I64},
    {"torch", "HalfStorage", ROLE_STORAGE_CLASS, RESHIFT_F16},
    {"torch", "BFloat16Storage", ROLE_STORAGE_CLASS, RESHIFT_BF16},
    {"torch", "FloatStorage", ROLE_STORAGE_CLASS, RESHIFT_F32},
    {"torch", "DoubleStorage", ROLE_STORAGE_CLASS, RESHIFT_F64},
    {"torch", "ComplexFloatStorage", ROLE_UNREAD_STORAGE_CLASS, 0},
    {"torch", "ComplexDoubleStorage", ROLE_UNREAD_STORAGE_CLASS, 0},
    {"torch", "QUInt8Storage", ROLE_UNREAD_STORAGE_CLASS, 0},
    {"torch", "QInt8Storage", ROLE_UNREAD_STORAGE_CLASS, 0},
    {"torch", "QInt32Storage", ROLE_UNREAD_STORAGE_CLASS, 0},
    {"torch", "QUInt4x2Storage", ROLE_UNREAD_STORAGE_CLASS, 0},
    {"torch", "QUInt2x4Storage", ROLE_UNREAD_STORAGE_CLASS, 0},
    {"torch", "UntypedStorage", ROLE_UNTYPED_STORAGE_CLASS, RESHIFT_U8},
    {"torch.storage", "UntypedStorage", ROLE_UNTYPED_STORAGE_CLASS, RESHIFT_U8},
    {"torch.storage", "_UntypedStorage", ROLE_UNTYPED_STORAGE_CLASS, RESHIFT_U8},
    {"torch", "bool", ROLE_TORCH_DTYPE, RESHIFT_BOOL},
    {"torch", "uint8", ROLE_TORCH_DTYPE, RESHIFT_U8},
    {"torch", "int8", ROLE_TORCH_DTYPE, RESHIFT_I8},
    {"torch", "uint16", ROLE_TORCH_DTYPE, RESHIFT_U16},
    {"torch", "int16", ROLE_TORCH_DTYPE, RESHIFT_I16},
    {"torch", "uint32", ROLE_TORCH_DTYPE, RESHIFT_U32},
    {"torch", "int32", ROLE_TORCH_DTYPE, RESHIFT_I32},
    {"torch", "uint64", ROLE_TORCH_DTYPE, RESHIFT_U64},
    {"torch", "int64", ROLE_TORCH_DTYPE, RESHIFT_I64},
    {"torch", "float16", ROLE_TORCH_DTYPE, RESHIFT_F16},
    {"torch", "bfloat16", ROLE_TORCH_DTYPE, RESHIFT_BF16},
    {"torch", "float32", ROLE_TORCH_DTYPE, RESHIFT_F32},
    {"torch", "float64", ROLE_TORCH_DTYPE, RESHIFT_F64},
    {"numpy.core.multiarray", "_reconstruct", ROLE_ARRAY, 0},
    {"numpy._core.multiarray", "_reconstruct", ROLE_ARRAY, 0},
    {"numpy.core.multiarray", "scalar", ROLE_NUMPY_SCALAR, 0},
    {"numpy._core.multiarray", "scalar", ROLE_NUMPY_SCALAR, 0},
    {"numpy.core.numeric", "_frombuffer", ROLE_ARRAY_FROM_BUFFER, 0},
    {"numpy._core.numeric", "_frombuffer", ROLE_ARRAY_FROM_BUFFER, 0},
    {"numpy", "ndarray", ROLE_ARRAY_CLASS, 0},
    {"numpy", "dtype", ROLE_NUMPY_DTYPE, 0},
    {"_codecs", "encode", ROLE_ENCODE, 0},
    {"__builtin__", "bytes", ROLE_BYTES, 0},
    {"__builtin__", "bytearray", ROLE_BYTES, 0},
    {"builtins", "bytes", ROLE_BYTES, 0},
    {"builtins", "bytearray", ROLE_BYTES, 0},
};

static pickle_value *new_special(pickle_machine *m, const pickle_special *special)
{
    pickle_value *value = pickle_new(m->p, PICKLE_OTHER);
    if (value) {
        *(pickle_special *)value->other = *special;
    }
    return value;
}

reshift_status pickle_resolve_global(pickle_machine *m, const char *module, const char *name, pickle_value **value)
{
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
        bool same_module = strcmp(module, globals[i].module) == 0;
        if ((globals[i].role == ROLE_STORAGE_CLASS || globals[i].role == ROLE_UNREAD_STORAGE_CLASS) &&
            strcmp(module, "torch.cuda") == 0) {
            same_module = true; /* GPU storages are written like CPU storages */
        }
        if (same_module && strcmp(name, globals[i].name) == 0) {
            *value = new_special(m, &(pickle_special){.global = &globals[i]});
            return *value ? RESHIFT_OK : pickle_no_memory(m);
        }
    }
    *value = pickle_new_object(m->p, "%s.%s", module, name);
    return *value ? RESHIFT_OK : pickle_no_memory(m);
}

static const pickle_special *special_of(const pickle_value *value)
{
    return value->kind == PICKLE_OTHER ? value->other : NULL;
}

static bool has_role(const pickle_value *value, pickle_role role)
{
    const pickle_special *special = special_of(value);
    return special && special->global && special->global->role == role;
}

static bool is_text(const pickle_value *value) { return value->kind == PICKLE_TEXT || value->kind == PICKLE_BYTES; }

static bool is_sequence(const pickle_value *value) { return value->kind == PICKLE_TUPLE || value->kind == PICKLE_LIST; }

static reshift_status expect(pickle_machine *m, bool right, const char *what)
{
    return right ? RESHIFT_OK : pickle_damaged(m, "expected %s", what);
}

/* A tuple of extents or strides, at most RESHIFT_MAX_DIMS (checked by the caller). */
static reshift_status read_extents(pickle_machine *m, const pickle_value *tuple, int64_t *extents, int *n)
{
    if (!is_sequence(tuple)) {
        return pickle_damaged(m, "expected a tuple of extents");
    }
    *n = (int)tuple->length;
    for (int d = 0; d < *n; d++) {
        if (tuple->items[d]->kind != PICKLE_INT || tuple->items[d]->integer < 0) {
            return pickle_damaged(m, "expected extents and strides of 0 or more");
        }
        extents[d] = tuple->items[d]->integer;
    }
    return RESHIFT_OK;
}

/* dict(), dict(pairs), dict(dict) */
static reshift_status make_dict(pickle_machine *m, const pickle_value *arguments, pickle_value **value)
{
    *value = pickle_new(m->p, PICKLE_DICT);
    if (!*value) {
        return pickle_no_memory(m);
    }
    if (arguments->length == 0) {
        return RESHIFT_OK;
    }
    const pickle_value *from = arguments->items[0];
    if (arguments->length > 1 || (!is_sequence(from) && from->kind != PICKLE_DICT)) {
        return pickle_damaged(m, "expected the pairs of a dict");
    }
    reshift_status status = RESHIFT_OK;
    size_t length = from->length;
    for (size_t i = 0; i < length && status == RESHIFT_OK; i++) {
        pickle_value **pair = from->kind == PICKLE_DICT ? from->items + 2 * i : from->items[i]->items;
        if (from->kind != PICKLE_DICT && (!is_sequence(from->items[i]) || from->items[i]->length != 2)) {
            return pickle_damaged(m, "expected the pairs of a dict");
        }
        (*value)->length *= 2;
        status = pickle_push_item(m, *value, pair[0]);
        if (status == RESHIFT_OK) {
            status = pickle_push_item(m, *value, pair[1]);
        }
        (*value)->length /= 2;
    }
    return status;
}

/* _rebuild_tensor[_v2|_v3](storage, offset, size, stride, requires_grad, hooks[, dtype]) */
static reshift_status make_tensor(pickle_machine *m, const pickle_value *arguments, pickle_role role,
                                  pickle_value **value)
{
    size_t least = role == ROLE_TENSOR ? 4 : role == ROLE_TENSOR_V2 ? 6 : 7;
    const pickle_special *special = arguments->length >= least ? special_of(arguments->items[0]) : NULL;
    if (!special || !special->storage) {
        return pickle_damaged(m, "expected a storage and %zu arguments for a tensor", least);
    }
    pickle_value **items = arguments->items;
    bool unread_dtype = role == ROLE_TENSOR_V3 && items[6]->kind == PICKLE_OBJECT;
    if (special->storage->unread || unread_dtype || (is_sequence(items[2]) && items[2]->length > RESHIFT_MAX_DIMS)) {
        *value = unread_dtype               ? pickle_new_object(m->p, "a tensor of %s", items[6]->text)
                 : special->storage->unread ? pickle_new_object(m->p, "a tensor of %s", special->storage->unread)
                                            : pickle_new_object(m->p, "a tensor of %zu dimensions", items[2]->length);
        return *value ? RESHIFT_OK : pickle_no_memory(m);
    }
    pickle_tensor tensor = {.storage = special->storage, .dtype = special->storage->dtype};
    int n_strides = 0;
    reshift_status status =
        expect(m, items[1]->kind == PICKLE_INT && items[1]->integer >= 0, "a tensor's offset of 0 or more");
    if (status == RESHIFT_OK) {
        status = read_extents(m, items[2], tensor.shape, &tensor.n_dims);
    }
    if (status == RESHIFT_OK) {
        status = expect(m, is_sequence(items[3]) && items[3]->length == items[2]->length, "as many strides as extents");
    }
    if (status == RESHIFT_OK) {
        status = read_extents(m, items[3], tensor.stride, &n_strides);
    }
    if (status == RESHIFT_OK && role == ROLE_TENSOR_V3) {
        status = expect(m, has_role(items[6], ROLE_TORCH_DTYPE), "a torch dtype");
        if (status == RESHIFT_OK) {
            tensor.dtype = special_of(items[6])->global->dtype;
        }
    } else if (status == RESHIFT_OK && special->storage->untyped) {
        status = expect(m, false, "a typed storage");
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    tensor.offset = items[1]->integer;
    *value = pickle_new(m->p, PICKLE_TENSOR);
    if (!*value || !((*value)->tensor = pickle_allocate(m->p, 1, sizeof tensor))) {
        return pickle_no_memory(m);
    }
    *(*value)->tensor = tensor;
    return RESHIFT_OK;
}

/* _rebuild_from_type_v2(function, class, arguments, state): a tensor with attributes, which are ignored */
static reshift_status make_from_type(pickle_machine *m, const pickle_value *arguments, pickle_value **value)
{
    bool right = arguments->length >= 3 && arguments->items[2]->kind == PICKLE_TUPLE &&
                 !has_role(arguments->items[0], ROLE_FROM_TYPE);
    reshift_status status = expect(m, right, "the function and arguments of a tensor");
    return status == RESHIFT_OK ? pickle_call(m, arguments->items[0], arguments->items[2], value) : status;
}

static reshift_status make_numpy_dtype(pickle_machine *m, const pickle_value *arguments, pickle_value **value)
{
    char text[64] = "";
    const pickle_value *name = arguments->length > 0 ? arguments->items[0] : NULL;
    if (!name || !is_text(name) || name->length >= sizeof text || memchr(name->text, 0, name->length)) {
        return pickle_damaged(m, "expected the name of a NumPy dtype");
    }
    memcpy(text, name->text, name->length);
    pickle_special special = {.dtype = RESHIFT_U8};
    *value = npy_dtype(text, &special.dtype, &special.big_endian) ? new_special(m, &special)
                                                                  : pickle_new_object(m->p, "NumPy dtype '%s'", text);
    return *value ? RESHIFT_OK : pickle_no_memory(m);
}

static const pickle_special *numpy_dtype_of(const pickle_value *value)
{
    const pickle_special *special = special_of(value);
    return special && !special->global && !special->storage ? special : NULL;
}

/* Sets shape, dtype and bytes of an array. An unsupported dtype or too many dimensions make it a placeholder. */
static reshift_status fill_array(pickle_machine *m, pickle_value *value, const pickle_value *shape,
                                 const pickle_value *dtype, const pickle_value *data)
{
    const pickle_special *type = numpy_dtype_of(dtype);
    pickle_array *array = value->array;
    if (dtype->kind == PICKLE_OBJECT) {
        return pickle_become_object(m, value, "a NumPy array (%s)", dtype->text);
    }
    if (is_sequence(shape) && shape->length > RESHIFT_MAX_DIMS) {
        return pickle_become_object(m, value, "a NumPy array of %zu dimensions", shape->length);
    }
    if (!type) {
        return pickle_damaged(m, "expected a NumPy dtype");
    }
    reshift_status status = read_extents(m, shape, array->shape, &array->n_dims);
    size_t bytes = 0;
    if (status == RESHIFT_OK && data->kind != PICKLE_BYTES) {
        status = pickle_damaged(m, "expected the bytes of a NumPy array");
    }
    if (status == RESHIFT_OK &&
        (!shape_bytes(type->dtype, array->n_dims, array->shape, &bytes) || bytes != data->length)) {
        status =
            pickle_damaged(m, "the shape of a NumPy array does not take the %zu bytes that are there", data->length);
    }
    if (status == RESHIFT_OK) {
        array->dtype = type->dtype;
        array->big_endian = type->big_endian;
        array->data = (const uint8_t *)data->text;
    }
    return status;
}

static reshift_status new_array(pickle_machine *m, pickle_value **value)
{
    *value = pickle_new(m->p, PICKLE_ARRAY);
    if (!*value || !((*value)->array = pickle_allocate(m->p, 1, sizeof(pickle_array)))) {
        return pickle_no_memory(m);
    }
    return RESHIFT_OK;
}

/* _frombuffer(bytes, dtype, shape, order) */
static reshift_status make_array_from_buffer(pickle_machine *m, const pickle_value *arguments, pickle_value **value)
{
    if (arguments->length != 4 || !is_text(arguments->items[3])) {
        return pickle_damaged(m, "expected the four arguments of a NumPy array");
    }
    reshift_status status = new_array(m, value);
    if (status == RESHIFT_OK) {
        (*value)->array->fortran_order = pickle_is_text(arguments->items[3], "F");
        status = fill_array(m, *value, arguments->items[2], arguments->items[1], arguments->items[0]);
    }
    return status;
}

/* scalar(dtype, bytes): a NumPy number as a plain number */
static reshift_status make_numpy_scalar(pickle_machine *m, const pickle_value *arguments, pickle_value **value)
{
    const pickle_special *type = arguments->length == 2 ? numpy_dtype_of(arguments->items[0]) : NULL;
    if (arguments->length >= 1 && arguments->items[0]->kind == PICKLE_OBJECT) {
        *value = pickle_new_object(m->p, "a NumPy scalar (%s)", arguments->items[0]->text);
        return *value ? RESHIFT_OK : pickle_no_memory(m);
    }
    const pickle_value *data = type ? arguments->items[1] : NULL;
    if (!data || data->kind != PICKLE_BYTES || data->length != reshift_dtype_size(type->dtype)) {
        return pickle_damaged(m, "expected the dtype and bytes of a NumPy number");
    }
    uint8_t element[8] = {0};
    uint64_t bits;
    for (size_t i = 0; i < data->length; i++) {
        element[type->big_endian ? data->length - 1 - i : i] = (uint8_t)data->text[i];
    }
    memcpy(&bits, element, sizeof bits);
    double number = layout_number(type->dtype, element);
    bool is_float = type->dtype == RESHIFT_F16 || type->dtype == RESHIFT_F32 || type->dtype == RESHIFT_F64;
    bool is_wide = type->dtype == RESHIFT_I64 || type->dtype == RESHIFT_U64;
    pickle_kind kind = type->dtype == RESHIFT_BOOL ? PICKLE_BOOL : is_float ? PICKLE_FLOAT : PICKLE_INT;
    *value = pickle_new(m->p, kind);
    if (!*value) {
        return pickle_no_memory(m);
    }
    (*value)->boolean = bits != 0;
    (*value)->integer = is_float ? 0 : is_wide ? (int64_t)bits : (int64_t)number;
    (*value)->number = number;
    return RESHIFT_OK;
}

/* encode(text, "latin1"), which protocol 2 uses for bytes of Python 3; also bytes() and bytearray() */
static reshift_status make_bytes(pickle_machine *m, const pickle_value *arguments, pickle_value **value)
{
    *value = pickle_new(m->p, PICKLE_BYTES);
    if (!*value) {
        return pickle_no_memory(m);
    }
    (*value)->text = "";
    if (arguments->length == 0) {
        return RESHIFT_OK;
    }
    const pickle_value *text = arguments->items[0];
    if (text->kind == PICKLE_BYTES && arguments->length == 1) {
        (*value)->text = text->text;
        (*value)->length = text->length;
        return RESHIFT_OK;
    }
    if (text->kind != PICKLE_TEXT || arguments->length != 2 ||
        !(pickle_is_text(arguments->items[1], "latin1") || pickle_is_text(arguments->items[1], "latin-1"))) {
        return pickle_damaged(m, "expected a text and 'latin1' for bytes");
    }
    char *bytes = pickle_allocate(m->p, text->length + 1, 1);
    if (!bytes) {
        return pickle_no_memory(m);
    }
    size_t length = 0;
    for (size_t i = 0; i < text->length; i++) { /* the text is valid UTF-8: checked when it was read */
        uint8_t c = (uint8_t)text->text[i];
        if (c >= 0xc4) {
            return pickle_damaged(m, "a character beyond latin1 among bytes");
        }
        if (c >= 0xc0) {
            c = (uint8_t)(c << 6 | ((uint8_t)text->text[++i] & 0x3f));
        }
        bytes[length++] = (char)c;
    }
    (*value)->text = bytes;
    (*value)->length = length;
    return RESHIFT_OK;
}

/*
 * The placeholder for an object of a name outside the table. Python's own reconstructors have the class as first
 * argument, and may have the content of a subclass of list or dict as third.
 */
static reshift_status make_object(pickle_machine *m, const pickle_value *callable, const pickle_value *arguments,
                                  pickle_value **value)
{
    static const char *const makers[] = {"copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__",
                                         "copy_reg.__newobj__", "copyreg.__newobj_ex__"};
    const pickle_value *class = callable;
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        bool named = arguments->length > 0 && arguments->items[0]->kind == PICKLE_OBJECT;
        class = named && strcmp(callable->text, makers[i]) == 0 ? arguments->items[0] : class;
    }
    *value = pickle_new_object(m->p, "%s", class->text);
    if (!*value) {
        return pickle_no_memory(m);
    }
    pickle_value *content = class != callable && arguments->length > 2 ? arguments->items[2] : NULL;
    if (content && (content->kind == PICKLE_DICT || content->kind == PICKLE_LIST)) {
        (*value)->content = content;
    }
    return RESHIFT_OK;
}

/* Returns the first argument if it has this kind or is a placeholder. */
static reshift_status pass_on(pickle_machine *m, const pickle_value *arguments, bool right, const char *what,
                              pickle_value **value)
{
    right = right || (arguments->length > 0 && arguments->items[0]->kind == PICKLE_OBJECT);
    *value = right ? arguments->items[0] : NULL;
    return expect(m, right, what);
}

reshift_status pickle_call(pickle_machine *m, const pickle_value *callable, pickle_value *arguments,
                           pickle_value **value)
{
    const pickle_special *special = special_of(callable);
    bool is_name = callable->kind == PICKLE_OBJECT || (special && special->global);
    if (!is_name || arguments->kind != PICKLE_TUPLE) {
        return pickle_damaged(m, "expected a name and a tuple of arguments");
    }
    if (callable->kind == PICKLE_OBJECT) {
        return make_object(m, callable, arguments, value);
    }
    size_t n = arguments->length;
    pickle_kind first = n > 0 ? arguments->items[0]->kind : PICKLE_NONE;
    reshift_status status = RESHIFT_OK;
    switch (special->global->role) {
    case ROLE_DICT: return make_dict(m, arguments, value);
    case ROLE_DEFAULTDICT: *value = pickle_new(m->p, PICKLE_DICT); return *value ? RESHIFT_OK : pickle_no_memory(m);
    case ROLE_SET:
        if (n == 0) {
            *value = pickle_new(m->p, PICKLE_LIST);
            return *value ? RESHIFT_OK : pickle_no_memory(m);
        }
        return pass_on(m, arguments, is_sequence(arguments->items[0]), "the members of a set", value);
    case ROLE_SIZE:
        return pass_on(m, arguments, n == 1 && is_sequence(arguments->items[0]), "the extents of a torch.Size", value);
    case ROLE_TENSOR:
    case ROLE_TENSOR_V2:
    case ROLE_TENSOR_V3: return make_tensor(m, arguments, special->global->role, value);
    case ROLE_PARAMETER: return pass_on(m, arguments, first == PICKLE_TENSOR, "the tensor of a parameter", value);
    case ROLE_DEVICE_TENSOR:
        return pass_on(m, arguments, first == PICKLE_TENSOR || first == PICKLE_ARRAY, "the array of a tensor", value);
    case ROLE_FROM_TYPE: return make_from_type(m, arguments, value);
    case ROLE_ARRAY:
        status = expect(m, n >= 1 && has_role(arguments->items[0], ROLE_ARRAY_CLASS), "numpy.ndarray");
        return status == RESHIFT_OK ? new_array(m, value) : status;
    case ROLE_ARRAY_FROM_BUFFER: return make_array_from_buffer(m, arguments, value);
    case ROLE_NUMPY_DTYPE: return make_numpy_dtype(m, arguments, value);
    case ROLE_NUMPY_SCALAR: return make_numpy_scalar(m, arguments, value);
    case ROLE_ENCODE:
    case ROLE_BYTES: return make_bytes(m, arguments, value);
    default:
        *value = pickle_new_object(m->p, "%s.%s", special->global->module, special->global->name);
        return *value ? RESHIFT_OK : pickle_no_memory(m);
    }
}

/* ndarray: ([version,] shape, dtype, is_fortran, data) */
static reshift_status set_array_state(pickle_machine *m, pickle_value *value, const pickle_value *state)
{
    if (state->kind != PICKLE_TUPLE || (state->length != 4 && state->length != 5)) {
        return pickle_damaged(m, "expected the state of a NumPy array");
    }
    pickle_value **items = state->items + (state->length - 4);
    int64_t fortran;
    if (!pickle_get_int(items[2], &fortran)) {
        return pickle_damaged(m, "expected the order of a NumPy array");
    }
    value->array->fortran_order = fortran != 0;
    return fill_array(m, value, items[0], items[1], items[3]);
}

/* dtype: (version, byte order, subdtype, names, fields, size, alignment, flags) */
static reshift_status set_dtype_state(pickle_machine *m, pickle_value *value, const pickle_value *state)
{
    pickle_special *type = value->other;
    if (state->kind != PICKLE_TUPLE || state->length < 5 || !is_text(state->items[1])) {
        return pickle_damaged(m, "expected the state of a NumPy dtype");
    }
    if (state->items[2]->kind != PICKLE_NONE || state->items[3]->kind != PICKLE_NONE) {
        return pickle_become_object(m, value, "NumPy dtype of records");
    }
    type->big_endian = pickle_is_text(state->items[1], ">") && reshift_dtype_size(type->dtype) > 1;
    return RESHIFT_OK;
}

reshift_status pickle_set_state(pickle_machine *m, pickle_value *target, pickle_value *state)
{
    switch (target->kind) {
    case PICKLE_ARRAY: return set_array_state(m, target, state);
    case PICKLE_DICT:
    case PICKLE_LIST:
    case PICKLE_TENSOR: return RESHIFT_OK; /* attributes, such as a state_dict's _metadata, are not part of the value */
    case PICKLE_OBJECT: target->state = state; return RESHIFT_OK;
    default:
        if (numpy_dtype_of(target)) {
            return set_dtype_state(m, target, state);
        }
        return pickle_damaged(m, "a state for a value that has none");
    }
}

/* A part of a legacy file's storage: (key, offset, count) */
static reshift_status read_view(pickle_machine *m, const pickle_value *view, pickle_storage *storage)
{
    if (view->kind == PICKLE_NONE) {
        return RESHIFT_OK;
    }
    bool right = view->kind == PICKLE_TUPLE && view->length == 3 && view->items[1]->kind == PICKLE_INT &&
                 view->items[2]->kind == PICKLE_INT;
    int64_t offset = right ? view->items[1]->integer : -1, count = right ? view->items[2]->integer : -1;
    if (offset < 0 || count < 0 || offset > storage->count || count > storage->count - offset) {
        return pickle_damaged(m, "a view that is no part of its storage");
    }
    storage->view_offset = offset;
    storage->view_count = count;
    return RESHIFT_OK;
}

/* Bytes per element of an unsupported storage class; 0: unknown. */
static size_t unread_bytes(const char *class)
{
    static const struct {
        const char *class;
        size_t bytes;
    } sizes[] = {{"ComplexFloatStorage", 8}, {"ComplexDoubleStorage", 16}, {"QUInt8Storage", 1},  {"QInt8Storage", 1},
                 {"QInt32Storage", 4},       {"QUInt4x2Storage", 1},       {"QUInt2x4Storage", 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (strcmp(class, sizes[i].class) == 0) {
            return sizes[i].bytes;
        }
    }
    return 0;
}

/*
 * ('storage', class, key, location, count[, view]); legacy files also contain ('module', class, ...), a class with its
 * source code
 */
reshift_status pickle_persistent(pickle_machine *m, const pickle_value *id, pickle_value **value)
{
    if (id->kind != PICKLE_TUPLE || id->length < 5 || !pickle_is_text(id->items[0], "storage")) {
        bool class = id->kind == PICKLE_TUPLE && id->length > 1 && id->items[1]->kind == PICKLE_OBJECT;
        *value = pickle_new_object(m->p, "%s", class ? id->items[1]->text : "an object outside of the pickle");
        return *value ? RESHIFT_OK : pickle_no_memory(m);
    }
    bool untyped = has_role(id->items[1], ROLE_UNTYPED_STORAGE_CLASS);
    const pickle_value *class = id->items[1], *key = id->items[2], *count = id->items[4];
    const char *unread = class->kind == PICKLE_OBJECT                 ? class->text
                         : has_role(class, ROLE_UNREAD_STORAGE_CLASS) ? special_of(class)->global->name
                                                                      : NULL;
    reshift_status status = expect(m, untyped || unread || has_role(class, ROLE_STORAGE_CLASS), "a class of storages");
    if (status == RESHIFT_OK) {
        status = expect(m, is_text(key) && key->length > 0 && !memchr(key->text, 0, key->length), "a storage's key");
    }
    if (status == RESHIFT_OK) {
        status = expect(m, count->kind == PICKLE_INT && count->integer >= 0, "a storage's count of 0 or more");
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    pickle_storage *storage = pickle_allocate(m->p, 1, sizeof *storage);
    char *name = pickle_allocate(m->p, key->length + 1, 1);
    if (!storage || !name) {
        return pickle_no_memory(m);
    }
    memcpy(name, key->text, key->length);
    *storage = (pickle_storage){.dtype = unread ? RESHIFT_U8 : special_of(class)->global->dtype,
                                .untyped = untyped,
                                .unread = unread,
                                .unread_bytes = unread ? unread_bytes(unread) : 0,
                                .key = name,
                                .count = count->integer,
                                .view_count = count->integer};
    if (id->length > 5) {
        status = read_view(m, id->items[5], storage);
    }
    if (status == RESHIFT_OK) {
        pickle_add_storage(m->p, storage);
        *value = new_special(m, &(pickle_special){.storage = storage});
        status = *value ? RESHIFT_OK : pickle_no_memory(m);
    }
    return status;
}
