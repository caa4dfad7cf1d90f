/* Label arrays as int, for functions that take labels of any integer type. */
#ifndef FORMATS_LABELS_H
#define FORMATS_LABELS_H

#include "reshift/labels.h"

/**
 * The labels as ints: *values [n] are the array's own where it holds int32 [n], else *copy is allocated and filled by
 * reshift_labels_read() with `name`. memory_free(*copy) in every case. Int32 values are not checked. Errors: those of
 * reshift_labels_read(), MEMORY; *values is NULL then.
 */
reshift_status labels_as_int(const reshift_array *labels, const char *name, int64_t n, const int **values, int **copy,
                             reshift_error *error);

#endif
