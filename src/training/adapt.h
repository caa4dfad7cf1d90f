/*
 * Testing with adaptation: rows go through a copy of the network in batches that mean something (their statistics are
 * batch norm's, and a step of Tent follows each), so there are no smaller passes inside a batch as elsewhere. Every
 * start begins with the weights as they were given.
 */
#ifndef TRAINING_ADAPT_H
#define TRAINING_ADAPT_H

#include "base/facts.h"
#include "network/network.h"
#include "reshift/adaptation.h"
#include "reshift/dataset.h"
#include "reshift/model.h"
#include "reshift/precision.h"

typedef struct adapt adapt;

extern const fact_table adapt_facts;

/**
 * Rows of the last of the batches that n_rows are taken in; 0: it is whole. Usually what is left, n_rows % batch; but a
 * single image has no statistics of a batch, so it joins the batch before: batch + 1.
 */
int adapt_rest(int64_t n_rows, int batch);

/**
 * `size` 0: the recipe's. n_rows come at every start. The caller destroys *out; the model outlives it and does not
 * change. Errors: ARGUMENT (batch, rates, input size), those of plan_create, MEMORY.
 */
reshift_status adapt_create(const reshift_model *model, const reshift_adapt_options *options, int size, int64_t n_rows,
                            reshift_precision precision, adapt **out, reshift_error *error);
void adapt_destroy(adapt **a);

/** Back to the weights as given; then `rows` [n_rows] of `dataset`, which both stay until the end. Errors: the
 * loader's. */
reshift_status adapt_start(adapt *a, const reshift_dataset *dataset, const int64_t *rows, reshift_error *error);
/** The next batch's logits [n,K] and labels [n], the adapt's memory; n is 0 at the end. Errors: those of reading, of
 * the engine, NUMERIC. */
reshift_status adapt_next(adapt *a, const float **logits, const int **labels, int *n, reshift_error *error);
/** The copy that adapts: for tests. */
const network *adapt_network(const adapt *a);

#endif
