/*
 * Plans in int8 against the same arithmetic in double precision, step by step: what is rounded to 8 bits is rounded
 * here too, and so is what stays in bfloat16 (or float32, where the processor has none): what reads the first block,
 * and the sums of layer1. Sums of products of 8 bits are whole numbers and exact; what a plan computes in float32
 * (scales, biases, the sum with the shortcut, sums of products of 16 bits) errs by a few units of 2^-24, which matters
 * only where a value lies that close to the middle between two that can be stored. There, and only there, either is
 * right, and what follows carries that doubt on as a bound.
 */
#ifndef TESTS_ENGINE_INT8_CASES_H
#define TESTS_ENGINE_INT8_CASES_H

#include "check.h"

#include <math.h>

#include "engine/calibrate.h"
#include "engine/onednn/inside.h"
#include "nets.h"
#include "plan_values.h"

enum { BATCH = 3, HEIGHT = 7, WIDTH = 10 };
#define U 5.9604644775390625e-8 /* 2^-24 */

/* [N,H,W,C] and how far off each may be: whole numbers of units, or, in the plan's wide type, values. */
typedef struct map {
    int h, w, c;
    double *q, *doubt;
    bool wide;
} map;

static map map_create(int h, int w, int c, bool wide)
{
    size_t n = (size_t)(BATCH * h * w * c);
    return (map){h, w, c, calloc(n, sizeof(double)), calloc(n, sizeof(double)), wide};
}

static double saturate(double y, bool positive)
{
    double q = nearbyint(y);
    return q < (positive ? 0 : -127) ? (positive ? 0 : -127) : q > (positive ? 255 : 127) ? (positive ? 255 : 127) : q;
}

/* oneDNN saturates to the type's own least, -128; calibration leaves room, so no value of these tests gets there. */
static void keep(map *b, int64_t i, double y, double error, bool positive)
{
    double low = saturate(y - error, positive), high = saturate(y + error, positive);
    b->q[i] = saturate(y, positive);
    b->doubt[i] = fmax(b->q[i] - low, high - b->q[i]);
}

/* The nearest of the type with this many bits behind the leading one, ties to even. */
static double round_to_bits(double y, int bits)
{
    int exponent;
    frexp(y, &exponent);
    double step = ldexp(1, exponent - 1 - bits);
    return y == 0 ? 0 : nearbyint(y / step) * step;
}

/* 7 for bfloat16, 23 for float32. */
static int bits_of(const plan *p) { return onednn_type(p) == dnnl_bf16 ? 7 : 23; }

static void keep_wide(map *b, int64_t i, double y, double error, bool positive, int bits)
{
    double least = positive ? 0 : -INFINITY;
    double low = round_to_bits(fmax(y - error, least), bits), high = round_to_bits(fmax(y + error, least), bits);
    b->q[i] = round_to_bits(fmax(y, least), bits);
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
    int64_t area = (int64_t)c->window.kernel[0] * c->window.kernel[0], row = c->channels_in * area;
    weights w = {calloc((size_t)(c->channels_out * row), sizeof(double)),
                 calloc((size_t)(c->channels_out * row), sizeof(double)),
                 calloc((size_t)c->channels_out, sizeof(double)), calloc((size_t)c->channels_out, sizeof(double))};
    const float *value = network_parameter(n, c->parameter), *gamma = network_parameter(n, norm->parameter);
    const float *beta = network_parameter(n, norm->parameter + 1), *mean = network_parameter(n, norm->parameter + 2);
    const float *variance = network_parameter(n, norm->parameter + 3);
    for (int o = 0; o < c->channels_out; o++) {
        double scale = gamma[o] / sqrt((double)variance[o] + (double)norm->epsilon), most = 0;
        for (int64_t i = 0; i < row; i++) {
            w.q[o * row + i] = value[o * row + i] * scale * unit_of(n, c->inputs[0], (int)(i / area));
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

/* The same in the wide type: values, no units. */
static weights round_weights(const network *n, int conv, int bits)
{
    const graph_node *c = &n->graph->nodes[conv], *norm = &n->graph->nodes[conv + 1];
    int64_t row = (int64_t)c->channels_in * c->window.kernel[0] * c->window.kernel[0];
    weights w = quantise_weights(n, conv); /* for its places and its bias */
    const float *value = network_parameter(n, c->parameter), *gamma = network_parameter(n, norm->parameter);
    const float *variance = network_parameter(n, norm->parameter + 3);
    for (int64_t i = 0; i < c->channels_out * row; i++) {
        int64_t o = i / row;
        double y = value[i] * (gamma[o] / sqrt((double)variance[o] + (double)norm->epsilon)), error = 2 * U * fabs(y);
        w.q[i] = round_to_bits(y, bits);
        w.doubt[i] = fmax(fabs(round_to_bits(y + error, bits) - w.q[i]), fabs(w.q[i] - round_to_bits(y - error, bits)));
        w.unit[o] = 1;
    }
    return w;
}

static map to_bytes(const network *n, int node, const map *x)
{
    map b = map_create(x->h, x->w, x->c, false);
    for (int64_t i = 0; i < (int64_t)BATCH * x->h * x->w * x->c; i++) {
        double unit = unit_of(n, node, (int)(i % x->c)), y = x->q[i] / unit;
        keep(&b, i, y, x->doubt[i] / unit + 4 * U * fabs(y), graph_is_nonnegative(n->graph, node));
    }
    return b;
}

static void map_destroy(map *b)
{
    free(b->q);
    free(b->doubt);
}

/*
 * conv, its batch norm, the sum with `shortcut` unless NULL, ReLU where the result's node has one. In the wide type
 * where the input is the first block's; the result in it there too, and where it is a sum of layer1 or summed into one.
 */
static map run_conv(const network *n, int conv, int end, const map *input, const map *shortcut, int shortcut_node,
                    int bits)
{
    const graph_node *c = &n->graph->nodes[conv];
    bool positive = graph_is_nonnegative(n->graph, end), narrow = n->graph->nodes[c->inputs[0]].block > 0;
    bool wide = !narrow || (n->graph->nodes[end].block == 1 && (shortcut || !positive));
    map copy = {0};
    if (narrow && input->wide) {
        copy = to_bytes(n, c->inputs[0], input);
    }
    const map *x = copy.q ? &copy : input;
    map y = map_create((x->h + 2 * c->window.padding[0] - c->window.kernel[0]) / c->window.stride[0] + 1,
                       (x->w + 2 * c->window.padding[0] - c->window.kernel[0]) / c->window.stride[0] + 1,
                       c->channels_out, wide);
    weights w = narrow ? quantise_weights(n, conv) : round_weights(n, conv, bits);
    /* roundings of a sum; make_entry_exact() leaves none in bfloat16 */
    double terms = narrow ? 12 : bits == 7 ? 0 : 12 + 2.0 * c->channels_in * c->window.kernel[0] * c->window.kernel[0];
    for (int64_t i = 0; i < (int64_t)BATCH * y.h * y.w * y.c; i++) {
        int o = (int)(i % y.c), column = (int)(i / y.c % y.w), line = (int)(i / y.c / y.w % y.h);
        int64_t image = i / y.c / y.w / y.h;
        double sum = 0, sizes = 0, doubt = 0, scale = w.unit[o] / (wide ? 1 : unit_of(n, end, o));
        for (int ky = 0; ky < c->window.kernel[0]; ky++) {
            for (int kx = 0; kx < c->window.kernel[0]; kx++) {
                int sy = line * c->window.stride[0] + ky - c->window.padding[0],
                    sx = column * c->window.stride[0] + kx - c->window.padding[0];
                for (int s = 0; s < x->c && sy >= 0 && sy < x->h && sx >= 0 && sx < x->w; s++) {
                    int64_t from = ((image * x->h + sy) * x->w + sx) * x->c + s;
                    int64_t k = (((int64_t)o * x->c + s) * c->window.kernel[0] + ky) * c->window.kernel[0] + kx;
                    sum += w.q[k] * x->q[from];
                    sizes += fabs(w.q[k] * x->q[from]);
                    doubt += fabs(w.q[k]) * x->doubt[from] + w.doubt[k] * (fabs(x->q[from]) + x->doubt[from]);
                }
            }
        }
        double bias = w.bias[o] / w.unit[o], value = scale * (sum + bias);
        double error = scale * doubt + terms * U * scale * ((narrow ? fabs(sum) : sizes) + doubt + fabs(bias));
        if (shortcut) {
            double factor = wide ? 1 : unit_of(n, shortcut_node, 0) / unit_of(n, end, 0); /* one for all channels */
            value += factor * shortcut->q[i];
            error += factor * shortcut->doubt[i] + 3 * U * factor * fabs(shortcut->q[i]);
        }
        if (wide) {
            keep_wide(&y, i, value, error, positive, bits);
        } else {
            keep(&y, i, value, error, positive);
        }
    }
    map_destroy(&copy);
    free(w.q);
    free(w.doubt);
    free(w.unit);
    free(w.bias);
    return y;
}

/* Every convolution of blocks from..to in order, by the graph's own links: results [n_nodes], those kept. */
static void simulate(const network *n, int source, int last, map *result, int bits)
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
        result[end] = run_conv(n, conv, end, &result[g->nodes[conv].inputs[0]],
                               shortcut >= 0 ? &result[shortcut] : NULL, shortcut, bits);
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
    assert_true(onednn_places_are_sound(p));
    return p;
}

static int64_t input_count(const plan *p)
{
    int n_dims;
    int64_t shape[4];
    plan_input_shape(p, &n_dims, shape);
    return shape[0] * shape[1] * shape[2] * shape[3];
}

/* As a pool or ReLU gives it, in steps of an eighth: with make_entry_exact() float32 sums know no rounding. */
static void fill(plan *p, uint64_t seed)
{
    float *x = input_of(p);
    net_fill(x, input_count(p), seed);
    for (int64_t i = 0; i < input_count(p); i++) {
        x[i] = fmaxf(rintf(x[i] * 8) / 8, 0);
    }
}

/*
 * Weights of the convolutions that read the first block, and their batch norms, such that every product and sum is a
 * number of float32: else their results would be in doubt by a step of bfloat16 here and there, and all that follows.
 */
static void make_entry_exact(network *n)
{
    for (int i = 0; i < n->graph->n_nodes; i++) {
        const graph_node *c = &n->graph->nodes[i], *norm = c + 1;
        if (c->op != GRAPH_CONV || c->block == 0 || n->graph->nodes[c->inputs[0]].block > 0) {
            continue;
        }
        float *weight = network_parameter(n, c->parameter), *vectors[4];
        int64_t count = (int64_t)c->channels_out * c->channels_in * c->window.kernel[0] * c->window.kernel[0];
        float most = 0;
        for (int64_t k = 0; k < count; k++) {
            most = fmaxf(most, fabsf(weight[k]));
        }
        for (int64_t k = 0; k < count; k++) {
            weight[k] = rintf(weight[k] / most * 7) / 32;
        }
        for (int v = 0; v < 4; v++) {
            vectors[v] = network_parameter(n, norm->parameter + v);
            network_touch(n, norm->parameter + v);
        }
        for (int o = 0; o < c->channels_out; o++) {
            vectors[0][o] = o % 3 ? 1 : 0.5f;
            vectors[1][o] = rintf(vectors[1][o] * 8) / 8;
            vectors[2][o] = 0;
            vectors[3][o] = 1 - norm->epsilon;
        }
        network_touch(n, c->parameter);
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

/* What layer1 makes of such an input. */
static void fill_with_layer1(plan *p, network *n, uint64_t seed)
{
    reshift_error error;
    plan *lower = make_plan(n, RESHIFT_PRECISION_INT8, 1, 1, false);
    fill(lower, seed);
    check_ok(plan_forward(lower, &error));
    memcpy(input_of(p), output_of(lower), (size_t)input_count(p) * sizeof(float));
    plan_destroy(&lower);
}

/* One block (the last one up to the features); every value inside its bound, and bounds are narrow. */
static void check_against_simulation(network *n, int block, uint64_t seed)
{
    reshift_error error;
    const graph *g = n->graph;
    bool features = block == 2;
    plan *p = make_plan(n, RESHIFT_PRECISION_INT8, block, block, features);
    assert_int_equal(plan_precision(p), RESHIFT_PRECISION_INT8);
    int source, ignored, last = p->last;
    graph_block_range(g, block, &source, &ignored);
    source--;
    map *result = calloc((size_t)g->n_nodes, sizeof *result);
    result[source] = map_create(HEIGHT, WIDTH, g->nodes[source].channels_out, true);
    if (block == 1) {
        fill(p, seed);
    } else {
        fill_with_layer1(p, n, seed);
    }
    for (int64_t i = 0; i < input_count(p); i++) { /* exact in bfloat16 */
        result[source].q[i] = (double)input_of(p)[i];
    }
    simulate(n, source, last, result, bits_of(p));
    check_ok(plan_forward(p, &error));
    int end = features ? g->nodes[last].inputs[0] : last;
    const map *b = &result[end];
    assert_int_equal(b->wide, block == 1);
    int64_t area = (int64_t)b->h * b->w, count = (int64_t)BATCH * area * b->c;
    double doubts = 0, sizes = 0;
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
        doubts += doubt;
        sizes += fabs(expected);
        double unit = b->wide ? 1 : unit_of(n, end, channel), found = (double)output_of(p)[i];
        if (!(fabs(found - unit * expected) <= unit * (doubt + 4 * U * expected))) {
            fail_msg("%s [%lld]: expected %g within %g, found %g", g->nodes[end].name, (long long)i, unit * expected,
                     unit * doubt, found);
        }
    }
    /* else little would have been tested; a weight near the middle of two puts its whole channel in doubt */
    assert_true(sizes > 0 && doubts < 0.02 * sizes);
    for (int i = 0; i < g->n_nodes; i++) {
        map_destroy(&result[i]);
    }
    free(result);
    plan_destroy(&p);
}

/* layer1 and what follows, each for itself, are the whole: what lies between them is a value of bfloat16. */
static void check_in_parts(network *n, uint64_t seed)
{
    reshift_error error;
    plan *whole = make_plan(n, RESHIFT_PRECISION_INT8, 1, 3, true);
    plan *upper = make_plan(n, RESHIFT_PRECISION_INT8, 2, 3, true);
    int n_dims;
    int64_t shape[4];
    fill(whole, seed);
    check_ok(plan_forward(whole, &error));
    fill_with_layer1(upper, n, seed);
    check_ok(plan_forward(upper, &error));
    plan_output_shape(whole, &n_dims, shape);
    assert_memory_equal(output_of(whole), output_of(upper), (size_t)(shape[0] * shape[1]) * sizeof(float));
    plan_destroy(&whole);
    plan_destroy(&upper);
}

static void test_simulation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        network *n = net_create(&nets[i], i);
        make_entry_exact(n);
        calibrate(n, 3);
        for (int block = 1; block <= 2; block++) {
            check_against_simulation(n, block, 3 + (uint64_t)block);
        }
        check_in_parts(n, 6);
        network_destroy(&n);
    }
}

/* New weights get new units: the primitive that carries them is made anew. */
static void test_changed_weights(void **state)
{
    (void)state;
    reshift_error error;
    network *n = net_create(&nets[0], 1);
    make_entry_exact(n);
    calibrate(n, 3);
    plan *kept = make_plan(n, RESHIFT_PRECISION_INT8, 1, 3, true);
    fill(kept, 4);
    check_ok(plan_forward(kept, &error));
    int gamma = graph_find_parameter(n->graph, "layer1.0.bn2.weight");
    network_parameter(n, gamma)[3] *= 1.5f;
    network_touch(n, gamma);
    plan *fresh = make_plan(n, RESHIFT_PRECISION_INT8, 1, 3, true);
    fill(kept, 4);
    fill(fresh, 4);
    check_ok(plan_forward(kept, &error));
    check_ok(plan_forward(fresh, &error));
    assert_memory_equal(output_of(kept), output_of(fresh), (size_t)BATCH * 32 * sizeof(float));
    plan_destroy(&kept);
    plan_destroy(&fresh);
    check_against_simulation(n, 1, 4);
    check_in_parts(n, 4);
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
            memcpy(first, output_of(p[0]), sizeof first);
        }
        assert_memory_equal(output_of(p[run % 2]), first, sizeof first);
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
    net_fill(input_of(wide), input_count(wide), 3);
    check_ok(plan_forward(wide, &error));
    check_ok(calibration_finish(c, &error));
    calibration_destroy(&c);
    narrow = make_plan(n, RESHIFT_PRECISION_INT8, 0, 3, false);
    net_fill(input_of(narrow), input_count(narrow), 3);
    check_ok(plan_forward(narrow, &error));
    double off = 0, size = 0;
    for (int i = 0; i < BATCH * 128; i++) {
        double x = (double)features_of(wide)[i], y = (double)features_of(narrow)[i];
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
    check_error(plan_create(n, &o, &p, &error), RESHIFT_ERROR_NOT_FOUND, "how large 'relu1' gets");
    calibrate(n, 3);
    for (int i = 0; i < n->graph->n_nodes; i++) {
        if (graph_is_kept(n->graph, i) && graph_shortcut_of(n->graph, i) >= 0) {
            n->range[i][5] *= 1.01f;
        }
    }
    check_error(plan_create(n, &o, &p, &error), RESHIFT_ERROR_NUMERIC, "in one ratio");
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
