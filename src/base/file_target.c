/* Output targets: symbolic links, devices, modes of replaced files, temporary files and their locks. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/outputs_journal.h"

enum { MAX_LINKS = 40, MAX_PARTS = 100 };

static bool is_absence(int number) { return number == ENOENT || number == ENOTDIR; }

static reshift_status refuse_existing(const char *path, reshift_error *error)
{
    error_set(error, RESHIFT_ERROR_EXISTS, "'%s' exists already", path);
    error_hint(error, "use --force to replace it, or choose another name");
    return RESHIFT_ERROR_EXISTS;
}

/* Follows symbolic links in the last component of `path`, also to a file that does not exist yet. */
static reshift_status follow_links(const char *path, char **final, reshift_error *error)
{
    char *at = strdup(path), text[PATH_MAX];
    for (int i = 0; at && i <= MAX_LINKS; i++) {
        ssize_t length = readlink(at, text, sizeof text - 1);
        if (length < 0) {
            *final = at;
            return RESHIFT_OK; /* no link, or nothing */
        }
        text[length] = '\0';
        const char *slash = strrchr(at, '/');
        char *next = NULL;
        if (text[0] == '/' || !slash) {
            next = strdup(text);
        } else if (asprintf(&next, "%.*s/%s", (int)(slash - at), at, text) < 0) {
            next = NULL;
        }
        free(at);
        at = next;
    }
    if (!at) {
        return error_memory(error, strlen(path), "a path");
    }
    free(at);
    return error_from_errno(error, ELOOP, "cannot write '%s'", path);
}

/* The number of the open descriptor that `path` names (/dev/stdout, /dev/fd/3), or -1. */
static int descriptor_of(const char *path)
{
    static const char *const prefixes[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "/dev/stdout") == 0) {
        return STDOUT_FILENO;
    }
    if (strcmp(path, "/dev/stderr") == 0) {
        return STDERR_FILENO;
    }
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(path, prefixes[i], length) == 0 && path[length] >= '0' && path[length] <= '9') {
            return atoi(path + length);
        }
    }
    return -1;
}

static reshift_status open_through(file_target *t, mode_t mode, reshift_error *error)
{
    if (!S_ISCHR(mode) && !S_ISFIFO(mode)) {
        return error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': expected a file, found %s", t->path,
                         file_type_name(mode));
    }
    /* Without O_NONBLOCK, opening a FIFO blocks until it has a reader. */
    t->lock = open(t->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (t->lock < 0) {
        int number = errno;
        error_from_errno(error, number, "cannot write '%s'", t->path);
        if (number == ENXIO && S_ISFIFO(mode)) {
            error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': no program reads this pipe", t->path);
            error_hint(error, "start the reader first");
        }
        return RESHIFT_ERROR_IO;
    }
    int flags = fcntl(t->lock, F_GETFL);
    if (flags < 0 || fcntl(t->lock, F_SETFL, flags & ~O_NONBLOCK) < 0) {
        return error_from_errno(error, errno, "cannot write '%s'", t->path);
    }
    return RESHIFT_OK;
}

char *file_target_side_name(const char *final, const char *suffix, int i)
{
    const char *slash = strrchr(final, '/'), *name = slash ? slash + 1 : final;
    char number[16] = "", *path = NULL;
    if (i > 1) {
        snprintf(number, sizeof number, "%d", i);
    }
    size_t length = strlen(name), most = NAME_MAX - strlen(suffix) - 3;
    char sum[16] = "";
    if (length > most) {
        uint32_t hash = 2166136261u; /* FNV-1a */
        for (size_t k = 0; k < length; k++) {
            hash = (hash ^ (uint8_t)name[k]) * 16777619u;
        }
        length = most - 9;
        while (length > 0 && ((uint8_t)name[length] & 0xc0) == 0x80) {
            length--; /* not within a character */
        }
        snprintf(sum, sizeof sum, "~%08x", hash);
    }
    return asprintf(&path, "%.*s%.*s%s%s%s", (int)(name - final), final, (int)length, name, sum, suffix, number) < 0
               ? NULL
               : path;
}

/* True if `path` refers to the same file as the open descriptor. */
static bool is_same(int descriptor, const char *path)
{
    struct stat open_file, there;
    return fstat(descriptor, &open_file) == 0 && lstat(path, &there) == 0 && open_file.st_ino == there.st_ino &&
           open_file.st_dev == there.st_dev;
}

/*
 * Locks the file. Also returns true if the file system does not support locks: nobody can remove the file as a leftover
 * there either.
 */
static bool lock_own(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

/* Removes a temporary that no process has locked. Returns false if it is in use or cannot be removed. */
static bool remove_dead(const char *path, bool folder)
{
    int descriptor = open(path, (folder ? O_RDONLY | O_DIRECTORY : O_RDWR) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        return is_absence(errno);
    }
    struct stat facts;
    bool ours = fstat(descriptor, &facts) == 0 && (folder ? S_ISDIR(facts.st_mode) : S_ISREG(facts.st_mode)) &&
                (facts.st_uid == geteuid() || geteuid() == 0);
    bool removed = false;
    if (ours && flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
        removed = !is_same(descriptor, path) || /* renamed by another process: the name is free */
                  (folder ? folder_remove(path, NULL) == RESHIFT_OK : unlink(path) == 0);
    }
    close(descriptor);
    return removed;
}

/* Creates and locks a temporary file or folder. Sets errno on failure. */
static int make_part(const char *final, bool folder, char **path)
{
    for (int i = 1, tries = 0; i <= MAX_PARTS && tries < 10 * MAX_PARTS; tries++) {
        *path = file_target_side_name(final, PART_SUFFIX, i);
        if (!*path) {
            errno = ENOMEM;
            return -1;
        }
        int descriptor = -1;
        if (folder) {
            descriptor = mkdir(*path, 0777) == 0 ? open(*path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        } else {
            descriptor = open(*path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        }
        if (descriptor >= 0) {
            if (lock_own(descriptor) && is_same(descriptor, *path)) {
                return descriptor;
            }
            close(descriptor); /* another process removed it as a leftover between creation and locking */
        } else if (errno != EEXIST) {
            int number = errno;
            free(*path);
            *path = NULL;
            errno = number;
            return -1;
        } else if (!remove_dead(*path, folder)) {
            i++;
        }
        free(*path);
        *path = NULL;
    }
    errno = EEXIST;
    return -1;
}

static void keep_mode(int descriptor, const struct stat *replaced)
{
    struct stat own;
    if (fstat(descriptor, &own) == 0 && (own.st_uid != replaced->st_uid || own.st_gid != replaced->st_gid)) {
        int ignored = fchown(descriptor, replaced->st_uid, replaced->st_gid); /* only the owner and root may do this */
        (void)ignored;
    }
    fchmod(descriptor, replaced->st_mode & 0777);
}

/* True if `path` is left over from a commit of several outputs that was killed. */
static bool is_unfinished(const char *path, const struct stat *facts)
{
    char *final = NULL;
    bool is = follow_links(path, &final, NULL) == RESHIFT_OK && outputs_journal_lists(final, facts);
    free(final);
    return is;
}

/* Examines the target. *existing is false if nothing exists there. */
static reshift_status look(const char *path, bool overwrite, struct stat *facts, bool *existing, reshift_error *error)
{
    *existing = stat(path, facts) == 0;
    if (!*existing && !is_absence(errno)) {
        return error_from_errno(error, errno, "cannot write '%s'", path);
    }
    if (*existing && S_ISDIR(facts->st_mode)) {
        return error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': a folder is there", path);
    }
    if (*existing && S_ISREG(facts->st_mode) && !overwrite && descriptor_of(path) < 0 && !is_unfinished(path, facts)) {
        return refuse_existing(path, error);
    }
    return RESHIFT_OK;
}

static bool is_part(const char *path)
{
    const char *suffix = strstr(path, PART_SUFFIX);
    for (const char *next; suffix && (next = strstr(suffix + 1, PART_SUFFIX)); suffix = next) {
    }
    return suffix && strspn(suffix + strlen(PART_SUFFIX), "0123456789") == strlen(suffix + strlen(PART_SUFFIX));
}

/* Opens a temporary created by reshift_outputs_add(). */
static reshift_status open_part(file_target *t, const char *path, reshift_error *error)
{
    t->path = strndup(path, (size_t)(strstr(path, PART_SUFFIX) - path));
    if (!t->path) {
        return error_memory(error, strlen(path), "a path");
    }
    t->lock = open(path, O_RDWR | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
    return t->lock < 0 ? error_from_errno(error, errno, "cannot write '%s'", t->path) : RESHIFT_OK;
}

static reshift_status open_target(file_target *t, const char *path, reshift_error *error)
{
    struct stat facts;
    bool existing;
    if (is_part(path) && lstat(path, &facts) == 0 && S_ISREG(facts.st_mode)) {
        return open_part(t, path, error);
    }
    reshift_status status = look(path, t->overwrite, &facts, &existing, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    t->path = strdup(path);
    if (!t->path) {
        return error_memory(error, strlen(path), "a path");
    }
    int descriptor = descriptor_of(path);
    if (descriptor >= 0) {
        t->lock = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
        return t->lock < 0 ? error_from_errno(error, errno, "cannot write '%s'", path) : RESHIFT_OK;
    }
    if (existing && !S_ISREG(facts.st_mode)) {
        return open_through(t, facts.st_mode, error);
    }
    status = follow_links(path, &t->final, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    t->lock = make_part(t->final, false, &t->temporary);
    if (t->lock < 0) {
        return error_from_errno(error, errno, "cannot write '%s'", path);
    }
    if (existing) {
        keep_mode(t->lock, &facts);
    }
    return RESHIFT_OK;
}

reshift_status file_target_open(const char *path, bool overwrite, file_target *target, reshift_error *error)
{
    *target = (file_target){.lock = -1, .overwrite = overwrite};
    reshift_status status = open_target(target, path, error);
    if (status != RESHIFT_OK) {
        file_target_close(target);
    }
    return status;
}

reshift_status file_target_check(const char *path, bool overwrite, reshift_error *error)
{
    struct stat facts;
    bool existing;
    char *final = NULL;
    reshift_status status = look(path, overwrite, &facts, &existing, error);
    if (status != RESHIFT_OK || descriptor_of(path) >= 0) {
        return status;
    }
    if (existing && !S_ISREG(facts.st_mode)) {
        return S_ISCHR(facts.st_mode) || S_ISFIFO(facts.st_mode)
                   ? RESHIFT_OK
                   : error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': expected a file, found %s", path,
                               file_type_name(facts.st_mode));
    }
    status = follow_links(path, &final, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    char *slash = strrchr(final, '/');
    if (slash) {
        slash[1] = '\0';
    }
    if (access(slash ? final : ".", W_OK | X_OK) != 0) {
        int number = errno;
        status = error_from_errno(error, number, "cannot write '%s'", path);
        if (number == ENOENT) {
            error_hint(error, "make its folder first: mkdir -p '%.*s'", (int)(strlen(final) - 1), final);
        }
    }
    free(final);
    return status;
}

bool file_target_is_through(const char *path)
{
    struct stat facts;
    return descriptor_of(path) >= 0 || (stat(path, &facts) == 0 && (S_ISCHR(facts.st_mode) || S_ISFIFO(facts.st_mode)));
}

reshift_status file_target_rename(file_target *t, reshift_error *error)
{
    if (!t->temporary) {
        return RESHIFT_OK;
    }
    int renamed = t->overwrite ? rename(t->temporary, t->final)
                               : renameat2(AT_FDCWD, t->temporary, AT_FDCWD, t->final, RENAME_NOREPLACE);
    struct stat facts;
    if (renamed != 0 && !t->overwrite && errno == EEXIST) {
        if (lstat(t->final, &facts) != 0 || !outputs_journal_lists(t->final, &facts)) {
            return refuse_existing(t->path, error);
        }
        renamed = rename(t->temporary, t->final);
    }
    if (renamed != 0 && !t->overwrite && (errno == EINVAL || errno == ENOSYS)) {
        renamed = rename(t->temporary, t->final); /* the file system does not support RENAME_NOREPLACE */
    }
    if (renamed != 0) {
        return error_from_errno(error, errno, "cannot write '%s'", t->path);
    }
    free(t->temporary);
    t->temporary = NULL;
    return RESHIFT_OK;
}

void file_target_close(file_target *t)
{
    if (!t || !(t->path || t->final || t->temporary)) {
        return;
    }
    if (t->temporary) {
        unlink(t->temporary); /* before the lock goes */
    }
    if (t->lock >= 0) {
        close(t->lock);
    }
    free(t->path);
    free(t->final);
    free(t->temporary);
    *t = (file_target){.lock = -1};
}

reshift_status folder_create_temporary(const char *path, char **temporary, int *lock, reshift_error *error)
{
    *lock = make_part(path, true, temporary);
    return *lock < 0 ? error_from_errno(error, errno, "cannot write '%s'", path) : RESHIFT_OK;
}

static reshift_status remove_leftover(const char *path, const struct stat *facts, reshift_error *error)
{
    if (is_part(path)) {
        remove_dead(path, S_ISDIR(facts->st_mode));
        return RESHIFT_OK;
    }
    return S_ISDIR(facts->st_mode) ? folder_remove_leftovers(path, error) : RESHIFT_OK;
}

reshift_status folder_remove_leftovers(const char *folder, reshift_error *error)
{
    return folder_visit_entries(folder, remove_leftover, error);
}
