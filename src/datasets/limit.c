/*
 * Selects the images that a limit keeps. Sets in shuffled order keep their first ones. Folders are sorted by class, so
 * their first images would all belong to the first classes: they keep the same number from every class.
 */
#include <stdlib.h>

#include "base/error.h"
#include "datasets/dataset.h"

int64_t dataset_limit(int64_t count, int64_t limit) { return limit > 0 && limit < count ? limit : count; }

/* The largest number of images per class (fewer if a class has fewer) such that the total is at most `limit`. */
static int64_t level_of(const int64_t *counts, int n_classes, int64_t limit)
{
    int64_t low = 0, high = limit;
    while (low < high) {
        const int64_t middle = high - (high - low) / 2;
        int64_t all = 0;
        for (int k = 0; k < n_classes && all <= limit; k++) {
            all += counts[k] < middle ? counts[k] : middle;
        }
        if (all <= limit) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

reshift_status dataset_limit_by_class(const int32_t *labels, int64_t count, int n_classes, int64_t limit,
                                      int64_t **rows, int64_t *n, reshift_error *error)
{
    *n = dataset_limit(count, limit);
    *rows = malloc((size_t)*n * sizeof **rows + 1);
    int64_t *room = calloc((size_t)n_classes + 1, sizeof *room);
    if (!*rows || !room) {
        free(room);
        return error_memory(error, (size_t)*n * sizeof **rows, "rows");
    }
    for (int64_t row = 0; row < count; row++) {
        room[labels[row]]++;
    }
    const int64_t level = *n < count ? level_of(room, n_classes, *n) : count;
    int64_t left = *n;
    for (int k = 0; k < n_classes; k++) {
        left -= room[k] < level ? room[k] : level;
    }
    for (int k = 0; k < n_classes; k++) { /* the remainder goes to the first classes that have one more */
        const bool more = room[k] > level && left > 0;
        left -= more;
        room[k] = (room[k] < level ? room[k] : level) + more;
    }
    for (int64_t row = 0, at = 0; row < count; row++) {
        if (room[labels[row]] > 0) {
            room[labels[row]]--;
            (*rows)[at++] = row;
        }
    }
    free(room);
    return RESHIFT_OK;
}
