/* Pickles: any bytes; a tree that was read can be walked to its end: it has no cycles and at most PICKLE_DEPTH_MAX
 * levels. */
#include "fuzz.h"

#include "formats/torch/pickle.h"

static void walk(const pickle_value *value, int *budget, int depth)
{
    must(depth <= PICKLE_DEPTH_MAX);
    must(value->kind <= PICKLE_OTHER);
    if (--*budget < 0) { /* the reader's own limit is 20 million; that takes too long for one input */
        return;
    }
    switch (value->kind) {
    case PICKLE_TEXT:
    case PICKLE_BYTES:
    case PICKLE_LONG: touch(value->text, value->length); break;
    case PICKLE_LIST:
    case PICKLE_TUPLE:
        for (size_t i = 0; i < value->length; i++) {
            walk(value->items[i], budget, depth + 1);
        }
        break;
    case PICKLE_DICT:
        for (size_t i = 0; i < 2 * value->length; i++) {
            walk(value->items[i], budget, depth + 1);
        }
        break;
    case PICKLE_ARRAY: {
        reshift_error error;
        reshift_array array;
        if (pickle_copy_array(value, &array, &error) == RESHIFT_OK) {
            touch(array.data, reshift_array_bytes(&array));
        }
        reshift_array_destroy(&array);
        break;
    }
    case PICKLE_OBJECT:
        must(strlen(value->text) == value->length);
        for (int part = 0; part < 2; part++) {
            const pickle_value *below = part ? value->content : value->state;
            if (below) {
                walk(below, budget, depth + 1);
            }
        }
        break;
    case PICKLE_TENSOR: must(value->tensor->storage && value->tensor->storage->key[0]); break;
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    pickle *p;
    size_t used;
    reshift_status status = pickle_open(bytes, size, "x", 0, &p, &used, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        int budget = 100000;
        must(used <= size);
        walk(pickle_root(p), &budget, 0);
        pickle_find(pickle_root(p), "data");
    }
    pickle_close(&p);
    return 0;
}
