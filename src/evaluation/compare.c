/*
 * Two networks on the same images. What counts is the difference image by image: most images are easy or hard for both,
 * and the paired interval is far narrower than two intervals side by side suggest.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "evaluation/columns.h"
#include "evaluation/figures.h"

double reshift_mcnemar(int64_t only_a, int64_t only_b)
{
    int64_t n = only_a + only_b, few = only_a < only_b ? only_a : only_b;
    double sum = 0;
    if (n <= 0) {
        return 1;
    }
    /* twice the lower tail of the binomial distribution; the middle term is counted once */
    for (int64_t k = 0; k <= few; k++) {
        sum += exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) -
                   (double)n * 0.693147180559945309417);
    }
    return 2 * sum < 1 ? 2 * sum : 1;
}

static reshift_status check_same(const reshift_robustness *a, const reshift_robustness *b, reshift_error *error)
{
    bool same = a->n_images == b->n_images && a->n_cells == b->n_cells && a->n_corruptions == b->n_corruptions &&
                a->severity_first == b->severity_first && a->severity_last == b->severity_last &&
                a->has_clean == b->has_clean;
    for (int c = 0; same && c < a->n_corruptions; c++) {
        same = a->corruptions[c] == b->corruptions[c];
    }
    for (int64_t i = 0; same && i < a->n_images; i++) {
        same = a->images[i] == b->images[i] && a->labels[i] == b->labels[i];
    }
    return same ? RESHIFT_OK
                : error_set(
                      error, RESHIFT_ERROR_ARGUMENT,
                      "two tables are compared cell by cell: expected the same images, corruptions and severities");
}

static bool is_right(const reshift_robustness *t, const reshift_cell *cell, int64_t i)
{
    return ((const row_figures *)cell->rows.data)[i].prediction == t->labels[i];
}

/* Differences of one image: cells, then corruptions, then the two means. */
static void fill_image(const reshift_robustness *a, const reshift_robustness *b, int64_t i, double *values)
{
    int n = 0, official = 0;
    double sum = 0, sum_official = 0;
    for (int c = 0; c < a->n_cells; c++) {
        values[n++] = (double)is_right(a, &a->cells[c], i) - (double)is_right(b, &b->cells[c], i);
    }
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

static void count_discordant(const reshift_robustness *a, const reshift_robustness *b, const uint8_t *left_out,
                             int cell, reshift_difference *d)
{
    for (int64_t i = 0; i < a->n_images; i++) {
        bool right_a = is_right(a, &a->cells[cell], i), right_b = is_right(b, &b->cells[cell], i);
        if (!left_out[i]) {
            d->n++;
            d->only_a += right_a && !right_b;
            d->only_b += right_b && !right_a;
        }
    }
    d->p = reshift_mcnemar(d->only_a, d->only_b);
}

reshift_status reshift_robustness_compare(const reshift_robustness *a, const reshift_robustness *b, bool unseen_only,
                                          uint64_t seed, reshift_comparison *comparison, reshift_error *error)
{
    memset(comparison, 0, sizeof *comparison);
    reshift_status status = check_same(a, b, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    size_t columns = (size_t)(a->n_cells + a->n_corruptions + 2), bytes = 0;
    int64_t n = 0;
    uint8_t *left_out = memory_allocate((size_t)a->n_images);
    double *values =
        memory_product((size_t)a->n_images * sizeof *values, columns, &bytes) ? memory_allocate(bytes) : NULL;
    reshift_interval *intervals = memory_allocate(columns * sizeof *intervals);
    comparison->cells = calloc((size_t)a->n_cells, sizeof *comparison->cells);
    if (!left_out || !values || !intervals || !comparison->cells) {
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
        status =
            error_set(error, RESHIFT_ERROR_ARGUMENT, "one of the networks was trained on every image of this table");
        goto done;
    }
    status = reshift_bootstrap_means(values, n, (int64_t)columns, RESHIFT_BOOTSTRAP_RESAMPLES, seed, intervals, error);
    if (status != RESHIFT_OK) {
        goto done;
    }
    comparison->n_cells = a->n_cells;
    for (int c = 0; c < a->n_cells; c++) {
        comparison->cells[c].accuracy = intervals[c];
        count_discordant(a, b, left_out, c, &comparison->cells[c]);
    }
    for (int c = 0; c < a->n_corruptions; c++) {
        comparison->corruption[c] = (reshift_difference){.accuracy = intervals[a->n_cells + c], .n = n, .p = NAN};
    }
    if (a->n_corruptions > 0) {
        comparison->all = (reshift_difference){.accuracy = intervals[columns - 2], .n = n, .p = NAN};
    }
    if (table_is_official(a)) {
        comparison->leaderboard = (reshift_difference){.accuracy = intervals[columns - 1], .n = n, .p = NAN};
    }
done:
    memory_free(left_out);
    memory_free(values);
    memory_free(intervals);
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
