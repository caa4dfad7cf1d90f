/* What the report says of the tensors that fine-tuning moved: read from weights/moved.csv. */
#ifndef EXPERIMENT_PAGE_REPORT_MOVED_H
#define EXPERIMENT_PAGE_REPORT_MOVED_H

#include "reporting/content.h"

typedef struct moved_figures {
    reshift_moved *rows;  /* whose names the blocks point to */
    report_block *blocks; /* no more than rows */
} moved_figures;

/**
 * Fills content->blocks from the folder's file; a folder of a program that did not write one has none. `trained` and
 * `batchnorm` are the settings' texts: "[layer4, fc]" or "all", "frozen". The figures stay until moved_clean(). Errors:
 * IO, FORMAT, MEMORY.
 */
reshift_status moved_read(const char *folder, const char *trained, const char *batchnorm, moved_figures *figures,
                          report_content *content, reshift_error *error);
void moved_clean(moved_figures *figures);

#endif
