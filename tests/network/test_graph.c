/* The graph and its values: names, shapes, places in the block, blocks, copies. */
#include "check.h"

#include "network/network.h"

/* stem -> residual block -> pool -> fc, as small as a ResNet can be. */
static graph *small_graph(void)
{
    reshift_error error;
    graph *g = graph_create();
    assert_non_null(g);
    check_ok(graph_begin_block(g, "conv1", &error));
    int x = graph_add_input(g, 3);
    x = graph_add_conv(g, "conv1", x, 5, graph_square(7, 2, 3));
    x = graph_add_batchnorm(g, "bn1", x);
    x = graph_add_relu(g, "relu", x);
    x = graph_add_maxpool(g, "maxpool", x, graph_square(3, 2, 1));
    check_ok(graph_begin_block(g, "layer1", &error));
    int y = graph_add_conv(g, "layer1.0.conv1", x, 5, graph_square(3, 1, 1));
    y = graph_add_batchnorm(g, "layer1.0.bn1", y);
    y = graph_add_add(g, "layer1.0.add", y, x);
    y = graph_add_relu(g, "layer1.0.relu", y);
    y = graph_add_global_avgpool(g, "avgpool", y);
    check_ok(graph_begin_block(g, "fc", &error));
    y = graph_add_linear(g, "fc", y, 10);
    assert_int_equal(y, g->n_nodes - 1);
    return g;
}

static void test_names_and_shapes(void **state)
{
    (void)state;
    graph *g = small_graph();
    static const struct {
        const char *name;
        graph_role role;
        int n_dims;
        int64_t shape[4];
    } expected[] = {
        {"conv1.weight", GRAPH_WEIGHT, 4, {5, 3, 7, 7}},
        {"bn1.weight", GRAPH_GAMMA, 1, {5}},
        {"bn1.bias", GRAPH_BETA, 1, {5}},
        {"bn1.running_mean", GRAPH_RUNNING_MEAN, 1, {5}},
        {"bn1.running_var", GRAPH_RUNNING_VAR, 1, {5}},
        {"layer1.0.conv1.weight", GRAPH_WEIGHT, 4, {5, 5, 3, 3}},
        {"layer1.0.bn1.weight", GRAPH_GAMMA, 1, {5}},
        {"layer1.0.bn1.bias", GRAPH_BETA, 1, {5}},
        {"layer1.0.bn1.running_mean", GRAPH_RUNNING_MEAN, 1, {5}},
        {"layer1.0.bn1.running_var", GRAPH_RUNNING_VAR, 1, {5}},
        {"fc.weight", GRAPH_WEIGHT, 2, {10, 5}},
        {"fc.bias", GRAPH_BIAS, 1, {10}},
    };
    assert_int_equal(g->n_parameters, sizeof expected / sizeof *expected);
    size_t end = 0;
    for (int p = 0; p < g->n_parameters; p++) {
        const graph_parameter *parameter = &g->parameters[p];
        assert_string_equal(parameter->name, expected[p].name);
        assert_int_equal(parameter->role, expected[p].role);
        assert_int_equal(parameter->n_dims, expected[p].n_dims);
        size_t count = 1;
        for (int d = 0; d < parameter->n_dims; d++) {
            assert_int_equal(parameter->shape[d], expected[p].shape[d]);
            count *= (size_t)parameter->shape[d];
        }
        assert_int_equal(parameter->count, count);
        assert_int_equal(parameter->offset % 16, 0);
        assert_true(parameter->offset >= end);
        end = parameter->offset + count;
        assert_int_equal(graph_find_parameter(g, parameter->name), p);
        assert_int_equal(parameter->block, g->nodes[parameter->node].block);
    }
    assert_true(g->n_floats >= end);
    assert_int_equal(graph_find_parameter(g, "fc"), -1);
    graph_destroy(&g);
    assert_null(g);
    graph_destroy(&g);
}

static void test_blocks(void **state)
{
    (void)state;
    reshift_error error;
    graph *g = small_graph();
    int first, last;
    graph_block_range(g, graph_find_block(g, "conv1"), &first, &last);
    assert_int_equal(first, 0);
    assert_int_equal(last, 4);
    graph_block_range(g, graph_find_block(g, "layer1"), &first, &last);
    assert_int_equal(first, 5);
    assert_int_equal(last, 9);
    assert_int_equal(graph_find_block(g, "layer2"), -1);
    check_error(graph_begin_block(g, "fc", &error), RESHIFT_ERROR_ARGUMENT, "a block 'fc' already");
    graph_destroy(&g);
}

/* A failed addition is carried through, and a product that cannot be addressed leaves nothing behind. */
static void test_failures_are_carried(void **state)
{
    (void)state;
    graph *g = small_graph();
    int n_nodes = g->n_nodes, n_parameters = g->n_parameters;
    size_t n_floats = g->n_floats;
    int huge = 2000000000;
    assert_int_equal(graph_add_relu(g, "r", graph_add_conv(g, "c", 4, huge, graph_square(huge, 1, 0))), -1);
    assert_int_equal(graph_add_add(g, "a", 4, -1), -1);
    assert_int_equal(g->n_nodes, n_nodes);
    assert_int_equal(g->n_parameters, n_parameters);
    assert_int_equal(g->n_floats, n_floats);
    graph_destroy(&g);
}

static void test_many_nodes(void **state)
{
    (void)state;
    graph *g = graph_create();
    int x = graph_add_input(g, 4);
    char name[GRAPH_NAME_BYTES];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "bn%d", i);
        x = graph_add_batchnorm(g, name, x);
    }
    graph *copy = graph_clone(g);
    graph_destroy(&g);
    for (int i = 300; i < 600; i++) {
        snprintf(name, sizeof name, "bn%d", i);
        x = graph_add_batchnorm(copy, name, x);
    }
    assert_int_equal(copy->n_nodes, 601);
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "bn%d.running_var", i);
        assert_int_equal(graph_find_parameter(copy, name), 4 * i + 3);
        assert_int_equal(copy->nodes[i + 1].parameter, 4 * i);
        assert_int_equal(copy->parameters[4 * i].offset, (size_t)64 * i);
    }
    graph_destroy(&copy);
}

static void test_values(void **state)
{
    (void)state;
    network *n = network_create(small_graph());
    assert_non_null(n);
    int p = graph_find_parameter(n->graph, "fc.bias");
    assert_int_equal(n->version[p], 1);
    assert_int_equal((uintptr_t)n->values % 64, 0);
    network_parameter(n, p)[9] = 3.5f;
    network_touch(n, p);
    assert_int_equal(n->version[p], 2);
    assert_int_equal(n->version[p - 1], 1);
    n->batches_tracked[2] = 7;
    network *copy = network_clone(n);
    network_parameter(n, p)[9] = 1.0f;
    network_destroy(&n);
    assert_null(n);
    network_destroy(&n);
    assert_true(network_parameter(copy, p)[9] == 3.5f);
    assert_true(network_parameter(copy, p)[8] == 0.0f);
    assert_int_equal(copy->batches_tracked[2], 7);
    network_destroy(&copy);
    assert_null(network_create(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_shapes),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_failures_are_carried),
        cmocka_unit_test(test_many_nodes),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
