/* What a run may take from another run folder instead of doing it again. */
#ifndef EXPERIMENT_STAGES_BORROW_H
#define EXPERIMENT_STAGES_BORROW_H

#include "experiment/run.h"

/**
 * Looks through `folders` for one whose record of the stage has this key and whose files are whole, and hard-links them
 * into the run's folder. False where there is none, or the file system knows no such links.
 */
bool run_borrow(const run *r, const stage *one, const char *key, const char *const *folders, int n_folders);

#endif
