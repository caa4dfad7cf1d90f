/*
 * Convolutions of every shape of ops_cases.h in int8, against the double-precision reference. Inputs and weights are
 * chosen on the grids that int8 rounds them to: inputs 0..255 units of their channel, weights times those units
 * -127..127 units of their output channel, one of them 127. Products of 8 bits are summed exactly, so all that is left
 * is the rounding of the result to half a unit of its own, and a few of float32. (int8_cases.h does the same with
 * values off the grids, step by step, for two networks.)
 *
 * The network: one-hot images and a 1x1 convolution make any input (test_ops.c); "mid", the identity, is not in 8 bits,
 * since it reads the first block; its result is rounded to 8 bits for the convolution to be tested, batch norm and
 * ReLU.
 */
#include "check.h"

#include "engine/nets.h"
#include "engine/ops_cases.h"
#include "engine/reference.h"
#include "plan_values.h"

enum { X, MID, OP }; /* blocks */

/* Of a channel of the input: another one from channel to channel. */
static double input_unit(int64_t channel) { return ldexp(1, -5 - (int)(channel % 3)); }

/* x.weight [C,pixels]: 0..255 units, and some below 0 for the ReLU. */
static void set_input(network *n)
{
    const graph_parameter *parameter = &n->graph->parameters[graph_find_parameter(n->graph, "x.weight")];
    const size_t row = parameter->count / (size_t)parameter->shape[0];
    float *values = n->values + parameter->offset;
    net_fill(values, (int64_t)parameter->count, 22);
    for (size_t i = 0; i < parameter->count; i++) {
        values[i] = fminf(rintf(80 * values[i]), 255) * (float)input_unit((int64_t)(i / row));
    }
}

/* op.weight [O,I,kh,kw]: -127..127 over the unit of the input channel; the first of an output channel is 127. */
static void set_weights(network *n)
{
    const graph_parameter *parameter = &n->graph->parameters[graph_find_parameter(n->graph, "op.weight")];
    const graph_node *node = &n->graph->nodes[parameter->node];
    const int64_t *shape = parameter->shape, area = shape[2] * shape[3];
    float *values = n->values + parameter->offset;
    net_fill(values, (int64_t)parameter->count, 23);
    for (int64_t i = 0; i < (int64_t)parameter->count; i++) {
        int64_t o = i / (area * shape[1]), group = o / (node->channels_out / node->window.groups);
        int64_t channel = group * shape[1] + i / area % shape[1];
        float steps = i % (area * shape[1]) ? fmaxf(fminf(rintf(50 * values[i]), 127), -127) : 127;
        values[i] = steps / (float)(4096 * input_unit(channel));
    }
}

static void set_identity(network *n)
{
    const graph *g = n->graph;
    float *values = network_parameter(n, graph_find_parameter(g, "mid.weight"));
    const int norm = graph_find_parameter(g, "mid_bn.weight"), channels = (int)g->parameters[norm].count;
    for (int i = 0; i < channels * channels; i++) {
        values[i] = i / channels == i % channels;
    }
    for (int c = 0; c < channels; c++) {
        network_parameter(n, norm)[c] = 1;
        network_parameter(n, norm + 1)[c] = network_parameter(n, norm + 2)[c] = 0;
        network_parameter(n, norm + 3)[c] = 1 - 1e-5f;
    }
}

static network *make_network(const op_case *c)
{
    const engine_shape *s = &c->shape;
    graph *g = graph_create();
    graph_begin_block(g, "in", NULL);
    int x = graph_add_input(g, c->batch * s->h * s->w);
    x = graph_add_relu(g, "x_relu", graph_add_conv(g, "x", x, s->channels_in, graph_square(1, 1, 0)));
    graph_begin_block(g, "mid", NULL);
    x = graph_add_batchnorm(g, "mid_bn", graph_add_conv(g, "mid", x, s->channels_in, graph_square(1, 1, 0)));
    x = graph_add_relu(g, "mid_relu", x);
    graph_begin_block(g, "op", NULL);
    x = graph_add_batchnorm(g, "op_bn", graph_add_conv(g, "op", x, s->channels_out, s->window));
    x = graph_add_relu(g, "op_relu", x);
    graph_begin_block(g, "out", NULL);
    assert_true(graph_add_linear(g, "fc", graph_add_global_avgpool(g, "avgpool", x), 3) > 0);
    network *n = network_create(g);
    assert_non_null(n);
    net_randomise(n, 21);
    set_input(n);
    set_identity(n);
    set_weights(n);
    return n;
}

static int find_node(const graph *g, const char *name)
{
    for (int i = 0; i < g->n_nodes; i++) {
        if (!strcmp(g->nodes[i].name, name)) {
            return i;
        }
    }
    fail_msg("no node '%s'", name);
    return -1;
}

/* Clipping ranges that hold every value, with its bound. */
static void set_range(network *n, int node, const approximate *a)
{
    float *range = network_range(n, node);
    for (int64_t i = 0; i < count_of(a); i++) {
        int64_t c = i / (a->h * a->w) % a->c;
        range[c] = fmaxf(range[c], (float)((a->v[i] + a->e[i]) * (1 + 1e-6)));
    }
    for (int64_t c = 0; c < a->c; c++) {
        range[c] = range[c] > 0 ? range[c] : 1;
    }
}

static double unit_of(const network *n, int node, int64_t channel) { return (double)n->range[node][channel] / 255; }

/* Replaces the result of op_relu by what int8 makes of mid_relu's, and sets both ranges. */
static void convolve(reference *r, network *n, int mid, int op)
{
    const graph_node *node = &n->graph->nodes[op], *norm = node + 1;
    approximate *x = &r->result[mid], *y = &r->result[op + 2];
    const float *w = network_parameter(n, node->parameter), *parameter[4];
    const float *own = node->window.bias ? network_parameter(n, node->parameter + 1) : NULL;
    for (int i = 0; i < 4; i++) {
        parameter[i] = network_parameter(n, norm->parameter + i);
    }
    for (int64_t i = 0; i < count_of(x); i++) { /* the identity, exactly */
        double unit = input_unit(i / (x->h * x->w) % x->c);
        x->v[i] = rint(x->v[i] / unit) * unit;
        x->e[i] = 0;
    }
    for (int64_t c = 0; c < x->c; c++) {
        network_range(n, mid)[c] = (float)(255 * input_unit(c));
    }
    r->storage = 0;
    for (int64_t i = 0; i < count_of(y); i++) {
        int64_t column = i % y->w, row = i / y->w % y->h, o = i / (y->w * y->h) % y->c,
                image = i / (y->w * y->h * y->c);
        double sum, ignored, scale = (double)parameter[0][o] / sqrt((double)parameter[3][o] + (double)norm->epsilon);
        double bias = (double)parameter[1][o] + ((own ? (double)own[o] : 0) - (double)parameter[2][o]) * scale;
        reference_window(r, op, x, w, 0, image, o, row, column, &sum, &ignored);
        y->v[i] = fmax(sum * scale + bias, 0);
        /* the sum is exact; units of weights and result, scale, bias, their products and the sum are rounded */
        y->e[i] = 12 * UNIT_ROUNDOFF * (fabs(sum * scale) + fabs(bias));
    }
    set_range(n, op + 2, y);
    for (int64_t i = 0; i < count_of(y); i++) {
        y->e[i] += unit_of(n, op + 2, i / (y->h * y->w) % y->c) / 2;
    }
}

static double check_values(const op_case *c, const float *found, const approximate *exact)
{
    double bounds = 0, sizes = 0;
    for (int64_t i = 0; i < count_of(exact); i++) {
        int64_t channel = i % exact->c, p = i / exact->c;
        int64_t e = at(exact, p / (exact->h * exact->w), channel, p / exact->w % exact->h, p % exact->w);
        if (!(fabs((double)found[i] - exact->v[e]) <= exact->e[e])) {
            print_error("'%s', int8, result [%lld]: expected %.9g within %.3g, found %.9g\n", c->shape.name,
                        (long long)i, exact->v[e], exact->e[e], (double)found[i]);
            return -1;
        }
        bounds += exact->e[e];
        sizes += fabs(exact->v[e]);
    }
    return sizes > 0 ? bounds / sizes : 0;
}

/* Mean bound over mean size; below 0: outside. */
static double check_case(const op_case *c)
{
    reshift_error error;
    const engine_shape *s = &c->shape;
    const int64_t pixels = (int64_t)c->batch * s->h * s->w;
    network *n = make_network(c);
    const int mid = find_node(n->graph, "mid_relu"), op = find_node(n->graph, "op"),
              end = find_node(n->graph, "op_relu");
    float *input = calloc((size_t)(pixels * pixels), sizeof *input);
    for (int64_t p = 0; p < pixels; p++) {
        input[p * pixels + p] = 1;
    }
    reference r = reference_create(n, 0, end, NULL);
    r.storage = reshift_precision_here(RESHIFT_PRECISION_BF16, false) == RESHIFT_PRECISION_BF16 ? BF16_ROUNDOFF : 0;
    reference_forward(&r, 0, input, c->batch, s->h, s->w);
    set_range(n, find_node(n->graph, "x_relu"), &r.result[find_node(n->graph, "x_relu")]);
    convolve(&r, n, mid, op);
    const plan_options options = {
        .batch = c->batch, .height = s->h, .width = s->w, .last_block = OP, .precision = RESHIFT_PRECISION_INT8};
    plan *p;
    check_ok(plan_create(n, &options, &p, &error));
    assert_int_equal(plan_precision(p), RESHIFT_PRECISION_INT8);
    plan_write_rows(p, input, c->batch);
    check_ok(plan_forward(p, &error));
    double share = check_values(c, output_of(p), &r.result[end]);
    plan_destroy(&p);
    reference_destroy(&r);
    network_destroy(&n);
    free(input);
    return share;
}

static void test_convolutions(void **state)
{
    (void)state;
    if (reshift_precision_here(RESHIFT_PRECISION_INT8, false) != RESHIFT_PRECISION_INT8) {
        print_message("# skipped: the processor has no int8\n");
        skip();
    }
    int n_checked = 0, n_failed = 0;
    double widest = 0;
    for (int row = 0; engine_shape_at(row); row++) {
        op_case c = shrunk(engine_shape_at(row));
        if (c.shape.op == GRAPH_CONV) {
            double share = check_case(&c);
            n_failed += share < 0;
            widest = fmax(widest, share);
            n_checked++;
        }
    }
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        if (hostile[i].shape.op == GRAPH_CONV) {
            n_failed += check_case(&hostile[i]) < 0;
            n_checked++;
        }
    }
    assert_true(n_checked > 0);
    assert_int_equal(n_failed, 0);
    printf("# widest mean bound of real shapes: %.3g of the mean size\n", widest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_convolutions)};
    return cmocka_run_group_tests_name("ops_int8", tests, NULL, NULL);
}
