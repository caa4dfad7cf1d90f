/*
 * Refuses a limit on the address space (ulimit -v) that is too small for OpenBLAS. OpenBLAS allocates 128 MiB per
 * thread when it is loaded, before main(), and retries forever if that fails. Functions in .preinit_array run before
 * the initialisers of all libraries. The C library has not set up the environment then, so it is taken from the
 * function's argument.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reshift/machine.h"

/* The sanitizers reserve address space themselves and do not support calls this early. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#ifndef SANITIZED

/* The number in an environment variable; 0 if it is not set. */
static int number_in(char **environment, const char *name)
{
    const size_t length = strlen(name);
    for (char **at = environment; *at; at++) {
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') {
            return atoi(*at + length + 1);
        }
    }
    return 0;
}

/*
 * The number of threads that OpenBLAS allocates for: variables in the order of its documentation, at most the number of
 * processors.
 */
static int openblas_threads(char **environment)
{
    static const char *const names[] = {"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"};
    cpu_set_t set;
    int processors = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1, wanted = 0;
    for (int i = 0; i < 3 && wanted <= 0; i++) {
        wanted = number_in(environment, names[i]);
    }
    return wanted > 0 && wanted < processors ? wanted : processors;
}

static void check_address_space(int argc, char **argv, char **environment)
{
    (void)argc, (void)argv;
    const int threads = openblas_threads(environment);
    if (reshift_threads_fit(threads)) {
        return;
    }
    char text[256];
    int length = snprintf(text, sizeof text,
                          "reshift: not enough address space: OpenBLAS takes 128 MiB for each of %d thread%s\n"
                          "hint: raise the limit (ulimit -v)%s\n",
                          threads, threads > 1 ? "s" : "", threads > 1 ? ", or set OMP_NUM_THREADS=1" : "");
    ssize_t ignored = write(STDERR_FILENO, text, (size_t)length);
    (void)ignored;
    _exit(1);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **,
                                                                            char **) = check_address_space;

#endif
