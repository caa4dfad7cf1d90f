/*
 * Detection of the processor's instruction sets, and the limit set by the user. The table has one row per form: the
 * features it requires and the features it allows.
 */
#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/error.h"

enum {
    AVX512 = CPU_AVX2 | CPU_AVX512,
    AVX512_VNNI = AVX512 | CPU_VNNI,
    AVX512_BF16 = AVX512_VNNI | CPU_BF16,
    /* VBMI2 is allowed but not required: Cascade Lake has VNNI without VBMI2, Ice Lake has both */
    WITH_VNNI = AVX512_VNNI | CPU_VBMI2,
    EVERYTHING = WITH_VNNI | CPU_BF16 | CPU_AMX | CPU_AVX_VNNI
};

static const struct {
    const char *name;
    unsigned needs, permits;
    const char *openblas;
    const char *alias; /* accepted, never shown; NULL: none */
} forms[] = {
    [CPU_FORM_SSE41] = {"sse41", 0, 0, "Nehalem", "sse4"},
    [CPU_FORM_AVX2] = {"avx2", CPU_AVX2, CPU_AVX2, "Haswell", NULL},
    [CPU_FORM_AVX2_VNNI] = {"avx2_vnni", CPU_AVX2 | CPU_AVX_VNNI, CPU_AVX2 | CPU_AVX_VNNI, "Haswell", NULL},
    [CPU_FORM_AVX512] = {"avx512", AVX512, AVX512, "SkylakeX", NULL},
    [CPU_FORM_AVX512_VNNI] = {"avx512_vnni", AVX512_VNNI, WITH_VNNI, "SkylakeX", "vnni"},
    [CPU_FORM_AVX512_BF16] = {"avx512_bf16", AVX512_BF16, WITH_VNNI | CPU_BF16, "Cooperlake", "bf16"},
    [CPU_FORM_AMX] = {"amx", AVX512_BF16 | CPU_AMX, EVERYTHING, "Cooperlake", NULL},
};
enum { FORMS = sizeof forms / sizeof *forms };

unsigned cpu_usable;

static unsigned processor_features(void)
{
    unsigned found = 0;
#if defined(__x86_64__)
    /* the compiler's built-in tests also check that the operating system saves the wider registers */
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        found |= CPU_AVX2;
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        found |= CPU_AVX512;
    }
    found |= __builtin_cpu_supports("avx512vbmi2") ? CPU_VBMI2 : 0;
    found |= __builtin_cpu_supports("avx512vnni") ? CPU_VNNI : 0;
    found |= __builtin_cpu_supports("avx512bf16") ? CPU_BF16 : 0;
    unsigned a, b, c, d;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        const unsigned tiles_and_bf16 = 1u << 22 | 1u << 24;
        found |= (d & tiles_and_bf16) == tiles_and_bf16 ? CPU_AMX : 0;
    }
    if ((found & CPU_AVX2) && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        found |= a & 1u << 4 ? CPU_AVX_VNNI : 0;
    }
    if (!(found & CPU_AVX512)) {
        found &= CPU_AVX2 | CPU_AVX_VNNI;
    }
#endif
    return found;
}

bool cpu_form_limit(cpu_form *limit)
{
    const char *name = getenv("RESHIFT_ISA");
    for (int i = 0; name && i < FORMS; i++) {
        if (strcmp(name, forms[i].name) == 0 || (forms[i].alias && strcmp(name, forms[i].alias) == 0)) {
            *limit = (cpu_form)i;
            return true;
        }
    }
    return false;
}

/* Runs before main() and before any thread starts, so that kernels read a constant. */
__attribute__((constructor)) static void find_usable(void)
{
    cpu_form limit;
    cpu_usable = processor_features();
    if (cpu_form_limit(&limit)) {
        cpu_lower_limit(limit);
    }
}

void cpu_lower_limit(cpu_form form) { cpu_usable &= forms[form].permits; }

cpu_form cpu_form_here(void)
{
    int form = FORMS - 1;
    while (!cpu_has(forms[form].needs)) {
        form--;
    }
    return (cpu_form)form;
}

const char *cpu_form_name(cpu_form form) { return forms[form].name; }

const char *cpu_openblas_core(cpu_form form) { return forms[form].openblas; }

reshift_status cpu_check_limit(reshift_error *error)
{
    cpu_form limit;
    const char *name = getenv("RESHIFT_ISA");
    if (!name || !*name || cpu_form_limit(&limit)) {
        return RESHIFT_OK;
    }
    char known[128] = "";
    for (int i = 0; i < FORMS; i++) {
        strcat(strcat(known, i == 0 ? "" : i < FORMS - 1 ? ", " : " or "), forms[i].name);
    }
    return error_set(error, RESHIFT_ERROR_ARGUMENT, "RESHIFT_ISA: expected %s, found '%s'", known, name);
}
