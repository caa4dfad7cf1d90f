/* The order in which an adapting network sees the images, and what people should know of the batches it makes. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "robustness/measuring.h"
#include "reshift/words.h"

/* Fewer images than this say little about a channel's mean and variance. */
enum { SMALL_BATCH = 32 };

/* Classes a batch holds, over those it would hold of images in random order. */
static double variety(const measuring *m)
{
    const reshift_robustness *t = m->table;
    int64_t n = t->n_images, batch = m->options->adapt.batch, n_batches = 0;
    int64_t *count = calloc(2 * (size_t)t->n_classes, sizeof *count), *last = count + t->n_classes;
    double there = 0, expected = 0;
    if (!count) {
        return 1; /* only a warning hangs on it */
    }
    for (int64_t i = 0; i < n; i++) {
        count[t->labels[i]]++;
    }
    for (int64_t first = 0; first + batch <= n; first += batch, n_batches++) {
        for (int64_t i = first; i < first + batch; i++) {
            int label = t->labels[m->order[i]];
            there += last[label] != n_batches + 1;
            last[label] = n_batches + 1;
        }
    }
    for (int k = 0; k < t->n_classes; k++) {
        expected += (double)n_batches * (1 - pow(1 - (double)count[k] / (double)n, (double)batch));
    }
    free(count);
    return expected > 0 ? there / expected : 1;
}

/* The order of the rows, and what people should know of their batches. */
reshift_status measuring_prepare_adaptation(measuring *m, reshift_error *error)
{
    const reshift_adapt_options *o = &m->options->adapt;
    int64_t n = m->table->n_images;
    if (o->kind == RESHIFT_ADAPT_NONE) {
        return RESHIFT_OK;
    }
    m->order = memory_allocate((size_t)n * sizeof *m->order);
    m->in_order = memory_allocate((size_t)n * sizeof *m->in_order);
    m->in_labels = memory_allocate((size_t)n * sizeof *m->in_labels);
    if (!m->order || !m->in_order || !m->in_labels) {
        return error_memory(error, (size_t)n * sizeof *m->in_order, "rows in order");
    }
    random_stream stream = random_open(m->options->dataset.seed, "adapt", 0, 0);
    if (o->shuffled) {
        random_permutation(&stream, m->order, n);
    }
    for (int64_t i = 0; i < n && !o->shuffled; i++) {
        m->order[i] = i;
    }
    const int rest = adapt_rest(n, o->batch);
    if (o->batch < SMALL_BATCH || n < SMALL_BATCH) {
        progress_message(
            m->progress, RESHIFT_LOG_WARNING, "batches of %lld %s are small: their statistics are mostly noise",
            (long long)(n < o->batch ? n : o->batch), reshift_noun_for(n < o->batch ? n : o->batch, "image", "images"));
    } else if (rest > 0 && rest < SMALL_BATCH) {
        progress_message(m->progress, RESHIFT_LOG_WARNING,
                         "the last batch is small: the statistics of %lld %s normalise it", (long long)rest,
                         reshift_noun_for(rest, "image", "images"));
    }
    if (variety(m) < 0.7) {
        progress_message(
            m->progress, RESHIFT_LOG_WARNING,
            "the images come sorted by class: a batch's statistics are those of few classes, and adaptation "
            "harms (--shuffle draws an order)");
    }
    return RESHIFT_OK;
}
