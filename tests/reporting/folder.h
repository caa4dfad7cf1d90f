/* A temporary folder for a test program, and its contents. */
#ifndef TESTS_REPORTING_FOLDER_H
#define TESTS_REPORTING_FOLDER_H

#include "check.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

static char folder[64];

static inline int folder_setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/reshift-reporting-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

/* Removes the files in the folder; returns how many there were. */
static inline int folder_empty(void)
{
    int count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry; entry = readdir(entries)) {
        if (entry->d_name[0] != '.') {
            char *path = path_join(folder, entry->d_name);
            count += unlink(path) == 0;
            free(path);
        }
    }
    if (entries) {
        closedir(entries);
    }
    return count;
}

static inline int folder_teardown(void **state)
{
    (void)state;
    folder_empty();
    return rmdir(folder);
}

/* Not inline: gcc 12 then takes the text for a pointer to the local variable (-Wdangling-pointer). */
__attribute__((noinline, unused)) static char *folder_read(const char *name, size_t *size)
{
    reshift_error error;
    char *bytes = NULL, *path = path_join(folder, name);
    check_ok(file_read_all(path, &bytes, size, &error));
    free(path);
    return bytes;
}

static inline int folder_has(const char *name)
{
    char *path = path_join(folder, name);
    int there = file_exists(path);
    free(path);
    return there;
}

/* Number of files in the folder whose name contains `words`. */
static inline int folder_count(const char *words)
{
    int count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry; entry = readdir(entries)) {
        count += entry->d_name[0] != '.' && strstr(entry->d_name, words) != NULL;
    }
    if (entries) {
        closedir(entries);
    }
    return count;
}

#endif
