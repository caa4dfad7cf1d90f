/* What every fuzz target needs: its entry, and touching all that a reader gave back so that the sanitizers see it. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "formats/blob.h"
#include "reshift/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/** Ends the program, which libFuzzer takes as a finding, unless the fact holds. */
static inline void must(int fact)
{
    if (!fact) {
        abort();
    }
}

/** A failed call has said why, in a status that is an error. */
static inline void must_explain(reshift_status status, const reshift_error *error)
{
    must(status == RESHIFT_OK || (error->code == status && error->message[0]));
}

/** Reads every byte. */
static inline unsigned touch(const void *memory, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += ((const volatile uint8_t *)memory)[i];
    }
    return sum;
}

static inline void touch_tensors(const reshift_tensors *t)
{
    for (int64_t i = 0; i < reshift_tensors_count(t); i++) {
        const reshift_array *array = reshift_tensors_at(t, i);
        must(reshift_tensors_find(t, reshift_tensors_name(t, i)) == array);
        touch(array->data, reshift_array_bytes(array));
    }
    for (int64_t i = 0; i < reshift_tensors_text_count(t); i++) {
        must(reshift_tensors_text(t, reshift_tensors_text_key(t, i)) != NULL);
    }
}

#endif
