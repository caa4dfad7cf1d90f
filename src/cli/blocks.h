/* --train and --lr: which blocks of a network are trained, at which learning rates. */
#ifndef CLI_BLOCKS_H
#define CLI_BLOCKS_H

#include "cli/options.h"
#include "reshift/learning.h"

#define BLOCKS_MOST 16

/** The options as given; NULL: the default, which is the network's: its last stage at 1e-4 and its head at 1e-3. */
typedef struct blocks_options {
    const char *train, *lr;
} blocks_options;

/**
 * Before the network is read: words, numbers, and whether there is any architecture that the options fit. -1 to go on,
 * else the exit status, with the message printed.
 */
int blocks_check(const usage *u, const blocks_options *options);

/**
 * Writes blocks and rates of this network into rates [BLOCKS_MOST], their number and the automatic rate into `how`.
 * "all" becomes every block. Errors: NOT_FOUND (a block that the network does not have, naming its blocks; a block
 * without a rate), MEMORY.
 */
reshift_status blocks_choose(const blocks_options *options, const reshift_model *model, reshift_block_rate *rates,
                             reshift_finetune_options *how, reshift_error *error);

#endif
