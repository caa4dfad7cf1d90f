/* Robustness tables: one network, or two, on clean and corrupted versions of the same images. */
#ifndef RESHIFT_ROBUSTNESS_H
#define RESHIFT_ROBUSTNESS_H

#include "reshift/adaptation.h"
#include "reshift/class_map.h"
#include "reshift/dataset.h"
#include "reshift/evaluation.h"
#include "reshift/fingerprints.h"
#include "reshift/image_facts.h"
#include "reshift/model.h"
#include "reshift/precision.h"
#include "reshift/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reshift_robustness_options {
    const char *data;                             /* as reshift_dataset_open() takes it */
    reshift_dataset_options dataset;              /* its corruption is not looked at; its severities are the table's */
    const reshift_corruption *const *corruptions; /* [n_corruptions] rows of reshift_corruption_table(), no two equal */
    int n_corruptions;
    bool clean;     /* measure the clean images too */
    int64_t sample; /* so many images, drawn by class; 0: all */
    int size, batch;
    bool corrupt_native; /* photographs are corrupted at their own size; false: resized and cropped by the network's
                            recipe at `size` first, as ImageNet-C's generator does. `dataset`'s crop is not looked at */
    reshift_precision precision;
    reshift_adapt_options adapt; /* kind NONE: the network stays as it is; else precision is f32 or bf16 */
    const char
        *cells_folder;     /* finished cells go there, and those that are there are not measured again; NULL: nowhere */
    const char *class_map; /* file that maps the set's classes onto the network's outputs; NULL: by name or number */
    bool restrict_classes; /* only outputs that stand for a class of the set count; else all of the network's */
    bool allow_leak;       /* measure images that the network was trained on too */
    bool unseen;           /* leave them out: measure, or draw the sample from, only those it was never trained on */
    const reshift_fingerprints *others_training; /* unseen: leave these out too; NULL: none */
} reshift_robustness_options;

/**
 * Every value 0, false or NULL, but for: clean images measured, severities 1 to 5, batch chosen, the defaults of
 * `dataset` and `adapt`. `data` has to be named, and `corruptions`, unless only clean images are measured: NULL does
 * not serve as options.
 */
RESHIFT_API void reshift_robustness_options_default(reshift_robustness_options *options);

/** One choice of corruption and severity. */
typedef struct reshift_cell {
    const reshift_corruption *corruption; /* NULL: clean */
    int severity;                         /* 0: clean; 1..5 */
    bool from_file, taken_up;             /* rows of a file; measured by an earlier run */
    bool published;                       /* rows of a file that options.dataset.verify found to be the published one */
    reshift_image_facts prepared;         /* how its images were prepared */
    reshift_metrics all, unseen;          /* over all images of the table; over those never seen in training */
    reshift_class_metrics by_class, by_class_unseen; /* the same; top5 is NAN where fewer than 5 outputs count */
    int64_t *confusion;                              /* [K,K] of all images: label (row), prediction (column) */
    char *file;                                      /* that holds the rows; NULL: none */
    reshift_array rows; /* float64 [N,5]: prediction, nll, brier, confidence, rank of the label (0: right) */
} reshift_cell;

/** A measured table. Cells: the clean one first where there is one, then corruption by corruption, severity by
 * severity. */
typedef struct reshift_robustness {
    int n_classes;                   /* K: of the network */
    int n_data_classes;              /* of the images */
    reshift_class_match class_match; /* how they were mapped onto the network's outputs */
    bool classes_differ;             /* they are not simply the network's outputs in order */
    bool restricted;                 /* only the outputs of the images' classes counted */
    int n_counted;                   /* outputs that counted */
    char **class_names;  /* [n_classes] of the set's class that each output stands for, the first of several; NULL: of
                            none */
    int64_t n_images;    /* N: of every cell */
    int64_t n_available; /* of the set, less those left out, of which N were drawn */
    int64_t n_left_out;  /* of the set: seen in training */
    int64_t n_skipped, n_damaged; /* of the folder: images that cannot be read, left out; images read with damage */
    int64_t *images;              /* [N] their rows in a block of one severity, ascending */
    int *labels;                  /* [N] outputs of the network */
    int *data_labels;             /* [N] classes of the set; NULL: the same */
    uint8_t *seen;                /* [N] 1: the network was trained on it */
    int64_t n_seen;
    bool training_known; /* the weights say what they were trained on */
    int n_corruptions;
    const reshift_corruption *corruptions[RESHIFT_CORRUPTIONS_MOST]; /* those that could be measured */
    bool has_clean;
    int severity_first, severity_last;
    reshift_precision precision;  /* computed in */
    reshift_recipe recipe;        /* preparation at the size that was measured */
    reshift_image_facts prepared; /* of the images of all cells together */
    reshift_adapt_options adapt;
    reshift_cell *cells;
    int n_cells;
} reshift_robustness;

/**
 * Measures the table, one cell after the other, rows made on the fly where no file holds them; the same N images in
 * every cell. A corruption that cannot be made of these images is left out with a warning where others can. Memory: two
 * batches, the network, and 32 N bytes a cell.
 *
 * Finished cells are kept in `cells_folder` (made where it is not there), one file each, under a name that follows from
 * the network's values, the images, the corruption and all that the figures depend on: stopped, killed or cancelled,
 * the same call measures only what is missing. Where nothing fits, progress->message says what differs.
 *
 * Errors: ARGUMENT (without allow_leak or unseen where the network was trained on some of the images; unseen where it
 * was trained on all; a sample without one image a class, or of more than there are), those of
 * reshift_class_map_create(), those of opening, reading and writing, MEMORY, CANCELLED. *table is the caller's to
 * destroy.
 */
RESHIFT_API reshift_status reshift_robustness_measure(const reshift_model *model,
                                                      const reshift_robustness_options *options,
                                                      reshift_robustness *table, const reshift_progress *progress,
                                                      reshift_error *error);
/**
 * The tables of two networks, each as one call for it alone would make it, bit for bit. Blocks that both networks begin
 * with, up to the first in which a value differs, run once for both where image size, recipe and precision are the same
 * and neither adapts. Errors: as above; both tables are empty then. Both are the caller's to destroy.
 */
RESHIFT_API reshift_status reshift_robustness_measure_two(const reshift_model *const models[2],
                                                          const reshift_robustness_options options[2],
                                                          reshift_robustness tables[2],
                                                          const reshift_progress *progress, reshift_error *error);
/** Frees what is in the table and empties it; NULL and an empty one are accepted. */
RESHIFT_API void reshift_robustness_destroy(reshift_robustness *table);

/** Removes the files that hold the cells of this table from the folder, and the folder where it is empty then. */
RESHIFT_API void reshift_robustness_forget(const reshift_robustness *table, const char *cells_folder);

/** The cell, or NULL. */
RESHIFT_API const reshift_cell *reshift_robustness_cell(const reshift_robustness *table,
                                                        const reshift_corruption *corruption, int severity);

/* ---- means ---- */

/** Means over some cells, with 95 % intervals by image (those of reshift_accuracy_by_image() and of paired
 * differences). */
typedef struct reshift_robust_mean {
    int n_corruptions;         /* 0: there is no such mean (all figures are NAN) */
    int64_t n_rows;            /* images times cells */
    reshift_interval accuracy; /* every corruption counts the same */
    reshift_interval lost;     /* accuracy on the clean images minus this one; NAN without clean images */
    reshift_interval
        relative;           /* error over the baseline's; of several corruptions the mean of these: mCE. NAN without */
    double nll, brier, ece; /* means over the cells */
    double balanced,
        top5; /* the same: accuracy with every class counting the same; NAN where fewer than 5 outputs count */
} reshift_robust_mean;

typedef struct reshift_robust_summary {
    int64_t n_images;
    reshift_robust_mean clean;
    reshift_robust_mean corruption[RESHIFT_CORRUPTIONS_MOST]; /* in the table's order */
    reshift_robust_mean leaderboard;                          /* over the 15; there only where all 15 were measured */
    reshift_robust_mean all;                                  /* over all that were measured */
    reshift_interval relative_mce; /* mean over the 15 of (error - clean error) / (the baseline's - its clean error) */
} reshift_robust_summary;

/**
 * `unseen_only`: of the images never seen in training. `baseline` may be NULL; relative figures are there for
 * corruptions of which it knows the errors at the table's severities, and whose images ended as the baseline's did
 * (jpeg_quality); mCE where it knows them of all 15. Errors: ARGUMENT (no image was never seen), MEMORY.
 */
RESHIFT_API reshift_status reshift_robustness_summarise(const reshift_robustness *table, bool unseen_only,
                                                        const reshift_baseline *baseline,
                                                        reshift_robust_summary *summary, reshift_error *error);

/**
 * The same figures of one cell, table->cells[i], by itself: accuracy with Wilson's interval, `lost` paired by image
 * (NAN for the clean cell and without clean images), `relative` where the baseline has an error at this severity.
 */
RESHIFT_API reshift_robust_mean reshift_robustness_cell_mean(const reshift_robustness *table, int i, bool unseen_only,
                                                             const reshift_baseline *baseline);

/* ---- two networks ---- */

typedef struct reshift_comparison {
    reshift_difference *cells; /* [n_cells] of the table */
    int n_cells;
    reshift_difference corruption[RESHIFT_CORRUPTIONS_MOST], leaderboard,
        all; /* n == 0: not there;
              of means only_a and only_b are 0, p is NAN */
} reshift_comparison;

/**
 * Compares two tables of the same images, corruptions and severities. `unseen_only`: of the images that neither was
 * trained on. Errors: ARGUMENT (tables that differ; no images left), MEMORY. The caller destroys *comparison.
 */
RESHIFT_API reshift_status reshift_robustness_compare(const reshift_robustness *a, const reshift_robustness *b,
                                                      bool unseen_only, reshift_comparison *comparison,
                                                      reshift_error *error);
/** Frees what is in it and empties it; NULL and an empty one are accepted. */
RESHIFT_API void reshift_comparison_destroy(reshift_comparison *comparison);

#ifdef __cplusplus
}
#endif
#endif
