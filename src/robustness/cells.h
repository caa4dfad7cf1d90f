/*
 * Finished cells of a robustness table as files: one .npy a cell, named after its corruption and severity and after a
 * digest of everything that its figures depend on, so a cell found is a cell measured. Written atomically and with a
 * checksum: whatever stops the program or damages the file, numbers that were not measured are not used.
 */
#ifndef ROBUSTNESS_CELLS_H
#define ROBUSTNESS_CELLS_H

#include "base/digest.h"
#include "metrics/figures.h"
#include "reshift/robustness.h"

/** What all cells of a table depend on. */
typedef struct cell_basis {
    const reshift_model *model;
    const int64_t *images; /* [n] */
    int64_t n;
    int size; /* of the network's input */
    reshift_precision precision;
    const reshift_adapt_options *adapt;
    const reshift_class_map *map; /* of the set's classes onto outputs */
    bool restricted;              /* only their outputs count */
    uint64_t seed; /* of the order of the rows, where that is drawn */
} cell_basis;

/** The digest of the basis, once a table. Errors: MEMORY. */
reshift_status cells_basis_digest(const cell_basis *basis, char hex[DIGEST_HEX_BYTES], reshift_error *error);

/** "FOLDER/fog-3-0123456789abcdef.npy" in fresh memory; `set_identity` is the corrupted set's at all severities. NULL:
 * out of memory. */
char *cells_path(const char *folder, const char *basis_digest, const char *set_identity, const char *corruption,
                 int severity);

/** Writes rows [n] and behind them one row with their checksum. Errors: IO, MEMORY. */
reshift_status cells_save(const char *path, const reshift_array *rows, reshift_error *error);
/** Takes up rows [n] of classes 0..n_classes-1 from the file. False: it is not there, or *damaged: it is not as it was
 * written. */
bool cells_load(const char *path, int64_t n, int n_classes, reshift_array *rows, bool *damaged);

#endif
