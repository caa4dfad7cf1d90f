/*
 * Plans of every back end against the double-precision reference, value by value inside its derived bounds: every set
 * of trained blocks, every batch-norm mode, odd sizes, parts of a network. (test_ops.c: one operation at a time.) And
 * the back ends against each other: a training step.
 */
#include "check.h"

#include "engine/backend.h"
#include "engine/loss.h"
#include "engine/plan.h"
#include "engine/plan_optimiser.h"
#include "engine/nets.h"
#include "engine/reference.h"
#include "plan_values.h"

#define MAX_BLOCKS 8

typedef struct plan_case {
    const char *name;
    int batch, height, width;
    int first_block, last_block;
    bool train[MAX_BLOCKS], batch_statistics[MAX_BLOCKS];
    bool stop_at_features;
    const char *device; /* NULL: the default */
} plan_case;

static plan_options options_of(const plan_case *c, reshift_precision precision)
{
    plan_options options = {.batch = c->batch,
                            .height = c->height,
                            .width = c->width,
                            .first_block = c->first_block,
                            .last_block = c->last_block,
                            .stop_at_features = c->stop_at_features,
                            .precision = precision,
                            .device = c->device,
                            .train_block = c->train,
                            .batchnorm_batch = c->batch_statistics};
    return options;
}

/* Fails with place, value and bound at the first value outside. */
static void check_inside(const plan_case *c, const char *what, int64_t i, double found, double expected, double bound)
{
    if (!(fabs(found - expected) <= bound)) {
        fail_msg("%s (batch %d, %d x %d), %s [%lld]: expected %.9g within %.3g, found %.9g (off by %.3g)", c->name,
                 c->batch, c->height, c->width, what, (long long)i, expected, bound, found, fabs(found - expected));
    }
}

/* A plan's result, dense [N,H,W,C] or [N,C], against the reference's. */
static void check_result(const plan_case *c, const char *what, const float *found, const approximate *expected)
{
    for (int64_t i = 0; i < count_of(expected); i++) {
        int64_t channel = i % expected->c, p = i / expected->c;
        int64_t e =
            at(expected, p / (expected->h * expected->w), channel, p / expected->w % expected->h, p % expected->w);
        check_inside(c, what, i, found[i], expected->v[e], expected->e[e]);
    }
}

static int64_t product(int n_dims, const int64_t *shape)
{
    int64_t count = 1;
    for (int d = 0; d < n_dims; d++) {
        count *= shape[d];
    }
    return count;
}

static int input_node_of(const graph *g, int first)
{
    while (g->nodes[first].op == GRAPH_INPUT) {
        first++;
    }
    return g->nodes[first].inputs[0];
}

/* Running statistics after one forward pass, and counters. */
static void check_running(const plan_case *c, const network *before, const network *after, const reference *r)
{
    const graph *g = after->graph;
    for (int i = 0; i < g->n_nodes; i++) {
        const graph_node *node = &g->nodes[i];
        if (node->op != GRAPH_BATCHNORM) {
            continue;
        }
        bool updated = i >= r->first && i <= r->last && c->batch_statistics[node->block];
        const approximate *x = &r->result[node->inputs[0]];
        double count = (double)(x->n * x->h * x->w), unbiased = count / (count - 1), m = node->momentum;
        assert_int_equal(after->batches_tracked[i], before->batches_tracked[i] + updated);
        for (int channel = 0; channel < node->channels_out; channel++) {
            for (int v = 0; v < 2; v++) {
                double old = network_parameter(before, node->parameter + 2 + v)[channel];
                double found = network_parameter(after, node->parameter + 2 + v)[channel];
                if (!updated) {
                    assert_true(found == old);
                    continue;
                }
                double fresh = v ? r->variance[i][channel] * unbiased : r->mean[i][channel];
                double error = v ? r->variance_error[i][channel] * unbiased : r->mean_error[i][channel];
                double expected = (1 - m) * old + m * fresh;
                check_inside(c, v ? "running_var" : "running_mean", channel, found, expected,
                             m * error + 2 * UNIT_ROUNDOFF * (fabs(old) + fabs(fresh)));
            }
        }
        assert_int_equal(after->version[node->parameter + 2] > before->version[node->parameter + 2] + 1, false);
    }
}

/* Every trained parameter's gradient lies inside its bound; the others have none. */
static void check_gradients(const plan_case *c, plan *p, const reference *r)
{
    const graph *g = r->network->graph;
    int n_checked = 0;
    for (int i = 0; i < g->n_parameters; i++) {
        const graph_parameter *parameter = &g->parameters[i];
        bool learns = parameter->role != GRAPH_RUNNING_MEAN && parameter->role != GRAPH_RUNNING_VAR;
        bool inside = parameter->node >= r->first && parameter->node <= r->last;
        const float *gradient = gradient_of(p, i);
        if (!inside || !learns || !c->train[parameter->block]) {
            assert_null(gradient);
            continue;
        }
        assert_non_null(gradient);
        for (size_t k = 0; k < parameter->count; k++) {
            check_inside(c, parameter->name, (int64_t)k, gradient[k], r->parameter[i][k], r->parameter_error[i][k]);
        }
        n_checked++;
    }
    assert_true(n_checked > 0);
}

/* Runs a plan and the reference on the same input and compares all that the plan gives. Changes running statistics of
 * n. */
static void check_case_in(reshift_precision precision, network *n, const plan_case *c)
{
    reshift_error error;
    plan_options options = options_of(c, precision);
    plan *p;
    check_ok(plan_create(n, &options, &p, &error));
    int n_dims, first, last, ignored;
    int64_t shape[4];
    const graph *g = n->graph;
    plan_input_shape(p, &n_dims, shape);
    net_fill(input_of(p), product(n_dims, shape), 5);
    graph_block_range(g, c->first_block, &first, &ignored);
    graph_block_range(g, c->last_block, &ignored, &last);
    while (c->stop_at_features && g->nodes[last].op != GRAPH_GLOBAL_AVGPOOL) {
        last--;
    }
    network *before = network_clone(n);
    memcpy(before->version, n->version, (size_t)g->n_parameters * sizeof *n->version);
    reference r = reference_create(before, first, last, c->batch_statistics);
    r.storage = plan_precision(p) == RESHIFT_PRECISION_BF16 ? BF16_ROUNDOFF : 0;
    reference_forward(&r, input_node_of(g, first), input_of(p), shape[0], n_dims == 4 ? shape[1] : 1,
                      n_dims == 4 ? shape[2] : 1);
    check_ok(plan_forward(p, &error));
    plan_output_shape(p, &n_dims, shape);
    assert_int_equal(product(n_dims, shape), count_of(&r.result[last]));
    check_result(c, "output", output_of(p), &r.result[last]);
    if (g->nodes[last].op == GRAPH_LINEAR && first < last) {
        check_result(c, "features", features_of(p), &r.result[g->nodes[last].inputs[0]]);
    } else {
        assert_null(features_of(p));
    }
    check_running(c, before, n, &r);
    bool training = false;
    for (int b = c->first_block; b <= c->last_block; b++) {
        training |= c->train[b];
    }
    if (training) {
        int correct, classes = (int)shape[1], labels[64];
        double loss, same;
        float *gradient = calloc((size_t)(shape[0] * classes), sizeof *gradient);
        for (int i = 0; i < c->batch; i++) {
            labels[i] = i * 7 % classes;
        }
        check_ok(loss_cross_entropy(output_of(p), labels, c->batch, classes, 0, &same, &correct, gradient, &error));
        check_ok(plan_loss(p, labels, &loss, &correct, &error));
        assert_true(loss == same);
        check_ok(plan_backward(p, &error));
        reference_backward(&r, gradient);
        check_gradients(c, p, &r);
        free(gradient);
    }
    reference_destroy(&r);
    network_destroy(&before);
    plan_destroy(&p);
    assert_null(p);
}

/* On every back end. */
static void check_case(network *n, const plan_case *c)
{
    for (int row = 0; backend_at(row); row++) {
        plan_case there = *c;
        there.device = backend_at(row)->name;
        if (backend_at(row)->devices() > 0) {
            check_case_in(RESHIFT_PRECISION_F32, n, &there);
        }
    }
}

static const net_shape nets[] = {
    {{16, 16, 32}, 10, false, false}, /* identity shortcut in layer1, whole blocks of channels */
    {{5, 7, 6}, 3, false, true},      /* channels that fill no block, a shortcut convolution everywhere */
    {{16, 8, 20}, 4, true, true},     /* bottlenecks, identity shortcut in layer1 */
};
static const int sizes[][3] = {{1, 7, 7}, {3, 7, 10}, {17, 8, 8}}; /* batch, height, width */

static void test_inference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        network *n = net_create(&nets[i], i);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            plan_case c = {"inference", sizes[s][0], sizes[s][1], sizes[s][2], 0, n->graph->n_blocks - 1,
                           {0},         {0},         false,       NULL};
            check_case(n, &c);
            c.stop_at_features = true;
            check_case(n, &c);
        }
        network_destroy(&n);
    }
}

/* All 15 sets of trained blocks, with fixed statistics, the trained blocks' own, and everybody's own. */
static void test_every_set_of_trained_blocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        network *n = net_create(&nets[i], i);
        for (int set = 1; set < 16; set++) {
            for (int mode = 0; mode < 3; mode++) {
                static const char *const names[3] = {"frozen", "train", "train-all"};
                const int *size = sizes[1 + (set + mode) % 2];
                plan_case c = {names[mode], size[0], size[1], size[2], 0, 3, {0}, {0}, false, NULL};
                for (int b = 0; b < 4; b++) {
                    c.train[b] = set >> b & 1;
                    c.batch_statistics[b] = mode == 2 || (mode == 1 && c.train[b]);
                }
                if (set % 5 == 0) {
                    check_case(n, &c);
                } else { /* the default alone: this is the longest test */
                    check_case_in(RESHIFT_PRECISION_F32, n, &c);
                }
            }
        }
        network_destroy(&n);
    }
}

static void test_batch_of_one(void **state)
{
    (void)state;
    network *n = net_create(&nets[1], 3);
    plan_case c = {"one image", 1, 9, 7, 0, 3, {true, true, true, true}, {0}, false, NULL};
    check_case(n, &c);
    memset(c.batch_statistics, 1, sizeof c.batch_statistics);
    check_case(n, &c);
    network_destroy(&n);
}

/* Parts of the network, each on an input of its own: the prefix ends in maps, the tail begins with them, fc with
 * vectors. */
static void test_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        network *n = net_create(&nets[i], i);
        plan_case prefix = {"prefix", 3, 9, 8, 0, 1, {0}, {0}, false, NULL};
        check_case(n, &prefix);
        plan_case stem = {"stem", 2, 7, 7, 0, 0, {0}, {true}, false, NULL};
        check_case(n, &stem);
        plan_case middle = {"layer1", 2, 5, 6, 1, 1, {0}, {0}, false, NULL};
        check_case(n, &middle);
        plan_case tail = {"tail", 3, 5, 4, 2, 3, {0, 0, true, true}, {0}, false, NULL};
        check_case(n, &tail);
        tail.batch_statistics[2] = true;
        check_case(n, &tail);
        plan_case features = {"layer2", 3, 5, 4, 2, 2, {0}, {0}, false, NULL};
        check_case(n, &features);
        plan_case head = {"fc", 17, 1, 1, 3, 3, {0, 0, 0, true}, {0}, false, NULL};
        check_case(n, &head);
        network_destroy(&n);
    }
}

/*
 * Graphs that no ResNet has, where fusing or working in place would go wrong: a convolution whose shortcut is its own
 * input, a shortcut that is read again later, a result added to itself, batch norm without a convolution before it,
 * several readers of a ReLU's and of a batch norm's result.
 */
static network *odd_network(int kind)
{
    graph *g = graph_create();
    graph_begin_block(g, "conv1", NULL);
    int x = graph_add_input(g, 3), y;
    x = graph_add_relu(g, "r0", graph_add_batchnorm(g, "b0", graph_add_conv(g, "c0", x, 16, graph_square(3, 1, 1))));
    graph_begin_block(g, "layer1", NULL);
    switch (kind) {
    case 0:
        y = graph_add_batchnorm(g, "b1", graph_add_conv(g, "c1", x, 16, graph_square(3, 1, 1)));
        x = graph_add_relu(g, "r1", graph_add_add(g, "a1", y, x));
        break;
    case 1:
        y = graph_add_relu(g, "r1",
                           graph_add_batchnorm(g, "b1", graph_add_conv(g, "c1", x, 16, graph_square(3, 1, 1))));
        y = graph_add_batchnorm(g, "b2", graph_add_conv(g, "c2", y, 16, graph_square(1, 1, 0)));
        y = graph_add_relu(g, "r2", graph_add_add(g, "a2", y, x));
        y = graph_add_batchnorm(g, "b3", graph_add_conv(g, "c3", y, 16, graph_square(1, 1, 0)));
        x = graph_add_add(g, "a3", x, y);
        break;
    case 2:
        x = graph_add_add(g, "a1", x, x);
        x = graph_add_batchnorm(g, "b1", x);
        x = graph_add_add(g, "a2", graph_add_relu(g, "r2", x), x);
        x = graph_add_maxpool(g, "m", x, graph_square(3, 2, 1));
        break;
    default:
        y = graph_add_batchnorm(g, "b1", graph_add_conv(g, "c1", x, 16, graph_square(1, 1, 0)));
        x = graph_add_add(g, "a1", graph_add_relu(g, "r1", y), graph_add_add(g, "a2", y, x));
        x = graph_add_relu(g, "r2", graph_add_relu(g, "r3", x));
        break;
    }
    x = graph_add_global_avgpool(g, "avgpool", x);
    graph_begin_block(g, "fc", NULL);
    assert_true(graph_add_linear(g, "fc", x, 5) > 0);
    network *n = network_create(g);
    assert_non_null(n);
    net_randomise(n, 17);
    return n;
}

/* What a training step leaves: two plans of the same network on different back ends. */
typedef struct trained {
    network *net;
    plan *plan;
    plan_optimiser *optimiser;
    double loss;
} trained;

#define RATE 0.125 /* a power of 2: the step's product is exact */

static trained train_one_step(const char *device, const net_shape *shape, const float *input)
{
    static const bool all[MAX_BLOCKS] = {true, true, true, true};
    static const int labels[3] = {0, 2, 1};
    reshift_error error;
    trained t = {.net = net_create(shape, 9)};
    plan_options options = {.batch = 3,
                            .height = 7,
                            .width = 8,
                            .last_block = 3,
                            .device = device,
                            .train_block = all,
                            .batchnorm_batch = all};
    const graph *g = t.net->graph;
    int *parameters = calloc((size_t)g->n_parameters, sizeof *parameters), count = 0, correct;
    double *rates = calloc((size_t)g->n_parameters, sizeof *rates);
    for (int i = 0; i < g->n_parameters; i++) {
        if (g->parameters[i].role != GRAPH_RUNNING_MEAN && g->parameters[i].role != GRAPH_RUNNING_VAR) {
            rates[count] = RATE;
            parameters[count++] = i;
        }
    }
    check_ok(plan_create(t.net, &options, &t.plan, &error));
    check_ok(plan_optimiser_create(t.net, device, &(optimiser_rule){.kind = OPTIMISER_SGD}, parameters, rates, count,
                                   &t.optimiser, &error));
    plan_write_rows(t.plan, input, 3);
    check_ok(plan_forward(t.plan, &error));
    check_ok(plan_loss(t.plan, labels, &t.loss, &correct, &error));
    check_ok(plan_backward(t.plan, &error));
    check_ok(plan_optimiser_step(t.optimiser, t.plan, 1, &error));
    check_ok(plan_synchronise(t.plan, &error));
    free(parameters);
    free(rates);
    return t;
}

static void trained_destroy(trained *t)
{
    plan_optimiser_destroy(&t->optimiser);
    plan_destroy(&t->plan);
    network_destroy(&t->net);
}

/* Bound of what a forward pass makes of running statistics. */
static double running_error(const reference *r, int node, graph_role role, int64_t channel)
{
    const approximate *x = &r->result[r->network->graph->nodes[node].inputs[0]];
    double count = (double)(x->n * x->h * x->w), momentum = (double)r->network->graph->nodes[node].momentum;
    return momentum * (role == GRAPH_RUNNING_VAR ? r->variance_error[node][channel] * count / (count - 1)
                                                 : r->mean_error[node][channel]);
}

/*
 * Loss, new parameters and running statistics of both lie within the reference's bounds of the exact ones. The loss of
 * a row moves by at most 2 max |d| when logits move by d, its gradient by max |d| / 2.
 */
static void check_equal(const char *device, const net_shape *shape, const trained *a, const trained *b,
                        const float *input)
{
    static const bool all[MAX_BLOCKS] = {true, true, true, true};
    static const int labels[3] = {0, 2, 1};
    const plan_case c = {device, 3, 7, 8, 0, 3, {0}, {0}, false, device};
    network *n = net_create(shape, 9);
    const graph *g = n->graph;
    reference r = reference_create(n, 0, g->n_nodes - 1, all);
    reference_forward(&r, 0, input, 3, 7, 8);
    const approximate *exact = &r.result[g->n_nodes - 1];
    float *logits = calloc((size_t)count_of(exact), sizeof *logits),
          *gradient = calloc((size_t)count_of(exact), sizeof *logits);
    double widest = 0, loss;
    int correct;
    reshift_error error;
    for (int64_t i = 0; i < count_of(exact); i++) {
        logits[i] = (float)exact->v[i];
        widest = fmax(widest, exact->e[i] + UNIT_ROUNDOFF * fabs(exact->v[i]));
    }
    check_ok(loss_cross_entropy(logits, labels, 3, (int)exact->c, 0, &loss, &correct, gradient, &error));
    check_inside(&c, "loss", 0, a->loss, b->loss, 4 * widest);
    reference_backward_within(&r, gradient, (widest / 2 + 2 * UNIT_ROUNDOFF) / 3);
    for (int i = 0; i < g->n_parameters; i++) {
        const float *x = network_parameter(a->net, i), *y = network_parameter(b->net, i);
        const graph_role role = g->parameters[i].role;
        bool learns = role != GRAPH_RUNNING_MEAN && role != GRAPH_RUNNING_VAR, moved = false;
        for (size_t k = 0; k < g->parameters[i].count; k++) {
            double bound =
                learns ? RATE * r.parameter_error[i][k] : running_error(&r, g->parameters[i].node, role, (int64_t)k);
            check_inside(&c, g->parameters[i].name, (int64_t)k, (double)x[k], (double)y[k],
                         2 * bound + 4 * UNIT_ROUNDOFF * fabs((double)y[k]));
            moved |= x[k] != network_parameter(n, i)[k];
        }
        assert_true(moved);
    }
    free(logits);
    free(gradient);
    reference_destroy(&r);
    network_destroy(&n);
}

static void test_back_ends_agree(void **state)
{
    (void)state;
    float input[3 * 7 * 8 * 3];
    net_fill(input, 3 * 7 * 8 * 3, 14);
    for (size_t i = 0; i < 2; i++) { /* with two 3x3 a block, and with channels that fill no block */
        trained first = train_one_step(backend_at(0)->name, &nets[i], input);
        for (int row = 1; backend_at(row); row++) {
            if (backend_at(row)->devices() > 0) {
                trained other = train_one_step(backend_at(row)->name, &nets[i], input);
                check_equal(backend_at(row)->name, &nets[i], &other, &first, input);
                trained_destroy(&other);
            }
        }
        trained_destroy(&first);
    }
}

static void test_odd_graphs(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        network *n = odd_network(kind);
        for (int set = 0; set < 8; set++) {
            for (int mode = 0; mode < 2; mode++) {
                static const char *const names[4] = {"own input as shortcut", "shortcut read again", "added to itself",
                                                     "many readers"};
                plan_case c = {names[kind], 3, 7, 6, 0, 2, {0}, {0}, false, NULL};
                for (int b = 0; b < 3; b++) {
                    c.train[b] = set >> b & 1;
                    c.batch_statistics[b] = mode;
                }
                check_case(n, &c);
            }
        }
        network_destroy(&n);
    }
}

/* Channels that never vary: variance zero, 1/sqrt(eps) = 316 as the factor, in both modes, forward and backward. */
static void test_zero_variance(void **state)
{
    (void)state;
    network *n = net_create(&nets[0], 8);
    int weight = graph_find_parameter(n->graph, "layer1.0.conv1.weight");
    int variance = graph_find_parameter(n->graph, "layer2.0.bn1.running_var");
    memset(network_parameter(n, weight), 0, n->graph->parameters[weight].count * sizeof(float) / 2);
    network_parameter(n, variance)[0] = network_parameter(n, variance)[31] = 0;
    network_touch(n, weight);
    network_touch(n, variance);
    plan_case c = {"zero variance", 3, 7, 7, 0, 3, {0}, {0}, false, NULL};
    check_case(n, &c);
    memset(c.train, 1, sizeof c.train);
    check_case(n, &c);
    memset(c.batch_statistics, 1, sizeof c.batch_statistics);
    check_case(n, &c);
    network_destroy(&n);
}

/* The same in bfloat16: forward, its parts, odd graphs, and training in every batch-norm mode. */
static void test_bf16(void **state)
{
    (void)state;
    if (reshift_precision_here(RESHIFT_PRECISION_BF16, true) != RESHIFT_PRECISION_BF16) {
        skip();
    }
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        network *n = net_create(&nets[i], i);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            plan_case c = {"bf16", sizes[s][0], sizes[s][1], sizes[s][2], 0, 3, {0}, {0}, false, NULL};
            check_case_in(RESHIFT_PRECISION_BF16, n, &c);
            for (c.last_block = 0; c.last_block < 3; c.last_block++) {
                check_case_in(RESHIFT_PRECISION_BF16, n, &c);
            }
        }
        plan_case tail = {"bf16 tail", 3, 5, 4, 2, 3, {0, 0, true, true}, {0}, false, NULL};
        check_case_in(RESHIFT_PRECISION_BF16, n, &tail);
        network_destroy(&n);
    }
}

/* The worst case's bounds leave room for a wrong pixel: as a whole each gradient is within a fifth of float32's. */
static void check_near_float32(network *n, const plan_case *c)
{
    reshift_error error;
    plan *p[2];
    int labels[64], correct;
    double loss;
    for (int i = 0; i < c->batch; i++) {
        labels[i] = i % 3;
    }
    for (int i = 0; i < 2; i++) {
        plan_options options = options_of(c, i ? RESHIFT_PRECISION_BF16 : RESHIFT_PRECISION_F32);
        int n_dims;
        int64_t shape[4];
        check_ok(plan_create(n, &options, &p[i], &error));
        plan_input_shape(p[i], &n_dims, shape);
        net_fill(input_of(p[i]), product(n_dims, shape), 5);
        check_ok(plan_forward(p[i], &error));
        check_ok(plan_loss(p[i], labels, &loss, &correct, &error));
        check_ok(plan_backward(p[i], &error));
    }
    for (int i = 0; i < n->graph->n_parameters; i++) {
        const float *exact = gradient_of(p[0], i), *rounded = gradient_of(p[1], i);
        double square = 0, difference = 0;
        for (size_t k = 0; exact && k < n->graph->parameters[i].count; k++) {
            square += (double)exact[k] * (double)exact[k];
            difference += ((double)exact[k] - (double)rounded[k]) * ((double)exact[k] - (double)rounded[k]);
        }
        if (difference > 0.04 * square) {
            fail_msg("%s: %g of %g", n->graph->parameters[i].name, sqrt(difference), sqrt(square));
        }
    }
    plan_destroy(&p[0]);
    plan_destroy(&p[1]);
}

/* Channels and pixels enough for weight gradients by matrix products: as they lie, gathered, and in several parts. */
static void test_bf16_weight_products(void **state)
{
    (void)state;
    if (reshift_precision_here(RESHIFT_PRECISION_BF16, true) != RESHIFT_PRECISION_BF16) {
        skip();
    }
    static const net_shape wide[] = {{{32, 32, 32}, 4, true, true}};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        network *n = net_create(&wide[i], 7 + i);
        plan_case c = {"products", 6, 13, 12, 0, 3, {true, true, true, true}, {0}, false, NULL};
        check_case_in(RESHIFT_PRECISION_BF16, n, &c);
        check_near_float32(n, &c);
        network_destroy(&n);
    }
}

/* The reference's own gradients against central differences of its own loss, in double: sure to eight digits. */
static double reference_loss(const network *n, const float *input, const bool *batch, const int *labels,
                             float *gradient, reference *r)
{
    *r = reference_create(n, 0, n->graph->n_nodes - 1, batch);
    reference_forward(r, 0, input, 3, 7, 6);
    const approximate *z = &r->result[r->last];
    double loss = 0;
    for (int64_t i = 0; i < z->n; i++) {
        double sum = 0;
        for (int64_t k = 0; k < z->c; k++) {
            sum += exp(z->v[i * z->c + k]);
        }
        loss += (log(sum) - z->v[i * z->c + labels[i]]) / (double)z->n;
        for (int64_t k = 0; k < z->c; k++) {
            gradient[i * z->c + k] = (float)((exp(z->v[i * z->c + k]) / sum - (k == labels[i])) / (double)z->n);
        }
    }
    return loss;
}

static void test_reference_by_central_differences(void **state)
{
    (void)state;
    static const bool batch_modes[2][MAX_BLOCKS] = {{false}, {true, true, true, true}};
    static const int labels[3] = {0, 2, 1};
    network *n = net_create(&nets[1], 5);
    float input[3 * 7 * 6 * 3], gradient[9], ignored[9];
    net_fill(input, 3 * 7 * 6 * 3, 6);
    for (int mode = 0; mode < 2; mode++) {
        reference r, side;
        reference_loss(n, input, batch_modes[mode], labels, gradient, &r);
        reference_backward(&r, gradient);
        for (int p = 0; p < n->graph->n_parameters; p++) {
            const graph_parameter *parameter = &n->graph->parameters[p];
            if (parameter->role == GRAPH_RUNNING_MEAN || parameter->role == GRAPH_RUNNING_VAR) {
                continue;
            }
            size_t i = parameter->count / 2;
            float *value = &network_parameter(n, p)[i], kept = *value, low = kept - 1e-4f, high = kept + 1e-4f;
            double loss[2];
            for (int s = 0; s < 2; s++) {
                *value = s ? high : low;
                loss[s] = reference_loss(n, input, batch_modes[mode], labels, ignored, &side);
                reference_destroy(&side);
            }
            *value = kept;
            double found = (loss[1] - loss[0]) / ((double)high - low), expected = r.parameter[p][i];
            /* curvature leaves about h^2 = 1e-8 of the loss's third derivative; the loss gradient was rounded to float
             */
            if (fabs(found - expected) > 1e-5 * (1 + fabs(expected))) {
                fail_msg("%s [%zu], %s statistics: gradient %.9g, central difference %.9g", parameter->name, i,
                         mode ? "batch" : "fixed", expected, found);
            }
        }
        reference_destroy(&r);
    }
    network_destroy(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inference),     cmocka_unit_test(test_parts),
        cmocka_unit_test(test_batch_of_one),  cmocka_unit_test(test_reference_by_central_differences),
        cmocka_unit_test(test_odd_graphs),    cmocka_unit_test(test_back_ends_agree),
        cmocka_unit_test(test_bf16),          cmocka_unit_test(test_bf16_weight_products),
        cmocka_unit_test(test_zero_variance), cmocka_unit_test(test_every_set_of_trained_blocks),
    };
    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
