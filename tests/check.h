/* What every test program needs: cmocka's headers in their order, and checks with words. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "reshift/status.h"

/** The call succeeds; otherwise the test fails with the error's own words. `error` must be in scope. */
#define check_ok(call)                                                                                                 \
    do {                                                                                                               \
        if ((call) != RESHIFT_OK) {                                                                                    \
            fail_msg("%s: %s", #call, error.message);                                                                  \
        }                                                                                                              \
    } while (0)

/** The call fails with this code and its message contains these words. */
#define check_error(call, expected_code, words)                                                                        \
    do {                                                                                                               \
        reshift_status check_status = (call);                                                                          \
        if (check_status != (expected_code) || !strstr(error.message, (words))) {                                      \
            fail_msg("%s: expected code %d with '%s', found code %d with '%s'", #call, (int)(expected_code), words,    \
                     (int)check_status, error.message);                                                                \
        }                                                                                                              \
    } while (0)

/** What tests ask of paths; the library asks path_kind_of(), which tells absence from failure. */
static inline int file_exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && !S_ISDIR(facts.st_mode);
}

static inline int folder_exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/** The real data folder, or NULL: the caller skips then, with check_skip_data(). */
static inline const char *check_data(void)
{
    const char *folder = getenv("RESHIFT_DATA");
    return folder && *folder ? folder : NULL;
}

#define check_need_data()                                                                                              \
    do {                                                                                                               \
        if (!check_data()) {                                                                                           \
            print_message("# skipped: RESHIFT_DATA is not set, the real data is not here\n");                          \
            skip();                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
