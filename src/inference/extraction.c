/* A forward pass over all blocks, or a frozen part with an inference plan over the rest. */
#include "inference/extraction.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/plan.h"
#include "inference/frozen.h"
#include "inference/frozen_cache.h"
#include "inference/outputs.h"

struct extraction {
    forward *whole; /* NULL where the network is cut */
    frozen *lower;
    plan *upper; /* NULL where the features themselves come out of the lower part: the cut before fc */
    float *rows; /* [batch,D], then */
    int batch;
    int *labels;         /* [batch] */
    int64_t left, width; /* floats of a row of output */
    const char *what;    /* "features" or "logits" */
    output_rows reads;   /* the images of the next pass */
};

forward_setup extraction_lower(const forward_setup *whole, int cut)
{
    forward_setup lower = *whole;
    lower.last_block = cut - 1;
    lower.stop_at_features = false;
    lower.bf16 = lower.precision == RESHIFT_PRECISION_BF16;
    return lower;
}

plan_options extraction_upper(const forward_setup *whole, int cut, const extraction_rows *rows)
{
    return (plan_options){.batch = rows->batch,
                          .height = rows->n_dims == 3 ? (int)rows->shape[0] : 1,
                          .width = rows->n_dims == 3 ? (int)rows->shape[1] : 1,
                          .first_block = cut,
                          .last_block = whole->last_block,
                          .stop_at_features = whole->stop_at_features,
                          .bf16_input = rows->width == 2,
                          .precision = whole->precision};
}

reshift_status extraction_key(const forward_setup *whole, int cut, char key[DIGEST_HEX_BYTES], reshift_error *error)
{
    const forward_setup lower = extraction_lower(whole, cut);
    return frozen_key(&lower, forward_batch_of(&lower), key, error);
}

/* The highest cut below which the cache knows what comes out; 0: none. */
static reshift_status find_cut(const extraction_setup *setup, int *cut, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (*cut = setup->forward.net->graph->n_blocks - 1; *cut > 0; --*cut) {
        char key[DIGEST_HEX_BYTES];
        status = extraction_key(&setup->forward, *cut, key, error);
        if (status != RESHIFT_OK || frozen_cache_knows(setup->cache, key)) {
            break;
        }
    }
    return status;
}

static reshift_status make_upper(extraction *e, const extraction_setup *setup, int cut, reshift_error *error)
{
    extraction_rows rows = {.batch = e->batch, .width = frozen_row_width(e->lower)};
    frozen_row_shape(e->lower, &rows.n_dims, rows.shape);
    e->labels = calloc((size_t)e->batch, sizeof *e->labels);
    if (!e->labels) {
        return error_memory(error, (size_t)e->batch * sizeof *e->labels, "labels");
    }
    e->what = setup->forward.stop_at_features ? "features" : "logits";
    if (rows.n_dims == 1 && setup->forward.stop_at_features) {
        e->width = rows.shape[0];
        size_t bytes = (size_t)e->batch * (size_t)rows.shape[0] * sizeof *e->rows;
        e->rows = malloc(bytes);
        return e->rows ? RESHIFT_OK : error_memory(error, bytes, "rows");
    }
    const plan_options options = extraction_upper(&setup->forward, cut, &rows);
    reshift_status status = plan_create(setup->forward.net, &options, &e->upper, error);
    if (status == RESHIFT_OK) {
        int n_dims;
        int64_t shape[4] = {0};
        plan_output_shape(e->upper, &n_dims, shape);
        e->width = shape[1];
    }
    return status;
}

reshift_status extraction_create(const extraction_setup *setup, extraction **out, const reshift_progress *progress,
                                 reshift_error *error)
{
    extraction *e = *out = calloc(1, sizeof *e);
    if (!e) {
        return error_memory(error, sizeof *e, "an extraction");
    }
    int cut = setup->cache ? setup->cut : 0;
    reshift_status status = setup->cache && cut == 0 ? find_cut(setup, &cut, error) : RESHIFT_OK;
    if (status == RESHIFT_OK && cut > 0) {
        const frozen_setup lower = {
            .forward = extraction_lower(&setup->forward, cut), .n_rows = setup->n_rows, .cache = setup->cache};
        status = frozen_create(&lower, &e->lower, progress, error);
        if (status == RESHIFT_OK) {
            e->batch = frozen_batch(e->lower);
            status = make_upper(e, setup, cut, error);
        }
    } else if (status == RESHIFT_OK) {
        status = forward_create(&setup->forward, &e->whole, error);
    }
    if (status != RESHIFT_OK) {
        extraction_destroy(out);
    }
    return status;
}

void extraction_destroy(extraction **e)
{
    if (e && *e) {
        forward_destroy(&(*e)->whole);
        frozen_destroy(&(*e)->lower);
        plan_destroy(&(*e)->upper);
        free((*e)->rows);
        free((*e)->labels);
        free(*e);
        *e = NULL;
    }
}

reshift_status extraction_start(extraction *e, const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                                bool keep, reshift_error *error)
{
    e->left = n;
    e->reads = (output_rows){.dataset = dataset, .order = rows};
    return e->whole ? forward_start(e->whole, dataset, rows, n, error)
                    : frozen_start(e->lower, dataset, rows, n, keep, error);
}

reshift_status extraction_next(extraction *e, forward_pass *pass, reshift_error *error)
{
    if (e->whole) {
        return forward_next(e->whole, pass, error);
    }
    *pass = (forward_pass){.n = e->left < e->batch ? (int)e->left : e->batch, .labels = e->labels};
    if (pass->n == 0) {
        return RESHIFT_OK;
    }
    void *input = e->upper ? plan_staging(e->upper) : e->rows;
    reshift_status status = frozen_next(e->lower, pass->n, input, e->labels, error);
    pass->output = e->rows;
    if (status == RESHIFT_OK && e->upper) {
        plan_set_images(e->upper, pass->n);
        status = plan_forward(e->upper, error);
        plan_results results = {NULL, NULL, NULL};
        if (status == RESHIFT_OK) {
            status = plan_read(e->upper, &results, error);
        }
        if (status == RESHIFT_ERROR_NUMERIC) {
            outputs_overflow(&e->reads, plan_overflow_image(e->upper), error);
        }
        pass->output = results.output;
        pass->features = results.features;
    }
    if (status == RESHIFT_OK) {
        status = outputs_check(pass->output, pass->n, e->width, e->what, &e->reads, error);
    }
    e->reads.first += pass->n;
    e->left -= pass->n;
    return status;
}

reshift_status extraction_commit(extraction *e, reshift_error *error)
{
    return e->lower ? frozen_commit(e->lower, error) : RESHIFT_OK;
}

int64_t extraction_computed(const extraction *e) { return e->lower ? frozen_computed(e->lower) : -1; }
