/*
 * A loader and a plan in a row; between them, where images are small and of one size, the collapsed first convolution.
 * The last pass may be smaller than the plan: its other rows are zero, and their results are not used (an inference
 * plan treats every row by itself).
 */
#include "inference/forward.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/memory.h"
#include "datasets/loader.h"
#include "engine/plan.h"
#include "engine/stem.h"
#include "imaging/preprocess.h"
#include "inference/outputs.h"
#include "models/recipe.h"

struct forward {
    plan *plan;         /* NULL: the images themselves come out, or the stem's output */
    stem *stem;         /* NULL: the plan begins with the images */
    float *stem_output; /* where there is no plan behind it */
    int height, width;  /* of the stem's images */
    loader *loader;
    loader_options reading;
    const char *what;  /* "features" or "logits" come out; NULL: images or activations of a block */
    output_rows reads; /* the images of the next pass */
    int n_dims;
    int64_t shape[3]; /* of a row */
    int64_t row_count;
    size_t image_count; /* floats of an image */
};

/*
 * Rows of a pass. At 224x224 eight a thread are as fast as any number, and memory grows with them: in float32, whose
 * activations are the largest and whose Winograd convolutions want room, 8 together keep ResNet-50's extraction at 320
 * MB and cost 1 to 3 % of the rate of 16. Smaller images need more rows to give every thread work.
 */
static int choose_batch(const forward_setup *setup, int size)
{
    int64_t at_224 = setup->precision == RESHIFT_PRECISION_F32 ? 8 : 16;
    int64_t rows = at_224 * 224 * 224 / ((int64_t)size * size);
    rows = rows < 1 ? 1 : rows > 256 ? 256 : rows;
    if (setup->batch > 0 && setup->batch < rows) {
        rows = setup->batch;
    }
    if (setup->n_rows > 0 && setup->n_rows < rows) {
        rows = setup->n_rows;
    }
    return (int)rows;
}

int forward_batch_of(const forward_setup *setup)
{
    return choose_batch(setup, reshift_recipe_at(setup->recipe, setup->size).size);
}

void forward_expect(forward_setup *setup, const reshift_dataset *dataset)
{
    int height = 0, width = 0;
    bool fixed = reshift_dataset_fixed_size(dataset, &height, &width);
    bool first = setup->height == 0;
    if (!fixed || (!first && (height != setup->height || width != setup->width))) {
        height = width = -1; /* stays: the next set finds no 0 */
    }
    setup->height = height;
    setup->width = width;
}

static reshift_status make_stem(forward *f, const forward_setup *setup, reshift_error *error)
{
    reshift_status status = stem_create(setup->net, setup->height, setup->width, f->reading.size, f->reading.mean,
                                        f->reading.std, &f->stem, error);
    if (status != RESHIFT_OK || !f->stem) {
        return status;
    }
    f->height = setup->height;
    f->width = setup->width;
    f->reading.as_bytes = true;
    f->n_dims = 3;
    stem_output_shape(f->stem, f->shape);
    f->image_count = (size_t)(f->shape[0] * f->shape[1] * f->shape[2]);
    if (setup->last_block == 0) {
        size_t bytes = (size_t)f->reading.batch * f->image_count * sizeof(float);
        f->stem_output = memory_allocate(bytes);
        return f->stem_output ? RESHIFT_OK : error_memory(error, bytes, "the first block's output");
    }
    return RESHIFT_OK;
}

static reshift_status make_plan(forward *f, const forward_setup *setup, reshift_error *error)
{
    reshift_status status = make_stem(f, setup, error);
    if (status != RESHIFT_OK || f->stem_output) {
        return status;
    }
    plan_options options = {.batch = f->reading.batch,
                            .height = f->stem ? (int)f->shape[0] : f->reading.size,
                            .width = f->stem ? (int)f->shape[1] : f->reading.size,
                            .first_block = f->stem ? 1 : 0,
                            .last_block = setup->last_block,
                            .stop_at_features = setup->stop_at_features,
                            .bf16_output = setup->bf16,
                            .precision = setup->precision};
    status = plan_create(setup->net, &options, &f->plan, error);
    if (status == RESHIFT_OK) {
        plan_set_input_bound(f->plan, f->stem ? -1 : preprocess_largest(f->reading.mean, f->reading.std));
    }
    if (status == RESHIFT_OK && setup->watcher) {
        plan_watch(f->plan, setup->watcher, setup->watcher_context);
    }
    if (status == RESHIFT_OK) {
        int n_dims;
        int64_t shape[4] = {0};
        plan_output_shape(f->plan, &n_dims, shape);
        f->n_dims = n_dims - 1;
        memcpy(f->shape, shape + 1, sizeof f->shape);
    }
    return status;
}

reshift_status forward_create(const forward_setup *setup, forward **out, reshift_error *error)
{
    *out = NULL;
    const reshift_recipe recipe = reshift_recipe_at(setup->recipe, setup->size);
    const int size = recipe.size;
    reshift_status status = recipe_check_size(size, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (setup->batch < 0) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "batch: expected a positive number, found %d", setup->batch);
    }
    forward *f = calloc(1, sizeof *f);
    if (!f) {
        return error_memory(error, sizeof *f, "a forward pass");
    }
    f->reading.batch = choose_batch(setup, size);
    f->reading.size = size;
    f->reading.resize = recipe.resize;
    memcpy(f->reading.mean, recipe.mean, sizeof f->reading.mean);
    memcpy(f->reading.std, recipe.std, sizeof f->reading.std);
    f->image_count = (size_t)size * (size_t)size * 3;
    f->n_dims = 3;
    f->shape[0] = f->shape[1] = size;
    f->shape[2] = 3;
    if (setup->last_block == setup->net->graph->n_blocks - 1) {
        f->what = setup->stop_at_features ? "features" : "logits";
    }
    status = setup->last_block < 0 ? RESHIFT_OK : make_plan(f, setup, error);
    if (status != RESHIFT_OK) {
        forward_destroy(&f);
        return status;
    }
    f->row_count = 1;
    for (int d = 0; d < f->n_dims; d++) {
        f->row_count *= f->shape[d];
    }
    *out = f;
    return RESHIFT_OK;
}

void forward_destroy(forward **f)
{
    if (f && *f) {
        loader_close(&(*f)->loader);
        plan_destroy(&(*f)->plan);
        stem_destroy(&(*f)->stem);
        memory_free((*f)->stem_output);
        free(*f);
        *f = NULL;
    }
}

reshift_precision forward_precision(reshift_precision wanted, bool training, const reshift_progress *progress)
{
    reshift_precision here = reshift_precision_here(wanted, training);
    if (wanted == RESHIFT_PRECISION_AUTO) {
        progress_message(progress, RESHIFT_LOG_INFO, "precision auto: %s", reshift_precision_name(here));
    } else if (here != wanted) {
        progress_message(progress, RESHIFT_LOG_WARNING, "precision %s: computing in %s here",
                         reshift_precision_name(wanted), reshift_precision_name(here));
    }
    return here;
}

int forward_size(const forward *f) { return f->reading.size; }
int forward_batch(const forward *f) { return f->reading.batch; }
int64_t forward_row_count(const forward *f) { return f->row_count; }
int forward_row_width(const forward *f) { return f->plan ? plan_output_width(f->plan) : (int)sizeof(float); }

void forward_row_shape(const forward *f, int *n_dims, int64_t shape[3])
{
    *n_dims = f->n_dims;
    memcpy(shape, f->shape, sizeof f->shape);
}

reshift_status forward_start(forward *f, const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                             reshift_error *error)
{
    forward_stop(f);
    int height, width;
    if (f->stem &&
        (!reshift_dataset_fixed_size(dataset, &height, &width) || height != f->height || width != f->width)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a forward pass was made for images of %dx%d, others came",
                         f->width, f->height);
    }
    f->reads = (output_rows){.dataset = dataset, .order = rows};
    return loader_open(dataset, rows, n, &f->reading, &f->loader, error);
}

void forward_stop(forward *f) { loader_close(&f->loader); }

reshift_status forward_next(forward *f, forward_pass *pass, reshift_error *error)
{
    const float *images = NULL;
    const uint8_t *bytes = NULL;
    memset(pass, 0, sizeof *pass);
    reshift_status status = f->stem ? loader_next_bytes(f->loader, &bytes, &pass->labels, &pass->n, error)
                                    : loader_next(f->loader, &images, &pass->labels, &pass->n, error);
    if (status != RESHIFT_OK || pass->n == 0) {
        return status;
    }
    if (f->stem) {
        status = stem_run(f->stem, bytes, pass->n, f->plan ? plan_staging(f->plan) : f->stem_output, error);
        if (status == RESHIFT_OK && f->plan) {
            plan_set_images(f->plan, pass->n);
            plan_set_input_bound(f->plan, stem_output_bound(f->stem));
        }
    } else if (f->plan) {
        plan_write_rows(f->plan, images, pass->n);
    }
    if (!f->plan && status == RESHIFT_OK) {
        pass->output = f->stem ? f->stem_output : images;
        f->reads.first += pass->n;
        return RESHIFT_OK;
    }
    int at = 0;
    plan_results results;
    if (status == RESHIFT_OK) {
        status = plan_forward(f->plan, error);
        if (status == RESHIFT_OK) {
            status = plan_read(f->plan, &results, error);
        }
        at = plan_overflow_image(f->plan);
    }
    if (status == RESHIFT_ERROR_NUMERIC) {
        outputs_overflow(&f->reads, at, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    pass->output_bf16 = results.output_bf16;
    pass->output = results.output;
    pass->features = results.features;
    if (status == RESHIFT_OK && f->what) {
        status = outputs_check(pass->output, pass->n, f->row_count, f->what, &f->reads, error);
    }
    f->reads.first += pass->n;
    return status;
}
