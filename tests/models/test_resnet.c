/* The table, the graphs against torchvision's own listing, multiply-adds, and telling architectures by their tensors.
 */
#include "check.h"

#include "base/digest.h"
#include "models/drawn.h"
#include "models/model.h"
#include "models/architectures/resnet.h"
#include "reshift/machine.h"

#define LISTED 5 /* networks of golden/state-dict.txt */

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
        {"resnet18", 512, 11689512},   {"resnet34", 512, 21797672},   {"resnet50", 2048, 25557032},
        {"resnet101", 2048, 44549160}, {"resnet152", 2048, 60192808},
    };
    static const char *const blocks[] = {"conv1", "layer1", "layer2", "layer3", "layer4", "fc"};
    listed all[LISTED] = {0};
    read_listing(all);
    for (int n = 0; n < LISTED; n++) {
        reshift_model *model = NULL;
        reshift_tensors *tensors = NULL;
        check_ok(reshift_model_create(all[n].name, 1000, 0, &model, &error));
        check_ok(reshift_model_to_tensors(model, &tensors, &error));
        assert_int_equal(reshift_tensors_count(tensors), all[n].count);
        char *text = list_tensors(tensors), hex[DIGEST_HEX_BYTES];
        if (*all[n].lines) {
            assert_string_equal(text, all[n].lines);
        }
        digest_bytes(DIGEST_SHA256, text, strlen(text), hex);
        assert_string_equal(hex, all[n].digest);
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
        free(text);
        free(all[n].lines);
        reshift_tensors_destroy(&tensors);
        reshift_model_destroy(&model);
    }
}

/* The stem's pool and the global average pool belong to the first and the last convolutional block. */
static void test_blocks_hold_their_pools(void **state)
{
    (void)state;
    reshift_error error;
    const resnet_arch *arch = NULL;
    graph *g = NULL;
    check_ok(resnet_find("resnet50", &arch, &error));
    check_ok(resnet_graph(arch, 10, &g, &error));
    int first, last;
    graph_block_range(g, 0, &first, &last);
    assert_int_equal(first, 0);
    assert_int_equal(g->nodes[last].op, GRAPH_MAXPOOL);
    graph_block_range(g, 4, &first, &last);
    assert_int_equal(g->nodes[last].op, GRAPH_GLOBAL_AVGPOOL);
    /* the stride sits on the 3x3 */
    for (int n = 0; n < g->n_nodes; n++) {
        if (g->nodes[n].op == GRAPH_CONV && g->nodes[n].window.stride[0] == 2 && strcmp(g->nodes[n].name, "conv1") != 0 &&
            !strstr(g->nodes[n].name, "downsample")) {
            assert_int_equal(g->nodes[n].window.kernel[0], 3);
            assert_non_null(strstr(g->nodes[n].name, ".0.conv2"));
        }
    }
    graph_destroy(&g);
    check_ok(resnet_find("resnet-demo", &arch, &error));
    check_ok(resnet_graph(arch, 10, &g, &error));
    for (int n = 0; n < g->n_nodes; n++) {
        assert_int_not_equal(g->nodes[n].op, GRAPH_MAXPOOL);
    }
    graph_destroy(&g);
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
    for (size_t a = 0; a < sizeof drawn_archs / sizeof drawn_archs[0]; a++) {
        drawn_arch arch = drawn_archs[a];
        arch.classes = 7;
        reshift_tensors *tensors = drawn_tensors(&arch);
        const resnet_arch *found = NULL;
        int n_classes = 0;
        check_ok(resnet_detect(tensors, &found, &n_classes, &error));
        assert_string_equal(found->name, arch.name);
        assert_int_equal(n_classes, 7);
        reshift_tensors_destroy(&tensors);
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
        {{"three layers", false, {3, 3, 3, 0}, 16, 3, 10},
         "expected layer1 to layer4, found layer1 to layer3 (basic residual blocks: 3, 3, 3; channels: 16, 32, 64)"},
        {{"wide", true, {3, 4, 6, 3}, 128, 7, 10},
         "bottleneck residual blocks 3, 4, 6, 3 of 128, 256, 512, 1024 channels behind a 7x7 convolution are none of "
         "them"},
        {{"small stem", false, {2, 2, 2, 2}, 64, 3, 10}, "channels behind a 3x3 convolution are none of them"},
        {{"deeper", false, {2, 2, 2, 3}, 64, 7, 10}, "basic residual blocks 2, 2, 2, 3 of"},
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
        cmocka_unit_test(test_listing),      cmocka_unit_test(test_blocks_hold_their_pools),
        cmocka_unit_test(test_unknown_arch), cmocka_unit_test(test_detection),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("resnet", tests, NULL, NULL);
}
