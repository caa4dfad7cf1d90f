/* A processor without matrix units, or with a limit that excludes them: principal components by the float32 kernels. */
#include "check.h"

#include <stdlib.h>

#include "base/cpu.h"
#include "analysis/pca_inside.h"
#include "kernels/tiles.h"
#include "metrics/made_up.h"
#include "reshift/evaluation.h"

static unsigned processor; /* its features */

static void test_no_tiles(void **state)
{
    (void)state;
    for (int form = CPU_FORM_SSE41; form < CPU_FORM_AMX; form++) {
        cpu_usable = processor;
        cpu_lower_limit((cpu_form)form);
        assert_false(tiles_suit(768));
    }
    /* a limit that allows tiles keeps them */
    cpu_usable = processor;
    const bool here = tiles_suit(768);
    cpu_lower_limit(CPU_FORM_AMX);
    assert_int_equal(tiles_suit(768), here);
    assert_false(tiles_suit(769));
}

static void test_same_bytes_as_kernels(void **state)
{
    (void)state;
    enum { n = 1300, d = 608, k = 3 };
    cpu_usable = processor;
    cpu_lower_limit(CPU_FORM_AVX512_BF16);
    reshift_error error;
    reshift_array x = made_up(n, d, 7, 1);
    reshift_pca_result pca;
    check_ok(reshift_pca_fit(&x, k, &pca, &error));
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
    processor = cpu_usable;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_tiles),
        cmocka_unit_test(test_same_bytes_as_kernels),
    };
    return cmocka_run_group_tests_name("pca fallback", tests, NULL, NULL);
}
