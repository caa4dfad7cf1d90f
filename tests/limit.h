/* For test programs about processors that have less than this one. */
#ifndef TESTS_LIMIT_H
#define TESTS_LIMIT_H

#include <stdlib.h>
#include <unistd.h>

#include "base/cpu.h"

/**
 * Limits kernels and oneDNN to `form`, if the processor or RESHIFT_ISA does not limit them to less. First thing in
 * main(): oneDNN takes its limit when the program is loaded, so the program is started once more with RESHIFT_ISA.
 */
static inline void limit_to(cpu_form form, char **argv)
{
    if (cpu_form_here() > form) {
        setenv("RESHIFT_ISA", cpu_form_name(form), 1);
        execv("/proc/self/exe", argv);
        abort();
    }
}

#endif
