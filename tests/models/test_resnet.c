/* The table, the graphs against torchvision's own listing, multiply-adds, and telling architectures by their tensors.
 */
#include "check.h"

#include "base/digest.h"
#include "models/drawn.h"
#include "models/model.h"
#include "models/architectures/architecture.h"
#include "models/weights/weights.h"
#include "network/ops.h"
#include "reshift/machine.h"

#define LISTED 10 /* networks of golden/state-dict.txt */

/* The lines of golden/state-dict.txt that begin with '#', and the listings of resnet18 and resnet50 behind theirs. */
typedef struct listed {
    char name[32], digest[DIGEST_HEX_BYTES], *lines;
    long count;
    double multiply_adds;
} listed;

static void read_listing(listed all[LISTED])
{
    FILE *file = fopen(TEST_SOURCE_ROOT "/tests/models/golden/state-dict.txt", "r");
    assert_non_null(file);
    char line[256];
    int n = -1;
    while (fgets(line, sizeof line, file)) {
        if (*line == '#') {
            n++;
            assert_true(n < LISTED);
            assert_int_equal(
                sscanf(line, "# %31s %ld %64s %lf", all[n].name, &all[n].count, all[n].digest, &all[n].multiply_adds),
                4);
            all[n].lines = calloc(1, 64 * 1024);
            assert_non_null(all[n].lines);
        } else {
            strcat(all[n].lines, line);
        }
    }
    fclose(file);
    assert_int_equal(n, LISTED - 1);
}

/* What we write, in the same words. */
static char *list_tensors(const reshift_tensors *tensors)
{
    size_t size = 64 * 1024 * 2, length = 0;
    char *text = calloc(1, size);
    assert_non_null(text);
    for (int64_t t = 0; t < reshift_tensors_count(tensors); t++) {
        const reshift_array *array = reshift_tensors_at(tensors, t);
        length += (size_t)snprintf(text + length, size - length, "%s [", reshift_tensors_name(tensors, t));
        for (int d = 0; d < array->n_dims; d++) {
            length +=
                (size_t)snprintf(text + length, size - length, "%s%lld", d ? "," : "", (long long)array->shape[d]);
        }
        length += (size_t)snprintf(text + length, size - length, "] %s\n", reshift_dtype_name(array->dtype));
        assert_true(length < size);
    }
    return text;
}

/* Of a graph alone, at 224x224. */
static double multiply_adds(const architecture *arch)
{
    reshift_error error;
    graph *g;
    double total = 0;
    check_ok(architecture_graph(arch, 1000, &g, &error));
    graph_extent *extents = calloc((size_t)g->n_nodes, sizeof *extents);
    assert_non_null(extents);
    extents[0] = (graph_extent){224, 224};
    check_ok(graph_extents(g, 0, g->n_nodes - 1, extents, &error));
    for (int n = 1; n < g->n_nodes; n++) {
        const operation *row = op_of(g->nodes[n].op);
        total += row->multiply_adds ? row->multiply_adds(&g->nodes[n], extents[g->nodes[n].inputs[0]], extents[n]) : 0;
    }
    free(extents);
    graph_destroy(&g);
    return total;
}

/* Names, shapes, dtypes and order of what we write are those of torchvision's state_dict(), parameters as published. */
static void test_listing(void **state)
{
    (void)state;
    reshift_error error;
    static const struct {
        const char *name;
        int features;
        int64_t parameters;
    } facts[LISTED] = {
        {"resnet18", 512, 11689512},          {"resnet34", 512, 21797672},
        {"resnet50", 2048, 25557032},         {"resnet101", 2048, 44549160},
        {"resnet152", 2048, 60192808},        {"resnext50_32x4d", 2048, 25028904},
        {"resnext101_32x8d", 2048, 88791336}, {"resnext101_64x4d", 2048, 83455272},
        {"wide_resnet50_2", 2048, 68883240},  {"wide_resnet101_2", 2048, 126886696},
    };
    static const char *const blocks[] = {"conv1", "layer1", "layer2", "layer3", "layer4", "fc"};
    listed all[LISTED] = {0};
    read_listing(all);
    for (int n = 0; n < LISTED; n++) {
        const architecture *arch;
        graph *g;
        reshift_tensors *tensors = reshift_tensors_create();
        assert_non_null(tensors);
        check_ok(architecture_find(all[n].name, &arch, &error));
        check_ok(architecture_graph(arch, 1000, &g, &error));
        network *net = network_create(g); /* values as they come: names and shapes are compared */
        assert_non_null(net);
        check_ok(weights_to_tensors(net, true, tensors, &error));
        assert_int_equal(reshift_tensors_count(tensors), all[n].count);
        char *text = list_tensors(tensors), hex[DIGEST_HEX_BYTES];
        if (*all[n].lines) {
            assert_string_equal(text, all[n].lines);
        }
        digest_bytes(DIGEST_SHA256, text, strlen(text), hex);
        assert_string_equal(hex, all[n].digest);
        int64_t parameters = 0;
        for (int p = 0; p < g->n_parameters; p++) {
            const graph_role role = g->parameters[p].role;
            parameters += role == GRAPH_RUNNING_MEAN || role == GRAPH_RUNNING_VAR ? 0 : (int64_t)g->parameters[p].count;
        }
        assert_string_equal(arch->name, facts[n].name);
        assert_int_equal(architecture_n_features(arch), facts[n].features);
        assert_int_equal(parameters, facts[n].parameters);
        assert_int_equal(g->n_blocks, 6);
        for (int b = 0; b < 6; b++) {
            assert_string_equal(g->blocks[b], blocks[b]);
        }
        free(text);
        reshift_tensors_destroy(&tensors);
        network_destroy(&net);
    }
    for (int n = 0; n < LISTED; n++) { /* resnet18: what a model answers; multiply-adds of all */
        reshift_model *model = NULL;
        const architecture *arch;
        check_ok(architecture_find(all[n].name, &arch, &error));
        assert_true(multiply_adds(arch) == all[n].multiply_adds);
        free(all[n].lines);
        if (n > 0) {
            continue;
        }
        check_ok(reshift_model_create(all[n].name, 1000, 0, &model, &error));
        assert_true(reshift_model_multiply_adds(model, 224) == all[n].multiply_adds);
        assert_string_equal(reshift_model_arch(model), facts[n].name);
        assert_int_equal(reshift_model_n_features(model), facts[n].features);
        assert_int_equal(reshift_model_n_parameters(model), facts[n].parameters);
        assert_int_equal(reshift_model_n_classes(model), 1000);
        for (int b = 0; b < 6; b++) {
            assert_string_equal(reshift_model_block(model, b), blocks[b]);
        }
        assert_null(reshift_model_block(model, 6));
        assert_null(reshift_model_block(model, -1));
        assert_string_equal(reshift_model_default_block(model, 0), "layer4");
        assert_string_equal(reshift_model_default_block(model, 1), "fc");
        assert_null(reshift_model_default_block(model, 2));
        reshift_model_destroy(&model);
    }
}

/* The stem's pool and the global average pool belong to the first and the last convolutional block. */
static void test_blocks_hold_their_pools(void **state)
{
    (void)state;
    reshift_error error;
    const architecture *arch = NULL;
    graph *g = NULL;
    check_ok(architecture_find("resnet50", &arch, &error));
    check_ok(architecture_graph(arch, 10, &g, &error));
    int first, last;
    graph_block_range(g, 0, &first, &last);
    assert_int_equal(first, 0);
    assert_int_equal(g->nodes[last].op, GRAPH_MAXPOOL);
    graph_block_range(g, 4, &first, &last);
    assert_int_equal(g->nodes[last].op, GRAPH_GLOBAL_AVGPOOL);
    /* the stride sits on the 3x3 */
    for (int n = 0; n < g->n_nodes; n++) {
        if (g->nodes[n].op == GRAPH_CONV && g->nodes[n].window.stride[0] == 2 &&
            strcmp(g->nodes[n].name, "conv1") != 0 && !strstr(g->nodes[n].name, "downsample")) {
            assert_int_equal(g->nodes[n].window.kernel[0], 3);
            assert_non_null(strstr(g->nodes[n].name, ".0.conv2"));
        }
    }
    graph_destroy(&g);
    check_ok(architecture_find("resnet-demo", &arch, &error));
    check_ok(architecture_graph(arch, 10, &g, &error));
    for (int n = 0; n < g->n_nodes; n++) {
        assert_int_not_equal(g->nodes[n].op, GRAPH_MAXPOOL);
    }
    graph_destroy(&g);
}

/* What a row tells without a network is what its graph says. */
static void test_rows(void **state)
{
    (void)state;
    reshift_error error;
    const architecture *arch;
    reshift_architecture row;
    int n = 0;
    for (; (arch = architecture_at(n)) != NULL; n++) {
        graph *g = NULL;
        assert_true(reshift_architecture_at(n, &row));
        assert_string_equal(row.name, arch->name);
        check_ok(architecture_graph(arch, 7, &g, &error));
        for (int b = 0; b <= g->n_blocks; b++) {
            if (b == g->n_blocks) {
                assert_null(row.blocks[b]);
            } else {
                assert_string_equal(row.blocks[b], g->blocks[b]);
            }
        }
        assert_string_equal(row.last_stage, g->blocks[g->nodes[g->features].block]);
        assert_string_equal(row.head, g->blocks[graph_head_block(g)]);
        assert_string_equal(arch->family->head, g->nodes[g->head].name);
        assert_int_equal(architecture_n_features(arch), g->nodes[g->features].channels_out);
        for (int p = 0; p < g->n_parameters; p++) { /* the trunk is everything with parameters but the head */
            assert_true(architecture_is_trunk(arch->family, g->parameters[p].name) ==
                        (g->parameters[p].node != g->head));
        }
        assert_true(graph_find_parameter(g, arch->family->first_tensor) >= 0);
        for (int v = 0; v < ARCHITECTURE_VERSIONS; v++) { /* eight hex digits of the sha256 in every name */
            for (int f = 0; arch->published[v].accuracy && f < 2 && arch->published[v].files[f]; f++) {
                const char *dash = strrchr(arch->published[v].files[f], '-');
                assert_non_null(dash);
                assert_int_equal(strspn(dash + 1, "0123456789abcdef"), 8);
                assert_string_equal(dash + 9, ".pth");
            }
        }
        graph_destroy(&g);
    }
    assert_int_equal(n, 11);
    assert_false(reshift_architecture_at(n, &row));
    assert_false(reshift_architecture_at(-1, &row));
}

/* A tensor of a wrong shape is found and named as such; it does not turn the network into another one. */
static void test_one_wrong_tensor(void **state)
{
    (void)state;
    reshift_error error;
    const char *const names[] = {"layer1.0.conv2.weight", "layer2.0.conv3.weight", "layer3.0.bn3.weight",
                                 "layer4.2.conv2.weight"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        reshift_tensors *whole = drawn_tensors(drawn_find("resnext50_32x4d")), *tensors = reshift_tensors_create();
        reshift_array wrong;
        check_ok(reshift_array_create(RESHIFT_F32, 4, (int64_t[]){128, 128, 3, 3}, &wrong, &error));
        for (int64_t t = 0; t < reshift_tensors_count(whole); t++) {
            const reshift_array *from = reshift_tensors_at(whole, t);
            const bool changed = strcmp(reshift_tensors_name(whole, t), names[i]) == 0;
            reshift_array copy;
            check_ok(reshift_array_create(from->dtype, from->n_dims, from->shape, &copy, &error));
            memcpy(copy.data, from->data, reshift_array_bytes(from));
            check_ok(reshift_tensors_add(tensors, reshift_tensors_name(whole, t), changed ? &wrong : &copy, &error));
            reshift_array_destroy(&copy);
        }
        reshift_model *model = NULL;
        check_error(reshift_model_from_tensors(tensors, &model, &error), RESHIFT_ERROR_SHAPE, names[i]);
        reshift_array_destroy(&wrong);
        reshift_tensors_destroy(&whole);
        reshift_tensors_destroy(&tensors);
    }
}

static void test_unknown_arch(void **state)
{
    (void)state;
    reshift_error error;
    reshift_model *model = NULL;
    check_error(reshift_model_create("resnet42", 10, 0, &model, &error), RESHIFT_ERROR_ARGUMENT,
                "unknown architecture 'resnet42'");
    assert_non_null(strstr(error.hint, "resnet152"));
    assert_null(model);
    check_error(reshift_model_create("resnet18", 0, 0, &model, &error), RESHIFT_ERROR_ARGUMENT,
                "at least 1 class, found 0");
}

static void test_detection(void **state)
{
    (void)state;
    reshift_error error;
    const architecture *arch;
    for (int a = 0; (arch = architecture_at(a)) != NULL; a++) {
        graph *g;
        reshift_tensors *tensors = reshift_tensors_create();
        const architecture *found = NULL;
        int n_classes = 0;
        check_ok(architecture_graph(arch, 7, &g, &error));
        network *net = network_create(g);
        assert_true(net && tensors);
        check_ok(weights_to_tensors(net, true, tensors, &error));
        check_ok(architecture_detect(tensors, &found, &n_classes, &error));
        assert_ptr_equal(found, arch);
        assert_int_equal(n_classes, 7);
        reshift_tensors_destroy(&tensors);
        network_destroy(&net);
    }
}

/* Well-formed networks of the same names that are none of ours: the message says what they look like. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        drawn_arch arch;
        const char *words;
    } cases[] = {
        {{"three layers", false, {3, 3, 3, 0}, 16, 3, 10, 1, 64},
         "expected layer1 to layer4, found layer1 to layer3 (basic residual blocks: 3, 3, 3; channels: 16, 32, 64)"},
        {{"wide", true, {3, 4, 6, 3}, 128, 7, 10, 1, 64},
         "bottleneck residual blocks 3, 4, 6, 3 of 128, 256, 512, 1024 channels behind a 7x7 convolution are none of "
         "them"},
        {{"other groups", true, {3, 4, 6, 3}, 64, 7, 10, 16, 8},
         "of 128, 256, 512, 1024 channels in 16 groups behind a 7x7 convolution are none of them"},
        {{"small stem", false, {2, 2, 2, 2}, 64, 3, 10, 1, 64}, "channels behind a 3x3 convolution are none of them"},
        {{"deeper", false, {2, 2, 2, 3}, 64, 7, 10, 1, 64}, "basic residual blocks 2, 2, 2, 3 of"},
    };
    reshift_error error;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        reshift_tensors *tensors = drawn_tensors(&cases[c].arch);
        reshift_model *model = NULL;
        check_error(reshift_model_from_tensors(tensors, &model, &error), RESHIFT_ERROR_UNSUPPORTED, cases[c].words);
        assert_non_null(strstr(error.message, "not a residual network of torchvision's family"));
        assert_null(model);
        reshift_tensors_destroy(&tensors);
    }
    reshift_tensors *empty = reshift_tensors_create();
    reshift_model *model = NULL;
    check_error(reshift_model_from_tensors(empty, &model, &error), RESHIFT_ERROR_UNSUPPORTED,
                "there is no tensor in it");
    drawn_conv(empty, "features.0", 64, 3, 11);
    check_error(reshift_model_from_tensors(empty, &model, &error), RESHIFT_ERROR_UNSUPPORTED,
                "no tensor 'layer1.0.conv1.weight', the first one is called 'features.0.weight'");
    reshift_tensors_destroy(&empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing),          cmocka_unit_test(test_blocks_hold_their_pools),
        cmocka_unit_test(test_unknown_arch),     cmocka_unit_test(test_detection),
        cmocka_unit_test(test_refusals),         cmocka_unit_test(test_rows),
        cmocka_unit_test(test_one_wrong_tensor),
    };
    return cmocka_run_group_tests_name("resnet", tests, NULL, NULL);
}
