/*
 * A robustness table while it is measured: what its parts share. table_images.c finds out which sets there are and
 * which of their images count, table_cells.c which cells were measured before, adaptation_order.c in which order an
 * adapting network sees the images; robustness.c goes from cell to cell; robustness_cells.c measures one.
 */
#ifndef ROBUSTNESS_MEASURING_H
#define ROBUSTNESS_MEASURING_H

#include "base/facts.h"
#include "metrics/figures.h"
#include "training/adapt.h"
#include "inference/forked.h"
#include "inference/forward.h"
#include "reshift/robustness.h"

/* One set of the table: the clean images, or a corruption's at all severities that there are (so that what a cell is
 * called does not depend on which severities are asked for). */
typedef struct block {
    const reshift_corruption *corruption; /* NULL: clean */
    char identity[65];
    bool from_file, published;
    reshift_image_facts prepared;
    int64_t n;          /* images */
    int severity_first; /* of the set; 0: clean */
} block;

/* Images measured so far and all that will be, of one table or of two. */
typedef struct measured_images {
    int64_t done, total;
} measured_images;

typedef struct measuring {
    const reshift_model *model;
    const reshift_robustness_options *options;
    const reshift_progress *progress;
    reshift_robustness *table;
    block blocks[1 + RESHIFT_CORRUPTIONS_MOST];
    int n_blocks;
    reshift_dataset
        *clean;     /* the images that corruptions are made of, opened once; NULL: sets of their own (CIFAR-10-C) */
    bool surveying; /* sets are opened for the first time: their files are verified where that is asked for */
    int64_t *rows;  /* [N] of the cell that is measured */
    forward_setup setup;
    forward *forward; /* made when the first cell is missing; or, where the network adapts, */
    adapt *adapt;
    int64_t *order;          /* [N] images in the order in which an adapting network sees them */
    row_figures *in_order;   /* [batch] scratch: figures in that order */
    int *in_labels;          /* [batch] scratch: labels in that order */
    reshift_class_map map;   /* classes of the set onto outputs */
    float *scores;           /* scratch: logits of the outputs that count */
    int64_t n_scores;        /* room in it */
    fact_list *shared_facts; /* what all cells depend on, where they are kept; else NULL */
    measured_images *count;
} measuring;

/** "clean" where there is no corruption. */
const char *measuring_name(const reshift_corruption *corruption);

/** The set of one block, at all severities, or at those of the table where it has no others; the caller closes it.
 * Errors: those of opening. */
reshift_status measuring_open(measuring *m, const reshift_corruption *corruption, reshift_dataset **set,
                              reshift_error *error);

/** Blocks, and what the table says of sets, corruptions and labels of all images. Errors: those of opening, SHAPE. */
reshift_status measuring_survey(measuring *m, reshift_error *error);

/**
 * The images of the table: all, or a sample, of all or of those never seen in training; which of them were seen; int8's
 * ranges where the weights lack them. Errors: ARGUMENT (seen images, where they are not allowed; none left; a sample
 * that cannot be drawn), those of reading, MEMORY.
 */
reshift_status measuring_choose(measuring *m, reshift_error *error);

/** The table's cells, empty, and the folder that they are kept in. Errors: IO, MEMORY. */
reshift_status measuring_lay_out(measuring *m, reshift_error *error);
/** The set that a cell is of. */
const block *measuring_block(const measuring *m, const reshift_cell *cell);
/** Cells of earlier runs; counts the images that are left to measure. Errors: MEMORY. */
reshift_status measuring_take_up(measuring *m, reshift_error *error);
/** The order of the rows, and warnings about their batches; nothing where the network stays as it is. Errors: MEMORY.
 */
reshift_status measuring_prepare_adaptation(measuring *m, reshift_error *error);

/**
 * Measures all images of one cell of `set`, block `b`'s, and keeps the rows in the cell's file where it has one.
 * Errors: those of reading, of the engine and of writing, MEMORY, CANCELLED.
 */
reshift_status measuring_cell(measuring *m, const reshift_dataset *set, const block *b, reshift_cell *cell,
                              reshift_error *error);
/** The same of two networks at once: the same images in tables of the same sets. */
reshift_status measuring_cells_of_two(measuring *const m[2], forked *f, const reshift_dataset *set, const block *b,
                                      reshift_cell *const cells[2], reshift_error *error);

#endif
