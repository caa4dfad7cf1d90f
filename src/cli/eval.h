/* What `reshift eval` has measured, and the three ways it is told: a table on stdout, files, JSON. */
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
    bool has_unseen;               /* the network has seen some images and not others */
    reshift_comparison difference; /* where `against` is named */
    bool difference_unseen;        /* of the images that neither was trained on */
} eval_result;

/** The table for people, at most 100 columns wide. */
void eval_print(const eval_result *r);
/** "fog", or "clean". */
const char *eval_cell_name(const reshift_cell *cell);
/** "file", "published file" or "made". */
const char *eval_cell_source(const reshift_cell *cell);
/** Of the images of class k (an output of the network) in a cell; n is 0 where there are none. */
reshift_accuracy eval_class_accuracy(const eval_result *r, int cell, int k);
typedef void (*eval_words)(FILE *out, const void *context);
/** Puts the words together in memory, then writes them as the library writes its files. Errors: IO, MEMORY. */
reshift_status eval_save_words(const char *path, eval_words write, const void *context, reshift_error *error);
/** Everything, as one JSON object; NULL: out of memory. The caller's to json_decref(). */
json_t *eval_json(const eval_result *r);
/** FILE.csv: a row a cell and a row a mean. Written to a temporary name, then renamed. Errors: IO. */
reshift_status eval_save_csv(const char *path, const eval_result *r, reshift_error *error);
reshift_status eval_save_json(const char *path, const eval_result *r, reshift_error *error);
/** Confusion matrices: int64 [cells,K,K], in the order of the cells. */
reshift_status eval_save_confusion(const char *path, const eval_result *r, bool overwrite, reshift_error *error);
/** classes.csv: a row a cell and class: its images, how many are right, the share with Wilson's interval. Errors: IO. */
reshift_status eval_save_classes(const char *path, const eval_result *r, reshift_error *error);
/** heatmap.{png,svg,gp,csv}, and difference.* where two networks are compared. */
reshift_status eval_plot(const char *folder, const eval_result *r, bool overwrite, reshift_error *error);

#endif
