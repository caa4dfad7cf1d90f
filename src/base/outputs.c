/* Several targets of file_writer.h that are renamed together. */
#include "reshift/outputs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/outputs_journal.h"

struct reshift_outputs {
    file_target targets[OUTPUTS_MOST];
    int n;
};

reshift_status reshift_output_check(const char *path, bool overwrite, reshift_error *error)
{
    return path ? file_target_check(path, overwrite, error) : RESHIFT_OK;
}

bool reshift_output_is_through(const char *path) { return file_target_is_through(path); }

reshift_status reshift_output_write(const char *path, const void *text, size_t size, bool overwrite,
                                    reshift_error *error)
{
    return file_write_all(path, text, size, overwrite, error);
}

reshift_status reshift_outputs_create(reshift_outputs **outputs, reshift_error *error)
{
    *outputs = calloc(1, sizeof **outputs);
    return *outputs ? RESHIFT_OK : error_memory(error, sizeof **outputs, "outputs");
}

reshift_status reshift_outputs_add(reshift_outputs *outputs, const char *path, bool overwrite, const char **write_to,
                                   reshift_error *error)
{
    *write_to = path;
    if (!path) {
        return RESHIFT_OK;
    }
    if (outputs->n == OUTPUTS_MOST) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "expected at most %d outputs", OUTPUTS_MOST);
    }
    file_target *target = &outputs->targets[outputs->n];
    reshift_status status = file_target_open(path, overwrite, target, error);
    if (status == RESHIFT_OK) {
        outputs->n++;
        *write_to = target->temporary ? target->temporary : path;
    }
    return status;
}

/*
 * Runs before the first rename and refuses files that other processes created meanwhile. Leftovers of a killed commit
 * are replaced. is_new[i] is true if nothing else exists under the name.
 */
static reshift_status check_all(reshift_outputs *outputs, bool *is_new, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (int i = 0; i < outputs->n && status == RESHIFT_OK; i++) {
        file_target *t = &outputs->targets[i];
        struct stat facts;
        status = file_target_check(t->path, t->overwrite, error);
        bool absent = t->temporary && lstat(t->final, &facts) != 0;
        is_new[i] = t->temporary && (absent || outputs_journal_lists(t->final, &facts));
        t->overwrite = t->overwrite || (is_new[i] && !absent);
    }
    return status;
}

reshift_status reshift_outputs_commit(reshift_outputs *outputs, reshift_error *error)
{
    bool is_new[OUTPUTS_MOST] = {false};
    outputs_journal journal = {.lock = -1};
    reshift_status status = check_all(outputs, is_new, error);
    if (status == RESHIFT_OK) {
        status = outputs_journal_begin(&journal, outputs->targets, outputs->n, error);
    }
    int renamed = 0;
    while (renamed < outputs->n && status == RESHIFT_OK) {
        status = file_target_rename(&outputs->targets[renamed], error);
        renamed += status == RESHIFT_OK;
    }
    for (int i = 0; i < renamed && status != RESHIFT_OK; i++) {
        if (is_new[i]) {
            unlink(outputs->targets[i].final);
        }
    }
    for (int i = 0; i < outputs->n && status == RESHIFT_OK; i++) {
        status = outputs->targets[i].final ? folder_sync_of(outputs->targets[i].final, error) : RESHIFT_OK;
    }
    outputs_journal_end(&journal);
    return status;
}

void reshift_outputs_destroy(reshift_outputs **outputs)
{
    if (!outputs || !*outputs) {
        return;
    }
    for (int i = 0; i < (*outputs)->n; i++) {
        file_target_close(&(*outputs)->targets[i]);
    }
    free(*outputs);
    *outputs = NULL;
}
