/* Path queries, opening of inputs, folders. */
#include "base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

reshift_status path_kind_of(const char *path, path_kind *kind, reshift_error *error)
{
    struct stat facts;
    *kind = PATH_NONE;
    if (stat(path, &facts) == 0) {
        *kind = S_ISREG(facts.st_mode) ? PATH_FILE : S_ISDIR(facts.st_mode) ? PATH_FOLDER : PATH_OTHER;
        return RESHIFT_OK;
    }
    if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) { /* a name that is too long cannot exist */
        return RESHIFT_OK;
    }
    int number = errno;
    return error_at_offset(error, error_from_errno(error, number, "cannot look at '%s'", path), path, -1);
}

reshift_status path_is_folder(const char *path, bool *is, reshift_error *error)
{
    path_kind kind;
    reshift_status status = path_kind_of(path, &kind, error);
    *is = kind == PATH_FOLDER;
    return status;
}

reshift_status path_is_file(const char *path, bool *is, reshift_error *error)
{
    path_kind kind;
    reshift_status status = path_kind_of(path, &kind, error);
    *is = kind == PATH_FILE || kind == PATH_OTHER;
    return status;
}

const char *file_type_name(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISREG(mode)  ? "a file"
                            : "a device";
}

reshift_status file_open(const char *path, int *descriptor, struct stat *facts, reshift_error *error)
{
    struct stat own;
    facts = facts ? facts : &own;
    *descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*descriptor < 0 && errno == ENXIO) { /* a socket, or a device whose hardware is missing */
        return error_set(error, RESHIFT_ERROR_IO, "cannot read '%s': expected a file, found a socket or device", path);
    }
    if (*descriptor < 0) {
        int number = errno;
        return error_at_offset(error, error_from_errno(error, number, "cannot open '%s'", path), path, -1);
    }
    reshift_status status = RESHIFT_OK;
    if (fstat(*descriptor, facts) != 0) {
        status = error_from_errno(error, errno, "cannot read '%s'", path);
    } else if (!S_ISREG(facts->st_mode)) {
        status = error_set(error, RESHIFT_ERROR_IO, "cannot read '%s': expected a file, found %s", path,
                           file_type_name(facts->st_mode));
        if (!S_ISDIR(facts->st_mode)) {
            error_hint(error, "inputs are read more than once: write it to a file first");
        }
    }
    if (status != RESHIFT_OK) {
        close(*descriptor);
        *descriptor = -1;
        error_at_offset(error, status, path, -1);
    }
    return status;
}

reshift_status file_map_open(const char *path, file_map *map, reshift_error *error)
{
    map->data = NULL;
    map->size = 0;
    int descriptor;
    struct stat facts;
    reshift_status status = file_open(path, &descriptor, &facts, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (facts.st_size > 0) {
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
        madvise((void *)(uintptr_t)map->data, map->size, MADV_DONTNEED); /* the mapping is private and never written */
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

reshift_status file_read_all(const char *path, char **bytes, size_t *count, reshift_error *error)
{
    *bytes = NULL;
    *count = 0;
    int descriptor;
    struct stat facts;
    reshift_status status = file_open(path, &descriptor, &facts, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    size_t size = (size_t)facts.st_size, length = 0;
    char *text = malloc(size + 1);
    if (!text) {
        status = error_memory(error, size, path);
    }
    while (status == RESHIFT_OK && length < size) { /* a file that shrinks meanwhile just ends earlier */
        ssize_t got = read(descriptor, text + length, size - length);
        if (got < 0 && errno != EINTR) {
            status = error_from_errno(error, errno, "cannot read '%s'", path);
        } else if (got == 0) {
            break;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    close(descriptor);
    if (status != RESHIFT_OK) {
        free(text);
        return status;
    }
    text[length] = '\0';
    *bytes = text;
    *count = length;
    return RESHIFT_OK;
}

reshift_status folder_visit(const char *folder,
                            reshift_status (*visit)(void *context, const char *name, reshift_error *error),
                            void *context, reshift_error *error)
{
    DIR *stream = opendir(folder);
    if (!stream) {
        int number = errno;
        return error_at_offset(error, error_from_errno(error, number, "cannot open folder '%s'", folder), folder, -1);
    }
    reshift_status status = RESHIFT_OK;
    while (status == RESHIFT_OK) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            if (errno) {
                int number = errno;
                status = error_from_errno(error, number, "cannot read folder '%s'", folder);
                error_at_offset(error, status, folder, -1);
            }
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            status = visit(context, entry->d_name, error);
        }
    }
    closedir(stream);
    return status;
}

const char *path_part(const char *path)
{
    const char *mark = strrchr(path, '#');
    struct stat facts;
    return mark && mark > path && mark[1] && !strchr(mark, '/') && lstat(path, &facts) != 0 ? mark + 1 : NULL;
}

char *path_without_part(const char *path)
{
    const char *part = path_part(path);
    return part ? strndup(path, (size_t)(part - 1 - path)) : strdup(path);
}

char *path_join(const char *folder, const char *name)
{
    char *path = NULL;
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", folder, slash, name) < 0 ? NULL : path;
}

static reshift_status create_one(const char *path, reshift_error *error)
{
    if (mkdir(path, 0777) == 0) {
        return RESHIFT_OK;
    }
    int number = errno;
    path_kind kind;
    /* Some file systems return EROFS or EACCES where EEXIST is expected. */
    if (path_kind_of(path, &kind, NULL) == RESHIFT_OK && kind == PATH_FOLDER) {
        return RESHIFT_OK;
    }
    return number == EEXIST ? error_set(error, RESHIFT_ERROR_EXISTS, "cannot make folder '%s': a file is there", path)
                            : error_from_errno(error, number, "cannot make folder '%s'", path);
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
        status = create_one(walk, error);
        *end = kept;
        if (kept == '\0') {
            break;
        }
    }
    free(walk);
    return status;
}

typedef struct entry_visit {
    const char *folder;
    reshift_status (*visit)(const char *path, const struct stat *facts, reshift_error *error);
} entry_visit;

static reshift_status visit_entry(void *context, const char *name, reshift_error *error)
{
    const entry_visit *v = context;
    char *path = path_join(v->folder, name);
    struct stat facts;
    if (!path) {
        return error_memory(error, strlen(v->folder), "a path");
    }
    reshift_status status = RESHIFT_OK;
    if (lstat(path, &facts) == 0) {
        status = v->visit(path, &facts, error);
    } else if (errno != ENOENT) {
        status = error_from_errno(error, errno, "cannot look at '%s'", path);
    }
    free(path);
    return status;
}

reshift_status folder_visit_entries(const char *folder,
                                    reshift_status (*visit)(const char *path, const struct stat *facts,
                                                            reshift_error *error),
                                    reshift_error *error)
{
    return folder_visit(folder, visit_entry, &(entry_visit){folder, visit}, error);
}

static reshift_status remove_entry(const char *path, const struct stat *facts, reshift_error *error)
{
    if (S_ISDIR(facts->st_mode)) {
        return folder_remove(path, error);
    }
    return unlink(path) != 0 && errno != ENOENT ? error_from_errno(error, errno, "cannot remove '%s'", path)
                                                : RESHIFT_OK;
}

reshift_status folder_remove(const char *path, reshift_error *error)
{
    reshift_status status = folder_visit_entries(path, remove_entry, error);
    if (status == RESHIFT_OK && rmdir(path) != 0) {
        status = error_from_errno(error, errno, "cannot remove '%s'", path);
    }
    return status;
}
