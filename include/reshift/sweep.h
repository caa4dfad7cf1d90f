/* A grid over an experiment: one study for every combination of values, and their figures side by side. */
#ifndef RESHIFT_SWEEP_H
#define RESHIFT_SWEEP_H

#include "reshift/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A sweep file is YAML:
 *
 *     name: blocks
 *     experiment: seed.yaml          # beside this file, or a path; or demo
 *     set: {source: {limit_train: 5000}}   # for every study, as in an experiment file
 *     grid:                          # every combination is a study
 *       finetune.train: [[fc], [layer4, fc]]
 *       shift.corruption: [gaussian_blur, fog]
 */
typedef struct reshift_sweep reshift_sweep;

#define RESHIFT_SWEEP_KEYS 6 /* of a grid */
#define RESHIFT_SWEEP_STUDIES 1000

/**
 * Reads a sweep file; `overrides` ("key.sub=value") come after its `set`. Every combination is checked as an experiment
 * now, before anything is done. Errors: ARGUMENT (naming file and line; no or too many values; a combination that is no
 * experiment, naming it), NOT_FOUND, IO, MEMORY. The caller destroys *sweep.
 */
RESHIFT_API reshift_status reshift_sweep_load(const char *path, const char *const *overrides, int n_overrides,
                                              reshift_sweep **sweep, reshift_error *error);
/** Frees the sweep and nulls the caller's pointer; NULL accepted. */
RESHIFT_API void reshift_sweep_destroy(reshift_sweep **sweep);
/** The sweep's name; the sweep's memory. */
RESHIFT_API const char *reshift_sweep_name(const reshift_sweep *sweep);
/** Keys of the grid. Studies are counted from 0; the last key changes fastest. */
RESHIFT_API int reshift_sweep_key_count(const reshift_sweep *sweep);
/** A key of the grid; the sweep's memory. */
RESHIFT_API const char *reshift_sweep_key(const reshift_sweep *sweep, int key);
/** Studies of the grid: the product of the numbers of values. */
RESHIFT_API int reshift_sweep_study_count(const reshift_sweep *sweep);
/** The value of the key in the study `index`, as a file has it; the sweep's memory. */
RESHIFT_API const char *reshift_sweep_value(const reshift_sweep *sweep, int index, int key);

/** Figures of one study: those that count under its split (see reshift_measurement), all severities together. */
typedef struct reshift_sweep_row {
    char folder[128];  /* of the study, within the sweep's */
    bool measured;     /* false: it has no result, the figures are NAN, and */
    char problem[256]; /* says why: "training diverged: the training loss after epoch 1 is ..."; else "" */
    bool unseen;       /* the rows show images never seen in fine-tuning; false: all rows (by-row) */
    reshift_accuracy clean_before, clean_after, shift_before, shift_after;
    /* the same networks adapting to the test images; NAN in a study with adapt: none */
    reshift_accuracy clean_before_adapted, clean_after_adapted, shift_before_adapted, shift_after_adapted;
    /* after minus before, and the fine-tuned network adapting minus as it is; paired by image */
    reshift_difference clean_change, shift_change, clean_adapted_change, shift_adapted_change;
} reshift_sweep_row;

/**
 * Does every study in FOLDER/<number>-<values>/ (options as of a run; folder NULL: runs/NAME), one after the other,
 * those that are done already not again. Stages that two studies have in common are done once: their files are hard
 * links. After every study FOLDER/sweep.csv is written anew, a row a study; in the end heat maps in FOLDER/plots:
 * accuracy on the shifted and the clean images after fine-tuning, and what fine-tuning changed (grey: may be chance);
 * where studies adapt, also both networks' accuracy adapting, and what adapting changed for the fine-tuned one. The
 * first key's values are the rows, all others' combinations the columns. A study whose training diverges (see
 * reshift_loss_diverged()) is an empty cell, with a warning; the table's last column says why.
 * rows [studies], the caller's memory. Errors: those of a run; what is finished stays, and the same call goes on from
 * there.
 */
RESHIFT_API reshift_status reshift_sweep_run(const reshift_sweep *sweep, const reshift_run_options *options,
                                             reshift_sweep_row *rows, const reshift_progress *progress,
                                             reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
