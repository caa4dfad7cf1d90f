/*
 * manifest.json: what a run folder is and how it came to be. The resolved experiment, hashes of every input, versions,
 * the machine, seeds, facts of the split, and a record of every finished stage with the hashes of its files. It is the
 * only file of a run that may differ between two equal runs, and the only one that decides what has still to be done.
 */
#ifndef EXPERIMENT_MANIFEST_H
#define EXPERIMENT_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>

#include "base/digest.h"
#include "experiment/settings.h"

/** Raised when the layout of a run folder or what a stage does changes: older stages are then done again. */
#define MANIFEST_LAYOUT 2

/** Reads FOLDER/manifest.json. *manifest is NULL and OK returned where there is none. Errors: FORMAT (with the line).
 */
reshift_status manifest_load(const char *folder, json_t **manifest, reshift_error *error);
reshift_status manifest_save(const char *folder, const json_t *manifest, reshift_error *error);

/** The resolved experiment as an object of sections, every value as text. NULL: out of memory. */
json_t *manifest_experiment(const reshift_experiment *experiment);
/** Versions of the program and of what it stands on; this machine. */
json_t *manifest_versions(void);
json_t *manifest_machine(void);

/** Why a stage must be done, or that it need not be. */
typedef enum manifest_state { STAGE_NEW, STAGE_CHANGED, STAGE_DAMAGED, STAGE_DONE } manifest_state;

/**
 * Holds the record of `stage` against `key` and the files in the folder. With `by_existence` files only have to be
 * there (a reader may have restyled a plot). `file` receives the name of a file that is missing or differs.
 */
manifest_state manifest_stage_state(const json_t *manifest, const char *folder, const char *stage, const char *key,
                                    bool by_existence, char file[256]);

/** Records a stage that is done: its key, its files with their hashes, and its seconds. */
reshift_status manifest_stage_done(json_t *manifest, const char *folder, const char *stage, const char *key,
                                   const char *const *outputs, double seconds, reshift_error *error);
void manifest_stage_forget(json_t *manifest, const char *stage);

#endif
