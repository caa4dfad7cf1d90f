/*
 * Output streams that are written to a temporary file and renamed, with the fsync() calls needed to survive a power
 * loss.
 */
#include "base/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/outputs_journal.h"

/* fsync() that ignores descriptors without support for it (pipes, devices). */
static int synchronise(int descriptor)
{
    return fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP ? 0 : -1;
}

static reshift_status open_folder(const char *folder, int *descriptor, reshift_error *error)
{
    *descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *descriptor < 0 ? error_from_errno(error, errno, "cannot open folder '%s'", folder) : RESHIFT_OK;
}

reshift_status folder_sync_of(const char *path, reshift_error *error)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder) {
        return error_memory(error, strlen(path), "a path");
    }
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    reshift_status status = RESHIFT_OK;
    if (descriptor < 0 && errno != EACCES) { /* a folder that is writable but not readable cannot be synchronised */
        status = error_from_errno(error, errno, "cannot open folder '%s'", folder);
    } else if (descriptor >= 0) {
        if (synchronise(descriptor) != 0) {
            status = error_from_errno(error, errno, "cannot write folder '%s'", folder);
        }
        close(descriptor);
    }
    free(folder);
    return status;
}

reshift_status folder_sync_all(const char *folder, reshift_error *error)
{
    int descriptor;
    reshift_status status = open_folder(folder, &descriptor, error);
    if (status == RESHIFT_OK) {
        if (syncfs(descriptor) != 0) {
            status = error_from_errno(error, errno, "cannot write folder '%s'", folder);
        }
        close(descriptor);
    }
    return status;
}

reshift_status file_writer_open(const char *path, bool overwrite, file_writer *writer, reshift_error *error)
{
    memset(writer, 0, sizeof *writer);
    reshift_status status = file_target_open(path, overwrite, &writer->target, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    /* The stream has its own descriptor, so that the lock stays when the stream is closed. */
    int descriptor = fcntl(writer->target.lock, F_DUPFD_CLOEXEC, 3);
    writer->stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (!writer->stream) {
        int number = errno;
        if (descriptor >= 0) {
            close(descriptor);
        }
        file_writer_abort(writer);
        return error_from_errno(error, number, "cannot write '%s'", path);
    }
    return RESHIFT_OK;
}

const char *file_writer_path(const file_writer *writer) { return writer->target.path; }

reshift_status file_writer_write(file_writer *writer, const void *bytes, size_t count, reshift_error *error)
{
    if (count > 0 && fwrite(bytes, 1, count, writer->stream) != count) {
        return error_from_errno(error, errno, "cannot write '%s'", writer->target.path);
    }
    return RESHIFT_OK;
}

reshift_status file_writer_printf(file_writer *writer, reshift_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vfprintf(writer->stream, format, arguments);
    va_end(arguments);
    return written < 0 ? error_from_errno(error, errno, "cannot write '%s'", writer->target.path) : RESHIFT_OK;
}

static reshift_status finish(file_writer *writer, reshift_error *error)
{
    FILE *stream = writer->stream;
    file_target *target = &writer->target;
    writer->stream = NULL;
    errno = 0;
    bool failed = ferror(stream) || fflush(stream) != 0;
    int number = errno;
    if (fclose(stream) != 0 && !failed) {
        failed = true;
        number = errno;
    }
    if (!failed && !writer->no_sync && synchronise(target->lock) != 0) {
        failed = true;
        number = errno;
    }
    if (failed) {
        return error_from_errno(error, number ? number : EIO, "cannot write '%s'", target->path);
    }
    const bool renamed = target->temporary != NULL;
    reshift_status status = file_target_rename(target, error);
    if (status == RESHIFT_OK && renamed) {
        outputs_journal_forget(target->final);
    }
    return status == RESHIFT_OK && renamed && !writer->no_sync ? folder_sync_of(target->final, error) : status;
}

reshift_status file_writer_commit(file_writer *writer, reshift_error *error)
{
    reshift_status status = finish(writer, error);
    file_writer_abort(writer);
    return status;
}

void file_writer_abort(file_writer *writer)
{
    if (!writer) {
        return;
    }
    if (writer->stream) {
        fclose(writer->stream);
    }
    file_target_close(&writer->target);
    memset(writer, 0, sizeof *writer);
}

reshift_status file_write_all(const char *path, const void *bytes, size_t count, bool overwrite, reshift_error *error)
{
    file_writer writer;
    reshift_status status = file_writer_open(path, overwrite, &writer, error);
    if (status == RESHIFT_OK) {
        status = file_writer_write(&writer, bytes, count, error);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    return status;
}

reshift_status file_move(const char *from, const char *to, reshift_error *error)
{
    int descriptor = -1;
    reshift_status status = file_open(from, &descriptor, NULL, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (synchronise(descriptor) != 0 || rename(from, to) != 0) {
        status = error_from_errno(error, errno, "cannot write '%s'", to);
    }
    close(descriptor);
    return status == RESHIFT_OK ? folder_sync_of(to, error) : status;
}
