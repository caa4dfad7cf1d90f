/*
 * RESHIFT_VECTOR defines a function that is compiled once for each width of vectors; a call runs the widest that
 * cpu_has() permits. Only for loops whose result is the same for any width (no sums across lanes); -ffp-contract=off
 * keeps fused multiply-add out of all of them.
 *
 *     static RESHIFT_VECTOR(void, add, (float *restrict a, const float *restrict b, int64_t n), (a, b, n))
 *     {
 *         for (int64_t i = 0; ...
 *     }
 *
 * RESHIFT_KERNEL is the same for kernels of this room: never static, and the table NAME_forms lists every form, so that
 * tests reach each of them (kernels.h).
 *
 * The compiler's own target_clones chooses while the library is loaded, when no environment variable can be read, and
 * gcc exports the clones of functions that are not static.
 */
#ifndef KERNELS_VECTOR_H
#define KERNELS_VECTOR_H

#include <stddef.h>

#include "base/cpu.h"

/** One form of a kernel. `run` has the type of the kernel itself: cast it back before the call. */
typedef void (*kernel_function)(void);
typedef struct kernel_form {
    const char *name; /* "base", "avx2", "avx512", ...; NULL ends a table */
    unsigned needs;   /* CPU_... bits */
    kernel_function run;
} kernel_form;

#define KERNEL_FORM(NAME, NEEDS, FUNCTION)                                                                             \
    {                                                                                                                  \
        NAME, NEEDS, (kernel_function)(FUNCTION)                                                                       \
    }

#define RESHIFT_VECTOR_LOOP(RESULT, NAME) static inline __attribute__((always_inline)) RESULT NAME##_loop

/* The first declaration of RESHIFT_VECTOR takes the `static` that stands before the macro; it holds for the definition
 * below, too. */
#if defined(__x86_64__)
#define RESHIFT_VECTOR_FORMS(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                      \
    __attribute__((target("avx512f"))) static RESULT NAME##_avx512 PARAMETERS { return NAME##_loop ARGUMENTS; }        \
    __attribute__((target("avx2"))) static RESULT NAME##_avx2 PARAMETERS { return NAME##_loop ARGUMENTS; }
#define RESHIFT_VECTOR_CALL(NAME, BASE, ARGUMENTS)                                                                     \
    cpu_has(CPU_AVX512) ? NAME##_avx512 ARGUMENTS : cpu_has(CPU_AVX2) ? NAME##_avx2 ARGUMENTS : BASE ARGUMENTS
#define RESHIFT_VECTOR_ROWS(NAME)                                                                                      \
    KERNEL_FORM("avx2", CPU_AVX2, NAME##_avx2), KERNEL_FORM("avx512", CPU_AVX512, NAME##_avx512),
#else
#define RESHIFT_VECTOR_FORMS(RESULT, NAME, PARAMETERS, ARGUMENTS)
#define RESHIFT_VECTOR_CALL(NAME, BASE, ARGUMENTS) BASE ARGUMENTS
#define RESHIFT_VECTOR_ROWS(NAME)
#endif

#define RESHIFT_VECTOR(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                            \
    RESULT NAME PARAMETERS;                                                                                            \
    RESHIFT_VECTOR_LOOP(RESULT, NAME) PARAMETERS;                                                                      \
    RESHIFT_VECTOR_FORMS(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                          \
    RESULT NAME PARAMETERS { return RESHIFT_VECTOR_CALL(NAME, NAME##_loop, ARGUMENTS); }                               \
    RESHIFT_VECTOR_LOOP(RESULT, NAME) PARAMETERS

#define RESHIFT_KERNEL(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                            \
    RESHIFT_VECTOR_LOOP(RESULT, NAME) PARAMETERS;                                                                      \
    static RESULT NAME##_base PARAMETERS { return NAME##_loop ARGUMENTS; }                                             \
    RESHIFT_VECTOR_FORMS(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                          \
    RESULT NAME PARAMETERS { return RESHIFT_VECTOR_CALL(NAME, NAME##_base, ARGUMENTS); }                               \
    const kernel_form NAME##_forms[] = {KERNEL_FORM("base", 0, NAME##_base),                                           \
                                        RESHIFT_VECTOR_ROWS(NAME){NULL, 0, NULL}};                                     \
    RESHIFT_VECTOR_LOOP(RESULT, NAME) PARAMETERS

#endif
