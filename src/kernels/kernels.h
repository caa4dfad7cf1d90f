/*
 * The table of all vector kernels: every form of each, and how far a form may be from the plain one. Tests compare all
 * forms that the machine has; a kernel without a row fails them.
 *
 * A kernel is a function of this room that exists once for each instruction set that is worth it. Most are one loop that
 * RESHIFT_KERNEL (vector.h) compiles several times; linear_*, philox_words and tiles_* are written with the instructions
 * themselves. The forms with bfloat16 products have no plain form: the results of the instruction (flushed denormals,
 * order of the two additions) are its own, and a processor without it does not run them.
 */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include "kernels/vector.h"

typedef struct kernel {
    const char *name;
    const kernel_form *forms; /* "base" first, which is plain C; ended by a NULL name */
    /*
     * 0, 0: every form gives the same bits (any not-a-number counts as the same). Else a form's sum of n products is
     * within (each * n + more) 2^-24 times the sum of their absolute values of the exact sum: `each` roundings a term
     * and `more` that do not grow with n.
     */
    int roundings_each, roundings_more;
} kernel;

/** Row i of the table; NULL past its end. */
const kernel *kernel_at(int i);

#endif
