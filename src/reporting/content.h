/*
 * The content of a study's page, which the experiment room fills from the run folder and from which the sentences and
 * the page are made. It contains only facts of the study, no times and nothing about the machine, so that a resumed run
 * produces the same bytes as an undisturbed one.
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
/** Subset of rows: all; rows whose image has no version in training; rows whose image has one. */
typedef enum report_subset { REPORT_ALL, REPORT_UNSEEN, REPORT_SEEN } report_subset;

/** One resolved setting of the experiment: "finetune.epochs", "10". */
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
    reshift_accuracy accuracy; /* with the interval by image; n == 0: no such rows */
    /*
     * The change, paired by image; n == 0: no comparison. REPORT_FINETUNED: against the original network on the same
     * rows. REPORT_ORIGINAL, shifted: against the clean versions of the images. Adapted: against the same network
     * without adaptation.
     */
    reshift_difference change;
} report_measurement;

/** One training: its history, and the rows measured after every epoch. */
typedef struct report_training {
    const reshift_history *history; /* NULL or without epochs: not trained, the section says so */
    int64_t n_train;                /* rows trained on */
    int64_t n_test;                 /* rows measured after every epoch; 0: not measured or unknown */
    const char *test_name;          /* "the clean test set"; NULL: "the test set" */
    const char *minimum;            /* "by L-BFGS with ...": no epochs, the history is one line; else NULL */
    int64_t n_validation;           /* rows held out for validation; 0: none or unknown */
    int kept;                       /* the epoch chosen by validation; 0: the last one's weights are used */
    int n_classes;                  /* number of classes; 0: unknown */
    int64_t n_test_images;          /* images of the n_test rows; 0: as many as rows */
    int64_t n_test_all;             /* rows used for the results, if more than n_test; else 0 */
    int64_t n_train_images;         /* images of the n_train rows; 0: as many as rows */
    int n_test_classes;             /* classes of the n_test rows; 0: unknown */
    bool test_has_training_rows;    /* some of the n_test rows are training rows: they cannot show overfitting */
    const char *untrained;          /* what was done instead if there are no epochs: "..."; NULL: unknown */
} report_training;

/** One feature set in two dimensions, and the separation of its classes. */
typedef struct report_panel {
    report_model model;
    report_data data;
    int64_t n;       /* points */
    int64_t n_seen;  /* of these, rows seen in fine-tuning */
    double ratio[2]; /* explained variance of the two axes, as fractions */
    reshift_separation separation;
    reshift_separation_change change; /* REPORT_FINETUNED: against the original network; n_images == 0: unknown */
} report_panel;

/** The change by fine-tuning of the tensors of one kind in one block. */
typedef struct report_moved {
    int tensors, moved;
    int64_t values, changed; /* changed: differs in any bit */
    double distance, norm;   /* Euclidean norm over all of them: of the difference, of the tensors before */
} report_moved;

/** One block: what training changes, and what batch norm collects (running means and variances). */
typedef struct report_block {
    const char *name;
    bool trained;
    report_moved weights, statistics;
} report_block;

/** Pictures to embed: paths of .svg or .png files; NULL: omitted. */
typedef struct report_plots {
    const char *probe_loss, *probe_accuracy;
    const char *finetune_loss, *finetune_accuracy;
    const char *severity; /* of figure_severity(), for the rows of the headline: unseen ones; by-row: all */
    const char *panels;   /* the .png: about 1 MB for any number of points; the .svg grows with them */
} report_plots;

/** Everything shown on the page. All pointers are owned by the caller and only read. Zeroed parts are omitted. */
typedef struct report_content {
    const char *name;       /* the experiment's */
    const char *version;    /* of reshift_version() */
    const char *arch;       /* "resnet50" */
    const char *weights;    /* as named in the experiment */
    const char *source;     /* display name of the clean data: "CIFAR-10" or "demo" */
    const char *shift;      /* display name of the shifted data: "CIFAR-10-C" or "demo" */
    const char *corruption; /* "gaussian_blur" */
    int severity_first, severity_last;
    reshift_image_facts images[2]; /* by report_data: preparation of the images; input_size 0: unknown */
    int64_t n_parameters;
    int n_features;

    const report_setting *settings; /* in the order of the experiment file */
    int n_settings;
    const char *const *class_names; /* [n_classes]; an entry may be NULL: its number is shown */
    int n_classes;
    int n_test_classes; /* classes of the test images; 0: unknown */

    report_training probe, finetune;
    const report_measurement *measurements;
    int n_measurements;
    const report_measurement *adapted; /* the same networks adapting to the test images; none: the section is omitted */
    int n_adapted;
    const char *adapted_how;    /* method, batches and order as text */
    const reshift_split *split; /* only its counts are used; NULL: the section is omitted */
    const report_block *blocks; /* in the network's order; none: unknown */
    int n_blocks;
    const char *batchnorm;      /* of fine-tuning: "frozen", "train", "train-all" or "recalibrate" */
    const report_panel *panels; /* in any order, at most one for each (model, data) */
    int n_panels;
    bool shared_basis; /* panels use one basis; false: each has its own */
    report_plots plots;
} report_content;

/** The matching measurement, or NULL; `severity` 0 means all together (or clean). */
const reshift_accuracy *report_find(const report_content *content, report_model model, report_data data, int severity,
                                    report_subset subset);
/** The change of the matching measurement, or NULL if it has no comparison. */
const reshift_difference *report_find_change(const report_content *content, report_model model, report_data data,
                                             int severity, report_subset subset);

#endif
