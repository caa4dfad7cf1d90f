/* A processor with neither bfloat16 nor VNNI: everything comes to float32, and still runs. */
#include "check.h"

#include "limit.h"
#include "nets.h"
#include "plan_values.h"

static void test_precisions(void **state)
{
    (void)state;
    static const reshift_precision all[] = {RESHIFT_PRECISION_F32, RESHIFT_PRECISION_BF16, RESHIFT_PRECISION_INT8,
                                            RESHIFT_PRECISION_AUTO};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(reshift_precision_here(all[i / 2], i % 2), RESHIFT_PRECISION_F32);
    }
}

static void test_plan(void **state)
{
    (void)state;
    reshift_error error;
    network *n = net_create(&(net_shape){{16, 16, 32}, 10, false, false}, 1);
    plan_options o = {.batch = 2, .height = 8, .width = 8, .last_block = 3, .precision = RESHIFT_PRECISION_INT8};
    plan *p;
    check_ok(plan_create(n, &o, &p, &error)); /* no ranges needed */
    assert_int_equal(plan_precision(p), RESHIFT_PRECISION_F32);
    net_fill(input_of(p), 2 * 8 * 8 * 3, 1);
    check_ok(plan_forward(p, &error));
    plan_destroy(&p);
    network_destroy(&n);
}

int main(int argc, char **argv)
{
    (void)argc;
    limit_to(CPU_FORM_AVX2, argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_precisions), cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests_name("fallback", tests, NULL, NULL);
}
