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
 * The compiler's own target_clones chooses while the library is loaded, when no environment variable can be read, and
 * gcc exports the clones of functions that are not static.
 */
#ifndef BASE_VECTOR_H
#define BASE_VECTOR_H

#include "base/cpu.h"

#define RESHIFT_VECTOR_LOOP(RESULT, NAME) static inline __attribute__((always_inline)) RESULT NAME##_loop

/* The first declaration takes the `static` that stands before the macro; it holds for the definition below, too. */
#if defined(__x86_64__)
#define RESHIFT_VECTOR(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                            \
    RESULT NAME PARAMETERS;                                                                                            \
    RESHIFT_VECTOR_LOOP(RESULT, NAME) PARAMETERS;                                                                      \
    __attribute__((target("avx512f"))) static RESULT NAME##_avx512 PARAMETERS { return NAME##_loop ARGUMENTS; }        \
    __attribute__((target("avx2"))) static RESULT NAME##_avx2 PARAMETERS { return NAME##_loop ARGUMENTS; }             \
    RESULT NAME PARAMETERS                                                                                             \
    {                                                                                                                  \
        return cpu_has(CPU_AVX512) ? NAME##_avx512 ARGUMENTS                                                           \
               : cpu_has(CPU_AVX2) ? NAME##_avx2 ARGUMENTS                                                             \
                                   : NAME##_loop ARGUMENTS;                                                            \
    }                                                                                                                  \
    RESHIFT_VECTOR_LOOP(RESULT, NAME) PARAMETERS
#else
#define RESHIFT_VECTOR(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                            \
    RESULT NAME PARAMETERS;                                                                                            \
    RESHIFT_VECTOR_LOOP(RESULT, NAME) PARAMETERS;                                                                      \
    RESULT NAME PARAMETERS { return NAME##_loop ARGUMENTS; }                                                           \
    RESHIFT_VECTOR_LOOP(RESULT, NAME) PARAMETERS
#endif

#endif
