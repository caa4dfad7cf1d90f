/*
 * The content of a study's page: what the experiment room fills from the run folder, and what observations and the page are
 * made of. Facts of the study only: no times, nothing about the machine, so that a resumed run ends with the same bytes as an
 * undisturbed one.
 */
#ifndef REPORTING_CONTENT_H
#define REPORTING_CONTENT_H

#include <stdbool.h>

#include "reshift/evaluation.h"
#include "reshift/image_facts.h"
#include "reshift/learning.h"
#include "reshift/split.h"

typedef enum report_model { REPORT_ORIGINAL, REPORT_FINETUNED } report_model;
typedef enum report_data { REPORT_CLEAN, REPORT_SHIFT } report_data;
/** Which rows: all; only rows whose image has no version in training; only rows whose image has one. */
typedef enum report_subset { REPORT_ALL, REPORT_UNSEEN, REPORT_SEEN } report_subset;

/** One line of the resolved experiment: "finetune.epochs", "10". */
typedef struct report_setting {
    const char *key, *value;
} report_setting;

/** One measurement: a row of results.csv. */
typedef struct report_measurement {
    report_model model;
    report_data data;
    const char *corruption; /* NULL for clean */
    int severity;           /* 1..5; 0: clean, or all severities together */
    report_subset subset;
    reshift_accuracy accuracy; /* its interval by image; n == 0: there are no such rows */
    /* What changed, paired by image; n == 0: nothing is compared. REPORT_FINETUNED: against the original network on the
     * same rows. REPORT_ORIGINAL, shifted: against the clean versions of the images. Of adapted: against the same network
     * as it is. */
    reshift_difference change;
} report_measurement;

/** One training: its history, and what it was measured on after every epoch. */
typedef struct report_training {
    const reshift_history *history; /* NULL or without epochs: not trained, the section says so */
    int64_t n_train;                /* rows trained on */
    int64_t n_test;                 /* rows measured after every epoch; 0: not measured or not known */
    const char *test_name;          /* "the clean test set"; NULL: "the test set" */
    const char *minimum;            /* "by L-BFGS with ...": there were no epochs, the history is one line; else NULL */
    int64_t n_validation;           /* rows held out for validation; 0: none or not known */
    int kept;                       /* the epoch that validation chose; 0: the last one's weights are used */
    int n_classes;                  /* that are told apart; 0: not known */
    int64_t n_test_images;          /* that the n_test rows show; 0: as many as rows */
    int64_t n_test_all;             /* rows that the results count, where more than n_test; else 0 */
    int64_t n_train_images;         /* that the n_train rows show; 0: as many as rows */
    int n_test_classes;             /* classes of the n_test rows; 0: not known */
    bool test_has_training_rows;    /* some of the n_test rows are trained on: they cannot show overfitting */
    const char *untrained;          /* what was done instead where there are no epochs: "..."; NULL: nothing is known */
} report_training;

/** One feature set in two dimensions, and how its classes lie. */
typedef struct report_panel {
    report_model model;
    report_data data;
    int64_t n;       /* points */
    int64_t n_seen;  /* of them, rows seen in fine-tuning */
    double ratio[2]; /* explained variance of the two axes, fractions */
    reshift_separation separation;
    reshift_separation_change change; /* REPORT_FINETUNED: against the original network; n_images == 0: not known */
} report_panel;

/** What fine-tuning did to tensors of one kind in one block. */
typedef struct report_moved {
    int tensors, moved;
    int64_t values, changed; /* changed: in any bit */
    double distance, norm;   /* Euclidean, of all of them together: of the difference, of the tensors before */
} report_moved;

/** One block: what training changes, and what batch norm gathers (running means and variances). */
typedef struct report_block {
    const char *name;
    bool trained;
    report_moved weights, statistics;
} report_block;

/** Pictures to embed: paths of .svg or .png files; NULL: left out. */
typedef struct report_plots {
    const char *probe_loss, *probe_accuracy;
    const char *finetune_loss, *finetune_accuracy;
    const char *severity; /* of figure_severity(), of the rows the headline counts: unseen ones; by-row: all */
    const char *panels;   /* the .png: about 1 MB however many points; the .svg grows with them */
} report_plots;

/** Everything that the page shows. All pointers stay the caller's and are only read. Zeroed parts are left out. */
typedef struct report_content {
    const char *name;       /* the experiment's */
    const char *version;    /* reshift_version() */
    const char *arch;       /* "resnet50" */
    const char *weights;    /* as the experiment names them */
    const char *source;     /* name of the clean data for people: "CIFAR-10" or "demo" */
    const char *shift;      /* name of the shifted data: "CIFAR-10-C" or "demo" */
    const char *corruption; /* "gaussian_blur" */
    int severity_first, severity_last;
    reshift_image_facts images[2]; /* by report_data: how they were prepared; input_size 0: not known */
    int64_t n_parameters;
    int n_features;

    const report_setting *settings; /* in the order of the experiment file */
    int n_settings;
    const char *const *class_names; /* [n_classes]; an entry may be NULL: its number is shown */
    int n_classes;
    int n_test_classes; /* classes that the test images are of; 0: not known */

    report_training probe, finetune;
    const report_measurement *measurements;
    int n_measurements;
    const report_measurement
        *adapted; /* the same networks adapting to the test images; none: the section is left out */
    int n_adapted;
    const char *adapted_how;    /* method, batches and order in words */
    const reshift_split *split; /* counts only are read; NULL: the section is left out */
    const report_block *blocks; /* in the network's order; none: not known */
    int n_blocks;
    const char *batchnorm;      /* of fine-tuning: "frozen", "train", "train-all" or "recalibrate" */
    const report_panel *panels; /* any order, at most one for each (model, data) */
    int n_panels;
    bool shared_basis; /* panels drawn on one basis; false: each on its own */
    report_plots plots;
} report_content;

/** The measurement that fits, or NULL; `severity` 0 means all together (or clean). */
const reshift_accuracy *report_find(const report_content *content, report_model model, report_data data, int severity,
                                    report_subset subset);
/** The change of the measurement that fits, or NULL where nothing is compared. */
const reshift_difference *report_find_change(const report_content *content, report_model model, report_data data,
                                             int severity, report_subset subset);

#endif
