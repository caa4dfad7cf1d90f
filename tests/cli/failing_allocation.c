/*
 * Preloaded into the program: the FAIL_ALLOCATION-th allocation made by reshift's own code returns NULL; those of other
 * libraries never fail. FAIL_ALLOCATION=0 only counts; at the end the count is written to FAIL_COUNT_FILE. Child
 * processes (gnuplot) are not affected.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static int (*real_posix_memalign)(void **, size_t, size_t);
static char *(*real_strdup)(const char *);
static long fail_at = -1;
static atomic_long count;

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("FAIL_ALLOCATION");
    unsetenv("LD_PRELOAD");
    fail_at = text ? atol(text) : -1;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAIL_COUNT_FILE");
    fail_at = -1;
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", (long)count);
        fclose(file);
    }
}

/* True for the allocation that must fail: the n-th of those whose caller is reshift itself. */
static int fails(void *caller)
{
    Dl_info where;
    if (fail_at < 0 || !dladdr(caller, &where) || !where.dli_fname || !strstr(where.dli_fname, "reshift")) {
        return 0;
    }
    return atomic_fetch_add(&count, 1) + 1 == fail_at;
}

void *malloc(size_t size)
{
    if (!real_malloc) {
        real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    }
    if (fails(__builtin_return_address(0))) {
        errno = ENOMEM;
        return NULL;
    }
    return real_malloc(size);
}

/* dlsym() itself may allocate before the real function is known. */
static char early[4096];
static size_t early_used;

void *calloc(size_t n, size_t size)
{
    static int looking;
    if (!real_calloc && looking) {
        void *piece = early + early_used;
        early_used += (n * size + 15) / 16 * 16;
        return early_used <= sizeof early ? piece : NULL;
    }
    if (!real_calloc) {
        looking = 1;
        real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    }
    if (fails(__builtin_return_address(0))) {
        errno = ENOMEM;
        return NULL;
    }
    return real_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    if (!real_realloc) {
        real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    }
    if (fails(__builtin_return_address(0))) {
        errno = ENOMEM;
        return NULL;
    }
    return real_realloc(old, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (!real_posix_memalign) {
        real_posix_memalign = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
    }
    return fails(__builtin_return_address(0)) ? ENOMEM : real_posix_memalign(out, alignment, size);
}

char *strdup(const char *text)
{
    if (!real_strdup) {
        real_strdup = (char *(*)(const char *))dlsym(RTLD_NEXT, "strdup");
    }
    if (fails(__builtin_return_address(0))) {
        errno = ENOMEM;
        return NULL;
    }
    return real_strdup(text);
}
