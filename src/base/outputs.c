/* Several targets of file_writer.h, renamed together. */
#include "reshift/outputs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

enum { OUTPUTS_MOST = 16 };

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

/* Before the first rename: files that somebody else made meanwhile. */
static reshift_status check_all(const reshift_outputs *outputs, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (int i = 0; i < outputs->n && status == RESHIFT_OK; i++) {
        status = file_target_check(outputs->targets[i].path, outputs->targets[i].overwrite, error);
    }
    return status;
}

reshift_status reshift_outputs_commit(reshift_outputs *outputs, reshift_error *error)
{
    bool is_new[OUTPUTS_MOST] = {false};
    reshift_status status = check_all(outputs, error);
    int renamed = 0;
    for (; renamed < outputs->n && status == RESHIFT_OK; renamed++) {
        file_target *t = &outputs->targets[renamed];
        struct stat facts;
        is_new[renamed] = t->temporary && lstat(t->final, &facts) != 0;
        status = file_target_rename(t, error);
    }
    if (status != RESHIFT_OK) {
        for (int i = 0; i < renamed - 1; i++) {
            if (is_new[i]) {
                unlink(outputs->targets[i].final);
            }
        }
    }
    for (int i = 0; i < outputs->n && status == RESHIFT_OK; i++) {
        status = outputs->targets[i].final ? folder_sync_of(outputs->targets[i].final, error) : RESHIFT_OK;
    }
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
