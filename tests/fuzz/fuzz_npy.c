/* .npy: any bytes; an array that was read holds exactly its shape. */
#include "fuzz.h"

#include "formats/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    reshift_array array;
    blob *b = blob_borrow(bytes, size);
    reshift_status status = npy_read(b, "x", &array, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        must(reshift_array_bytes(&array) < size);
        touch(array.data, reshift_array_bytes(&array));
    }
    reshift_array_destroy(&array);
    blob_drop(&b);
    return 0;
}
