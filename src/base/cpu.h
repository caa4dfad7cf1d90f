/*
 * The instruction sets that kernels may use: those of the processor, limited by the environment variable RESHIFT_ISA.
 * Every kernel with variants for several instruction sets calls cpu_has() and never the compiler's built-in tests, so
 * that one variable makes the whole program run as on an older processor. It is the only such
 * variable: oneDNN gets the same limit, and its own variable is overridden (engine/onednn/onednn.c). OpenBLAS selects
 * its kernels when it is loaded, by OPENBLAS_CORETYPE; cpu_openblas_core() returns the matching value.
 */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>

#include "reshift/status.h"

/** Instruction set features that kernels are written for, as bits. */
enum {
    CPU_AVX2 = 1 << 0,     /* with FMA */
    CPU_AVX_VNNI = 1 << 1, /* 256-bit VNNI on processors without AVX-512 */
    CPU_AVX512 = 1 << 2,   /* F, BW, DQ and VL */
    CPU_VBMI2 = 1 << 3,
    CPU_VNNI = 1 << 4,
    CPU_BF16 = 1 << 5,
    CPU_AMX = 1 << 6 /* tiles and bfloat16 products of tiles */
};

/** Instruction set levels of real processors. Each has a name that RESHIFT_ISA accepts. */
typedef enum cpu_form {
    CPU_FORM_SSE41,
    CPU_FORM_AVX2,
    CPU_FORM_AVX2_VNNI,
    CPU_FORM_AVX512,
    CPU_FORM_AVX512_VNNI,
    CPU_FORM_AVX512_BF16,
    CPU_FORM_AMX
} cpu_form;

/* Written once, when the program is loaded. Read it through cpu_has(). */
extern unsigned cpu_usable __attribute__((visibility("hidden")));

/** True if kernels may use all of these features (CPU_... bits). */
static inline bool cpu_has(unsigned features) { return (cpu_usable & features) == features; }

/** The highest level that may be used, and the name of a level. */
cpu_form cpu_form_here(void);
const char *cpu_form_name(cpu_form form);
/** The level named by RESHIFT_ISA, by its name or a short one: sse4, vnni, bf16. Returns false if the variable is not
 * set or its value is unknown. */
bool cpu_form_limit(cpu_form *limit);
/** Errors: ARGUMENT if RESHIFT_ISA is set to an unknown name. An unknown name sets no limit. */
reshift_status cpu_check_limit(reshift_error *error);
/** Lowers the limit to `form`, for tests. Call before other threads start. */
void cpu_lower_limit(cpu_form form);
/** The OPENBLAS_CORETYPE whose kernels use the instructions of `form` and no newer ones. */
const char *cpu_openblas_core(cpu_form form);

#endif
