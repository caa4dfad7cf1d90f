/* Labels in plain ints as the array that public functions take. */
#ifndef TESTS_LABELS_H
#define TESTS_LABELS_H

#include <stdint.h>

#include "reshift/array.h"

#define LABELS(values, n)                                                                                              \
    (&(reshift_array){.dtype = RESHIFT_I32, .n_dims = 1, .shape = {(n)}, .data = (void *)(uintptr_t)(values)})

#endif
