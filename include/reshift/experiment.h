/* The whole study: an experiment file, its stages, and the run folder that holds everything they leave. */
#ifndef RESHIFT_EXPERIMENT_H
#define RESHIFT_EXPERIMENT_H

#include <stdbool.h>

#include "reshift/evaluation.h"
#include "reshift/image_facts.h"
#include "reshift/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A study: every key of an experiment file with its value. Never changed once loaded. */
typedef struct reshift_experiment reshift_experiment;

/**
 * Reads an experiment file (YAML) and applies "key.sub=value" overrides in order. Every key has a default; an unknown
 * key, a wrong type or a value out of range is an error that names file and line (or the override). The caller destroys
 * it. Errors: ARGUMENT, NOT_FOUND, IO, MEMORY.
 */
RESHIFT_API reshift_status reshift_experiment_load(const char *path, const char *const *overrides, int n_overrides,
                                                   reshift_experiment **experiment, reshift_error *error);
/** The embedded demo's experiment. Errors: those of overrides. The caller destroys it. */
RESHIFT_API reshift_status reshift_experiment_demo(const char *const *overrides, int n_overrides,
                                                   reshift_experiment **experiment, reshift_error *error);
/** Frees the experiment and nulls the caller's pointer; NULL accepted. */
RESHIFT_API void reshift_experiment_destroy(reshift_experiment **experiment);
/** The experiment's name; the experiment's memory. */
RESHIFT_API const char *reshift_experiment_name(const reshift_experiment *experiment);
/** The resolved experiment as YAML, every key with its value; free() it. NULL when out of memory. */
RESHIFT_API char *reshift_experiment_yaml(const reshift_experiment *experiment);
/** Every key of an experiment as a Markdown table: key, default, what a value may be, meaning; free() it. NULL when out
 * of memory. */
RESHIFT_API char *reshift_experiment_keys(void);

typedef struct reshift_run_options {
    const char *folder;   /* NULL: runs/NAME */
    const char *data_dir; /* as in dataset.h */
    bool force;           /* replace the files of a run of another experiment in this folder */
    const char *const
        *siblings; /* other run folders: a stage that one of them has done in the same way is taken from there */
    int n_siblings;
} reshift_run_options;

/** Every value NULL, 0 or false. NULL instead of options means the same. */
RESHIFT_API void reshift_run_options_default(reshift_run_options *options);

/**
 * Does all stages of the study, or those that are still to do, and writes the run folder. A stage is done again when
 * its settings, data, weights or the stages it stands on have changed (that needs `force`) or when its files are
 * missing or damaged. progress->message tells what is done and every epoch's figures. Errors: EXISTS (the folder holds
 * other files, or a run of another experiment or of other inputs, and not force), IO (another program is working in the
 * folder), and those of every stage; the folder can be taken up again after any of them.
 */
RESHIFT_API reshift_status reshift_experiment_run(const reshift_experiment *experiment,
                                                  const reshift_run_options *options, const reshift_progress *progress,
                                                  reshift_error *error);

/** One row of results.csv. */
typedef struct reshift_measurement {
    char model[16];      /* "original" (with the probe) or "finetuned" */
    char set[16];        /* "clean" or "shift" */
    char data[64];       /* the kind of data set: "cifar10-c" */
    char corruption[64]; /* "" for clean */
    int severity;        /* 1..5; 0: clean, or all severities together */
    char subset[16];     /* "all"; "unseen" or "seen": no version, or one, of the image was fine-tuned on */
    bool headline;       /* the figure that counts under the split chosen */
    reshift_accuracy accuracy;
    /* What `change` is measured against: "original", the network before fine-tuning on the same rows (finetuned);
     * "clean", the same network on the clean versions of the images (original, shift); "as-is", the same network
     * without adapting, on the same rows (adapted.json); "" where nothing is compared. */
    char against[16];
    reshift_difference change;  /* this accuracy minus that one, paired by image */
    reshift_image_facts images; /* how the measured images were prepared */
} reshift_measurement;

/** Reads what a run measured: *n rows in fresh memory (free() it). Errors: NOT_FOUND (the run has not come so far),
 * FORMAT, MEMORY. */
RESHIFT_API reshift_status reshift_run_results(const char *run_folder, reshift_measurement **measurements, int *n,
                                               reshift_error *error);

/** Draws plots and report.html of a finished run again from its files. Errors: NOT_FOUND (no run, or not finished),
 * those of drawing. */
RESHIFT_API reshift_status reshift_report_write(const char *run_folder, const reshift_progress *progress,
                                                reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
