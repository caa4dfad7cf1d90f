/* The table row of a corruption that must exist. */
#ifndef TESTS_CORRUPTIONS_FIND_H
#define TESTS_CORRUPTIONS_FIND_H

#include "check.h"

#include "reshift/corruption.h"

static inline const reshift_corruption *find(const char *name)
{
    const reshift_corruption *corruption = NULL;
    reshift_error error;
    check_ok(reshift_corruption_find(name, &corruption, &error));
    return corruption;
}

#endif
