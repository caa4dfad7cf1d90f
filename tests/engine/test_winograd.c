/*
 * Convolutions by Winograd's F(4x4, 3x3) against the double-precision reference: a network wide and large enough that
 * the plan picks it. The transforms have entries up to 8 (output), 5 (input) and 1 (weights); each of the two
 * directions of each grows rounding by its row sums (19, 10, 1), most of it cancelled in the mean: published
 * measurements, Lavin and Gray 2016, put the maximal error of F(4x4, 3x3) at 3 to 4 times 1e-5 of values of size 1 and
 * sums of some hundred terms. In the root mean square it is a tenth; four such layers in a row stay below 1e-5.
 */
#include "check.h"

#include "engine/plan.h"
#include "engine/onednn/inside.h"
#include "nets.h"
#include "reference.h"
#include "plan_values.h"

enum { BATCH = 2, SIDE = 14 };

static double distance(plan *p, const approximate *expected)
{
    const float *found = output_of(p);
    double off = 0, size = 0;
    for (int64_t i = 0; i < count_of(expected); i++) { /* [N,H,W,C] */
        int64_t c = i % expected->c, x = i / expected->c % expected->w, y = i / expected->c / expected->w % expected->h;
        double e = expected->v[at(expected, i / expected->c / expected->w / expected->h, c, y, x)];
        off += ((double)found[i] - e) * ((double)found[i] - e);
        size += e * e;
    }
    return sqrt(off / size);
}

static int n_winograd(const plan *p)
{
    int n = 0;
    for (int i = 0; i < state_of(p)->n_descriptors; i++) {
        const char *name = NULL;
        dnnl_primitive_desc_query(state_of(p)->descriptors[i], dnnl_query_impl_info_str, 0, (void *)&name);
        n += name && strstr(name, "wino");
    }
    return n;
}

static void test_against_reference(void **state)
{
    (void)state;
    reshift_error error;
    network *n = net_create(&(net_shape){{64, 64, 64}, 3, false, false}, 7);
    plan_options o = {.batch = BATCH, .height = SIDE, .width = SIDE, .first_block = 1, .last_block = 1};
    plan *p;
    check_ok(plan_create(n, &o, &p, &error));
    int first, last;
    graph_block_range(n->graph, 1, &first, &last);
    net_fill(input_of(p), (int64_t)BATCH * SIDE * SIDE * 64, 5);
    reference r = reference_create(n, first, last, NULL);
    reference_forward(&r, first - 1, input_of(p), BATCH, SIDE, SIDE);
    check_ok(plan_forward(p, &error));
    double off = distance(p, &r.result[last]);
    assert_true(off < 1e-5);
    if (strstr(engine_description(), "avx512")) {
        assert_true(n_winograd(p) > 0);
    }
    reference_destroy(&r);
    plan_destroy(&p);
    /* trained blocks keep the direct way, whose bounds the gradients' tests know */
    const bool train[4] = {false, true, true, true};
    o.first_block = 1;
    o.last_block = 3;
    o.train_block = train;
    check_ok(plan_create(n, &o, &p, &error));
    assert_int_equal(n_winograd(p), 0);
    plan_destroy(&p);
    network_destroy(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_reference)};
    return cmocka_run_group_tests_name("winograd", tests, NULL, NULL);
}
