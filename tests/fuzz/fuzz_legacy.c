/* PyTorch's older container: any bytes. */
#include "fuzz.h"

#include "formats/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    reshift_tensors *t = reshift_tensors_create();
    blob *b = blob_borrow(bytes, size);
    reshift_status status = torch_legacy_read(b, "x", t, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        touch_tensors(t);
        reshift_tensors_unwrap(t);
        touch_tensors(t);
    }
    reshift_tensors_destroy(&t);
    blob_drop(&b);
    return 0;
}
