/*
 * Every operation in every back end and precision, over shapes of real networks and hostile ones: results, gradients of
 * the input and of the parameters, value by value inside bounds that the double-precision reference carries
 * (reference.h). What a back end cannot compute on this processor is skipped with a line.
 *
 * A plan reads an image and ends in a loss. So that an operation's input and the gradient of its result are arbitrary
 * maps, and the gradient of its input can be read, it is put between two convolutions:
 *
 *   x        1x1 over one-hot images: pixel p of the batch is 1 in channel p alone. Its weights [C,p] are the
 * operation's input, exactly, and the gradients of these weights are the gradients of that input: both are sums with
 * one term that is not 0. readout  as large as the operation's result and with random weights: each of the result's
 * values has a gradient of its own.
 */
#include "check.h"

#include "engine/backend.h"
#include "engine/loss.h"
#include "engine/nets.h"
#include "engine/ops_cases.h"
#include "engine/reference.h"
#include "plan_values.h"

#define BLOCKS_MOST 3

/* ---- networks around one operation ---- */

typedef enum setting {
    BETWEEN, /* x, operation, readout */
    DIRECT,  /* the operation reads the image: no gradient of its input */
    FUSED,   /* x, a twin of the convolution and the convolution, each with batch norm; their sum; ReLU; readout */
    SETTINGS
} setting;
static const char *const setting_names[SETTINGS] = {"between", "direct", "fused"};

static int add_operation(graph *g, const engine_shape *s, int x)
{
    switch (s->op) {
    case GRAPH_CONV: return graph_add_conv(g, "op", x, s->channels_out, s->window);
    case GRAPH_BATCHNORM: return graph_add_batchnorm(g, "op", x);
    case GRAPH_RELU: return graph_add_relu(g, "op", x);
    case GRAPH_ADD: return graph_add_add(g, "op", x, graph_add_relu(g, "other", x));
    case GRAPH_MAXPOOL: return graph_add_maxpool(g, "op", x, s->window);
    default: return graph_add_global_avgpool(g, "op", x);
    }
}

static int add_fused(graph *g, const engine_shape *s, int x)
{
    int twin = graph_add_batchnorm(g, "twin_bn", graph_add_conv(g, "twin", x, s->channels_out, s->window));
    int own = graph_add_batchnorm(g, "op_bn", graph_add_conv(g, "op", x, s->channels_out, s->window));
    return graph_add_relu(g, "relu", graph_add_add(g, "add", own, twin));
}

/* Blocks: "in" (not where it is DIRECT), "op", "out". A linear layer and its average are one "op" with nothing after
 * it. */
static graph *make_graph(const op_case *c, setting how)
{
    const engine_shape *s = &c->shape;
    graph *g = graph_create();
    graph_begin_block(g, how == DIRECT ? "op" : "in", NULL);
    int x = graph_add_input(g, how == DIRECT ? s->channels_in : c->batch * s->h * s->w);
    if (how != DIRECT) {
        x = graph_add_conv(g, "x", x, s->channels_in, graph_square(1, 1, 0));
        graph_begin_block(g, "op", NULL);
    }
    x = how == FUSED ? add_fused(g, s, x) : add_operation(g, s, x);
    if (s->op != GRAPH_LINEAR) {
        graph_begin_block(g, "out", NULL);
    }
    if (s->op != GRAPH_LINEAR && s->op != GRAPH_GLOBAL_AVGPOOL) {
        const graph_extent result = engine_shape_result(s);
        graph_window all = graph_square(1, 1, 0);
        all.kernel[0] = result.h;
        all.kernel[1] = result.w;
        x = graph_add_global_avgpool(g, "avgpool", graph_add_conv(g, "readout", x, 7, all));
    }
    x = graph_add_linear(g, "fc", x, s->op == GRAPH_LINEAR ? s->channels_out : 5);
    assert_true(x > 0);
    return g;
}

/* To the 8 leading bits that bfloat16 keeps: products and stored inputs are exact then. */
static void round_to_bf16(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int exponent;
        float fraction = frexpf(values[i], &exponent);
        values[i] = ldexpf(rintf(fraction * 256) / 256, exponent);
    }
}

static network *make_network(const op_case *c, setting how, reshift_precision precision)
{
    network *n = network_create(make_graph(c, how));
    assert_non_null(n);
    net_randomise(n, 11);
    int x = how == DIRECT ? -1 : graph_find_parameter(n->graph, "x.weight");
    for (int p = 0; p < n->graph->n_parameters; p++) {
        const graph_parameter *parameter = &n->graph->parameters[p];
        float *values = network_parameter(n, p);
        if (p == x) {
            net_fill(values, (int64_t)parameter->count, 12);
        }
        for (size_t i = 0; p == x && c->shape.op == GRAPH_MAXPOOL && i < parameter->count; i++) {
            values[i] = rintf(2 * values[i]) / 2; /* many ties, all exact */
        }
        if (precision != RESHIFT_PRECISION_F32 && parameter->role == GRAPH_WEIGHT) {
            round_to_bf16(values, parameter->count);
        }
    }
    return n;
}

static float *make_input(const op_case *c, setting how, reshift_precision precision)
{
    const engine_shape *s = &c->shape;
    const int64_t pixels = (int64_t)c->batch * s->h * s->w;
    float *input = calloc((size_t)(pixels * (how == DIRECT ? s->channels_in : pixels)), sizeof *input);
    if (how == DIRECT) {
        net_fill(input, pixels * s->channels_in, 13);
        if (precision != RESHIFT_PRECISION_F32) {
            round_to_bf16(input, (size_t)(pixels * s->channels_in));
        }
        return input;
    }
    for (int64_t p = 0; p < pixels; p++) {
        input[p * pixels + p] = 1;
    }
    return input;
}

/* ---- one run of a plan against the reference ---- */

typedef struct run {
    const op_case *c;
    setting how;
    const char *device;
    reshift_precision precision;
    bool training, batch_statistics;
    float source_share;
    bool failed;
} run;

/* Of the test so far. A test in which nothing was compared fails. */
static int n_values, n_failed;

static void check_inside(run *r, const char *what, int64_t i, double found, double expected, double bound)
{
    n_values++;
    if (!(fabs(found - expected) <= bound) && !r->failed) {
        r->failed = true; /* the first value of a run that is outside is printed */
        n_failed++;
        print_error("'%s' (%s%s%s), %s in %s, %s [%lld]: expected %.9g within %.3g, found %.9g (off by %.3g)\n",
                    r->c->shape.name, setting_names[r->how], r->training ? ", training" : "",
                    r->batch_statistics ? ", batch statistics" : "", r->device, reshift_precision_name(r->precision),
                    what, (long long)i, expected, bound, found, fabs(found - expected));
    }
}

/* Dense [N,H,W,C] or [N,C]. */
static void check_result(run *r, const float *found, const approximate *expected)
{
    for (int64_t i = 0; i < count_of(expected); i++) {
        int64_t channel = i % expected->c, p = i / expected->c;
        int64_t e =
            at(expected, p / (expected->h * expected->w), channel, p / expected->w % expected->h, p % expected->w);
        check_inside(r, "result", i, (double)found[i], expected->v[e], expected->e[e]);
    }
}

static void check_gradients(run *r, plan *p, const reference *exact, const bool *train)
{
    const graph *g = exact->network->graph;
    for (int i = 0; i < g->n_parameters; i++) {
        const graph_parameter *parameter = &g->parameters[i];
        const float *gradient = gradient_of(p, i);
        bool learns = parameter->role != GRAPH_RUNNING_MEAN && parameter->role != GRAPH_RUNNING_VAR;
        assert_int_equal(gradient != NULL, learns && train[parameter->block]);
        for (size_t k = 0; gradient && k < parameter->count; k++) {
            check_inside(r, parameter->name, (int64_t)k, (double)gradient[k], exact->parameter[i][k],
                         exact->parameter_error[i][k]);
        }
    }
}

static void check_statistics(run *r, const network *before, const network *after, const reference *exact)
{
    const graph *g = after->graph;
    for (int i = 0; i < g->n_nodes; i++) {
        const graph_node *node = &g->nodes[i];
        if (node->op != GRAPH_BATCHNORM) {
            continue;
        }
        const approximate *x = &exact->result[node->inputs[0]];
        double count = (double)(x->n * x->h * x->w), m = (double)node->momentum;
        for (int k = 0; k < 2 * node->channels_out; k++) {
            int c = k / 2, of = k % 2;
            double old = (double)network_parameter(before, node->parameter + 2 + of)[c];
            double found = (double)network_parameter(after, node->parameter + 2 + of)[c];
            double fresh = of ? exact->variance[i][c] * count / (count - 1) : exact->mean[i][c];
            double error = of ? exact->variance_error[i][c] * count / (count - 1) : exact->mean_error[i][c];
            bool moves = r->batch_statistics && r->source_share == 0;
            check_inside(r, of ? "running variance" : "running mean", c, found, moves ? (1 - m) * old + m * fresh : old,
                         moves ? m * error + 4 * UNIT_ROUNDOFF * (fabs(old) + fabs(fresh)) : 0);
        }
    }
}

/* Loss, its gradient from the plan's own logits, backward, gradients. */
static void check_training(run *r, plan *p, reference *exact, const bool *train)
{
    reshift_error error;
    const graph *g = exact->network->graph;
    const int batch = r->c->batch, classes = g->nodes[exact->last].channels_out;
    int labels[8], correct;
    double loss;
    float gradient[8 * 1024];
    assert_true(batch <= 8 && classes <= 1024);
    for (int i = 0; i < batch; i++) {
        labels[i] = i * 7 % classes;
    }
    check_ok(loss_cross_entropy(output_of(p), labels, batch, classes, 0, &loss, &correct, gradient, &error));
    check_ok(plan_loss(p, labels, &loss, &correct, &error));
    check_ok(plan_backward(p, &error));
    reference_backward(exact, gradient);
    check_gradients(r, p, exact, train);
}

static void check_run(run *r)
{
    reshift_error error;
    network *n = make_network(r->c, r->how, r->precision), *before = network_clone(n);
    const graph *g = n->graph;
    bool train[BLOCKS_MOST], batch[BLOCKS_MOST];
    for (int b = 0; b < g->n_blocks; b++) {
        train[b] = strcmp(g->blocks[b], "out") != 0;
        batch[b] = r->batch_statistics;
    }
    const int op = graph_find_block(g, "op"), last_block = r->training ? g->n_blocks - 1 : op;
    int first, last;
    graph_block_range(g, last_block, &first, &last);
    const plan_options options = {.batch = r->c->batch,
                                  .height = r->c->shape.h,
                                  .width = r->c->shape.w,
                                  .last_block = last_block,
                                  .device = r->device,
                                  .precision = r->precision,
                                  .train_block = r->training ? train : NULL,
                                  .batchnorm_batch = batch,
                                  .source_share = r->source_share};
    float *input = make_input(r->c, r->how, r->precision);
    plan *p;
    reference exact = reference_create(before, 0, last, batch);
    exact.storage = r->precision == RESHIFT_PRECISION_BF16 ? BF16_ROUNDOFF : 0;
    exact.source_share = (double)r->source_share;
    reference_forward(&exact, 0, input, r->c->batch, r->c->shape.h, r->c->shape.w);
    if (plan_create(n, &options, &p, &error) != RESHIFT_OK) {
        print_error("'%s' (%s), %s: %s\n", r->c->shape.name, setting_names[r->how], r->device, error.message);
        n_failed++;
        reference_destroy(&exact);
        network_destroy(&before);
        network_destroy(&n);
        free(input);
        return;
    }
    assert_int_equal(plan_precision(p), r->precision);
    plan_write_rows(p, input, r->c->batch);
    check_ok(plan_forward(p, &error));
    check_result(r, output_of(p), &exact.result[last]);
    check_statistics(r, before, n, &exact);
    if (r->training) {
        check_training(r, p, &exact, train);
    }
    plan_destroy(&p);
    reference_destroy(&exact);
    network_destroy(&before);
    network_destroy(&n);
    free(input);
}

/* ---- the table ---- */

/* In all settings and batch-norm modes that the operation has. */
static void check_case(const op_case *c, const char *device, reshift_precision precision)
{
    const graph_op op = c->shape.op;
    for (int how = 0; how < SETTINGS; how++) {
        if (op != GRAPH_CONV && how == FUSED) {
            continue;
        }
        for (int training = 0; training < 2; training++) {
            bool trains = op == GRAPH_CONV || op == GRAPH_BATCHNORM || op == GRAPH_LINEAR || how != DIRECT;
            run r = {c, (setting)how, device, precision, training, false, 0, false};
            if (training && !trains) {
                continue;
            }
            graph_extent result = engine_shape_result(&c->shape);
            bool varies = c->batch * result.h * result.w > 1;
            if (how == FUSED) { /* what the batch norm's own cases do not show */
                r.batch_statistics = training && varies;
                check_run(&r);
                continue;
            }
            check_run(&r);
            if (op == GRAPH_BATCHNORM && varies) {
                r.batch_statistics = true;
                check_run(&r);
                r.source_share = 0.25f;
                if (!training) {
                    check_run(&r);
                }
            }
        }
    }
}

static void check_table(const char *device, reshift_precision precision)
{
    for (int row = 0; engine_shape_at(row); row++) {
        op_case c = shrunk(engine_shape_at(row));
        check_case(&c, device, precision);
    }
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        check_case(&hostile[i], device, precision);
    }
}

/* Back ends without the precision are skipped; float32 is everywhere. */
static void check_back_ends(reshift_precision precision)
{
    n_values = n_failed = 0;
    for (int row = 0; backend_at(row); row++) {
        const backend *b = backend_at(row);
        if (b->devices() < 1 || b->precision(precision, true) != precision) {
            print_message("# skipped: '%s' has no %s here\n", b->name, reshift_precision_name(precision));
            continue;
        }
        check_table(b->name, precision);
    }
    assert_true(n_values > 0 || precision != RESHIFT_PRECISION_F32);
    assert_int_equal(n_failed, 0);
}

static void test_f32(void **state)
{
    (void)state;
    check_back_ends(RESHIFT_PRECISION_F32);
}

static void test_bf16(void **state)
{
    (void)state;
    check_back_ends(RESHIFT_PRECISION_BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f32),
        cmocka_unit_test(test_bf16),
    };
    return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
}
