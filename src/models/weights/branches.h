/*
 * Where in a checkpoint the network is. Training scripts wrap it: in dicts ("state_dict", "model_ema"), in other
 * modules
 * ("module.", "encoder_q.", "backbone."), in any nesting, and often several networks are in one file. A branch is a
 * prefix of names below which a network of a known family begins, whatever its words are.
 */
#ifndef MODELS_WEIGHTS_BRANCHES_H
#define MODELS_WEIGHTS_BRANCHES_H

#include <stdbool.h>

#include "models/architectures/architecture.h"
#include "reshift/tensors.h"

#define BRANCH_PREFIX_BYTES 512
#define BRANCHES_MAX 32

typedef struct branch {
    char prefix[BRANCH_PREFIX_BYTES]; /* "" or with a dot at its end */
    const architecture_family *family;
    const architecture *arch;          /* NULL: none of the table */
    int rank, components, word, order; /* the lower the better, one after the other */
} branch;

typedef struct branches {
    branch items[BRANCHES_MAX]; /* the best first */
    int n;
} branches;

/** All branches of a checkpoint, those that fit and rank best first; further ones than BRANCHES_MAX are left out. */
void branches_find(const reshift_tensors *tensors, branches *found);

/**
 * The index of the branch that a user named: its prefix, the beginning of it up to a dot, or one of its components.
 * Errors: NOT_FOUND, listing the branches there are.
 */
reshift_status branches_choose(const branches *found, const char *wanted, int *index, reshift_error *error);

/** How a branch is shown and named by users: its prefix without the last dot. */
void branch_name(const branch *b, char *name, size_t size);

/** True where the tensor `name` belongs to another network than the branch of index `own`. */
bool branches_own_other(const branches *found, int own, const char *name);

#endif
