/* A network's outputs are finite, or the image is named for which they are not. */
#include "inference/outputs.h"

#include "base/error.h"
#include "base/finite.h"

static void name_row(const output_rows *rows, int64_t place, char *name, size_t size)
{
    if (rows->dataset) {
        const int64_t at = rows->first + place;
        reshift_dataset_row_name(rows->dataset, rows->order ? rows->order[at] : at, name, size);
    }
}

static void add_hint(reshift_error *error)
{
    error_hint(error, "weights like these come from a training that diverged: train with smaller learning rates");
}

reshift_status outputs_check(const float *values, int n, int64_t width, const char *what, const output_rows *rows,
                             reshift_error *error)
{
    const int64_t bad = finite_first_bad(values, n, width);
    if (bad == n) {
        return RESHIFT_OK;
    }
    char name[512] = "the image";
    name_row(rows, bad, name, sizeof name);
    error_set(error, RESHIFT_ERROR_NUMERIC, "%s: the network's %s are not finite", name, what);
    add_hint(error);
    return RESHIFT_ERROR_NUMERIC;
}

void outputs_overflow(const output_rows *rows, int image, reshift_error *error)
{
    char name[512] = "the image";
    name_row(rows, image, name, sizeof name);
    error_prefix(error, RESHIFT_ERROR_NUMERIC, "%s", name);
    add_hint(error);
}
