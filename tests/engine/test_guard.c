/*
 * No overflow stays hidden, in whatever image, layer and kind of plan. Without biases a network is homogeneous: an
 * input times s gives all values times s, so the largest one is known, and with it whether something overflows.
 */
#include <float.h>
#include <stdlib.h>

#include "check.h"
#include "engine/overflow.h"
#include "engine/plan.h"
#include "engine/nets.h"
#include "plan_values.h"

enum { BATCH = 4, SIDE = 12, BLOCKS = 4 };
static const net_shape shape = {{16, 16, 32}, 8, true, true};

/* Every convolution's weights times `factor`, no biases: values grow from layer to layer. */
static network *without_biases(float factor, uint64_t seed)
{
    network *n = net_create(&shape, seed);
    for (int p = 0; p < n->graph->n_parameters; p++) {
        const graph_parameter *own = &n->graph->parameters[p];
        float *values = network_parameter(n, p);
        for (size_t i = 0; i < own->count; i++) {
            const bool zero = own->role == GRAPH_BETA || own->role == GRAPH_RUNNING_MEAN || own->role == GRAPH_BIAS;
            values[i] = zero ? 0 : own->n_dims == 4 ? values[i] * factor : values[i];
        }
        network_touch(n, p);
    }
    return n;
}

static void take_largest(void *context, int node, const float *values, int64_t rows, int channels)
{
    (void)node;
    double *largest = context;
    for (int64_t i = 0; i < rows * channels; i++) {
        *largest = fmax(*largest, fabs((double)values[i]));
    }
}

static plan *make(network *n, reshift_precision precision, int first, const bool *batch, float share)
{
    reshift_error error;
    plan *p;
    const int side = first == 0 ? SIDE : SIDE / 2; /* behind the maximum pool */
    const plan_options options = {.batch = BATCH,
                                  .height = side,
                                  .width = side,
                                  .first_block = first,
                                  .last_block = BLOCKS - 1,
                                  .stop_at_features = true,
                                  .precision = precision,
                                  .batchnorm_batch = batch,
                                  .source_share = share};
    check_ok(plan_create(n, &options, &p, &error));
    return p;
}

static int64_t input_count(plan *p)
{
    int n_dims;
    int64_t dims[4] = {0};
    plan_input_shape(p, &n_dims, dims);
    return dims[1] * dims[2] * dims[3];
}

/* The input of one image times `scale`. */
static void write_input(plan *p, const float *images, int image, float scale)
{
    const int64_t count = input_count(p);
    for (int64_t i = 0; i < BATCH * count; i++) {
        input_of(p)[i] = images[i] * (i / count == image ? scale : 1);
    }
}

static void check_scales(reshift_precision precision, int first, float factor)
{
    reshift_error error;
    network *n = without_biases(factor, 5);
    plan *p = make(n, RESHIFT_PRECISION_F32, first, NULL, 0);
    const int64_t count = input_count(p);
    float *images = malloc((size_t)(BATCH * count) * sizeof *images), features[BATCH * 64];
    net_fill(images, BATCH * count, 9);
    double largest = 0;
    plan_watch(p, take_largest, &largest);
    write_input(p, images, 0, 1);
    check_ok(plan_forward(p, &error));
    assert_true(largest > 1);
    plan_destroy(&p);

    p = make(n, precision, first, NULL, 0);
    int n_dims, passed = 0, failed = 0;
    int64_t dims[4] = {0};
    plan_output_shape(p, &n_dims, dims);
    const int64_t width = dims[1];
    write_input(p, images, 0, 1);
    check_ok(plan_forward(p, &error));
    memcpy(features, output_of(p), (size_t)(BATCH * width) * sizeof *features);
    for (int image = 0; image < BATCH; image++) {
        for (int power = 0; power < 128; power += 6) {
            const float scale = ldexpf(1, power);
            write_input(p, images, image, scale);
            const reshift_status status = plan_forward(p, &error);
            const bool overflows = largest * (double)scale > (double)FLT_MAX;
            if (status != RESHIFT_OK) {
                assert_int_equal(status, RESHIFT_ERROR_NUMERIC);
                assert_non_null(strstr(error.message, "activations overflow in '"));
                assert_int_equal(plan_overflow_image(p), image);
                assert_true(largest * (double)scale > 1e25);
                failed++;
                continue;
            }
            if (overflows) {
                fail_msg("%s from block %d, weights times %g, image %d times %g: values of %g pass",
                         reshift_precision_name(precision), first, (double)factor, image, (double)scale,
                         largest * (double)scale);
            }
            for (int64_t i = 0; i < BATCH * width; i++) { /* powers of two change no rounding */
                assert_true(output_of(p)[i] == features[i] * (i / width == image ? scale : 1));
            }
            passed++;
        }
    }
    assert_true(passed > 0 && failed > 0);
    free(images);
    plan_destroy(&p);
    network_destroy(&n);
}

static void test_every_image(void **state)
{
    (void)state;
    static const float factors[] = {1, 1e2f, 1e3f};
    for (int i = 0; i < 3; i++) {
        for (int first = 0; first < 3; first++) {
            check_scales(RESHIFT_PRECISION_F32, first, factors[i]);
            check_scales(RESHIFT_PRECISION_BF16, first, factors[i]);
        }
    }
}

/* A batch's variance is a mean of squares: it overflows long before the values do, and hides that. */
static void test_batch_statistics(void **state)
{
    (void)state;
    reshift_error error;
    static const bool all[BLOCKS] = {true, true, true, true};
    static const float shares[] = {0, 0.5f};
    for (int i = 0; i < 2; i++) {
        network *n = without_biases(1, 6);
        plan *p = make(n, RESHIFT_PRECISION_F32, 0, all, shares[i]);
        plan_set_momentum(p, 0);
        const int64_t count = input_count(p);
        float *images = malloc((size_t)(BATCH * count) * sizeof *images);
        net_fill(images, BATCH * count, 9);
        for (int power = 0; power < 38; power += 2) {
            write_input(p, images, 3, powf(10, (float)power));
            const reshift_status status = plan_forward(p, &error);
            assert_true(power > 10 || status == RESHIFT_OK);
            assert_true(power < 18 || status == RESHIFT_ERROR_NUMERIC);
            if (status == RESHIFT_ERROR_NUMERIC) {
                assert_int_equal(plan_overflow_image(p), 3);
            }
        }
        free(images);
        plan_destroy(&p);
        network_destroy(&n);
    }
}

/* Places of images that do not exist hold whatever was there: nobody looks at it. */
static void test_fewer_images(void **state)
{
    (void)state;
    reshift_error error;
    network *n = without_biases(1e3f, 5);
    plan *p = make(n, RESHIFT_PRECISION_F32, 0, NULL, 0);
    const int64_t count = input_count(p);
    float *images = malloc((size_t)(BATCH * count) * sizeof *images);
    net_fill(images, BATCH * count, 9);
    write_input(p, images, 3, 1e38f);
    assert_int_equal(plan_forward(p, &error), RESHIFT_ERROR_NUMERIC);
    write_input(p, images, 3, 1e38f);
    plan_set_images(p, 3);
    check_ok(plan_forward(p, &error));
    /* a caller's bound is believed */
    write_input(p, images, 0, 1);
    plan_set_input_bound(p, 1e30);
    check_ok(plan_forward(p, &error));
    write_input(p, images, 0, 1);
    plan_set_input_bound(p, 1e33);
    assert_int_equal(plan_forward(p, &error), RESHIFT_ERROR_NUMERIC);
    free(images);
    plan_destroy(&p);
    network_destroy(&n);
}

/* Weights that are not finite: no bound. */
static void test_weights(void **state)
{
    (void)state;
    reshift_error error;
    for (int p = 0; p < 2; p++) {
        network *n = without_biases(1, 5);
        const int at = graph_find_parameter(n->graph, p == 0 ? "layer2.0.conv2.weight" : "layer2.0.bn2.running_var");
        assert_true(at >= 0);
        network_parameter(n, at)[3] = p == 0 ? NAN : -1.0f;
        network_touch(n, at);
        plan *q = make(n, RESHIFT_PRECISION_F32, 0, NULL, 0);
        net_fill(input_of(q), BATCH * input_count(q), 9);
        check_error(plan_forward(q, &error), RESHIFT_ERROR_NUMERIC, "activations overflow in 'layer2.0.conv2'");
        plan_destroy(&q);
        network_destroy(&n);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    /* sums by hand: rows (1, -2, 3) and (-4, 0, 0.5) */
    static const float w[6] = {1, -2, 3, -4, 0, 0.5f}, b[2] = {0.5f, -7};
    const overflow_gain gain = overflow_gain_of(w, 2, 3, b);
    assert_true(gain.positive == 4 && gain.negative == 4 && gain.offset == 7);
    const overflow_gain first = overflow_gain_of(w, 1, 3, NULL);
    assert_true(first.positive == 4 && first.negative == 2 && first.offset == 0);
    const overflow_bound y = overflow_after(&first, (overflow_bound){10, 1});
    assert_true(y.above >= 42 && y.above < 43 && y.below >= 24 && y.below < 25);

    assert_false(overflow_is_safe((overflow_bound){NAN, 0}));
    assert_false(overflow_is_safe((overflow_bound){0, 1e32}));
    assert_true(overflow_is_safe((overflow_bound){1e31, 1e31}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_image),  cmocka_unit_test(test_batch_statistics),
        cmocka_unit_test(test_fewer_images), cmocka_unit_test(test_weights),
        cmocka_unit_test(test_bounds),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
