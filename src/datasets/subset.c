/* Selected rows of a set in any order: the training half of a split, the first few, those of one severity. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/dataset.h"

typedef struct subset {
    reshift_dataset *base;
    int64_t *rows; /* [n] */
    int64_t n;
} subset;

static reshift_status subset_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const subset *s = state;
    return reshift_dataset_read(s->base, s->rows[row], image, error);
}

static reshift_status subset_original(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const subset *s = state;
    return dataset_original(s->base, s->rows[row], image, error);
}

static void subset_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const subset *s = state;
    reshift_dataset_row_name(s->base, s->rows[row], text, size);
}

/* Hashes the identity of the whole base and the row numbers; these determine the content of the rows. */
static reshift_status subset_identity(const void *state, digest *d, reshift_error *error)
{
    const subset *s = state;
    char hex[65];
    reshift_status status = reshift_dataset_identity(s->base, hex, error);
    if (status == RESHIFT_OK) {
        digest_add(d, hex, 64);
        digest_add(d, s->rows, (size_t)s->n * sizeof *s->rows);
    }
    return status;
}

static void subset_destroy(void *state)
{
    subset *s = state;
    reshift_dataset_close(&s->base);
    memory_free(s->rows);
    free(s);
}

static void subset_forget(const void *state) { dataset_forget(((const subset *)state)->base); }

static const dataset_kind subset_kind = {subset_read,    subset_row_name, subset_identity,
                                         subset_destroy, subset_original, subset_forget};

const reshift_dataset *dataset_origin(const reshift_dataset *dataset, int64_t row, int64_t *origin_row)
{
    while (dataset->functions == &subset_kind) {
        const subset *s = dataset->state;
        row = s->rows[row];
        dataset = s->base;
    }
    *origin_row = row;
    return dataset;
}

reshift_status reshift_dataset_subset(reshift_dataset *base, const int64_t *rows, int64_t n, reshift_dataset **dataset,
                                      reshift_error *error)
{
    *dataset = NULL;
    if (n < 0) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a subset of %lld rows: expected 0 or more", (long long)n);
    }
    for (int64_t i = 0; i < n; i++) {
        if (rows[i] < 0 || rows[i] >= base->count) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "a subset of row %lld: expected 0 to %lld",
                             (long long)rows[i], (long long)base->count - 1);
        }
    }
    size_t bytes = 0;
    subset *s = calloc(1, sizeof *s);
    if (!s || !memory_product((size_t)n, sizeof *rows, &bytes) || !(s->rows = memory_allocate(bytes))) {
        free(s);
        return error_memory(error, bytes, "the rows of a subset");
    }
    if (n > 0) {
        memcpy(s->rows, rows, bytes);
    }
    s->n = n;
    s->base = dataset_share(base);
    reshift_status status = dataset_derive(&subset_kind, s, base, n, dataset, error);
    for (int64_t i = 0; status == RESHIFT_OK && i < n; i++) {
        (*dataset)->rows[i] = base->rows[rows[i]];
    }
    return status;
}
