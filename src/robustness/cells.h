/*
 * Finished cells of a robustness table as files: one a cell, named after its corruption and severity and after the key
 * of everything that its figures depend on, so a cell found is a cell measured. Written atomically, with a checksum and
 * with the text of those facts: whatever stops the program or damages the file, numbers that were not measured are not
 * used.
 */
#ifndef ROBUSTNESS_CELLS_H
#define ROBUSTNESS_CELLS_H

#include "base/facts.h"
#include "metrics/figures.h"
#include "reshift/robustness.h"

/** What a cell depends on, beside its corruption and severity. */
typedef struct cell_basis {
    const reshift_model *model;
    const reshift_robustness_options *options;
    const int64_t *images; /* [n] */
    int64_t n;
    reshift_precision precision;  /* computed in */
    const reshift_class_map *map; /* of the set's classes onto outputs */
    bool restricted;              /* only their outputs count */
} cell_basis;

/** The facts that all cells of a table share, finished; once a table, since a network is read for it. Errors: MEMORY.
 */
reshift_status cells_basis(const cell_basis *basis, fact_list **shared, reshift_error *error);
extern const fact_table robustness_facts;

/** The facts of one cell and its key: the shared ones, and the identity of the corrupted set at all severities. The
 * caller destroys *depends_on. Errors: MEMORY. */
reshift_status cells_facts(const fact_list *shared, const char *set_identity, int severity, fact_list **depends_on,
                           char key[DIGEST_HEX_BYTES], reshift_error *error);

/** "FOLDER/fog-3-0123456789abcdef.safetensors" in fresh memory. NULL: out of memory. */
char *cells_path(const char *folder, const char *corruption, int severity, const char *key);

/** Writes the rows with the facts and a checksum. Errors: IO, MEMORY. */
reshift_status cells_save(const char *path, const reshift_array *rows, const fact_list *depends_on, const char *key,
                          reshift_error *error);
/** Takes up rows [n] of classes 0..n_classes-1 from the file. False: there is no cell of this key, or *damaged: it is
 * not as it was written. */
bool cells_load(const char *path, const char *key, int64_t n, int n_classes, reshift_array *rows, bool *damaged);

/** What a folder holds beside the cells of a table. */
typedef struct cells_others {
    int n_older;          /* cells that an older version wrote */
    char difference[256]; /* why a cell of this network, corruption and severity does not fit; "": there is none */
} cells_others;
/** Looks for cells that could have been the one that depends on `wanted`. What cannot be read is passed over. */
cells_others cells_look_around(const char *folder, const char *corruption, int severity, const fact_list *wanted);

#endif
