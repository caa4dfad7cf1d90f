/* Measurements: gathered from predictions, written as results.csv and results.json, read back. */
#ifndef EXPERIMENT_RESULTS_H
#define EXPERIMENT_RESULTS_H

#include "reshift/experiment.h"

typedef struct results {
    reshift_measurement *rows;
    int n, capacity;
} results;

/** What one model says to one set of images. */
typedef struct results_source {
    const char *model, *set, *data, *corruption;  /* as in reshift_measurement; corruption NULL: clean */
    const int *predictions, *labels, *severities; /* [n] */
    const unsigned char *seen;                    /* [n] 1: a version of the image was fine-tuned on */
    int64_t n;
    bool headline_unseen; /* the figure that counts is of unseen images; false: of all */
} results_source;

/** Adds a row for every severity and for all together, for all rows and for seen and unseen ones; empty ones are left
 * out. */
reshift_status results_add(results *r, const results_source *source, reshift_error *error);
reshift_status results_save(const results *r, const char *folder, reshift_error *error);
void results_destroy(results *r);
/** The measurements of FOLDER/<name>: results.json, or adapted.json, whose rows hold more. Errors: those of
 * reshift_run_results(). */
reshift_status results_load(const char *run_folder, const char *name, reshift_measurement **measurements, int *n,
                            reshift_error *error);

#endif
