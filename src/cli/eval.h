/* The results of `reshift eval` and their three output forms: a table on stdout, files, JSON. */
#ifndef CLI_EVAL_H
#define CLI_EVAL_H

#include <jansson.h>
#include <stdio.h>

#include "cli/session.h"
#include "reshift/robustness.h"

typedef struct eval_result {
    const char *weights, *against, *data; /* against NULL: one network */
    const char *head, *against_head;      /* files of fc, or NULL */
    const char *class_map;                /* NULL: none was given */
    int64_t sample, seed;
    reshift_robustness table, other;
    bool has_baseline;
    reshift_baseline baseline;
    reshift_robust_summary all, unseen, other_all;
    bool has_unseen;               /* the network has seen some of the images */
    reshift_comparison difference; /* if `against` is given */
    bool difference_unseen;        /* on images that neither network was trained on */
} eval_result;

/** The table as text, at most 100 columns wide. */
void eval_print(const eval_result *r);
/** "fog", or "clean". */
const char *eval_cell_name(const reshift_cell *cell);
/** "file", "published file" or "made" (computed). */
const char *eval_cell_source(const reshift_cell *cell);
/** The images of class k (an output of the network) in a cell; n is 0 if there are none. */
reshift_accuracy eval_class_accuracy(const eval_result *r, int cell, int k);
typedef void (*eval_words)(FILE *out, const void *context);
/** Formats the text in memory, then writes it as the library writes its files. Errors: IO, MEMORY. */
reshift_status eval_save_words(const char *path, eval_words write, const void *context, reshift_error *error);
/** All results as one JSON object; NULL: out of memory. The caller calls json_decref(). */
json_t *eval_json(const eval_result *r);
/** FILE.csv: one row per cell and one per mean. Written to a temporary name, then renamed. Errors: IO. */
reshift_status eval_save_csv(const char *path, const eval_result *r, reshift_error *error);
reshift_status eval_save_json(const char *path, const eval_result *r, reshift_error *error);
/** Confusion matrices: int64 [cells,K,K], in the order of the cells. */
reshift_status eval_save_confusion(const char *path, const eval_result *r, bool overwrite, reshift_error *error);
/**
 * classes.csv: one row per cell and class with the number of images, the number of correct ones, and the accuracy with
 * Wilson's interval. Errors: IO.
 */
reshift_status eval_save_classes(const char *path, const eval_result *r, reshift_error *error);
/** heatmap.{png,svg,gp,csv}, and difference.* if two networks are compared. */
reshift_status eval_plot(const char *folder, const eval_result *r, bool overwrite, reshift_error *error);

#endif
