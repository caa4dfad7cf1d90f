/* What the report says of networks that adapt while they are tested: read from adapted.json. */
#ifndef EXPERIMENT_PAGE_REPORT_ADAPTED_H
#define EXPERIMENT_PAGE_REPORT_ADAPTED_H

#include "reporting/page/report.h"

typedef struct adapted_figures {
    report_measurement *rows;
    char how[160]; /* "batch norm by the statistics of batches of 64 images, shuffled" */
    char corruption[64];
} adapted_figures;

/** Fills content->adapted from the folder's file, which must be there; the figures stay until adapted_clean(). Errors:
 * NOT_FOUND, FORMAT, MEMORY. */
reshift_status adapted_read(const char *folder, adapted_figures *figures, report_content *content,
                            reshift_error *error);
void adapted_clean(adapted_figures *figures);

#endif
