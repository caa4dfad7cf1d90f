/*
 * Marks of a commit of several outputs, so that a process killed between two renames leaves nothing that the same
 * command, given again, would refuse as existing.
 *
 * While reshift_outputs_commit() renames, every output has a mark NAME.reshift-commit. The first output's mark is the
 * journal: it lists the files being renamed (inode, size, time of last change) and is locked by the process. The other
 * marks name the journal. Removing the journal is the moment at which the commit is complete. A file that the journal
 * of a dead process lists belongs to an incomplete set: it counts as absent and may be replaced. A file that was made
 * or changed afterwards is not in the list and is protected as always.
 */
#ifndef BASE_OUTPUTS_JOURNAL_H
#define BASE_OUTPUTS_JOURNAL_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/file_writer.h"
#include "reshift/status.h"

#define MARK_SUFFIX ".reshift-commit"

enum { OUTPUTS_MOST = 16 };

typedef struct outputs_journal {
    char *marks[OUTPUTS_MOST]; /* the first is the journal */
    int n;
    int lock; /* descriptor of the journal */
} outputs_journal;

/** True if `final`, whose facts these are, was left by a commit that was killed. */
bool outputs_journal_lists(const char *final, const struct stat *facts);

/**
 * Writes the marks of the targets that have temporaries (n <= OUTPUTS_MOST). A single target needs none. Without marks
 * the commit is still right, only not repeatable after a kill, so a folder that takes no more files is no error: the
 * journal is empty then. Errors: MEMORY.
 */
reshift_status outputs_journal_begin(outputs_journal *journal, const file_target *targets, int n, reshift_error *error);
/** Removes the marks, the journal first. */
void outputs_journal_end(outputs_journal *journal);

/** Removes a mark of `final` that a killed process left, after `final` was replaced. */
void outputs_journal_forget(const char *final);

#endif
