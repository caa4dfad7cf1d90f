/*
 * What a result depends on, added to a digest: the one place that says what makes two networks, two preparations of
 * images or two lists of rows the same. Stage keys, checkpoints of fine-tuning, kept activations and kept cells all use
 * these, so that none of them can leave out what another has.
 */
#ifndef MODELS_IDENTITY_H
#define MODELS_IDENTITY_H

#include "base/digest.h"
#include "network/network.h"
#include "reshift/model.h"
#include "reshift/precision.h"

/**
 * The function that blocks 0..last_block compute in this precision: operations, parameters, the arithmetic with its
 * version and, in int8, the clipping ranges. last_block -1: no block, the precision alone.
 */
void identity_add_network(digest *d, const network *net, int last_block, reshift_precision precision);

/** How images become input of size x size (0: the recipe's own): resize, crop, mean, standard deviation, interpolation. */
void identity_add_recipe(digest *d, const reshift_recipe *recipe, int size);

/** Rows [n] of a data set whose identity is `set`; NULL: all n. */
void identity_add_rows(digest *d, const char *set, const int64_t *rows, int64_t n);

/** A line of text, for all other facts. */
void identity_add_text(digest *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The digest alone of a network, as hex. Errors: MEMORY. */
reshift_status identity_of_network(const network *net, int last_block, reshift_precision precision,
                                   char hex[DIGEST_HEX_BYTES], reshift_error *error);
/** The same of a recipe. Errors: MEMORY. */
reshift_status identity_of_recipe(const reshift_recipe *recipe, int size, char hex[DIGEST_HEX_BYTES],
                                  reshift_error *error);

#endif
