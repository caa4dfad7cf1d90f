/*
 * Which instruction sets the kernels may use: those of the processor, limited by the environment variable RESHIFT_ISA.
 * Every kernel that exists for several instruction sets asks cpu_has(), never the compiler's own tests, so that one
 * variable runs the whole program as on an older processor. oneDNN follows the same limit (engine/onednn.c); OpenBLAS
 * chooses when it is loaded, by OPENBLAS_CORETYPE, for which cpu_openblas_core() has the matching value.
 */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>

#include "reshift/status.h"

/** Groups of instructions that kernels are written for, as bits. */
enum {
    CPU_AVX2 = 1 << 0,     /* with FMA */
    CPU_AVX_VNNI = 1 << 1, /* VNNI in 256 bits, of processors without AVX-512 */
    CPU_AVX512 = 1 << 2,   /* F, BW, DQ and VL */
    CPU_VBMI2 = 1 << 3,
    CPU_VNNI = 1 << 4,
    CPU_BF16 = 1 << 5,
    CPU_AMX = 1 << 6 /* tiles and their bfloat16 products */
};

/** Forms that processors have, each with a name that RESHIFT_ISA takes. */
typedef enum cpu_form {
    CPU_FORM_SSE41,
    CPU_FORM_AVX2,
    CPU_FORM_AVX2_VNNI,
    CPU_FORM_AVX512,
    CPU_FORM_AVX512_VNNI,
    CPU_FORM_AVX512_BF16,
    CPU_FORM_AMX
} cpu_form;

/* Written once, while the program is loaded. Read it by cpu_has(). */
extern unsigned cpu_usable __attribute__((visibility("hidden")));

/** True if kernels may use all of these features (CPU_... bits). */
static inline bool cpu_has(unsigned features) { return (cpu_usable & features) == features; }

/** The most that may be used, and its name. */
cpu_form cpu_form_here(void);
const char *cpu_form_name(cpu_form form);
/** The form that RESHIFT_ISA names; false where the variable is not set or names none. */
bool cpu_form_limit(cpu_form *limit);
/** ARGUMENT where RESHIFT_ISA is set to a word that is no form's name. It limits nothing then. */
reshift_status cpu_check_limit(reshift_error *error);
/** Lowers the limit, for tests: what is above `form` is not used from now on. Before other threads start. */
void cpu_lower_limit(cpu_form form);
/** The OPENBLAS_CORETYPE whose kernels use the instructions of a form and no newer ones. */
const char *cpu_openblas_core(cpu_form form);

#endif
