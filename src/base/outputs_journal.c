/*
 * Format of a mark: a title, one line "inode size seconds.nanoseconds" per file, and the absolute path of the journal.
 */
#include "base/outputs_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

#define TITLE "reshift: outputs of one command that are being renamed\n"

/* At most two lines per target and a path. */
enum { LINE_BYTES = 80, MARK_BYTES = sizeof TITLE + 2 * OUTPUTS_MOST * LINE_BYTES + PATH_MAX };

static int print_line(char *line, const struct stat *facts)
{
    return snprintf(line, LINE_BYTES, "%ju %jd %jd.%09ld\n", (uintmax_t)facts->st_ino, (intmax_t)facts->st_size,
                    (intmax_t)facts->st_mtim.tv_sec, facts->st_mtim.tv_nsec);
}

/* Reads a mark into `text` [MARK_BYTES]. Returns the open file, or -1 if it does not exist or has another format. */
static int open_mark(const char *path, char *text)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t length = descriptor < 0 ? -1 : read(descriptor, text, MARK_BYTES - 1);
    text[length < 0 ? 0 : length] = '\0';
    if (descriptor >= 0 && strncmp(text, TITLE, strlen(TITLE)) != 0) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

bool outputs_journal_lists(const char *final, const struct stat *facts)
{
    char text[MARK_BYTES], line[LINE_BYTES + 1] = "\n";
    char *mark = file_target_side_name(final, MARK_SUFFIX, 1);
    int descriptor = mark ? open_mark(mark, text) : -1;
    free(mark);
    const char *path = descriptor < 0 ? NULL : strstr(text, "\n/");
    if (descriptor >= 0) {
        close(descriptor);
    }
    descriptor = path ? open_mark(path + 1, text) : -1;
    if (descriptor < 0) {
        return false;
    }
    /* locked: its process is running and the outputs are about to be complete */
    bool dead = flock(descriptor, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    close(descriptor);
    print_line(line + 1, facts);
    return dead && strstr(text, line);
}

/* The absolute path of a mark. Its folder exists. */
static char *absolute(const char *mark)
{
    const char *slash = strrchr(mark, '/');
    char *folder = slash ? strndup(mark, (size_t)(slash - mark) + 1) : strdup(".");
    char *whole = folder ? realpath(folder, NULL) : NULL;
    char *path = whole ? path_join(whole, slash ? slash + 1 : mark) : NULL;
    free(folder);
    free(whole);
    return path;
}

static reshift_status write_marks(outputs_journal *journal, const char *lines, reshift_error *error)
{
    char text[MARK_BYTES];
    char *path = absolute(journal->marks[0]);
    if (!path) {
        return error_set(error, RESHIFT_ERROR_IO, "cannot write '%s'", journal->marks[0]);
    }
    /* write the journal first: it may replace a journal that listed the same files and is still named by older marks */
    reshift_status status = RESHIFT_OK;
    for (int i = 0; i < journal->n && status == RESHIFT_OK; i++) {
        int length = snprintf(text, sizeof text, TITLE "%s%s", i == 0 ? lines : "", path);
        status = length < (int)sizeof text ? file_write_all(journal->marks[i], text, (size_t)length, true, error)
                                           : error_set(error, RESHIFT_ERROR_IO, "'%s' is too long", path);
        if (i == 0 && status == RESHIFT_OK) {
            journal->lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
            if (journal->lock >= 0) {
                flock(journal->lock, LOCK_EX | LOCK_NB);
            }
        }
    }
    free(path);
    return status;
}

reshift_status outputs_journal_begin(outputs_journal *journal, const file_target *targets, int n, reshift_error *error)
{
    char lines[2 * OUTPUTS_MOST * LINE_BYTES + 1] = "";
    size_t used = 0;
    *journal = (outputs_journal){.lock = -1};
    for (int i = 0; i < n; i++) {
        struct stat facts;
        if (!targets[i].temporary) {
            continue;
        }
        journal->marks[journal->n] = file_target_side_name(targets[i].final, MARK_SUFFIX, 1);
        if (!journal->marks[journal->n++]) {
            outputs_journal_end(journal);
            return error_memory(error, strlen(targets[i].final), "a path");
        }
        if (stat(targets[i].temporary, &facts) == 0) {
            used += (size_t)print_line(lines + used, &facts);
        }
        if (lstat(targets[i].final, &facts) == 0 && outputs_journal_lists(targets[i].final, &facts)) {
            used += (size_t)print_line(lines + used, &facts);
        }
    }
    if (journal->n > 1 && write_marks(journal, lines, NULL) != RESHIFT_OK) {
        outputs_journal_end(journal);
    }
    return RESHIFT_OK;
}

void outputs_journal_end(outputs_journal *journal)
{
    for (int i = 0; i < journal->n; i++) {
        if (journal->marks[i]) {
            unlink(journal->marks[i]);
        }
        free(journal->marks[i]);
    }
    if (journal->lock >= 0) {
        close(journal->lock);
    }
    *journal = (outputs_journal){.lock = -1};
}

void outputs_journal_forget(const char *final)
{
    char *mark = file_target_side_name(final, MARK_SUFFIX, 1);
    if (mark) {
        unlink(mark);
    }
    free(mark);
}
