/* A processor without matrix units, or one told to do without: principal components by the float32 kernels. */
#include "check.h"

#include <stdlib.h>

#include "evaluation/pca_inside.h"
#include "evaluation/pca_tiles.h"
#include "made_up.h"
#include "reshift/evaluation.h"

static void test_no_tiles(void **state)
{
    (void)state;
    static const char *const without[] = {"SSE41", "AVX2", "AVX512_CORE_BF16", "avx512_core_fp16"};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        setenv("ONEDNN_MAX_CPU_ISA", without[i], 1);
        assert_false(pca_tiles_suit(768));
    }
}

/* Where there is AMX, words that allow it leave it. */
static void test_tiles_where_allowed(void **state)
{
    (void)state;
    static const char *const with[] = {"", "ALL", "default", "AVX512_CORE_AMX", "AVX512_CORE_AMX_FP16"};
    unsetenv("ONEDNN_MAX_CPU_ISA");
    const bool here = pca_tiles_suit(768);
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        setenv("ONEDNN_MAX_CPU_ISA", with[i], 1);
        assert_int_equal(pca_tiles_suit(768), here);
        assert_false(pca_tiles_suit(769));
    }
}

static void test_same_bytes_as_kernels(void **state)
{
    (void)state;
    enum { n = 1300, d = 608, k = 3 };
    setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", 1);
    reshift_error error;
    reshift_array x = made_up(n, d, 7, 1);
    reshift_pca_result pca;
    check_ok(reshift_pca(&x, k, &pca, &error));
    double *mean = malloc(d * sizeof *mean), *components = malloc(k * d * sizeof *components), variance[k], total;
    float *coordinates = malloc(n * k * sizeof *coordinates);
    const centred_rows rows = {x.data, mean, n, d};
    bool found;
    check_ok(pca_statistics(x.data, n, d, mean, &total, &error));
    check_ok(pca_krylov(&rows, total, k, false, variance, components, coordinates, &found, &error));
    assert_true(found);
    assert_memory_equal(pca.components.data, components, k * d * sizeof *components);
    assert_memory_equal(pca.coordinates.data, coordinates, n * k * sizeof *coordinates);
    assert_memory_equal(pca.variance.data, variance, sizeof variance);
    free(mean);
    free(components);
    free(coordinates);
    reshift_pca_destroy(&pca);
    reshift_array_destroy(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_tiles),
        cmocka_unit_test(test_tiles_where_allowed),
        cmocka_unit_test(test_same_bytes_as_kernels),
    };
    return cmocka_run_group_tests_name("pca fallback", tests, NULL, NULL);
}
