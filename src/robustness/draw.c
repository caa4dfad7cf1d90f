#include "robustness/draw.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "reshift/words.h"

/* How many of each class: shares [n_classes]. Hamilton's method above a floor of one image. */
static void divide(const int64_t *there, int n_classes, int64_t n, int64_t sample, int64_t *shares)
{
    int64_t given = 0;
    for (int k = 0; k < n_classes; k++) {
        shares[k] = (int64_t)((double)there[k] * (double)sample / (double)n);
        if (there[k] > 0 && shares[k] == 0) {
            shares[k] = 1;
        }
        given += shares[k];
    }
    /* the class furthest below (above) its exact share gets (loses) one; the first of equals */
    while (given != sample) {
        int chosen = -1, direction = given < sample ? 1 : -1;
        double most = 0;
        for (int k = 0; k < n_classes; k++) {
            double off = direction * ((double)there[k] * (double)sample / (double)n - (double)shares[k]);
            bool can = direction > 0 ? shares[k] < there[k] : shares[k] > 1;
            if (can && (chosen < 0 || off > most)) {
                chosen = k;
                most = off;
            }
        }
        shares[chosen] += direction;
        given += direction;
    }
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

reshift_status draw_by_class(const int *labels, int64_t n, int n_classes, int64_t sample, uint64_t seed,
                             int64_t *images, reshift_error *error)
{
    int64_t *there = memory_allocate(2 * (size_t)n_classes * sizeof *there), *shares = there + n_classes;
    int64_t *members = memory_allocate((size_t)n * sizeof *members),
            *order = memory_allocate((size_t)n * sizeof *order);
    int64_t n_classes_there = 0, drawn = 0;
    reshift_status status = RESHIFT_OK;
    if (!there || !members || !order) {
        status = error_memory(error, (size_t)n * sizeof *order, "a sample of images");
        goto done;
    }
    for (int64_t i = 0; i < n; i++) {
        n_classes_there += there[labels[i]]++ == 0;
    }
    if (sample < n_classes_there || sample > n) {
        status = error_set(error, RESHIFT_ERROR_SHAPE,
                           "a sample of %lld %s: expected at least one of each of %lld %s, and at most all %lld",
                           (long long)sample, reshift_noun_for(sample, "image", "images"), (long long)n_classes_there,
                           reshift_noun_for(n_classes_there, "class", "classes"), (long long)n);
        goto done;
    }
    divide(there, n_classes, n, sample, shares);
    for (int k = 0; k < n_classes; k++) {
        int64_t count = 0;
        for (int64_t i = 0; i < n && there[k] > 0; i++) {
            if (labels[i] == k) {
                members[count++] = i;
            }
        }
        random_stream stream = random_open(seed, "sample", 0, (uint64_t)k);
        random_permutation(&stream, order, count);
        for (int64_t i = 0; i < shares[k]; i++) {
            images[drawn++] = members[order[i]];
        }
    }
    qsort(images, (size_t)sample, sizeof *images, compare);
done:
    memory_free(there);
    memory_free(members);
    memory_free(order);
    return status;
}
