/* Files: whole-file maps, and atomic writing. A writer fsyncs nothing: it promises no half-written file, not
 * durability. */
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

reshift_status file_map_open(const char *path, file_map *map, reshift_error *error)
{
    map->data = NULL;
    map->size = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        int number = errno;
        return error_at_offset(error, error_from_errno(error, number, "cannot open '%s'", path), path, -1);
    }
    reshift_status status = RESHIFT_OK;
    struct stat facts;
    if (fstat(descriptor, &facts) != 0) {
        status = error_from_errno(error, errno, "cannot read '%s'", path);
    } else if (!S_ISREG(facts.st_mode)) {
        status = error_set(error, RESHIFT_ERROR_IO, "cannot read '%s': expected a file, found %s", path,
                           S_ISDIR(facts.st_mode) ? "a folder" : "a device or pipe");
    } else if (facts.st_size > 0) {
        void *data = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (data == MAP_FAILED) {
            status = error_from_errno(error, errno, "cannot map '%s'", path);
        } else {
            map->data = data;
            map->size = (size_t)facts.st_size;
        }
    }
    close(descriptor);
    return status;
}

void file_map_forget(const file_map *map)
{
    if (map->data) {
        madvise((void *)(uintptr_t)map->data, map->size, MADV_DONTNEED); /* a private map that is never written */
    }
}

void file_map_close(file_map *map)
{
    if (map->data) {
        munmap((void *)(uintptr_t)map->data, map->size);
    }
    map->data = NULL;
    map->size = 0;
}

bool file_exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && !S_ISDIR(facts.st_mode);
}

bool folder_exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

char *path_join(const char *folder, const char *name)
{
    char *path = NULL;
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", folder, slash, name) < 0 ? NULL : path;
}

reshift_status folder_create(const char *path, reshift_error *error)
{
    char *walk = strdup(path);
    if (!walk) {
        return error_memory(error, strlen(path), "a path");
    }
    reshift_status status = RESHIFT_OK;
    for (char *end = walk + 1; status == RESHIFT_OK; end++) {
        if (*end != '/' && *end != '\0') {
            continue;
        }
        char kept = *end;
        *end = '\0';
        if (mkdir(walk, 0777) != 0 && !(errno == EEXIST && folder_exists(walk))) {
            status = errno == EEXIST
                         ? error_set(error, RESHIFT_ERROR_EXISTS, "cannot make folder '%s': a file is there", walk)
                         : error_from_errno(error, errno, "cannot make folder '%s'", walk);
        }
        *end = kept;
        if (kept == '\0') {
            break;
        }
    }
    free(walk);
    return status;
}

/* Six characters by chance at the end of `path`, in place of "XXXXXX". */
static void name_temporary(char *path)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t bytes[6] = {0};
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        memcpy(bytes, &now.tv_nsec, sizeof now.tv_nsec < sizeof bytes ? sizeof now.tv_nsec : sizeof bytes);
    }
    char *end = path + strlen(path) - sizeof bytes;
    for (size_t i = 0; i < sizeof bytes; i++) {
        end[i] = characters[bytes[i] % (sizeof characters - 1)];
    }
}

reshift_status folder_create_temporary(const char *path, char **temporary, reshift_error *error)
{
    if (asprintf(temporary, "%s.part.XXXXXX", path) < 0) {
        *temporary = NULL;
        return error_memory(error, strlen(path), "a path");
    }
    int made;
    do {
        name_temporary(*temporary);
        made = mkdir(*temporary, 0777);
    } while (made != 0 && errno == EEXIST);
    if (made != 0) {
        int number = errno;
        free(*temporary);
        *temporary = NULL;
        return error_from_errno(error, number, "cannot write '%s'", path);
    }
    return RESHIFT_OK;
}

static reshift_status refuse_existing(const char *path, reshift_error *error)
{
    error_set(error, RESHIFT_ERROR_EXISTS, "'%s' exists already", path);
    error_hint(error, "use --force to replace it, or choose another name");
    return RESHIFT_ERROR_EXISTS;
}

reshift_status file_writer_open(const char *path, bool overwrite, file_writer *writer, reshift_error *error)
{
    memset(writer, 0, sizeof *writer);
    if (folder_exists(path)) {
        return error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': a folder is there", path);
    }
    if (!overwrite && file_exists(path)) {
        return refuse_existing(path, error);
    }
    writer->overwrite = overwrite;
    writer->path = strdup(path);
    if (!writer->path || asprintf(&writer->temporary, "%s.part.XXXXXX", path) < 0) {
        writer->temporary = NULL;
        file_writer_abort(writer);
        return error_memory(error, strlen(path), "a path");
    }
    int descriptor;
    do { /* the system applies the umask; asking for it would change it under other threads */
        name_temporary(writer->temporary);
        descriptor = open(writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor < 0 && errno == EEXIST);
    if (descriptor < 0) {
        int number = errno;
        free(writer->temporary); /* there is no such file to remove */
        writer->temporary = NULL;
        file_writer_abort(writer);
        return error_from_errno(error, number, "cannot write '%s'", path);
    }
    writer->stream = fdopen(descriptor, "w+b");
    if (!writer->stream) {
        int number = errno;
        close(descriptor);
        file_writer_abort(writer);
        return error_from_errno(error, number, "cannot write '%s'", path);
    }
    return RESHIFT_OK;
}

reshift_status file_writer_write(file_writer *writer, const void *bytes, size_t count, reshift_error *error)
{
    if (count > 0 && fwrite(bytes, 1, count, writer->stream) != count) {
        return error_from_errno(error, errno, "cannot write '%s'", writer->path);
    }
    return RESHIFT_OK;
}

reshift_status file_writer_printf(file_writer *writer, reshift_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vfprintf(writer->stream, format, arguments);
    va_end(arguments);
    return written < 0 ? error_from_errno(error, errno, "cannot write '%s'", writer->path) : RESHIFT_OK;
}

reshift_status file_writer_commit(file_writer *writer, reshift_error *error)
{
    FILE *stream = writer->stream;
    writer->stream = NULL;
    int failed = ferror(stream);
    if (fclose(stream) != 0 || failed) {
        reshift_status status = error_from_errno(error, errno ? errno : EIO, "cannot write '%s'", writer->path);
        file_writer_abort(writer);
        return status;
    }
    int renamed = writer->overwrite ? rename(writer->temporary, writer->path)
                                    : renameat2(AT_FDCWD, writer->temporary, AT_FDCWD, writer->path, RENAME_NOREPLACE);
    if (renamed != 0 && !writer->overwrite && (errno == EINVAL || errno == ENOSYS)) {
        renamed = rename(writer->temporary, writer->path); /* a file system without the no-replace form */
    }
    if (renamed != 0) {
        reshift_status status = errno == EEXIST ? refuse_existing(writer->path, error)
                                                : error_from_errno(error, errno, "cannot write '%s'", writer->path);
        file_writer_abort(writer);
        return status;
    }
    free(writer->temporary);
    writer->temporary = NULL;
    file_writer_abort(writer);
    return RESHIFT_OK;
}

void file_writer_abort(file_writer *writer)
{
    if (!writer) {
        return;
    }
    if (writer->stream) {
        fclose(writer->stream);
    }
    if (writer->temporary) {
        unlink(writer->temporary);
    }
    free(writer->temporary);
    free(writer->path);
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

reshift_status file_read_all(const char *path, char **bytes, size_t *count, reshift_error *error)
{
    *bytes = NULL;
    *count = 0;
    file_map map;
    reshift_status status = file_map_open(path, &map, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    char *copy = malloc(map.size + 1);
    if (!copy) {
        status = error_memory(error, map.size, path);
    } else {
        if (map.size) {
            memcpy(copy, map.data, map.size);
        }
        copy[map.size] = '\0';
        *bytes = copy;
        *count = map.size;
    }
    file_map_close(&map);
    return status;
}
