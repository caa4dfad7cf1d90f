/*
 * The embedded demo: two sets that need no files, "demo", the target of the study, and "demo-source", ten other classes
 * on which the demo's network is pretrained. All pictures of a split are drawn when it is opened.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/dataset.h"
#include "datasets/demo/demo_draw.h"

enum { DEMO_PIXELS = DEMO_SIDE * DEMO_SIDE * 3 };

static const char *const kind_names[2] = {"demo", "demo-source"};
static const int64_t counts[2][2] = {{2000, 4000}, {2000, 8000}}; /* test, train */

typedef struct demo {
    demo_set set;
    bool train;
    uint8_t *pixels; /* [count,32,32,3] */
} demo;

static reshift_status demo_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const demo *d = state;
    reshift_status status = reshift_image_resize(image, DEMO_SIDE, DEMO_SIDE, error);
    if (status == RESHIFT_OK) {
        memcpy(image->pixels, d->pixels + (size_t)row * DEMO_PIXELS, DEMO_PIXELS);
    }
    return status;
}

static void demo_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const demo *d = state;
    snprintf(text, size, "%s %s image %lld", kind_names[d->set], d->train ? "train" : "test", (long long)row);
}

static void demo_destroy(void *state)
{
    demo *d = state;
    memory_free(d->pixels);
    free(d);
}

static const dataset_kind demo_kind = {demo_read, demo_row_name, NULL, demo_destroy, NULL, NULL};

static reshift_status open_set(demo_set set, const reshift_dataset_options *options, reshift_dataset **dataset,
                               reshift_error *error)
{
    *dataset = NULL;
    demo *d = calloc(1, sizeof *d);
    if (!d) {
        return error_memory(error, sizeof *d, "the demo");
    }
    d->set = set;
    d->train = strcmp(options->split, "train") == 0;
    int64_t count = dataset_limit(counts[set][d->train], options->limit);
    size_t bytes = (size_t)count * DEMO_PIXELS;
    d->pixels = memory_allocate(bytes);
    if (!d->pixels) {
        free(d);
        return error_memory(error, bytes, "the demo's pictures");
    }
    reshift_dataset *made;
    reshift_status status =
        dataset_create(&demo_kind, d, kind_names[set], count, DEMO_CLASSES, demo_class_names[set], &made, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    dataset_row *rows = made->rows;
    int split = d->train;
    uint64_t seed = options->seed;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < count; row++) {
        rows[row].label = demo_label(set, seed, split, row);
        demo_draw(set, seed, split, row, rows[row].label, d->pixels + (size_t)row * DEMO_PIXELS);
    }
    made->fixed_size = true;
    made->has_parts = true;
    made->height = made->width = DEMO_SIDE;
    made->from_file = false;
    *dataset = made;
    return RESHIFT_OK;
}

reshift_status demo_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                         reshift_error *error)
{
    (void)where;
    return open_set(DEMO_TARGET, options, dataset, error);
}

reshift_status demo_source_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                                reshift_error *error)
{
    (void)where;
    return open_set(DEMO_SOURCE, options, dataset, error);
}
