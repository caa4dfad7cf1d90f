/* The whole study: an experiment file, its stages, and the run folder that holds everything they leave. */
#ifndef RESHIFT_EXPERIMENT_H
#define RESHIFT_EXPERIMENT_H

#include <stdbool.h>

#include "reshift/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reshift_experiment reshift_experiment;

/**
 * Reads an experiment file (YAML) and applies "key.sub=value" overrides in order. Every key has a default; an unknown key,
 * a wrong type or a value out of range is an error that names file and line (or the override). The caller destroys it.
 */
RESHIFT_API reshift_status reshift_experiment_load(const char *path, const char *const *overrides, int n_overrides,
                                                   reshift_experiment **experiment, reshift_error *error);
/** The embedded demo's experiment. */
RESHIFT_API reshift_status reshift_experiment_demo(const char *const *overrides, int n_overrides,
                                                   reshift_experiment **experiment, reshift_error *error);
RESHIFT_API void reshift_experiment_destroy(reshift_experiment **experiment);
RESHIFT_API const char *reshift_experiment_name(const reshift_experiment *experiment);
/** The resolved experiment as YAML, every key with its value; free() it. NULL when out of memory. */
RESHIFT_API char *reshift_experiment_yaml(const reshift_experiment *experiment);

typedef struct reshift_run_options {
    const char *folder;   /* NULL: runs/NAME */
    const char *data_dir; /* as in dataset.h */
    bool force;           /* replace the files of a run of another experiment in this folder */
} reshift_run_options;

/**
 * Does the seven stages, or those that are still to do, and writes the run folder. Errors: EXISTS (the folder holds a run of
 * another experiment, and not force), and those of every stage; the folder can be taken up again after any of them.
 */
RESHIFT_API reshift_status reshift_experiment_run(const reshift_experiment *experiment, const reshift_run_options *options,
                                                  const reshift_progress *progress, reshift_error *error);

/** Draws plots and report.html of a finished run again from its files. */
RESHIFT_API reshift_status reshift_report_write(const char *run_folder, const reshift_progress *progress,
                                                reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
