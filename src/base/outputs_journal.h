/*
 * Marks of a commit of several outputs. If a process is killed between two renames, the same command can be run again:
 * it does not refuse the files left over as existing.
 *
 * While reshift_outputs_commit() renames, every output has a mark NAME.reshift-commit. The first output's mark is the
 * journal: it lists the files being renamed (inode, size, time of last change) and is locked by the process. The other
 * marks contain the path of the journal. Removing the journal completes the commit. A file that the journal of a dead
 * process lists belongs to an incomplete set: it counts as absent and may be replaced. A file that was created or
 * changed later is not in the list and is protected as usual.
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

/** True if `final` (with this stat() result) is left over from a commit that was killed. */
bool outputs_journal_lists(const char *final, const struct stat *facts);

/**
 * Writes the marks of the targets that have temporaries (n <= OUTPUTS_MOST). A single target needs none. Without marks
 * the commit is still correct but cannot be repeated after a kill, so a folder that accepts no more files is not an
 * error: the journal is empty then. Errors: MEMORY.
 */
reshift_status outputs_journal_begin(outputs_journal *journal, const file_target *targets, int n, reshift_error *error);
/** Removes the marks, the journal first. */
void outputs_journal_end(outputs_journal *journal);

/** Removes a mark of `final` left over from a killed process. Call after `final` was replaced. */
void outputs_journal_forget(const char *final);

#endif
