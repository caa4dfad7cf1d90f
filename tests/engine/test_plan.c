/*
 * A tiny residual network run by plans: the fused inference against the separate operations of training, a network in
 * one piece against its halves, and every gradient against central differences, in every batch-norm mode and for every
 * set of trained blocks.
 */
#include "check.h"

#include <math.h>

#include "base/random.h"
#include "engine/plan.h"
#include "engine/onednn/inside.h"
#include "plan_values.h"

enum { BATCH = 5, SIDE = 9, CLASSES = 4 };

/* stem (conv, bn, relu, max pool), one block with a downsample, one with an identity shortcut and the pool, fc */
static network *tiny(uint64_t seed)
{
    reshift_error error;
    graph *g = graph_create();
    check_ok(graph_begin_block(g, "conv1", &error));
    int x = graph_add_input(g, 3);
    x = graph_add_conv(g, "conv1", x, 16, graph_square(3, 1, 1));
    x = graph_add_batchnorm(g, "bn1", x);
    x = graph_add_relu(g, "relu", x);
    x = graph_add_maxpool(g, "maxpool", x, graph_square(3, 2, 1));
    check_ok(graph_begin_block(g, "layer1", &error));
    int shortcut = graph_add_conv(g, "layer1.0.downsample.0", x, 32, graph_square(1, 2, 0));
    shortcut = graph_add_batchnorm(g, "layer1.0.downsample.1", shortcut);
    int y = graph_add_conv(g, "layer1.0.conv1", x, 16, graph_square(1, 1, 0));
    y = graph_add_batchnorm(g, "layer1.0.bn1", y);
    y = graph_add_relu(g, "layer1.0.relu1", y);
    y = graph_add_conv(g, "layer1.0.conv2", y, 32, graph_square(3, 2, 1));
    y = graph_add_batchnorm(g, "layer1.0.bn2", y);
    y = graph_add_add(g, "layer1.0.add", y, shortcut);
    x = graph_add_relu(g, "layer1.0.relu2", y);
    check_ok(graph_begin_block(g, "layer2", &error));
    y = graph_add_conv(g, "layer2.0.conv1", x, 32, graph_square(3, 1, 1));
    y = graph_add_batchnorm(g, "layer2.0.bn1", y);
    y = graph_add_relu(g, "layer2.0.relu1", y);
    y = graph_add_conv(g, "layer2.0.conv2", y, 32, graph_square(3, 1, 1));
    y = graph_add_batchnorm(g, "layer2.0.bn2", y);
    y = graph_add_add(g, "layer2.0.add", y, x);
    x = graph_add_relu(g, "layer2.0.relu2", y);
    x = graph_add_global_avgpool(g, "avgpool", x);
    check_ok(graph_begin_block(g, "fc", &error));
    graph_add_linear(g, "fc", x, CLASSES);
    network *n = network_create(g);
    assert_non_null(n);
    for (int p = 0; p < g->n_parameters; p++) {
        random_stream s = random_open(seed, "tiny", 0, (uint64_t)p);
        float *v = network_parameter(n, p);
        for (size_t i = 0; i < g->parameters[p].count; i++) {
            double z = random_gaussian(&s);
            switch (g->parameters[p].role) {
            case GRAPH_WEIGHT: v[i] = (float)(z * 0.25); break;
            case GRAPH_GAMMA: v[i] = (float)(1 + 0.1 * z); break;
            case GRAPH_RUNNING_VAR: v[i] = (float)(0.6 + 0.4 * random_uniform(&s)); break;
            default: v[i] = (float)(0.2 * z);
            }
        }
    }
    return n;
}

static void fill(float *x, int64_t count, uint64_t seed)
{
    random_stream s = random_open(seed, "images", 0, 0);
    for (int64_t i = 0; i < count; i++) {
        x[i] = (float)random_gaussian(&s);
    }
}

static const int labels[BATCH] = {0, 3, 1, 2, 1};

static plan *make(network *n, int first, int last, int h, const bool *train, const bool *batch)
{
    reshift_error error;
    plan *p;
    plan_options o = {.batch = BATCH,
                      .height = h,
                      .width = h,
                      .first_block = first,
                      .last_block = last,
                      .train_block = train,
                      .batchnorm_batch = batch};
    check_ok(plan_create(n, &o, &p, &error));
    assert_true(onednn_places_are_sound(p));
    return p;
}

static double distance(const float *a, const float *b, int64_t n)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(difference / (size > 0 ? size : 1));
}

/* Folding, fusing, cutting change only rounding: sums of at most 288 terms through 7 layers, well below 1e-5. */
static void test_fused_equals_separate(void **state)
{
    (void)state;
    reshift_error error;
    network *n = tiny(1);
    static const bool all[4] = {true, true, true, true};
    plan *fused = make(n, 0, 3, SIDE, NULL, NULL), *separate = make(n, 0, 3, SIDE, all, NULL);
    plan *head = make(n, 0, 1, SIDE, NULL, NULL), *tail = make(n, 2, 3, 3, NULL, NULL);
    fill(input_of(fused), BATCH * SIDE * SIDE * 3, 1);
    fill(input_of(separate), BATCH * SIDE * SIDE * 3, 1);
    fill(input_of(head), BATCH * SIDE * SIDE * 3, 1);
    check_ok(plan_forward(fused, &error));
    check_ok(plan_forward(separate, &error));
    check_ok(plan_forward(head, &error));
    int n_dims;
    int64_t shape[4];
    plan_output_shape(head, &n_dims, shape);
    assert_int_equal(n_dims, 4);
    assert_int_equal(shape[1], 3);
    assert_int_equal(shape[3], 32);
    memcpy(input_of(tail), output_of(head), (size_t)(shape[0] * shape[1] * shape[2] * shape[3]) * sizeof(float));
    check_ok(plan_forward(tail, &error));
    assert_true(distance(output_of(fused), output_of(separate), BATCH * CLASSES) < 1e-5);
    assert_true(distance(output_of(tail), output_of(separate), BATCH * CLASSES) < 1e-5);
    assert_true(distance(features_of(tail), features_of(separate), BATCH * 32) < 1e-5);
    /* a changed parameter is noticed */
    int gamma = graph_find_parameter(n->graph, "layer2.0.bn1.weight");
    network_parameter(n, gamma)[3] += 1.0f;
    network_touch(n, gamma);
    fill(input_of(fused), BATCH * SIDE * SIDE * 3, 1);
    check_ok(plan_forward(fused, &error));
    assert_true(distance(output_of(fused), output_of(separate), BATCH * CLASSES) > 1e-3);
    plan_destroy(&fused);
    plan_destroy(&separate);
    plan_destroy(&head);
    plan_destroy(&tail);
    network_destroy(&n);
}

static double loss_at(plan *p)
{
    reshift_error error;
    double loss;
    int correct;
    check_ok(plan_forward(p, &error));
    check_ok(plan_loss(p, labels, &loss, &correct, &error));
    return loss;
}

/*
 * Along the gradient's own direction of each parameter the loss changes by |g| a unit: one central difference a
 * parameter checks the whole tensor. float32 leaves about 1e-3 of it; a wrong term leaves far more.
 */
static void check_gradients(const bool *train, const bool *batch)
{
    reshift_error error;
    network *n = tiny(2);
    plan *p = make(n, 0, 3, SIDE, train, batch);
    fill(input_of(p), BATCH * SIDE * SIDE * 3, 3);
    loss_at(p);
    check_ok(plan_backward(p, &error));
    const graph *g = n->graph;
    float *gradients = calloc(g->n_floats, sizeof *gradients);
    int checked = 0;
    for (int i = 0; i < g->n_parameters; i++) {
        bool expected = train[g->parameters[i].block] && g->parameters[i].role < GRAPH_RUNNING_MEAN;
        assert_int_equal(gradient_of(p, i) != NULL, expected);
        if (expected) {
            memcpy(gradients + g->parameters[i].offset, gradient_of(p, i), g->parameters[i].count * sizeof(float));
        }
    }
    for (int i = 0; i < g->n_parameters; i++) {
        if (!gradient_of(p, i)) {
            continue;
        }
        const float *gradient = gradients + g->parameters[i].offset;
        float *value = network_parameter(n, i);
        size_t count = g->parameters[i].count;
        double norm = 0;
        for (size_t j = 0; j < count; j++) {
            norm += (double)gradient[j] * gradient[j];
        }
        norm = sqrt(norm);
        float *kept = malloc(count * sizeof *kept);
        memcpy(kept, value, count * sizeof *kept);
        double loss[2], step = 2e-3;
        for (int side = 0; side < 2; side++) {
            for (size_t j = 0; j < count; j++) {
                value[j] = (float)(kept[j] + (side ? step : -step) * gradient[j] / norm);
            }
            network_touch(n, i);
            loss[side] = loss_at(p);
        }
        memcpy(value, kept, count * sizeof *kept);
        network_touch(n, i);
        free(kept);
        double measured = (loss[1] - loss[0]) / (2 * step);
        /* the loss itself carries about 1e-7 of rounding */
        if (fabs(measured - norm) > 0.02 * norm + 5e-5) {
            fail_msg("%s: gradient %g, central difference %g", g->parameters[i].name, norm, measured);
        }
        checked++;
    }
    assert_true(checked > 0);
    free(gradients);
    plan_destroy(&p);
    network_destroy(&n);
}

static void test_gradients(void **state)
{
    (void)state;
    static const bool none[4] = {false, false, false, false}, all[4] = {true, true, true, true};
    for (int set = 1; set < 16; set++) {
        bool train[4];
        for (int b = 0; b < 4; b++) {
            train[b] = set >> b & 1;
        }
        check_gradients(train, none);  /* frozen */
        check_gradients(train, train); /* batch statistics where trained */
        check_gradients(train, all);   /* everywhere */
    }
}

/* running = 0.9 running + 0.1 batch's, variance by n/(n-1), computed here from the separate first convolution. */
static void test_running_statistics(void **state)
{
    (void)state;
    reshift_error error;
    network *n = tiny(4);
    static const bool first[4] = {true, false, false, false}, all[4] = {true, true, true, true};
    plan *p = make(n, 0, 3, SIDE, all, first);
    fill(input_of(p), BATCH * SIDE * SIDE * 3, 5);
    int mean = graph_find_parameter(n->graph, "bn1.running_mean"), variance = mean + 1;
    int weight = graph_find_parameter(n->graph, "conv1.weight");
    float before_mean[16], before_variance[16];
    memcpy(before_mean, network_parameter(n, mean), sizeof before_mean);
    memcpy(before_variance, network_parameter(n, variance), sizeof before_variance);
    check_ok(plan_forward(p, &error));
    const float *x = input_of(p), *w = network_parameter(n, weight);
    enum { COUNT = BATCH * SIDE * SIDE };
    for (int o = 0; o < 16; o++) {
        double sum = 0, squares = 0;
        for (int b = 0; b < BATCH; b++) {
            for (int i = 0; i < SIDE; i++) {
                for (int j = 0; j < SIDE; j++) {
                    double y = 0;
                    for (int c = 0; c < 3; c++) {
                        for (int u = 0; u < 3; u++) {
                            for (int v = 0; v < 3; v++) {
                                int r = i + u - 1, s = j + v - 1;
                                if (r >= 0 && r < SIDE && s >= 0 && s < SIDE) {
                                    y += (double)x[((b * SIDE + r) * SIDE + s) * 3 + c] *
                                         w[((o * 3 + c) * 3 + u) * 3 + v];
                                }
                            }
                        }
                    }
                    sum += y;
                    squares += y * y;
                }
            }
        }
        double m = sum / COUNT, v = (squares - COUNT * m * m) / (COUNT - 1);
        assert_true(fabs(network_parameter(n, mean)[o] - (0.9 * before_mean[o] + 0.1 * m)) < 1e-5);
        assert_true(fabs(network_parameter(n, variance)[o] - (0.9 * before_variance[o] + 0.1 * v)) < 1e-5);
    }
    assert_int_equal(n->batches_tracked[n->graph->parameters[mean].node], 1);
    /* the frozen ones stay as they are */
    network *fresh = tiny(4);
    int frozen = graph_find_parameter(n->graph, "layer2.0.bn2.running_mean");
    assert_memory_equal(network_parameter(n, frozen), network_parameter(fresh, frozen), 32 * sizeof(float));
    plan_destroy(&p);
    network_destroy(&fresh);
    network_destroy(&n);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    network *n = tiny(1);
    plan *p;
    plan_options o = {.batch = 0, .height = SIDE, .width = SIDE, .first_block = 0, .last_block = 3};
    check_error(plan_create(n, &o, &p, &error), RESHIFT_ERROR_ARGUMENT, "batch of 0");
    o.batch = 1;
    o.last_block = 4;
    check_error(plan_create(n, &o, &p, &error), RESHIFT_ERROR_ARGUMENT, "blocks 0 to 4 of 4");
    static const bool all[4] = {true, true, true, true};
    o.last_block = 2;
    o.train_block = all;
    check_error(plan_create(n, &o, &p, &error), RESHIFT_ERROR_ARGUMENT, "up to its last layer");
    o.last_block = 3;
    o.height = o.width = 2;
    o.batchnorm_batch = all;
    check_error(plan_create(n, &o, &p, &error), RESHIFT_ERROR_SHAPE, "more than one value per channel");
    o.batchnorm_batch = NULL;
    o.height = o.width = SIDE;
    o.batch = 2;
    check_ok(plan_create(n, &o, &p, &error));
    memset(input_of(p), 0, 2 * SIDE * SIDE * 3 * sizeof(float));
    check_ok(plan_forward(p, &error));
    double loss;
    int correct, wrong[2] = {0, CLASSES};
    check_error(plan_loss(p, wrong, &loss, &correct, &error), RESHIFT_ERROR_SHAPE, "row 1: expected 0 to 3, found 4");
    plan_destroy(&p);
    network_destroy(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fused_equals_separate),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_running_statistics),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
