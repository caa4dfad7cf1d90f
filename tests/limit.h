/* For test programs about processors that have less than this one. */
#ifndef TESTS_LIMIT_H
#define TESTS_LIMIT_H

#include <stdlib.h>
#include <unistd.h>

#include "base/cpu.h"
#include "engine/plan.h"

/**
 * Limits kernels and oneDNN to `form`, if RESHIFT_ISA has not limited them to less. First thing in main(): oneDNN takes
 * one limit only, so a higher one in RESHIFT_ISA means to start once more.
 */
static inline void limit_to(cpu_form form, char **argv)
{
    cpu_form limit;
    if (!cpu_form_limit(&limit)) {
        cpu_lower_limit(form);
        engine_limit(form);
    } else if (limit > form) {
        setenv("RESHIFT_ISA", cpu_form_name(form), 1);
        execv("/proc/self/exe", argv);
        abort();
    }
}

#endif
