/*
 * Two networks on the same images. The difference is taken image by image: most images are easy or hard for both, so
 * the paired interval is far narrower than two separate intervals suggest.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "metrics/by_image.h"
#include "robustness/columns.h"
#include "metrics/figures.h"

static reshift_status check_same(const reshift_robustness *a, const reshift_robustness *b, reshift_error *error)
{
    bool same = a->n_images == b->n_images && a->n_cells == b->n_cells && a->n_corruptions == b->n_corruptions &&
                a->severity_first == b->severity_first && a->severity_last == b->severity_last &&
                a->has_clean == b->has_clean;
    for (int c = 0; same && c < a->n_corruptions; c++) {
        same = a->corruptions[c] == b->corruptions[c];
    }
    for (int64_t i = 0; same && i < a->n_images; i++) {
        const int *labels_a = a->data_labels ? a->data_labels : a->labels; /* networks may number classes differently */
        const int *labels_b = b->data_labels ? b->data_labels : b->labels;
        same = a->images[i] == b->images[i] && labels_a[i] == labels_b[i];
    }
    return same ? RESHIFT_OK
                : error_set(
                      error, RESHIFT_ERROR_SHAPE,
                      "two tables are compared cell by cell: expected the same images, corruptions and severities");
}

static bool is_right(const reshift_robustness *t, const reshift_cell *cell, int64_t i)
{
    return ((const row_figures *)cell->rows.data)[i].prediction == t->labels[i];
}

/* Differences of one image: corruptions, then the two means. */
static void fill_image(const reshift_robustness *a, const reshift_robustness *b, int64_t i, double *values)
{
    int n = 0, official = 0;
    double sum = 0, sum_official = 0;
    for (int c = 0; c < a->n_corruptions; c++) {
        double one = right_share(a, a->corruptions[c], i) - right_share(b, b->corruptions[c], i);
        values[n++] = one;
        sum += one;
        sum_official += a->corruptions[c]->validation ? 0 : one;
        official += !a->corruptions[c]->validation;
    }
    values[n++] = a->n_corruptions ? sum / a->n_corruptions : 0;
    values[n] = official ? sum_official / official : 0;
}

/* One cell: every image has one row. */
static reshift_difference cell_difference(const reshift_robustness *a, const reshift_robustness *b,
                                          const uint8_t *left_out, int cell)
{
    int64_t n = 0, only_a = 0, only_b = 0;
    for (int64_t i = 0; i < a->n_images; i++) {
        const bool right_a = is_right(a, &a->cells[cell], i), right_b = is_right(b, &b->cells[cell], i);
        if (!left_out[i]) {
            n++;
            only_a += right_a && !right_b;
            only_b += right_b && !right_a;
        }
    }
    return reshift_difference_of(only_a, only_b, n);
}

/* A mean over several cells: one value an image, values[0], values[step], ... */
static reshift_difference mean_difference(const double *values, size_t step, int64_t n, int n_cells)
{
    const reshift_interval interval = interval_of_differences(values, (int64_t)step, n);
    return (reshift_difference){.accuracy = interval,
                                .n = n * n_cells,
                                .n_images = n,
                                .p = NAN,
                                .paired = true,
                                .clear = interval_is_clear(&interval)};
}

reshift_status reshift_robustness_compare(const reshift_robustness *a, const reshift_robustness *b, bool unseen_only,
                                          reshift_comparison *comparison, reshift_error *error)
{
    memset(comparison, 0, sizeof *comparison);
    reshift_status status = check_same(a, b, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    size_t columns = (size_t)(a->n_corruptions + 2), bytes = 0;
    int64_t n = 0;
    const int severities = a->severity_last - a->severity_first + 1;
    int official = 0;
    uint8_t *left_out = memory_allocate((size_t)a->n_images);
    double *values =
        memory_product((size_t)a->n_images * sizeof *values, columns, &bytes) ? memory_allocate(bytes) : NULL;
    comparison->cells = calloc((size_t)a->n_cells, sizeof *comparison->cells);
    if (!left_out || !values || !comparison->cells) {
        status = error_memory(error, bytes, "differences of images");
        goto done;
    }
    for (int64_t i = 0; i < a->n_images; i++) {
        left_out[i] = unseen_only && (a->seen[i] || b->seen[i]);
        if (!left_out[i]) {
            fill_image(a, b, i, values + (size_t)n++ * columns);
        }
    }
    if (n < 1) {
        status = error_set(error, RESHIFT_ERROR_SHAPE, "one of the networks was trained on every image of this table");
        goto done;
    }
    comparison->n_cells = a->n_cells;
    for (int c = 0; c < a->n_cells; c++) {
        comparison->cells[c] = cell_difference(a, b, left_out, c);
    }
    for (int c = 0; c < a->n_corruptions; c++) {
        comparison->corruption[c] = mean_difference(values + c, columns, n, severities);
        official += !a->corruptions[c]->validation;
        if (severities == 1) { /* one cell: the same interval and test */
            comparison->corruption[c] = cell_difference(a, b, left_out, a->has_clean + c);
        }
    }
    if (a->n_corruptions > 0) {
        comparison->all = mean_difference(values + columns - 2, columns, n, severities * a->n_corruptions);
    }
    if (table_is_official(a)) {
        comparison->leaderboard = mean_difference(values + columns - 1, columns, n, severities * official);
    }
done:
    memory_free(left_out);
    memory_free(values);
    if (status != RESHIFT_OK) {
        reshift_comparison_destroy(comparison);
    }
    return status;
}

void reshift_comparison_destroy(reshift_comparison *comparison)
{
    if (comparison) {
        free(comparison->cells);
        memset(comparison, 0, sizeof *comparison);
    }
}
