/* safetensors: any bytes; the tensors that were read take no more than the file. */
#include "fuzz.h"

#include "formats/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    reshift_tensors *t = reshift_tensors_create();
    blob *b = blob_borrow(bytes, size);
    reshift_status status = safetensors_read(b, "x", t, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        size_t total = 0;
        for (int64_t i = 0; i < reshift_tensors_count(t); i++) {
            total += reshift_array_bytes(reshift_tensors_at(t, i));
        }
        must(total < size);
        touch_tensors(t);
        reshift_tensors_unwrap(t);
        touch_tensors(t);
    }
    reshift_tensors_destroy(&t);
    blob_drop(&b);
    return 0;
}
