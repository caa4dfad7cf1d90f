/*
 * Two networks on the same images whose first blocks are the same: these run once a pass, and the rest of each network
 * behind them. Every network's output has the bits that it has alone. Nothing is kept between passes.
 */
#ifndef INFERENCE_FORKED_H
#define INFERENCE_FORKED_H

#include "inference/forward.h"

typedef struct forked forked;

/**
 * The first block at which two networks part when they are run as `setups` [2] of whole networks say: all before it
 * gives the same bits in both. 0: nothing is shared. Errors: MEMORY.
 */
reshift_status forked_cut(const forward_setup *const setups[2], int *cut, reshift_error *error);

/** `cut` > 0, as forked_cut() found it. Errors: those of forward_create and plan_create. The caller destroys *out. */
reshift_status forked_create(const forward_setup *const setups[2], int cut, forked **out, reshift_error *error);
void forked_destroy(forked **f);

/** As forward_start(), forward_next() for both networks, and forward_stop(). */
reshift_status forked_start(forked *f, const reshift_dataset *dataset, const int64_t *rows, int64_t n,
                            reshift_error *error);
reshift_status forked_next(forked *f, forward_pass passes[2], reshift_error *error);
void forked_stop(forked *f);

#endif
