/* The limit on instruction sets: order of the levels, names, and vector loops that give the same bits at each level. */
#include "check.h"

#include "base/cpu.h"
#include "kernels/vector.h"

static RESHIFT_VECTOR(void, weigh, (const float *restrict a, float *restrict out, int n), (a, out, n))
{
    for (int i = 0; i < n; i++) {
        out[i] = a[i] * 1.7f + (a[i] - 0.3f) / 3.1f;
    }
}

static const unsigned gates[] = {CPU_AVX2, CPU_AVX_VNNI, CPU_AVX512, CPU_VBMI2, CPU_VNNI, CPU_BF16, CPU_AMX};

/*
 * Lowers the limit through every level. No feature above the limit remains, and the reported level is at or below it.
 */
static void test_levels(void **state)
{
    (void)state;
    enum { N = 1003 };
    static float a[N], expected[N], found[N];
    for (int i = 0; i < N; i++) {
        a[i] = (float)(i - 500) * 0.37f;
    }
    const unsigned all = cpu_usable;
    weigh_loop(a, expected, N);
    for (int form = CPU_FORM_AMX; form >= CPU_FORM_SSE41; form--) {
        cpu_usable = all;
        cpu_lower_limit((cpu_form)form);
        assert_int_equal(cpu_usable & ~all, 0);
        assert_true((int)cpu_form_here() <= form);
        for (size_t i = 0; i < sizeof gates / sizeof *gates; i++) {
            assert_int_equal(cpu_has(gates[i]), (cpu_usable & gates[i]) != 0);
        }
        memset(found, 0, sizeof found);
        weigh(a, found, N);
        assert_memory_equal(found, expected, sizeof found);
    }
    assert_int_equal(cpu_usable, 0);
    assert_int_equal(cpu_form_here(), CPU_FORM_SSE41);
    cpu_usable = all;
}

/* AVX-512 VNNI (servers) and AVX2 with VNNI (desktops) are different features. */
static void test_vnni(void **state)
{
    (void)state;
    const unsigned all = cpu_usable;
    cpu_usable = CPU_AVX2 | CPU_AVX_VNNI;
    assert_string_equal(cpu_form_name(cpu_form_here()), "avx2_vnni");
    cpu_usable = CPU_AVX2 | CPU_AVX512 | CPU_VNNI | CPU_VBMI2;
    assert_string_equal(cpu_form_name(cpu_form_here()), "avx512_vnni");
    cpu_lower_limit(CPU_FORM_AVX2_VNNI);
    assert_string_equal(cpu_form_name(cpu_form_here()), "avx2");
    cpu_usable = ~0u;
    cpu_lower_limit(CPU_FORM_AVX512);
    assert_false(cpu_has(CPU_VBMI2) || cpu_has(CPU_VNNI) || cpu_has(CPU_AVX_VNNI) || cpu_has(CPU_BF16));
    assert_string_equal(cpu_form_name(cpu_form_here()), "avx512");
    cpu_usable = all;
}

static void test_level_names(void **state)
{
    (void)state;
    reshift_error error;
    cpu_form limit;
    char kept[32];
    const char *before = getenv("RESHIFT_ISA");
    snprintf(kept, sizeof kept, "%s", before ? before : "");
    for (int form = CPU_FORM_SSE41; form <= CPU_FORM_AMX; form++) {
        setenv("RESHIFT_ISA", cpu_form_name((cpu_form)form), 1);
        assert_true(cpu_form_limit(&limit));
        assert_int_equal(limit, form);
        check_ok(cpu_check_limit(&error));
    }
    static const struct {
        const char *word;
        cpu_form form;
    } aliases[] = {{"sse4", CPU_FORM_SSE41}, {"vnni", CPU_FORM_AVX512_VNNI}, {"bf16", CPU_FORM_AVX512_BF16}};
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        setenv("RESHIFT_ISA", aliases[i].word, 1);
        assert_true(cpu_form_limit(&limit));
        assert_int_equal(limit, aliases[i].form);
        check_ok(cpu_check_limit(&error));
    }
    setenv("RESHIFT_ISA", "AVX2", 1);
    assert_false(cpu_form_limit(&limit));
    check_error(cpu_check_limit(&error), RESHIFT_ERROR_ARGUMENT,
                "RESHIFT_ISA: expected sse41, avx2, avx2_vnni, avx512, avx512_vnni, avx512_bf16 or amx, found 'AVX2'");
    setenv("RESHIFT_ISA", "", 1);
    assert_false(cpu_form_limit(&limit));
    check_ok(cpu_check_limit(&error));
    before ? setenv("RESHIFT_ISA", kept, 1) : unsetenv("RESHIFT_ISA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels), cmocka_unit_test(test_vnni),
                                       cmocka_unit_test(test_level_names)};
    return cmocka_run_group_tests_name("cpu", tests, NULL, NULL);
}
