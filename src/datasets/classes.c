/* Counts the rows of each class before a training starts. */
#include "datasets/classes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "reshift/words.h"

#define NAMED_MOST 10 /* empty classes named in a message */

void classes_count(const int *labels, int64_t n, int n_classes, int64_t *counts)
{
    memset(counts, 0, (size_t)n_classes * sizeof *counts);
    for (int64_t i = 0; i < n; i++) {
        counts[labels[i]]++;
    }
}

static void warn_of_empty(const int64_t *counts, int n_classes, int n_empty, const char *what,
                          const reshift_progress *progress)
{
    char names[256] = "";
    size_t length = 0;
    int named = 0;
    for (int k = 0; k < n_classes && named < NAMED_MOST; k++) {
        if (!counts[k]) {
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%d", named ? ", " : "", k);
            named++;
        }
    }
    progress_message(progress, RESHIFT_LOG_WARNING, "%s: no row of %d of %d classes: %s%s%s", what, n_empty, n_classes,
                     names, named < n_empty ? ", ..." : "",
                     n_empty == 1 && !counts[0] ? "; labels count from 0, these seem to count from 1" : "");
}

reshift_status classes_check(const int *labels, int64_t n, int n_classes, const char *what,
                             const reshift_progress *progress, reshift_error *error)
{
    int64_t *counts = malloc((size_t)n_classes * sizeof *counts + 1);
    if (!counts) {
        return error_memory(error, (size_t)n_classes * sizeof *counts, "the counts of classes");
    }
    classes_count(labels, n, n_classes, counts);
    int n_empty = 0;
    for (int k = 0; k < n_classes; k++) {
        n_empty += counts[k] == 0;
    }
    reshift_status status = RESHIFT_OK;
    if (n > 0 && n_classes - n_empty < 2) {
        status = error_set(error, RESHIFT_ERROR_SHAPE,
                           "%s: expected at least two classes, found class %d alone in all %lld %s", what, labels[0],
                           (long long)n, reshift_noun_for(n, "row", "rows"));
    } else if (n_empty > 0) {
        warn_of_empty(counts, n_classes, n_empty, what, progress);
    }
    free(counts);
    return status;
}

reshift_status classes_check_dataset(const reshift_dataset *dataset, const char *what, const reshift_progress *progress,
                                     reshift_error *error)
{
    const int64_t n = reshift_dataset_count(dataset);
    int *labels = malloc((size_t)n * sizeof *labels + 1);
    if (!labels) {
        return error_memory(error, (size_t)n * sizeof *labels, "labels");
    }
    for (int64_t i = 0; i < n; i++) {
        labels[i] = reshift_dataset_label(dataset, i);
    }
    reshift_status status = classes_check(labels, n, reshift_dataset_n_classes(dataset), what, progress, error);
    free(labels);
    return status;
}
