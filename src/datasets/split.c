/*
 * Draws training rows from a shifted set and counts the leaks. Each photograph has several rows there, and a network
 * trained on one of them has seen the photograph. The counts say how much of a test set is affected.
 */
#include "reshift/split.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "datasets/dataset.h"
#include "reshift/words.h"

/* The distinct images of a set, numbered by ascending source. */
typedef struct image_table {
    int64_t n_sources; /* max source + 1 */
    int64_t n_images;
    int64_t *rows_of; /* [n_sources] rows of each image; 0: no such image here */
    int64_t *sources; /* [n_images] ascending */
} image_table;

static void image_table_destroy(image_table *t)
{
    memory_free(t->rows_of);
    memory_free(t->sources);
    memset(t, 0, sizeof *t);
}

static void *new_numbers(int64_t n, size_t size)
{
    size_t bytes;
    return memory_product((size_t)n, size, &bytes) ? memory_allocate(bytes) : NULL;
}

static reshift_status image_table_make(const reshift_dataset *dataset, image_table *t, reshift_error *error)
{
    memset(t, 0, sizeof *t);
    int64_t count = reshift_dataset_count(dataset);
    for (int64_t row = 0; row < count; row++) {
        int64_t source = reshift_dataset_source(dataset, row);
        t->n_sources = source >= t->n_sources ? source + 1 : t->n_sources;
    }
    t->rows_of = new_numbers(t->n_sources, sizeof *t->rows_of);
    if (t->rows_of) {
        for (int64_t row = 0; row < count; row++) {
            t->n_images += t->rows_of[reshift_dataset_source(dataset, row)]++ == 0;
        }
        t->sources = new_numbers(t->n_images, sizeof *t->sources);
    }
    if (!t->sources) {
        return error_memory(error, (size_t)t->n_sources * sizeof *t->rows_of, "a split");
    }
    int64_t image = 0;
    for (int64_t source = 0; source < t->n_sources; source++) {
        if (t->rows_of[source]) {
            t->sources[image++] = source;
        }
    }
    return RESHIFT_OK;
}

/* taken [count]: 1 for every row drawn for training. */
static reshift_status draw_images(const reshift_dataset *dataset, const image_table *t, int64_t n_rows, uint64_t seed,
                                  bool all_may_go, uint8_t *taken, uint8_t *seen, reshift_error *error)
{
    int64_t *order = new_numbers(t->n_images, sizeof *order);
    if (!order) {
        return error_memory(error, (size_t)t->n_images * sizeof *order, "a split");
    }
    random_stream stream = random_open(seed, "split", RESHIFT_SPLIT_BY_IMAGE, 0);
    random_permutation(&stream, order, t->n_images);
    int64_t drawn = 0, n_images = 0;
    for (; n_images < t->n_images; n_images++) { /* until the next image would not fit completely */
        int64_t source = t->sources[order[n_images]];
        if (t->rows_of[source] > n_rows - drawn) {
            break;
        }
        drawn += t->rows_of[source];
        seen[source] = 1;
    }
    memory_free(order);
    if (n_images == 0) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "%lld training %s: not even one image with all its versions",
                         (long long)n_rows, reshift_noun_for(n_rows, "row", "rows"));
    }
    if (n_images == t->n_images && !all_may_go) {
        error_set(error, RESHIFT_ERROR_SHAPE,
                  "%lld training %s: all %lld %s would be trained on and none left to test on", (long long)n_rows,
                  reshift_noun_for(n_rows, "row", "rows"), (long long)t->n_images,
                  reshift_noun_for(t->n_images, "image", "images"));
        error_hint(error, "the set has %lld %s: ask for fewer, so that images remain",
                   (long long)reshift_dataset_count(dataset),
                   reshift_noun_for(reshift_dataset_count(dataset), "row", "rows"));
        return RESHIFT_ERROR_SHAPE;
    }
    for (int64_t row = 0; row < reshift_dataset_count(dataset); row++) {
        taken[row] = seen[reshift_dataset_source(dataset, row)];
    }
    return RESHIFT_OK;
}

static reshift_status draw_rows(const reshift_dataset *dataset, int64_t n_rows, uint64_t seed, uint8_t *taken,
                                uint8_t *seen, reshift_error *error)
{
    int64_t count = reshift_dataset_count(dataset);
    if (n_rows > count) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "%lld training rows: the set has only %lld", (long long)n_rows,
                         (long long)count);
    }
    int64_t *order = new_numbers(count, sizeof *order);
    if (!order) {
        return error_memory(error, (size_t)count * sizeof *order, "a split");
    }
    random_stream stream = random_open(seed, "split", RESHIFT_SPLIT_BY_ROW, 0);
    random_permutation(&stream, order, count);
    for (int64_t i = 0; i < n_rows; i++) {
        taken[order[i]] = 1;
        seen[reshift_dataset_source(dataset, order[i])] = 1;
    }
    memory_free(order);
    return RESHIFT_OK;
}

/* Computes row lists and leak counts from the rows taken. */
static reshift_status fill(const reshift_dataset *dataset, const image_table *t, const uint8_t *taken,
                           reshift_split *split, reshift_error *error)
{
    int64_t count = reshift_dataset_count(dataset);
    split->train_rows = new_numbers(count, sizeof *split->train_rows);
    split->test_rows = new_numbers(count, sizeof *split->test_rows);
    uint8_t *tested = memory_allocate((size_t)t->n_sources);
    if (!split->train_rows || !split->test_rows || !tested) {
        memory_free(tested);
        return error_memory(error, (size_t)count * sizeof *split->train_rows, "a split");
    }
    for (int64_t row = 0; row < count; row++) {
        int64_t source = reshift_dataset_source(dataset, row);
        if (taken[row]) {
            split->train_rows[split->n_train++] = row;
        }
        if (split->kind == RESHIFT_SPLIT_BY_ROW || !split->source_seen[source]) {
            split->test_rows[split->n_test++] = row;
            split->n_test_rows_seen += taken[row];
            split->n_test_rows_image_seen += split->source_seen[source];
            tested[source] = 1;
        }
    }
    split->n_images = t->n_images;
    split->n_sources = t->n_sources;
    for (int64_t source = 0; source < t->n_sources; source++) {
        split->n_images_seen += split->source_seen[source];
        split->n_test_images += tested[source];
        split->n_test_images_seen += tested[source] && split->source_seen[source];
    }
    memory_free(tested);
    return RESHIFT_OK;
}

reshift_status reshift_split_draw(const reshift_dataset *dataset, reshift_split_kind kind, int64_t n_rows,
                                  uint64_t seed, reshift_split *split, reshift_error *error)
{
    memset(split, 0, sizeof *split);
    if (n_rows < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%lld training rows: expected 1 or more", (long long)n_rows);
    }
    image_table t;
    split->kind = kind;
    uint8_t *taken = NULL;
    reshift_status status = image_table_make(dataset, &t, error);
    if (status == RESHIFT_OK) {
        taken = memory_allocate((size_t)reshift_dataset_count(dataset));
        split->source_seen = memory_allocate((size_t)t.n_sources);
        if (!taken || !split->source_seen) {
            status = error_memory(error, (size_t)t.n_sources, "a split");
        }
    }
    if (status == RESHIFT_OK) {
        status = kind == RESHIFT_SPLIT_BY_IMAGE
                     ? draw_images(dataset, &t, n_rows, seed, false, taken, split->source_seen, error)
                     : draw_rows(dataset, n_rows, seed, taken, split->source_seen, error);
    }
    if (status == RESHIFT_OK) {
        status = fill(dataset, &t, taken, split, error);
    }
    memory_free(taken);
    image_table_destroy(&t);
    if (status != RESHIFT_OK) {
        reshift_split_destroy(split);
    }
    return status;
}

/* Draws from one set. The split contains its training rows and image counts, but no test rows yet. */
static reshift_status draw_training(const reshift_dataset *train, reshift_split_kind kind, int64_t n_rows,
                                    uint64_t seed, reshift_split *split, reshift_error *error)
{
    image_table t;
    const int64_t count = reshift_dataset_count(train);
    if (n_rows > count) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "%lld training rows: the set has only %lld", (long long)n_rows,
                         (long long)count);
    }
    uint8_t *taken = NULL, *seen = NULL;
    reshift_status status = image_table_make(train, &t, error);
    if (status == RESHIFT_OK) {
        taken = new_numbers(count, sizeof *taken);
        seen = new_numbers(t.n_sources, sizeof *seen);
        split->train_rows = new_numbers(n_rows, sizeof *split->train_rows);
        if (!taken || !seen || !split->train_rows) {
            status = error_memory(error, (size_t)n_rows * sizeof *split->train_rows, "a split");
        }
    }
    if (status == RESHIFT_OK) {
        status = kind == RESHIFT_SPLIT_BY_IMAGE ? draw_images(train, &t, n_rows, seed, true, taken, seen, error)
                                                : draw_rows(train, n_rows, seed, taken, seen, error);
    }
    for (int64_t row = 0; status == RESHIFT_OK && row < count; row++) {
        if (taken[row]) {
            split->train_rows[split->n_train++] = row;
        }
    }
    split->n_images = t.n_images;
    for (int64_t source = 0; status == RESHIFT_OK && source < t.n_sources; source++) {
        split->n_images_seen += seen[source];
    }
    memory_free(taken);
    memory_free(seen);
    image_table_destroy(&t);
    return status;
}

reshift_status reshift_split_draw_apart(const reshift_dataset *train, const reshift_dataset *test,
                                        reshift_split_kind kind, int64_t n_rows, uint64_t seed, reshift_split *split,
                                        reshift_error *error)
{
    memset(split, 0, sizeof *split);
    split->kind = RESHIFT_SPLIT_APART;
    if (n_rows < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%lld training rows: expected 1 or more", (long long)n_rows);
    }
    image_table t = {0};
    const int64_t n_test = reshift_dataset_count(test);
    reshift_status status = draw_training(train, kind, n_rows, seed, split, error);
    if (status == RESHIFT_OK) {
        status = image_table_make(test, &t, error);
    }
    if (status == RESHIFT_OK) {
        split->test_rows = new_numbers(n_test, sizeof *split->test_rows);
        split->source_seen = new_numbers(t.n_sources, sizeof *split->source_seen); /* zeroed: none seen */
        if (!split->test_rows || !split->source_seen) {
            status = error_memory(error, (size_t)n_test * sizeof *split->test_rows, "a split");
        }
    }
    for (int64_t row = 0; status == RESHIFT_OK && row < n_test; row++) {
        split->test_rows[split->n_test++] = row;
    }
    split->n_sources = t.n_sources;
    split->n_test_images = t.n_images;
    image_table_destroy(&t);
    if (status != RESHIFT_OK) {
        reshift_split_destroy(split);
    }
    return status;
}

/* Changes the mark 2 to 1 for a share of the images of one class; images [n] are of that class, in ascending order. */
static void hold_images(const int64_t *images, int64_t n, double share, const char *purpose, uint64_t seed, int label,
                        int64_t *order, uint8_t *mark)
{
    int64_t n_held = (int64_t)(share * (double)n + 0.5);
    n_held = n_held >= n ? n - 1 : n_held;
    random_stream stream = random_open(seed, purpose, (uint64_t)label, 0);
    random_permutation(&stream, order, n);
    for (int64_t i = 0; i < n_held; i++) {
        mark[images[order[i]]] = 1;
    }
}

reshift_status split_hold_out(const reshift_dataset *dataset, const int64_t *rows, int64_t n, double share,
                              const char *purpose, uint64_t seed, uint8_t *held, int64_t *n_held, reshift_error *error)
{
    *n_held = 0;
    if (!(share > 0 && share < 1)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a share of %g to hold out: expected one between 0 and 1",
                         share);
    }
    int64_t n_sources = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t source = reshift_dataset_source(dataset, rows[i]);
        n_sources = source >= n_sources ? source + 1 : n_sources;
    }
    const int n_classes = reshift_dataset_n_classes(dataset);
    uint8_t *mark = new_numbers(n_sources + 1, sizeof *mark);
    int32_t *labels = new_numbers(n_sources + 1, sizeof *labels);
    int64_t *images = new_numbers(n_sources + 1, sizeof *images), *order = new_numbers(n_sources + 1, sizeof *order);
    int64_t *first = new_numbers((int64_t)n_classes + 1, sizeof *first);
    reshift_status status = RESHIFT_OK;
    if (!mark || !labels || !images || !order || !first) {
        status = error_memory(error, (size_t)n_sources * sizeof *images, "a split");
        goto end;
    }
    for (int64_t i = 0; i < n; i++) { /* counts every image once, by class */
        const int64_t source = reshift_dataset_source(dataset, rows[i]);
        if (!mark[source]) {
            mark[source] = 2;
            labels[source] = reshift_dataset_label(dataset, rows[i]);
            first[labels[source] + 1]++;
        }
    }
    for (int k = 0; k < n_classes; k++) {
        first[k + 1] += first[k];
    }
    for (int64_t source = 0; source < n_sources; source++) { /* sorts by class; first[k] moves to the end of k */
        if (mark[source]) {
            images[first[labels[source]]++] = source;
        }
    }
    for (int k = 0; k < n_classes; k++) {
        const int64_t start = k ? first[k - 1] : 0;
        hold_images(images + start, first[k] - start, share, purpose, seed, k, order, mark);
    }
    for (int64_t i = 0; i < n; i++) {
        held[i] = mark[reshift_dataset_source(dataset, rows[i])] == 1;
        *n_held += held[i];
    }
    if (*n_held == 0) {
        status =
            error_set(error, RESHIFT_ERROR_SHAPE, "a share of %g of %lld %s in %d %s: not even one image to hold out",
                      share, (long long)n, reshift_noun_for(n, "row", "rows"), n_classes,
                      reshift_noun_for(n_classes, "class", "classes"));
    }
end:
    memory_free(mark);
    memory_free(labels);
    memory_free(images);
    memory_free(order);
    memory_free(first);
    return status;
}

reshift_status reshift_split_hold_out(const reshift_dataset *dataset, const int64_t *rows, int64_t n, double share,
                                      uint64_t seed, uint8_t *held, int64_t *n_held, reshift_error *error)
{
    return split_hold_out(dataset, rows, n, share, "validation", seed, held, n_held, error);
}

void reshift_split_destroy(reshift_split *split)
{
    if (split) {
        memory_free(split->train_rows);
        memory_free(split->test_rows);
        memory_free(split->source_seen);
        memset(split, 0, sizeof *split);
    }
}
