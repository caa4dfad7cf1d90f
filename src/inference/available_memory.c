/* The kernel's own estimate for the machine, and what a container's limit leaves. */
#include "inference/available_memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_number(const char *path, const char *key, uint64_t *number)
{
    char line[256];
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        if (!strncmp(line, key, strlen(key))) {
            char *end;
            const char *digits = line + strlen(key);
            errno = 0;
            *number = strtoull(digits, &end, 10);
            found = end != digits && !errno;
        }
    }
    if (file) {
        fclose(file);
    }
    return found;
}

uint64_t memory_available_bytes(void)
{
    uint64_t kibibytes, available = UINT64_MAX, limit, current;
    if (read_number("/proc/meminfo", "MemAvailable:", &kibibytes)) {
        available = kibibytes * 1024;
    }
    if (read_number("/sys/fs/cgroup/memory.max", "", &limit) &&
        read_number("/sys/fs/cgroup/memory.current", "", &current)) {
        uint64_t left = limit > current ? limit - current : 0;
        available = left < available ? left : available;
    }
    return available;
}
