/* A forward pass over the blocks that two networks share, and an inference plan over the rest of each. */
#include "inference/forked.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/plan.h"
#include "inference/extraction.h"
#include "inference/frozen.h"
#include "inference/outputs.h"

struct forked {
    forward *lower;
    plan *upper[2];
    const char *what;  /* "features" or "logits" */
    output_rows reads; /* the images of the next pass */
};

/* Where values differ first; fc is never shared, so that there is something to run behind. */
static int first_difference(const network *a, const network *b)
{
    const graph *g = a->graph, *h = b->graph;
    int first = g->n_blocks < h->n_blocks ? g->n_blocks - 1 : h->n_blocks - 1;
    for (int p = 0; p < g->n_parameters && p < h->n_parameters; p++) {
        const graph_parameter *one = &g->parameters[p], *other = &h->parameters[p];
        if (one->block < first &&
            (one->count != other->count ||
             memcmp(network_parameter(a, p), network_parameter(b, p), one->count * sizeof(float)) != 0)) {
            first = one->block;
        }
    }
    return first;
}

reshift_status forked_cut(const forward_setup *const setups[2], int *cut, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (*cut = first_difference(setups[0]->net, setups[1]->net); *cut > 0; --*cut) {
        char keys[2][DIGEST_HEX_BYTES];
        status = extraction_key(setups[0], *cut, keys[0], error);
        if (status == RESHIFT_OK) {
            status = extraction_key(setups[1], *cut, keys[1], error);
        }
        if (status != RESHIFT_OK || strcmp(keys[0], keys[1]) == 0) {
            break;
        }
    }
    return status;
}

reshift_status forked_create(const forward_setup *const setups[2], int cut, forked **out, reshift_error *error)
{
    forked *f = *out = calloc(1, sizeof *f);
    if (!f) {
        return error_memory(error, sizeof *f, "two networks of one beginning");
    }
    const forward_setup lower = extraction_lower(setups[0], cut);
    f->what = setups[0]->stop_at_features ? "features" : "logits";
    reshift_status status = forward_create(&lower, &f->lower, error);
    for (int k = 0; k < 2 && status == RESHIFT_OK; k++) {
        extraction_rows rows = {.batch = forward_batch(f->lower), .width = forward_row_width(f->lower)};
        forward_row_shape(f->lower, &rows.n_dims, rows.shape);
        const plan_options options = extraction_upper(setups[k], cut, &rows);
        status = plan_create(setups[k]->net, &options, &f->upper[k], error);
    }
    if (status != RESHIFT_OK) {
        forked_destroy(out);
    }
    return status;
}

void forked_destroy(forked **f)
{
    if (f && *f) {
        forward_destroy(&(*f)->lower);
        plan_destroy(&(*f)->upper[0]);
        plan_destroy(&(*f)->upper[1]);
        free(*f);
        *f = NULL;
    }
}

reshift_status forked_start(forked *f, const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                            reshift_error *error)
{
    f->reads = (output_rows){.dataset = dataset, .order = rows};
    return forward_start(f->lower, dataset, rows, n, error);
}

void forked_stop(forked *f) { forward_stop(f->lower); }

reshift_status forked_next(forked *f, forward_pass passes[2], reshift_error *error)
{
    forward_pass shared;
    memset(passes, 0, 2 * sizeof *passes);
    reshift_status status = forward_next(f->lower, &shared, error);
    for (int k = 0; k < 2 && status == RESHIFT_OK && shared.n > 0; k++) {
        plan_write_rows(f->upper[k],
                        shared.output_bf16 ? (const void *)shared.output_bf16 : (const void *)shared.output, shared.n);
        status = plan_forward(f->upper[k], error);
        plan_results results = {NULL, NULL, NULL};
        if (status == RESHIFT_OK) {
            status = plan_read(f->upper[k], &results, error);
        }
        if (status == RESHIFT_ERROR_NUMERIC) {
            outputs_overflow(&f->reads, plan_overflow_image(f->upper[k]), error);
        }
        passes[k] = (forward_pass){
            .n = shared.n, .output = results.output, .features = results.features, .labels = shared.labels};
        if (status == RESHIFT_OK) {
            int n_dims;
            int64_t shape[4] = {0};
            plan_output_shape(f->upper[k], &n_dims, shape);
            status = outputs_check(passes[k].output, shared.n, shape[1], f->what, &f->reads, error);
        }
    }
    f->reads.first += shared.n;
    return status;
}
