/* What the two training commands share: a line an epoch, the curves, and the history as a result. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H

#include "cli/session.h"
#include "reshift/learning.h"

/** on_epoch of both trainings: a row of the table on stdout; silent when `context` (a common) asks for JSON. */
void training_print_epoch(void *context, const reshift_epoch *epoch);

/** After training: words about overfitting, or the history as JSON with `extra` (a JSON object's inside, or NULL). */
void training_print_result(const common *c, const reshift_history *history, const char *extra);

/** Whether training_plot() may write there, asked before the training; `folder` NULL: nothing is drawn. */
reshift_status training_check_plots(const common *c, const char *folder, const char *name, reshift_error *error);

/** Draws DIR/<name>-loss and -accuracy, making DIR when it is not there; `kept` as in reshift_history_plot(). */
reshift_status training_plot(const common *c, const char *folder, const char *name, const char *title,
                             const reshift_history *history, int kept, reshift_error *error);

#endif
