/* Common to the two training commands: one line per epoch, the curves, and the history as a result. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H

#include "cli/session.h"
#include "reshift/learning.h"

/**
 * on_epoch callback of both trainings: prints a row of the table on stdout; silent if `context` (a common) requests
 * JSON.
 */
void training_print_epoch(void *context, const reshift_epoch *epoch);

/**
 * After training: a note about overfitting, or the history as JSON with `extra` (the inside of a JSON object, or NULL).
 */
void training_print_result(const common *c, const reshift_history *history, const char *extra);

/** Checks before the training whether training_plot() may write there; `folder` NULL: nothing is drawn. */
reshift_status training_check_plots(const common *c, const char *folder, const char *name, reshift_error *error);

/** Draws DIR/<name>-loss and -accuracy and creates DIR if necessary; `kept` as in reshift_history_plot(). */
reshift_status training_plot(const common *c, const char *folder, const char *name, const char *title,
                             const reshift_history *history, int kept, reshift_error *error);

#endif
