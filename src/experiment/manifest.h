/*
 * manifest.json: what a run folder is and how it came to be. The resolved experiment, hashes of every input, versions,
 * the machine, seeds, facts of the split, and a record of every finished stage with the hashes of its files. It is the
 * only file of a run that may differ between two equal runs, and the only one that decides what has still to be done.
 */
#ifndef EXPERIMENT_MANIFEST_H
#define EXPERIMENT_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>

#include "base/facts.h"
#include "experiment/config/settings.h"

/** Raised when the layout of a run folder or what a stage does changes: older stages are then done again. */
#define MANIFEST_LAYOUT 4

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
 * Holds the record of `stage` against `key` and, with `verify`, the files in the folder against their hashes; without
 * it they only have to be there. `file` receives the name of a file that is missing or differs.
 */
manifest_state manifest_stage_state(const json_t *manifest, const char *folder, const char *stage, const char *key,
                                    bool verify, char file[256]);

/** A stage that is done. */
typedef struct manifest_record {
    const char *stage, *key;
    const fact_list *depends_on; /* what the key is of */
    const char *const *outputs;  /* its files; ends with NULL */
    const char *whole;           /* every file of this folder belongs to it too; NULL: none */
    double seconds;
} manifest_record;
/** Records it with the hashes of its files. Errors: IO, MEMORY. */
reshift_status manifest_stage_done(json_t *manifest, const char *folder, const manifest_record *record,
                                   reshift_error *error);
/** Why the recorded key is another than that of `now`: "'finetune.lr' was ... and is ..."; `text` stays as it is where
 * nothing is known. */
void manifest_stage_difference(const json_t *manifest, const char *stage, const fact_list *now, char *text,
                               size_t size);
/** Takes the hashes of a recorded stage's files again, after they were made again; nothing where it is not recorded.
 * Errors: those of loading and saving. */
reshift_status manifest_stage_refresh(const char *folder, const char *stage, reshift_error *error);
void manifest_stage_forget(json_t *manifest, const char *stage);

#endif
