/* Measurements: gathered from predictions, written as results.csv and results.json, read back. */
#ifndef EXPERIMENT_RESULTS_H
#define EXPERIMENT_RESULTS_H

#include <jansson.h>

#include "reshift/experiment.h"

typedef struct results {
    reshift_measurement *rows;
    int n, capacity;
} results;

/** One network's answers to one set of images. */
typedef struct results_rows {
    const int *predictions, *labels, *severities; /* [n] */
    const unsigned char *seen;                    /* [n] 1: a version of the image was fine-tuned on */
    const int64_t *images;                        /* [n] the image that each row shows */
    int64_t n;
} results_rows;

typedef struct results_source {
    const char *model, *set, *data, *corruption; /* as in reshift_measurement; corruption NULL: clean */
    results_rows rows;
    const char *against; /* as in reshift_measurement; NULL: nothing is compared */
    const results_rows
        *other;           /* what it is compared with: the same rows, or (clean) the clean versions of the images */
    bool paired;          /* both show the same images */
    bool headline_unseen; /* the headline counts unseen images; false: all */
    reshift_image_facts prepared; /* how the measured images were prepared */
} results_source;

/**
 * Adds a row for every severity and for all severities together, for all rows and for seen and unseen ones; subsets
 * without rows are left out. Errors: MEMORY.
 */
reshift_status results_add(results *r, const results_source *source, reshift_error *error);
reshift_status results_save(const results *r, const char *folder, reshift_error *error);
void results_destroy(results *r);
/** Rows as objects: one column a key, in this order; null and what is missing stay empty. Errors: IO. */
reshift_status results_save_csv(const char *path, const json_t *rows, const char *const *columns, reshift_error *error);
reshift_status results_save_json(const char *path, const json_t *rows, reshift_error *error);
/** Adds against, change, change_low, change_high, paired, clear, only_this, only_other and mcnemar_p. False: out of
 * memory. */
bool results_add_change(json_t *object, const char *against, const reshift_difference *change);
/** Adds the values of reshift_image_facts_list(). False: out of memory. */
bool results_add_images(json_t *object, const reshift_image_facts *images);
/** One row of results.json or adapted.json; false where it is none. */
bool results_read_row(const json_t *object, reshift_measurement *row);
/** The measurements of FOLDER/<name>: results.json, or adapted.json, whose rows have more fields. Errors: those of
 * reshift_run_results(). */
reshift_status results_load(const char *run_folder, const char *name, reshift_measurement **measurements, int *n,
                            reshift_error *error);

#endif
