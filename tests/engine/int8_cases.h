/*
 * Plans in int8 against the same arithmetic in double precision, step by step: what is rounded to 8 bits is rounded
 * here too. Sums of products are whole numbers and exact; what a plan computes in float32 (scales, biases, the sum with
 * the shortcut) errs by a few units of 2^-24, which matters only where a value lies that close to the middle between
 * two whole numbers. There, and only there, either is right, and what follows carries that doubt on as a bound.
 */
#ifndef TESTS_ENGINE_INT8_CASES_H
#define TESTS_ENGINE_INT8_CASES_H

#include "check.h"

#include <math.h>

#include "engine/calibrate.h"
#include "engine/plan_inside.h"
#include "nets.h"

enum { BATCH = 3, HEIGHT = 7, WIDTH = 10 };
#define U 5.9604644775390625e-8 /* 2^-24 */

/* [N,H,W,C] whole numbers and how far off each may be. */
typedef struct bytes {
    int h, w, c;
    double *q, *doubt;
} bytes;

static bytes bytes_create(int h, int w, int c)
{
    size_t n = (size_t)(BATCH * h * w * c);
    return (bytes){h, w, c, calloc(n, sizeof(double)), calloc(n, sizeof(double))};
}

static double saturate(double y, bool positive)
{
    double q = nearbyint(y);
    return q < (positive ? 0 : -127) ? (positive ? 0 : -127) : q > (positive ? 255 : 127) ? (positive ? 255 : 127) : q;
}

/* oneDNN saturates to the type's own least, -128; calibration leaves room, so no value of these tests gets there. */
static void keep(bytes *b, int64_t i, double y, double error, bool positive)
{
    double low = saturate(y - error, positive), high = saturate(y + error, positive);
    b->q[i] = saturate(y, positive);
    b->doubt[i] = fmax(b->q[i] - low, high - b->q[i]);
}

static double unit_of(const network *n, int node, int channel)
{
    return (double)(n->range[node][channel] / (graph_is_nonnegative(n->graph, node) ? 255 : 127));
}

/* A convolution's weights in 8 bits, each with its doubt; unit and bias a channel. */
typedef struct weights {
    double *q, *doubt, *unit, *bias;
} weights;

static weights quantise_weights(const network *n, int conv)
{
    const graph_node *c = &n->graph->nodes[conv], *norm = &n->graph->nodes[conv + 1];
    int64_t area = (int64_t)c->kernel * c->kernel, row = c->channels_in * area;
    weights w = {calloc((size_t)(c->channels_out * row), sizeof(double)),
                 calloc((size_t)(c->channels_out * row), sizeof(double)),
                 calloc((size_t)c->channels_out, sizeof(double)), calloc((size_t)c->channels_out, sizeof(double))};
    const float *value = network_parameter(n, c->parameter), *gamma = network_parameter(n, norm->parameter);
    const float *beta = network_parameter(n, norm->parameter + 1), *mean = network_parameter(n, norm->parameter + 2);
    const float *variance = network_parameter(n, norm->parameter + 3);
    for (int o = 0; o < c->channels_out; o++) {
        double scale = gamma[o] / sqrt((double)variance[o] + (double)norm->epsilon), most = 0;
        for (int64_t i = 0; i < row; i++) {
            w.q[o * row + i] = value[o * row + i] * scale * unit_of(n, c->input, (int)(i / area));
            most = fmax(most, fabs(w.q[o * row + i]));
        }
        w.unit[o] = most / 127;
        w.bias[o] = beta[o] - mean[o] * scale;
        for (int64_t i = o * row; i < (o + 1) * row; i++) {
            double y = w.q[i] / w.unit[o], error = 8 * U * fabs(y);
            w.q[i] = fmin(fmax(nearbyint(y), -127), 127);
            w.doubt[i] =
                fmax(fabs(fmin(nearbyint(y + error), 127) - w.q[i]), fabs(fmax(nearbyint(y - error), -127) - w.q[i]));
        }
    }
    return w;
}

/* conv, its batch norm, the sum with `shortcut` unless NULL, ReLU where the result's node has one. */
static bytes run_conv(const network *n, int conv, int end, const bytes *x, const bytes *shortcut, int shortcut_node)
{
    const graph_node *c = &n->graph->nodes[conv];
    bool positive = graph_is_nonnegative(n->graph, end);
    bytes y = bytes_create((x->h + 2 * c->padding - c->kernel) / c->stride + 1,
                           (x->w + 2 * c->padding - c->kernel) / c->stride + 1, c->channels_out);
    weights w = quantise_weights(n, conv);
    for (int64_t i = 0; i < (int64_t)BATCH * y.h * y.w * y.c; i++) {
        int o = (int)(i % y.c), column = (int)(i / y.c % y.w), line = (int)(i / y.c / y.w % y.h);
        int64_t image = i / y.c / y.w / y.h;
        double sum = 0, doubt = 0, scale = w.unit[o] / unit_of(n, end, o);
        for (int ky = 0; ky < c->kernel; ky++) {
            for (int kx = 0; kx < c->kernel; kx++) {
                int sy = line * c->stride + ky - c->padding, sx = column * c->stride + kx - c->padding;
                for (int s = 0; s < x->c && sy >= 0 && sy < x->h && sx >= 0 && sx < x->w; s++) {
                    int64_t from = ((image * x->h + sy) * x->w + sx) * x->c + s;
                    int64_t k = (((int64_t)o * x->c + s) * c->kernel + ky) * c->kernel + kx;
                    sum += w.q[k] * x->q[from];
                    doubt += fabs(w.q[k]) * x->doubt[from] + w.doubt[k] * (fabs(x->q[from]) + x->doubt[from]);
                }
            }
        }
        double bias = w.bias[o] / w.unit[o], value = scale * (sum + bias);
        double error = scale * doubt + 12 * U * scale * (fabs(sum) + doubt + fabs(bias));
        if (shortcut) {
            double factor = unit_of(n, shortcut_node, o) / unit_of(n, end, o);
            value += factor * shortcut->q[i];
            error +=
                factor * shortcut->doubt[i] + 1e-5 * factor * fabs(shortcut->q[i]); /* one ratio for all channels */
        }
        keep(&y, i, value, error, positive);
    }
    free(w.q);
    free(w.doubt);
    free(w.unit);
    free(w.bias);
    return y;
}

static void bytes_destroy(bytes *b)
{
    free(b->q);
    free(b->doubt);
}

/* Every convolution of blocks from..to in order, by the graph's own links: results [n_nodes], those kept. */
static void simulate(const network *n, int source, int last, bytes *result)
{
    const graph *g = n->graph;
    for (int conv = source + 1; conv <= last; conv++) {
        if (g->nodes[conv].op != GRAPH_CONV) {
            continue;
        }
        int end = conv + 1; /* the batch norm; what reads it decides */
        int shortcut = -1;
        if (!graph_is_kept(g, end)) {
            for (end = conv + 2; !graph_is_kept(g, end); end++) {
            }
            shortcut = graph_shortcut_of(g, end);
        }
        result[end] =
            run_conv(n, conv, end, &result[g->nodes[conv].input], shortcut >= 0 ? &result[shortcut] : NULL, shortcut);
    }
}

static plan *make_plan(network *n, reshift_precision precision, int first, int last, bool stop_at_features)
{
    reshift_error error;
    plan *p;
    plan_options o = {.batch = BATCH,
                      .height = HEIGHT,
                      .width = WIDTH,
                      .first_block = first,
                      .last_block = last,
                      .stop_at_features = stop_at_features,
                      .precision = precision};
    check_ok(plan_create(n, &o, &p, &error));
    assert_true(plan_places_are_sound(p));
    return p;
}

static int64_t input_count(const plan *p)
{
    int n_dims;
    int64_t shape[4];
    plan_input_shape(p, &n_dims, shape);
    return shape[0] * shape[1] * shape[2] * shape[3];
}

/* As a pool or ReLU gives it. */
static void fill(plan *p, uint64_t seed)
{
    float *x = plan_input(p);
    net_fill(x, input_count(p), seed);
    for (int64_t i = 0; i < input_count(p); i++) {
        x[i] = fmaxf(x[i], 0);
    }
}

static void calibrate(network *n, uint64_t seed)
{
    reshift_error error;
    calibration *c;
    plan *p = make_plan(n, RESHIFT_PRECISION_F32, 1, 2, true);
    check_ok(calibration_create(n, &c, &error));
    plan_watch(p, calibration_watch, c);
    fill(p, seed);
    check_ok(plan_forward(p, &error));
    check_ok(calibration_finish(c, &error));
    calibration_destroy(&c);
    plan_destroy(&p);
    assert_true(network_has_ranges(n, 0, 3));
}

static const net_shape nets[] = {
    {{16, 16, 32}, 10, false, false}, /* identity shortcut in layer1, from the plan's input */
    {{5, 7, 6}, 3, false, true},      /* channels that fill nothing, a shortcut convolution everywhere */
    {{64, 16, 64}, 4, true, true},    /* bottlenecks, identity shortcut in layer1 */
};

/* Features and, at a block's end, maps; every value inside its bound, and hardly any bound above rounding. */
static void check_against_simulation(network *n, bool features, uint64_t seed)
{
    reshift_error error;
    const graph *g = n->graph;
    plan *p = make_plan(n, RESHIFT_PRECISION_INT8, 1, features ? 3 : 1, features);
    assert_int_equal(plan_precision(p), RESHIFT_PRECISION_INT8);
    int source, ignored, last = p->last;
    graph_block_range(g, 1, &source, &ignored);
    source--;
    bytes *result = calloc((size_t)g->n_nodes, sizeof *result);
    result[source] = bytes_create(HEIGHT, WIDTH, g->nodes[source].channels_out);
    fill(p, seed);
    for (int64_t i = 0; i < input_count(p); i++) {
        double y = (double)plan_input(p)[i] / unit_of(n, source, (int)(i % result[source].c));
        keep(&result[source], i, y, 4 * U * fabs(y), true);
    }
    simulate(n, source, last, result);
    check_ok(plan_forward(p, &error));
    int end = features ? g->nodes[last].input : last;
    const bytes *b = &result[end];
    int64_t area = (int64_t)b->h * b->w, doubtful = 0, count = (int64_t)BATCH * area * b->c;
    for (int64_t i = 0; i < (features ? BATCH * b->c : count); i++) {
        double expected = 0, doubt = 0;
        int channel = (int)(i % b->c);
        if (features) {
            for (int64_t a = 0; a < area; a++) {
                int64_t k = (i / b->c * area + a) * b->c + channel;
                expected += b->q[k] / (double)area;
                doubt += b->doubt[k] / (double)area;
            }
        } else {
            expected = b->q[i];
            doubt = b->doubt[i];
        }
        doubtful += doubt > 0;
        double unit = unit_of(n, end, channel), found = (double)plan_output(p)[i];
        if (!(fabs(found - unit * expected) <= unit * (doubt + 4 * U * expected))) {
            fail_msg("%s [%lld]: expected %g within %g, found %g", g->nodes[end].name, (long long)i, unit * expected,
                     unit * doubt, found);
        }
    }
    assert_true(doubtful * 10 < count); /* else nothing would have been tested */
    for (int i = 0; i < g->n_nodes; i++) {
        bytes_destroy(&result[i]);
    }
    free(result);
    plan_destroy(&p);
}

static void test_simulation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        network *n = net_create(&nets[i], i);
        calibrate(n, 3);
        check_against_simulation(n, false, 4);
        check_against_simulation(n, true, 5);
        network_destroy(&n);
    }
}

/* New weights get new units: the primitive that carries them is made anew. */
static void test_changed_weights(void **state)
{
    (void)state;
    reshift_error error;
    network *n = net_create(&nets[0], 1);
    calibrate(n, 3);
    plan *kept = make_plan(n, RESHIFT_PRECISION_INT8, 1, 3, true);
    fill(kept, 4);
    check_ok(plan_forward(kept, &error));
    int gamma = graph_find_parameter(n->graph, "layer1.0.bn1.weight");
    network_parameter(n, gamma)[3] *= 1.5f;
    network_touch(n, gamma);
    plan *fresh = make_plan(n, RESHIFT_PRECISION_INT8, 1, 3, true);
    fill(kept, 4);
    fill(fresh, 4);
    check_ok(plan_forward(kept, &error));
    check_ok(plan_forward(fresh, &error));
    assert_memory_equal(plan_output(kept), plan_output(fresh), (size_t)BATCH * 32 * sizeof(float));
    plan_destroy(&kept);
    plan_destroy(&fresh);
    check_against_simulation(n, true, 4);
    network_destroy(&n);
}

/* Twice the same bytes, and the same in another plan: sums of whole numbers know no order. */
static void test_same_bytes(void **state)
{
    (void)state;
    reshift_error error;
    network *n = net_create(&nets[2], 2);
    calibrate(n, 3);
    plan *p[2] = {make_plan(n, RESHIFT_PRECISION_INT8, 1, 3, true), make_plan(n, RESHIFT_PRECISION_INT8, 1, 3, true)};
    float first[BATCH * 128];
    for (int run = 0; run < 4; run++) {
        fill(p[run % 2], 9);
        check_ok(plan_forward(p[run % 2], &error));
        if (run == 0) {
            memcpy(first, plan_output(p[0]), sizeof first);
        }
        assert_memory_equal(plan_output(p[run % 2]), first, sizeof first);
    }
    plan_destroy(&p[0]);
    plan_destroy(&p[1]);
    network_destroy(&n);
}

/* From the images on: the first block is not in 8 bits, the rest is. */
static void test_whole_network(void **state)
{
    (void)state;
    reshift_error error;
    network *n = net_create(&nets[2], 2);
    plan *wide = make_plan(n, RESHIFT_PRECISION_F32, 0, 3, false), *narrow;
    calibration *c;
    check_ok(calibration_create(n, &c, &error));
    plan_watch(wide, calibration_watch, c);
    net_fill(plan_input(wide), input_count(wide), 3);
    check_ok(plan_forward(wide, &error));
    check_ok(calibration_finish(c, &error));
    calibration_destroy(&c);
    narrow = make_plan(n, RESHIFT_PRECISION_INT8, 0, 3, false);
    net_fill(plan_input(narrow), input_count(narrow), 3);
    check_ok(plan_forward(narrow, &error));
    double off = 0, size = 0;
    for (int i = 0; i < BATCH * 128; i++) {
        double x = (double)plan_features(wide)[i], y = (double)plan_features(narrow)[i];
        off += (x - y) * (x - y);
        size += x * x;
    }
    /* seven roundings to 8 bits of activations, six of weights: 1/255/sqrt(12) of the range each, some 4 times that of
     * the root mean square, 0.005, and bfloat16's of the first block: together below 0.03 */
    assert_true(sqrt(off / size) < 0.03);
    assert_true(sqrt(off / size) > 1e-4); /* it did run in 8 bits */
    plan_destroy(&wide);
    plan_destroy(&narrow);
    network_destroy(&n);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    network *n = net_create(&nets[0], 1);
    plan *p;
    plan_options o = {
        .batch = 1, .height = 7, .width = 7, .first_block = 1, .last_block = 3, .precision = RESHIFT_PRECISION_INT8};
    check_error(plan_create(n, &o, &p, &error), RESHIFT_ERROR_ARGUMENT, "how large 'relu' gets");
    calibrate(n, 3);
    for (int i = 0; i < n->graph->n_nodes; i++) {
        if (graph_is_kept(n->graph, i) && graph_shortcut_of(n->graph, i) >= 0) {
            n->range[i][5] *= 1.01f;
        }
    }
    check_error(plan_create(n, &o, &p, &error), RESHIFT_ERROR_ARGUMENT, "in one ratio");
    network_forget_ranges(n, 2);
    assert_true(network_has_ranges(n, 0, 1));
    assert_false(network_has_ranges(n, 0, 2));
    network_destroy(&n);
}

static int run_int8_cases(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simulation),    cmocka_unit_test(test_changed_weights), cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_whole_network), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

#endif
