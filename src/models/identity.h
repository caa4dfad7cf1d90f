/*
 * What makes two networks, two preparations of images or two lists of rows the same: facts (base/facts.h) that every
 * key of a kept result is built from. Stage keys, checkpoints of fine-tuning, activation caches and kept eval cells all
 * use these functions, so that none of them can leave out what another has.
 */
#ifndef MODELS_IDENTITY_H
#define MODELS_IDENTITY_H

#include "base/facts.h"
#include "network/network.h"
#include "reshift/dataset.h"
#include "reshift/model.h"
#include "reshift/precision.h"

/**
 * The function that blocks 0..last_block compute in this precision: "arithmetic" (with its version), "operations",
 * "weights" and, in int8, "clipping ranges". last_block -1: no block, the arithmetic alone.
 */
void identity_add_network(fact_list *f, const network *net, int last_block, reshift_precision precision);

/** How images become input of size x size (0: the recipe's own): "size", "resize", "mean", "std", "interpolation". */
void identity_add_recipe(fact_list *f, const reshift_recipe *recipe, int size);

/** The fact `name`: rows [n] of a data set whose identity is `set`; NULL: all n. */
void identity_add_rows(fact_list *f, const char *name, const char *set, const int64_t *rows, int64_t n);
/** The fact `name`: all rows of a data set. Errors: those of reshift_dataset_identity(). */
reshift_status identity_add_set(fact_list *f, const char *name, const reshift_dataset *set, reshift_error *error);

#endif
