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
#include "experiment/config/settings.h"

/** Raised when the layout of a run folder or what a stage does changes: older stages are then done again. */
#define MANIFEST_LAYOUT 3

/** Reads FOLDER/manifest.json. *manifest is NULL and OK returned where there is none. Errors: FORMAT (with the line).
 */
reshift_status manifest_load(const char *folder, json_t **manifest, reshift_error *error);
/** Errors: EXISTS where the folder is of another layout, which nothing here reads. */
reshift_status manifest_check_layout(const json_t *manifest, const char *folder, reshift_error *error);
reshift_status manifest_save(const char *folder, const json_t *manifest, reshift_error *error);

/** The resolved experiment as an object of sections, every value as text. NULL: out of memory. */
json_t *manifest_experiment(const reshift_experiment *experiment);
/** Versions of the program and of what it stands on; this machine. */
json_t *manifest_versions(void);
json_t *manifest_machine(void);

/** Why a stage must be done, or that it need not be. */
typedef enum manifest_state { STAGE_NEW, STAGE_CHANGED, STAGE_DAMAGED, STAGE_DONE } manifest_state;

/**
 * Holds the record of `stage` against `key` and, with `verify`, the files in the folder against their hashes; without it
 * they only have to be there. `file` receives the name of a file that is missing or differs.
 */
manifest_state manifest_stage_state(const json_t *manifest, const char *folder, const char *stage, const char *key,
                                    bool verify, char file[256]);

/** Records a stage that is done: its key, its files with their hashes, and its seconds. `whole`: every file of this folder
 * belongs to it too; NULL: none. Errors: IO, MEMORY. */
reshift_status manifest_stage_done(json_t *manifest, const char *folder, const char *stage, const char *key,
                                   const char *const *outputs, const char *whole, double seconds, reshift_error *error);
/** Takes the hashes of a recorded stage's files again, after they were made again; nothing where it is not recorded.
 * Errors: those of loading and saving. */
reshift_status manifest_stage_refresh(const char *folder, const char *stage, reshift_error *error);
void manifest_stage_forget(json_t *manifest, const char *stage);

#endif
